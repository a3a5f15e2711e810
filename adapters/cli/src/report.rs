//! `exportitems report`: a page about an archive for the person in charge.

mod html;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use exportitems_std::archive;

use crate::output::{say, Output};
use crate::overview::Overview;
use crate::status::{Failure, Status};

/// The file name of the report in an archive.
const REPORT: &str = "report.html";

/// Writes report.html into an archive: what it holds, what is missing and why, and its runs.
///
/// `export` and `backup` write it at their end. It is one file without scripts, which any browser opens.
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// A directory that `backup`, `export` or `decode --out` has written.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn run(args: &Report, output: &mut Output) -> Result<Status, Failure> {
    let path = write(&args.dir)?;
    output.line(&archive::display_path(&path));
    output.check()?;
    Ok(Status::Exported)
}

/// Writes the report at the end of a run. A failure is printed, and does not change the result of the run.
pub(crate) fn write_after_run(dir: &Path) {
    if let Err(failure) = write(dir) {
        let message = failure.message().unwrap_or_default();
        say(&format!("the report cannot be written: {message}"));
    }
}

/// Writes the report, and returns its path.
fn write(dir: &Path) -> Result<PathBuf, Failure> {
    let page = html::page(&Overview::read(dir)?);
    let path = dir.join(REPORT);
    let temporary = dir.join("report.tmp");
    let written = create(&temporary)
        .and_then(|mut file| file.write_all(page.as_bytes()))
        .and_then(|()| fs::rename(&temporary, &path));
    written.map_err(|error| Failure::local(&archive::display_path(&path), &error))?;
    Ok(path)
}

/// Creates a new file that only the user can read. Links are not followed.
fn create(path: &Path) -> std::io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
