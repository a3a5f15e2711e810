//! `exportitems convert`: converts exported items for mail programs.

mod converter;
mod folder;
mod line;
mod mbox;
mod pool;
mod temporary;

use std::path::{Path, PathBuf};

use clap::value_parser;
use exportitems_convert::eml::{HeaderSource, Options};
use exportitems_convert::{ics, vcf, Message};

use crate::output::{say, Format, Output};
use crate::payloads::{self, AddressOption, Found};
use crate::status::{Failure, Status};
use converter::Converter;
use folder::WellKnown;
use line::{Line, Outcome};

/// Converts exported items to Internet messages (.eml), Outlook messages (.msg), mbox files, a Maildir, iCalendar
/// objects (.ics), vCards (.vcf) or text.
///
/// Only whole items are converted: in a directory, those that the manifest calls done and whose file is as it was
/// written. An item that was converted already is left as it is, so an interrupted run can be repeated. Messages are
/// appended to mbox files that exist; the file mbox.jsonl lists what they contain.
///
/// The folders of an archive that has their names become directories of the same names, or mbox files. What a file
/// system forbids in a name becomes % and two hexadecimal digits for each byte. In a Maildir, the inbox is the Maildir
/// itself, and Sent, Drafts, Trash and Junk have these names in every language. The file folders.tsv lists which
/// directory is which folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Convert {
    /// Exported files, and directories that `export` or `decode --out` has written.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What to write.
    #[arg(long, value_name = "FORMAT")]
    to: Target,
    /// The directory to write into. It is created if it does not exist.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where headers come from: those that the message arrived with, or the item's properties, which a user may have
    /// edited later.
    #[arg(long, value_name = "SOURCE", default_value = "original")]
    headers: Headers,
    #[command(flatten)]
    addresses: AddressOption,
    /// Convert so many items at the same time. By default, as many as there are processors.
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Print one JSON object per item.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Target {
    /// One Internet message per item
    Eml,
    /// One Outlook message per item, with all its properties
    Msg,
    /// One file per folder, in the form mboxrd; items.mbox for items whose folder is not known
    Mbox,
    /// A Maildir with flags and times
    Maildir,
    /// One iCalendar object per appointment, meeting and task
    Ics,
    /// One vCard per contact and distribution list
    Vcf,
    /// One text file per item, with the most important headers and the body
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Headers {
    Original,
    Rebuilt,
}

impl Target {
    /// The extension of a file of one item, and the name of the directory that `--also` writes into.
    fn extension(self) -> &'static str {
        match self {
            Self::Eml => "eml",
            Self::Msg => "msg",
            Self::Mbox => "mbox",
            Self::Maildir => "maildir",
            Self::Ics => "ics",
            Self::Vcf => "vcf",
            Self::Text => "txt",
        }
    }

    /// Why the format has nothing for a message of this kind.
    fn lacks(self, message: &Message) -> Option<String> {
        let needed = match self {
            Self::Ics if !ics::is_calendar(message) => "an appointment, a meeting or a task",
            Self::Vcf if !vcf::is_contact(message) => "a contact or a distribution list",
            _ => return None,
        };
        let class = match message.class() {
            class if class.is_empty() => "an item without a class".to_owned(),
            class => class,
        };
        Some(format!("{class} is not {needed}"))
    }
}

pub(crate) fn run(args: &Convert, output: &mut Output) -> Result<Status, Failure> {
    let options = Options {
        headers: match args.headers {
            Headers::Original => HeaderSource::Original,
            Headers::Rebuilt => HeaderSource::Rebuilt,
        },
        addresses: args.addresses.read()?,
    };
    let mut run = Run {
        jobs: args.jobs.map(usize::from),
        is_terse: false,
        format: Format::new(args.json),
        counts: Counts::default(),
        output,
    };
    run.convert(&args.paths, args.to, &args.out, &options)
}

/// What else to write of the items that a command adds to an archive.
#[derive(Debug, clap::Args)]
pub(crate) struct Also {
    /// Also convert the items of the directory, as `exportitems convert` does, into a directory of this name in it: eml,
    /// msg, mbox, maildir, ics, vcf or txt. May be repeated. Items that were converted before are left as they are.
    #[arg(long, value_name = "FORMAT")]
    also: Vec<Target>,
}

impl Also {
    /// Converts what the archive has. Only partial conversions and warnings are reported one by one.
    pub(crate) fn run(
        &self,
        archive: &Path,
        format: Format,
        output: &mut Output,
    ) -> Result<Status, Failure> {
        let mut worst = Status::Exported;
        for target in &self.also {
            let mut run = Run {
                jobs: None,
                is_terse: true,
                format,
                counts: Counts::default(),
                output,
            };
            let out = archive.join(target.extension());
            let status = run.convert(&[archive.to_owned()], *target, &out, &Options::default())?;
            worst = worst.max(status);
        }
        Ok(worst)
    }
}

struct Run<'a> {
    jobs: Option<usize>,
    /// Whether items that are not in the archive are left out, and text has only what is noteworthy.
    is_terse: bool,
    format: Format,
    counts: Counts,
    output: &'a mut Output,
}

#[derive(Default)]
struct Counts {
    converted: u64,
    present: u64,
    skipped: u64,
    refused: u64,
    unreadable: u64,
    partial: u64,
}

impl Run<'_> {
    fn convert(
        &mut self,
        paths: &[PathBuf],
        target: Target,
        out: &Path,
        options: &Options,
    ) -> Result<Status, Failure> {
        let converter = Converter::new(target, out, options)?;
        let jobs = match (target, self.jobs) {
            // An mbox file is written from its start to its end.
            (Target::Mbox, _) => 1,
            (_, Some(jobs)) => jobs,
            (_, None) => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let is_terse = self.is_terse;
        let mut unlisted = false;
        for path in paths {
            let folders = match path.is_dir() {
                // Its absence is reported when it is listed.
                true => WellKnown::of(path).unwrap_or_default(),
                false => WellKnown::default(),
            };
            let listed = pool::map(
                jobs,
                |give| {
                    payloads::each(path, |found| {
                        if !is_terse || found.problem.is_none() {
                            give(found);
                        }
                    })
                },
                |found: Found| {
                    let name = found.name();
                    let outcome = converter.item(&found, &folders);
                    outcome.map(|outcome| Line { name, outcome })
                },
                |line| self.line(&line?),
            );
            match listed {
                Err(Failure::Local(message)) => {
                    unlisted = true;
                    say(&message);
                }
                listed => listed?,
            }
        }
        converter.finish()?;
        if self.format == Format::Text {
            let place = match self.is_terse {
                true => format!(" into {}", out.display()),
                false => String::new(),
            };
            self.output.line(&format!("{}{place}", self.counts));
            self.output.check()?;
        }
        Ok(match &self.counts {
            counts if unlisted || counts.unreadable > 0 => Status::Local,
            counts if counts.refused + counts.partial > 0 => Status::ItemsFailed,
            _ => Status::Exported,
        })
    }

    fn line(&mut self, line: &Line) -> Result<(), Failure> {
        let counts = &mut self.counts;
        match &line.outcome {
            Outcome::Converted { is_partial, .. } => {
                counts.converted += 1;
                counts.partial += u64::from(*is_partial);
            }
            Outcome::Present { .. } => counts.present += 1,
            Outcome::Skipped(_) => counts.skipped += 1,
            Outcome::Refused(_) => counts.refused += 1,
            Outcome::Unreadable(_) => counts.unreadable += 1,
        }
        let is_noteworthy = match &line.outcome {
            Outcome::Converted { warnings, .. } => !warnings.is_empty(),
            Outcome::Present { .. } | Outcome::Skipped(_) => false,
            Outcome::Refused(_) | Outcome::Unreadable(_) => true,
        };
        if is_noteworthy || !self.is_terse || self.format == Format::Json {
            self.output.value(line, self.format);
        }
        self.output.check()
    }
}

impl core::fmt::Display for Counts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} converted", self.converted)?;
        for (count, what) in [
            (self.present, "converted before"),
            (self.partial, "of them partial"),
            (self.skipped, "of another kind"),
            (self.refused + self.unreadable, "not converted"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}
