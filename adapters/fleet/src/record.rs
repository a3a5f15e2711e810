//! Records of mailboxes and servers, in the stream of states.

use serde::{Deserialize, Serialize};

use crate::job::Job;
use crate::verdict::Totals;

/// The last record of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MailboxRecord {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// What has become of the job.
    pub state: State,
    /// The worker that wrote the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Why the last delivery failed, or why the job was handed back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the archive contains.
    #[serde(flatten)]
    pub totals: Totals,
    /// The sequence number of the job in its stream.
    pub(crate) sequence: u64,
    /// The number of deliveries that do not count: all until the last one with progress or without a failure.
    pub(crate) excused: u64,
}

/// What has become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum State {
    /// No worker has it. It may have been handed back.
    Waiting,
    /// A worker has it, or had it when it was killed.
    Running,
    /// The mailbox is backed up.
    Done,
    /// The job was removed after too many deliveries without progress.
    Dead,
}

impl MailboxRecord {
    pub(crate) fn new(job: Job, sequence: u64) -> Self {
        Self {
            job,
            state: State::Waiting,
            worker: None,
            reason: None,
            totals: Totals::default(),
            sequence,
            excused: 0,
        }
    }

    /// Returns the number of deliveries before this one that count as failures.
    pub(crate) const fn failures(&self, delivery: u64) -> u64 {
        delivery.saturating_sub(1).saturating_sub(self.excused)
    }

    /// Notes what the archive contains before or after this delivery. Progress excuses all earlier deliveries.
    pub(crate) fn note(&mut self, totals: Totals, delivery: u64) {
        if totals.progress != self.totals.progress {
            self.excuse(delivery.saturating_sub(1));
        }
        self.totals = totals;
    }

    /// Excuses all deliveries until this one.
    pub(crate) fn excuse(&mut self, delivery: u64) {
        self.excused = self.excused.max(delivery);
    }
}

/// Whether the login at a server works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "login")]
pub(crate) enum Login {
    /// A worker tries it.
    Trying {
        /// The worker.
        worker: String,
    },
    /// It has worked.
    Works,
    /// It was refused.
    Refused {
        /// The worker.
        worker: String,
        /// The answer of the server.
        reason: String,
    },
}
