//! Makes outcomes durable, in a thread of its own.
//!
//! An item needs three syncs: of its file, of the directory and of the manifest.
//! The thread waits for the disk while the next items arrive. All outcomes in the queue then share one sync of each
//! directory and one of the manifest.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, TryLockError};
use std::thread::{self, JoinHandle};

use super::commit::{Committer, Job};
use super::entry::Entry;
use super::error::ArchiveError;
use super::manifest::Manifest;
use super::place::sync_directory;
use super::{lock, Shared};

/// The largest number of outcomes that wait for the disk. When the queue is full, the download waits.
///
/// This bounds the number of open files, and the number of items that a kill can lose.
const QUEUE: usize = 64;

/// A job that has become durable.
#[derive(Debug)]
pub(super) struct Published {
    /// The entry to report, if there is one.
    pub(super) report: Option<Entry>,
}

/// The thread, and the queues to and from it.
#[derive(Debug)]
pub(super) struct Publisher {
    jobs: Option<SyncSender<Job>>,
    published: Mutex<Receiver<Result<Published, ArchiveError>>>,
    thread: Option<JoinHandle<()>>,
    /// The error that has ended the thread, once it was received.
    failure: Mutex<Option<ArchiveError>>,
    /// The number of jobs whose report has not been returned.
    waiting: AtomicUsize,
}

impl Publisher {
    pub(super) fn start(
        dir: PathBuf,
        manifest: Manifest,
        shared: &Arc<Shared>,
    ) -> Result<Self, ArchiveError> {
        let shared = Arc::clone(shared);
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let (done, published) = mpsc::channel();
        let path = manifest.path.clone();
        let thread = thread::Builder::new()
            .name("exportitems-archive".to_owned())
            .spawn(move || run(&queue, &done, dir, manifest, &shared))
            .map_err(ArchiveError::io("start the thread that syncs", path))?;
        Ok(Self {
            jobs: Some(jobs),
            published: Mutex::new(published),
            thread: Some(thread),
            failure: Mutex::default(),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Queues an outcome. Waits while the queue is full.
    pub(super) fn submit(&self, job: Job) -> Result<(), ArchiveError> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(job).is_ok())
        {
            return Ok(());
        }
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        // The thread has ended. Its error is in the queue, unless it was received before.
        let published = lock(&self.published);
        Err(match published.try_iter().find_map(Result::err) {
            Some(error) => self.fail(error),
            None => self.failure(),
        })
    }

    /// Returns the next job that has become durable, in order. With `wait`, waits for it, and returns
    /// `None` only if no job is queued.
    pub(super) fn published(&self, wait: bool) -> Result<Option<Published>, ArchiveError> {
        let published = match self.published.try_lock() {
            Ok(published) => published,
            // Another thread is waiting for the next report.
            Err(TryLockError::WouldBlock) if !wait => return Ok(None),
            Err(_) => lock(&self.published),
        };
        if self.waiting.load(Ordering::Acquire) == 0 {
            return Ok(None);
        }
        let next = if wait {
            published.recv().map_err(|_| self.failure())?
        } else {
            match published.try_recv() {
                Ok(next) => next,
                Err(mpsc::TryRecvError::Empty) => return Ok(None),
                Err(mpsc::TryRecvError::Disconnected) => return Err(self.failure()),
            }
        };
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        next.map(Some).map_err(|error| self.fail(error))
    }

    /// Keeps the error that has ended the thread, so that every caller gets it. The receiver must be locked.
    fn fail(&self, error: ArchiveError) -> ArchiveError {
        lock(&self.failure).get_or_insert(error).copy()
    }

    /// Returns the error that has ended the thread.
    fn failure(&self) -> ArchiveError {
        let failure = lock(&self.failure);
        failure
            .as_ref()
            .map_or(ArchiveError::Stopped, ArchiveError::copy)
    }
}

impl Drop for Publisher {
    /// Waits until all queued outcomes are published, because an item that arrived whole is worth keeping.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // If the thread panicked, the message has already been printed.
            let _ = thread.join();
        }
    }
}

fn run(
    queue: &Receiver<Job>,
    done: &Sender<Result<Published, ArchiveError>>,
    dir: PathBuf,
    manifest: Manifest,
    shared: &Shared,
) {
    // The manifest may be new, so its name must become durable too. This thread does it because it may take long.
    if let Err(error) = sync_directory(&dir).map_err(ArchiveError::io("sync", &dir)) {
        let _ = done.send(Err(error));
        return;
    }
    let mut committer = Committer::new(dir, manifest, shared);
    while let Ok(first) = queue.recv() {
        let group = [first].into_iter().chain(queue.try_iter().take(QUEUE - 1));
        match committer.commit(group.collect()) {
            Ok(reports) => {
                for report in reports {
                    // Sending fails while the archive is being dropped, and then no one needs the report.
                    let _ = done.send(Ok(Published { report }));
                }
            }
            // After a disk error, later writes cannot be trusted either.
            Err(error) => {
                let _ = done.send(Err(error));
                return;
            }
        }
    }
}
