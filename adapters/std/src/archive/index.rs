//! The state of each item, from the lines of the manifest.

use core::hash::{BuildHasherDefault, Hasher};
use core::num::{NonZeroU64, NonZeroUsize};
use std::fs;
use std::path::Path;
use std::thread;

use exportitems_engine::ItemState;
use indexmap::map::Slice;
use indexmap::IndexMap;
use sha2::{Digest as _, Sha256};

use super::entry::Status;
use super::line::{Line, Text};
use super::name::{Key, ITEMS};

/// The smallest number of items that get a thread of their own when files are checked.
const CHECKED_AT_ONCE: usize = 16 * 1024;

/// The last entry of each item.
///
/// Memory: 73 to 83 bytes for each item.
#[derive(Debug, Default)]
pub(super) struct Index(IndexMap<Key, Known, BuildHasherDefault<KeyHasher>>);

/// The data of an item's last entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The offset of the entry in the manifest.
    pub(super) line: u64,
    pub(super) bytes: u64,
    /// Hashes of the answered change key, and of the requested one if it differs.
    change_keys: [Option<NonZeroU64>; 2],
    pub(super) attempts: u32,
    /// The number in the name of the item's latest file, or 0 if it has none.
    pub(super) version: u16,
    pub(super) state: ItemState,
    /// Whether the server has deleted the item.
    pub(super) is_deleted: bool,
}

impl Known {
    /// Returns whether the entry lists a file.
    pub(super) const fn is_held(&self) -> bool {
        matches!(self.state, ItemState::Done | ItemState::Suspect)
    }

    /// Returns the state of the version with this `ChangeKey`.
    pub(super) fn state_of(&self, change_key: Option<&str>) -> ItemState {
        let is_other = change_key.is_some_and(|key| {
            let stored = self.change_keys.into_iter().flatten();
            self.change_keys != [None; 2] && !stored.into_iter().any(|own| own == hash(key))
        });
        match self.state {
            ItemState::Done if is_other => ItemState::Changed,
            ItemState::Done => ItemState::Done,
            // The server may have refused only the other version.
            ItemState::FailedPermanently if is_other => ItemState::Failed,
            _ if self.is_deleted => ItemState::FailedPermanently,
            state => state,
        }
    }
}

impl Index {
    pub(super) fn get(&self, key: Key) -> Option<&Known> {
        self.0.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Known> {
        self.0.get_mut(&key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Known)> {
        self.0.iter().map(|(&key, known)| (key, known))
    }

    /// Records the state that a line gives to its item. Returns the state before it.
    pub(super) fn apply(&mut self, line: &Line<'_>, offset: u64) -> Option<Known> {
        // Without an id, the request of the response is unknown.
        let key = Key::of(line.id.as_ref()?.as_str());
        let before = self.get(key).copied();
        let Some(status) = line.outcome() else {
            if let Some(known) = self.get_mut(key).filter(|_| line.is_record("deleted")) {
                known.is_deleted = true;
            }
            return before;
        };
        let file = line.file.as_ref().map(Text::as_str);
        let version = file.and_then(|file| key.version(file));
        let state = match status {
            _ if line.is_permanent_failure() => ItemState::FailedPermanently,
            Status::Failed => ItemState::Failed,
            Status::Ok if version.is_none() => ItemState::Lost,
            Status::Ok if line.suspect => ItemState::Suspect,
            Status::Ok => ItemState::Done,
        };
        let change_keys = [&line.change_key, &line.requested_change_key];
        let known = Known {
            line: offset,
            bytes: line.bytes,
            change_keys: change_keys.map(|key| key.as_ref().map(|key| hash(key.as_str()))),
            attempts: line.attempts,
            version: version.unwrap_or_else(|| before.map_or(0, |before| before.version)),
            state,
            is_deleted: false,
        };
        self.0.insert(key, known);
        before
    }

    /// Marks the items whose file is missing or has another size, and returns their number.
    pub(super) fn find_lost(&mut self, dir: &Path) -> u64 {
        let is_own = |shard: u8| {
            let shard = dir.join(ITEMS).join(format!("{shard:02x}"));
            fs::symlink_metadata(shard).is_ok_and(|found| found.is_dir())
        };
        let own: Vec<_> = (0..=u8::MAX).map(is_own).collect();
        let is_lost = |key: Key, known: &Known| {
            let is_there = |found: fs::Metadata| found.is_file() && found.len() == known.bytes;
            let file = dir.join(key.file(known.version));
            !own[usize::from(key.shard())] || !fs::symlink_metadata(file).is_ok_and(is_there)
        };
        let mark = |items: &mut Slice<Key, Known>| {
            for (&key, known) in items {
                if known.is_held() && is_lost(key, known) {
                    known.state = ItemState::Lost;
                }
            }
        };

        // Lookups are faster in the order of the file names.
        self.0.sort_unstable_keys();
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let share = self.0.len().div_ceil(threads).max(CHECKED_AT_ONCE);
        thread::scope(|scope| {
            let mark = &mark;
            let mut rest = self.0.as_mut_slice();
            while rest.len() > share {
                let (items, others) = rest.split_at_mut(share);
                rest = others;
                scope.spawn(move || mark(items));
            }
            mark(rest);
        });
        let is_lost = |known: &&Known| known.state == ItemState::Lost;
        self.0.values().filter(is_lost).count() as u64
    }
}

fn hash(key: &str) -> NonZeroU64 {
    let mut hash = [0; 8];
    hash.copy_from_slice(&Sha256::digest(key)[..8]);
    NonZeroU64::new(u64::from_le_bytes(hash)).unwrap_or(NonZeroU64::MIN)
}

/// Takes a part of a [`Key`] as its hash, because a key is a hash itself.
#[derive(Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut hash = [0; 8];
            hash[..part.len()].copy_from_slice(part);
            self.0 ^= u64::from_le_bytes(hash);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
