//! `exportitems backup`: keeps archives of whole mailboxes up to date.

pub(crate) mod mailboxes;
mod plan;
mod run;
mod shortfall;
mod table;

use core::num::NonZeroU16;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;

use clap::value_parser;
use exportitems_std::list::Scope;
use exportitems_std::ConnectionPool;

use crate::convert::Also;
use crate::mailbox::MailboxOption;
use crate::output::{say, Format, Output};
use crate::request::SoapOptions;
use crate::run::RunOptions;
use crate::server::ServerOptions;
use crate::status::{Failure, Status};
use run::{Job, Shared, PATIENCE};
#[cfg(feature = "fleet")]
use shortfall::Shortfall;

/// Backs up a whole mailbox, or many, into a directory. The next run requests only what is new or has changed.
///
/// Each folder is listed from where the last run ended. An item that has another change key is exported again under a name
/// of its own. An item that the server has deleted is recorded, and stays here. At the end, a table compares the count of
/// each folder on the server with what is archived. To resume an interrupted backup, run the same command again.
#[derive(Debug, clap::Args)]
#[command(mut_arg("retry_for", |arg| arg.default_value(PATIENCE)))]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
#[allow(clippy::struct_excessive_bools)] // each is an option
pub(crate) struct Options {
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    soap: SoapOptions,
    #[command(flatten)]
    mailbox: MailboxOption,
    /// Back up the mailboxes of this file: one SMTP address per line, or the CSV that PowerShell's
    /// Get-Mailbox | Export-Csv writes. Each has a directory of its own in --out, named by the address.
    #[arg(long, value_name = "FILE", conflicts_with = "mailbox")]
    mailboxes: Option<PathBuf>,
    /// Impersonate the owner of each mailbox, instead of using full access.
    #[arg(long, conflicts_with = "impersonate")]
    impersonation: bool,
    /// Back up this many mailboxes at the same time, but no more than --connections, which they share: each has
    /// one connection, and borrows the others while it needs them.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = value_parser!(u16).range(1..=64))]
    parallel: u16,
    /// Write the items, the manifest and the lists into this directory.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Back up the archive mailbox, which Outlook shows as Online Archive, instead of the primary mailbox.
    #[arg(long)]
    archive: bool,
    /// Back up the recoverable items too: deleted items that the user does not see.
    #[arg(long)]
    dumpster: bool,
    /// Back up folder associated information too: hidden items such as views and rules.
    #[arg(long)]
    associated: bool,
    /// Export an item again if only whether it is read has changed.
    #[arg(long)]
    read_state: bool,
    /// Keep this many versions of an item, or all.
    #[arg(long, value_name = "N|all", default_value = "all", value_parser = versions)]
    keep_versions: Versions,
    /// Print the items and bytes of each folder and an estimate of the time, and export nothing but a sample
    /// of 40 items into a temporary directory, which measures the rate.
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    also: Also,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

/// The number of versions to keep. `None` means all.
#[derive(Clone, Copy, Debug)]
struct Versions(Option<NonZeroU16>);

fn versions(text: &str) -> Result<Versions, &'static str> {
    match text {
        "all" => Ok(Versions(None)),
        number => match number.parse() {
            Ok(number) => Ok(Versions(Some(number))),
            Err(_) => Err("write a number from 1 to 65535, or all"),
        },
    }
}

impl Options {
    const fn scope(&self) -> Scope {
        Scope {
            archive: self.archive,
            dumpster: self.dumpster,
        }
    }
}

pub(crate) fn run(args: &Options, output: &mut Output) -> Result<Status, Failure> {
    let mailboxes = args.mailboxes.as_deref().map(mailboxes::read).transpose()?;
    let dirs = match &mailboxes {
        Some(mailboxes) => {
            let names = mailboxes.iter().map(|it| mailboxes::folder_name(it));
            names.map(|name| args.out.join(name)).collect()
        }
        None => vec![args.out.clone()],
    };
    let mut status = back_up(args, mailboxes, output)?;
    // A mailbox that failed at once has no archive.
    let archives = dirs
        .iter()
        .filter(|dir| dir.join("manifest.jsonl").exists());
    for dir in archives.filter(|_| !args.plan) {
        let format = Format::new(args.json);
        status = status.max(args.also.run(dir, format, output)?);
    }
    Ok(status)
}

/// Backs up one mailbox for `fleet`, and returns why the backup ended early, if it did.
///
/// `on_login` is called when the server has accepted the login.
#[cfg(feature = "fleet")]
pub(crate) fn run_one(
    args: &Options,
    on_login: &(dyn Fn() + Sync),
) -> (Result<Status, Failure>, Shortfall) {
    let shared = Shared {
        args,
        output: None,
        // Lines name their mailbox.
        is_many: true,
        control: args.run.control(),
        on_login,
        shortfall: Mutex::default(),
    };
    let result = args.server.credentials().and_then(|credentials| {
        let job = Job {
            shared: &shared,
            mailbox: args.mailbox.address(),
            credentials,
            connections: ConnectionPool::new(args.run.connections()).join(),
        };
        job.run(&args.out)
    });
    let ended = shared.control.ended();
    let result = match (result, ended) {
        (Ok(status), Some(ended)) if status != Status::Exported => Ok(ended),
        (result, _) => result,
    };
    let shortfall = shared.shortfall.into_inner();
    (result, shortfall.unwrap_or_else(PoisonError::into_inner))
}

fn back_up(
    args: &Options,
    mailboxes: Option<Vec<String>>,
    output: &mut Output,
) -> Result<Status, Failure> {
    let credentials = args.server.credentials()?;
    let is_many = mailboxes.is_some();
    let parallel = match &mailboxes {
        Some(mailboxes) => (mailboxes.len())
            .min(args.parallel.into())
            .min(args.run.connections()),
        None => 1,
    };
    let shared = Shared {
        args,
        output: Some(Mutex::new(output)),
        is_many,
        control: args.run.control(),
        on_login: &|| (),
        shortfall: Mutex::default(),
    };
    // Each mailbox lists over one connection, so no more mailboxes are backed up at the same time than there are.
    let pool = ConnectionPool::new(args.run.connections());
    let job = |mailbox| Job {
        shared: &shared,
        mailbox,
        credentials: credentials.clone(),
        connections: pool.join(),
    };
    let work = |job: &Job<'_, '_>, dir: PathBuf| {
        let result = match args.plan {
            true => job.plan(&dir),
            false => job.run(&dir),
        };
        match (result, shared.control.ended()) {
            (Err(Failure::Interrupted), Some(ended)) => Ok(ended),
            (result, _) => result,
        }
    };
    let ended = |status| match shared.control.ended() {
        Some(ended) if status != Status::Exported => ended,
        _ => status,
    };
    let Some(mailboxes) = mailboxes else {
        return work(&job(args.mailbox.address()), args.out.clone()).map(ended);
    };
    let queue: Mutex<VecDeque<&String>> = Mutex::new(mailboxes.iter().collect());
    let worst = Mutex::new(Status::Exported);
    let next = || {
        queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    let worker = || {
        while let Some(mailbox) = next() {
            if let Some(ended) = shared.control.ended() {
                let mut worst = worst.lock().unwrap_or_else(PoisonError::into_inner);
                *worst = (*worst).max(ended);
                break;
            }
            let job = job(Some(mailbox));
            let dir = args.out.join(mailboxes::folder_name(mailbox));
            let status = work(&job, dir).unwrap_or_else(|failure| {
                if let Some(message) = failure.message() {
                    job.say(message);
                }
                failure.status()
            });
            let mut worst = worst.lock().unwrap_or_else(PoisonError::into_inner);
            *worst = (*worst).max(status);
        }
    };
    thread::scope(|scope| {
        for _ in 0..parallel {
            scope.spawn(worker);
        }
    });
    let worst = *worst.lock().unwrap_or_else(PoisonError::into_inner);
    say(&format!("all mailboxes: {}", shared.control.requests()));
    if worst != Status::Exported {
        say("some mailboxes are not complete; run the same command again");
    }
    Ok(ended(worst))
}
