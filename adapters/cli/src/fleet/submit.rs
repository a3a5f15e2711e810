//! `exportitems fleet submit`: puts mailboxes into the queue.

use core::fmt;
use std::path::PathBuf;

use exportitems_fleet::{Job, Settings, Submitted};
use serde::Serialize;

use super::block_on;
use super::queue::{failure, QueueOptions};
use crate::backup::mailboxes;
use crate::mailbox::count;
use crate::output::{Format, Output};
use crate::status::{Failure, Status};

/// Submits mailboxes to the workers. A mailbox that is in the queue already is not submitted again.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
pub(crate) struct Submit {
    #[command(flatten)]
    queue: QueueOptions,
    /// Submit the mailboxes of this file: one SMTP address per line, or the CSV that PowerShell's
    /// Get-Mailbox | Export-Csv writes.
    #[arg(long, value_name = "FILE")]
    mailboxes: PathBuf,
    /// The name of the mailboxes' server in the configuration file of the workers, [servers.NAME].
    #[arg(id = "job_server", long = "server", value_name = "NAME")]
    server: String,
    /// The name of the run, by which `fleet status` selects it. The default is the local date.
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The result of the command.
#[derive(Serialize)]
struct Tally {
    run: String,
    submitted: u64,
    discarded: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mailboxes = count(self.submitted, "mailbox", "mailboxes");
        write!(f, "run {}: {mailboxes} submitted", self.run)?;
        match self.discarded {
            0 => Ok(()),
            discarded => write!(f, ", {discarded} in the queue already"),
        }
    }
}

pub(crate) fn run(args: &Submit, output: &mut Output) -> Result<Status, Failure> {
    let mailboxes = mailboxes::read(&args.mailboxes)?;
    let today = || jiff::Zoned::now().date().to_string();
    let mut result = Tally {
        run: args.run.clone().unwrap_or_else(today),
        submitted: 0,
        discarded: 0,
    };
    block_on(async {
        let queue = args.queue.open(Settings::default()).await?;
        for mailbox in mailboxes {
            let job = Job {
                run: result.run.clone(),
                mailbox,
                server: args.server.clone(),
            };
            match queue.submit(&job).await.map_err(failure)? {
                Submitted::Queued => result.submitted += 1,
                Submitted::Discarded => result.discarded += 1,
            }
        }
        Ok(())
    })?;
    output.value(&result, Format::new(args.json));
    output.check()?;
    Ok(Status::Exported)
}
