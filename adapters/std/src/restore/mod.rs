//! Puts the items of an archive back into a mailbox.
//!
//! ```text
//! Inventory ─ Selection ─► Chosen ─► Restorer ─┬─ folder by path, created if missing
//!                                              ├─ copies of the item in it, counted by PidTagSearchKey
//!                                              ├─ Log: the intent, durable
//!                                              └─ UploadItems ─► Log: the result ─► RestoreOutcome
//! ```
//!
//! A server does not recognise an item that it already has, and a cut does not say whether it has stored the item. So the
//! log keeps, before each request, how many items with this search key the folder has. After a cut, an item counts as
//! stored only if that number has grown. The search key is copied with an item, so two copies stay two.
//!
//! The log alone does not decide that an item is there, because somebody may have deleted it since. With
//! [`OnDuplicate::Skip`], each copy in the folder counts for one item of the archive; the log says which copies may have
//! another size than the original, because they are restored.

mod copies;
mod error;
mod folders;
mod key;
mod log;
mod outcome;
mod payload;
mod select;
mod send;

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use exportitems::UploadItems;
use exportitems::{FolderId, UploadItem};

pub use error::RestoreError;
pub use outcome::{RestoreOutcome, RestoreProgress, RestoreSummary, Restored};
pub use select::{Chosen, Selection, SelectionError};

use crate::archive::{file_state, Entry, FileState, Inventory};
use crate::list::Lister;

use copies::Copies;
use folders::Folders;
use key::Key;
use log::{Line, Log, State};
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
    /// Create it again. The log then decides alone what an earlier run of the same restore has created, until one has
    /// created all items.
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
    /// Whether nothing is changed, in the mailbox and in the archive.
    pub is_dry_run: bool,
    /// The directory of the log, instead of that of the archive.
    pub log_dir: Option<PathBuf>,
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
            log_dir: None,
            patience: Duration::from_mins(30),
            sleep: std::thread::sleep,
        }
    }
}

/// Restores items of an archive with one client.
pub struct Restorer<'r, 'c> {
    inventory: &'r Inventory,
    chosen: &'r Chosen,
    lister: &'r mut Lister<'c>,
    options: RestoreOptions,
    log: Log,
    log_path: PathBuf,
    folders: Folders<'r>,
    /// The copies in folders that were not empty, and those of this run.
    copies: HashMap<Key, Copies>,
    report: Box<dyn FnMut(RestoreProgress<'_>) + 'r>,
    interrupt: Option<&'r AtomicBool>,
    has_failed: bool,
}

impl fmt::Debug for Restorer<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restorer").finish_non_exhaustive()
    }
}

impl<'r, 'c> Restorer<'r, 'c> {
    /// Lists the folders of the mailbox, and opens the log. `report` receives what happens.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub fn new(
        inventory: &'r Inventory,
        chosen: &'r Chosen,
        lister: &'r mut Lister<'c>,
        options: RestoreOptions,
        report: impl FnMut(RestoreProgress<'_>) + 'r,
    ) -> Result<Self, RestoreError> {
        let into = options.into.as_deref();
        let folders = Folders::list(lister, &chosen.folders, into, options.is_dry_run)?;
        // The id of the root identifies the mailbox.
        let mut place = vec![folders.root_id(), into.unwrap_or_default()];
        if options.on_duplicate == OnDuplicate::Create {
            // Another choice of items is another restore, which creates what this one has created.
            place.extend(["create", &chosen.selection]);
        }
        let dir = options.log_dir.as_deref().unwrap_or(inventory.as_ref());
        let log_path = Log::path(dir, &place);
        let log = match options.is_dry_run {
            true => Log::read(&log_path),
            false => Log::open(&log_path),
        };
        let log = log.map_err(|source| RestoreError::Log {
            path: log_path.clone(),
            source,
        })?;
        Ok(Self {
            inventory,
            chosen,
            lister,
            options,
            log,
            log_path,
            folders,
            copies: HashMap::new(),
            report: Box::new(report),
            interrupt: None,
            has_failed: false,
        })
    }

    /// Ends the run after the current request if this flag is set.
    #[must_use]
    pub fn interrupt(mut self, flag: &'r AtomicBool) -> Self {
        self.interrupt = Some(flag);
        self
    }

    /// Restores the items, one per request unless they are small.
    ///
    /// # Errors
    /// [`RestoreError`]; the outcomes before it stand.
    pub fn run(mut self) -> Result<RestoreSummary, RestoreError> {
        let mut summary = RestoreSummary {
            folders_failed: self.create_empty_folders()?,
            ..RestoreSummary::default()
        };
        let (chosen, inventory) = (self.chosen, self.inventory);
        let (mut batch, mut result) = (Vec::new(), Ok(()));
        chosen.each(inventory, |entry| {
            if result.is_ok() && !self.is_interrupted() {
                result = self.item(entry.clone(), &mut batch);
            }
        })?;
        result?;
        summary.interrupted = self.is_interrupted();
        if !summary.interrupted {
            self.send(batch)?;
            summary.interrupted = self.is_interrupted();
        }
        let is_complete = !self.has_failed && !summary.interrupted && !self.options.is_dry_run;
        if self.options.on_duplicate == OnDuplicate::Create && is_complete {
            self.add(&[Line::End])?;
        }
        summary.folders_created = self.folders.created;
        Ok(summary)
    }

    fn is_interrupted(&self) -> bool {
        let flag = self.interrupt;
        flag.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// Creates the folders of the last backup, even those without items. Returns the number of those that failed.
    fn create_empty_folders(&mut self) -> Result<u64, RestoreError> {
        let mut failed = 0;
        let paths = self.chosen.empty_too.iter();
        for path in paths.filter(|path| Folders::is_restored_empty(path)) {
            if self.is_interrupted() {
                break;
            }
            if let Err(message) = self.folders.target(self.lister, Some(path))? {
                failed += 1;
                let message = &message;
                (self.report)(RestoreProgress::FolderFailed { path, message });
            }
        }
        Ok(failed)
    }

    /// Adds an item to a batch if it has to be sent. A batch to which it cannot be added is sent first.
    fn item(&mut self, entry: Entry, batch: &mut Vec<Ready>) -> Result<(), RestoreError> {
        let Some(ready) = self.prepare(entry)? else {
            return Ok(());
        };
        if !send::fits(batch, &ready) {
            self.send(core::mem::take(batch))?;
        }
        batch.push(ready);
        Ok(())
    }

    fn add(&mut self, lines: &[Line]) -> Result<(), RestoreError> {
        self.log.add(lines).map_err(|source| RestoreError::Log {
            path: self.log_path.clone(),
            source,
        })
    }

    fn outcome(&mut self, entry: Entry, folder: Option<String>, restored: Restored) {
        self.has_failed |= matches!(restored, Restored::Failed { .. });
        (self.report)(RestoreProgress::Item(&RestoreOutcome {
            entry,
            folder,
            restored,
        }));
    }

    /// Decides what to do with an item. Returns it if it has to be sent.
    fn prepare(&mut self, entry: Entry) -> Result<Option<Ready>, RestoreError> {
        if let Err(failed) = self.check(&entry) {
            self.outcome(entry, None, failed);
            return Ok(None);
        }
        let path = self.chosen.folder_of(&entry.item);
        let target = self.folders.target(self.lister, path)?;
        let target = match target {
            Ok(target) => target,
            Err(message) => {
                self.outcome(entry, None, failed("no-folder", message));
                return Ok(None);
            }
        };
        let dir: &Path = self.inventory.as_ref();
        let file = dir.join(entry.file.as_deref().unwrap_or_default());
        let same = match payload::same_item(&file) {
            Ok(same) => same,
            Err(error) => {
                let message = format!("the file cannot be read: {error}");
                self.outcome(entry, Some(target.path), failed("file", message));
                return Ok(None);
            }
        };
        let item = Ready::new(entry, target, file, same);
        let state = self.log.state(&item.version);
        let restored = match self.is_there(&item, state)? {
            true => Restored::Present,
            false if self.options.is_dry_run => Restored::Planned,
            false => return Ok(Some(item)),
        };
        if matches!(state, Some(State::Sent { .. })) && restored == Restored::Present {
            self.record_stored(&item, None)?;
        }
        self.outcome(item.entry, Some(item.target.path), restored);
        Ok(None)
    }

    /// Returns whether the mailbox has the item, so that it is not sent.
    fn is_there(&mut self, item: &Ready, state: Option<State>) -> Result<bool, RestoreError> {
        match (state, self.options.on_duplicate) {
            (Some(State::Stored), OnDuplicate::Create) => return Ok(true),
            (None, OnDuplicate::Create) => return Ok(false),
            _ => {}
        }
        let copies = self.copies(item)?;
        Ok(match state {
            // Somebody may have deleted it since.
            Some(State::Stored) => copies.claim_any(item.size),
            Some(State::Sent { found }) => copies.total > found && copies.claim_any(item.size),
            None => copies.claim(item.size),
        })
    }

    /// Checks an item without a request: that it is whole, and not too large.
    fn check(&self, entry: &Entry) -> Result<(), Restored> {
        let is_proven = entry.is_done() && entry.integrity.as_deref() == Some("whole");
        if !is_proven && !self.options.accept_unproven {
            let integrity = entry.integrity.as_deref().unwrap_or("unknown");
            let message = format!(
                "the payload is not proven whole ({integrity}); export the item again, or allow it with --accept-unproven"
            );
            return Err(failed("not-whole", message));
        }
        let mut buffer = vec![0; 64 * 1024];
        let state = file_state(self.inventory.as_ref(), entry, &mut buffer);
        if !matches!(state, FileState::Intact) {
            let message = format!(
                "the file {}; restore it from a copy of the archive, or export the item again",
                wrong(&state)
            );
            return Err(failed("file", message));
        }
        let upload = [UploadItem::new(FolderId::new("-"), entry.bytes)];
        let encoder = UploadItems::new(&upload).encoder();
        let len = encoder.map_or(u64::MAX, |encoder| encoder.encoded_len());
        if len > self.options.largest_request {
            let message = format!(
                "the item needs a request of {len} bytes, and the server accepts {}; raise {LARGEST_REQUEST_SETTING}, and give the new limit with --largest-request",
                self.options.largest_request
            );
            return Err(failed("too-large", message));
        }
        Ok(())
    }

    /// Returns the copies of an item in its folder.
    fn copies(&mut self, item: &Ready) -> Result<&mut Copies, RestoreError> {
        if !self.copies.contains_key(&item.key) {
            let copies = match item.target.was_empty {
                true => Copies::default(),
                false => Copies::new(self.sizes(item)?),
            };
            self.copies.insert(item.key, copies);
        }
        Ok(self.copies.entry(item.key).or_default())
    }

    /// Asks the server for the sizes of an item's copies.
    fn sizes(&mut self, item: &Ready) -> Result<Vec<u64>, RestoreError> {
        let folder = &item.target.id;
        Ok(self
            .lister
            .sizes_of_same(folder, item.associated, &item.same)?)
    }
}

fn failed(error: &'static str, message: String) -> Restored {
    Restored::Failed { error, message }
}

/// Says how a file differs from its entry.
fn wrong(state: &FileState) -> String {
    match state {
        FileState::Missing => "is missing".to_owned(),
        FileState::Resized { found } => {
            format!("has another size than in the manifest: {found} bytes")
        }
        FileState::Altered => "has other content than in the manifest".to_owned(),
        FileState::Unreadable(error) => format!("cannot be read: {error}"),
        _ => "is not a payload of the archive".to_owned(),
    }
}
