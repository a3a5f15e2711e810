//! Converts one item after another, on any number of threads.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use exportitems::Verdict;
use exportitems_convert::eml::{self, Options};
use exportitems_convert::{ics, maildir, msg, plain, vcf, Item, Source, Summary, Time, Warning};
use sha2::{Digest as _, Sha256};

use super::folder::{in_tree, is_forbidden, write_list, WellKnown};
use super::line::Outcome;
use super::mbox::Mboxes;
use super::temporary::{self, Temporary};
use super::Target;
use crate::payloads::Found;
use crate::status::Failure;

/// The name of the mbox file of items whose folder is not known.
const MBOX: &str = "items.mbox";

pub(super) struct Converter<'a> {
    target: Target,
    out: &'a Path,
    options: &'a Options,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The unique parts of the names in each Maildir, whose flags a mail program may have changed.
    known: HashMap<PathBuf, HashSet<String>>,
    /// The mbox files, if they are the target.
    mboxes: Option<Mboxes>,
    /// The directories in which files are made.
    places: HashSet<PathBuf>,
    /// The paths of folders, by the directories or files that they became.
    folders: BTreeMap<PathBuf, String>,
}

impl<'a> Converter<'a> {
    pub(super) fn new(
        target: Target,
        out: &'a Path,
        options: &'a Options,
    ) -> Result<Self, Failure> {
        create(out)?;
        let mboxes = match target {
            Target::Mbox => Some(Mboxes::open(out)?),
            _ => None,
        };
        Ok(Self {
            target,
            out,
            options,
            state: Mutex::new(State {
                mboxes,
                ..State::default()
            }),
        })
    }

    pub(super) fn item(&self, found: &Found, folders: &WellKnown) -> Result<Outcome, Failure> {
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
        let entry = found.entry.as_ref();
        if entry.is_some_and(|entry| entry.sha256.as_ref().is_some_and(|it| *it != item.hash())) {
            return Ok(Outcome::Refused("it has changed during this run".into()));
        }
        match item.verdict {
            Verdict::Whole | Verdict::Framed => {}
            Verdict::Unknown => return Ok(Outcome::Refused("not an exported item".into())),
            verdict @ Verdict::Broken { .. } => {
                return Ok(Outcome::Refused(format!("{verdict}; export it again")))
            }
        }
        if let Some(why) = self.target.lacks(&item.message) {
            return Ok(match entry {
                // An archive has items of every kind.
                Some(_) => Outcome::Skipped(why),
                None => Outcome::Refused(why),
            });
        }
        self.write(&item, &mut file, found, folders)
    }

    fn write(
        &self,
        item: &Item,
        file: &mut File,
        found: &Found,
        folders: &WellKnown,
    ) -> Result<Outcome, Failure> {
        let name = found.name();
        let local = |error: io::Error| Failure::local(&name, &error);
        let unique = unique(item, found);
        let path = found
            .entry
            .as_ref()
            .and_then(|it| it.item.folder.as_deref());
        let path = path.unwrap_or_default();
        match self.target {
            Target::Mbox => {
                let target = match path {
                    "" => PathBuf::from(MBOX),
                    path => mbox_name(&in_tree(path)),
                };
                self.list(&target, path);
                self.append(item, file, &name, &target, &unique)
            }
            Target::Maildir => {
                let folder = folders.in_maildir(path);
                self.list(&folder, path);
                let target = folder.join("cur").join(maildir::file_name(item, &unique));
                if self.maildir_has(&folder, &target)? {
                    return Ok(Outcome::Present {
                        file: shown(&target),
                    });
                }
                let place = self.out.join(folder).join("tmp");
                self.file(item, file, &place, &target, local)
            }
            _ => {
                let summary = Summary::of(item, file, self.options).map_err(local)?;
                let stem = stem(&summary, &unique);
                let folder = in_tree(path);
                self.list(&folder, path);
                let target = folder.join(format!("{stem}.{}", self.target.extension()));
                if self.out.join(&target).symlink_metadata().is_ok() {
                    return Ok(Outcome::Present {
                        file: shown(&target),
                    });
                }
                let place = self.out.join(folder);
                create(&place)?;
                self.file(item, file, &place, &target, local)
            }
        }
    }

    /// Remembers which folder a directory or file is of.
    fn list(&self, target: &Path, path: &str) {
        if !path.is_empty() {
            let folders = &mut self.state().folders;
            if !folders.contains_key(target) {
                folders.insert(target.to_owned(), path.to_owned());
            }
        }
    }

    /// Writes a file of its own; `place` is the directory in which it is made.
    fn file(
        &self,
        item: &Item,
        file: &mut File,
        place: &Path,
        target: &Path,
        local: impl Fn(io::Error) -> Failure,
    ) -> Result<Outcome, Failure> {
        let mut state = self.state();
        if state.places.insert(place.to_owned()) {
            temporary::remove_orphans(place)?;
        }
        drop(state);
        let mut temporary = Temporary::new(place)?;
        let (source, options): (&mut dyn Source, _) = (file, self.options);
        let written = match self.target {
            Target::Text => plain::write(item, source, &mut temporary.out, options),
            Target::Msg => msg::write(item, source, temporary.file(), options),
            Target::Ics => ics::write(item, source, &mut temporary.out, options),
            Target::Vcf => vcf::write(item, source, &mut temporary.out, options),
            Target::Eml | Target::Mbox | Target::Maildir => {
                eml::write(item, source, &mut temporary.out, options)
            }
        };
        let warnings = match written {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Ok(Outcome::Refused(error.to_string()));
            }
            written => written.map_err(local)?,
        };
        let time = maildir::delivered(item).and_then(|time| u64::try_from(time.unix).ok());
        temporary.publish(&self.out.join(target), time)?;
        Ok(converted(item, warnings, target))
    }

    /// Whether an item is in a Maildir already, with any flags. A Maildir that does not exist is created.
    fn maildir_has(&self, folder: &Path, target: &Path) -> Result<bool, Failure> {
        let mut state = self.state();
        let known = match state.known.get_mut(folder) {
            Some(known) => known,
            None => {
                let known = open_maildir(&self.out.join(folder), folder != Path::new(""))?;
                state.known.entry(folder.to_owned()).or_insert(known)
            }
        };
        Ok(!known.insert(unique_part(target.file_name().unwrap_or_default())))
    }

    fn append(
        &self,
        item: &Item,
        file: &mut File,
        name: &str,
        target: &Path,
        unique: &str,
    ) -> Result<Outcome, Failure> {
        let mut state = self.state();
        let mboxes = state.mboxes.as_mut();
        let warnings = mboxes.map(|it| it.append(target, unique, item, file, name, self.options));
        Ok(match warnings.transpose()?.flatten() {
            Some(warnings) => converted(item, warnings, target),
            None => Outcome::Present {
                file: shown(target),
            },
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the mbox files, and lists the folders.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        if let Some(mboxes) = state.mboxes {
            mboxes.finish()?;
        }
        write_list(self.out, state.folders)
    }
}

fn converted(item: &Item, written: Vec<Warning>, target: &Path) -> Outcome {
    let mut warnings = item.warnings.clone();
    warnings.extend(written);
    Outcome::Converted {
        file: shown(target),
        is_partial: item.is_partial() || warnings.iter().any(|it| it.kind.is_loss()),
        warnings,
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn create(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::local(&shown(folder), &error))
}

/// Creates a Maildir if it does not exist, and returns the unique parts of the names in it.
fn open_maildir(maildir: &Path, is_folder: bool) -> Result<HashSet<String>, Failure> {
    let mut known = HashSet::new();
    for name in ["tmp", "new", "cur"] {
        let folder = maildir.join(name);
        create(&folder)?;
        let local = |error: io::Error| Failure::local(&shown(&folder), &error);
        for entry in fs::read_dir(&folder).map_err(local)? {
            known.insert(unique_part(&entry.map_err(local)?.file_name()));
        }
    }
    if is_folder {
        let mark = maildir.join("maildirfolder");
        File::create(&mark).map_err(|error| Failure::local(&shown(&mark), &error))?;
    }
    Ok(known)
}

/// A name in a Maildir without its flags.
fn unique_part(name: &OsStr) -> String {
    let name = name.to_string_lossy();
    name.split(':').next().unwrap_or_default().to_owned()
}

/// What makes the name of an item's file unique: 16 digits of a hash of its id and its content, or of its content.
fn unique(item: &Item, found: &Found) -> String {
    let mut hash = item.hash();
    let id = found.entry.as_ref().and_then(|entry| entry.id.as_ref());
    if let Some(id) = id {
        let digest = Sha256::digest(format!("{id}\0{hash}"));
        hash.clear();
        for byte in digest.iter().take(8) {
            // Writing to a string does not fail.
            let _ = write!(hash, "{byte:02x}");
        }
    }
    hash.truncate(16);
    hash
}

/// The mbox file of a folder; those of its folders are in a directory of its name.
fn mbox_name(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".mbox");
    folder.with_file_name(name)
}

/// A file name without its extension: the date, the subject and what makes it unique.
fn stem(summary: &Summary, unique: &str) -> String {
    let date = summary.date.map_or_else(|| "no date".into(), Time::date);
    let subject = summary.subject.as_deref().unwrap_or("no subject");
    let mut name = String::new();
    for character in subject.chars() {
        // Names have 255 bytes at most; the date, the hash and the extension need 32.
        if name.len() + character.len_utf8() > 150 {
            break;
        }
        name.push(if is_forbidden(character) {
            '_'
        } else {
            character
        });
    }
    let name = name.trim_matches([' ', '.']);
    format!("{date} {name} [{unique}]")
}
