//! The folders that items are restored into.

use std::collections::{HashMap, HashSet};

use crate::archive::{folder_names, folder_path, Entry, ItemInfo};
use crate::list::{Folder, ListError, Lister, Scope};

/// The well-known folder that contains all others.
const ROOT: &str = "msgfolderroot";

/// The folders of the mailbox, and what the archive says about those of its items.
#[derive(Debug)]
pub(super) struct Folders {
    known: Vec<Folder>,
    /// The well-known names and the classes of the archive's folders, by their paths.
    archived: HashMap<Vec<String>, ItemInfo>,
    /// The path below which everything is restored.
    into: Option<Vec<String>>,
    /// Folders that had no items before the run, by their ids.
    empty: HashSet<String>,
    /// The number of created folders, or of those that would be.
    pub(super) created: u64,
    is_dry_run: bool,
}

/// The name of a folder, and its class.
type Step = (String, Option<String>);

/// Where an item is restored.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) path: String,
    /// Whether only this run has put items there.
    pub(super) was_empty: bool,
}

impl Folders {
    pub(super) fn list(
        lister: &mut Lister<'_>,
        items: &[Entry],
        into: Option<&str>,
        is_dry_run: bool,
    ) -> Result<Self, ListError> {
        let known = lister.folders(Scope::default())?;
        let is_empty = |folder: &&Folder| folder.count(true) == Some(0);
        let empty = known
            .iter()
            .filter(is_empty)
            .map(|folder| folder.id.clone());
        let archived = items.iter().filter_map(|entry| {
            let path = entry.item.folder.as_deref()?;
            Some((folder_names(path), entry.item.clone()))
        });
        Ok(Self {
            empty: empty.collect(),
            archived: archived.collect(),
            into: into.map(folder_names),
            known,
            created: 0,
            is_dry_run,
        })
    }

    /// Returns the id of the folder that contains all others.
    pub(super) fn root_id(&self) -> &str {
        let is_root = |folder: &&Folder| folder.distinguished.as_deref() == Some(ROOT);
        let root = self.known.iter().find(is_root);
        root.map_or("", |folder| &folder.id)
    }

    /// Returns the folder for an item, which is created if it does not exist; `None` if the archive does not say where the
    /// item was.
    pub(super) fn target(
        &mut self,
        lister: &mut Lister<'_>,
        item: &ItemInfo,
    ) -> Result<Option<Target>, ListError> {
        let Some((base, steps)) = self.steps(item) else {
            return Ok(None);
        };
        let mut at = self.distinguished(lister, &base)?;
        for (name, class) in steps {
            at = self.child(lister, &at, &name, class.as_deref())?;
        }
        Ok(Some(Target {
            was_empty: self.empty.contains(&at.id),
            id: at.id,
            path: at.path,
        }))
    }

    /// Returns the well-known folder to begin in, and the names and classes of the folders from there on.
    fn steps(&self, item: &ItemInfo) -> Option<(String, Vec<Step>)> {
        let names = item.folder.as_deref().map(folder_names);
        let (base, before, skip) = match &self.into {
            Some(into) => (ROOT.to_owned(), &into[..], 0),
            None => {
                let (base, skip) = self.well_known(names.as_ref()?);
                (base, &[][..], skip)
            }
        };
        let names = names.unwrap_or_default();
        let below = (skip..names.len()).map(|at| {
            let info = self.archived.get(&names[..=at]);
            (
                names[at].clone(),
                info.and_then(|info| info.folder_class.clone()),
            )
        });
        let before = before.iter().map(|name| (name.clone(), None));
        Some((base, before.chain(below).collect()))
    }

    /// Returns the well-known folder with the longest part of a path, and the length of that part. Its display name depends
    /// on the language of the mailbox, so the path does not identify it.
    fn well_known(&self, names: &[String]) -> (String, usize) {
        let lengths = (1..=names.len()).rev();
        let mut known = lengths.filter_map(|len| {
            let info = self.archived.get(&names[..len])?;
            Some((info.distinguished_folder.clone()?, len))
        });
        known.next().unwrap_or_else(|| (ROOT.to_owned(), 0))
    }

    fn distinguished(&mut self, lister: &mut Lister<'_>, name: &str) -> Result<Folder, ListError> {
        let is = |folder: &&Folder| folder.distinguished.as_deref() == Some(name);
        if let Some(folder) = self.known.iter().find(is) {
            return Ok(folder.clone());
        }
        // A folder outside of those that are listed, such as one of the recoverable items.
        let folder = lister.folder(name)?;
        self.known.push(folder.clone());
        Ok(folder)
    }

    /// Returns the folder with this name in another one, which is created if it does not exist.
    fn child(
        &mut self,
        lister: &mut Lister<'_>,
        parent: &Folder,
        name: &str,
        class: Option<&str>,
    ) -> Result<Folder, ListError> {
        if let Some(folder) = self.find(&parent.id, name) {
            return Ok(folder);
        }
        let mut names = folder_names(&parent.path);
        names.push(name.to_owned());
        let path = folder_path(names.iter().map(String::as_str));
        let id = match self.is_dry_run {
            true => Some(format!("new folder {path}")),
            false => lister.create_folder(&parent.id, name, class)?,
        };
        let Some(id) = id else {
            // Another program has created it.
            self.known = lister.folders(Scope::default())?;
            let folder = parent.path.clone();
            let missing = ListError::WithoutId { folder, entries: 1 };
            return self.find(&parent.id, name).ok_or(missing);
        };
        self.created += 1;
        self.empty.insert(id.clone());
        let folder = Folder {
            id,
            parent_id: Some(parent.id.clone()),
            name: name.to_owned(),
            path,
            class: class.map(str::to_owned),
            distinguished: None,
            items: Some(0),
            associated: Some(0),
            bytes: Some(0),
            is_search: false,
        };
        self.known.push(folder.clone());
        Ok(folder)
    }

    /// Finds a folder by its name, which servers compare without case.
    fn find(&self, parent: &str, name: &str) -> Option<Folder> {
        let name = name.to_lowercase();
        let is = |folder: &&Folder| {
            folder.parent_id.as_deref() == Some(parent) && folder.name.to_lowercase() == name
        };
        self.known.iter().find(is).cloned()
    }
}
