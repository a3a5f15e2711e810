//! Which items of an archive are restored.

use core::fmt;
use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::key::{key, Key};
use crate::archive::{
    folder_names, ArchiveError, Entry, FolderRecord, Inventory, ItemInfo, Listed, Record, Status,
};
use crate::list::{select, Folder, SelectError};

/// Chooses items of an archive. The default is the newest version of each item that existed at the last run.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs)] // a caller makes it
pub struct Selection {
    /// Items that the server had deleted too.
    pub deleted: bool,
    /// What existed at this time, instead of at the last run.
    pub as_of: Option<Timestamp>,
    /// Only the items of this folder and the folders in it: a path, the name of a well-known folder, an id, or a display
    /// name that only one folder has.
    pub folder: Option<String>,
    /// Only the items with these ids.
    pub only: Vec<String>,
    /// Only the items whose subject contains this text, in upper or lower case.
    pub find: Option<String>,
}

/// Items cannot be chosen.
#[derive(Debug)]
#[non_exhaustive]
pub enum SelectionError {
    /// The manifest cannot be read.
    Archive(ArchiveError),
    /// The archive has no such folder, or several.
    Folder(SelectError),
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(error) => error.fmt(f),
            Self::Folder(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SelectionError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within.
        match self {
            Self::Archive(error) => error.source(),
            Self::Folder(error) => error.source(),
        }
    }
}

impl From<ArchiveError> for SelectionError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl From<SelectError> for SelectionError {
    fn from(error: SelectError) -> Self {
        Self::Folder(error)
    }
}

/// The chosen items of an archive.
///
/// Memory: 8 bytes for each item, because the entries are read again when they are needed.
#[derive(Debug, Default)]
pub struct Chosen {
    /// The options by which they were chosen.
    pub(super) selection: String,
    /// The positions of the entries among all that the inventory lists, in ascending order.
    positions: Vec<u64>,
    absent: Vec<String>,
    /// All folders that the archive knows.
    pub(super) folders: Vec<Folder>,
    /// The paths of the folders that existed at the end of the last backup, by their ids.
    paths: HashMap<String, String>,
    /// The paths of those to create even if no item is in them.
    pub(super) empty_too: Vec<String>,
}

/// An item at the time that is asked for.
struct Newest {
    position: u64,
    time: Timestamp,
    deleted_at: Option<Timestamp>,
}

/// A folder, and whether it existed at the end of the last backup.
struct Archived {
    folder: Folder,
    existed: bool,
}

impl Selection {
    /// Chooses items.
    ///
    /// # Errors
    /// If the manifest cannot be read, or the archive has no such folder.
    pub fn choose(&self, inventory: &Inventory) -> Result<Chosen, SelectionError> {
        let mut items: HashMap<Key, Newest> = HashMap::new();
        let mut folders = Folders::default();
        entries(inventory, |position, listed| match listed {
            Listed::Item { entry, .. } | Listed::Older { entry } => {
                let Some(time) = self.time(&entry.time) else {
                    return;
                };
                folders.item(&entry.item);
                if entry.status == Status::Ok {
                    let newest = Newest {
                        position,
                        time,
                        deleted_at: None,
                    };
                    let known = items.entry(key_of(entry));
                    let known = known.or_insert_with(|| Newest { ..newest });
                    if known.time <= time {
                        let deleted_at = known.deleted_at;
                        *known = Newest {
                            deleted_at,
                            ..newest
                        };
                    }
                }
            }
            Listed::Record(timed) => {
                let Some(time) = self.time(&timed.time) else {
                    return;
                };
                match &timed.record {
                    Record::Deleted { id } => {
                        if let Some(item) = items.get_mut(&key(&[id.as_bytes()])) {
                            item.deleted_at = Some(time);
                        }
                    }
                    Record::Run(_) => folders.is_next_run = true,
                    Record::Folder(record) => folders.record(record),
                    _ => {}
                }
            }
        })?;
        let existed = |item: &Newest| {
            self.deleted || item.deleted_at.is_none_or(|deleted| deleted < item.time)
        };
        items.retain(|_, item| existed(item));
        let mut chosen = Chosen {
            selection: format!("{self:?}"),
            ..folders.finish()
        };
        let within = match &self.folder {
            Some(name) => {
                let found = select(&chosen.folders, core::slice::from_ref(name), false)?;
                found.first().map(|folder| folder_names(&folder.path))
            }
            None => None,
        };
        let is_within = |path: &str| {
            let within = within.as_deref();
            within.is_none_or(|within| folder_names(path).starts_with(within))
        };
        let mut positions = Vec::new();
        let mut absent: HashSet<&str> = self.only.iter().map(String::as_str).collect();
        entries(inventory, |position, listed| {
            let (Listed::Item { entry, .. } | Listed::Older { entry }) = listed else {
                return;
            };
            let newest = items.get(&key_of(entry));
            let is_in = match chosen.folder_of(&entry.item) {
                Some(path) => is_within(path),
                None => within.is_none(),
            };
            if newest.is_some_and(|it| it.position == position) && is_in && self.wants(entry) {
                positions.push(position);
                absent.remove(entry.id.as_deref().unwrap_or_default());
            }
        })?;
        let absent = self.only.iter().filter(|id| absent.contains(id.as_str()));
        chosen.absent = absent.cloned().collect();
        chosen.positions = positions;
        match self.only.is_empty() && self.find.is_none() {
            true => chosen.empty_too.retain(|path| is_within(path)),
            false => chosen.empty_too.clear(),
        }
        Ok(chosen)
    }

    /// Reads a time; `None` after the time that is asked for.
    fn time(&self, text: &str) -> Option<Timestamp> {
        let time: Timestamp = text.parse().ok()?;
        self.as_of.is_none_or(|limit| time <= limit).then_some(time)
    }

    fn wants(&self, entry: &Entry) -> bool {
        let contains = |text: &String| {
            let subject = entry.item.subject.as_deref().unwrap_or_default();
            subject.to_lowercase().contains(&text.to_lowercase())
        };
        (self.only.is_empty() || entry.id.as_ref().is_some_and(|id| self.only.contains(id)))
            && self.find.as_ref().is_none_or(contains)
    }
}

/// Returns the key of an item. One whose request is unknown has no id, but a file of its own.
fn key_of(entry: &Entry) -> Key {
    let name = entry.id.as_ref().or(entry.file.as_ref());
    key(&[name.map_or(&[], String::as_bytes)])
}

/// Reports what an inventory lists, the entries with their positions.
fn entries(
    inventory: &Inventory,
    mut report: impl FnMut(u64, &Listed<'_>),
) -> Result<(), ArchiveError> {
    let mut position = 0;
    inventory.each(|listed| {
        report(position, &listed);
        position += u64::from(!matches!(listed, Listed::Record(_)));
    })
}

impl Chosen {
    /// Returns the number of items.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.positions.len()
    }

    /// Returns whether there are no items.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Returns the ids that were asked for, and of which the archive holds no item.
    #[must_use]
    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Returns the path of an item's folder at the end of the last backup, in which the folder may have another name than
    /// when the item was exported.
    pub(super) fn folder_of<'i>(&'i self, item: &'i ItemInfo) -> Option<&'i str> {
        let id = item.folder_id.as_ref();
        let current = id.and_then(|id| self.paths.get(id));
        current.or(item.folder.as_ref()).map(String::as_str)
    }

    /// Reads the entries of the items, in the order of the manifest.
    pub(super) fn each(
        &self,
        inventory: &Inventory,
        mut report: impl FnMut(&Entry),
    ) -> Result<(), ArchiveError> {
        let mut positions = self.positions.iter().peekable();
        entries(inventory, |position, listed| {
            let (Listed::Item { entry, .. } | Listed::Older { entry }) = listed else {
                return;
            };
            if positions.next_if_eq(&&position).is_some() {
                report(entry);
            }
        })
    }
}

/// Collects the folders of an archive.
#[derive(Default)]
struct Folders {
    by_path: BTreeMap<String, Archived>,
    /// The paths of the last backup, by the ids of the folders.
    paths: HashMap<String, String>,
    /// Whether a run has begun since the last record of a folder.
    is_next_run: bool,
}

impl Folders {
    /// Notes the folder of an item.
    fn item(&mut self, item: &ItemInfo) {
        let Some(path) = &item.folder else {
            return;
        };
        let folder = self.at(path);
        folder.id = item.folder_id.clone().unwrap_or_default();
        folder.class.clone_from(&item.folder_class);
        folder.distinguished.clone_from(&item.distinguished_folder);
    }

    /// Notes a folder at the end of a backup, which lists all of them.
    fn record(&mut self, record: &FolderRecord) {
        if core::mem::take(&mut self.is_next_run) {
            self.by_path.values_mut().for_each(|it| it.existed = false);
            self.paths.clear();
        }
        if let Some(id) = &record.folder_id {
            self.paths.insert(id.clone(), record.folder.clone());
        }
        let folder = self.at(&record.folder);
        folder.id = record.folder_id.clone().unwrap_or_default();
        // An older program did not record these.
        if record.folder_class.is_some() {
            folder.class.clone_from(&record.folder_class);
        }
        if record.distinguished_folder.is_some() {
            folder
                .distinguished
                .clone_from(&record.distinguished_folder);
        }
        if let Some(archived) = self.by_path.get_mut(&record.folder) {
            archived.existed = true;
        }
    }

    fn at(&mut self, path: &str) -> &mut Folder {
        let archived = self.by_path.entry(path.to_owned());
        let new = |path: &String| Archived {
            folder: Folder {
                id: String::new(),
                parent_id: None,
                name: folder_names(path).pop().unwrap_or_default(),
                path: path.clone(),
                class: None,
                distinguished: None,
                items: None,
                associated: None,
                bytes: None,
                is_search: false,
            },
            existed: false,
        };
        &mut archived.or_insert_with_key(new).folder
    }

    /// Returns a choice without items.
    fn finish(self) -> Chosen {
        let Self { by_path, paths, .. } = self;
        let mut chosen = Chosen::default();
        for Archived { folder, existed } in by_path.into_values() {
            if existed {
                chosen.empty_too.push(folder.path.clone());
            }
            // The path that a folder had before it was renamed.
            if paths
                .get(&folder.id)
                .is_none_or(|path| *path == folder.path)
            {
                chosen.folders.push(folder);
            }
        }
        chosen.paths = paths;
        chosen
    }
}
