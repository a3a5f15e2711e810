//! What a worker runs, and what becomes of it.

use core::time::Duration;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::job::Job;

/// Backs up mailboxes, in the way of the caller.
pub trait Backup: Send + Sync + 'static {
    /// Backs up the mailbox of a job. It is called on a thread where it may block.
    ///
    /// It may be called for a mailbox that another process is working on, or has finished.
    fn run(&self, job: &Job, context: &Context) -> Verdict;

    /// Returns what the archive of the mailbox contains. It is called before and after [`run`](Self::run), and blocks too.
    ///
    /// # Errors
    /// Why the archive cannot be read.
    fn totals(&self, job: &Job) -> Result<Totals, String>;
}

/// What an archive contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)] // callers make it
pub struct Totals {
    /// A number that changes whenever items are added: of items, or of segments of the manifest.
    pub progress: u64,
    /// The number of archived items.
    pub items: u64,
    /// The number of bytes of their payloads.
    pub bytes: u64,
    /// The number of items that the archive does not hold, because their requests failed.
    pub failed: u64,
}

/// The result of one delivery of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // callers make it
pub enum Verdict {
    /// The mailbox is backed up, apart from items that fail for reasons of their own.
    Done,
    /// The server is busy. The job is delivered again after this time, and this delivery does not count.
    Later(Duration),
    /// The backup failed for this reason.
    Failed(String),
    /// The server refused the login for this reason.
    LoginRefused(String),
    /// The worker was asked to stop. The job is delivered again at once, and this delivery does not count.
    Stopped,
}

/// What a running backup reports to its worker.
#[derive(Clone, Debug, Default)]
pub struct Context {
    login: Arc<Notify>,
}

impl Context {
    /// Reports that the server has accepted the login, so that other workers may log in too.
    pub fn login_works(&self) {
        self.login.notify_one();
    }

    pub(crate) async fn until_login_works(&self) {
        self.login.notified().await;
    }
}
