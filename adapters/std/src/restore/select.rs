//! Which items of an archive are restored.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::archive::{folder_names, ArchiveError, Entry, Inventory, Listed, Record, Status};

/// Chooses items of an archive. The default is the newest version of each item that existed at the last run.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs)] // a caller makes it
pub struct Selection {
    /// Items that the server had deleted too.
    pub deleted: bool,
    /// What existed at this time, instead of at the last run.
    pub as_of: Option<Timestamp>,
    /// Only the items of this folder and the folders in it.
    pub folder: Option<String>,
    /// Only the items with these ids.
    pub only: Vec<String>,
    /// Only the items whose subject contains this text, in upper or lower case.
    pub find: Option<String>,
}

/// What is known about an item at a time.
struct Candidate {
    entry: Entry,
    time: Timestamp,
    deleted_at: Option<Timestamp>,
}

impl Selection {
    /// Returns the chosen items, in the order of the manifest.
    ///
    /// # Errors
    /// If the manifest cannot be read.
    pub fn choose(&self, inventory: &Inventory) -> Result<Vec<Entry>, ArchiveError> {
        let mut ids: HashMap<String, usize> = HashMap::new();
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut deletions: HashMap<String, Timestamp> = HashMap::new();
        inventory.each(|listed| match listed {
            Listed::Item { entry, .. } | Listed::Older { entry } => {
                let (Some(id), Some(time)) = (&entry.id, self.time(&entry.time)) else {
                    return;
                };
                if entry.status != Status::Ok || !self.wants(entry) {
                    return;
                }
                let candidate = Candidate {
                    entry: entry.clone(),
                    time,
                    deleted_at: None,
                };
                match ids.get(id) {
                    Some(&at) if candidates[at].time > time => {}
                    Some(&at) => candidates[at] = candidate,
                    None => {
                        ids.insert(id.clone(), candidates.len());
                        candidates.push(candidate);
                    }
                }
            }
            Listed::Record(timed) => {
                if let (Record::Deleted { id }, Some(time)) =
                    (&timed.record, self.time(&timed.time))
                {
                    deletions.insert(id.clone(), time);
                }
            }
        })?;
        for (id, time) in deletions {
            if let Some(&at) = ids.get(&id) {
                candidates[at].deleted_at = Some(time);
            }
        }
        let existed = |candidate: &Candidate| {
            self.deleted
                || candidate
                    .deleted_at
                    .is_none_or(|time| time < candidate.time)
        };
        let chosen = candidates.into_iter().filter(existed);
        Ok(chosen.map(|candidate| candidate.entry).collect())
    }

    /// Reads a time; `None` after the time that is asked for.
    fn time(&self, text: &str) -> Option<Timestamp> {
        let time: Timestamp = text.parse().ok()?;
        self.as_of.is_none_or(|limit| time <= limit).then_some(time)
    }

    fn wants(&self, entry: &Entry) -> bool {
        let is_in = |folder: &String| {
            let (names, below) = (folder_names(folder), entry.item.folder.as_deref());
            let distinguished = entry.item.distinguished_folder.as_ref() == Some(folder);
            distinguished || folder_names(below.unwrap_or_default()).starts_with(&names)
        };
        let contains = |text: &String| {
            let subject = entry.item.subject.as_deref().unwrap_or_default();
            subject.to_lowercase().contains(&text.to_lowercase())
        };
        self.folder.as_ref().is_none_or(is_in)
            && (self.only.is_empty() || entry.id.as_ref().is_some_and(|id| self.only.contains(id)))
            && self.find.as_ref().is_none_or(contains)
    }
}
