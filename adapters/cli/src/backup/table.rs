//! The table of folders at the end of a backup.

use core::fmt;

use exportitems_std::archive::FolderRecord;
use exportitems_std::backup::FolderResult;
use serde::Serialize;

use crate::output::{Format, Output};

/// A line of the table in JSON.
#[derive(Serialize)]
struct Row<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mailbox: Option<&'r str>,
    #[serde(flatten)]
    record: &'r FolderRecord,
    difference: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'r str>,
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FolderRecord {
            folder,
            on_server,
            archived,
            failed,
            changed,
            ..
        } = self.record;
        write!(
            f,
            "{on_server:>9} {archived:>9} {failed:>7} {changed:>8} {:>11}  {folder}",
            self.difference
        )
    }
}

/// Prints the folders that have items, and the sum of all.
pub(super) fn print(
    mailbox: Option<&str>,
    folders: &[FolderResult],
    format: Format,
    output: &mut Output,
) {
    let mut sum = FolderRecord::default();
    "all folders".clone_into(&mut sum.folder);
    let mut difference = 0;
    if format == Format::Text {
        output.line("on server  archived  failed  changed  difference  folder");
    }
    for folder in folders {
        let record = &folder.record;
        let row = Row {
            mailbox,
            record,
            difference: folder.difference(),
            error: folder.refused.as_deref(),
        };
        sum.on_server += record.on_server;
        sum.archived += record.archived;
        sum.failed += record.failed;
        sum.changed += record.changed;
        difference += row.difference;
        let counts = [
            record.on_server,
            record.archived,
            record.failed,
            record.changed,
        ];
        if format == Format::Json || counts != [0; 4] || row.error.is_some() {
            output.value(&row, format);
        }
    }
    if format == Format::Text {
        let row = Row {
            mailbox,
            record: &sum,
            difference,
            error: None,
        };
        output.value(&row, format);
    }
}
