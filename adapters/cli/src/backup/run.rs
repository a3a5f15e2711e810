//! The backup of one mailbox.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use exportitems::{ExchangeImpersonation, RequestHeaders};
use exportitems_std::archive::{display_path, Entry};
use exportitems_std::backup::{
    Backup, BackupError, BackupProgress, BackupReport, Exported, ListedVersions,
};
use exportitems_std::list::ListedItem;
use exportitems_std::{
    error_chain, Archive, ArchiveError, Client, ExportError, Exporter, PoolMember, Progress, Stop,
};

use super::shortfall::Shortfall;
use super::{table, Options};
use crate::bar::{self, Bar};
use crate::evidence;
use crate::interrupt;
use crate::list;
use crate::mailbox::{count, waiting};
use crate::output::{say, Format, Output};
use crate::run::{self, Control, Detail};
use crate::server::build;
use crate::status::{Failure, Status};
use crate::stored::Added;

/// What the mailboxes of a run share.
pub(super) struct Shared<'s> {
    pub(super) args: &'s Options,
    /// Where the table of folders is printed, if it is.
    pub(super) output: Option<Mutex<&'s mut Output>>,
    /// Whether there is more than one mailbox, so that lines name theirs.
    pub(super) is_many: bool,
    pub(super) control: Control,
    /// Called when the server has accepted the login.
    pub(super) on_login: &'s (dyn Fn() + Sync),
    pub(super) shortfall: Mutex<Shortfall>,
}

/// A mailbox in a run.
pub(super) struct Job<'j, 's> {
    pub(super) shared: &'j Shared<'s>,
    /// The address, unless it is the mailbox of the user who logs in.
    pub(super) mailbox: Option<&'j str>,
    pub(super) credentials: Option<exportitems_std::client::Credentials>,
    /// The connections that this mailbox shares with others.
    pub(super) connections: PoolMember,
}

impl Job<'_, '_> {
    /// Runs the backup into `dir`, and prints its result.
    pub(super) fn run(&self, dir: &Path) -> Result<Status, Failure> {
        let args = self.shared.args;
        let roles = args.soap.roles();
        let headers = self.headers(args.soap.headers(&roles));
        let mut client = self.client()?;
        let archive = Archive::open(dir)?;
        archive.keep_versions(args.keep_versions.0);
        if let lost @ 1.. = archive.lost() {
            let files = count(lost, "file is", "files are");
            self.say(&format!(
                "note: {files} missing or altered, and exported again"
            ));
        }
        let added = Added::new(&archive);
        let (name, place) = (self.name(), display_path(dir));
        let _stopped = interrupt::before_exit(move || {
            let items = count(added.stored() as u64, "item was", "items were");
            bar::around(|| {
                say(&format!(
                    "{name}stopped: {items} stored in {place} by this run; run the same command again to resume"
                ));
            });
        });
        evidence::begin(&archive);
        let backup = self.backup(&archive, headers);
        let mut totals = Totals::default();
        let mut export = |client: &mut Client, items: Vec<ListedItem>| {
            self.export(client, &archive, headers, &items, &mut totals)
        };
        let report = backup.run(&mut client, &mut export, &mut |event| self.progress(&event));
        let report = report.map_err(|error| {
            if let BackupError::List(error) = &error {
                self.shortfall().busy_for = error.busy_for();
            }
            failure(error)
        })?;
        evidence::end(&archive, totals.exported, totals.bytes, totals.missing);
        while archive.wait_published()?.is_some() {}
        crate::report::write_after_run(dir);
        self.finish(&report, &totals, dir)
    }

    pub(super) fn client(&self) -> Result<Client, Failure> {
        let args = self.shared.args;
        let anchor = self.mailbox.or(args.soap.impersonated_address());
        build(args.server.anchored(self.credentials.clone(), anchor)?)
    }

    pub(super) fn headers<'h>(&'h self, headers: RequestHeaders<'h>) -> RequestHeaders<'h> {
        match self.mailbox {
            Some(address) if self.shared.args.impersonation => {
                headers.impersonation(ExchangeImpersonation::PrimarySmtpAddress(address))
            }
            _ => headers,
        }
    }

    pub(super) fn backup<'b>(
        &'b self,
        archive: &'b Archive,
        headers: RequestHeaders<'b>,
    ) -> Backup<'b> {
        let args = self.shared.args;
        let is_impersonated = args.impersonation || args.soap.impersonates();
        let backup = Backup::new(archive, headers);
        (self.shared.control.back_up(backup))
            .mailbox(self.mailbox.filter(|_| !is_impersonated))
            .server_version(args.soap.server_version())
            .scope(args.scope())
            .associated(args.associated)
            .read_state(args.read_state)
            .patience(args.run.patience())
    }

    /// Exports items into the archive.
    fn export(
        &self,
        client: &mut Client,
        archive: &Archive,
        headers: RequestHeaders<'_>,
        items: &[ListedItem],
        totals: &mut Totals,
    ) -> Result<Exported, ExportError<ArchiveError>> {
        let args = self.shared.args;
        let mut bar = (!self.shared.is_many).then(|| Bar::new(items.len(), args.run.detail()));
        let store = ListedVersions::new(archive);
        let exporter = Exporter::new(client, &store, headers);
        let version = args.soap.server_version();
        let exporter = (args.run)
            .apply(exporter, version, &self.shared.control)
            .share(&self.connections);
        let report = exporter.run(ListedVersions::items(items), &mut |progress| {
            if let Progress::Answer { answer, .. } = &progress {
                evidence::answered(archive, args.server.url(), answer);
            }
            self.exported(&progress, bar.as_mut());
        });
        if let Some(bar) = bar {
            bar.finish();
        }
        let report = report?;
        self.shortfall().note(&report);
        totals.exported += report.ok;
        totals.bytes += report.bytes;
        totals.missing = report.missing.len();
        match &report.stopped {
            Some(Stop::Failure(error)) => {
                self.say(&format!("the export ended early: {}", error_chain(error)));
            }
            Some(_) => self.say("the export ended early: the server refuses the requests"),
            None => {}
        }
        let is_stopped = report.stopped.is_some() || report.interrupted;
        Ok(Exported { is_stopped })
    }

    /// Reports an event of the export: a line for each failure, and none for a success.
    fn exported(&self, progress: &Progress<'_, &ListedItem>, bar: Option<&mut Bar>) {
        interrupt::checkpoint();
        match (progress, bar) {
            (Progress::Bytes(bytes), Some(bar)) => bar.add_bytes(*bytes),
            (
                Progress::Item {
                    value,
                    entry,
                    again: None,
                    ..
                },
                bar,
            ) => {
                match (entry.is_done(), self.shared.args.run.detail()) {
                    (false, _) => self.failed(value, entry),
                    (true, Detail::Everything) => self.say(&format!("exported: {}", named(value))),
                    (true, _) => {}
                }
                if let Some(bar) = bar {
                    bar.add_item();
                }
            }
            (Progress::FailedBefore { .. }, Some(bar)) => bar.add_item(),
            (Progress::Wait { wait, why, failure }, bar) => {
                if let Some(bar) = bar {
                    bar.wait(*wait, *why);
                }
                self.note(&run::waiting(*wait, *why, *failure));
            }
            _ => {}
        }
    }

    /// Prints a note, unless only failures are wanted.
    fn note(&self, text: &str) {
        if self.shared.args.run.detail() != Detail::Quiet {
            self.say(text);
        }
    }

    fn failed(&self, item: &ListedItem, entry: &Entry) {
        let reason = match (&entry.code, &entry.error) {
            (Some(code), _) if code != "NoError" => code.clone(),
            (_, Some(error)) => error.clone(),
            (_, None) => "suspect".to_owned(),
        };
        self.say(&format!("failed: {reason}: {}", named(item)));
    }

    pub(super) fn progress(&self, event: &BackupProgress<'_>) {
        match event {
            BackupProgress::Folder { folder, due } => {
                (self.shared.on_login)();
                if *due == 0 {
                    return;
                }
                let items = count(*due as u64, "item", "items");
                self.note(&format!("{}: {items} to export", folder.path));
            }
            BackupProgress::Refused { error, .. } => {
                self.say(&format!("{error}; the other folders are backed up"));
            }
            BackupProgress::Wait { wait, error } => self.note(&waiting(*wait, *error)),
            _ => {}
        }
    }

    /// Prints the table of folders, and what is left.
    fn finish(
        &self,
        report: &BackupReport,
        totals: &Totals,
        dir: &Path,
    ) -> Result<Status, Failure> {
        let format = Format::new(self.shared.args.json);
        let mailbox = self.mailbox.filter(|_| self.shared.is_many);
        // After an interrupt, the server is not asked for the counts of its folders.
        let output = self.shared.output.as_ref();
        if let Some(output) = output.filter(|_| !report.folders.is_empty()) {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            if let (Some(mailbox), Format::Text) = (mailbox, format) {
                output.line(mailbox);
            }
            table::print(mailbox, &report.folders, format, &mut output);
            output.check()?;
        }
        let exported = count(totals.exported as u64, "item", "items");
        let bytes = totals.bytes;
        let requests = match self.shared.is_many {
            // Counters are those of all mailboxes.
            true => String::new(),
            false => format!("; {}", self.shared.control.requests()),
        };
        self.say(&format!(
            "{exported} exported in this run, {bytes} bytes{requests}"
        ));
        if let Some(held) = report.held {
            let why = match self.shared.control.ended() {
                Some(Status::WindowClosed) => "the window has closed",
                Some(_) => "interrupted",
                None => "ended early",
            };
            self.say(&format!(
                "{why}: {} of {} listed items are stored in {}; run the same command again to resume",
                held.archived,
                held.listed,
                display_path(dir)
            ));
        }
        let (mut failed, mut changed) = (0, 0);
        for folder in &report.folders {
            failed += folder.record.failed;
            changed += folder.record.changed;
            if folder.difference() != 0 && folder.refused.is_none() && !report.is_stopped {
                self.say(&format!(
                    "{}: the count on the server differs by {} from what is archived, failed or changed; \
                     run the command again",
                    folder.record.folder,
                    folder.difference()
                ));
            }
        }
        if changed > 0 && !report.is_stopped {
            let items = count(changed, "item", "items");
            self.say(&format!(
                "note: {items} changed during the backup, and are left to the next one"
            ));
        }
        Ok(if report.is_stopped {
            Status::Response
        } else if failed > 0 || !report.is_explained() {
            Status::ItemsFailed
        } else {
            Status::Exported
        })
    }

    /// Returns how lines about the mailbox begin.
    fn name(&self) -> String {
        let mailbox = self.mailbox.filter(|_| self.shared.is_many);
        mailbox.map_or(String::new(), |mailbox| format!("{mailbox}: "))
    }

    fn shortfall(&self) -> MutexGuard<'_, Shortfall> {
        let shortfall = self.shared.shortfall.lock();
        shortfall.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn say(&self, text: &str) {
        bar::around(|| say(&format!("{}{text}", self.name())));
    }
}

/// What the exports of a run have done.
#[derive(Default)]
struct Totals {
    exported: usize,
    bytes: u64,
    missing: usize,
}

/// The seconds without progress that a backup waits: 8 hours, because it runs overnight.
pub(super) const PATIENCE: &str = "28800";

pub(super) fn failure(error: BackupError<ExportError<ArchiveError>>) -> Failure {
    match error {
        BackupError::List(error) => list::failure(error),
        BackupError::Archive(error) | BackupError::Export(ExportError::Store(error)) => {
            error.into()
        }
        other => Failure::Usage(error_chain(&other)),
    }
}

/// Returns the folder, subject and id of an item.
fn named(item: &ListedItem) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (folder, subject) = (text(&item.info.folder), text(&item.info.subject));
    format!("{folder}: {subject} ({})", item.id)
}
