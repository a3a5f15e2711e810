//! `exportitems convert`: converts exported items for mail programs.

use core::fmt::{self, Write as _};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use exportitems::Verdict;
use exportitems_convert::eml::{self, HeaderSource, Options};
use exportitems_convert::{maildir, mbox, msg, plain, Item, Summary, Time, Warning};
use serde::Serialize;
use serde_json::{json, Map, Value};
use tempfile::NamedTempFile;

use crate::interrupt;
use crate::output::{say, Format, Output};
use crate::payloads::{self, AddressOption, Found};
use crate::show;
use crate::status::{Failure, Status};

/// The name of the file that `--to mbox` writes.
const MBOX: &str = "items.mbox";

/// Converts exported items to Internet messages (.eml), Outlook messages (.msg), an mbox file, a Maildir or text.
///
/// Only whole items are converted: in a directory, those that the manifest calls done and whose file is as it was
/// written. An item that was converted already is left as it is, so an interrupted run can be repeated.
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
    /// Print one JSON object per item.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// One Internet message per item
    Eml,
    /// One Outlook message per item, with all its properties
    Msg,
    /// All items in one file, items.mbox, in the form mboxrd
    Mbox,
    /// A Maildir with flags and times
    Maildir,
    /// One text file per item, with the most important headers and the body
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Headers {
    Original,
    Rebuilt,
}

/// What became of an item.
enum Outcome {
    Converted {
        file: String,
        is_partial: bool,
        warnings: Vec<Warning>,
    },
    /// It was converted by an earlier run.
    Present { file: String },
    /// It was not converted.
    Refused(String),
    /// Its file could not be read.
    Unreadable(io::Error),
}

pub(crate) fn run(args: &Convert, output: &mut Output) -> Result<Status, Failure> {
    let options = Options {
        headers: match args.headers {
            Headers::Original => HeaderSource::Original,
            Headers::Rebuilt => HeaderSource::Rebuilt,
        },
        addresses: args.addresses.read()?,
    };
    let mut converter = Converter::new(args, options)?;
    let (mut converted, mut present, mut refused, mut partial) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut status = Status::Exported;
    let format = Format::new(args.json);
    let mut failure = None;
    for path in &args.paths {
        let listed = payloads::each(path, |found| {
            if failure.is_some() {
                return;
            }
            let outcome = match converter.item(&found) {
                Ok(outcome) => outcome,
                Err(error) => {
                    failure = Some(error);
                    return;
                }
            };
            match &outcome {
                Outcome::Converted { is_partial, .. } => {
                    converted += 1;
                    partial += u64::from(*is_partial);
                }
                Outcome::Present { .. } => present += 1,
                Outcome::Refused(_) => refused += 1,
                Outcome::Unreadable(_) => {
                    refused += 1;
                    status = Status::Local;
                }
            }
            output.value(&Line(found.name(), outcome), format);
            failure = output.check().err();
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        match listed {
            Err(Failure::Local(message)) => {
                status = Status::Local;
                say(&message);
            }
            listed => listed?,
        }
    }
    converter.finish()?;
    if !args.json {
        let mut text = format!("{converted} converted");
        for (count, what) in [
            (present, "converted before"),
            (partial, "of them partial"),
            (refused, "not converted"),
        ] {
            if count > 0 {
                // Writing to a string does not fail.
                let _ = write!(text, ", {count} {what}");
            }
        }
        output.line(&text);
        output.check()?;
    }
    Ok(match status {
        Status::Exported if refused + partial > 0 => Status::ItemsFailed,
        status => status,
    })
}

struct Converter<'a> {
    args: &'a Convert,
    options: Options,
    /// The unique parts of the names that the Maildir has, whose flags a mail program may have changed.
    known: HashSet<String>,
    mbox: Option<Temporary>,
}

impl<'a> Converter<'a> {
    fn new(args: &'a Convert, options: Options) -> Result<Self, Failure> {
        let out = &args.out;
        let mut converter = Self {
            args,
            options,
            known: HashSet::new(),
            mbox: None,
        };
        let local = |path: &Path| {
            let name = path.display().to_string();
            move |error: io::Error| Failure::local(&name, &error)
        };
        fs::create_dir_all(out).map_err(local(out))?;
        match args.to {
            Target::Maildir => {
                for name in ["tmp", "new", "cur"] {
                    let folder = out.join(name);
                    fs::create_dir_all(&folder).map_err(local(&folder))?;
                    for entry in fs::read_dir(&folder).map_err(local(&folder))? {
                        let name = entry.map_err(local(&folder))?.file_name();
                        let name = name.to_string_lossy();
                        let unique = name.split(':').next().unwrap_or_default();
                        converter.known.insert(unique.to_owned());
                    }
                }
            }
            Target::Mbox => converter.mbox = Some(Temporary::new(out)?),
            Target::Eml | Target::Msg | Target::Text => {}
        }
        Ok(converter)
    }

    fn item(&mut self, found: &Found<'_>) -> Result<Outcome, Failure> {
        if let Some(problem) = &found.problem {
            return Ok(Outcome::Refused(problem.clone()));
        }
        let opened = found.open().and_then(|mut file| {
            let item = Item::read(&mut file)?;
            Ok((file, item))
        });
        let (mut file, item) = match opened {
            Ok(opened) => opened,
            Err(error) => return Ok(Outcome::Unreadable(error)),
        };
        let entry = found.entry.and_then(|entry| entry.sha256.as_ref());
        if entry.is_some_and(|sha256| *sha256 != item.hash()) {
            return Ok(Outcome::Refused("it has changed during this run".into()));
        }
        match item.verdict {
            Verdict::Whole | Verdict::Framed => {}
            Verdict::Unknown => return Ok(Outcome::Refused("not an exported item".into())),
            verdict @ Verdict::Broken { .. } => {
                return Ok(Outcome::Refused(format!("{verdict}; export it again")))
            }
        }
        self.write(&item, &mut file, &found.name())
    }

    fn write(&mut self, item: &Item, file: &mut File, name: &str) -> Result<Outcome, Failure> {
        let local = |error: io::Error| Failure::local(name, &error);
        let folder = match self.args.to {
            Target::Maildir => self.args.out.join("cur"),
            _ => self.args.out.clone(),
        };
        let target = match self.args.to {
            Target::Mbox => MBOX.to_owned(),
            Target::Maildir => maildir::file_name(item),
            Target::Eml | Target::Msg | Target::Text => {
                let summary = Summary::of(item, file, &self.options).map_err(local)?;
                let extension = match self.args.to {
                    Target::Text => "txt",
                    Target::Msg => "msg",
                    _ => "eml",
                };
                format!("{}.{extension}", stem(item, &summary))
            }
        };
        let unique = target.split(':').next().unwrap_or_default();
        let is_present = match self.args.to {
            Target::Mbox => false,
            Target::Maildir => self.known.contains(unique),
            _ => folder.join(&target).symlink_metadata().is_ok(),
        };
        if is_present {
            return Ok(Outcome::Present { file: target });
        }
        let mut warnings = item.warnings.clone();
        let options = &self.options;
        if let Some(mbox) = &mut self.mbox {
            let written = mbox::append(item, file, &mut mbox.out, options);
            warnings.extend(written.map_err(local)?);
        } else {
            let place = match self.args.to {
                Target::Maildir => self.args.out.join("tmp"),
                _ => self.args.out.clone(),
            };
            let mut temporary = Temporary::new(&place)?;
            let written = match self.args.to {
                Target::Text => plain::write(item, file, &mut temporary.out, options),
                Target::Msg => msg::write(item, file, temporary.out.get_mut(), options),
                _ => eml::write(item, file, &mut temporary.out, options),
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    return Ok(Outcome::Refused(error.to_string()));
                }
                written => warnings.extend(written.map_err(local)?),
            }
            let time = maildir::delivered(item).and_then(|time| u64::try_from(time.unix).ok());
            temporary.publish(&folder.join(&target), time)?;
            self.known.insert(unique.to_owned());
        }
        Ok(Outcome::Converted {
            file: target,
            is_partial: item.is_partial() || warnings.iter().any(|it| it.kind.is_loss()),
            warnings,
        })
    }

    fn finish(self) -> Result<(), Failure> {
        let Some(mbox) = self.mbox else {
            return Ok(());
        };
        mbox.publish(&self.args.out.join(MBOX), None)
    }
}

/// A file that appears under its name once it is complete. A signal removes it.
struct Temporary {
    out: BufWriter<NamedTempFile>,
    name: String,
    _guard: interrupt::Guard,
}

impl Temporary {
    fn new(folder: &Path) -> Result<Self, Failure> {
        let name = folder.display().to_string();
        let file = tempfile::Builder::new()
            .prefix(".exportitems-")
            .tempfile_in(folder)
            .map_err(|error| Failure::local(&name, &error))?;
        let path = file.path().to_owned();
        Ok(Self {
            out: BufWriter::with_capacity(64 * 1024, file),
            name,
            _guard: interrupt::before_exit(move || {
                let _ = fs::remove_file(path);
            }),
        })
    }

    /// Gives the file its name and its time, in seconds since 1970.
    fn publish(mut self, path: &Path, time: Option<u64>) -> Result<(), Failure> {
        let name = self.name;
        let local = |error: io::Error| Failure::local(&name, &error);
        self.out.flush().map_err(local)?;
        let (file, _) = self.out.into_parts();
        let time =
            time.and_then(|time| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time)));
        if let Some(time) = time {
            // The content does not depend on it; some file systems know no such times.
            let _ = file.as_file().set_modified(time);
        }
        file.as_file().sync_all().map_err(local)?;
        interrupt::checkpoint();
        file.persist(path)
            .map_err(|error| Failure::local(&path.display().to_string(), &error.error))?;
        Ok(())
    }
}

/// A file name without its extension: the date, the subject and the start of the hash, which makes it unique.
fn stem(item: &Item, summary: &Summary) -> String {
    /// Characters that some file system forbids, or that are not seen.
    fn is_safe(character: char) -> bool {
        !character.is_control()
            && !matches!(
                character,
                '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*'
                    | '\u{200B}'..='\u{200F}'
                    | '\u{2028}'..='\u{202E}'
                    | '\u{2060}'..='\u{206F}'
                    | '\u{FEFF}'
            )
    }
    let date = summary.date.map_or_else(|| "no date".into(), Time::date);
    let subject = summary.subject.as_deref().unwrap_or("no subject");
    let mut name = String::new();
    for character in subject.chars() {
        // Names have 255 bytes at most; the date, the hash and the extension need 32.
        if name.len() + character.len_utf8() > 150 {
            break;
        }
        name.push(if is_safe(character) { character } else { '_' });
    }
    let name = name.trim_matches([' ', '.']);
    let hash = item.hash();
    format!("{date} {name} [{}]", &hash[..16])
}

/// The line about an item.
struct Line(String, Outcome);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, outcome) = self;
        match outcome {
            Outcome::Converted {
                file,
                is_partial,
                warnings,
            } => {
                let how = if *is_partial { "partial" } else { "whole" };
                write!(f, "{name}: {how}, {file}")?;
                let mut separator = "; ";
                for warning in warnings {
                    write!(f, "{separator}{warning}")?;
                    separator = ", ";
                }
                Ok(())
            }
            Outcome::Present { file } => write!(f, "{name}: converted before, {file}"),
            Outcome::Refused(why) => write!(f, "{name}: not converted: {why}"),
            Outcome::Unreadable(error) => write!(f, "{name}: not converted: {error}"),
        }
    }
}

impl Serialize for Line {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(name, outcome) = self;
        let mut object = Map::new();
        object.insert("item".into(), json!(name));
        let status = match outcome {
            Outcome::Converted {
                file,
                is_partial,
                warnings,
            } => {
                object.insert("file".into(), json!(file));
                object.insert("warnings".into(), show::warnings(warnings));
                if *is_partial {
                    "partial"
                } else {
                    "whole"
                }
            }
            Outcome::Present { file } => {
                object.insert("file".into(), json!(file));
                "present"
            }
            Outcome::Refused(why) => {
                object.insert("error".into(), json!(why));
                "refused"
            }
            Outcome::Unreadable(error) => {
                object.insert("error".into(), json!(error.to_string()));
                "unreadable"
            }
        };
        object.insert("status".into(), json!(status));
        Value::Object(object).serialize(serializer)
    }
}
