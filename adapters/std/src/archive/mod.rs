//! The archive: a directory with payloads and a manifest.
//!
//! ```text
//! DIR/items/<2 hex>/<32 hex>.fts   one payload, named by the SHA-256 of the requested id
//! DIR/items/<index>.fts            one payload of a response whose request is unknown
//! DIR/manifest.jsonl               one Entry per outcome; the last one of an id counts
//! ```
//!
//! A payload is written under a temporary name, synced and renamed before its entry is written. So every item that
//! the manifest lists as exported has its file: a kill or a power cut loses at most the items that were being written.
//!
//! Some items are confirmed only by the end of their response: those whose payload is not proven whole, and those
//! whose answered id is not the requested one. Until then their entry is marked as suspect. If the process is killed
//! meanwhile, they stay suspect, and the next run requests them again.
//!
//! Other users cannot read the files and directories, and links inside the archive are not followed.

mod error;
mod ids;
mod info;
mod manifest;
mod name;
mod place;
mod publisher;
mod sink;
mod verify;
mod writer;

use core::num::{NonZeroU64, NonZeroUsize};
use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use exportitems::ItemId;
use sha2::{Digest as _, Sha256};

pub use error::ArchiveError;
pub use info::{folder_names, folder_path, ItemInfo};
pub use manifest::{Entry, Status, MESSAGE_LIMIT};
pub use name::display_path;
pub use sink::ArchiveSink;
pub(crate) use sink::Confirmation;
pub use verify::{verify, FileState, Finding};

use manifest::MANIFEST;
use name::{Key, ITEMS, TEMPORARY};
use publisher::{Job, Manifest, Publisher, Temporary};

/// The smallest number of items that get a thread of their own when an archive is opened.
const CHECKED_AT_ONCE: usize = 16 * 1024;

/// An open archive. Only one process can open an archive at a time.
///
/// Several threads can write responses at the same time, each with a [sink](Self::sink) of its own. An item must be in
/// one request at a time, and all outcomes of an earlier request for it must be [published](Self::wait_published)
/// before it is requested again.
///
/// Memory: about 80 bytes for each item in the manifest, and 1 MiB for each sink while an item arrives.
/// Dropping the archive waits until all queued outcomes are written.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    index: Arc<Index>,
    lost: u64,
    /// The manifest, opened for reading entries again.
    manifest: File,
    publisher: Publisher,
    /// The number of temporary names used so far.
    temporaries: AtomicU64,
    /// An error from a function that cannot return one. The next function that can returns it.
    deferred: Mutex<Option<ArchiveError>>,
}

/// The last entry of each item. The publisher updates it as soon as an entry is durable.
#[derive(Debug, Default)]
struct Index(Mutex<HashMap<Key, Known>>);

/// The state of an item in an archive, which [`Archive::state`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemState {
    /// The item has never been requested.
    New,
    /// The archive holds the item.
    Done,
    /// The archive holds another version of the item than the one with the listed `ChangeKey`.
    Changed,
    /// The archive held the item, but its file is missing or altered.
    Lost,
    /// The archive holds a payload that no response has confirmed.
    Suspect,
    /// The last attempt failed, and another one may succeed.
    Failed,
    /// The server has refused the item permanently.
    FailedPermanently,
}

/// The data of an item's last entry.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The offset of the entry in the manifest.
    line: u64,
    bytes: u64,
    /// Hashes of the answered change key, and of the requested one if it differs.
    change_keys: [Option<NonZeroU64>; 2],
    attempts: u32,
    state: ItemState,
}

impl Archive {
    /// Opens the archive in `dir`, and creates it if it does not exist.
    ///
    /// This removes temporary files of earlier runs, and an incomplete last line of the manifest.
    /// An item whose file is missing or has another size than in the manifest becomes [lost](ItemState::Lost), so an
    /// export requests it again. [`recheck`](Self::recheck) also compares the content.
    ///
    /// # Errors
    /// [`ArchiveError::Locked`] if another process has it open, [`ArchiveError::Manifest`] if the manifest is
    /// damaged, and [`ArchiveError::NotOwn`] if a link is in the place of a file or directory.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, ArchiveError> {
        let dir = dir.into();
        place::create_archive(&dir).map_err(ArchiveError::io("create", &dir))?;
        let items = dir.join(ITEMS);
        place::own_directory(&items)?;
        let path = dir.join(MANIFEST);
        place::own_file(&path)?;
        let file = place::private()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(ArchiveError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ArchiveError::Locked { dir }),
            // Some network file systems have no locks. Then the user must not run two exports at once.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(ArchiveError::io("lock", &path)(error)),
        }

        let mut known = HashMap::new();
        let len = manifest::read(&file, &path, |entry, offset| {
            record(&mut known, &entry, offset);
            Ok(())
        })?;
        manifest::repair(&file, len, &path)?;
        remove_temporaries(&items)?;
        let lost = find_lost(&dir, &mut known);
        let index = Arc::new(Index(Mutex::new(known)));
        let manifest = file.try_clone().map_err(ArchiveError::io("open", &path))?;
        Ok(Self {
            publisher: Publisher::start(dir.clone(), Manifest { file, path, len }, &index)?,
            dir,
            index,
            lost,
            manifest,
            temporaries: AtomicU64::new(0),
            deferred: Mutex::default(),
        })
    }

    /// Compares the SHA-256 of every exported payload with the manifest, and reports each difference.
    ///
    /// Such items become [lost](ItemState::Lost), so an export requests them again. Returns their number.
    ///
    /// # Errors
    /// If the manifest cannot be read or written.
    pub fn recheck(
        &mut self,
        mut report: impl FnMut(&Entry, FileState),
    ) -> Result<u64, ArchiveError> {
        let index = Arc::clone(&self.index);
        let mut done: Vec<_> = index
            .lock()
            .iter()
            .filter(|(_, known)| known.state == ItemState::Done)
            .map(|(&key, known)| (known.line, key))
            .collect();
        done.sort_unstable_by_key(|&(line, _)| line);
        let (mut buffer, mut lost) = (vec![0; 64 * 1024], 0);
        for (line, key) in done {
            let entry = self.read_line(line)?;
            let state = verify::file_state(&self.dir, &entry, &mut buffer);
            if matches!(state, FileState::Intact) {
                continue;
            }
            report(&entry, state);
            lost += 1;
            if let Some(known) = index.lock().get_mut(&key) {
                known.state = ItemState::Lost;
            }
            // If this run is interrupted, the next one must not count the file as exported again.
            let line = Entry {
                suspect: true,
                ..entry
            };
            self.publisher.submit(Job {
                line: Some(line),
                ..Job::default()
            })?;
        }
        self.lost += lost;
        Ok(lost)
    }

    /// Returns the directory of the archive.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the state of the item. If `item` has a `ChangeKey`, it is compared too.
    #[must_use]
    pub fn state(&self, item: &ItemId<'_>) -> ItemState {
        let Some(known) = self.index.get(item.id) else {
            return ItemState::New;
        };
        let is_other = |key| {
            let stored: Vec<_> = known.change_keys.into_iter().flatten().collect();
            !stored.is_empty() && !stored.contains(&change_key_hash(key))
        };
        match known.state {
            ItemState::Done if item.change_key.is_some_and(is_other) => ItemState::Changed,
            // The server may have refused only the other version.
            ItemState::FailedPermanently if item.change_key.is_some_and(is_other) => {
                ItemState::Failed
            }
            state => state,
        }
    }

    /// Returns whether the archive holds any version of the item, according to its last entry and its file.
    #[must_use]
    pub fn is_done(&self, id: &str) -> bool {
        self.state(&ItemId::new(id)) == ItemState::Done
    }

    /// Returns the last entry of the item.
    ///
    /// # Errors
    /// If the manifest cannot be read.
    pub fn entry(&self, id: &str) -> Result<Option<Entry>, ArchiveError> {
        let known = self.index.get(id);
        known.map(|known| self.read_line(known.line)).transpose()
    }

    /// Returns the number of items that were [lost](ItemState::Lost) when the archive was opened or rechecked.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Returns the properties of the item in its last entry, if there are any.
    fn info(&self, id: &str) -> Result<ItemInfo, ArchiveError> {
        Ok(self.entry(id)?.map(|entry| entry.item).unwrap_or_default())
    }

    /// Returns the number of requests for the item in all runs.
    #[must_use]
    pub fn attempts(&self, id: &str) -> u32 {
        self.index.get(id).map_or(0, |known| known.attempts)
    }

    /// Returns the sink for the response to a request for these items, in this order.
    pub fn sink<'a>(&'a self, requested: &'a [ItemId<'a>]) -> ArchiveSink<'a> {
        ArchiveSink::new(self, Some(requested))
    }

    /// Returns the sink for a response whose request is unknown. The files are named by position.
    pub fn sink_by_index(&self) -> ArchiveSink<'_> {
        ArchiveSink::new(self, None)
    }

    /// Returns the next outcome that has become durable, in the order of the responses, without waiting.
    ///
    /// Each item of a response has one outcome, and a second one if the end of the response makes it suspect. A
    /// response message that was not requested has none.
    ///
    /// # Errors
    /// If the disk failed. The error is returned once, and the archive accepts no more items.
    pub fn published(&self) -> Result<Option<Entry>, ArchiveError> {
        self.next_published(false)
    }

    /// Waits for the next outcome to become durable. Returns `None` after the last one.
    ///
    /// # Errors
    /// As [`published`](Self::published), and [`ArchiveError::ManifestLost`].
    pub fn wait_published(&self) -> Result<Option<Entry>, ArchiveError> {
        self.next_published(true)
    }

    fn next_published(&self, wait: bool) -> Result<Option<Entry>, ArchiveError> {
        loop {
            // The error that stopped the archive says more than the one that it has stopped.
            match self.publisher.published(wait) {
                Ok(Some(Some(report))) => return Ok(Some(report)),
                Ok(Some(None)) => {}
                Ok(None) => break,
                Err(error) => return Err(self.take_deferred().unwrap_or(error)),
            }
        }
        if let Some(error) = self.take_deferred() {
            return Err(error);
        }
        let path = self.dir.join(MANIFEST);
        match place::is_still(&self.manifest, &path) {
            _ if !wait => Ok(None),
            Ok(true) => Ok(None),
            Ok(false) => Err(ArchiveError::ManifestLost { path }),
            Err(error) => Err(ArchiveError::io("read", path)(error)),
        }
    }

    /// Returns the entry of an item that the archive holds, done or suspect.
    fn held(&self, id: &str) -> Result<Option<Entry>, ArchiveError> {
        let known = self
            .index
            .get(id)
            .filter(|known| matches!(known.state, ItemState::Done | ItemState::Suspect));
        known.map(|known| self.read_line(known.line)).transpose()
    }

    fn read_line(&self, offset: u64) -> Result<Entry, ArchiveError> {
        manifest::read_line(&self.manifest, &self.dir.join(MANIFEST), offset)
    }

    /// Creates the temporary file for a payload whose final path, relative to the archive, is `file`.
    fn temporary(&self, file: &str) -> Result<Temporary, ArchiveError> {
        let target = self.dir.join(file);
        target.parent().map_or(Ok(()), place::own_directory)?;
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        Temporary::create(name::temporary(&target, number), target)
    }

    /// Queues an outcome. An error is returned later, by [`published`](Self::published).
    fn submit(&self, job: Job) {
        if let Err(error) = self.publisher.submit(job) {
            self.defer(error);
        }
    }

    /// Keeps an error for the next function that can return one.
    fn defer(&self, error: ArchiveError) {
        lock(&self.deferred).get_or_insert(error);
    }

    fn take_deferred(&self) -> Option<ArchiveError> {
        lock(&self.deferred).take()
    }
}

impl Index {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Known>> {
        lock(&self.0)
    }

    fn get(&self, id: &str) -> Option<Known> {
        self.lock().get(&Key::of(id)).copied()
    }
}

/// Locks a mutex. A thread that panicked left its data as it was between two changes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records the state that an entry gives to its item.
fn record(known: &mut HashMap<Key, Known>, entry: &Entry, offset: u64) {
    let Some(key) = entry.id.as_deref().map(Key::of) else {
        return; // The request of this response is unknown.
    };
    let change_keys = [&entry.change_key, &entry.requested_change_key];
    let state = match entry.status {
        _ if entry.is_permanent_failure() => ItemState::FailedPermanently,
        Status::Failed => ItemState::Failed,
        Status::Ok if entry.file.as_ref() != Some(&key.file()) => ItemState::Lost,
        Status::Ok if entry.suspect => ItemState::Suspect,
        Status::Ok => ItemState::Done,
    };
    known.insert(
        key,
        Known {
            line: offset,
            bytes: entry.bytes,
            change_keys: change_keys.map(|key| key.as_deref().map(change_key_hash)),
            attempts: entry.attempts,
            state,
        },
    );
}

fn change_key_hash(key: &str) -> NonZeroU64 {
    let mut hash = [0; 8];
    hash.copy_from_slice(&Sha256::digest(key)[..8]);
    NonZeroU64::new(u64::from_le_bytes(hash)).unwrap_or(NonZeroU64::MIN)
}

/// Marks the items whose file is missing or has another size, and returns their number.
fn find_lost(dir: &Path, known: &mut HashMap<Key, Known>) -> u64 {
    let is_own = |shard: u8| {
        let shard = dir.join(ITEMS).join(format!("{shard:02x}"));
        fs::symlink_metadata(shard).is_ok_and(|found| found.is_dir())
    };
    let own: Vec<_> = (0..=u8::MAX).map(is_own).collect();
    let is_lost = |key: Key, bytes| {
        let is_there = |found: fs::Metadata| found.is_file() && found.len() == bytes;
        !own[usize::from(key.shard())]
            || !fs::symlink_metadata(dir.join(key.file())).is_ok_and(is_there)
    };

    let mut held: Vec<_> = known
        .iter_mut()
        .filter(|(_, known)| matches!(known.state, ItemState::Done | ItemState::Suspect))
        .collect();
    // Lookups are faster in the order of the file names.
    held.sort_unstable_by_key(|(key, _)| **key);
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = held.len().div_ceil(threads).max(CHECKED_AT_ONCE);
    thread::scope(|scope| {
        let is_lost = &is_lost;
        let mark = move |held: &mut [(&Key, &mut Known)]| {
            for (key, known) in held {
                if is_lost(**key, known.bytes) {
                    known.state = ItemState::Lost;
                }
            }
        };
        for held in held.chunks_mut(share) {
            scope.spawn(move || mark(held));
        }
    });
    let lost = known
        .values()
        .filter(|known| known.state == ItemState::Lost);
    lost.count() as u64
}

/// Removes the temporary files of a process that was killed.
fn remove_temporaries(items: &Path) -> Result<(), ArchiveError> {
    let mut directories = vec![items.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).map_err(ArchiveError::io("read", &directory))? {
            let entry = entry.map_err(ArchiveError::io("read", &directory))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(ArchiveError::io("read", &path))?;
            if kind.is_dir() {
                // Payloads are in this directory and its subdirectories, but not deeper.
                if directory == items {
                    directories.push(path);
                }
            } else if path.extension().is_some_and(|end| end == TEMPORARY) {
                fs::remove_file(&path).map_err(ArchiveError::io("remove", &path))?;
            }
        }
    }
    Ok(())
}
