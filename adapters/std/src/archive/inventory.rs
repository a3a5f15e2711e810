//! A list of everything that an archive contains.

use exportitems_engine::ItemState;
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::entry::{Entry, Status};
use super::error::ArchiveError;
use super::index::{Index, Known};
use super::line::{Line, Text};
use super::manifest::{self, Complete, MANIFEST};
use super::name::Key;
use super::place;
use super::record::Timed;

/// A list of everything that an archive contained when it was opened.
///
/// The archive may come from an untrusted source, so this opens only the manifest. It changes nothing, and another
/// process may write to the archive meanwhile.
///
/// Memory: about 80 bytes for each item, as for an [`Archive`](super::Archive).
#[derive(Debug)]
pub struct Inventory {
    dir: PathBuf,
    index: Index,
    /// The last lines of payloads whose request is unknown.
    by_index: HashMap<Key, u64>,
    /// The last lines of older versions that are kept.
    older: HashMap<(Key, u16), u64>,
    len: u64,
    is_written: bool,
}

/// A line that [`Inventory::each`] reports.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listed<'a> {
    /// The last entry of an item.
    Item {
        /// The entry.
        entry: &'a Entry,
        /// The state of the item. It is [`Lost`](ItemState::Lost) only after [`Inventory::check_files`].
        state: ItemState,
        /// Whether the server has deleted the item.
        is_deleted: bool,
    },
    /// The entry of an older version of an item, which is kept.
    Older {
        /// The entry.
        entry: &'a Entry,
    },
    /// A record.
    Record(&'a Timed),
}

impl Inventory {
    /// Reads the manifest of the archive in `dir`.
    ///
    /// # Errors
    /// If the manifest cannot be read.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, ArchiveError> {
        Self::open_with(dir.into(), |_, _| ())
    }

    /// Reads the manifest, and passes each line to `each`.
    pub(super) fn open_with(
        dir: PathBuf,
        mut each: impl FnMut(&Complete<'_>, &Line<'_>),
    ) -> Result<Self, ArchiveError> {
        let path = dir.join(MANIFEST);
        place::own_file(&path)?;
        let file = File::open(&path).map_err(ArchiveError::io("open", &path))?;
        let mut inventory = Self {
            dir,
            index: Index::default(),
            by_index: HashMap::new(),
            older: HashMap::new(),
            len: 0,
            is_written: matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        };
        let end = manifest::read(&file, &path, |complete, line| {
            each(complete, line);
            inventory.apply(line, complete.offset);
            Ok(())
        })?;
        inventory.len = end.len;
        Ok(inventory)
    }

    /// Marks items whose file is missing or has another size as [lost](ItemState::Lost), and returns their number.
    pub fn check_files(&mut self) -> u64 {
        self.index.find_lost(&self.dir)
    }

    /// Reports, in the order of the manifest, the last entry of each item and of each older version, and the records.
    ///
    /// # Errors
    /// If the manifest cannot be read.
    pub fn each(&self, mut report: impl FnMut(Listed<'_>)) -> Result<(), ArchiveError> {
        let path = self.dir.join(MANIFEST);
        let file = File::open(&path).map_err(ArchiveError::io("open", &path))?;
        manifest::read(file.take(self.len), &path, |complete, line| {
            if line.kind.is_some() {
                // A newer program may write other records.
                if let Ok(record) = complete.read() {
                    report(Listed::Record(&record));
                }
                return Ok(());
            }
            let key = line.id.as_ref().map(|id| Key::of(id.as_str()));
            let known = key.and_then(|key| self.index.get(key));
            if let Some(known) = known.filter(|known| known.line == complete.offset) {
                report(Listed::Item {
                    entry: &complete.read()?,
                    state: known.state_of(None),
                    is_deleted: known.is_deleted,
                });
                return Ok(());
            }
            let Some(file) = &line.file else {
                return Ok(());
            };
            let version = key.and_then(|key| Some((key, key.version(file.as_str())?)));
            if version.is_some_and(|key| self.older.get(&key) == Some(&complete.offset)) {
                report(Listed::Older {
                    entry: &complete.read()?,
                });
            } else if key.is_none()
                && self.by_index.get(&Key::of(file.as_str())) == Some(&complete.offset)
            {
                report(Listed::Item {
                    entry: &complete.read()?,
                    state: match line.suspect {
                        true => ItemState::Suspect,
                        false => ItemState::Done,
                    },
                    is_deleted: false,
                });
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Returns whether another process had the archive open.
    pub(super) const fn is_written(&self) -> bool {
        self.is_written
    }

    /// Returns whether a line lists this file, a path relative to the archive.
    pub(super) fn lists(&self, file: &str) -> bool {
        match Key::of_file(file) {
            Some((key, version)) => {
                let is_latest = |known: &Known| match known.state {
                    // Its entry names another file.
                    ItemState::Lost => known.version.max(1) == version,
                    _ => known.is_held() && known.version == version,
                };
                self.index.get(key).is_some_and(is_latest)
                    || self.older.contains_key(&(key, version))
            }
            None => self.by_index.contains_key(&Key::of(file)),
        }
    }

    fn apply(&mut self, line: &Line<'_>, offset: u64) {
        let before = self.index.apply(line, offset);
        let file = line.file.as_ref().map(Text::as_str);
        if line.is_record("removed") {
            if let Some(version) = file.and_then(Key::of_file) {
                self.older.remove(&version);
            }
            return;
        }
        let Some(status) = line.outcome() else {
            return;
        };
        match (&line.id, file) {
            (Some(id), Some(file)) if status == Status::Ok => {
                let key = Key::of(id.as_str());
                let version = key.version(file);
                let before = before.filter(|before| before.is_held() && before.version != 0);
                if let Some(before) = before.filter(|before| Some(before.version) != version) {
                    self.older.insert((key, before.version), before.line);
                }
            }
            (None, Some(file)) => {
                self.by_index.insert(Key::of(file), offset);
            }
            _ => {}
        }
    }
}

impl AsRef<Path> for Inventory {
    /// Returns the directory of the archive.
    fn as_ref(&self) -> &Path {
        &self.dir
    }
}
