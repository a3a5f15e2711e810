//! What a queue contains.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::FleetError;
use crate::job::{token, Job};
use crate::queue::Queue;
use crate::record::{MailboxRecord, State};
use crate::verdict::Totals;

/// The numbers of jobs, of all servers and of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The numbers of all servers together.
    #[serde(flatten)]
    pub all: ServerStatus,
    /// The numbers of each server, by its name.
    pub servers: BTreeMap<String, ServerStatus>,
    /// The mailboxes, sorted by server and address.
    pub mailboxes: Vec<MailboxRecord>,
}

/// The numbers of jobs of a server. Each is in one of the first four.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServerStatus {
    /// Jobs that no worker has.
    pub waiting: u64,
    /// Jobs that a worker has, or had when it was killed.
    pub running: u64,
    /// Mailboxes that are backed up.
    pub done: u64,
    /// Jobs that were removed after too many deliveries without progress.
    pub dead: u64,
    /// Archived items, of the mailboxes as their last records say.
    pub items: u64,
    /// The bytes of their payloads.
    pub bytes: u64,
    /// Items whose requests failed.
    pub failed: u64,
    /// Why the jobs are parked, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked: Option<String>,
}

impl ServerStatus {
    fn count(&mut self, record: &MailboxRecord) {
        let number = match record.state {
            State::Waiting => &mut self.waiting,
            State::Running => &mut self.running,
            State::Done => &mut self.done,
            State::Dead => &mut self.dead,
        };
        *number += 1;
        self.items += record.totals.items;
        self.bytes += record.totals.bytes;
        self.failed += record.totals.failed;
    }

    /// Returns whether a job is in the queue.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.waiting + self.running > 0
    }
}

impl Status {
    /// Counts these records.
    fn of(mut mailboxes: Vec<MailboxRecord>) -> Self {
        mailboxes
            .sort_by(|a, b| (&a.job.server, &a.job.mailbox).cmp(&(&b.job.server, &b.job.mailbox)));
        let mut status = Self::default();
        for record in &mailboxes {
            let server = status.servers.entry(record.job.server.clone());
            server.or_default().count(record);
            status.all.count(record);
        }
        status.mailboxes = mailboxes;
        status
    }

    /// Returns the same jobs with what their archives contain now, instead of at the workers' last reports.
    ///
    /// # Errors
    /// The first error of `totals`.
    pub fn with_totals<E>(mut self, totals: impl Fn(&Job) -> Result<Totals, E>) -> Result<Self, E> {
        for record in &mut self.mailboxes {
            record.totals = totals(&record.job)?;
        }
        let mut status = Self::of(self.mailboxes);
        for (name, server) in &mut status.servers {
            let before = self.servers.get(name);
            server.parked = before.and_then(|server| server.parked.clone());
        }
        Ok(status)
    }
}

impl Queue {
    /// Counts the jobs of a run, or of all runs.
    ///
    /// # Errors
    /// The queue cannot be read.
    pub async fn status(&self, run: Option<&str>) -> Result<Status, FleetError> {
        let mut mailboxes = self.mailboxes().await?;
        mailboxes.retain(|record| run.is_none_or(|run| record.job.run == run));
        let mut status = Status::of(mailboxes);
        for (name, server) in &mut status.servers {
            server.parked = self.parked(name).await?;
        }
        Ok(status)
    }

    /// Returns whether the queue has jobs of this server.
    pub(crate) async fn has_jobs(&self, server: &str) -> Result<bool, FleetError> {
        let info = self.jobs.consumer_info(token(server)).await;
        let info = info.map_err(FleetError::queue("read the queue"))?;
        Ok(info.num_pending > 0 || info.num_ack_pending > 0)
    }
}
