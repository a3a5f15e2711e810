//! `exportitems export`: exports items from a server into an archive.

mod cause;
mod ranges;
mod report;
mod reported;

use std::path::PathBuf;

use exportitems::ItemId;
use exportitems_std::{error_chain, Archive, ExportError, Exporter, Progress};

use crate::convert::Also;
use crate::evidence;
use crate::output::{say, Format, Output};
use crate::request::RequestOptions;
use crate::run::RunOptions;
use crate::server::ServerOptions;
use crate::status::{Failure, Status};
use report::Reporter;

/// Exports items from a server into a directory.
///
/// Items that the directory already holds are skipped: to resume an interrupted export, run the same command again.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
#[allow(clippy::struct_excessive_bools)] // each is an option
pub(crate) struct Export {
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    request: RequestOptions,
    /// Write the items and a manifest into this directory.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    run: RunOptions,
    /// First compare the SHA-256 of each file with the manifest, and export altered files again. Without this
    /// option only a missing file or a changed size is noticed.
    #[arg(long)]
    recheck: bool,
    #[command(flatten)]
    also: Also,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Export, output: &mut Output) -> Result<Status, Failure> {
    let requested = args.request.requested()?;
    let items: Vec<ItemId<'_>> = requested.iter().map(Into::into).collect();
    let roles = args.request.soap().roles();
    let headers = args.request.soap().headers(&roles);
    let mut client = args.server.client()?;
    let mut archive = Archive::open(&args.out)?;
    if args.recheck {
        archive.recheck(|_, _| ())?;
    }
    if let lost @ 1.. = archive.lost() {
        let files = if lost == 1 { "file" } else { "files" };
        say(&format!(
            "note: {lost} {files} of {} missing or altered; listed items among them are exported again",
            archive.dir().display()
        ));
    }

    evidence::begin(&archive);
    let infos = requested.iter().map(|item| item.info.clone());
    let described = items.iter().copied().zip(infos);
    let (format, detail) = (Format::new(args.json), args.run.detail());
    let control = args.run.control();
    let mut reporter = Reporter::new(&items, &archive, output, format, detail);
    let exporter = Exporter::new(&mut client, &archive, headers);
    let version = args.request.soap().server_version();
    let report = args
        .run
        .apply(exporter, version, &control)
        .run(described, &mut |progress| {
            if let Progress::Answer { answer, .. } = &progress {
                evidence::answered(&archive, args.server.url(), answer);
            }
            reporter.progress(&progress);
        });
    match report {
        Ok(report) => {
            let (exported, missing) = (report.ok, report.missing.len());
            evidence::end(&archive, exported, report.bytes, missing);
            let status = reporter.finish(&report, control.ended())?;
            drop(archive);
            crate::report::write_after_run(&args.out);
            let converted = args.also.run(&args.out, Format::new(args.json), output)?;
            Ok(status.max(converted))
        }
        Err(ExportError::Store(error)) => {
            reporter.abandon(archive, &error);
            Err(error.into())
        }
        Err(error) => Err(Failure::Usage(error_chain(&error))),
    }
}
