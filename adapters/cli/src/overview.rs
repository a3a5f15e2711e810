//! Counts what an archive contains, for `status` and for the report.

use std::collections::BTreeMap;
use std::path::Path;

use exportitems_std::archive::{
    self, EndRecord, Entry, FolderRecord, Inventory, ItemState, Listed, Record, RunRecord, Timed,
};
use serde::Serialize;

use crate::status::Failure;

/// The number of runs that are kept.
const RUNS: usize = 10;

/// The number of items without a confirmed payload that are kept with their properties.
const UNFINISHED: usize = 500;

/// What an archive contains.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Overview {
    pub(crate) archive: String,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// Payloads of older versions.
    pub(crate) older_versions: u64,
    /// Items that the archive holds, and that the server has deleted or moved.
    pub(crate) deleted: u64,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) folders: Vec<Folder>,
    /// The last runs, the latest one first.
    pub(crate) runs: Vec<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sealed: Option<String>,
    /// The first items without a confirmed payload.
    #[serde(skip)]
    pub(crate) unfinished: Vec<Unfinished>,
}

/// Numbers of items, each of which is in one of the first four.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// Items whose payload is confirmed and there.
    pub(crate) done: u64,
    /// Items with a payload that no response has confirmed.
    pub(crate) suspect: u64,
    /// Items that the archive does not hold, because their request failed.
    pub(crate) failed: u64,
    /// Items whose file is missing or has another size.
    pub(crate) lost: u64,
    /// Items that the next run requests again. They are suspect, lost or failed.
    pub(crate) waiting: u64,
    /// The bytes of the payloads of done items.
    pub(crate) bytes: u64,
}

/// Why items failed.
#[derive(Debug, Serialize)]
#[allow(clippy::struct_field_names)] // the names of the JSON
pub(crate) struct Reason {
    pub(crate) reason: String,
    pub(crate) items: u64,
    /// Whether the next run requests them again.
    pub(crate) waiting: bool,
}

#[derive(Debug, Default, Serialize)]
#[allow(clippy::struct_field_names)] // the names of the JSON
pub(crate) struct Folder {
    /// The path of the folder. It is absent for items that were exported without a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folder_class: Option<String>,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// The number of items on the server at the end of the last backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_server: Option<u64>,
    /// The number of items on the server about which the last backup says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unexplained: Option<i128>,
}

#[derive(Debug, Serialize)]
#[allow(clippy::struct_field_names)] // `run` has no name in the JSON
pub(crate) struct Run {
    pub(crate) began: String,
    /// It is absent if the run was interrupted, or has not ended yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<String>,
    #[serde(flatten)]
    pub(crate) run: RunRecord,
    #[serde(flatten)]
    pub(crate) end: Option<EndRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
}

/// An item without a confirmed payload.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) entry: Entry,
    pub(crate) reason: String,
    pub(crate) is_waiting: bool,
}

impl Overview {
    /// Reads the manifest of an archive, and checks the size of each file.
    pub(crate) fn read(dir: &Path) -> Result<Self, Failure> {
        let mut inventory = open(dir)?;
        inventory.check_files();
        let mut counter = Counter {
            overview: Self {
                archive: archive::display_path(dir),
                ..Self::default()
            },
            ..Counter::default()
        };
        inventory.each(|listed| counter.count(&listed))?;
        let mut overview = counter.finish();
        overview.sealed = archive::verify_seal(dir).ok().map(|(seal, _)| seal.time);
        Ok(overview)
    }

    /// Counts the items of an archive by its manifest alone.
    #[cfg(feature = "fleet")]
    pub(crate) fn count(dir: &Path) -> Result<Counts, Failure> {
        let mut counter = Counter::default();
        open(dir)?.each(|listed| counter.count(&listed))?;
        Ok(counter.overview.counts)
    }

    /// Returns whether the archive holds every item that was requested.
    pub(crate) const fn is_complete(&self) -> bool {
        let Counts {
            suspect,
            failed,
            lost,
            ..
        } = self.counts;
        suspect + failed + lost == 0
    }
}

/// Reads the manifest of an archive.
pub(crate) fn open(dir: &Path) -> Result<Inventory, Failure> {
    if !dir.join("manifest.jsonl").exists() {
        return Err(Failure::Local(format!(
            "{} has no manifest.jsonl, so it is not a directory of `backup`, `export` or `decode --out`",
            archive::display_path(dir)
        )));
    }
    Ok(Inventory::open(dir)?)
}

#[derive(Default)]
struct Counter {
    overview: Overview,
    reasons: BTreeMap<(String, bool), u64>,
    folders: BTreeMap<Option<String>, Folder>,
    on_server: BTreeMap<String, FolderRecord>,
}

impl Counter {
    fn count(&mut self, listed: &Listed<'_>) {
        match *listed {
            Listed::Item {
                entry,
                state,
                is_deleted,
            } => self.item(entry, state, is_deleted),
            Listed::Older { .. } => self.overview.older_versions += 1,
            Listed::Record(timed) => self.record(timed),
            _ => {}
        }
    }

    fn item(&mut self, entry: &Entry, state: ItemState, is_deleted: bool) {
        let is_waiting = !matches!(state, ItemState::Done | ItemState::FailedPermanently);
        let counts = Counts {
            done: u64::from(state == ItemState::Done),
            suspect: u64::from(state == ItemState::Suspect),
            lost: u64::from(state == ItemState::Lost),
            failed: u64::from(matches!(
                state,
                ItemState::Failed | ItemState::FailedPermanently
            )),
            waiting: u64::from(is_waiting),
            bytes: match state {
                ItemState::Done => entry.bytes,
                _ => 0,
            },
        };
        self.overview.counts.add(&counts);
        self.overview.deleted += u64::from(is_deleted && state == ItemState::Done);
        let folder = self.folders.entry(entry.item.folder.clone());
        let folder = folder.or_insert_with_key(|folder| Folder {
            folder: folder.clone(),
            folder_class: entry.item.folder_class.clone(),
            ..Folder::default()
        });
        folder.counts.add(&counts);
        if state == ItemState::Done {
            return;
        }
        let reason = reason(entry, state, is_deleted);
        if counts.failed > 0 {
            *self
                .reasons
                .entry((reason.clone(), is_waiting))
                .or_default() += 1;
        }
        if self.overview.unfinished.len() < UNFINISHED {
            self.overview.unfinished.push(Unfinished {
                entry: entry.clone(),
                reason,
                is_waiting,
            });
        }
    }

    fn record(&mut self, timed: &Timed) {
        let runs = &mut self.overview.runs;
        match &timed.record {
            Record::Run(run) => {
                runs.insert(
                    0,
                    Run {
                        began: timed.time.clone(),
                        ended: None,
                        run: run.clone(),
                        end: None,
                        server: None,
                        certificate: None,
                    },
                );
                runs.truncate(RUNS);
            }
            Record::Server { url, certificate } => {
                if let Some(run) = runs.first_mut() {
                    run.server = Some(url.clone());
                    run.certificate.clone_from(certificate);
                }
            }
            Record::End(end) => {
                if let Some(run) = runs.first_mut() {
                    run.ended = Some(timed.time.clone());
                    run.end = Some(end.clone());
                }
            }
            Record::Folder(folder) => {
                self.on_server.insert(folder.folder.clone(), folder.clone());
            }
            _ => {}
        }
    }

    fn finish(self) -> Overview {
        let Self {
            mut overview,
            reasons,
            mut folders,
            on_server,
        } = self;
        for (path, record) in on_server {
            let folder = folders.entry(Some(path.clone())).or_insert_with(|| Folder {
                folder: Some(path),
                ..Folder::default()
            });
            let explained = record.archived + record.failed + record.changed;
            folder.on_server = Some(record.on_server);
            folder.unexplained = Some(i128::from(record.on_server) - i128::from(explained));
        }
        overview.folders = folders.into_values().collect();
        overview.reasons = reasons
            .into_iter()
            .map(|((reason, waiting), items)| Reason {
                reason,
                items,
                waiting,
            })
            .collect();
        overview
            .reasons
            .sort_by_key(|reason| core::cmp::Reverse(reason.items));
        overview
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.suspect += other.suspect;
        self.failed += other.failed;
        self.lost += other.lost;
        self.waiting += other.waiting;
        self.bytes += other.bytes;
    }
}

/// Returns why the archive does not hold an item, or not confirmed.
pub(crate) fn reason(entry: &Entry, state: ItemState, is_deleted: bool) -> String {
    let code = entry.code.as_deref().filter(|&code| code != "NoError");
    match state {
        ItemState::Lost => "file missing or altered".to_owned(),
        ItemState::Suspect => "not confirmed by a response".to_owned(),
        _ if is_deleted => "deleted on the server".to_owned(),
        _ => code
            .or(entry.error.as_deref())
            .unwrap_or("failed")
            .to_owned(),
    }
}
