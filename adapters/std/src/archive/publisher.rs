//! Makes outcomes durable, beside the thread that decodes.
//!
//! An item costs three things that wait for the disk: its file, its directory, the manifest.
//! A thread of its own does them while the next items arrive, and whatever has queued up meanwhile
//! shares one sync of the directories and one of the manifest.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use super::error::ArchiveError;
use super::manifest::Entry;
use super::writer::Writer;

/// Outcomes that may wait for the disk; then the download waits too.
/// It bounds the open files, and what a kill costs.
const QUEUE: usize = 64;

/// Files or directories that are synced at the same time.
const SIDE_BY_SIDE: usize = 8;

/// The manifest, open to append.
pub(super) struct Manifest {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

/// A payload under its temporary name, which goes away with it unless it is published.
#[derive(Debug)]
pub(super) struct Temporary {
    state: State,
    path: PathBuf,
    target: PathBuf,
}

#[derive(Debug)]
enum State {
    Writing(Writer),
    Written(File),
    /// An error, told then, has ended it.
    Lost,
    /// It has its name.
    Published,
}

impl Temporary {
    pub(super) fn create(path: PathBuf, target: PathBuf) -> Result<Self, ArchiveError> {
        let file = File::create_new(&path).map_err(ArchiveError::io("create", &path))?;
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

    /// Hands everything to the system, and gives its SHA-256: an error belongs to this item, and to nobody else.
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

    fn sync(&mut self) -> Result<(), ArchiveError> {
        match &self.state {
            State::Written(file) => file
                .sync_data()
                .map_err(ArchiveError::io("sync", &self.path)),
            _ => Err(ArchiveError::Stopped),
        }
    }

    /// Gives the payload its name, and says which.
    fn publish(mut self) -> Result<PathBuf, ArchiveError> {
        fs::rename(&self.path, &self.target).map_err(ArchiveError::io("rename", &self.path))?;
        self.state = State::Published;
        Ok(core::mem::take(&mut self.target))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Closed before it is removed, as Windows wants it.
        match core::mem::replace(&mut self.state, State::Lost) {
            State::Writing(writer) => writer.abandon(),
            State::Written(file) => drop(file),
            State::Lost => {}
            State::Published => return,
        }
        // What cannot be removed now is removed when the archive is opened next.
        let _ = fs::remove_file(&self.path);
    }
}

/// An outcome on its way into the archive.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) entry: Entry,
    /// The payload of a committed item.
    pub(super) payload: Option<Temporary>,
}

/// The queue to the thread, and back.
#[derive(Debug)]
pub(super) struct Publisher {
    jobs: Option<SyncSender<Job>>,
    published: Receiver<Result<Entry, ArchiveError>>,
    thread: Option<JoinHandle<()>>,
    waiting: usize,
}

impl Publisher {
    pub(super) fn start(dir: PathBuf, manifest: Manifest) -> Result<Self, ArchiveError> {
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let (done, published) = mpsc::channel();
        let path = manifest.path.clone();
        let thread = thread::Builder::new()
            .name("exportitems-archive".to_owned())
            .spawn(move || run(&queue, &done, &dir, manifest))
            .map_err(ArchiveError::io("start the thread that syncs", path))?;
        Ok(Self {
            jobs: Some(jobs),
            published,
            thread: Some(thread),
            waiting: 0,
        })
    }

    /// Queues an outcome; waits while the queue is full.
    pub(super) fn submit(&mut self, job: Job) -> Result<(), ArchiveError> {
        if let Some(jobs) = &self.jobs {
            if jobs.send(job).is_ok() {
                self.waiting += 1;
                return Ok(());
            }
        }
        // The thread has ended; it says why, once.
        Err(self
            .published
            .try_iter()
            .find_map(Result::err)
            .unwrap_or(ArchiveError::Stopped))
    }

    /// The next outcome that became durable, in order; `None` when there is none, yet or, with
    /// `wait`, at all.
    pub(super) fn published(&mut self, wait: bool) -> Result<Option<Entry>, ArchiveError> {
        if self.waiting == 0 {
            return Ok(None);
        }
        let next = if wait {
            self.published.recv().map_err(|_| ArchiveError::Stopped)?
        } else {
            match self.published.try_recv() {
                Ok(next) => next,
                Err(mpsc::TryRecvError::Empty) => return Ok(None),
                Err(mpsc::TryRecvError::Disconnected) => return Err(ArchiveError::Stopped),
            }
        };
        self.waiting -= 1;
        next.map(Some)
    }
}

impl Drop for Publisher {
    /// What is queued is published: an item that arrived whole is worth keeping.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has printed itself.
            let _ = thread.join();
        }
    }
}

fn run(
    queue: &Receiver<Job>,
    done: &Sender<Result<Entry, ArchiveError>>,
    dir: &Path,
    mut manifest: Manifest,
) {
    // The manifest's own name, which may be new; here, since it waits for the disk.
    if let Err(error) = sync_directory(dir).map_err(ArchiveError::io("sync", dir)) {
        let _ = done.send(Err(error));
        return;
    }
    while let Ok(first) = queue.recv() {
        let group = [first].into_iter().chain(queue.try_iter().take(QUEUE - 1));
        match publish(group.collect(), &mut manifest) {
            Ok(entries) => {
                for entry in entries {
                    // Nobody listens any more when the archive is being dropped.
                    let _ = done.send(Ok(entry));
                }
            }
            // After an error of the disk nothing that it says can be relied on.
            Err(error) => {
                let _ = done.send(Err(error));
                return;
            }
        }
    }
}

/// INVARIANT: a line of the manifest is written only when what it speaks of is durable.
fn publish(mut group: Vec<Job>, manifest: &mut Manifest) -> Result<Vec<Entry>, ArchiveError> {
    side_by_side(&mut group, |job| {
        job.payload.as_mut().map_or(Ok(()), Temporary::sync)
    })?;
    let (mut lines, mut entries) = (Vec::new(), Vec::with_capacity(group.len()));
    let mut directories = Vec::new();
    for Job { entry, payload } in group {
        if let Some(payload) = payload {
            let path = payload.publish()?;
            // The directory's own name too: it may be as new as the file's.
            directories.extend(path.ancestors().skip(1).take(2).map(Path::to_owned));
        }
        entry
            .write_to(&mut lines)
            .map_err(ArchiveError::io("write", &manifest.path))?;
        entries.push(entry);
    }
    directories.sort();
    directories.dedup();
    side_by_side(&mut directories, |directory| {
        sync_directory(directory).map_err(ArchiveError::io("sync", &*directory))
    })?;
    manifest
        .file
        .write_all(&lines)
        .and_then(|()| manifest.file.sync_data())
        .map_err(ArchiveError::io("write", &manifest.path))?;
    Ok(entries)
}

/// Does to each what waits for the disk, side by side: file systems do what waits together at one go.
fn side_by_side<T: Send>(
    all: &mut [T],
    act: impl Fn(&mut T) -> Result<(), ArchiveError> + Sync,
) -> Result<(), ArchiveError> {
    let share = all.len().div_ceil(SIDE_BY_SIDE).max(1);
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

/// Makes the names in a directory durable. Windows does so by itself, and cannot be asked to.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}
