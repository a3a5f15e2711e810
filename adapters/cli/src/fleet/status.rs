//! `exportitems fleet status`: what is waiting, running, done and dead.

use core::time::Duration;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use exportitems_fleet::{Queue, ServerStatus, Settings, State, Status as Fleet};
use indicatif::HumanBytes;

use super::queue::{failure, QueueOptions};
use super::{archive, block_on};
use crate::bar;
use crate::output::{Format, Output};
use crate::status::{Failure, Status};

/// The time between two updates in the terminal.
const UPDATE: Duration = Duration::from_secs(2);

/// The number of dead jobs that are listed as text.
const DEAD: usize = 20;

/// Shows how many mailboxes are waiting, running, done and dead, and what their archives contain.
///
/// In a terminal the numbers are updated until the queue is empty. Exit status: 0 every mailbox is done; 1 items failed;
/// 3 mailboxes are waiting, running or dead.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
pub(crate) struct StatusCommand {
    #[command(flatten)]
    queue: QueueOptions,
    /// Count the mailboxes of this run only.
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// Read the items and bytes from the manifests in this place of the archives, instead of from the workers'
    /// last reports.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the numbers once, also in a terminal.
    #[arg(long)]
    once: bool,
    /// Print one JSON object, with a list of the mailboxes.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &StatusCommand, output: &mut Output) -> Result<Status, Failure> {
    let is_live = !args.json && !args.once && std::io::stdout().is_terminal();
    let fleet = block_on(async {
        let queue = args.queue.open(Settings::default()).await?;
        match is_live {
            true => watch(args, &queue).await,
            false => args.read(&queue).await,
        }
    })?;
    match Format::new(args.json) {
        Format::Json => output.json(&fleet),
        Format::Text => print(&fleet, output),
    }
    output.check()?;
    Ok(if fleet.all.is_open() || fleet.all.dead > 0 {
        Status::Response
    } else if fleet.all.failed > 0 {
        Status::ItemsFailed
    } else {
        Status::Exported
    })
}

impl StatusCommand {
    /// Reads the records, and the manifests if their place is known.
    async fn read(&self, queue: &Queue) -> Result<Fleet, Failure> {
        let mut fleet = queue.status(self.run.as_deref()).await.map_err(failure)?;
        if let Some(out) = &self.out {
            fleet = fleet.with_totals(|job| archive::totals(&archive::place(out, &job.mailbox)))?;
        }
        Ok(fleet)
    }
}

/// Shows the numbers in a line of the terminal until the queue is empty.
async fn watch(args: &StatusCommand, queue: &Queue) -> Result<Fleet, Failure> {
    let line = bar::of_jobs();
    loop {
        let fleet = args.read(queue).await?;
        let jobs = &fleet.all;
        line.set_length(jobs.waiting + jobs.running + jobs.done + jobs.dead);
        line.set_position(jobs.done + jobs.dead);
        let bytes = HumanBytes(jobs.bytes);
        line.set_message(format!(
            "{} waiting, {} running, {} dead; {} items, {bytes}",
            jobs.waiting, jobs.running, jobs.dead, jobs.items
        ));
        if !jobs.is_open() {
            line.finish_and_clear();
            return Ok(fleet);
        }
        tokio::time::sleep(UPDATE).await;
    }
}

/// Prints a line for each server, and one for each dead job.
fn print(fleet: &Fleet, output: &mut Output) {
    output.line(" waiting  running     done     dead      items  failed       bytes  server");
    for (name, server) in &fleet.servers {
        output.line(&row(server, name));
    }
    if fleet.servers.len() != 1 {
        output.line(&row(&fleet.all, "all servers"));
    }
    for (name, server) in &fleet.servers {
        if let Some(reason) = &server.parked {
            output.line(&format!(
                "parked: {name}: {reason}; correct the credentials, and run exportitems fleet resume --server {name}"
            ));
        }
    }
    let dead = fleet.mailboxes.iter().filter(|it| it.state == State::Dead);
    for record in dead.take(DEAD) {
        let reason = record.reason.as_deref().unwrap_or("no reason recorded");
        output.line(&format!("dead: {}: {reason}", record.job.mailbox));
    }
    if let more @ 1.. = fleet.all.dead.saturating_sub(DEAD as u64) {
        output.line(&format!("{more} more are dead; --json lists them"));
    }
}

fn row(jobs: &ServerStatus, name: &str) -> String {
    let bytes = HumanBytes(jobs.bytes).to_string();
    format!(
        "{:>8} {:>8} {:>8} {:>8} {:>10} {:>7} {bytes:>11}  {name}",
        jobs.waiting, jobs.running, jobs.done, jobs.dead, jobs.items, jobs.failed
    )
}
