//! `Data`: base64 into the caller's scratch.

use super::{Machine, Ready, Step};
use crate::response::base64::{End, Stop};
use crate::response::cursor::Cursor;
use crate::response::options::Integrity;
use crate::response::outcome::ItemError;

impl Machine {
    /// Decodes what lies ahead. `None`: it is for the lexer.
    ///
    /// Data that nobody wants any more is decoded all the same: the truncation marker in it is graver than
    /// what the item has failed for.
    pub(super) fn data(&mut self, input: &mut Cursor<'_>, scratch: &mut [u8]) -> Option<Step> {
        let progress = self.base64.decode(input.rest(), scratch);
        input.bump(progress.consumed);
        if progress.written > 0 {
            return Some(self.hand_out(progress.written, scratch));
        }
        match (progress.stop, input.peek()) {
            (Stop::Byte, Some(byte)) if !self.lexer.is_markup(byte) => {
                self.break_data(&[], input.offset());
                None
            }
            (Stop::Byte | Stop::Output, _) => None,
            (Stop::Input, _) => Some(Step::Starved),
        }
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
                return self.hand_out(usize::from(len), scratch);
            }
            End::Truncated => self.fail(ItemError::Truncated, self.lexer.markup_offset()),
            End::Invalid => self.fail(ItemError::Base64, self.lexer.markup_offset()),
        }
        Step::On
    }

    /// Hands out the first `len` bytes of the scratch, as far as the limits allow.
    pub(super) fn hand_out(&mut self, len: usize, scratch: &[u8]) -> Step {
        let Some(item) = self.item.as_mut().filter(|_| len > 0) else {
            return Step::On;
        };
        item.see_data();
        if !item.wants_data() {
            return Step::On;
        }
        let of_item = self.options.max_item_bytes.saturating_sub(item.bytes());
        let of_total = (self.options.max_total_bytes).saturating_sub(self.total_bytes);
        let room = usize::try_from(of_item.min(of_total)).unwrap_or(usize::MAX);
        let allowed = len.min(room);
        if allowed < len {
            item.fail(ItemError::TooLarge, self.item_offset);
        }
        if allowed == 0 {
            return Step::On;
        }
        item.add_bytes(allowed);
        if self.options.integrity != Integrity::Off {
            self.payload
                .update(scratch.get(..allowed).unwrap_or_default());
        }
        self.total_bytes = self.total_bytes.saturating_add(allowed as u64);
        Step::Ready(Ready::Data(allowed))
    }
}
