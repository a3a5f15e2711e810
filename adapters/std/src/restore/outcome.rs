//! What became of the items of a restore.

use core::time::Duration;

use crate::archive::Entry;
use crate::client::Answer;

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restored {
    /// This run has stored it.
    Stored {
        /// The id of the new item; `None` if the response was cut, and the item was found in the folder.
        new_id: Option<String>,
    },
    /// The folder has a copy of it, such as that of an earlier run.
    Present,
    /// It would be sent: the result of a dry run.
    Planned,
    /// It was not stored.
    Failed {
        /// Why, in one word.
        error: &'static str,
        /// Why, and what to do.
        message: String,
    },
}

/// The outcome of an item.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RestoreOutcome {
    /// The archived item.
    pub entry: Entry,
    /// The path of the folder into which it is restored.
    pub folder: Option<String>,
    /// What became of it.
    pub restored: Restored,
}

/// An event of a restore.
#[derive(Debug)]
#[non_exhaustive]
pub enum RestoreProgress<'p> {
    /// An item is processed.
    Item(&'p RestoreOutcome),
    /// The server has answered an upload.
    Answer(&'p Answer),
    /// A folder without items could not be restored.
    FolderFailed {
        /// The path in the archive.
        path: &'p str,
        /// Why.
        message: &'p str,
    },
    /// The next attempt waits.
    Wait {
        /// The time.
        wait: Duration,
        /// Why.
        message: &'p str,
    },
}

/// The result of a restore.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RestoreSummary {
    /// The number of folders that were created, or that would be.
    pub folders_created: u64,
    /// The number of folders without items that could not be restored.
    pub folders_failed: u64,
    /// Whether the caller has [interrupted](super::Restorer::interrupt) the run, so that items may be left.
    pub interrupted: bool,
}
