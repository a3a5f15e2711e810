//! `Data`: base64 into the caller's scratch.

use super::base64::{Base64, End, Stop};
use crate::ews::operation::Hooks;
use crate::ews::reader::{Reader, Ready};
use crate::ews::response::Node;
use crate::ews::{Error, Event, IntegrityPolicy, ItemError, Operation, Summary};
use crate::payload::{PayloadCheck, Verdict};
use crate::xml::hash::LocalHash;

/// The operation `ExportItems`, which a [`Decoder`](crate::Decoder) reads the response of by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportItemsOperation;

impl Operation for ExportItemsOperation {}

impl Hooks for ExportItemsOperation {
    const RESPONSE: LocalHash = LocalHash::of(b"ExportItemsResponse");
    const MESSAGE: LocalHash = LocalHash::of(b"ExportItemsResponseMessage");
    // `ExportItemsResponseMessageType`, Messages.xsd.
    const ELEMENTS: [(LocalHash, Node); 2] = [
        (LocalHash::of(b"ItemId"), Node::ItemId),
        (LocalHash::of(b"Data"), Node::Data),
    ];
    const NEEDS_DATA: bool = true;

    type Data = Base64;
    const DATA: Base64 = Base64::new();
    type Check = PayloadCheck;
    const CHECK: PayloadCheck = PayloadCheck::new();

    fn next_event<'s>(
        reader: &mut Reader<Self>,
        input: &mut &[u8],
        mode: u8,
        scratch: &'s mut [u8],
    ) -> Result<Option<Event<'s>>, Error> {
        reader.next_event(input, mode, scratch)
    }

    fn summary(reader: &Reader<Self>) -> Summary {
        reader.summary()
    }

    #[inline]
    fn takes_data(data: &Base64) -> bool {
        !data.is_broken()
    }

    #[inline]
    fn open_data(reader: &mut Reader<Self>) {
        reader.data = Base64::new();
        reader.check.reset();
    }

    #[inline]
    fn data(reader: &mut Reader<Self>, input: &mut &[u8], scratch: &mut [u8]) -> Ready {
        reader.decode_data(input, scratch)
    }

    #[inline]
    fn data_char(
        reader: &mut Reader<Self>,
        bytes: &[u8],
        offset: u64,
        scratch: &mut [u8],
    ) -> Ready {
        let (written, stop) = reader.data.decode(&mut &*bytes, scratch);
        if stop == Stop::Byte {
            reader.break_data(bytes, offset);
        }
        reader.hand_out(written, scratch)
    }

    #[inline]
    fn skip_data(data: &mut Base64, bytes: &[u8]) {
        data.search(bytes);
    }

    #[inline]
    fn close_data(reader: &mut Reader<Self>, scratch: &mut [u8]) -> Ready {
        reader.end_data(scratch)
    }

    #[inline]
    fn is_truncated(data: &Base64) -> bool {
        data.is_truncated()
    }

    #[inline]
    fn verdict(check: &PayloadCheck, required: IntegrityPolicy) -> Option<Verdict> {
        (required != IntegrityPolicy::Off).then(|| check.verdict())
    }
}

impl Reader<ExportItemsOperation> {
    /// Decodes base64 from the front of the input. What is not base64 is left to the lexer.
    ///
    /// The data of an item that has failed is decoded as well: a truncation marker in it is graver than the error of the
    /// item.
    #[inline]
    fn decode_data(&mut self, input: &mut &[u8], scratch: &mut [u8]) -> Ready {
        let ahead = input.len();
        let (written, _) = self.data.decode(input, scratch);
        self.offset.0 = (self.offset.0).wrapping_add(ahead.wrapping_sub(input.len()) as u64);
        if written == 0 && (input.first()).is_some_and(|&byte| !self.lexer.is_markup(byte)) {
            self.break_data(&[], self.offset.0);
        }
        self.hand_out(written, scratch)
    }

    /// Something in `Data` is not base64.
    fn break_data(&mut self, bytes: &[u8], offset: u64) {
        self.fail(ItemError::Base64, offset);
        self.data.search(bytes);
    }

    /// Ends `Data`: hands out the last bytes, or notes what is wrong with them.
    fn end_data(&mut self, scratch: &mut [u8]) -> Ready {
        let error = match self.data.finish() {
            End::Clean { bytes, len } => {
                for (to, from) in scratch.iter_mut().zip(bytes) {
                    *to = from;
                }
                return self.hand_out(usize::from(len), scratch);
            }
            End::Truncated => ItemError::Truncated,
            End::Invalid => ItemError::Base64,
        };
        self.fail(error, self.lexer.markup_offset());
        Ready::Nothing
    }

    /// Hands out the first `len` bytes of the scratch as far as the limits allow.
    fn hand_out(&mut self, len: usize, scratch: &[u8]) -> Ready {
        let Some(item) = self.item.as_mut().filter(|_| len > 0) else {
            return Ready::Nothing;
        };
        item.see_data();
        if item.is_spoiled() {
            return Ready::Nothing;
        }
        let room = (self.limit.item_bytes())
            .wrapping_sub(item.bytes())
            .min(self.room.left());
        let allowed = usize::try_from(room).map_or(len, |room| room.min(len));
        if allowed < len {
            item.fail(ItemError::TooLarge, self.place.data_start());
        }
        // Data of a rejected item counts as well: how much of it was handed out depends on the split of the input, and the
        // room for later items must not.
        item.count(allowed);
        self.room.use_up(allowed);
        if allowed == 0 || item.is_rejected() {
            return Ready::Nothing;
        }
        if self.integrity != IntegrityPolicy::Off {
            self.check
                .update(scratch.get(..allowed).unwrap_or_default());
        }
        Ready::Data(allowed)
    }
}
