//! Short keys of long texts.

use sha2::{Digest as _, Sha256};

/// The first half of a SHA-256, in place of ids of 150 bytes. The log and the copies of a million items are in memory.
pub(super) type Key = [u8; 16];

/// Returns the key of several texts. Each is hashed with its length, so that no two lists have the same bytes.
pub(super) fn key(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}
