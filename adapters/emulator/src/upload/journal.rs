//! What uploads and new folders have changed, in a folder from which the next start of the emulator restores it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempDir};

/// A line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The GUID of the mailbox.
    pub(crate) mailbox: String,
    pub(crate) event: Event,
}

/// A change of a mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    CreateFolder {
        parent: u64,
        name: String,
        class: String,
    },
    /// A new item with the payload in a file.
    Create {
        folder: u64,
        associated: bool,
        file: String,
    },
    /// A new payload of the item with this seed.
    Update { seed: u64, file: String },
}

/// The folder of the payloads, and the list of changes.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    /// The list, unless the folder is deleted with the emulator.
    list: Option<File>,
    _temporary: Option<TempDir>,
    /// The number of the next file.
    next: u64,
}

impl Journal {
    /// Opens a journal in a folder, or in a temporary one. Returns the changes that it contains.
    pub(crate) fn open(folder: Option<&Path>) -> io::Result<(Self, Vec<Entry>)> {
        let Some(folder) = folder else {
            let temporary = tempfile::tempdir()?;
            let journal = Self {
                folder: temporary.path().to_owned(),
                list: None,
                _temporary: Some(temporary),
                next: 0,
            };
            return Ok((journal, Vec::new()));
        };
        fs::create_dir_all(folder)?;
        let path = folder.join("journal.jsonl");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        // A line that was cut by a kill is not a change.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let list = OpenOptions::new().create(true).append(true).open(&path)?;
        list.set_len(whole as u64)?;
        let entries = text[..whole].lines().map(serde_json::from_str);
        let entries = entries.collect::<Result<Vec<Entry>, _>>()?;
        let journal = Self {
            folder: folder.to_owned(),
            list: Some(list),
            _temporary: None,
            // Files without a line may be there too.
            next: fs::read_dir(folder)?.count() as u64 + entries.len() as u64,
        };
        Ok((journal, entries))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a file under a name of its own, which it returns.
    pub(crate) fn keep(&mut self, file: NamedTempFile) -> io::Result<String> {
        self.next += 1;
        let name = format!("{}.fts", self.next);
        file.persist(self.folder.join(&name))?;
        Ok(name)
    }

    /// Adds a change.
    pub(crate) fn add(&mut self, entry: &Entry) -> io::Result<()> {
        let Some(list) = &mut self.list else {
            return Ok(());
        };
        let mut line = serde_json::to_string(entry)?;
        line.push('\n');
        list.write_all(line.as_bytes())
    }
}
