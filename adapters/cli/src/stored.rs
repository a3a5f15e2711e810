//! What a run has stored so far, read from the manifest, for a run that is stopped at once.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::PathBuf;

use exportitems_std::archive::Entry;
use exportitems_std::Archive;

/// The entries of a manifest that a run adds.
#[derive(Clone, Debug)]
pub(crate) struct Added {
    manifest: PathBuf,
    /// The length of the manifest when the run began.
    len: u64,
}

impl Added {
    /// Begins with the entries that are added from now on.
    pub(crate) fn new(archive: &Archive) -> Self {
        let manifest = archive.dir().join("manifest.jsonl");
        let len = fs::metadata(&manifest).map_or(0, |found| found.len());
        Self { manifest, len }
    }

    /// Passes each entry with its id to `entry`.
    ///
    /// The manifest may hold more outcomes than the run has reported, because the run reports an outcome only when the
    /// next bytes arrive. On a full disk it may hold fewer.
    pub(crate) fn each(&self, mut entry: impl FnMut(&str, Entry)) {
        let Ok(mut file) = File::open(&self.manifest) else {
            return;
        };
        if file.seek(SeekFrom::Start(self.len)).is_err() {
            return;
        }
        for line in BufReader::new(file).lines().map_while(Result::ok) {
            if let Ok(mut read) = serde_json::from_str::<Entry>(&line) {
                if let Some(id) = read.id.take() {
                    entry(&id, read);
                }
            }
        }
    }

    /// Returns the number of items that were stored.
    pub(crate) fn stored(&self) -> usize {
        let mut stored = HashSet::new();
        self.each(|id, entry| {
            match entry.is_done() {
                true => stored.insert(id.to_owned()),
                false => stored.remove(id),
            };
        });
        stored.len()
    }
}
