//! The list of a folder, kept beside the manifest.
//!
//! ```text
//! DIR/list/<32 hex>.jsonl    the items of one folder, named by the SHA-256 of the folder's id
//! ```
//!
//! Changes are appended in the order of the server's answers, and the state of each answer after its changes. So if the
//! process is killed, the list continues with the last state, and at most one answer is requested again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::archive::{place, ArchiveError, ItemInfo};
use crate::list::{Folder, ListedItem};

/// The directory of the lists.
const LIST: &str = "list";

/// A list with this many lines beyond two for each item is written anew.
const SPARE_LINES: usize = 1_000;

/// A line of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The folder, for people, and for a later run that does not find it any more.
    Folder(FolderLine),
    /// The item exists in this version.
    Item(ItemLine),
    /// The item no longer exists in the folder.
    Deleted(String),
    /// All items are listed again from here on.
    Restart,
    /// The changes before are complete up to this state.
    State {
        state: String,
        /// Whether folder associated information is listed too.
        associated: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FolderLine {
    id: String,
    path: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ItemLine {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_key: Option<String>,
    #[serde(flatten)]
    info: ItemInfo,
}

/// An item of the list.
#[derive(Clone, Debug)]
struct Known {
    change_key: Option<String>,
    info: ItemInfo,
    /// Whether the item has been listed since the last restart.
    is_seen: bool,
}

impl Known {
    fn line(&self, id: &str) -> Line {
        Line::Item(ItemLine {
            id: id.to_owned(),
            change_key: self.change_key.clone(),
            info: self.info.clone(),
        })
    }
}

/// The list of a folder, open for more changes.
#[derive(Debug)]
pub(super) struct FolderLog {
    file: File,
    path: PathBuf,
    folder: Option<FolderLine>,
    state: Option<String>,
    associated: bool,
    items: HashMap<String, Known>,
    /// Lines that are not written yet.
    waiting: Vec<u8>,
    /// The number of lines.
    lines: usize,
}

impl FolderLog {
    /// Opens the list of a folder, and creates it if it does not exist. An incomplete last line is removed.
    pub(super) fn open(dir: &Path, folder: &Folder) -> Result<Self, ArchiveError> {
        let lists = dir.join(LIST);
        place::own_directory(&lists)?;
        let digest = Sha256::digest(folder.id.as_bytes());
        let name = digest[..16].iter().fold(String::new(), |mut name, byte| {
            use core::fmt::Write as _;
            // Writing to a String does not fail.
            let _ = write!(name, "{byte:02x}");
            name
        });
        let path = lists.join(format!("{name}.jsonl"));
        let mut log = Self::read(path.clone())?;
        if log.lines > SPARE_LINES + 2 * log.items.len() {
            log.compact()?;
            log = Self::read(path)?;
        }
        let line = FolderLine {
            id: folder.id.clone(),
            path: folder.path.clone(),
        };
        if log.folder.as_ref() != Some(&line) {
            log.add(&Line::Folder(line.clone()));
            log.folder = Some(line);
        }
        Ok(log)
    }

    /// Opens every list in an archive.
    pub(super) fn all(dir: &Path) -> Result<Vec<Self>, ArchiveError> {
        let lists = dir.join(LIST);
        let entries = match fs::read_dir(&lists) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ArchiveError::io("read", &lists)(error)),
        };
        let mut logs = Vec::new();
        for entry in entries {
            let path = entry.map_err(ArchiveError::io("read", &lists))?.path();
            if path.extension().is_some_and(|it| it == "jsonl") {
                logs.push(Self::read(path)?);
            }
        }
        Ok(logs)
    }

    fn read(path: PathBuf) -> Result<Self, ArchiveError> {
        place::own_file(&path)?;
        let file = place::private()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(ArchiveError::io("open", &path))?;
        let mut log = Self {
            file,
            path,
            folder: None,
            state: None,
            associated: false,
            items: HashMap::new(),
            waiting: Vec::new(),
            lines: 0,
        };
        log.replay().map_err(ArchiveError::io("read", &log.path))?;
        Ok(log)
    }

    /// Reads the lines up to the first one that is not complete, and removes the rest.
    fn replay(&mut self) -> io::Result<()> {
        let mut reader = BufReader::new(self.file.try_clone()?);
        let (mut text, mut len) = (Vec::new(), 0);
        loop {
            text.clear();
            let read = reader.read_until(b'\n', &mut text)?;
            match serde_json::from_slice(&text) {
                Ok(line) if text.ends_with(b"\n") => self.apply(line),
                _ => break,
            }
            self.lines += 1;
            len += read as u64;
        }
        self.file.set_len(len)
    }

    /// Replaces the file by one with a line for each item.
    fn compact(&mut self) -> Result<(), ArchiveError> {
        self.waiting.clear();
        if let Some(folder) = self.folder.clone() {
            self.add(&Line::Folder(folder));
        }
        let items: Vec<_> = self.items.iter().map(|(id, it)| it.line(id)).collect();
        let is_seen: Vec<_> = self.items.values().map(|it| it.is_seen).collect();
        let of = |seen| {
            items
                .iter()
                .zip(&is_seen)
                .filter(move |(_, &it)| it == seen)
        };
        let unseen: Vec<_> = of(false).map(|(line, _)| line).collect();
        for line in &unseen {
            self.add(line);
        }
        if !unseen.is_empty() {
            self.add(&Line::Restart);
        }
        for (line, _) in of(true) {
            self.add(line);
        }
        if let Some(state) = self.state.clone() {
            let associated = self.associated;
            self.add(&Line::State { state, associated });
        }
        place::replace_file(&self.path, &self.waiting)
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Folder(folder) => self.folder = Some(folder),
            Line::Item(item) => {
                let known = Known {
                    change_key: item.change_key,
                    info: item.info,
                    is_seen: true,
                };
                self.items.insert(item.id, known);
            }
            Line::Deleted(id) => {
                self.items.remove(&id);
            }
            Line::Restart => {
                self.state = None;
                self.items.values_mut().for_each(|it| it.is_seen = false);
            }
            Line::State { state, associated } => {
                self.state = Some(state);
                self.associated = associated;
            }
        }
    }

    fn add(&mut self, line: &Line) {
        // These types always have a JSON form.
        if serde_json::to_writer(&mut self.waiting, line).is_ok() {
            self.waiting.push(b'\n');
        }
    }

    /// Returns the last durable state, if it is one with or without folder associated information, as wanted.
    pub(super) fn state(&self, associated: bool) -> Option<&str> {
        let state = self.state.as_deref();
        state.filter(|_| self.associated == associated)
    }

    /// Notes that all items are listed again from here on.
    pub(super) fn restart(&mut self) {
        if !self.items.is_empty() {
            self.add(&Line::Restart);
        }
        self.apply(Line::Restart);
    }

    /// Notes that an item exists in this version.
    pub(super) fn item(&mut self, item: ListedItem) {
        let line = Line::Item(ItemLine {
            id: item.id,
            change_key: item.change_key,
            // The folder has a line of its own.
            info: ItemInfo {
                folder: None,
                folder_id: None,
                folder_class: None,
                distinguished_folder: None,
                ..item.info
            },
        });
        self.add(&line);
        self.apply(line);
    }

    /// Notes another `ChangeKey` of an item. Returns `false` if the item is not in the list.
    pub(super) fn change_key(&mut self, id: &str, change_key: Option<String>) -> bool {
        let Some(known) = self.items.get(id) else {
            return false;
        };
        let info = known.info.clone();
        let id = id.to_owned();
        self.item(ListedItem {
            id,
            change_key,
            info,
        });
        true
    }

    /// Notes that an item no longer exists.
    pub(super) fn deleted(&mut self, id: &str) {
        if self.items.contains_key(id) {
            let line = Line::Deleted(id.to_owned());
            self.add(&line);
            self.apply(line);
        }
    }

    /// Makes all changes durable, and the state after them.
    pub(super) fn save(&mut self, state: &str, associated: bool) -> Result<(), ArchiveError> {
        let line = Line::State {
            state: state.to_owned(),
            associated,
        };
        // A run without changes does not make the list longer.
        if !self.waiting.is_empty() || self.state.as_deref() != Some(state) {
            self.add(&line);
        }
        self.apply(line);
        self.flush()
    }

    /// Makes all changes durable.
    pub(super) fn flush(&mut self) -> Result<(), ArchiveError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut file = &self.file;
        file.write_all(&self.waiting)
            .and_then(|()| file.sync_data())
            .map_err(ArchiveError::io("write", &self.path))?;
        self.waiting.clear();
        Ok(())
    }

    /// Returns the ids of items that were not listed since the last restart.
    pub(super) fn unseen(&self) -> Vec<String> {
        let unseen = self.items.iter().filter(|(_, known)| !known.is_seen);
        unseen.map(|(id, _)| id.clone()).collect()
    }

    /// Returns the id of the folder, and its path.
    pub(super) fn folder(&self) -> (&str, &str) {
        let folder = self.folder.as_ref();
        folder.map_or(("", ""), |folder| (&folder.id, &folder.path))
    }

    /// Returns the ids and `ChangeKey`s of all items.
    pub(super) fn ids(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let items = self.items.iter();
        items.map(|(id, known)| (id.as_str(), known.change_key.as_deref()))
    }

    /// Returns an item with the properties of its folder.
    pub(super) fn listed(&self, id: &str, folder: &Folder) -> Option<ListedItem> {
        let known = self.items.get(id)?;
        let of_item = known.info.clone();
        let of_folder = folder.info();
        Some(ListedItem {
            id: id.to_owned(),
            change_key: known.change_key.clone(),
            info: ItemInfo {
                folder: of_folder.folder,
                folder_id: of_folder.folder_id,
                folder_class: of_folder.folder_class,
                distinguished_folder: of_folder.distinguished_folder,
                ..of_item
            },
        })
    }
}
