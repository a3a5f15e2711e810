//! Puts the items of an archive back into a mailbox.
//!
//! ```text
//! Inventory ─ Selection ─► Entry ─► Restorer ─┬─ folder by path, created if missing
//!                                             ├─ copies of the item in it, counted by PidTagSearchKey
//!                                             ├─ Log: the intent, durable
//!                                             └─ UploadItems ─► Log: the result ─► Outcome
//! ```
//!
//! A server does not recognise an item that it already has, and a cut does not say whether it has stored the item. So the
//! log keeps, before each request, how many items with this search key the folder has. After a cut, an item counts as
//! stored only if that number has grown. The search key is copied with an item, so two copies stay two.

mod folders;
mod log;
mod payload;
mod select;
mod send;

use core::fmt;
use core::time::Duration;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use exportitems::UploadItems;
use exportitems::{FolderId, UploadItem};

pub use select::Selection;

use crate::archive::{file_state, Archive, Entry, FileState};
use crate::client::ClientError;
use crate::list::{ListError, Lister, SameItem};

use folders::{Folders, Target};
use log::{Line, Log, State, Version};
use send::Ready;

/// The largest request that Exchange 2013 and later accept by default, `maxAllowedContentLength`.
pub const LARGEST_REQUEST: u64 = 64 * 1024 * 1024;

/// The settings of a server that limit a request, for messages.
pub const LARGEST_REQUEST_SETTING: &str =
    "maxAllowedContentLength and maxReceivedMessageSize in the web.config of EWS, on the front end and the back end";

/// What to do with an item of which the folder has a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // a caller makes it
pub enum OnDuplicate {
    /// Leave it out. Copies are counted: two in the archive stay two.
    #[default]
    Skip,
    /// Create it again.
    Create,
}

/// How items are restored.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // a caller makes it
pub struct RestoreOptions {
    /// The path of the folder below which everything is restored.
    pub into: Option<String>,
    /// What to do with an item of which the folder has a copy.
    pub on_duplicate: OnDuplicate,
    /// Whether items are restored too that are not proven whole.
    pub accept_unproven: bool,
    /// The largest request in bytes. An item that needs a larger one fails without a request.
    pub largest_request: u64,
    /// Whether nothing is changed.
    pub is_dry_run: bool,
    /// The longest time that a request is repeated, because the server is busy or cannot be reached.
    pub patience: Duration,
    /// Waits, instead of [`std::thread::sleep`].
    pub sleep: fn(Duration),
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            into: None,
            on_duplicate: OnDuplicate::Skip,
            accept_unproven: false,
            largest_request: LARGEST_REQUEST,
            is_dry_run: false,
            patience: Duration::from_mins(30),
            sleep: std::thread::sleep,
        }
    }
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restored {
    /// The server has stored it.
    Stored {
        /// The id of the new item, if the server has answered.
        new_id: Option<String>,
        /// Whether an earlier run has restored it.
        earlier: bool,
    },
    /// The folder has a copy of it.
    Present,
    /// It would be sent: the result of a dry run.
    Planned,
    /// It was not stored.
    Failed {
        /// Why, in one word.
        error: &'static str,
        /// Why, and what to do.
        message: String,
    },
}

/// The outcome of an item.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RestoreOutcome {
    /// The archived item.
    pub entry: Entry,
    /// The path of the folder into which it is restored.
    pub folder: Option<String>,
    /// What became of it.
    pub restored: Restored,
}

/// A restore could not be continued. The items after the last outcome were not processed.
#[derive(Debug)]
#[non_exhaustive]
pub enum RestoreError {
    /// The folders of the mailbox could not be listed or created, or the copies of an item not be counted.
    List(ListError),
    /// There was no usable response.
    Client(ClientError),
    /// The log of the restore cannot be read or written.
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(error) => error.fmt(f),
            Self::Client(error) => error.fmt(f),
            Self::Log { path, .. } => write!(
                f,
                "cannot keep what is restored in {}",
                crate::archive::display_path(path)
            ),
        }
    }
}

impl core::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within.
        match self {
            Self::List(error) => error.source(),
            Self::Client(error) => error.source(),
            Self::Log { source, .. } => Some(source),
        }
    }
}

impl From<ListError> for RestoreError {
    fn from(error: ListError) -> Self {
        Self::List(error)
    }
}

/// The result of a restore.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RestoreSummary {
    /// The number of folders that were created, or that would be.
    pub folders_created: u64,
}

/// Restores items of an archive with one client.
pub struct Restorer<'r, 'c> {
    archive: &'r Archive,
    lister: &'r mut Lister<'c>,
    options: RestoreOptions,
    log: Log,
    log_path: PathBuf,
    folders: Folders,
    /// The sizes of the items with a search key in a folder, as far as they were asked for.
    sizes: HashMap<(String, bool, SameItem), Vec<u64>>,
    /// The number of items of the archive that copies in a folder belong to.
    claimed: HashMap<(String, bool, SameItem, u64), u64>,
    report: Box<dyn FnMut(RestoreOutcome) + 'r>,
    has_failed: bool,
}

impl fmt::Debug for Restorer<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restorer").finish_non_exhaustive()
    }
}

impl<'r, 'c> Restorer<'r, 'c> {
    /// Lists the folders of the mailbox, and opens the log. `report` receives the outcome of each item.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub fn new(
        archive: &'r Archive,
        lister: &'r mut Lister<'c>,
        items: &[Entry],
        options: RestoreOptions,
        report: impl FnMut(RestoreOutcome) + 'r,
    ) -> Result<Self, RestoreError> {
        let into = options.into.as_deref();
        let folders = Folders::list(lister, items, into, options.is_dry_run)?;
        // The id of the root identifies the mailbox.
        let place = [folders.root_id(), into.unwrap_or_default()];
        let log_path = Log::path(archive.dir(), &place);
        let log = Log::open(&log_path).map_err(|source| RestoreError::Log {
            path: log_path.clone(),
            source,
        })?;
        Ok(Self {
            archive,
            lister,
            options,
            log,
            log_path,
            folders,
            sizes: HashMap::new(),
            claimed: HashMap::new(),
            report: Box::new(report),
            has_failed: false,
        })
    }

    /// Restores the items, one per request unless they are small.
    ///
    /// # Errors
    /// [`RestoreError`]; the outcomes before it stand.
    pub fn run(mut self, items: Vec<Entry>) -> Result<RestoreSummary, RestoreError> {
        let mut batch: Vec<Ready> = Vec::new();
        for entry in items {
            let Some(ready) = self.prepare(entry)? else {
                continue;
            };
            if !send::fits(&batch, &ready) {
                self.send(core::mem::take(&mut batch))?;
            }
            batch.push(ready);
        }
        self.send(batch)?;
        if !self.has_failed && !self.options.is_dry_run {
            self.add(vec![Line::End])?;
        }
        Ok(RestoreSummary {
            folders_created: self.folders.created,
        })
    }

    fn add(&mut self, lines: Vec<Line>) -> Result<(), RestoreError> {
        self.log.add(lines).map_err(|source| RestoreError::Log {
            path: self.log_path.clone(),
            source,
        })
    }

    fn outcome(&mut self, entry: Entry, folder: Option<String>, restored: Restored) {
        self.has_failed |= matches!(restored, Restored::Failed { .. });
        (self.report)(RestoreOutcome {
            entry,
            folder,
            restored,
        });
    }

    /// Decides what to do with an item. Returns it if it has to be sent.
    fn prepare(&mut self, entry: Entry) -> Result<Option<Ready>, RestoreError> {
        if let Err((error, message)) = self.check(&entry) {
            self.outcome(entry, None, Restored::Failed { error, message });
            return Ok(None);
        }
        let Some(target) = self.folders.target(self.lister, &entry.item)? else {
            let message =
                "the archive does not say in which folder the item was; give a folder with --into";
            let message = message.to_owned();
            let error = "no-folder";
            self.outcome(entry, None, Restored::Failed { error, message });
            return Ok(None);
        };
        let file = self
            .archive
            .dir()
            .join(entry.file.as_deref().unwrap_or_default());
        let same = match payload::same_item(&file) {
            Ok(same) => same,
            Err(error) => {
                let message = format!("the file cannot be read: {error}");
                let error = "file";
                let folder = Some(target.path);
                self.outcome(entry, folder, Restored::Failed { error, message });
                return Ok(None);
            }
        };
        let item = Self::ready(entry, target, file, same);
        let state = self.log.state(&item.version).cloned();
        if self.options.is_dry_run {
            let is_there = state == Some(State::Stored) || self.is_present(&item)?;
            let restored = if is_there {
                Restored::Present
            } else {
                Restored::Planned
            };
            self.outcome(item.entry, Some(item.target.path), restored);
            return Ok(None);
        }
        match state {
            Some(State::Stored) => {
                self.claim(&item);
                self.report_stored(item, None, true);
                return Ok(None);
            }
            Some(State::Sent { found }) => {
                if self.count(&item)? as u64 > found {
                    let version = item.version.clone();
                    let new_id = None;
                    self.add(vec![Line::Stored { version, new_id }])?;
                    self.claim(&item);
                    self.report_stored(item, None, true);
                    return Ok(None);
                }
            }
            None => {
                if self.options.on_duplicate == OnDuplicate::Skip && self.is_present(&item)? {
                    self.claim(&item);
                    self.outcome(item.entry, Some(item.target.path), Restored::Present);
                    return Ok(None);
                }
            }
        }
        Ok(Some(item))
    }

    fn report_stored(&mut self, item: Ready, new_id: Option<String>, earlier: bool) {
        let stored = Restored::Stored { new_id, earlier };
        self.outcome(item.entry, Some(item.target.path), stored);
    }

    fn ready(entry: Entry, target: Target, file: PathBuf, same: SameItem) -> Ready {
        Ready {
            version: Version {
                id: entry.id.clone().unwrap_or_default(),
                sha256: entry.sha256.clone().unwrap_or_default(),
            },
            size: entry.item.size.unwrap_or(entry.bytes),
            associated: entry.item.associated.unwrap_or(false),
            entry,
            target,
            file,
            same,
        }
    }

    /// Checks an item without a request: that it is whole, and not too large.
    fn check(&self, entry: &Entry) -> Result<(), (&'static str, String)> {
        let is_proven = entry.is_done() && entry.integrity.as_deref() == Some("whole");
        if !is_proven && !self.options.accept_unproven {
            let integrity = entry.integrity.as_deref().unwrap_or("unknown");
            return Err((
                "not-whole",
                format!("the payload is not proven whole ({integrity}); export the item again, or allow it with --accept-unproven"),
            ));
        }
        let mut buffer = vec![0; 64 * 1024];
        match file_state(self.archive.dir(), entry, &mut buffer) {
            FileState::Intact => {}
            state => {
                let message = format!(
                    "the file differs from the manifest ({state:?}); export the item again"
                );
                return Err(("file", message));
            }
        }
        let upload = [UploadItem::new(FolderId::new("-"), entry.bytes)];
        let len = UploadItems::new(&upload)
            .encoder()
            .map(|encoder| encoder.encoded_len());
        let len = len.unwrap_or(u64::MAX);
        if len > self.options.largest_request {
            return Err((
                "too-large",
                format!(
                    "the item needs a request of {len} bytes, and the server accepts {}; raise {LARGEST_REQUEST_SETTING}, and give the new limit with --largest-request",
                    self.options.largest_request
                ),
            ));
        }
        Ok(())
    }

    /// Returns the sizes of the items in the folder that have the same search key.
    fn sizes(&mut self, item: &Ready) -> Result<&mut Vec<u64>, RestoreError> {
        let key = item.key();
        if !self.sizes.contains_key(&key) {
            let sizes = match item.target.was_empty {
                true => Vec::new(),
                false => {
                    let (folder, associated, same) = &key;
                    self.lister.sizes_of_same(folder, *associated, same)?
                }
            };
            self.sizes.insert(key.clone(), sizes);
        }
        Ok(self.sizes.entry(key).or_default())
    }

    /// Asks the server for the sizes again.
    fn sizes_again(&mut self, item: &Ready) -> Result<(), RestoreError> {
        let key = item.key();
        let sizes = self.lister.sizes_of_same(&key.0, key.1, &key.2)?;
        self.sizes.insert(key, sizes);
        Ok(())
    }

    fn count(&mut self, item: &Ready) -> Result<usize, RestoreError> {
        Ok(self.sizes(item)?.len())
    }

    /// Returns whether the folder has a copy of the item that belongs to no other item of the archive.
    fn is_present(&mut self, item: &Ready) -> Result<bool, RestoreError> {
        let size = item.size;
        let copies = self
            .sizes(item)?
            .iter()
            .filter(|&&known| known == size)
            .count();
        let claimed = self.claimed.get(&item.claim()).copied().unwrap_or(0);
        Ok(copies as u64 > claimed)
    }

    fn claim(&mut self, item: &Ready) {
        *self.claimed.entry(item.claim()).or_default() += 1;
    }
}
