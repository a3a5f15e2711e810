//! The folders that items are restored into.

use std::collections::{HashMap, HashSet};

use crate::archive::{folder_names, folder_path};
use crate::list::{Folder, ListError, Lister, Scope};

/// The well-known folder that contains all others.
const ROOT: &str = "msgfolderroot";

/// The folders that contain the other parts of a mailbox. A path in such a part begins with its name.
const OTHER_ROOTS: [(&str, Scope); 3] = [
    (
        "archivemsgfolderroot",
        Scope {
            archive: true,
            dumpster: false,
        },
    ),
    (
        "recoverableitemsroot",
        Scope {
            archive: false,
            dumpster: true,
        },
    ),
    (
        "archiverecoverableitemsroot",
        Scope {
            archive: true,
            dumpster: true,
        },
    ),
];

/// The folders of the mailbox, and what the archive says about its own.
#[derive(Debug)]
pub(super) struct Folders<'a> {
    known: Vec<Folder>,
    archived: &'a [Folder],
    /// The path below which everything is restored.
    into: Option<Vec<String>>,
    /// Folders that had no items before the run, by their ids.
    empty: HashSet<String>,
    /// The folders for the paths of the archive that were resolved before.
    targets: HashMap<Option<String>, Result<Target, String>>,
    /// The parts of the mailbox that are listed beside the primary one.
    listed: Vec<Scope>,
    /// The number of created folders, or of those that would be.
    pub(super) created: u64,
    is_dry_run: bool,
}

/// Where an item is restored.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) path: String,
    /// Whether only this run has put items there.
    pub(super) was_empty: bool,
}

/// Why there is no folder for an item.
#[derive(Debug)]
enum NoFolder {
    /// The items of this folder fail.
    Refused(String),
    /// The restore cannot be continued.
    Ends(ListError),
}

impl From<ListError> for NoFolder {
    fn from(error: ListError) -> Self {
        Self::Ends(error)
    }
}

impl<'a> Folders<'a> {
    pub(super) fn list(
        lister: &mut Lister<'_>,
        archived: &'a [Folder],
        into: Option<&str>,
        is_dry_run: bool,
    ) -> Result<Self, ListError> {
        let mut folders = Self {
            known: Vec::new(),
            archived,
            into: into.map(folder_names),
            empty: HashSet::new(),
            targets: HashMap::new(),
            listed: Vec::new(),
            created: 0,
            is_dry_run,
        };
        folders.add(lister.folders(Scope::default())?);
        Ok(folders)
    }

    /// Adds folders that were listed.
    fn add(&mut self, listed: Vec<Folder>) {
        for folder in listed {
            if self.known.iter().any(|known| known.id == folder.id) {
                continue;
            }
            if folder.count(true) == Some(0) {
                self.empty.insert(folder.id.clone());
            }
            self.known.push(folder);
        }
    }

    /// Returns the id of the folder that contains all others.
    pub(super) fn root_id(&self) -> &str {
        let is_root = |folder: &&Folder| folder.distinguished.as_deref() == Some(ROOT);
        let root = self.known.iter().find(is_root);
        root.map_or("", |folder| &folder.id)
    }

    /// Returns whether an empty folder with this path of the archive is restored.
    pub(super) fn is_restored_empty(path: &str) -> bool {
        let names = folder_names(path);
        !names.is_empty() && other_root(&names).is_none()
    }

    /// Returns the folder for a path of the archive, which is created if it does not exist; or the reason why there is
    /// none, such as that the server refuses to create it.
    pub(super) fn target(
        &mut self,
        lister: &mut Lister<'_>,
        path: Option<&str>,
    ) -> Result<Result<Target, String>, ListError> {
        let path = path.map(str::to_owned);
        if let Some(target) = self.targets.get(&path) {
            return Ok(target.clone());
        }
        let target = match self.resolve(lister, path.as_deref()) {
            Ok(folder) => Ok(Target {
                was_empty: self.empty.contains(&folder.id),
                id: folder.id,
                path: folder.path,
            }),
            Err(NoFolder::Refused(reason)) => Err(reason),
            Err(NoFolder::Ends(error)) => return Err(error),
        };
        self.targets.insert(path, target.clone());
        Ok(target)
    }

    fn resolve(&mut self, lister: &mut Lister<'_>, path: Option<&str>) -> Result<Folder, NoFolder> {
        let names = path.map(folder_names);
        let (mut at, skip) = match (self.into.clone(), &names) {
            (None, None) => {
                let reason = "the archive does not say in which folder the item was; give a folder with --into";
                return Err(NoFolder::Refused(reason.to_owned()));
            }
            (None, Some(names)) => self.base(lister, names)?,
            (Some(into), names) => {
                let (mut at, skip) = self.start_of(lister, &into)?;
                for name in &into[skip..] {
                    at = self.child(lister, &at, name, None)?;
                }
                let is_archive = |names: &Vec<String>| {
                    names
                        .first()
                        .is_some_and(|name| name == "archivemsgfolderroot")
                };
                (at, usize::from(names.as_ref().is_some_and(is_archive)))
            }
        };
        let names = names.unwrap_or_default();
        for depth in skip..names.len() {
            let class = self
                .archived(&names[..=depth])
                .and_then(|it| it.class.clone());
            at = self.child(lister, &at, &names[depth], class.as_deref())?;
        }
        Ok(at)
    }

    /// Returns the folder in which the path of `--into` begins, and the length of the part that names it. A path may begin
    /// with the name of a well-known folder, such as `inbox`, if the mailbox has no other folder of this name.
    fn start_of(
        &mut self,
        lister: &mut Lister<'_>,
        into: &[String],
    ) -> Result<(Folder, usize), NoFolder> {
        let root = self.root(lister, ROOT)?;
        let Some(name) = into.first() else {
            return Ok((root, 0));
        };
        let known = name.to_lowercase();
        let is = |folder: &&Folder| folder.distinguished.as_ref() == Some(&known);
        let known = self.known.iter().find(is);
        match known.filter(|_| self.find(&root.id, name).is_none()) {
            Some(folder) => Ok((folder.clone(), 1)),
            None => Ok((root, 0)),
        }
    }

    /// Returns what the archive says about a folder.
    fn archived(&self, names: &[String]) -> Option<&'a Folder> {
        let path = folder_path(names.iter().map(String::as_str));
        self.archived.iter().find(|folder| folder.path == path)
    }

    /// Returns the well-known folder with the longest part of a path, and the length of that part. Its display name depends
    /// on the language of the mailbox, so the path does not identify it.
    fn base(
        &mut self,
        lister: &mut Lister<'_>,
        names: &[String],
    ) -> Result<(Folder, usize), NoFolder> {
        let other = other_root(names);
        if let Some((root, scope)) = other {
            self.list_part(lister, root, scope)?;
        }
        for len in (1..=names.len()).rev() {
            let archived = self.archived(&names[..len]);
            let Some(name) = archived.and_then(|it| it.distinguished.as_deref()) else {
                continue;
            };
            if let Some(folder) = self.well_known(lister, name)? {
                return Ok((folder, len));
            }
        }
        let (root, skip) = other.map_or((ROOT, 0), |(root, _)| (root, 1));
        Ok((self.root(lister, root)?, skip))
    }

    /// Lists another part of the mailbox, once.
    fn list_part(
        &mut self,
        lister: &mut Lister<'_>,
        root: &str,
        scope: Scope,
    ) -> Result<(), NoFolder> {
        if self.listed.contains(&scope) {
            return Ok(());
        }
        match lister.folders(scope) {
            Ok(folders) => self.add(folders),
            Err(ListError::Refused { refusal, .. }) if !refusal.is_transient() => {
                return Err(NoFolder::Refused(format!(
                    "the mailbox has no {root} ({refusal}); restore the items into another folder with --into"
                )));
            }
            Err(error) => return Err(error.into()),
        }
        self.listed.push(scope);
        Ok(())
    }

    fn root(&mut self, lister: &mut Lister<'_>, name: &str) -> Result<Folder, NoFolder> {
        let missing = || NoFolder::Refused(format!("the mailbox has no {name}"));
        self.well_known(lister, name)?.ok_or_else(missing)
    }

    /// Returns a well-known folder; `None` if the mailbox has none of this name.
    fn well_known(
        &mut self,
        lister: &mut Lister<'_>,
        name: &str,
    ) -> Result<Option<Folder>, ListError> {
        let is = |folder: &&Folder| folder.distinguished.as_deref() == Some(name);
        if let Some(folder) = self.known.iter().find(is) {
            return Ok(Some(folder.clone()));
        }
        match lister.folder(name) {
            Ok(folder) => {
                self.known.push(folder.clone());
                Ok(Some(folder))
            }
            Err(ListError::Refused { refusal, .. }) if !refusal.is_transient() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the folder with this name in another one, which is created if it does not exist.
    fn child(
        &mut self,
        lister: &mut Lister<'_>,
        parent: &Folder,
        name: &str,
        class: Option<&str>,
    ) -> Result<Folder, NoFolder> {
        if let Some(folder) = self.find(&parent.id, name) {
            return Ok(folder);
        }
        let mut names = folder_names(&parent.path);
        names.push(name.to_owned());
        let path = folder_path(names.iter().map(String::as_str));
        let id = match self.is_dry_run {
            true => Some(format!("new folder {path}")),
            false => match lister.create_folder(&parent.id, name, class) {
                Err(ListError::Refused { refusal, .. }) if !refusal.is_transient() => {
                    return Err(NoFolder::Refused(format!(
                        "the folder {path} cannot be created: {refusal}"
                    )));
                }
                created => created?,
            },
        };
        let Some(id) = id else {
            // Another program has created it since the list.
            self.add(lister.folders(Scope::default())?);
            let taken = || {
                NoFolder::Refused(format!(
                "the folder {path} cannot be created: the mailbox has a search folder of this name"
            ))
            };
            return self.find(&parent.id, name).ok_or_else(taken);
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

/// Returns the part of the mailbox in which a path begins, if it is not the primary one.
fn other_root(names: &[String]) -> Option<(&'static str, Scope)> {
    let first = names.first()?;
    OTHER_ROOTS.into_iter().find(|(root, _)| root == first)
}
