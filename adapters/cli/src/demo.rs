//! `exportitems demo`: a complete export from an emulated server.

mod commands;
mod mail;
mod plan;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::value_parser;
use exportitems::policy::Limits;
use exportitems::RequestHeaders;
use exportitems_emulator::{Emulator, Payload};
use exportitems_std::archive::{self, Entry, FileState, Finding};
use exportitems_std::{error_chain, Archive, Client, Exporter, Progress};
use indicatif::HumanBytes;

use crate::bar::Bar;
use crate::interrupt;
use crate::line::{number, ItemLine};
use crate::output::{Format, Output};
use crate::run::Detail;
use crate::status::{Failure, Status};
use plan::{Plan, Planned};

/// Exports items from an emulated server, to show how the command works.
///
/// The server runs on this machine and answers like Exchange. Every byte of the exported items is compared with the
/// original. The server refuses two of the items, to show what a failure looks like.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// How many items to export.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = value_parser!(u32).range(3..=100_000))]
    items: u32,
    /// Keep the items in this directory, which must be empty. Without this option the items are removed at
    /// the end.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The result of the export.
#[derive(Debug)]
struct Exported {
    /// The manifest's entry of each item, by position.
    entries: Vec<Option<Entry>>,
    bytes: u64,
    time: Duration,
}

pub(crate) fn run(args: &Demo, output: &mut Output) -> Result<Status, Failure> {
    let plan = Plan::new(args.items);
    let emulator = Emulator::start(plan.scenario(), ([127, 0, 0, 1], 0).into())
        .map_err(|error| Failure::Local(error_chain(&error)))?;
    let (temporary, _guard);
    let out = match &args.out {
        Some(out) => out.as_path(),
        None => {
            temporary = tempfile::tempdir()
                .map_err(|error| Failure::local("a temporary directory", &error))?;
            let path = temporary.path().to_owned();
            _guard = interrupt::before_exit(move || remove(&path));
            temporary.path()
        }
    };
    output.line(&format!(
        "A server that answers like Exchange runs at {}.",
        emulator.url()
    ));
    output.line(&format!(
        "Exporting {} items of {} from it into {}.",
        args.items,
        HumanBytes(plan.bytes()),
        out.display()
    ));
    output.line("");

    let exported = export(&emulator, out, &plan, output)?;
    let differences = compare(out, &plan, &exported)?;
    drop(emulator);
    print(args, &exported, &differences, output);
    let mail = exported.entries.first().and_then(Option::as_ref);
    if let Some(file) = mail.and_then(|entry| entry.file.as_ref()) {
        mail::print(&out.join(file), output)?;
    }
    for line in commands::to_try() {
        output.line(&line);
    }
    output.check()?;
    match differences.as_slice() {
        [] => Ok(Status::Exported),
        [..] => Err(Failure::Response(
            "the demo did not go as planned; please report it with its output".to_owned(),
        )),
    }
}

/// Removes the demo's directory when the process is interrupted.
///
/// The export stops at its next checkpoint, but the archive still writes queued files, so removing may have to be
/// repeated.
fn remove(dir: &Path) {
    for _ in 0..20 {
        let _ = std::fs::remove_dir_all(dir);
        std::thread::sleep(Duration::from_millis(10));
        if !dir.exists() {
            return;
        }
    }
}

fn export(
    emulator: &Emulator,
    out: &Path,
    plan: &Plan,
    output: &mut Output,
) -> Result<Exported, Failure> {
    let mut client = Client::builder(&emulator.url())
        .build()
        .map_err(|error| Failure::Usage(error_chain(&error)))?;
    let archive = Archive::open(out)?;
    let items: Vec<_> = plan.items().iter().map(Planned::item_id).collect();
    if items.iter().any(|item| archive.is_done(item.id)) {
        return Err(Failure::Usage(format!(
            "{} already holds items; give the demo an empty directory",
            out.display()
        )));
    }

    let mut bar = Bar::new(items.len(), Detail::Failures);
    let mut entries = vec![None; items.len()];
    let started = Instant::now();
    // After a signal no other connection may write while the temporary directory is removed.
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let exporter = Exporter::new(&mut client, &archive, RequestHeaders::new()).limits(limits);
    let report = exporter.run(&items, &mut |progress| {
        interrupt::checkpoint();
        match progress {
            Progress::Bytes(bytes) => bar.add_bytes(bytes),
            Progress::Item {
                position, entry, ..
            } => {
                bar.add_item();
                let line = ItemLine::of_entry(number(position), items[position].id, entry.clone());
                if line.error.is_some() {
                    bar.suspend(|| output.value(&line, Format::Text));
                }
                entries[position] = Some(entry.clone());
            }
            _ => {}
        }
    });
    let time = started.elapsed();
    bar.finish();
    let report = report.map_err(|error| Failure::Local(error_chain(&error)))?;
    Ok(Exported {
        entries,
        bytes: report.bytes,
        time,
    })
}

/// Returns a line for each difference from the plan.
fn compare(out: &Path, plan: &Plan, exported: &Exported) -> Result<Vec<String>, Failure> {
    let mut differences = Vec::new();
    for (position, (planned, entry)) in plan.items().iter().zip(&exported.entries).enumerate() {
        let code = entry.as_ref().and_then(|entry| entry.code.as_deref());
        if code != Some(planned.code()) {
            let code = code.unwrap_or("no answer");
            differences.push(format!("item {position}: {code}, not {}", planned.code()));
        }
        let file = entry.as_ref().and_then(|entry| entry.file.as_ref());
        if let Some(file) = file {
            if !same(&out.join(file), planned).map_err(|error| Failure::local(file, &error))? {
                differences.push(format!(
                    "item {position}: {file} differs from the server's item"
                ));
            }
        }
    }
    archive::verify(out, |finding| match finding {
        Finding::Payload {
            state: FileState::Intact,
            ..
        }
        | Finding::Failed { .. } => {}
        difference => differences.push(format!("{difference:?}")),
    })?;
    Ok(differences)
}

/// Returns whether a file equals the server's item byte for byte.
fn same(path: &Path, planned: &Planned) -> std::io::Result<bool> {
    let Ok(mut expected) = Payload::new(planned.seed, planned.size) else {
        return Ok(false);
    };
    let mut file = BufReader::new(File::open(path)?);
    let (mut found, mut wanted) = ([0; 16 * 1024], [0; 16 * 1024]);
    loop {
        let len = expected.fill(&mut wanted);
        if len == 0 {
            return Ok(file.read(&mut found)? == 0);
        }
        match file.read_exact(&mut found[..len]) {
            Ok(()) if found[..len] == wanted[..len] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Prints the result, and commands to try.
fn print(args: &Demo, exported: &Exported, differences: &[String], output: &mut Output) {
    let kept = exported.entries.iter().flatten();
    let kept = kept.filter(|entry| entry.is_done()).count();
    let refused = exported.entries.len() - kept;
    let seconds = exported.time.as_secs_f64().max(0.001);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )] // the rate is only displayed
    let rate = (exported.bytes as f64 / seconds) as u64;
    output.line("");
    output.line(&format!(
        "{kept} items exported, {} in {seconds:.1} s ({}/s).",
        HumanBytes(exported.bytes),
        HumanBytes(rate)
    ));
    output.line(&format!(
        "The server refused {refused} items; the reasons are above."
    ));
    for difference in differences {
        output.line(difference);
    }
    if differences.is_empty() {
        output.line(
            "Each file equals the server's item byte for byte, and matches its line in the manifest.",
        );
        output.line("The refused items did not affect the others. The demo went as planned.");
    }
    if let Some(out) = &args.out {
        output.line("");
        output.line(&format!(
            "The items are in {}, where manifest.jsonl lists them.",
            out.display()
        ));
    }
}
