//! `Data`: base64 into the caller's scratch.

use super::base64::{Base64, End, Stop};
use crate::ews::hooks::Hooks;
#[cfg(target_pointer_width = "64")]
use crate::ews::hooks::{message_tags, MessageTags};
use crate::ews::operation::operation;
use crate::ews::progress::Progress;
use crate::ews::response::Node;
use crate::ews::{IntegrityPolicy, ItemError, OperationName};
use crate::payload::{PayloadCheck, Verdict};
use crate::xml::hash::LocalHash;

/// The operation `ExportItems`, which a [`Decoder`](crate::Decoder) reads the response of by default.
#[derive(Clone, Debug)]
pub struct ExportItemsOperation {
    /// `Data`, while it arrives.
    data: Base64,
    /// What checks the decoded data.
    check: PayloadCheck,
}

operation!(ExportItemsOperation);

impl Hooks for ExportItemsOperation {
    const NAME: OperationName = OperationName::ExportItems;
    const RESPONSE: LocalHash = LocalHash::of(b"ExportItemsResponse");
    const MESSAGE: LocalHash = LocalHash::of(b"ExportItemsResponseMessage");
    #[cfg(target_pointer_width = "64")]
    const TAGS: MessageTags = message_tags!("ExportItemsResponseMessage");
    // `ExportItemsResponseMessageType`, Messages.xsd.
    const ELEMENTS: [(LocalHash, Node); 2] = [
        (LocalHash::of(b"ItemId"), Node::ItemId),
        (LocalHash::of(b"Data"), Node::Data),
    ];
    const NEEDS_DATA: bool = true;
    const NEW: Self = Self {
        data: Base64::new(),
        check: PayloadCheck::new(),
    };

    #[inline]
    fn takes_data(&self) -> bool {
        !self.data.is_broken()
    }

    #[inline]
    fn open_data(&mut self) {
        self.check.reset();
        self.data = Base64::new();
    }

    /// Decodes base64 from the front of the input. What is not base64 is left to the lexer.
    ///
    /// The data of an item that has failed is decoded as well: a truncation marker in it is graver than the error of the
    /// item.
    #[allow(clippy::inline_always)] // with its one caller, `Reader::advance`
    #[inline(always)]
    fn data(&mut self, progress: &mut Progress, input: &mut &[u8], scratch: &mut [u8]) -> usize {
        let ahead = input.len();
        let (written, _) = self.data.decode(input, scratch);
        progress.offset.0 =
            (progress.offset.0).wrapping_add(ahead.wrapping_sub(input.len()) as u64);
        if written == 0 && (input.first()).is_some_and(|&byte| !progress.lexer.is_markup(byte)) {
            self.break_data(progress, &[], progress.offset.0);
        }
        written
    }

    #[inline]
    fn data_char(
        &mut self,
        progress: &mut Progress,
        bytes: &[u8],
        offset: u64,
        scratch: &mut [u8],
    ) -> usize {
        let (written, stop) = self.data.decode(&mut &*bytes, scratch);
        if stop == Stop::Byte {
            self.break_data(progress, bytes, offset);
        }
        written
    }

    #[inline]
    fn skip_data(&mut self, bytes: &[u8]) {
        self.data.search(bytes);
    }

    /// Ends `Data`: decodes the last bytes, or notes what is wrong with them.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    fn close_data(&mut self, progress: &mut Progress, scratch: &mut [u8]) -> usize {
        let error = match self.data.finish() {
            End::Clean { bytes, len } => {
                for (to, from) in scratch.iter_mut().zip(bytes) {
                    *to = from;
                }
                return usize::from(len);
            }
            End::Truncated => ItemError::Truncated,
            End::Invalid => ItemError::Base64,
        };
        progress.fail_at_markup(error);
        0
    }

    #[inline]
    fn check(&mut self, bytes: &[u8]) {
        self.check.update(bytes);
    }

    #[inline]
    fn is_truncated(&self) -> bool {
        self.data.is_truncated()
    }

    #[inline]
    fn verdict(&self, required: IntegrityPolicy) -> Option<Verdict> {
        (required != IntegrityPolicy::Off).then(|| self.check.verdict())
    }
}

impl ExportItemsOperation {
    /// Something in `Data` is not base64.
    fn break_data(&mut self, progress: &mut Progress, bytes: &[u8], offset: u64) {
        progress.fail(ItemError::Base64, offset);
        self.data.search(bytes);
    }
}
