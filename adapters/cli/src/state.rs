//! `exportitems status`: what is in an archive, and what is missing.

use core::fmt;
use std::path::PathBuf;

use indicatif::HumanBytes;

use crate::output::{visible, Format, Output};
use crate::overview::{Counts, Folder, Overview, Run};
use crate::status::{Failure, Status};

/// Shows what an archive holds, what failed and why, and its last run.
///
/// Exit status: 0 the archive holds every item that was requested; 1 items failed, are suspect, or their files are
/// missing.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusCommand {
    /// A directory that `backup`, `export` or `decode --out` has written.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &StatusCommand, output: &mut Output) -> Result<Status, Failure> {
    let overview = Overview::read(&args.dir)?;
    match Format::new(args.json) {
        Format::Json => output.value(&overview, Format::Json),
        Format::Text => overview
            .to_string()
            .lines()
            .for_each(|line| output.line(line)),
    }
    output.check()?;
    Ok(match overview.is_complete() {
        true => Status::Exported,
        false => Status::ItemsFailed,
    })
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            done,
            suspect,
            failed,
            lost,
            waiting,
            bytes,
        } = self.counts;
        writeln!(f, "done     {done:>9}  {}", HumanBytes(bytes))?;
        writeln!(f, "failed   {failed:>9}")?;
        for reason in &self.reasons {
            let again = match reason.waiting {
                true => "requested again by the next run",
                false => "not requested again",
            };
            // The text of a code comes from the server.
            let text = visible(&reason.reason);
            writeln!(f, "  {:>16}  {text}; {again}", reason.items)?;
        }
        writeln!(f, "suspect  {suspect:>9}")?;
        writeln!(f, "lost     {lost:>9}")?;
        writeln!(f, "waiting  {waiting:>9}  requested again by the next run")?;
        if self.older_versions > 0 {
            writeln!(f, "older    {:>9}  versions of items", self.older_versions)?;
        }
        if self.deleted > 0 {
            writeln!(
                f,
                "deleted  {:>9}  on the server, and kept here",
                self.deleted
            )?;
        }
        match self.runs.first() {
            Some(run) => writeln!(f, "last run {run}")?,
            None => writeln!(f, "last run not recorded")?,
        }
        if let Some(time) = &self.sealed {
            writeln!(f, "sealed   {}", visible(time))?;
        }
        if self.folders.iter().any(|folder| folder.folder.is_some()) {
            writeln!(f)?;
            writeln!(
                f,
                "     done   failed  suspect     lost   server       bytes  folder"
            )?;
            for folder in &self.folders {
                writeln!(f, "{folder}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            done,
            suspect,
            failed,
            lost,
            bytes,
            ..
        } = self.counts;
        let on_server = self
            .on_server
            .map_or("-".to_owned(), |items| items.to_string());
        let bytes = HumanBytes(bytes).to_string();
        let path = self.folder.as_deref().unwrap_or("(not listed)");
        write!(
            f,
            "{done:>9} {failed:>8} {suspect:>8} {lost:>8} {on_server:>8} {bytes:>11}  {}",
            visible(path)
        )?;
        match self.unexplained {
            Some(items) if items != 0 => write!(f, "; {items} on the server are not explained"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", visible(&self.began))?;
        if let Some(user) = &self.run.user {
            write!(f, " by {}", visible(user))?;
        }
        if let Some(host) = &self.run.host {
            write!(f, " on {}", visible(host))?;
        }
        match &self.end {
            Some(end) => write!(f, ": {} exported, {} missing", end.exported, end.missing),
            None => f.write_str(": interrupted, or still running"),
        }
    }
}
