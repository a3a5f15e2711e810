//! `exportitems find`: looks for items in an archive.

use core::fmt;
use std::path::{Path, PathBuf};

use exportitems_std::archive::{self, Entry, ItemState, Listed, Status as EntryStatus};
use serde::Serialize;

use crate::output::{Format, Output};
use crate::overview;
use crate::status::{Failure, Status};

/// Finds items by their subject, folder, class or id.
///
/// Prints a line per item, which begins with the path of its file; `exportitems show` and `exportitems convert` take
/// this path. Items that were exported without a list have an id only.
///
/// Exit status: 0 something was found; 1 nothing was found.
#[derive(Debug, clap::Args)]
pub(crate) struct Find {
    /// A directory that `backup`, `export` or `decode --out` has written.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The text to look for in subjects, folders, classes and ids, in any case. Without it all items match.
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Only items in this folder and the folders below it. In a name, write \/ for / and \\ for \.
    #[arg(long, value_name = "PATH")]
    folder: Option<String>,
    /// Only items of this class and its subclasses, such as IPM.Note.
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Only items that were received at this time (UTC) or later, such as 2026-01-31 or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<String>,
    /// Only items that were received before this time (UTC).
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<String>,
    /// Print one JSON object per item.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Find, output: &mut Output) -> Result<Status, Failure> {
    let inventory = overview::open(&args.dir)?;
    let text = args.text.as_deref().map(str::to_lowercase);
    let mut found = 0_u64;
    inventory.each(|listed| {
        let (entry, is_older, state, is_deleted) = match listed {
            Listed::Item {
                entry,
                state,
                is_deleted,
            } => (entry, false, state, is_deleted),
            Listed::Older { entry } => (entry, true, ItemState::Done, false),
            _ => return,
        };
        if !args.matches(entry, text.as_deref()) || output.check().is_err() {
            return;
        }
        found += 1;
        let line = Match::new(&args.dir, entry, is_older, state, is_deleted);
        output.value(&line, Format::new(args.json));
    })?;
    output.check()?;
    Ok(match found {
        0 => Status::ItemsFailed,
        _ => Status::Exported,
    })
}

impl Find {
    fn matches(&self, entry: &Entry, text: Option<&str>) -> bool {
        let item = &entry.item;
        let is_below = |value: &Option<String>, top: &Option<String>, separator: char| {
            top.as_deref().is_none_or(|top| {
                let rest = value.as_deref().and_then(|value| value.strip_prefix(top));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
            })
        };
        let received = item.received.as_deref();
        let contains = |text: &str| {
            [&item.subject, &item.folder, &item.item_class, &entry.id]
                .into_iter()
                .flatten()
                .any(|value| value.to_lowercase().contains(text))
        };
        is_below(&item.folder, &self.folder, '/')
            && is_below(&item.item_class, &self.class, '.')
            // Times in UTC in this format are in the order of their texts.
            && self.since.as_deref().is_none_or(|since| received.is_some_and(|time| time >= since))
            && self.until.as_deref().is_none_or(|until| received.is_some_and(|time| time < until))
            && text.is_none_or(contains)
    }
}

/// An item that was found.
#[derive(Serialize)]
struct Match<'a> {
    /// The path of the file, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    status: EntryStatus,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    suspect: bool,
    /// Whether this is an older version of the item.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    older: bool,
    /// Whether the server has deleted the item.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_key: Option<&'a str>,
    bytes: u64,
    #[serde(flatten)]
    item: &'a archive::ItemInfo,
}

impl<'a> Match<'a> {
    fn new(dir: &Path, entry: &'a Entry, older: bool, state: ItemState, deleted: bool) -> Self {
        let file = entry.file.as_ref();
        Self {
            path: file.map(|file| archive::display_path(&dir.join(file))),
            status: entry.status,
            suspect: entry.suspect,
            older,
            deleted,
            reason: (state != ItemState::Done).then(|| overview::reason(entry, state, deleted)),
            id: entry.id.as_deref(),
            change_key: entry.change_key.as_deref(),
            bytes: entry.bytes,
            item: &entry.item,
        }
    }
}

impl fmt::Display for Match<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let item = self.item;
        f.write_str(self.path.as_deref().or(self.id).unwrap_or("-"))?;
        for part in [
            &item.received,
            &item.item_class,
            &item.folder,
            &item.subject,
        ] {
            write!(f, "  {}", part.as_deref().unwrap_or("-"))?;
        }
        if item.subject.is_none() && self.path.is_some() {
            write!(f, "  {}", self.id.unwrap_or("-"))?;
        }
        if self.older {
            f.write_str(" (older version)")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        Ok(())
    }
}

/// Checks the form of a time.
fn time(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "0000-00-00T00:00:00Z";
    let fits = |(c, form): (char, char)| match form {
        '0' => c.is_ascii_digit(),
        form => c == form,
    };
    match text.len() {
        10 | 20 if text.chars().zip(FORM.chars()).all(fits) => Ok(text.to_owned()),
        _ => Err("write a date or a time in UTC, such as 2026-01-31 or 2026-01-31T12:00:00Z"),
    }
}
