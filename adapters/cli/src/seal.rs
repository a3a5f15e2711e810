//! `exportitems seal`: writes the totals and the hash of an archive, to be signed.

use core::fmt;
use std::path::PathBuf;

use exportitems_std::archive::{self, FileState, Finding, Seal};
use serde::Serialize;

use crate::output::{say, Format, Output};
use crate::status::{Failure, Status};

/// Checks an archive, and writes its totals and the hash of its manifest to seal.json.
///
/// The manifest lists the SHA-256 of every item, so the seal covers them all. Keep a copy of seal.json elsewhere, or
/// sign it with your own tool. `exportitems verify --seal` compares the archive with it.
///
/// An archive that differs from its manifest is not sealed.
#[derive(Debug, clap::Args)]
pub(crate) struct SealCommand {
    /// A directory that `backup`, `export` or `decode --out` has written.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print the seal as one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &SealCommand, output: &mut Output) -> Result<Status, Failure> {
    let mut faults = 0_u64;
    archive::verify(&args.dir, |finding| {
        let fault = match finding {
            Finding::Unchained { line } => {
                format!("line {line} of manifest.jsonl does not follow the line before it")
            }
            Finding::Payload { entry, state } | Finding::Older { entry, state } => {
                if matches!(state, FileState::Intact) {
                    return;
                }
                let file = entry.file.as_deref().unwrap_or_default();
                format!("{file} is missing or differs from the manifest")
            }
            Finding::WithoutEntry { path } => {
                format!("{} is not in the manifest", archive::display_path(path))
            }
            _ => return,
        };
        faults += 1;
        say(&fault);
    })?;
    if faults > 0 {
        let dir = archive::display_path(&args.dir);
        say(&format!(
            "{dir} is not sealed, because {faults} parts of it differ from its manifest; \
             export the items again, remove files that are not in the manifest, or restore both from a copy"
        ));
        return Ok(Status::ItemsFailed);
    }
    let seal = archive::seal(&args.dir)?;
    output.value(&Sealed { seal }, Format::new(args.json));
    if !args.json {
        let path = archive::display_path(&args.dir.join("seal.json"));
        output.line(&format!(
            "written to {path}; sign it with a tool of your own, for example: gpg --armor --detach-sign {path}"
        ));
    }
    output.check()?;
    Ok(Status::Exported)
}

/// The seal, as it is printed.
#[derive(Serialize)]
struct Sealed {
    #[serde(flatten)]
    seal: Seal,
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seal {
            totals,
            lines,
            head,
            ..
        } = &self.seal;
        write!(
            f,
            "{} items, {} older versions, {} suspect and {} failed items, {} bytes; \
             {lines} lines of the manifest, the last one with SHA-256 {head}",
            totals.items, totals.older_versions, totals.suspect, totals.failed, totals.bytes
        )
    }
}
