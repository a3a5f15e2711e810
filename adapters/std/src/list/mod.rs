//! Lists the folders and items of a mailbox.
//!
//! ```text
//! Lister::folders ── FindFolder, GetFolder ──► Folder, with its path and its number of items
//! Lister::changes ── SyncFolderItems ────────► Changes since a state, 512 at a time: complete and resumable
//! Lister::find ───── FindItem ───────────────► items by time or class, and of folders that cannot be synced
//! Lister::items ──── either of them ─────────► all items of a folder
//! ```
//!
//! Only `SyncFolderItems` gives a complete list of a folder that changes meanwhile, if it is repeated until an answer has
//! no changes. `FindItem` counts items from the start of the folder, so it may miss one. [`Found::is_certain`] says
//! whether the folder stayed the same.
//!
//! Answers are read leniently: unknown classes of items, codes, headers and elements are no error. But an answer that is
//! not complete, and a list that does not continue, are.
//!
//! ```no_run
//! use exportitems::RequestHeaders;
//! use exportitems_std::list::{Lister, Scope};
//! use exportitems_std::Client;
//!
//! let mut client = Client::builder("https://mail.example.com/EWS/Exchange.asmx").build()?;
//! let mut lister = Lister::new(&mut client, RequestHeaders::new());
//! for folder in lister.folders(Scope::default())? {
//!     let mut state = None;
//!     loop {
//!         let changes = lister.changes(&folder, state.as_deref(), false)?;
//!         println!("{}: {} changes", folder.path, changes.changes.len());
//!         if changes.changes.is_empty() {
//!             break;
//!         }
//!         state = Some(changes.state);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod ask;
mod find;
mod folder;
mod item;
mod read;
mod request;
mod sync;
mod whole;
mod write;

use core::fmt;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use exportitems::{RequestHeaders, RequestServerVersion};

pub use answer::Refusal;
pub use ask::ListError;
pub use find::Found;
pub use folder::{select, Folder, SelectError};
pub use item::ListedItem;
pub use read::ReadError;
pub use request::{Filter, FolderRef};
pub use sync::{Change, Changes};
pub use write::SameItem;

use answer::{Entry, Message};
use ask::Asker;

use crate::counters::Counters;
use crate::Client;

/// The well-known folders that Exchange 2010 and later have. A server refuses a request with a name that it does not know.
const WELL_KNOWN: [&str; 11] = [
    "inbox",
    "calendar",
    "contacts",
    "deleteditems",
    "drafts",
    "journal",
    "junkemail",
    "notes",
    "outbox",
    "sentitems",
    "tasks",
];
const WELL_KNOWN_DELETIONS: [&str; 3] = [
    "recoverableitemsdeletions",
    "recoverableitemsversions",
    "recoverableitemspurges",
];

/// The names of well-known folders that can be listed: those of `DistinguishedFolderIdNameType` in the schema of Exchange
/// Server, without those of other services.
const NAMES: [&str; 41] = [
    "adminauditlogs",
    "archivedeleteditems",
    "archiveinbox",
    "archivemsgfolderroot",
    "archiverecoverableitemsdeletions",
    "archiverecoverableitemsdiscoveryholds",
    "archiverecoverableitemspurges",
    "archiverecoverableitemsroot",
    "archiverecoverableitemsversions",
    "archiveroot",
    "calendar",
    "conflicts",
    "contacts",
    "conversationhistory",
    "deleteditems",
    "directory",
    "drafts",
    "favorites",
    "imcontactlist",
    "inbox",
    "journal",
    "junkemail",
    "localfailures",
    "mycontacts",
    "msgfolderroot",
    "notes",
    "outbox",
    "peopleconnect",
    "publicfoldersroot",
    "quickcontacts",
    "recipientcache",
    "recoverableitemsdeletions",
    "recoverableitemsdiscoveryholds",
    "recoverableitemspurges",
    "recoverableitemsroot",
    "recoverableitemsversions",
    "root",
    "sentitems",
    "serverfailures",
    "syncissues",
    "voicemail",
];

/// Returns whether this is the name of a well-known folder, such as `recoverableitemspurges`.
#[must_use]
pub fn is_well_known(name: &str) -> bool {
    NAMES.contains(&name)
}

/// How often the folders are listed again if their number changes meanwhile.
const ATTEMPTS: usize = 5;

/// Which parts of a mailbox are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The archive mailbox, instead of the primary mailbox.
    pub archive: bool,
    /// The recoverable items too, which are deleted items that users do not see.
    pub dumpster: bool,
}

impl Scope {
    /// Returns whether a folder with this path is in this part of the mailbox.
    pub(crate) fn contains(self, path: &str) -> bool {
        let (root, _) = path.split_once('/').unwrap_or((path, ""));
        match root {
            "archivemsgfolderroot" => self.archive,
            "recoverableitemsroot" => self.dumpster && !self.archive,
            "archiverecoverableitemsroot" => self.dumpster && self.archive,
            _ => !self.archive,
        }
    }

    /// Returns the well-known names of the folders that contain the others, and whether their own name begins the paths.
    fn roots(self) -> Vec<(&'static str, bool)> {
        let mut roots = match self.archive {
            false => vec![("msgfolderroot", false)],
            true => vec![("archivemsgfolderroot", true)],
        };
        match (self.dumpster, self.archive) {
            (false, _) => {}
            (true, false) => roots.push(("recoverableitemsroot", true)),
            (true, true) => roots.push(("archiverecoverableitemsroot", true)),
        }
        roots
    }
}

/// Lists the folders and items of one mailbox.
///
/// Requests that fail for a passing reason are sent again, see [`patience`](Self::patience).
pub struct Lister<'a> {
    asker: Asker<'a>,
    mailbox: Option<String>,
}

impl fmt::Debug for Lister<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lister").finish_non_exhaustive()
    }
}

impl<'a> Lister<'a> {
    /// Makes a lister for the mailbox of the user who logs in, or whom the headers impersonate.
    pub fn new(client: &'a mut Client, headers: RequestHeaders<'a>) -> Self {
        Self {
            asker: Asker::new(client, headers, RequestServerVersion::Exchange2013_SP1),
            mailbox: None,
        }
    }

    /// Lists the mailbox with this SMTP address, to which the user has full access.
    #[must_use]
    pub fn mailbox(mut self, address: &str) -> Self {
        self.mailbox = Some(address.to_owned());
        self
    }

    /// Sets the schema version of requests. A server that does not know it gets an older one.
    #[must_use]
    pub fn server_version(mut self, version: RequestServerVersion) -> Self {
        self.asker.version = version;
        self
    }

    /// Sets the longest time that a request is repeated, because the server is busy or cannot be reached. The default is
    /// half an hour. With zero, the lister never waits.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.asker.patience = patience;
        self
    }

    /// Sets the function that waits, instead of [`std::thread::sleep`].
    #[must_use]
    pub fn sleep(mut self, sleep: fn(Duration)) -> Self {
        self.asker.sleep = sleep;
        self
    }

    /// Calls a function before each wait, with its length and the failure. Without a failure, the wait is that of
    /// [`closed_for`](Self::closed_for).
    #[must_use]
    pub fn on_wait(mut self, on_wait: impl FnMut(Duration, Option<&ListError>) + 'a) -> Self {
        self.asker.on_wait = Box::new(on_wait);
        self
    }

    /// Sets a function that returns how long no request may begin, such as until a time of the day. Zero means that
    /// requests may begin now. The wait does not count as one for the server.
    #[must_use]
    pub fn closed_for(mut self, closed_for: &'a (dyn Fn() -> Duration + Sync)) -> Self {
        self.asker.closed_for = Some(closed_for);
        self
    }

    /// Sets a flag that ends a list when it is set: no further request begins, and the result is
    /// [`ListError::Interrupted`].
    #[must_use]
    pub fn interrupt(mut self, flag: &'a AtomicBool) -> Self {
        self.asker.interrupt = Some(flag);
        self
    }

    /// Sets what counts requests and waits.
    #[must_use]
    pub fn counters(mut self, counters: &'a dyn Counters) -> Self {
        self.asker.counters = counters;
        self
    }

    /// Returns the folders of the mailbox, without search folders, sorted by their paths.
    ///
    /// # Errors
    /// [`ListError`]; a part of the mailbox that does not exist is refused with `ErrorFolderNotFound`.
    pub fn folders(&mut self, scope: Scope) -> Result<Vec<Folder>, ListError> {
        let known = self.well_known(scope)?;
        let mut folders = Vec::new();
        for (root, is_named) in scope.roots() {
            let top = self.get_folder(root)?;
            let prefix = match is_named {
                true => vec![root.to_owned()],
                false => Vec::new(),
            };
            let entries = self.below(&top.id)?;
            let found = folder::with_paths(entries, &top.id, &prefix, &known);
            let path = crate::archive::folder_path(prefix.iter().map(String::as_str));
            folders.push(Folder::new(top, path, Some(root.to_owned())));
            folders.extend(found.into_iter().filter(|folder| !folder.is_search));
        }
        Ok(folders)
    }

    /// Returns a well-known folder. Its path is its name.
    ///
    /// # Errors
    /// [`ListError`]
    pub fn folder(&mut self, distinguished: &str) -> Result<Folder, ListError> {
        let entry = self.get_folder(distinguished)?;
        let name = distinguished.to_owned();
        Ok(Folder::new(entry, name.clone(), Some(name)))
    }

    /// Returns the names of well-known folders by their ids.
    fn well_known(&mut self, scope: Scope) -> Result<HashMap<String, String>, ListError> {
        let archive: &[&str] = match scope.archive {
            false => &WELL_KNOWN,
            true => &["archivedeleteditems"],
        };
        let deletions: &[&str] = match (scope.dumpster, scope.archive) {
            (true, false) => &WELL_KNOWN_DELETIONS,
            _ => &[],
        };
        let names: Vec<_> = archive.iter().chain(deletions).copied().collect();
        let refs: Vec<_> = names.iter().map(|name| self.refer(name)).collect();
        let request = request::get_folder(&refs);
        let messages = self.asker.ask("GetFolder", &request)?;
        let mut known = HashMap::new();
        for (name, message) in names.into_iter().zip(messages) {
            // A mailbox need not have each of them.
            if let Some(entry) = message.entries.into_iter().next() {
                known.insert(entry.id, name.to_owned());
            }
        }
        Ok(known)
    }

    fn refer<'n>(&'n self, name: &'n str) -> FolderRef<'n> {
        let mailbox = self.mailbox.as_deref();
        FolderRef::Distinguished { name, mailbox }
    }

    fn get_folder(&mut self, name: &str) -> Result<Entry, ListError> {
        let request = request::get_folder(&[self.refer(name)]);
        let message = self.one("GetFolder", &request, name)?;
        let entry = message.entries.into_iter().next();
        let folder = name.to_owned();
        entry.ok_or(ListError::WithoutId { folder, entries: 1 })
    }

    /// Sends a request for one folder, and returns its message. A refusal is an error.
    fn one(&mut self, operation: &str, body: &str, folder: &str) -> Result<Message, ListError> {
        let answer = self.asker.ask(operation, body);
        let named = |refusal| {
            let folder = folder.to_owned();
            ListError::Refused { folder, refusal }
        };
        let messages = answer.map_err(|error| match error {
            ListError::Refused { refusal, .. } => named(refusal),
            other => other,
        })?;
        let message = messages.into_iter().next();
        let message = message.ok_or(ListError::Read(ReadError::NotAnAnswer))?;
        if !message.is_success {
            return Err(named(message.result));
        }
        if message.without_id > 0 {
            let (folder, entries) = (folder.to_owned(), message.without_id);
            return Err(ListError::WithoutId { folder, entries });
        }
        Ok(message)
    }

    /// Returns the folders in a folder at any depth.
    fn below(&mut self, id: &str) -> Result<Vec<Entry>, ListError> {
        match self.stable_pages(id, true) {
            // Public folders only have shallow lists.
            Err(ListError::Refused { refusal, .. }) if !refusal.is_transient() => {
                let mut entries = Vec::new();
                let mut next = vec![id.to_owned()];
                while let Some(id) = next.pop() {
                    let found = self.stable_pages(&id, false)?;
                    next.extend(found.iter().map(|entry| entry.id.clone()));
                    entries.extend(found);
                }
                Ok(entries)
            }
            result => result,
        }
    }

    /// Lists folders until their number is the same at the start and at the end of a list.
    fn stable_pages(&mut self, id: &str, is_deep: bool) -> Result<Vec<Entry>, ListError> {
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let (entries, is_stable) = self.pages(id, is_deep)?;
            if is_stable || attempts == 0 {
                return Ok(entries);
            }
        }
    }

    /// Lists folders page by page. Also returns whether their number stayed the same.
    fn pages(&mut self, id: &str, is_deep: bool) -> Result<(Vec<Entry>, bool), ListError> {
        let (mut entries, mut offset, mut total) = (Vec::new(), 0, None);
        let mut is_stable = true;
        loop {
            let request = request::find_folder(FolderRef::Id(id), is_deep, offset);
            let message = self.one("FindFolder", &request, "")?;
            let page = message.page.unwrap_or_default();
            is_stable &= total.is_none_or(|total| Some(total) == page.total);
            total = page.total.or(total);
            entries.extend(message.entries);
            if page.is_last != Some(false) {
                return Ok((entries, is_stable));
            }
            match page.next {
                Some(next) if next > offset => offset = next,
                _ => {
                    let folder = String::new();
                    return Err(ListError::Stuck { folder });
                }
            }
        }
    }
}
