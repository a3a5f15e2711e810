//! `backup --plan`: what a backup would request, and how long that takes.

use core::time::Duration;
use std::time::Instant;

use exportitems_std::backup::ListedVersions;
use exportitems_std::list::{Folder, Lister};
use exportitems_std::{Archive, Exporter};
use indicatif::HumanBytes;
use serde::Serialize;

use super::run::{failure, Job};
use crate::list;
use crate::output::Format;
use crate::status::{Failure, Status};

/// The number of items that are exported to measure the rate.
const SAMPLE: usize = 40;
/// The part of a day in which backups run.
const NIGHT: Duration = Duration::from_hours(10);

#[derive(Serialize)]
struct Row<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mailbox: Option<&'r str>,
    folder: &'r str,
    items: u64,
    bytes: u64,
    archived: u64,
}

#[derive(Serialize)]
struct Total<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mailbox: Option<&'r str>,
    items: u64,
    bytes: u64,
    archived: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    items_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nights: Option<f64>,
}

impl core::fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let bytes = HumanBytes(self.bytes).to_string();
        write!(
            f,
            "{:>9} {bytes:>12} {:>9}  {}",
            self.items, self.archived, self.folder
        )
    }
}

impl core::fmt::Display for Total<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let bytes = HumanBytes(self.bytes).to_string();
        write!(
            f,
            "{:>9} {bytes:>12} {:>9}  all folders",
            self.items, self.archived
        )?;
        match (self.nights, self.items_per_second) {
            (Some(nights), Some(rate)) => write!(
                f,
                "\nabout {nights:.1} nights of 10 hours, at {rate:.1} items per second as measured now"
            ),
            _ => Ok(()),
        }
    }
}

/// The measured rate.
struct Rate {
    items: f64,
    bytes: f64,
}

impl Job<'_, '_> {
    /// Prints the folders of the mailbox with their items and bytes. `dir` is created if it does not exist.
    pub(super) fn plan(&self, dir: &std::path::Path) -> Result<Status, Failure> {
        let args = self.shared.args;
        let format = Format::new(args.json);
        let roles = args.soap.roles();
        let headers = self.headers(args.soap.headers(&roles));
        let mut client = self.client()?;
        let archive = Archive::open(dir)?;
        let backup = self.backup(&archive, headers);
        let plan = backup.plan(&mut client, &mut |event| self.progress(&event));
        let plan = plan.map_err(failure)?;
        let mailbox = self.mailbox.filter(|_| self.shared.is_many);
        let rows: Vec<_> = (plan.iter())
            .map(|(folder, archived)| Row {
                mailbox,
                folder: &folder.path,
                items: folder.count(args.associated).unwrap_or_default(),
                bytes: folder.bytes.unwrap_or_default(),
                archived: *archived,
            })
            .collect();
        let sum = |of: fn(&Row<'_>) -> u64| rows.iter().map(of).sum::<u64>();
        let (items, bytes, archived) = (
            sum(|it| it.items),
            sum(|it| it.bytes),
            sum(|it| it.archived),
        );
        let largest = plan.iter().max_by_key(|(folder, _)| folder.items);
        let rate = match largest {
            Some((folder, _)) if items > archived => self.measure(folder)?,
            _ => None,
        };
        #[allow(clippy::cast_precision_loss)] // it is an estimate
        let nights = rate.as_ref().map(|rate| {
            let left = items.saturating_sub(archived) as f64;
            let share = left / (items as f64).max(1.0);
            let seconds = (left / rate.items).max(bytes as f64 * share / rate.bytes);
            seconds / NIGHT.as_secs_f64()
        });
        let total = Total {
            mailbox,
            items,
            bytes,
            archived,
            items_per_second: rate.as_ref().map(|rate| rate.items),
            bytes_per_second: rate.as_ref().map(|rate| rate.bytes),
            nights,
        };
        let Some(output) = &self.shared.output else {
            return Ok(Status::Exported);
        };
        let mut output = output
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if format == Format::Text {
            if let Some(mailbox) = mailbox {
                output.line(mailbox);
            }
            output.line("    items         size  archived  folder");
        }
        for row in rows
            .iter()
            .filter(|row| row.items > 0 || format == Format::Json)
        {
            output.value(row, format);
        }
        match format {
            Format::Json => output.value(&total, format),
            Format::Text => total.to_string().lines().for_each(|line| output.line(line)),
        }
        output.check()?;
        Ok(Status::Exported)
    }

    /// Exports some items of a folder into a temporary directory, and returns the rate.
    fn measure(&self, folder: &Folder) -> Result<Option<Rate>, Failure> {
        let args = self.shared.args;
        let roles = args.soap.roles();
        let headers = self.headers(args.soap.headers(&roles));
        let mut client = self.client()?;
        let lister = Lister::new(&mut client, headers).patience(args.run.patience());
        let found = (self.shared.control)
            .list(lister)
            .changes(folder, None, false);
        let changes = match found {
            Ok(changes) => changes.changes,
            // A folder that cannot be synced.
            Err(error) if !error.is_transient() => return Ok(None),
            Err(error) => return Err(list::failure(error)),
        };
        let items: Vec<_> = (changes.into_iter())
            .filter_map(|change| match change {
                exportitems_std::list::Change::Exists(item) => Some(item),
                _ => None,
            })
            .take(SAMPLE)
            .collect();
        let dir =
            tempfile::tempdir().map_err(|error| Failure::local("temporary directory", &error))?;
        let archive = Archive::open(dir.path())?;
        let store = ListedVersions::new(&archive);
        let exporter = Exporter::new(&mut client, &store, headers);
        let exporter = args
            .run
            .apply(exporter, args.soap.server_version(), &self.shared.control)
            .share(&self.connections);
        let began = Instant::now();
        let report = exporter
            .run(ListedVersions::items(&items), &mut |_| ())
            .map_err(|error| failure(exportitems_std::backup::BackupError::Export(error)))?;
        let seconds = began.elapsed().as_secs_f64().max(0.001);
        #[allow(clippy::cast_precision_loss)] // it is an estimate
        Ok((report.ok > 0 && report.bytes > 0).then(|| Rate {
            items: report.ok as f64 / seconds,
            bytes: report.bytes as f64 / seconds,
        }))
    }
}
