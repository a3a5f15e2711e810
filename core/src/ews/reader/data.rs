//! Decoded data, as far as it is handed out.

use super::{Reader, Ready};
use crate::ews::hooks::Hooks;
use crate::ews::response::{IntegrityPolicy, ItemError};

impl<O: Hooks> Reader<O> {
    /// Hands out the first `len` bytes of the scratch as far as the limits allow.
    pub(crate) fn hand_out(&mut self, len: usize, scratch: &[u8]) -> Ready {
        let progress = &mut self.progress;
        let Some(item) = progress.item.as_mut().filter(|_| len > 0) else {
            return Ready::Nothing;
        };
        item.see_data();
        if item.is_spoiled() {
            return Ready::Nothing;
        }
        let room = (progress.limit.item_bytes())
            .wrapping_sub(item.bytes())
            .min(progress.room.left());
        let allowed = usize::try_from(room).map_or(len, |room| room.min(len));
        if allowed < len {
            item.fail(ItemError::TooLarge, progress.place.data_start());
        }
        // Data of a rejected item counts as well: how much of it was handed out depends on the split of the input, and the
        // room for later items must not.
        item.count(allowed);
        progress.room.use_up(allowed);
        if allowed == 0 || item.is_rejected() {
            return Ready::Nothing;
        }
        if self.integrity != IntegrityPolicy::Off {
            (self.operation).check(scratch.get(..allowed).unwrap_or_default());
        }
        Ready::Data(allowed)
    }
}
