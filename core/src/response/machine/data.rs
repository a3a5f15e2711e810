//! `Data`: base64 into the caller's scratch.

use super::{Machine, Queue, Ready};
use crate::response::base64::End;
use crate::response::options::IntegrityPolicy;
use crate::response::outcome::ItemError;
use crate::response::soap::Node;

impl Machine {
    /// Whether base64 may lie ahead.
    #[inline]
    pub(super) fn is_in_data(&self) -> bool {
        self.path.is_in(Node::Data)
            && self.queue == Queue::Nothing
            && self.lexer.in_text()
            && !self.base64.is_broken()
    }

    /// Decodes what lies ahead, up to what is none: that is left to the lexer.
    ///
    /// Data that nobody wants any more is decoded all the same: the truncation marker in it is graver than
    /// what the item has failed for.
    #[inline]
    pub(super) fn data(&mut self, input: &mut &[u8], scratch: &mut [u8]) -> Ready {
        let ahead = input.len();
        let (written, _) = self.base64.decode(input, scratch);
        self.offset.0 = (self.offset.0).wrapping_add(ahead.wrapping_sub(input.len()) as u64);
        if written == 0 && (input.first()).is_some_and(|&byte| !self.lexer.is_markup(byte)) {
            self.break_data(&[], self.offset.0);
        }
        self.hand_out(written, scratch)
    }

    /// Something in `Data` is not base64.
    pub(super) fn break_data(&mut self, bytes: &[u8], offset: u64) {
        self.fail(ItemError::Base64, offset);
        self.base64.search(bytes);
    }

    /// The end of `Data`: the last bytes, or what is wrong with them.
    pub(super) fn end_data(&mut self, scratch: &mut [u8]) -> Ready {
        let error = match self.base64.finish() {
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
    pub(super) fn hand_out(&mut self, len: usize, scratch: &[u8]) -> Ready {
        let Some(item) = self.item.as_mut().filter(|_| len > 0) else {
            return Ready::Nothing;
        };
        item.see_data();
        if item.is_spoiled() {
            return Ready::Nothing;
        }
        let room = (self.max_item_bytes.0)
            .wrapping_sub(item.bytes())
            .min(self.room.0);
        let allowed = usize::try_from(room).map_or(len, |room| room.min(len));
        if allowed < len {
            item.fail(ItemError::TooLarge, self.item_offset.0);
        }
        // What a caller cannot keep counts as well: how much of it was handed out depends on the pieces of the input,
        // and room for the items after it must not.
        item.count(allowed);
        self.room.0 = (self.room.0).wrapping_sub(allowed as u64);
        if allowed == 0 || item.is_rejected() {
            return Ready::Nothing;
        }
        if self.integrity != IntegrityPolicy::Off {
            self.payload
                .update(scratch.get(..allowed).unwrap_or_default());
        }
        Ready::Data(allowed)
    }
}
