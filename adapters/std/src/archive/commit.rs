//! Gives payloads their names, and writes their lines.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;

use super::entry::{Entry, Status};
use super::error::ArchiveError;
use super::manifest::{self, Manifest, Value};
use super::name::{file_by_index, Key};
use super::place::{self, sync_directory};
use super::record::Record;
use super::temporary::Temporary;
use super::{ItemState, Shared};

/// The number of files or directories that are synced at the same time.
const PARALLEL: usize = 8;

/// An outcome that is to become durable.
#[derive(Debug, Default)]
pub(super) struct Job {
    /// The payload of a committed item.
    pub(super) payload: Option<Temporary>,
    /// The entry for the manifest. If it lists a payload without a file, the file is the item's latest.
    pub(super) line: Option<Entry>,
    /// A record for the manifest.
    pub(super) record: Option<Record>,
    /// The entry that is reported, or `None` if another line will follow.
    pub(super) report: Option<Entry>,
}

impl Job {
    fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        [&mut self.line, &mut self.report].into_iter().flatten()
    }

    fn entry(&self) -> Option<&Entry> {
        self.line.as_ref().or(self.report.as_ref())
    }

    /// Changes the job to a failure, because the payload could not be given its name.
    fn fail(&mut self, error: &ArchiveError, holds_older: bool) {
        for entry in self.entries() {
            entry.lose_payload(error);
        }
        if holds_older {
            // The last line of the item must still list the older version.
            self.line = None;
        }
    }
}

/// Makes outcomes durable.
pub(super) struct Committer<'s> {
    dir: PathBuf,
    manifest: Manifest,
    shared: &'s Shared,
    /// Items whose payload could not be renamed, until another payload of the item is.
    lost: HashMap<Key, Lost>,
}

struct Lost {
    error: ArchiveError,
    holds_older: bool,
}

/// The latest file of an item.
#[derive(Clone)]
struct Latest {
    version: u16,
    is_done: bool,
    sha256: Option<String>,
}

impl<'s> Committer<'s> {
    pub(super) fn new(dir: PathBuf, manifest: Manifest, shared: &'s Shared) -> Self {
        Self {
            dir,
            manifest,
            shared,
            lost: HashMap::new(),
        }
    }

    /// Makes a group of outcomes durable, and returns their reports.
    ///
    /// INVARIANT: a line of the manifest is written only after its file is durable, and a file that the manifest lists
    /// as confirmed is never replaced.
    pub(super) fn commit(
        &mut self,
        mut group: Vec<Job>,
    ) -> Result<Vec<Option<Entry>>, ArchiveError> {
        in_parallel(&mut group, |job| {
            job.payload.as_mut().map_or(Ok(()), Temporary::sync)
        })?;
        let mut directories = Vec::new();
        let mut named = HashMap::new();
        for job in &mut group {
            directories.extend(self.name(job, &mut named)?);
        }
        directories.sort();
        directories.dedup();
        in_parallel(&mut directories, |directory| {
            sync_directory(directory).map_err(ArchiveError::io("sync", &*directory))
        })?;

        let lines = group.iter().flat_map(|job| {
            let entry = job.line.as_ref().map(Value::Entry);
            entry
                .into_iter()
                .chain(job.record.as_ref().map(Value::Record))
        });
        self.append(lines.collect())?;
        self.remove_versions(named)?;
        Ok(group.into_iter().map(|job| job.report).collect())
    }

    /// Gives a job's payload its name, and its entries their file. Returns the directories that have changed.
    fn name(
        &mut self,
        job: &mut Job,
        named: &mut HashMap<Key, Latest>,
    ) -> Result<Vec<PathBuf>, ArchiveError> {
        let payload = job.payload.take();
        let Some(entry) = job.entry() else {
            return Ok(Vec::new());
        };
        let Some(key) = entry.id.as_deref().map(Key::of) else {
            // The request is unknown, so there is one name for each position.
            let file = file_by_index(entry.index);
            return match payload.map(|payload| self.publish(payload, &file)) {
                None => Ok(Vec::new()),
                Some(Ok(changed)) => {
                    set_file(job, &file);
                    Ok(changed)
                }
                Some(Err(error)) => fail(job, error, false).map(|_| Vec::new()),
            };
        };
        if payload.is_none() {
            if let Some(lost) = self.lost.get(&key) {
                job.fail(&lost.error, lost.holds_older);
                return Ok(Vec::new());
            }
        }
        if entry.status != Status::Ok || entry.file.is_some() {
            return Ok(Vec::new());
        }

        let latest = match named.get(&key) {
            Some(latest) => Some(latest.clone()),
            None => self.latest(key, payload.is_some())?,
        };
        let held = latest.as_ref().filter(|latest| latest.is_done);
        let is_same = held.is_some_and(|held| held.sha256 == entry.sha256);
        let version = match &latest {
            _ if payload.is_none() || is_same => latest.as_ref().map_or(1, |held| held.version),
            Some(latest) => latest.version.saturating_add(latest.is_done.into()),
            None => 1,
        };
        let (version, file) = (version.max(1), key.file(version.max(1)));
        let holds_older = held.is_some();
        let now = Latest {
            version,
            is_done: job.line.as_ref().map_or(holds_older, Entry::is_done),
            sha256: entry.sha256.clone(),
        };
        let changed = match payload.filter(|_| !is_same) {
            Some(payload) => match self.publish(payload, &file) {
                Ok(changed) => changed,
                Err(error) => {
                    let error = fail(job, error, holds_older)?;
                    self.lost.insert(key, Lost { error, holds_older });
                    return Ok(Vec::new());
                }
            },
            None => Vec::new(),
        };
        self.lost.remove(&key);
        set_file(job, &file);
        named.insert(key, now);
        Ok(changed)
    }

    /// Returns the latest file of an item, with its SHA-256 if that is needed.
    fn latest(&self, key: Key, with_sha256: bool) -> Result<Option<Latest>, ArchiveError> {
        let Some(known) = self.shared.index().get(key).copied() else {
            return Ok(None);
        };
        let is_done = known.state == ItemState::Done;
        let sha256 = match is_done && with_sha256 {
            true => {
                let Manifest { file, path, .. } = &self.manifest;
                manifest::read_entry(file, path, known.line)?.sha256
            }
            false => None,
        };
        Ok(Some(Latest {
            version: known.version,
            is_done,
            sha256,
        }))
    }

    /// Gives a payload its name. Returns the directories that have changed: that of the file, which may be new, and its
    /// parent.
    fn publish(&self, payload: Temporary, file: &str) -> Result<Vec<PathBuf>, ArchiveError> {
        let target = self.dir.join(file);
        payload.publish(&target)?;
        let changed = target.ancestors().skip(1).take(2);
        Ok(changed.map(Path::to_owned).collect())
    }

    /// Writes lines to the manifest, and records the states that they give to their items.
    fn append(&mut self, values: Vec<Value<'_>>) -> Result<(), ArchiveError> {
        if values.is_empty() {
            return self.manifest.check();
        }
        let shared = self.shared;
        let mut index = None;
        self.manifest.append(values, |line, offset| {
            index
                .get_or_insert_with(|| shared.index())
                .apply(line, offset);
        })
    }

    /// Removes the oldest files of items that have more versions than are kept.
    fn remove_versions(&mut self, named: HashMap<Key, Latest>) -> Result<(), ArchiveError> {
        let keep = self.shared.keep_versions.load(Ordering::Relaxed);
        let mut files = Vec::new();
        for (key, latest) in named {
            let surplus = latest.version.checked_sub(keep).filter(|_| keep > 0);
            // An older version that is confirmed is worth more than a suspect one.
            let surplus = surplus.filter(|_| latest.is_done).unwrap_or(0);
            let all = (1..=surplus).rev().map(|version| key.file(version));
            let is_there = |file: &String| {
                place::own_file(&self.dir.join(file)).is_ok_and(|found| found.is_some())
            };
            files.extend(all.take_while(is_there));
        }
        if files.is_empty() {
            return Ok(());
        }
        // If the process is killed in between, opening the archive removes the files.
        let removed = files
            .iter()
            .map(|file| Record::Removed { file: file.clone() });
        let removed: Vec<_> = removed.collect();
        self.append(removed.iter().map(Value::Record).collect())?;
        for file in files {
            let path = self.dir.join(file);
            fs::remove_file(&path).map_err(ArchiveError::io("remove", &path))?;
        }
        Ok(())
    }
}

/// Sets the file of a job's entries.
fn set_file(job: &mut Job, file: &str) {
    for entry in job.entries().filter(|entry| entry.status == Status::Ok) {
        entry.file = Some(file.to_owned());
    }
}

/// Changes a job to a failure if the error concerns only its item, and returns the error. Otherwise it is an error of
/// the archive.
fn fail(
    job: &mut Job,
    error: ArchiveError,
    holds_older: bool,
) -> Result<ArchiveError, ArchiveError> {
    if error.concerns_one_item() {
        job.fail(&error, holds_older);
        Ok(error)
    } else {
        Err(error)
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
