//! `exportitems restore`: puts the items of an archive back into a mailbox.

mod report;

use core::time::Duration;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use exportitems_std::list::{ListError, Lister, SelectError};
use exportitems_std::restore::{
    Chosen, OnDuplicate, RestoreError, RestoreOptions, RestoreProgress, Restorer, Selection,
    SelectionError, LARGEST_REQUEST,
};
use exportitems_std::{error_chain, Archive, ArchiveError};

use crate::advice;
use crate::bar;
use crate::evidence;
use crate::interrupt;
use crate::mailbox::{self, count, MailboxOption};
use crate::output::{say, Output};
use crate::overview;
use crate::request::SoapOptions;
use crate::run::Detail;
use crate::server::{build, ServerOptions};
use crate::status::{Failure, Status};
use report::Reporter;

/// Puts the items of an archive back into a mailbox: the newest version of each that existed at the last run.
///
/// Each item returns to its folder, which is created if it is missing; without --only and --find, folders without items
/// are created too. A well-known folder such as the inbox is found in a mailbox of any language. Run the same command
/// again to resume: no item is restored twice, even if the connection was cut.
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
    /// Restore only the items of this folder and the folders in it: a display name, a path such as
    /// Inbox/2025, a well-known name such as inbox, or an id. In a path, `\/` is a slash in a name.
    #[arg(long, value_name = "NAME|PATH|ID")]
    folder: Option<String>,
    /// Restore everything below this folder, which is created if it is missing, instead of into the
    /// folders where the items were. The path may begin with a well-known name such as inbox.
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
    /// Restore what existed at this time, such as 2026-01-31 (UTC) or 2026-01-31T08:00:00Z, instead of at
    /// the last run.
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
    /// Keep the log of the restore in this directory, and change nothing in the archive, which may be
    /// read-only. Give the same directory to resume.
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// Print a line for each item, not only for those that fail. With --json, each item has a line anyway.
    #[arg(short, long)]
    verbose: bool,
    /// Print no progress and no notes.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Print one JSON object per item, and a summary at the end.
    #[arg(long)]
    json: bool,
}

impl Restore {
    /// Returns how much is printed.
    const fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, false) => Detail::Failures,
            (false, true) => Detail::Everything,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Duplicate {
    #[default]
    Skip,
    Create,
}

pub(crate) fn run(args: &Restore, output: &mut Output) -> Result<Status, Failure> {
    let inventory = overview::open(&args.dir)?;
    let chosen = selection(args)?.choose(&inventory).map_err(unclear)?;
    let status = absent(args, &chosen);
    let archive = archive(args)?;
    let roles = args.soap.roles();
    let headers = args.soap.headers(&roles);
    let impersonated = args.soap.impersonated_address();
    let anchor = args.mailbox.address().or(impersonated);
    let credentials = args.server.credentials()?;
    let mut client = build(args.server.anchored(credentials, anchor)?)?;
    let mut lister = Lister::new(&mut client, headers)
        .server_version(args.soap.server_version())
        .patience(Duration::from_secs(args.retry_for.into()))
        .sleep(interrupt::sleep)
        .on_wait(|wait, error| bar::around(|| say(&mailbox::waiting(wait, error))));
    if let (Some(mailbox), false) = (args.mailbox.address(), args.soap.impersonates()) {
        lister = lister.mailbox(mailbox);
    }
    if let Some(archive) = &archive {
        evidence::begin(archive);
    }
    let mut reporter = Reporter::new(args, chosen.len(), archive.as_ref(), output);
    let stop = interrupt::stop_flag();
    let graceful = interrupt::gracefully();
    let report = |progress: RestoreProgress<'_>| reporter.progress(&progress);
    let done = Restorer::new(&inventory, &chosen, &mut lister, options(args), report)
        .and_then(|restorer| restorer.interrupt(stop).run());
    drop(graceful);
    let (left, status) = reporter.finish(done.as_ref().ok(), status);
    if let Some(archive) = &archive {
        evidence::end(archive, 0, 0, left);
        while archive.wait_published()?.is_some() {}
    }
    output.check()?;
    if stop.load(Ordering::Relaxed) {
        let items = count(chosen.len() as u64, "item is", "items are");
        let there = chosen.len() - left;
        say(&format!(
            "interrupted: {there} of {items} in the mailbox; run the same command again to resume"
        ));
        return Ok(Status::Interrupted);
    }
    match done {
        Ok(_) => Ok(status),
        Err(error) => Err(failure(&error)),
    }
}

/// Opens the archive to record the run in its manifest, unless nothing is to be written there.
fn archive(args: &Restore) -> Result<Option<Archive>, Failure> {
    if args.dry_run || args.log_dir.is_some() {
        return Ok(None);
    }
    match Archive::open(&args.dir) {
        Ok(archive) => Ok(Some(archive)),
        Err(error) if is_read_only(&error) => Err(Failure::Local(format!(
            "{}; a restore keeps its log there: give another directory for it with --log-dir",
            error_chain(&error)
        ))),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether an archive cannot be written.
fn is_read_only(error: &ArchiveError) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let source = core::error::Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem))
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
        log_dir: args.log_dir.clone(),
        patience: Duration::from_secs(args.retry_for.into()),
        sleep: interrupt::sleep,
    }
}

/// Reports what the archive does not hold of what was asked for.
fn absent(args: &Restore, chosen: &Chosen) -> Status {
    for id in chosen.absent() {
        say(&format!(
            "--only {id}: the archive holds no such item; add --deleted if it was deleted on the server"
        ));
    }
    match &args.find {
        Some(text) if chosen.is_empty() => {
            say(&format!(
                "--find {text}: the archive holds no such item; add --deleted if it was deleted on the server"
            ));
            Status::ItemsFailed
        }
        _ if !chosen.absent().is_empty() => Status::ItemsFailed,
        _ => Status::Exported,
    }
}

/// Makes the failure for a choice of items that is not clear.
fn unclear(error: SelectionError) -> Failure {
    match error {
        SelectionError::Archive(error) => error.into(),
        SelectionError::Folder(SelectError::Unknown { name }) => Failure::Usage(format!(
            "--folder {name}: the archive has no such folder; give a display name, a path such as Inbox/2025, a well-known name such as inbox, or an id"
        )),
        error => Failure::Usage(format!("--folder: {}", error_chain(&error))),
    }
}

/// Makes the failure for a restore that could not be continued.
fn failure(error: &RestoreError) -> Failure {
    let text = error_chain(error);
    let advice = match error {
        RestoreError::Log { .. } | RestoreError::Archive(_) => return Failure::Local(text),
        RestoreError::Client(error) | RestoreError::List(ListError::Client(error)) => {
            advice::of_failure(error)
        }
        RestoreError::List(ListError::Request(_)) => return Failure::Usage(text),
        _ => None,
    };
    let advice = advice.as_deref();
    let advice = advice.unwrap_or("run the same command again to resume");
    Failure::Response(format!("{text}; {advice}"))
}
