//! `exportitems restore`: puts the items of an archive back into a mailbox.

use core::fmt;
use core::time::Duration;
use std::collections::HashSet;
use std::path::PathBuf;

use exportitems_std::archive::{Entry, Inventory};
use exportitems_std::list::Lister;
use exportitems_std::restore::{
    OnDuplicate, RestoreError, RestoreOptions, RestoreOutcome, Restored, Restorer, Selection,
    LARGEST_REQUEST,
};
use exportitems_std::{error_chain, Archive};
use serde::Serialize;

use crate::advice;
use crate::bar::Bar;
use crate::evidence;
use crate::mailbox::{self, count, MailboxOption};
use crate::output::{say, Format, Output};
use crate::request::SoapOptions;
use crate::run::Detail;
use crate::server::{build, ServerOptions};
use crate::status::{Failure, Status};

/// Puts the items of an archive back into a mailbox: the newest version of each that existed at the last run.
///
/// Each item returns to its folder, which is created if it is missing. A well-known folder such as the inbox is found
/// in a mailbox of any language. Run the same command again to resume: no item is restored twice, even if the
/// connection was cut.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
#[allow(clippy::struct_excessive_bools)] // each is an option
pub(crate) struct Restore {
    /// The archive.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    soap: SoapOptions,
    #[command(flatten)]
    mailbox: MailboxOption,
    /// Restore only the items of this folder and the folders in it: a path such as Inbox/2025, or a
    /// well-known name such as inbox.
    #[arg(long, value_name = "PATH")]
    folder: Option<String>,
    /// Restore everything below this folder, which is created if it is missing, instead of into the
    /// folders where the items were.
    #[arg(long, value_name = "PATH")]
    into: Option<String>,
    /// Restore only the item with this id. May be given more than once.
    #[arg(long, value_name = "ID", conflicts_with = "find")]
    only: Vec<String>,
    /// Restore only the items whose subject contains this text.
    #[arg(long, value_name = "TEXT")]
    find: Option<String>,
    /// Restore items too that were deleted or moved on the server before the last run.
    #[arg(long)]
    deleted: bool,
    /// Restore what existed at this time, such as 2026-01-31 or 2026-01-31T08:00:00Z, instead of at the
    /// last run.
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Change nothing, and report what would be restored.
    #[arg(long)]
    dry_run: bool,
    /// What to do with an item of which the folder has a copy. With skip, copies are counted, so two copies
    /// in the archive stay two.
    #[arg(long, value_name = "ACTION", value_enum, default_value_t)]
    on_duplicate: Duplicate,
    /// Restore items too whose payload is not proven whole.
    #[arg(long)]
    accept_unproven: bool,
    /// The largest request in bytes that the server accepts. Exchange accepts 64 MiB by default.
    #[arg(long, value_name = "BYTES", default_value_t = LARGEST_REQUEST)]
    largest_request: u64,
    /// Wait at most this many seconds for a busy or unreachable server.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    retry_for: u32,
    /// Print one JSON object per item, and a summary at the end.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Duplicate {
    #[default]
    Skip,
    Create,
}

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
        let verb = if totals.planned > 0 {
            "would be restored"
        } else {
            "restored"
        };
        write!(f, "{items} {verb}, {} bytes", totals.bytes)?;
        for (number, what) in [
            (totals.present, "already there"),
            (totals.failed, "failed"),
            (totals.left, "left"),
        ] {
            if number > 0 {
                write!(f, "; {number} {what}")?;
            }
        }
        if totals.folders_created > 0 {
            let folders = count(totals.folders_created, "folder", "folders");
            write!(f, "; {folders} to create")?;
        }
        Ok(())
    }
}

pub(crate) fn run(args: &Restore, output: &mut Output) -> Result<Status, Failure> {
    let inventory = Inventory::open(&args.dir)?;
    let selection = selection(args)?;
    let items = selection.choose(&inventory)?;
    drop(inventory);
    let mut status = absent(args, &items);
    let archive = Archive::open(&args.dir)?;
    let roles = args.soap.roles();
    let headers = args.soap.headers(&roles);
    let impersonated = args.soap.impersonated_address();
    let anchor = args.mailbox.address().or(impersonated);
    let credentials = args.server.credentials()?;
    let mut client = build(args.server.anchored(credentials, anchor)?)?;
    let mut lister = Lister::new(&mut client, headers)
        .server_version(args.soap.server_version())
        .patience(Duration::from_secs(args.retry_for.into()))
        .on_wait(|wait, error| say(&mailbox::waiting(wait, error)));
    if let (Some(mailbox), false) = (args.mailbox.address(), args.soap.impersonates()) {
        lister = lister.mailbox(mailbox);
    }
    if !args.dry_run {
        evidence::begin(&archive);
    }
    let mut reporter = Reporter {
        format: Format::new(args.json),
        bar: Bar::new(items.len(), Detail::Failures),
        output,
        totals: Totals {
            items: items.len() as u64,
            left: items.len() as u64,
            ..Totals::default()
        },
        status: Status::Exported,
    };
    let options = options(args);
    let report = |outcome| reporter.outcome(&outcome);
    let done = Restorer::new(&archive, &mut lister, &items, options, report)
        .and_then(|restorer| restorer.run(items));
    if let Ok(summary) = &done {
        reporter.totals.folders_created = summary.folders_created;
    }
    reporter.finish();
    status = status.max(reporter.status);
    if !args.dry_run {
        let left = reporter.totals.left + reporter.totals.failed;
        evidence::end(&archive, 0, 0, usize::try_from(left).unwrap_or(usize::MAX));
        while archive.wait_published()?.is_some() {}
    }
    reporter.output.check()?;
    match done {
        Ok(_) => Ok(status),
        Err(error) => Err(failure(&error)),
    }
}

fn selection(args: &Restore) -> Result<Selection, Failure> {
    let as_of = args.as_of.as_deref().map(|text| {
        let midnight = format!("{text}T00:00:00Z");
        let time = text.parse().or_else(|_| midnight.parse());
        time.map_err(|_| {
            Failure::Usage(format!(
                "--as-of {text}: write a date such as 2026-01-31, or a time such as 2026-01-31T08:00:00Z"
            ))
        })
    });
    Ok(Selection {
        deleted: args.deleted,
        as_of: as_of.transpose()?,
        folder: args.folder.clone(),
        only: args.only.clone(),
        find: args.find.clone(),
    })
}

fn options(args: &Restore) -> RestoreOptions {
    RestoreOptions {
        into: args.into.clone(),
        on_duplicate: match args.on_duplicate {
            Duplicate::Skip => OnDuplicate::Skip,
            Duplicate::Create => OnDuplicate::Create,
        },
        accept_unproven: args.accept_unproven,
        largest_request: args.largest_request,
        is_dry_run: args.dry_run,
        patience: Duration::from_secs(args.retry_for.into()),
        ..RestoreOptions::default()
    }
}

/// Reports ids of `--only` that the archive does not hold.
fn absent(args: &Restore, items: &[Entry]) -> Status {
    let held: HashSet<_> = items.iter().filter_map(|entry| entry.id.as_ref()).collect();
    let absent = args.only.iter().filter(|id| !held.contains(id));
    let mut status = Status::Exported;
    for id in absent {
        say(&format!(
            "--only {id}: the archive holds no such item; add --deleted if it was deleted on the server"
        ));
        status = Status::ItemsFailed;
    }
    if items.is_empty() && args.only.is_empty() {
        say("note: the archive holds no such items");
    }
    status
}

struct Reporter<'o> {
    output: &'o mut Output,
    format: Format,
    bar: Bar,
    totals: Totals,
    status: Status,
}

impl Reporter<'_> {
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
        if self.format == Format::Json || is_failed {
            let (output, format) = (&mut *self.output, self.format);
            self.bar.suspend(|| output.value(&line, format));
        }
    }

    fn finish(&mut self) {
        self.bar.finish();
        let summary = Summary {
            summary: self.totals,
        };
        self.output.value(&summary, self.format);
    }
}

/// Makes the failure for a restore that could not be continued.
fn failure(error: &RestoreError) -> Failure {
    let again = "run the same command again to resume";
    match error {
        RestoreError::Log { .. } => Failure::Local(error_chain(error)),
        RestoreError::Client(client) => {
            let text = error_chain(error);
            Failure::Response(match advice::of_failure(client) {
                Some(advice) => format!("{text}; {advice}"),
                None => format!("{text}; {again}"),
            })
        }
        _ => Failure::Response(format!("{}; {again}", error_chain(error))),
    }
}
