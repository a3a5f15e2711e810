//! Makes outcomes durable, in a thread of its own.
//!
//! An item needs three syncs: of its file, of the directory and of the manifest.
//! The thread waits for the disk while the next items arrive. All outcomes in the queue then share one sync of each
//! directory and one of the manifest.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, TryLockError};
use std::thread::{self, JoinHandle};

use super::error::ArchiveError;
use super::manifest::Entry;
use super::name::Key;
use super::place;
use super::writer::Writer;
use super::{lock, record, Index};

/// The largest number of outcomes that wait for the disk. When the queue is full, the download waits.
///
/// This bounds the number of open files, and the number of items that a kill can lose.
const QUEUE: usize = 64;

/// The number of files or directories that are synced at the same time.
const PARALLEL: usize = 8;

/// The manifest, opened for appending.
pub(super) struct Manifest {
    pub(super) file: File,
    pub(super) path: PathBuf,
    /// The length of the file.
    pub(super) len: u64,
}

/// A payload under its temporary name. Unless it is published, dropping it removes the file.
#[derive(Debug)]
pub(super) struct Temporary {
    state: State,
    path: PathBuf,
    target: PathBuf,
}

#[derive(Debug)]
enum State {
    /// Bytes are being written.
    Writing(Writer),
    /// All bytes are written, but not durable.
    Written(File),
    /// The file is durable and closed.
    Synced,
    /// An error, which was returned at that time, has ended the file.
    Lost,
    /// The file has its final name.
    Published,
}

impl Temporary {
    pub(super) fn create(path: PathBuf, target: PathBuf) -> Result<Self, ArchiveError> {
        let file = place::private()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(ArchiveError::io("create", &path))?;
        Ok(Self {
            state: State::Writing(Writer::new(file)),
            path,
            target,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        match &mut self.state {
            State::Writing(writer) => writer
                .write(bytes)
                .map_err(ArchiveError::io("write", &self.path)),
            _ => Err(ArchiveError::Stopped),
        }
    }

    /// Writes the remaining bytes, and returns the SHA-256 of the payload. An error concerns only this item.
    pub(super) fn finish(&mut self) -> Result<[u8; 32], ArchiveError> {
        match core::mem::replace(&mut self.state, State::Lost) {
            State::Writing(writer) => {
                let (file, digest) = writer
                    .finish()
                    .map_err(ArchiveError::io("write", &self.path))?;
                self.state = State::Written(file);
                Ok(digest)
            }
            _ => Err(ArchiveError::Stopped),
        }
    }

    /// Makes the bytes durable, and closes the file.
    pub(super) fn sync(&mut self) -> Result<(), ArchiveError> {
        match &self.state {
            State::Written(file) => file
                .sync_data()
                .map_err(ArchiveError::io("sync", &self.path))?,
            State::Synced => {}
            _ => return Err(ArchiveError::Stopped),
        }
        self.state = State::Synced;
        Ok(())
    }

    /// Gives the file its final name, and returns it.
    fn publish(mut self) -> Result<PathBuf, ArchiveError> {
        fs::rename(&self.path, &self.target).map_err(ArchiveError::io("replace", &self.target))?;
        self.state = State::Published;
        Ok(core::mem::take(&mut self.target))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Windows removes a file only after it is closed.
        match core::mem::replace(&mut self.state, State::Lost) {
            State::Writing(writer) => writer.abandon(),
            State::Written(file) => drop(file),
            State::Synced | State::Lost => {}
            State::Published => return,
        }
        // A file that cannot be removed now is removed when the archive is opened again.
        let _ = fs::remove_file(&self.path);
    }
}

/// An outcome that is to become durable.
#[derive(Debug, Default)]
pub(super) struct Job {
    /// The payload of a committed item.
    pub(super) payload: Option<Temporary>,
    /// The entry of the confirmed item whose file the payload replaces, marked as suspect.
    pub(super) replaced: Option<Entry>,
    /// The line for the manifest.
    pub(super) line: Option<Entry>,
    /// The entry that is reported, or `None` if another line will follow.
    pub(super) report: Option<Entry>,
}

impl Job {
    /// Changes the job to a failure, because the payload could not be given its name.
    fn fail(&mut self, error: &ArchiveError) {
        for entry in [&mut self.line, &mut self.report].into_iter().flatten() {
            entry.lose_payload(error);
        }
    }
}

/// A job that has become durable: its report.
type Published = Result<Option<Entry>, ArchiveError>;

/// The thread, and the queues to and from it.
#[derive(Debug)]
pub(super) struct Publisher {
    jobs: Option<SyncSender<Job>>,
    published: Mutex<Receiver<Published>>,
    thread: Option<JoinHandle<()>>,
    /// The number of jobs whose report has not been returned.
    waiting: AtomicUsize,
}

impl Publisher {
    pub(super) fn start(
        dir: PathBuf,
        manifest: Manifest,
        index: &Arc<Index>,
    ) -> Result<Self, ArchiveError> {
        let index = Arc::clone(index);
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let (done, published) = mpsc::channel();
        let path = manifest.path.clone();
        let thread = thread::Builder::new()
            .name("exportitems-archive".to_owned())
            .spawn(move || run(&queue, &done, &dir, manifest, &index))
            .map_err(ArchiveError::io("start the thread that syncs", path))?;
        Ok(Self {
            jobs: Some(jobs),
            published: Mutex::new(published),
            thread: Some(thread),
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
        // The thread has ended. Its error is in the queue, unless it was returned before.
        Err(lock(&self.published)
            .try_iter()
            .find_map(Result::err)
            .unwrap_or(ArchiveError::Stopped))
    }

    /// Returns the report of the next job that has become durable, in order. With `wait`, waits for it, and returns
    /// `None` only if no job is queued.
    pub(super) fn published(&self, wait: bool) -> Result<Option<Option<Entry>>, ArchiveError> {
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
            published.recv().map_err(|_| ArchiveError::Stopped)?
        } else {
            match published.try_recv() {
                Ok(next) => next,
                Err(mpsc::TryRecvError::Empty) => return Ok(None),
                Err(mpsc::TryRecvError::Disconnected) => return Err(ArchiveError::Stopped),
            }
        };
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        next.map(Some)
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
    done: &Sender<Published>,
    dir: &Path,
    mut manifest: Manifest,
    index: &Index,
) {
    // The manifest may be new, so its name must become durable too. This thread does it because it may take long.
    if let Err(error) = sync_directory(dir).map_err(ArchiveError::io("sync", dir)) {
        let _ = done.send(Err(error));
        return;
    }
    // Items whose payload could not be renamed, until another payload of the item is.
    let mut lost = HashMap::new();
    while let Ok(first) = queue.recv() {
        let group = [first].into_iter().chain(queue.try_iter().take(QUEUE - 1));
        match publish(group.collect(), &mut manifest, index, &mut lost) {
            Ok(published) => {
                for report in published {
                    // Sending fails while the archive is being dropped, and then no one needs the report.
                    let _ = done.send(Ok(report));
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

/// Makes a group of outcomes durable, and returns their reports.
///
/// INVARIANT: a line of the manifest is written only after its file is durable, and a file is replaced only after the
/// manifest no longer lists its item as confirmed.
fn publish(
    mut group: Vec<Job>,
    manifest: &mut Manifest,
    index: &Index,
    lost: &mut HashMap<Key, ArchiveError>,
) -> Result<Vec<Option<Entry>>, ArchiveError> {
    in_parallel(&mut group, |job| {
        job.payload.as_mut().map_or(Ok(()), Temporary::sync)
    })?;
    let replaced: Vec<_> = group
        .iter()
        .filter_map(|job| job.replaced.as_ref())
        .collect();
    if !replaced.is_empty() {
        manifest.append(replaced)?;
    }

    let mut directories = Vec::new();
    for job in &mut group {
        let key = job
            .line
            .as_ref()
            .or(job.report.as_ref())
            .and_then(Entry::subject);
        if let Some(payload) = job.payload.take() {
            match payload.publish() {
                Ok(path) => {
                    // The directory may be new, so its parent must be synced too.
                    directories.extend(path.ancestors().skip(1).take(2).map(Path::to_owned));
                    key.and_then(|key| lost.remove(&key));
                }
                Err(error) if error.concerns_one_item() => {
                    job.fail(&error);
                    lost.extend(key.map(|key| (key, error)));
                }
                Err(error) => return Err(error),
            }
        } else if let Some(error) = key.and_then(|key| lost.get(&key)) {
            job.fail(error);
        }
    }
    directories.sort();
    directories.dedup();
    in_parallel(&mut directories, |directory| {
        sync_directory(directory).map_err(ArchiveError::io("sync", &*directory))
    })?;

    let lines = group.iter().filter_map(|job| job.line.as_ref());
    let offsets = manifest.append(lines)?;
    let mut known = index.lock();
    let lines = group.iter().filter_map(|job| job.line.as_ref());
    for (line, offset) in lines.zip(offsets) {
        record(&mut known, line, offset);
    }
    drop(known);
    Ok(group.into_iter().map(|job| job.report).collect())
}

impl Manifest {
    /// Appends lines, and returns the offset of each.
    fn append<'e>(
        &mut self,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<Vec<u64>, ArchiveError> {
        let (mut lines, mut offsets) = (Vec::new(), Vec::new());
        for entry in entries {
            offsets.push(self.len + lines.len() as u64);
            entry
                .write_to(&mut lines)
                .map_err(ArchiveError::io("write", &self.path))?;
        }
        self.file
            .write_all(&lines)
            .and_then(|()| self.file.sync_data())
            .map_err(ArchiveError::io("write", &self.path))?;
        self.len += lines.len() as u64;
        match place::is_still(&self.file, &self.path) {
            Ok(true) => Ok(offsets),
            Ok(false) => Err(ArchiveError::ManifestLost {
                path: self.path.clone(),
            }),
            Err(error) => Err(ArchiveError::io("read", &self.path)(error)),
        }
    }
}

/// Calls `act` for all elements, on several threads. A file system can combine syncs that wait at the same time.
fn in_parallel<T: Send>(
    all: &mut [T],
    act: impl Fn(&mut T) -> Result<(), ArchiveError> + Sync,
) -> Result<(), ArchiveError> {
    let share = all.len().div_ceil(PARALLEL).max(1);
    let act = &act;
    thread::scope(|scope| {
        let workers: Vec<_> = all
            .chunks_mut(share)
            .map(|share| scope.spawn(move || share.iter_mut().try_for_each(act)))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or(Err(ArchiveError::Stopped)))
    })
}

/// Makes the names in a directory durable. On Windows this does nothing, because directories cannot be synced there.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}
