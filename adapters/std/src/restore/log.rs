//! What a restore has done, durably, so that the next run continues it.

use core::fmt::Write as _;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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
    /// All items are restored. A later run begins anew.
    End,
}

/// A version of an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) sha256: String,
}

/// What the log says about a version of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    file: File,
    states: HashMap<Version, State>,
}

impl Log {
    /// Returns the path of the log for the restore of an archive into a place.
    pub(super) fn path(archive: &Path, place: &[&str]) -> PathBuf {
        let mut hash = Sha256::new();
        for part in place {
            hash.update(part);
            hash.update([0]);
        }
        let hash = hash.finalize();
        let mut name = String::new();
        for byte in hash.iter().take(8) {
            // Writing to a String does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        archive.join(format!("restore-{name}.jsonl"))
    }

    /// Opens a log. An incomplete last line is removed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut options = OpenOptions::new();
        // Windows cuts no file that is open for appending only.
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        let mut log = Self {
            file,
            states: HashMap::new(),
        };
        for line in text[..whole].lines() {
            log.note(serde_json::from_str(line)?);
        }
        Ok(log)
    }

    fn note(&mut self, line: Line) {
        match line {
            Line::Sent { version, found } => {
                self.states.insert(version, State::Sent { found });
            }
            Line::Stored { version, .. } => {
                self.states.insert(version, State::Stored);
            }
            Line::NotStored { version } => {
                self.states.remove(&version);
            }
            Line::End => self.states.clear(),
        }
    }

    /// Returns what is known about a version of an item.
    pub(super) fn state(&self, version: &Version) -> Option<&State> {
        self.states.get(version)
    }

    /// Adds lines, which are durable when this returns.
    pub(super) fn add(&mut self, lines: Vec<Line>) -> io::Result<()> {
        let mut text = Vec::new();
        for line in &lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        self.file.write_all(&text)?;
        self.file.sync_data()?;
        for line in lines {
            self.note(line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        log.add(vec![sent("a"), sent("b"), sent("c")]).unwrap();
        let stored = Line::Stored {
            version: version("a"),
            new_id: None,
        };
        let not_stored = Line::NotStored {
            version: version("b"),
        };
        log.add(vec![stored, not_stored]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text + r#"{"state":"stored","id":"c""#).unwrap();
        let mut log = Log::open(&path).unwrap();
        assert_eq!(log.state(&version("a")), Some(&State::Stored));
        assert_eq!(log.state(&version("b")), None);
        assert_eq!(log.state(&version("c")), Some(&State::Sent { found: 2 }));
        log.add(vec![Line::End]).unwrap();
        assert_eq!(Log::open(&path).unwrap().state(&version("a")), None);
    }
}
