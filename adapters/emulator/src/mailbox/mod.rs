//! The mailboxes of the server, and the operations that list them.

mod answer;
mod defaults;
mod element;
mod find;
mod properties;
mod store;
mod sync;
mod write;

use core::fmt::Write as _;

use std::io;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::id::{self, IdError, Item};
use crate::scenario::{Change, MailboxItem, MailboxRule, Scenario};
use crate::upload::{Data, Directory, Entry, Event, Journal, Uploaded};

pub use element::{Call, Element};

pub(crate) use answer::respond;
pub(crate) use store::{Folder, Mailbox, StoredItem};
pub(crate) use write::write;

/// The operations other than `ExportItems`.
pub(crate) const OPERATIONS: [&str; 7] = [
    "CreateFolder",
    "FindFolder",
    "FindItem",
    "GetFolder",
    "SyncFolderHierarchy",
    "SyncFolderItems",
    "UploadItems",
];

/// Those of them that change a mailbox.
pub(crate) const CHANGING: [&str; 2] = ["CreateFolder", "UploadItems"];

/// An item of a mailbox at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailboxEntry {
    /// `Id` as in lists.
    pub id: String,
    /// The current change key.
    pub change_key: String,
    /// The path of the folder below the top of the mailbox, as in [`FolderRule::path`](crate::FolderRule::path).
    pub folder: String,
    /// The seed of the current payload, see [`payload`](crate::payload()). Its size is that of `properties`.
    pub seed: u64,
    /// The properties.
    pub properties: MailboxItem,
}

/// All mailboxes. The first one is that of the user who has logged in.
#[derive(Debug)]
pub(crate) struct Mailboxes {
    all: Vec<Mailbox>,
    /// Whether the scenario has mailboxes. Otherwise every id of the first mailbox identifies an item.
    scripted: bool,
    /// The number of requests so far.
    requests: u64,
    /// The changes by requests, and the uploaded payloads.
    journal: Journal,
}

impl Mailboxes {
    /// Makes the mailboxes of a scenario, with the changes by requests of earlier runs.
    pub(crate) fn new(scenario: &Scenario) -> io::Result<Self> {
        let only = [MailboxRule {
            address: "pat@example.test".to_owned(),
            guid: None,
            refuse: None,
            folders: Vec::new(),
        }];
        let scripted = !scenario.mailboxes.is_empty();
        let rules = if scripted {
            scenario.mailboxes.as_slice()
        } else {
            &only
        };
        let guid = |(i, rule): (usize, &MailboxRule)| match &rule.guid {
            Some(guid) => guid.clone(),
            None if i == 0 => scenario.mailbox.clone(),
            None => guid_of(&rule.address),
        };
        let all = rules.iter().enumerate();
        let (journal, entries) = Journal::open(scenario.uploads.store.as_deref())?;
        let mut mailboxes = Self {
            all: all.map(|it| Mailbox::new(it.1, guid(it))).collect(),
            scripted,
            requests: 0,
            journal,
        };
        for entry in entries {
            mailboxes.replay(entry)?;
        }
        Ok(mailboxes)
    }

    /// Makes a change of an earlier run again. A mailbox that the scenario no longer has is left out.
    fn replay(&mut self, entry: Entry) -> io::Result<()> {
        let journal = &self.journal;
        let open = |file: &str| {
            let path = journal.folder().path()?.join(file);
            Uploaded::open(path).map(Arc::new)
        };
        let mut all = self.all.iter_mut();
        let Some(mailbox) = all.find(|it| it.guid == entry.mailbox) else {
            return Ok(());
        };
        match entry.event {
            Event::CreateFolder {
                parent,
                name,
                class,
            } => {
                mailbox.create_folder(Some(parent), &name, &class);
            }
            Event::Create {
                folder,
                associated,
                file,
            } => {
                mailbox.create_uploaded(folder, associated, open(&file)?);
            }
            Event::Update { seed, file } => mailbox.update_uploaded(seed, open(&file)?),
        }
        Ok(())
    }

    /// Writes a change by a request to the journal.
    fn log(&mut self, mailbox: usize, event: Event) -> Result<(), &'static str> {
        let mailbox = self.all[mailbox].guid.clone();
        self.journal
            .add(&Entry { mailbox, event })
            .map_err(|_| "ErrorInternalServerError")
    }

    /// Returns the folder of the payloads of uploads.
    pub(crate) fn upload_folder(&self) -> Directory {
        self.journal.folder().clone()
    }

    /// Counts a request, and makes the changes that the scenario demands after it.
    pub(crate) fn requested(&mut self, scenario: &Scenario) {
        self.requests += 1;
        for rule in &scenario.changes {
            if rule.after == self.requests {
                self.change(rule.mailbox.as_deref(), &rule.change);
            }
        }
    }

    /// Changes a mailbox, by default the first one. Returns `false` if there is none with this address.
    pub(crate) fn change(&mut self, address: Option<&str>, change: &Change) -> bool {
        let mut all = self.all.iter_mut();
        let mailbox = match address {
            None => all.next(),
            Some(address) => all.find(|it| it.address.eq_ignore_ascii_case(address)),
        };
        mailbox.map(|mailbox| mailbox.apply(change)).is_some()
    }

    /// Returns all items of a mailbox that are not only shown by search folders.
    pub(crate) fn entries(&self, address: &str) -> Vec<MailboxEntry> {
        let Some(mailbox) = self.by_address(address) else {
            return Vec::new();
        };
        let entry = |item: &StoredItem| MailboxEntry {
            id: item_id(mailbox, item),
            change_key: item.change_key(),
            folder: mailbox.path(item.folder),
            seed: item.content.seed,
            properties: item.properties.clone(),
        };
        mailbox.items().map(entry).collect()
    }

    /// Returns the id of the folder at a path.
    pub(crate) fn folder_id(&self, address: &str, path: &str) -> Option<String> {
        let mailbox = self.by_address(address)?;
        Some(id::folder_id(&mailbox.guid, mailbox.by_path(path)?))
    }

    /// Returns the current payload of an item.
    pub(crate) fn data(&self, address: &str, id: &str) -> Option<Data> {
        Some(self.by_address(address)?.stored(id)?.data())
    }

    pub(crate) fn by_address(&self, address: &str) -> Option<&Mailbox> {
        let mut all = self.all.iter();
        all.find(|mailbox| mailbox.address.eq_ignore_ascii_case(address))
    }

    fn by_guid(&self, guid: &str) -> Option<&Mailbox> {
        let mut all = self.all.iter();
        all.find(|mailbox| mailbox.guid.eq_ignore_ascii_case(guid))
    }

    /// Returns the mailbox of a request: the impersonated one, or that of the user.
    pub(crate) fn of_request(&self, impersonation: Option<&(String, String)>) -> Option<&Mailbox> {
        match impersonation {
            // The emulator knows no security identifiers.
            Some((kind, _)) if kind == "SID" => self.all.first(),
            Some((_, address)) if self.scripted => self.by_address(address),
            _ => self.all.first(),
        }
    }

    /// Returns the item with this id, or the `ResponseCode` for an item that exists but must not be read.
    pub(crate) fn find(&self, id: &str) -> Result<Found, Missing> {
        let mut missing = IdError::Empty;
        for mailbox in &self.all {
            let identity = match id::read(&mailbox.guid, id) {
                Ok(item) => item,
                Err(error) => {
                    missing = error;
                    continue;
                }
            };
            if let Some(code) = &mailbox.refuse {
                return Err(Missing::Refused(code.clone()));
            }
            let guid = mailbox.guid.clone();
            let stored = mailbox.item(identity.seed);
            return match stored.filter(|item| item.identity == identity) {
                Some(item) => Ok(Found {
                    guid,
                    identity,
                    content: item.data(),
                    change_key: item.change_key(),
                }),
                None if self.scripted => Err(Missing::Id(IdError::NotFound)),
                None => Ok(Found {
                    guid,
                    identity,
                    content: Data::Generated(identity),
                    change_key: id::change_key(identity.seed),
                }),
            };
        }
        Err(Missing::Id(missing))
    }
}

/// An item that an id identifies.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The GUID of its mailbox.
    pub(crate) guid: String,
    /// The seed and size in its id.
    pub(crate) identity: Item,
    /// Its payload.
    pub(crate) content: Data,
    pub(crate) change_key: String,
}

/// The reason why an item cannot be read.
#[derive(Clone, Debug)]
pub(crate) enum Missing {
    Id(IdError),
    /// The `ResponseCode` for all items of the mailbox.
    Refused(String),
}

fn item_id(mailbox: &Mailbox, item: &StoredItem) -> String {
    id::item_id(&mailbox.guid, item.identity.seed, item.identity.size)
}

/// Makes a GUID that depends on the address only.
fn guid_of(address: &str) -> String {
    let digest = Sha256::digest(address.to_ascii_lowercase());
    let mut guid = String::with_capacity(36);
    for (i, byte) in digest.iter().take(16).enumerate() {
        if [4, 6, 8, 10].contains(&i) {
            guid.push('-');
        }
        // Writing into a String does not fail.
        let _ = write!(guid, "{byte:02x}");
    }
    guid
}
