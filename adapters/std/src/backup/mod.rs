//! Keeps an archive of a whole mailbox up to date.
//!
//! ```text
//! folders ─► each folder is synced from its kept state ─► what is new or changed is exported ─► again, until nothing is left
//!                    DIR/list/<32 hex>.jsonl                       DIR/items, DIR/manifest.jsonl
//! ```
//!
//! The list of a folder is durable before an item of it is requested, and what an earlier run has exported is not requested
//! again. So a run that is interrupted at any instant is continued by the next one. An item that the server has deleted, or
//! moved, is recorded in the manifest, and nothing is deleted here.

mod log;
mod store;
mod sync;

use core::fmt;
use core::time::Duration;
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use exportitems::{ItemId, RequestHeaders, RequestServerVersion};

use crate::archive::{Archive, ArchiveError, FolderRecord, ItemState, Record};
use crate::client::Client;
use crate::counters::Counters;
use crate::list::{Folder, ListError, ListedItem, Lister, Scope};
use log::FolderLog;

pub use store::ListedVersions;

/// How often the folders are synced before and after exports of one run.
const PASSES: usize = 4;

/// A backup failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackupError<E> {
    /// The mailbox cannot be listed.
    List(ListError),
    /// The archive or its lists cannot be read or written.
    Archive(ArchiveError),
    /// The caller's export failed.
    Export(E),
}

impl<E: fmt::Display> fmt::Display for BackupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(error) => error.fmt(f),
            Self::Archive(error) => error.fmt(f),
            Self::Export(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for BackupError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within.
        match self {
            Self::List(error) => error.source(),
            Self::Archive(error) => error.source(),
            Self::Export(error) => error.source(),
        }
    }
}

impl<E> From<ListError> for BackupError<E> {
    fn from(error: ListError) -> Self {
        Self::List(error)
    }
}

impl<E> From<ArchiveError> for BackupError<E> {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

/// An event of a backup.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackupProgress<'a> {
    /// A folder has been synced.
    Folder {
        /// The folder.
        folder: &'a Folder,
        /// The number of its items that are to be exported.
        due: usize,
    },
    /// A folder cannot be listed. The others are backed up.
    Refused {
        /// The folder.
        folder: &'a Folder,
        /// The reason.
        error: &'a ListError,
    },
    /// The next request for a list waits.
    Wait {
        /// The length of the wait.
        wait: Duration,
        /// The failure of the last request, unless the wait is that of [`Backup::closed_for`].
        error: Option<&'a ListError>,
    },
}

/// What the caller's export has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // callers make it
pub struct Exported {
    /// Whether the export has ended before all items were requested, so that the backup ends too.
    pub is_stopped: bool,
}

/// The caller's function that exports items into the archive. It gets the client that has listed them.
pub type Export<'e, E> = dyn FnMut(&mut Client, Vec<ListedItem>) -> Result<Exported, E> + 'e;

/// A folder at the end of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderResult {
    /// The numbers of its items.
    pub record: FolderRecord,
    /// Why the folder could not be listed, if it could not.
    pub refused: Option<String>,
}

impl FolderResult {
    /// Returns by how much the number of items on the server exceeds the items that are archived, failed, or changed.
    #[must_use]
    pub fn difference(&self) -> i64 {
        let FolderRecord {
            on_server,
            archived,
            failed,
            changed,
            ..
        } = self.record;
        let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
        signed(on_server).saturating_sub(signed(archived + failed + changed))
    }
}

/// The result of a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The folders, sorted by their paths.
    pub folders: Vec<FolderResult>,
    /// The number of items that were requested.
    pub requested: usize,
    /// The number of items that the server has deleted or moved since the last run.
    pub deleted: usize,
    /// Whether the backup has ended before all items were listed and requested.
    pub is_stopped: bool,
    /// If it has, what the lists and the archive hold. The folders are not counted then.
    pub held: Option<Held>,
}

/// How much of a mailbox an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// The number of items that are listed so far.
    pub listed: u64,
    /// The number of these that the archive holds, in the listed version.
    pub archived: u64,
}

impl BackupReport {
    /// Returns whether every item of every folder is archived, has failed with a reason, or has changed meanwhile.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        let mut folders = self.folders.iter();
        folders.all(|it| it.refused.is_none() && it.difference() == 0)
    }

    /// Turns the interruption of a list into the end of the backup.
    fn note_interrupt<E>(
        &mut self,
        result: Result<(), BackupError<E>>,
    ) -> Result<(), BackupError<E>> {
        match result {
            Err(BackupError::List(ListError::Interrupted)) => self.is_stopped = true,
            result => result?,
        }
        Ok(())
    }
}

/// Keeps an archive of one mailbox up to date.
///
/// The caller exports the items: see [`run`](Self::run).
#[must_use]
pub struct Backup<'a> {
    archive: &'a Archive,
    headers: RequestHeaders<'a>,
    version: RequestServerVersion,
    mailbox: Option<&'a str>,
    scope: Scope,
    associated: bool,
    read_state: bool,
    patience: Duration,
    sleep: fn(Duration),
    closed_for: Option<&'a (dyn Fn() -> Duration + Sync)>,
    interrupt: Option<&'a AtomicBool>,
    counters: &'a dyn Counters,
}

impl fmt::Debug for Backup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backup").finish_non_exhaustive()
    }
}

impl<'a> Backup<'a> {
    /// Makes a backup of the mailbox of the user who logs in, or whom the headers impersonate.
    pub fn new(archive: &'a Archive, headers: RequestHeaders<'a>) -> Self {
        Self {
            archive,
            headers,
            version: RequestServerVersion::Exchange2013_SP1,
            mailbox: None,
            scope: Scope::default(),
            associated: false,
            read_state: false,
            patience: Duration::from_hours(8),
            sleep: std::thread::sleep,
            closed_for: None,
            interrupt: None,
            counters: &(),
        }
    }

    /// Backs up the mailbox with this SMTP address, to which the user has full access.
    pub fn mailbox(mut self, address: Option<&'a str>) -> Self {
        self.mailbox = address;
        self
    }

    /// Sets the schema version of requests. A server that does not know it gets an older one.
    pub fn server_version(mut self, version: RequestServerVersion) -> Self {
        self.version = version;
        self
    }

    /// Sets which parts of the mailbox are backed up.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets whether folder associated information is backed up too.
    pub fn associated(mut self, associated: bool) -> Self {
        self.associated = associated;
        self
    }

    /// Sets whether an item is exported again if only whether it is read has changed.
    pub fn read_state(mut self, read_state: bool) -> Self {
        self.read_state = read_state;
        self
    }

    /// Sets the longest time that a request for a list is repeated. The default is 8 hours.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets the function that waits, instead of [`std::thread::sleep`].
    pub fn sleep(mut self, sleep: fn(Duration)) -> Self {
        self.sleep = sleep;
        self
    }

    /// Sets a function that returns how long no request for a list may begin, see [`Lister::closed_for`].
    pub fn closed_for(mut self, closed_for: &'a (dyn Fn() -> Duration + Sync)) -> Self {
        self.closed_for = Some(closed_for);
        self
    }

    /// Sets a flag that ends the backup when it is set: no further request for a list begins. What is listed and exported
    /// is kept.
    pub fn interrupt(mut self, flag: &'a AtomicBool) -> Self {
        self.interrupt = Some(flag);
        self
    }

    /// Sets what counts the requests for lists.
    pub fn counters(mut self, counters: &'a dyn Counters) -> Self {
        self.counters = counters;
        self
    }

    fn lister<'l>(
        &'l self,
        client: &'l mut Client,
        progress: &'l mut dyn FnMut(BackupProgress<'_>),
    ) -> Lister<'l> {
        let lister = Lister::new(client, self.headers)
            .server_version(self.version)
            .patience(self.patience)
            .sleep(self.sleep)
            .on_wait(move |wait, error| progress(BackupProgress::Wait { wait, error }));
        let mut lister = lister.counters(self.counters);
        if let Some(flag) = self.interrupt {
            lister = lister.interrupt(flag);
        }
        if let Some(closed_for) = self.closed_for {
            lister = lister.closed_for(closed_for);
        }
        match self.mailbox {
            Some(address) => lister.mailbox(address),
            None => lister,
        }
    }

    /// Lists the folders without changing anything, and returns each with the number of its items that the archive holds.
    ///
    /// # Errors
    /// [`BackupError`]; there is no export.
    pub fn plan<E>(
        &self,
        client: &mut Client,
        progress: &mut dyn FnMut(BackupProgress<'_>),
    ) -> Result<Vec<(Folder, u64)>, BackupError<E>> {
        let folders = self.lister(client, progress).folders(self.scope)?;
        let mut plan = Vec::new();
        for folder in folders {
            let log = FolderLog::open(self.archive.dir(), &folder)?;
            let held = log.ids().filter(|(id, key)| self.is_done(id, *key)).count();
            plan.push((folder, held as u64));
        }
        Ok(plan)
    }

    /// Runs the backup: lists what is new, exports it, and lists again until nothing is left.
    ///
    /// `export` exports items into the archive, in the version that the server has now. Their
    /// [`ListedItem::change_key`] is that of the list: an archive is asked for its [state](Archive::state) with it. It
    /// returns when each item is exported or given up. An item is passed to it once in each version.
    ///
    /// # Errors
    /// [`BackupError`]. A folder that the server refuses is none; its result says so.
    pub fn run<E>(
        &self,
        client: &mut Client,
        export: &mut Export<'_, E>,
        progress: &mut dyn FnMut(BackupProgress<'_>),
    ) -> Result<BackupReport, BackupError<E>> {
        let mut report = BackupReport::default();
        let exported = self.export(client, export, progress, &mut report);
        report.note_interrupt(exported)?;
        let counted = self.count(client, progress, &mut report);
        report.note_interrupt(counted)?;
        if report.is_stopped {
            report.held = Some(self.held()?);
        }
        Ok(report)
    }

    /// Lists and exports until nothing is left.
    fn export<E>(
        &self,
        client: &mut Client,
        export: &mut Export<'_, E>,
        progress: &mut dyn FnMut(BackupProgress<'_>),
        report: &mut BackupReport,
    ) -> Result<(), BackupError<E>> {
        let mut tried = HashSet::new();
        for pass in 0..PASSES {
            let folders = self.lister(client, progress).folders(self.scope)?;
            self.forget_vanished(&folders, report)?;
            let mut due = Vec::new();
            for folder in &folders {
                let found = match self.sync(client, folder, progress, report) {
                    Ok(found) => found,
                    Err(BackupError::List(error))
                        if !error.is_transient() && !error.is_interrupt() =>
                    {
                        let error = &error;
                        progress(BackupProgress::Refused { folder, error });
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let new = found.into_iter().filter(|item| {
                    let version = (item.id.clone(), item.change_key.clone());
                    tried.insert(version)
                });
                let before = due.len();
                due.extend(new);
                let due = due.len() - before;
                progress(BackupProgress::Folder { folder, due });
            }
            if due.is_empty() && pass > 0 {
                break;
            }
            if !due.is_empty() {
                report.requested += due.len();
                report.is_stopped = export(client, due).map_err(BackupError::Export)?.is_stopped;
            }
            if report.is_stopped {
                break;
            }
        }
        Ok(())
    }

    /// Returns how much of what is listed the archive holds.
    fn held(&self) -> Result<Held, ArchiveError> {
        let mut held = Held::default();
        for log in FolderLog::all(self.archive.dir())? {
            let (_, path) = log.folder();
            if self.scope.contains(path) {
                let done = log.ids().filter(|(id, key)| self.is_done(id, *key));
                held.archived += done.count() as u64;
                held.listed += log.ids().count() as u64;
            }
        }
        Ok(held)
    }

    fn is_done(&self, id: &str, change_key: Option<&str>) -> bool {
        self.state(id, change_key) == ItemState::Done
    }

    fn state(&self, id: &str, change_key: Option<&str>) -> ItemState {
        self.archive.state(&ItemId { id, change_key })
    }

    /// Records the items of folders that no longer exist as deleted.
    fn forget_vanished(
        &self,
        folders: &[Folder],
        report: &mut BackupReport,
    ) -> Result<(), ArchiveError> {
        let present: HashSet<&str> = folders.iter().map(|it| it.id.as_str()).collect();
        for mut log in FolderLog::all(self.archive.dir())? {
            let (id, path) = log.folder();
            // A folder of another part of the mailbox is only out of scope.
            if present.contains(id) || !self.scope.contains(path) {
                continue;
            }
            let ids: Vec<String> = log.ids().map(|(id, _)| id.to_owned()).collect();
            for id in ids {
                self.forget(&mut log, &id, report);
            }
            log.flush()?;
        }
        Ok(())
    }

    fn forget(&self, log: &mut FolderLog, id: &str, report: &mut BackupReport) {
        log.deleted(id);
        self.archive.record_deletion(id);
        report.deleted += 1;
    }

    /// Counts the items of each folder, on the server and here.
    fn count<E>(
        &self,
        client: &mut Client,
        progress: &mut dyn FnMut(BackupProgress<'_>),
        report: &mut BackupReport,
    ) -> Result<(), BackupError<E>> {
        let folders = match self.lister(client, progress).folders(self.scope) {
            Ok(folders) => folders,
            // The export has ended because of the server. What is left is known without its numbers.
            Err(_) if report.is_stopped => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for folder in folders {
            let mut refused = None;
            let mut log = FolderLog::open(self.archive.dir(), &folder)?;
            let on_server = folder.count(self.associated);
            // Items that came or went since the last pass explain a difference.
            if !report.is_stopped && on_server != Some(log.ids().count() as u64) {
                drop(log);
                match self.sync::<E>(client, &folder, progress, report) {
                    Ok(_) => {}
                    Err(BackupError::List(error)) if !error.is_interrupt() => {
                        refused = Some(error.to_string());
                    }
                    Err(error) => return Err(error),
                }
                log = FolderLog::open(self.archive.dir(), &folder)?;
            }
            let mut record = FolderRecord {
                folder: folder.path.clone(),
                folder_id: Some(folder.id.clone()),
                folder_class: folder.class.clone(),
                distinguished_folder: folder.distinguished.clone(),
                on_server: on_server.unwrap_or_else(|| log.ids().count() as u64),
                ..FolderRecord::default()
            };
            for (id, change_key) in log.ids() {
                match self.state(id, change_key) {
                    ItemState::Done => record.archived += 1,
                    ItemState::New | ItemState::Changed | ItemState::Lost => record.changed += 1,
                    _ => record.failed += 1,
                }
            }
            self.archive.record(Record::Folder(record.clone()));
            report.folders.push(FolderResult { record, refused });
        }
        Ok(())
    }
}
