//! What a restore prints.

use core::fmt;

use exportitems_std::restore::{RestoreOutcome, RestoreProgress, RestoreSummary, Restored};
use exportitems_std::Archive;
use serde::Serialize;

use super::Restore;
use crate::bar::{self, Bar};
use crate::evidence;
use crate::mailbox::count;
use crate::output::{say, Format, Output};
use crate::run::Detail;
use crate::status::Status;

/// A line about an item.
#[derive(Serialize)]
struct Line<'l> {
    id: &'l str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_id: Option<&'l str>,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'l str>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.subject.unwrap_or(self.id))?;
        if let Some(folder) = self.folder {
            write!(f, ", in {folder}")?;
        }
        match self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

/// The result of a run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Totals {
    items: u64,
    restored: u64,
    present: u64,
    #[serde(skip_serializing_if = "is_zero")]
    planned: u64,
    failed: u64,
    /// Items that the run did not get to.
    left: u64,
    bytes: u64,
    folders_created: u64,
    folders_failed: u64,
    #[serde(skip)]
    is_dry_run: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize)]
struct Summary {
    summary: Totals,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.summary;
        let items = count(totals.restored + totals.planned, "item", "items");
        let (restored, created) = match totals.is_dry_run {
            true => ("would be restored", "would be created"),
            false => ("restored", "created"),
        };
        write!(f, "{items} {restored}, {} bytes", totals.bytes)?;
        for (number, what) in [
            (totals.present, "already there"),
            (totals.failed, "failed"),
            (totals.left, "left"),
        ] {
            if number > 0 {
                write!(f, "; {number} {what}")?;
            }
        }
        for (number, what) in [
            (totals.folders_created, created),
            (totals.folders_failed, "failed"),
        ] {
            if number > 0 {
                write!(f, "; {} {what}", count(number, "folder", "folders"))?;
            }
        }
        Ok(())
    }
}

/// Prints what happens, and counts it.
pub(super) struct Reporter<'o> {
    archive: Option<&'o Archive>,
    url: &'o str,
    output: &'o mut Output,
    format: Format,
    detail: Detail,
    bar: Bar,
    totals: Totals,
    status: Status,
}

impl<'o> Reporter<'o> {
    pub(super) fn new(
        args: &'o Restore,
        items: usize,
        archive: Option<&'o Archive>,
        output: &'o mut Output,
    ) -> Self {
        Self {
            archive,
            url: args.server.url(),
            output,
            format: Format::new(args.json),
            detail: args.detail(),
            bar: Bar::new(items, args.detail()),
            totals: Totals {
                items: items as u64,
                left: items as u64,
                is_dry_run: args.dry_run,
                ..Totals::default()
            },
            status: Status::Exported,
        }
    }

    pub(super) fn progress(&mut self, progress: &RestoreProgress<'_>) {
        match progress {
            RestoreProgress::Item(outcome) => self.outcome(outcome),
            RestoreProgress::Answer(answer) => {
                if let Some(archive) = self.archive {
                    evidence::answered(archive, self.url, answer);
                }
            }
            RestoreProgress::FolderFailed { path, message } => {
                self.status = self.status.max(Status::ItemsFailed);
                self.bar.suspend(|| say(&format!("{path}: {message}")));
            }
            RestoreProgress::Wait { wait, message } if self.detail != Detail::Quiet => {
                let seconds = wait.as_secs().max(1);
                bar::around(|| say(&format!("waiting {seconds} s: {message}")));
            }
            _ => {}
        }
    }

    fn outcome(&mut self, outcome: &RestoreOutcome) {
        let entry = &outcome.entry;
        let mut line = Line {
            id: entry.id.as_deref().unwrap_or_default(),
            status: "restored",
            folder: outcome.folder.as_deref(),
            subject: entry.item.subject.as_deref(),
            new_id: None,
            bytes: entry.bytes,
            error: None,
            message: None,
        };
        let totals = &mut self.totals;
        totals.left -= 1;
        let place = match &outcome.restored {
            Restored::Stored { new_id, .. } => {
                line.new_id = new_id.as_deref();
                totals.bytes += entry.bytes;
                &mut totals.restored
            }
            Restored::Planned => {
                line.status = "planned";
                totals.bytes += entry.bytes;
                &mut totals.planned
            }
            Restored::Failed { error, message } => {
                (line.status, line.error) = ("failed", Some(*error));
                line.message = Some(message);
                self.status = self.status.max(match *error {
                    "no-response" => Status::Response,
                    "file" => Status::Local,
                    _ => Status::ItemsFailed,
                });
                &mut totals.failed
            }
            _ => {
                line.status = "present";
                &mut totals.present
            }
        };
        *place += 1;
        let is_failed = line.error.is_some();
        self.bar.add_bytes(entry.bytes);
        self.bar.add_item();
        if self.format == Format::Json || is_failed || self.detail == Detail::Everything {
            let (output, format) = (&mut *self.output, self.format);
            self.bar.suspend(|| output.value(&line, format));
        }
    }

    /// Prints the summary. Returns the number of items that are not in the mailbox, and the status of the run.
    pub(super) fn finish(
        mut self,
        done: Option<&RestoreSummary>,
        status: Status,
    ) -> (usize, Status) {
        self.bar.finish();
        if let Some(done) = done {
            self.totals.folders_created = done.folders_created;
            self.totals.folders_failed = done.folders_failed;
        }
        let summary = self.totals;
        self.output.value(&Summary { summary }, self.format);
        let left = usize::try_from(summary.left + summary.failed).unwrap_or(usize::MAX);
        (left, self.status.max(status))
    }
}
