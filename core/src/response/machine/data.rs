//! `Data`: base64 into the caller's scratch.

use super::{Machine, Queue, Ready, Step};
use crate::response::base64::{End, Stop};
use crate::response::options::Integrity;
use crate::response::outcome::ItemError;
use crate::response::soap::Node;

/// What became of the data ahead.
pub(super) enum Data {
    /// So many bytes lie in the scratch, to be told.
    Bytes(usize),
    /// It was decoded, and nobody wants it.
    Unwanted,
    /// The input is used up.
    Starved,
    /// It is none: the lexer's.
    Other,
}

impl Machine {
    /// Whether base64 may lie ahead.
    pub(super) fn is_in_data(&self) -> bool {
        self.path.node() == Node::Data
            && self.queue == Queue::Nothing
            && self.lexer.in_text()
            && !self.base64.is_broken()
    }

    /// Decodes what lies ahead.
    ///
    /// Data that nobody wants any more is decoded all the same: the truncation marker in it is graver than
    /// what the item has failed for.
    #[inline]
    pub(super) fn data(&mut self, input: &mut &[u8], scratch: &mut [u8]) -> Data {
        let ahead = input.len();
        let (written, stop) = self.base64.decode(input, scratch);
        self.offset = (self.offset).wrapping_add((ahead - input.len()) as u64);
        if written > 0 {
            return match self.hand_out(written, scratch) {
                0 => Data::Unwanted,
                len => Data::Bytes(len),
            };
        }
        if stop == Stop::Input {
            return Data::Starved;
        }
        if input
            .first()
            .is_some_and(|&byte| !self.lexer.is_markup(byte))
        {
            self.break_data(&[], self.offset);
        }
        Data::Other
    }

    /// Something in `Data` is not base64.
    pub(super) fn break_data(&mut self, bytes: &[u8], offset: u64) {
        self.fail(ItemError::Base64, offset);
        self.base64.search(bytes);
    }

    /// The end of `Data`: the last bytes, or what is wrong with them.
    pub(super) fn end_data(&mut self, scratch: &mut [u8]) -> Step {
        match self.base64.finish() {
            End::Clean { bytes, len } => {
                for (to, from) in scratch.iter_mut().zip(bytes) {
                    *to = from;
                }
                return match self.hand_out(usize::from(len), scratch) {
                    0 => Step::On,
                    len => Step::Ready(Ready::Data(len)),
                };
            }
            End::Truncated => self.fail(ItemError::Truncated, self.lexer.markup_offset()),
            End::Invalid => self.fail(ItemError::Base64, self.lexer.markup_offset()),
        }
        Step::On
    }

    /// Hands out the first `len` bytes of the scratch as far as the limits allow, and says how many that is.
    pub(super) fn hand_out(&mut self, len: usize, scratch: &[u8]) -> usize {
        let Some(item) = self.item.as_mut().filter(|_| len > 0) else {
            return 0;
        };
        item.see_data();
        if !item.wants_data() {
            return 0;
        }
        let of_item = self.options.max_item_bytes.saturating_sub(item.bytes());
        let of_total = (self.options.max_total_bytes).saturating_sub(self.total_bytes);
        let room = usize::try_from(of_item.min(of_total)).unwrap_or(usize::MAX);
        let allowed = len.min(room);
        if allowed < len {
            item.fail(ItemError::TooLarge, self.item_offset);
        }
        item.add_bytes(allowed);
        if self.options.integrity != Integrity::Off {
            self.payload
                .update(scratch.get(..allowed).unwrap_or_default());
        }
        self.total_bytes = self.total_bytes.saturating_add(allowed as u64);
        allowed
    }
}
