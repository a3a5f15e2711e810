//! Makes outcomes durable, beside the thread that decodes.
//!
//! An item costs three things that wait for the disk: its file, its directory, the manifest.
//! A thread of its own does them while the next items arrive, and all that has queued up meanwhile
//! shares one sync of the directories and one of the manifest.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use super::error::ArchiveError;
use super::manifest::Entry;
use super::name::Key;
use super::place;
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
    /// Its length.
    pub(super) len: u64,
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
    /// Durable, and closed.
    Synced,
    /// An error, reported then, has ended it.
    Lost,
    /// It has its name.
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

    /// Hands everything to the system, and gives its SHA-256: an error concerns this item only.
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

    /// Makes the bytes durable and closes the file.
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

    /// Gives the payload its name, and says which.
    fn publish(mut self) -> Result<PathBuf, ArchiveError> {
        fs::rename(&self.path, &self.target).map_err(ArchiveError::io("replace", &self.target))?;
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
            State::Synced | State::Lost => {}
            State::Published => return,
        }
        // What cannot be removed now is removed when the archive is opened next.
        let _ = fs::remove_file(&self.path);
    }
}

/// An outcome on its way into the archive.
#[derive(Debug, Default)]
pub(super) struct Job {
    /// The payload of a committed item.
    pub(super) payload: Option<Temporary>,
    /// The entry of the whole item whose file the payload replaces, marked as suspect.
    pub(super) replaced: Option<Entry>,
    /// The line for the manifest.
    pub(super) line: Option<Entry>,
    /// What is reported; `None` for a line that another one follows.
    pub(super) report: Option<Entry>,
}

impl Job {
    /// The payload could not get its name: the item is lost, and only the item.
    fn fail(&mut self, error: &ArchiveError) {
        for entry in [&mut self.line, &mut self.report].into_iter().flatten() {
            entry.lose_payload(error);
        }
    }
}

/// What has become durable.
#[derive(Debug)]
pub(super) struct Published {
    /// The line, and where it begins in the manifest.
    pub(super) line: Option<(Entry, u64)>,
    pub(super) report: Option<Entry>,
}

/// The queue to the thread, and back.
#[derive(Debug)]
pub(super) struct Publisher {
    jobs: Option<SyncSender<Job>>,
    published: Receiver<Result<Published, ArchiveError>>,
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
    pub(super) fn published(&mut self, wait: bool) -> Result<Option<Published>, ArchiveError> {
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
    done: &Sender<Result<Published, ArchiveError>>,
    dir: &Path,
    mut manifest: Manifest,
) {
    // The manifest's own name, which may be new; here, since it waits for the disk.
    if let Err(error) = sync_directory(dir).map_err(ArchiveError::io("sync", dir)) {
        let _ = done.send(Err(error));
        return;
    }
    // Items whose payload could not get its name, until another one does.
    let mut lost = HashMap::new();
    while let Ok(first) = queue.recv() {
        let group = [first].into_iter().chain(queue.try_iter().take(QUEUE - 1));
        match publish(group.collect(), &mut manifest, &mut lost) {
            Ok(published) => {
                for published in published {
                    // Nobody listens any more when the archive is being dropped.
                    let _ = done.send(Ok(published));
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

/// INVARIANT: a line of the manifest is written only when what it says of the files is durable, and a file is
/// replaced only when no line calls its item whole.
fn publish(
    mut group: Vec<Job>,
    manifest: &mut Manifest,
    lost: &mut HashMap<Key, ArchiveError>,
) -> Result<Vec<Published>, ArchiveError> {
    side_by_side(&mut group, |job| {
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
                    // The directory's own name too: it may be as new as the file's.
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
    side_by_side(&mut directories, |directory| {
        sync_directory(directory).map_err(ArchiveError::io("sync", &*directory))
    })?;

    let lines = group.iter().filter_map(|job| job.line.as_ref());
    let mut offsets = manifest.append(lines)?.into_iter();
    Ok(group
        .into_iter()
        .map(|Job { line, report, .. }| Published {
            line: line.and_then(|line| Some((line, offsets.next()?))),
            report,
        })
        .collect())
}

impl Manifest {
    /// Appends lines, and returns where each of them begins.
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
