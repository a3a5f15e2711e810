//! What uploads and new folders have changed, in a folder from which the next start of the emulator restores it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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

/// The folder of the payloads.
#[derive(Clone, Debug)]
pub(crate) enum Directory {
    Given(PathBuf),
    /// A folder that is made for the first upload, and deleted with the emulator.
    Temporary(Arc<Mutex<Option<TempDir>>>),
}

impl Directory {
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        let temporary = match self {
            Self::Given(path) => return Ok(path.clone()),
            Self::Temporary(temporary) => temporary,
        };
        let mut temporary = temporary.lock().unwrap_or_else(PoisonError::into_inner);
        if temporary.is_none() {
            *temporary = Some(tempfile::tempdir()?);
        }
        let folder = temporary.as_ref().map(|folder| folder.path().to_owned());
        Ok(folder.unwrap_or_default())
    }
}

/// The folder of the payloads, and the list of changes.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: Directory,
    /// The list, unless the folder is deleted with the emulator.
    list: Option<File>,
    /// The number of the next file.
    next: u64,
}

impl Journal {
    /// Opens a journal in a folder, or in a temporary one. Returns the changes that it contains.
    pub(crate) fn open(folder: Option<&Path>) -> io::Result<(Self, Vec<Entry>)> {
        let Some(folder) = folder else {
            let journal = Self {
                folder: Directory::Temporary(Arc::default()),
                list: None,
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
        // Windows cuts no file that is open for appending only.
        let mut options = OpenOptions::new();
        let mut list = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        list.set_len(whole as u64)?;
        list.seek(SeekFrom::End(0))?;
        let entries = text[..whole].lines().map(serde_json::from_str);
        let entries = entries.collect::<Result<Vec<Entry>, _>>()?;
        let journal = Self {
            folder: Directory::Given(folder.to_owned()),
            list: Some(list),
            // Files without a line may be there too.
            next: fs::read_dir(folder)?.count() as u64 + entries.len() as u64,
        };
        Ok((journal, entries))
    }

    pub(crate) const fn folder(&self) -> &Directory {
        &self.folder
    }

    /// Keeps a file under a name of its own, which it returns.
    pub(crate) fn keep(&mut self, file: NamedTempFile) -> io::Result<String> {
        self.next += 1;
        let name = format!("{}.fts", self.next);
        file.persist(self.folder.path()?.join(&name))?;
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
