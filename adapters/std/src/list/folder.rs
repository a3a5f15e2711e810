//! The folders of a mailbox, and which of them are meant.

use core::fmt;
use std::collections::HashMap;

use super::answer::Entry;
use crate::archive::{folder_names, folder_path, ItemInfo};

/// A folder of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Folder {
    /// The `Id` of its `FolderId`.
    pub id: String,
    /// The `Id` of its parent.
    pub parent_id: Option<String>,
    /// The `DisplayName`.
    pub name: String,
    /// The path, see [`folder_path`]. That of a folder outside of `msgfolderroot` begins with the well-known name of the
    /// root, such as `recoverableitemsroot`.
    pub path: String,
    /// The `FolderClass`, such as `IPF.Note`.
    pub class: Option<String>,
    /// The name of a well-known folder, such as `inbox`.
    pub distinguished: Option<String>,
    /// `TotalCount`: the number of items without folder associated information.
    pub items: Option<u64>,
    /// The number of items that are folder associated information.
    pub associated: Option<u64>,
    /// `PidTagMessageSizeExtended`: the size of all items in bytes.
    pub bytes: Option<u64>,
    /// Whether it only shows items of other folders.
    pub is_search: bool,
}

impl Folder {
    pub(super) fn new(entry: Entry, path: String, distinguished: Option<String>) -> Self {
        Self {
            id: entry.id,
            parent_id: entry.parent_id,
            name: entry.name.unwrap_or_default(),
            path,
            class: entry.class,
            distinguished,
            items: entry.total,
            associated: entry.associated_total,
            bytes: entry.size,
            is_search: entry.element == "SearchFolder",
        }
    }

    /// Returns the number of items, with or without folder associated information.
    #[must_use]
    pub fn count(&self, associated: bool) -> Option<u64> {
        let more = if associated { self.associated? } else { 0 };
        Some(self.items?.saturating_add(more))
    }

    /// Returns the properties that all items of the folder have.
    #[must_use]
    pub fn info(&self) -> ItemInfo {
        ItemInfo {
            folder: Some(self.path.clone()),
            folder_id: Some(self.id.clone()),
            folder_class: self.class.clone(),
            distinguished_folder: self.distinguished.clone(),
            ..ItemInfo::default()
        }
    }
}

/// Makes the folders below a root, with their paths. `prefix` contains the names before those of the folders.
///
/// A folder whose parent is unknown, because it was moved meanwhile, is taken for a child of the root.
pub(super) fn with_paths(
    entries: Vec<Entry>,
    root: &str,
    prefix: &[String],
    distinguished: &HashMap<String, String>,
) -> Vec<Folder> {
    let parents: HashMap<&str, (&str, Option<&str>)> = (entries.iter())
        .map(|entry| {
            let name = entry.name.as_deref().unwrap_or_default();
            (entry.id.as_str(), (name, entry.parent_id.as_deref()))
        })
        .collect();
    let path = |entry: &Entry| {
        let mut names = vec![entry.name.as_deref().unwrap_or_default()];
        let mut parent = entry.parent_id.as_deref();
        // A circle of parents ends too.
        while let (Some(id), true) = (parent, names.len() <= parents.len()) {
            match parents.get(id).filter(|_| id != root) {
                Some((name, next)) => {
                    names.push(name);
                    parent = *next;
                }
                None => break,
            }
        }
        let names = names.into_iter().rev();
        folder_path(prefix.iter().map(String::as_str).chain(names))
    };
    let paths: Vec<_> = entries.iter().map(path).collect();
    drop(parents);
    let mut folders: Vec<_> = (entries.into_iter().zip(paths))
        .map(|(entry, path)| {
            let known = distinguished.get(&entry.id).cloned();
            Folder::new(entry, path, known)
        })
        .collect();
    folders.sort_by(|a, b| a.path.cmp(&b.path));
    folders
}

/// A folder that was asked for by name is not clear.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectError {
    /// There is no such folder.
    Unknown {
        /// The name as it was given.
        name: String,
    },
    /// Several folders have this display name.
    Ambiguous {
        /// The name as it was given.
        name: String,
        /// Their paths.
        paths: Vec<String>,
    },
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => write!(
                f,
                "there is no folder {name}; give a display name, a path such as Inbox/2025, \
                 a well-known name such as inbox, or an id"
            ),
            Self::Ambiguous { name, paths } => write!(
                f,
                "several folders have the name {name}; give the path of one: {}",
                paths.join(", ")
            ),
        }
    }
}

impl core::error::Error for SelectError {}

/// Returns the folders with these names, each once, in the order of `folders`.
///
/// A name is, in this order: a path, the name of a well-known folder, an id, or a display name that only one folder has.
/// Upper and lower case of paths and display names may differ. With `recursive`, the folders in them are returned too.
///
/// # Errors
/// [`SelectError`] if no folder or more than one has a name.
pub fn select<'f>(
    folders: &'f [Folder],
    names: &[String],
    recursive: bool,
) -> Result<Vec<&'f Folder>, SelectError> {
    let mut chosen = vec![false; folders.len()];
    for name in names {
        let at = find(folders, name)?;
        chosen[at] = true;
        let within = folder_names(&folders[at].path);
        for (other, chosen) in folders.iter().zip(&mut chosen) {
            *chosen |= recursive && folder_names(&other.path).starts_with(&within);
        }
    }
    let folders = folders.iter().zip(chosen);
    Ok(folders
        .filter_map(|(folder, chosen)| chosen.then_some(folder))
        .collect())
}

fn find(folders: &[Folder], name: &str) -> Result<usize, SelectError> {
    let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
    let by = |is: &dyn Fn(&Folder) -> bool| folders.iter().position(is);
    let exact = by(&|it| it.path == name)
        .or_else(|| by(&|it| it.distinguished.as_deref() == Some(name)))
        .or_else(|| by(&|it| it.id == name))
        .or_else(|| by(&|it| same(&it.path, name)));
    if let Some(at) = exact {
        return Ok(at);
    }
    let named: Vec<_> = (0..folders.len())
        .filter(|&at| same(&folders[at].name, name))
        .collect();
    let name = name.to_owned();
    match named.as_slice() {
        [] => Err(SelectError::Unknown { name }),
        [at] => Ok(*at),
        several => {
            let paths = several.iter().map(|&at| folders[at].path.clone());
            let paths = paths.collect();
            Err(SelectError::Ambiguous { name, paths })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, parent: &str, name: &str) -> Entry {
        Entry {
            id: id.to_owned(),
            parent_id: Some(parent.to_owned()),
            name: Some(name.to_owned()),
            ..Entry::default()
        }
    }

    fn folders() -> Vec<Folder> {
        let known = HashMap::from([("i".to_owned(), "inbox".to_owned())]);
        let entries = vec![
            entry("b", "a", "2025/26"),
            entry("a", "root", "Projekte"),
            entry("i", "root", "Posteingang"),
            entry("c", "i", "Alt"),
            entry("d", "a", "Alt"),
            entry("x", "y", "Kreis"),
            entry("y", "x", "Kreis"),
        ];
        with_paths(entries, "root", &[], &known)
    }

    fn selected(names: &[&str], recursive: bool) -> Result<Vec<String>, String> {
        let folders = folders();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let found = select(&folders, &names, recursive).map_err(|error| error.to_string())?;
        Ok(found.iter().map(|folder| folder.path.clone()).collect())
    }

    #[test]
    fn paths_lead_from_the_root_to_the_folder() {
        let paths: Vec<_> = folders().into_iter().map(|it| it.path).collect();
        assert!(
            paths.contains(&r"Projekte/2025\/26".to_owned()),
            "{paths:?}"
        );
        assert!(paths.contains(&"Posteingang/Alt".to_owned()));
        assert_eq!(paths.len(), 7, "a circle of parents loses no folder");
    }

    #[test]
    fn folders_are_selected_by_path_name_and_id() {
        for (name, path) in [
            ("inbox", "Posteingang"),
            ("posteingang", "Posteingang"),
            ("i", "Posteingang"),
            ("PROJEKTE/alt", "Projekte/Alt"),
            ("2025/26", r"Projekte/2025\/26"),
        ] {
            assert_eq!(selected(&[name], false).unwrap(), [path], "{name}");
        }
        let all = selected(&["Projekte", "inbox", "inbox"], true).unwrap();
        let expected = [
            "Posteingang",
            "Posteingang/Alt",
            "Projekte",
            r"Projekte/2025\/26",
            "Projekte/Alt",
        ];
        assert_eq!(all, expected);
        assert!(selected(&["Alt"], false)
            .unwrap_err()
            .contains("Projekte/Alt"));
        assert!(selected(&["Neu"], false)
            .unwrap_err()
            .contains("no folder Neu"));
    }
}
