//! What a restore has done, durably, so that the next run continues it.

use core::fmt::Write as _;
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::key::{key, Key};
use crate::archive::{place, Entry};

/// A line of the log: the last one about a version of an item counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(super) enum Line {
    /// A request with the item follows.
    Sent {
        #[serde(flatten)]
        version: Version,
        /// The number of items in its folder with the same search key, before it is stored.
        found: u64,
    },
    /// The server has stored the item.
    Stored {
        #[serde(flatten)]
        version: Version,
        /// The id of the new item, if the server has answered.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        new_id: Option<String>,
    },
    /// The server has not stored the item.
    NotStored {
        #[serde(flatten)]
        version: Version,
    },
    /// Copies of all items were created. A later run begins anew.
    End,
}

/// A version of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// The id of the item, or the name of its file.
    pub(super) id: String,
    pub(super) sha256: String,
}

impl Version {
    pub(super) fn of(entry: &Entry) -> Self {
        let name = entry.id.as_ref().or(entry.file.as_ref());
        Self {
            id: name.cloned().unwrap_or_default(),
            sha256: entry.sha256.clone().unwrap_or_default(),
        }
    }

    fn key(&self) -> Key {
        key(&[self.id.as_bytes(), self.sha256.as_bytes()])
    }
}

/// What the log says about a version of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A request was sent, and the log does not say how it ended.
    Sent {
        found: u64,
    },
    Stored,
}

/// The log of a restore from an archive into one place.
#[derive(Debug)]
pub(super) struct Log {
    /// `None` if nothing is added.
    file: Option<File>,
    states: HashMap<Key, State>,
}

impl Log {
    /// Returns the path of the log for a restore into a place.
    pub(super) fn path(dir: &Path, place: &[&str]) -> PathBuf {
        let place: Vec<_> = place.iter().map(|part| part.as_bytes()).collect();
        let mut name = String::new();
        for byte in &key(&place)[..8] {
            // Writing to a String does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        dir.join(format!("restore-{name}.jsonl"))
    }

    /// Reads a log, to which nothing is added.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut log = Self::new();
        match File::open(path) {
            Ok(mut file) => log.replay(&mut file).map(|_| log),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(log),
            Err(error) => Err(error),
        }
    }

    /// Opens a log, and creates it if it does not exist. An incomplete last line is removed. One process can open it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let dir = path.parent().unwrap_or(path);
        place::create_directory(dir)?;
        place::own_file(path).map_err(io::Error::other)?;
        let mut options = place::private();
        // Windows cuts no file that is open for appending only.
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let message = "another restore into the same place runs; wait until it ends";
                return Err(io::Error::other(message));
            }
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
                return Err(error);
            }
            _ => {}
        }
        let mut log = Self::new();
        // On Windows, a locked file can be read only by the handle that has locked it.
        let whole = log.replay(&mut file)?;
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        place::sync_directory(dir)?;
        log.file = Some(file);
        Ok(log)
    }

    fn new() -> Self {
        Self {
            file: None,
            states: HashMap::new(),
        }
    }

    /// Reads the lines, and returns their length without an incomplete last one.
    fn replay(&mut self, file: &mut File) -> io::Result<u64> {
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            self.note(&serde_json::from_str(line)?);
        }
        Ok(whole as u64)
    }

    fn note(&mut self, line: &Line) {
        match line {
            Line::Sent { version, found } => {
                let state = State::Sent { found: *found };
                self.states.insert(version.key(), state);
            }
            Line::Stored { version, .. } => {
                self.states.insert(version.key(), State::Stored);
            }
            Line::NotStored { version } => {
                self.states.remove(&version.key());
            }
            Line::End => self.states.clear(),
        }
    }

    /// Returns what is known about a version of an item.
    pub(super) fn state(&self, version: &Version) -> Option<State> {
        self.states.get(&version.key()).copied()
    }

    /// Adds lines, which are durable when this returns.
    pub(super) fn add(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        if let Some(file) = &mut self.file {
            file.write_all(&text)?;
            file.sync_data()?;
        }
        for line in lines {
            self.note(line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_last_line_of_a_version_counts_and_a_cut_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = Log::path(folder.path(), &["url", "", "Old"]);
        assert_ne!(path, Log::path(folder.path(), &["url", "Old", ""]));
        let version = |id: &str| Version {
            id: id.to_owned(),
            sha256: "00".to_owned(),
        };
        let sent = |id| Line::Sent {
            version: version(id),
            found: 2,
        };
        let mut log = Log::open(&path).unwrap();
        log.add(&[sent("a"), sent("b"), sent("c")]).unwrap();
        let stored = Line::Stored {
            version: version("a"),
            new_id: None,
        };
        let not_stored = Line::NotStored {
            version: version("b"),
        };
        log.add(&[stored, not_stored]).unwrap();
        assert!(Log::open(&path).is_err(), "it is locked");
        drop(log);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text + r#"{"state":"stored","id":"c""#).unwrap();
        let mut log = Log::open(&path).unwrap();
        assert_eq!(log.state(&version("a")), Some(State::Stored));
        assert_eq!(log.state(&version("b")), None);
        assert_eq!(log.state(&version("c")), Some(State::Sent { found: 2 }));
        log.add(&[Line::End]).unwrap();
        drop(log);
        assert_eq!(Log::read(&path).unwrap().state(&version("a")), None);
    }
}
