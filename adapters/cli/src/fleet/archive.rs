//! The archives of a fleet: one for each mailbox, in one place.

use std::path::{Path, PathBuf};

use exportitems_fleet::Totals;

use crate::backup::mailboxes::folder_name;
use crate::overview::Overview;
use crate::status::Failure;

/// Returns the directory of a mailbox's archive.
pub(super) fn place(out: &Path, mailbox: &str) -> PathBuf {
    out.join(folder_name(mailbox))
}

/// Counts what an archive contains, by its manifest.
pub(super) fn totals(place: &Path) -> Result<Totals, Failure> {
    if !place.join("manifest.jsonl").exists() {
        return Ok(Totals::default());
    }
    let counts = Overview::count(place)?;
    Ok(Totals {
        progress: counts.done,
        items: counts.done,
        bytes: counts.bytes,
        failed: counts.failed + counts.suspect,
    })
}
