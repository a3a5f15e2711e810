//! `exportitems fleet work`: backs up the mailboxes of the queue.

use core::time::Duration;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::value_parser;
use exportitems_fleet::{
    Backup, Context, Event, Job, Queue, Settings, State, Totals, Verdict, Worker,
};
use exportitems_std::error_chain;

use super::metrics::{Metrics, MetricsOption};
use super::queue::{failure, QueueOptions};
use super::{archive, block_on};
use crate::backup;
use crate::config;
use crate::interrupt;
use crate::output::say;
use crate::status::{Failure, Status};
use crate::{Arguments, Command};

/// The shortest delay after which the mailbox of a busy server is tried again.
const SHORTEST_DELAY: Duration = Duration::from_secs(10);

/// The delay while another process works on the mailbox.
const WHILE_LOCKED: Duration = Duration::from_secs(20);

/// Backs up mailboxes of the queue, one after another, until it is stopped.
///
/// The options of the backups come from the configuration file: those of all servers, and of the table [servers.NAME] of a
/// mailbox's server. SIGTERM or Ctrl-C ends the worker when the responses on the wire are stored; another worker continues
/// the mailbox. A second signal ends it at once, which loses nothing either.
#[derive(Clone, Debug, clap::Args)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
pub(crate) struct Work {
    #[command(flatten)]
    queue: QueueOptions,
    /// Work only on mailboxes of this server of the configuration file. May be given more than once.
    #[arg(long, value_name = "NAME")]
    server: Vec<String>,
    /// The place of the archives, which all workers share. Each mailbox has a directory of its own in it, named
    /// by its address.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// End when the queue has no mailboxes of these servers, instead of waiting for new ones.
    #[arg(long)]
    until_empty: bool,
    /// At most this many mailboxes of one server are worked on at the same time, by all workers together.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = value_parser!(u32).range(1..))]
    at_once: u32,
    /// Give a mailbox to another worker if this one is silent for this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(1..))]
    lease: u64,
    /// Hand a mailbox back to the queue instead of waiting longer than this many seconds for a busy server.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    longest_wait: u32,
    /// Wait this many seconds before a mailbox that failed is tried again. The time doubles with each further
    /// failure, up to half an hour.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    delay: u64,
    /// The name of this worker in `fleet status`. The default is the name of the machine and the number of the
    /// process.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    metrics: MetricsOption,
}

impl Work {
    fn settings(&self) -> Settings {
        let default_name = || {
            let host = whoami::hostname().unwrap_or_else(|_| "worker".to_owned());
            format!("{host}-{}", std::process::id())
        };
        Settings {
            lease: Duration::from_secs(self.lease),
            at_once: self.at_once,
            delay: Duration::from_secs(self.delay),
            worker: self.name.clone().unwrap_or_else(default_name),
            ..Settings::default()
        }
    }

    /// Returns the names of the servers that this worker can reach.
    fn servers(&self) -> Result<Vec<String>, Failure> {
        let servers = match &self.server[..] {
            [] => config::servers(self.queue.config.as_deref())?,
            given => given.to_vec(),
        };
        match servers.is_empty() {
            true => Err(Failure::Usage(
                "the configuration file has no servers; write the options of each as [servers.NAME], and give \
                 the file by --config"
                    .to_owned(),
            )),
            false => Ok(servers),
        }
    }

    /// Returns the command line of a mailbox's backup. The configuration file completes it.
    fn backup(&self, server: &str, mailbox: &str) -> Vec<OsString> {
        let option = |name: &str, value: &Path| {
            let mut option = OsString::from(format!("--{name}="));
            option.push(value);
            option
        };
        let place = archive::place(&self.out, mailbox);
        let mut line: Vec<OsString> = vec!["exportitems".into(), "backup".into()];
        line.extend(self.queue.config.as_deref().map(|it| option("config", it)));
        line.push(option("server", Path::new(server)));
        line.push(option("mailbox", Path::new(mailbox)));
        line.push(option("out", &place));
        line.push(format!("--retry-for={}", self.longest_wait).into());
        line
    }

    fn options(&self, server: &str, mailbox: &str) -> Result<Box<backup::Options>, Failure> {
        let arguments: Arguments = config::parse_from(self.backup(server, mailbox))?;
        match arguments.command {
            Command::Backup(options) => Ok(options),
            _ => Err(Failure::Usage("the backup has no options".to_owned())),
        }
    }
}

pub(crate) fn run(args: &Work) -> Result<Status, Failure> {
    let servers = args.servers()?;
    // A mistake in the configuration is found before a job is taken.
    for server in &servers {
        args.options(server, "user@example.com")?;
    }
    let _graceful = interrupt::gracefully();
    let metrics = Metrics::new();
    args.metrics.serve(&metrics)?;
    let settings = args.settings();
    block_on(async {
        let queue = args.queue.open(settings).await?;
        let is_stopped = || interrupt::stop_flag().load(Ordering::Relaxed);
        say(&format!("working on mailboxes of {}", servers.join(", ")));
        let mut worst = Status::Exported;
        let mut worker = Worker::new(queue.clone(), Archives(args.clone()));
        worker
            .run(&servers, args.until_empty, &is_stopped, &mut |event| {
                metrics.count(&event);
                worst = worst.max(report(&event));
            })
            .await;
        if args.until_empty && !is_stopped() {
            worst = worst.max(check_parked(&queue, &servers).await?);
        }
        // A worker is stopped as it is meant to be.
        Ok(worst)
    })
}

/// Reports servers whose jobs are left in the queue.
async fn check_parked(queue: &Queue, servers: &[String]) -> Result<Status, Failure> {
    let mut status = Status::Exported;
    for server in servers {
        if queue.parked(server).await.map_err(failure)?.is_some() {
            status = Status::Response;
        }
    }
    Ok(status)
}

/// Prints an event, and returns the status of the command if no worse event follows.
fn report(event: &Event<'_>) -> Status {
    match event {
        Event::Started { job, delivery } => {
            let again = match delivery {
                1 => String::new(),
                delivery => format!(", delivery {delivery}"),
            };
            say(&format!("{}: begins on {}{again}", job.mailbox, job.server));
        }
        Event::Ended(record) if record.state == State::Done => {
            let Totals { items, bytes, failed, .. } = record.totals;
            say(&format!(
                "{}: done, {items} items, {bytes} bytes, {failed} failed",
                record.job.mailbox
            ));
            if failed > 0 {
                return Status::ItemsFailed;
            }
        }
        Event::Ended(record) => {
            let reason = record.reason.as_deref().unwrap_or_default();
            say(&format!(
                "{}: dead after too many deliveries without progress: {reason}; submit it again when the cause is \
                 mended",
                record.job.mailbox
            ));
            return Status::Response;
        }
        Event::HandedBack { job, after, reason } => {
            let why = reason.map_or(String::new(), |reason| format!(": {reason}"));
            let after = after.as_secs();
            say(&format!("{}: handed back for {after} s{why}", job.mailbox));
        }
        Event::LeaseLost(job) => say(&format!(
            "{}: this worker was silent for too long; another one has the mailbox",
            job.mailbox
        )),
        Event::Parked { server, reason } => say(&format!(
            "the jobs of {server} are parked: {reason}; correct the credentials, and run exportitems fleet resume \
             --server {server}"
        )),
        Event::Unreachable(error) => say(&format!("{}; trying again", error_chain(*error))),
        _ => {}
    }
    Status::Exported
}

/// The archives that this worker writes.
struct Archives(Work);

impl Backup for Archives {
    fn run(&self, job: &Job, context: &Context) -> Verdict {
        let options = match self.0.options(&job.server, &job.mailbox) {
            Ok(options) => options,
            Err(failure) => return Verdict::Failed(text(&failure)),
        };
        let (result, shortfall) = backup::run_one(&options, &|| context.login_works());
        let reason = || match (&result, &shortfall.reason) {
            (Err(failure), _) => text(failure),
            (Ok(_), Some(reason)) => reason.clone(),
            (Ok(_), None) => "the backup ended early".to_owned(),
        };
        match &result {
            _ if shortfall.is_login_refused => Verdict::LoginRefused(reason()),
            Err(Failure::Login(_)) => Verdict::LoginRefused(reason()),
            // The worker that lost this job has not noticed it yet, or a backup runs without the queue.
            Err(Failure::Locked(_)) => Verdict::Later(WHILE_LOCKED),
            Ok(Status::Exported | Status::ItemsFailed) => Verdict::Done,
            Ok(Status::Interrupted | Status::WindowClosed) | Err(Failure::Interrupted) => {
                Verdict::Stopped
            }
            _ if interrupt::stop_flag().load(Ordering::Relaxed) => Verdict::Stopped,
            _ => match shortfall.busy_for {
                Some(wait) => Verdict::Later(wait.max(SHORTEST_DELAY)),
                None => Verdict::Failed(reason()),
            },
        }
    }

    fn totals(&self, job: &Job) -> Result<Totals, String> {
        let place = archive::place(&self.0.out, &job.mailbox);
        archive::totals(&place).map_err(|failure| text(&failure))
    }
}

fn text(failure: &Failure) -> String {
    failure.message().unwrap_or("interrupted").to_owned()
}
