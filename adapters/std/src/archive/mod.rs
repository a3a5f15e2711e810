//! The archive: a directory with payloads and a manifest.
//!
//! ```text
//! DIR/items/<2 hex>/<32 hex>.fts       one payload, named by the SHA-256 of the requested id
//! DIR/items/<2 hex>/<32 hex>.<n>.fts   a later version of the item
//! DIR/items/<index>.fts                one payload of a response whose request is unknown
//! DIR/manifest.jsonl                   one Entry per outcome; the last one of an id counts
//! DIR/seal.json                        the totals and the hash of a sealed archive
//! ```
//!
//! A payload is written under a temporary name, synced and renamed before its entry is written. So every item that
//! the manifest lists as exported has its file: a kill or a power cut loses at most the items that were being written.
//!
//! Some items are confirmed only by the end of their response: those whose payload is not proven whole, and those
//! whose answered id is not the requested one. Until then their entry is marked as suspect. If the process is killed
//! meanwhile, they stay suspect, and the next run requests them again.
//!
//! Each line of the manifest contains the SHA-256 of the line before it, so a change in the middle is noticed. A
//! [seal](seal()) also protects the end.
//!
//! Other users cannot read the files and directories, and links inside the archive are not followed.

mod commit;
mod entry;
mod error;
mod index;
mod info;
mod inventory;
mod line;
mod manifest;
mod name;
pub(crate) mod place;
mod publisher;
mod record;
mod seal;
mod sink;
mod temporary;
mod verify;
mod writer;

use core::num::NonZeroU16;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exportitems::ItemId;

pub use entry::{Entry, Status, MESSAGE_LIMIT};
pub use error::ArchiveError;
pub use exportitems_engine::ItemState;
pub use info::{folder_names, folder_path, ItemInfo};
pub use inventory::{Inventory, Listed};
pub use name::display_path;
pub use record::{EndRecord, FolderRecord, Record, RunRecord, Timed};
pub use seal::{seal, verify_seal, Seal, SealState, Totals};
pub use sink::ArchiveSink;
pub(crate) use verify::file_state;
pub use verify::{verify, FileState, Finding};

use commit::Job;
use index::{Index, Known};
use manifest::{Manifest, MANIFEST};
use name::{Key, ITEMS, TEMPORARY};
use publisher::{Published, Publisher};
use temporary::Temporary;

/// The program that writes a manifest or a seal.
const PROGRAM: &str = concat!("exportitems ", env!("CARGO_PKG_VERSION"));

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
    shared: Arc<Shared>,
    lost: u64,
    /// The manifest, opened for reading entries again.
    manifest: File,
    publisher: Publisher,
    /// The number of temporary names used so far.
    temporaries: AtomicU64,
    /// The server that was recorded last.
    server: Mutex<Option<Record>>,
    /// An error from a function that cannot return one. The next function that can returns it.
    deferred: Mutex<Option<ArchiveError>>,
}

/// The data that the thread of the publisher shares.
#[derive(Debug, Default)]
struct Shared {
    /// It is updated as soon as a line is durable.
    index: Mutex<Index>,
    /// The number of versions of an item to keep, or 0 for all.
    keep_versions: AtomicU16,
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

        let mut index = Index::default();
        let mut removed = Vec::new();
        let end = manifest::read(&file, &path, |complete, line| {
            match &line.file {
                Some(file) if line.is_record("removed") => removed.push(file.as_str().to_owned()),
                _ => removed.clear(),
            }
            index.apply(line, complete.offset);
            Ok(())
        })?;
        manifest::repair(&file, end.len, &path)?;
        remove_temporaries(&items)?;
        remove_versions(&dir, &removed)?;
        let lost = index.find_lost(&dir);
        let shared = Arc::new(Shared {
            index: Mutex::new(index),
            ..Shared::default()
        });
        let manifest = file.try_clone().map_err(ArchiveError::io("open", &path))?;
        Ok(Self {
            publisher: Publisher::start(dir.clone(), Manifest { file, path, end }, &shared)?,
            dir,
            shared,
            lost,
            manifest,
            temporaries: AtomicU64::new(0),
            server: Mutex::default(),
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
        let mut done: Vec<_> = self
            .shared
            .index()
            .iter()
            .filter(|(_, known)| known.state == ItemState::Done)
            .map(|(key, known)| (known.line, key))
            .collect();
        done.sort_unstable_by_key(|&(line, _)| line);
        let (mut buffer, mut lost) = (vec![0; 64 * 1024], 0);
        for (line, key) in done {
            let entry = self.read_entry(line)?;
            let state = file_state(&self.dir, &entry, &mut buffer);
            if matches!(state, FileState::Intact) {
                continue;
            }
            report(&entry, state);
            lost += 1;
            if let Some(known) = self.shared.index().get_mut(key) {
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

    /// Sets the number of versions of an item to keep. `None`, the default, keeps all.
    ///
    /// When a further version is confirmed, the files of the oldest ones are removed.
    pub fn keep_versions(&self, versions: Option<NonZeroU16>) {
        let versions = versions.map_or(0, NonZeroU16::get);
        self.shared.keep_versions.store(versions, Ordering::Relaxed);
    }

    /// Records the server of a run, and the SHA-256 of its certificate. The same server is recorded once in a row.
    pub fn record_server(&self, url: &str, certificate: Option<[u8; 32]>) {
        let server = Record::Server {
            url: url.to_owned(),
            certificate: certificate.map(|sha256| name::hex(&sha256)),
        };
        let last = lock(&self.server).replace(server.clone());
        if last.as_ref() != Some(&server) {
            self.record(server);
        }
    }

    /// Adds a record to the manifest. An error is returned later, by [`published`](Self::published).
    pub fn record(&self, record: Record) {
        self.submit(Job {
            record: Some(record),
            ..Job::default()
        });
    }

    /// Records that the server has deleted the item, if the manifest has a line about it.
    ///
    /// The archive keeps what it holds. An item that it does not hold counts as
    /// [failed permanently](ItemState::FailedPermanently), until there is a new outcome of it.
    pub fn record_deletion(&self, id: &str) {
        if self.known(id).is_some_and(|known| !known.is_deleted) {
            self.record(Record::Deleted { id: id.to_owned() });
        }
    }

    /// Returns whether the server has deleted the item, according to [`record_deletion`](Self::record_deletion).
    #[must_use]
    pub fn is_deleted(&self, id: &str) -> bool {
        self.known(id).is_some_and(|known| known.is_deleted)
    }

    /// Returns the directory of the archive.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the state of the item. If `item` has a `ChangeKey`, it is compared too.
    #[must_use]
    pub fn state(&self, item: &ItemId<'_>) -> ItemState {
        self.known(item.id)
            .map_or(ItemState::New, |known| known.state_of(item.change_key))
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
        let known = self.known(id);
        known.map(|known| self.read_entry(known.line)).transpose()
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
        self.known(id).map_or(0, |known| known.attempts)
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
    /// If the disk failed. The archive then accepts no more items, and every call returns the error.
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
                Ok(Some(Published { report: None })) => {}
                Ok(Some(published)) => return Ok(published.report),
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
        let known = self.known(id).filter(Known::is_held);
        known.map(|known| self.read_entry(known.line)).transpose()
    }

    fn known(&self, id: &str) -> Option<Known> {
        self.shared.index().get(Key::of(id)).copied()
    }

    fn read_entry(&self, offset: u64) -> Result<Entry, ArchiveError> {
        manifest::read_entry(&self.manifest, &self.dir.join(MANIFEST), offset)
    }

    /// Creates the temporary file for a payload, in the directory of `file`, a path relative to the archive.
    fn temporary(&self, file: &str) -> Result<Temporary, ArchiveError> {
        let target = self.dir.join(file);
        target.parent().map_or(Ok(()), place::own_directory)?;
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        Temporary::create(name::temporary(&target, number))
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

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }
}

/// Locks a mutex. A thread that panicked left its data as it was between two changes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Removes files whose removal is in the last lines of the manifest, because a kill may have prevented it.
fn remove_versions(dir: &Path, files: &[String]) -> Result<(), ArchiveError> {
    for file in files.iter().filter(|file| Key::of_file(file).is_some()) {
        let path = dir.join(file);
        if path.parent().is_some_and(Path::is_dir) && place::own_file(&path)?.is_some() {
            fs::remove_file(&path).map_err(ArchiveError::io("remove", &path))?;
        }
    }
    Ok(())
}
