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

mod error;
mod manifest;
mod name;
mod publisher;
mod sink;
mod verify;
mod writer;

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use exportitems::ItemId;

pub use error::ArchiveError;
pub use manifest::{Entry, Status, MESSAGE_LIMIT};
pub use sink::ArchiveSink;
pub use verify::{verify, FileState};

use manifest::MANIFEST;
use name::{Key, ITEMS, TEMPORARY};
use publisher::{Job, Manifest, Publisher, Temporary};

/// An archive, open for this process alone.
///
/// Memory: about 40 bytes for each item that the manifest names, and 1 MiB while an item arrives.
/// Dropped, it first finishes what is queued.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    known: HashMap<Key, Known>,
    publisher: Publisher,
    /// Temporary names given so far.
    temporaries: u64,
    /// An error that came where none can be returned.
    deferred: Option<ArchiveError>,
}

/// What the manifest says of an item.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    done: bool,
    attempts: u32,
}

impl Archive {
    /// Opens the archive in `dir`, which is made if it is not there.
    ///
    /// What an earlier run left behind is put in order: temporary files are removed, and a last line of
    /// the manifest without its end is cut off.
    ///
    /// # Errors
    /// [`ArchiveError::Locked`] while another process has it open; [`ArchiveError::Manifest`] where the
    /// manifest is damaged.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, ArchiveError> {
        let dir = dir.into();
        let items = dir.join(ITEMS);
        fs::create_dir_all(&items).map_err(ArchiveError::io("create", &items))?;
        let path = dir.join(MANIFEST);
        let file = File::options()
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
        let whole = manifest::read(&file, &path, |entry| {
            learn(&mut known, &entry);
            Ok(())
        })?;
        manifest::repair(&file, whole, &path)?;
        sweep(&items)?;
        Ok(Self {
            publisher: Publisher::start(dir.clone(), Manifest { file, path })?,
            dir,
            known,
            temporaries: 0,
            deferred: None,
        })
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the archive holds the item: its last entry says so.
    #[must_use]
    pub fn is_done(&self, id: &str) -> bool {
        self.known.get(&Key::of(id)).is_some_and(|known| known.done)
    }

    /// How often the item has been asked for, over all runs.
    #[must_use]
    pub fn attempts(&self, id: &str) -> u32 {
        self.known
            .get(&Key::of(id))
            .map_or(0, |known| known.attempts)
    }

    /// Takes the response to a request for these items, in this order.
    pub fn sink<'a>(&'a mut self, asked: &'a [ItemId<'a>]) -> ArchiveSink<'a> {
        ArchiveSink::new(self, Some(asked))
    }

    /// Takes a response whose request is not known; files are named by position.
    pub fn sink_by_index(&mut self) -> ArchiveSink<'_> {
        ArchiveSink::new(self, None)
    }

    /// The next outcome that has become durable since, in the order of the responses; does not wait.
    ///
    /// # Errors
    /// When the disk failed, once; the archive takes no more then.
    pub fn published(&mut self) -> Result<Option<Entry>, ArchiveError> {
        self.next_published(false)
    }

    /// Waits for the next outcome to become durable; `None` when every one is and has been told.
    ///
    /// # Errors
    /// As [`published`](Self::published).
    pub fn wait_published(&mut self) -> Result<Option<Entry>, ArchiveError> {
        self.next_published(true)
    }

    fn next_published(&mut self, wait: bool) -> Result<Option<Entry>, ArchiveError> {
        let entry = self.publisher.published(wait)?;
        match entry {
            Some(entry) => {
                learn(&mut self.known, &entry);
                Ok(Some(entry))
            }
            None => self.deferred.take().map_or(Ok(None), Err),
        }
    }

    /// A file to write a payload into that is to be `file`, relative to the archive.
    fn temporary(&mut self, file: &str) -> Result<Temporary, ArchiveError> {
        let target = self.dir.join(file);
        if let Some(parent) = target.parent().filter(|parent| !parent.is_dir()) {
            fs::create_dir(parent).map_err(ArchiveError::io("create", parent))?;
        }
        self.temporaries += 1;
        Temporary::create(name::temporary(&target, self.temporaries), target)
    }

    fn submit(&mut self, entry: Entry, payload: Option<Temporary>) -> Result<(), ArchiveError> {
        self.publisher.submit(Job { entry, payload })
    }
}

fn learn(known: &mut HashMap<Key, Known>, entry: &Entry) {
    if let Some(subject) = entry.subject() {
        known.insert(
            subject,
            Known {
                done: entry.is_done(),
                attempts: entry.attempts,
            },
        );
    }
}

/// Removes what a killed process was writing.
fn sweep(directory: &Path) -> Result<(), ArchiveError> {
    for entry in fs::read_dir(directory).map_err(ArchiveError::io("read", directory))? {
        let entry = entry.map_err(ArchiveError::io("read", directory))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(ArchiveError::io("read", &path))?;
        if kind.is_dir() {
            sweep(&path)?;
        } else if path.extension().is_some_and(|end| end == TEMPORARY) {
            fs::remove_file(&path).map_err(ArchiveError::io("remove", &path))?;
        }
    }
    Ok(())
}
