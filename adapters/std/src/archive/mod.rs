//! The archive: a directory of payloads, and the manifest that says what they are.
//!
//! ```text
//! DIR/items/<2 hex>/<32 hex>.fts   one payload, named by the SHA-256 of the id that was asked for
//! DIR/items/<index>.fts            one payload of a response whose request is not known
//! DIR/manifest.jsonl               one Entry per outcome; the last one of an id counts
//! ```
//!
//! A payload is written under a temporary name, synced and renamed before its entry is written, so an item
//! that the manifest says is there, is there: a kill or a power cut at any instant costs at most what was in
//! flight.
//!
//! Some items are confirmed only by the end of their response: those whose payload is not proven whole, and those
//! whose answered id is not the requested one. Until then their entry is marked as suspect, and a kill leaves it so:
//! the next run requests them again.
//!
//! Files and directories are created for the user alone, and links inside the archive are not followed.

mod error;
mod ids;
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
use std::thread;

use exportitems::ItemId;
use sha2::{Digest as _, Sha256};

pub use error::ArchiveError;
pub use manifest::{Entry, Status, MESSAGE_LIMIT};
pub use name::display_path;
pub use sink::ArchiveSink;
pub(crate) use sink::Confirmation;
pub use verify::{verify, FileState, Finding};

use manifest::MANIFEST;
use name::{Key, ITEMS, TEMPORARY};
use publisher::{Job, Manifest, Published, Publisher, Temporary};

/// Items that are looked up by one thread when an archive is opened.
const CHECKED_AT_ONCE: usize = 16 * 1024;

/// An archive, open for this process alone.
///
/// Memory: about 80 bytes for each item that the manifest names, and 1 MiB while an item arrives.
/// Dropped, it first finishes what is queued.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    known: HashMap<Key, Known>,
    lost: u64,
    /// To read lines again.
    manifest: File,
    publisher: Publisher,
    /// Temporary names given so far.
    temporaries: u64,
    /// An error that came where none can be returned.
    deferred: Option<ArchiveError>,
}

/// What an archive knows of an item: [`Archive::state`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemState {
    /// It has never been requested.
    New,
    /// The archive holds it.
    Done,
    /// The archive holds it in another version than the `ChangeKey` of the list names.
    Changed,
    /// The archive held it, but its file is no longer there as it was.
    Lost,
    /// The archive holds a payload that no response has confirmed.
    Suspect,
    /// The last attempt failed; another one may succeed.
    Failed,
    /// The server has refused it for good.
    FailedPermanently,
}

/// What the manifest says of an item.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Where its last line begins.
    line: u64,
    bytes: u64,
    /// Of the answer, and of the request where it is another one.
    change_keys: [Option<NonZeroU64>; 2],
    attempts: u32,
    state: ItemState,
}

impl Archive {
    /// Opens the archive in `dir`, which is created if it is not there.
    ///
    /// What an earlier run has left is put in order: temporary files are removed, and a last line of the manifest
    /// without its end is cut off.
    /// An item whose file is missing, or has another size than the manifest says, counts as
    /// [lost](ItemState::Lost), and is due again; [`recheck`](Self::recheck) compares the content too.
    ///
    /// # Errors
    /// [`ArchiveError::Locked`] while another process has it open; [`ArchiveError::Manifest`] where the
    /// manifest is damaged; [`ArchiveError::NotOwn`] where a link is in the place of a file or directory.
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
            // Some network file systems know no locks; then the user sees to it.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(ArchiveError::io("lock", &path)(error)),
        }

        let mut known = HashMap::new();
        let len = manifest::read(&file, &path, |entry, offset| {
            learn(&mut known, &entry, offset);
            Ok(())
        })?;
        manifest::repair(&file, len, &path)?;
        sweep(&items)?;
        let lost = find_lost(&dir, &mut known);
        let manifest = file.try_clone().map_err(ArchiveError::io("open", &path))?;
        Ok(Self {
            publisher: Publisher::start(dir.clone(), Manifest { file, path, len })?,
            dir,
            known,
            lost,
            manifest,
            temporaries: 0,
            deferred: None,
        })
    }

    /// Compares the SHA-256 of every payload that the manifest calls done, and reports those that are not as they
    /// were. They are due again. Returns how many they are.
    ///
    /// # Errors
    /// When the manifest cannot be read or written.
    pub fn recheck(
        &mut self,
        mut report: impl FnMut(&Entry, FileState),
    ) -> Result<u64, ArchiveError> {
        let mut done: Vec<_> = self
            .known
            .iter()
            .filter(|(_, known)| known.state == ItemState::Done)
            .map(|(&key, known)| (known.line, key))
            .collect();
        done.sort_unstable_by_key(|&(line, _)| line);
        let (mut buffer, mut lost) = (vec![0; 64 * 1024], 0);
        for (line, key) in done {
            let entry = self.read_line(line)?;
            let state = verify::judge(&self.dir, &entry, &mut buffer);
            if matches!(state, FileState::Intact) {
                continue;
            }
            report(&entry, state);
            lost += 1;
            if let Some(known) = self.known.get_mut(&key) {
                known.state = ItemState::Lost;
            }
            // An interrupted run must not make the next one believe in the file again.
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

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is known of the item; its `ChangeKey`, where it has one, is compared too.
    #[must_use]
    pub fn state(&self, item: &ItemId<'_>) -> ItemState {
        let Some(known) = self.known.get(&Key::of(item.id)) else {
            return ItemState::New;
        };
        let is_other = |key| {
            let stored: Vec<_> = known.change_keys.into_iter().flatten().collect();
            !stored.is_empty() && !stored.contains(&change_key_hash(key))
        };
        match known.state {
            ItemState::Done if item.change_key.is_some_and(is_other) => ItemState::Changed,
            // The refusal may have been about the other version.
            ItemState::FailedPermanently if item.change_key.is_some_and(is_other) => {
                ItemState::Failed
            }
            state => state,
        }
    }

    /// Whether the archive holds the item, in whichever version: its last entry says so, and its file is there.
    #[must_use]
    pub fn is_done(&self, id: &str) -> bool {
        self.state(&ItemId::new(id)) == ItemState::Done
    }

    /// The last entry of the item.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn entry(&self, id: &str) -> Result<Option<Entry>, ArchiveError> {
        let known = self.known.get(&Key::of(id));
        known.map(|known| self.read_line(known.line)).transpose()
    }

    /// How many items were [lost](ItemState::Lost) when the archive was opened or rechecked.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// How often the item has been requested, over all runs.
    #[must_use]
    pub fn attempts(&self, id: &str) -> u32 {
        self.known
            .get(&Key::of(id))
            .map_or(0, |known| known.attempts)
    }

    /// Takes the response to a request for these items, in this order.
    pub fn sink<'a>(&'a mut self, requested: &'a [ItemId<'a>]) -> ArchiveSink<'a> {
        ArchiveSink::new(self, Some(requested))
    }

    /// Takes a response whose request is not known; files are named by position.
    pub fn sink_by_index(&mut self) -> ArchiveSink<'_> {
        ArchiveSink::new(self, None)
    }

    /// The next outcome that has become durable since, in the order of the responses; does not wait.
    ///
    /// Each item of a response has one, and another one if the response's end makes it suspect. A message that was
    /// not requested has none.
    ///
    /// # Errors
    /// When the disk failed, once; the archive takes no more then.
    pub fn published(&mut self) -> Result<Option<Entry>, ArchiveError> {
        self.next_published(false)
    }

    /// Waits for the next outcome to become durable; `None` when every one is and has been returned.
    ///
    /// # Errors
    /// As [`published`](Self::published), and [`ArchiveError::ManifestLost`].
    pub fn wait_published(&mut self) -> Result<Option<Entry>, ArchiveError> {
        self.next_published(true)
    }

    fn next_published(&mut self, wait: bool) -> Result<Option<Entry>, ArchiveError> {
        loop {
            // What has stopped the archive says more than that it has stopped.
            let published = self
                .publisher
                .published(wait)
                .map_err(|error| self.deferred.take().unwrap_or(error))?;
            let Some(Published { line, report }) = published else {
                break;
            };
            if let Some((line, offset)) = line {
                learn(&mut self.known, &line, offset);
            }
            if report.is_some() {
                return Ok(report);
            }
        }
        if let Some(error) = self.deferred.take() {
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

    /// What the archive holds of the item, done or suspect.
    fn held(&self, id: &str) -> Result<Option<Entry>, ArchiveError> {
        let known = self
            .known
            .get(&Key::of(id))
            .filter(|known| matches!(known.state, ItemState::Done | ItemState::Suspect));
        known.map(|known| self.read_line(known.line)).transpose()
    }

    fn read_line(&self, offset: u64) -> Result<Entry, ArchiveError> {
        manifest::read_line(&self.manifest, &self.dir.join(MANIFEST), offset)
    }

    /// A file to write a payload into that is to be `file`, relative to the archive.
    fn temporary(&mut self, file: &str) -> Result<Temporary, ArchiveError> {
        let target = self.dir.join(file);
        target.parent().map_or(Ok(()), place::own_directory)?;
        self.temporaries += 1;
        Temporary::create(name::temporary(&target, self.temporaries), target)
    }

    /// Queues what is to become durable; an error is returned by [`published`](Self::published) too.
    fn submit(&mut self, job: Job) {
        if let Err(error) = self.publisher.submit(job) {
            self.deferred.get_or_insert(error);
        }
    }
}

fn learn(known: &mut HashMap<Key, Known>, entry: &Entry, offset: u64) {
    let Some(key) = entry.id.as_deref().map(Key::of) else {
        return; // of a response whose request is not known
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

/// Marks the items whose file is not there as it was, and returns how many they are.
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
    // Names that are next to each other in a directory are quicker to look up.
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

/// Removes what a killed process was writing.
fn sweep(items: &Path) -> Result<(), ArchiveError> {
    let mut directories = vec![items.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).map_err(ArchiveError::io("read", &directory))? {
            let entry = entry.map_err(ArchiveError::io("read", &directory))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(ArchiveError::io("read", &path))?;
            if kind.is_dir() {
                // Payloads are in this directory or one below it.
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
