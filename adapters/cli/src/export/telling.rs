//! What an export reports while it runs and when it is over.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use exportitems::policy::Disposition;
use exportitems::{ItemError, ItemId, Response};
use exportitems_std::archive::Entry;
use exportitems_std::client::{Phase, TransportError};
use exportitems_std::{Archive, ArchiveError, ClientError, Progress, Report, ResponseTexts, Stop};

use super::ranges::ranges;
use crate::advice;
use crate::bar::Bar;
use crate::interrupt;
use crate::line::{number, Ended, ItemLine, Summarised, SummaryLine};
use crate::output::{say, Format, Output};
use crate::status::{Failure, Status};

/// Turns the progress of a run into lines, and its report into an exit status.
///
/// An output that fails does not end an export: the files and the manifest are what it is for.
pub(super) struct Telling<'a> {
    items: &'a [ItemId<'a>],
    output: &'a mut Output,
    format: Format,
    bar: Bar,
    texts: ResponseTexts,
    /// The last response that was not complete.
    broken: Option<SummaryLine>,
    /// Whether it was the last of all responses.
    broken_last: bool,
    /// Bytes after the documents of all responses.
    trailing: u64,
    /// Items that are requested again, by position: their last line, in case they are not.
    again: BTreeMap<usize, ItemLine>,
    /// Failures since the last report of any, by what happened: the positions.
    retried: BTreeMap<String, Vec<usize>>,
    /// What the last line of an item said, by position.
    told: Vec<Told>,
    /// The server has dealt with an item, well or not.
    answered: bool,
    manifest: PathBuf,
    /// Its length when the run began.
    manifest_len: u64,
    _interrupted: interrupt::Guard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// No line yet.
    Nothing,
    /// The archive holds it.
    Done,
    /// The server refuses it for good.
    Refused,
    /// The server denies access to it.
    Denied,
    /// It failed for another reason that another request does not change.
    Permanent,
    /// It failed for a reason of its own; another attempt may succeed.
    Failed,
    /// It is there, but no response has confirmed it.
    Suspect,
    /// It failed because the response did.
    WithResponse,
}

impl<'a> Telling<'a> {
    pub(super) fn new(
        items: &'a [ItemId<'a>],
        archive: &Archive,
        output: &'a mut Output,
        format: Format,
    ) -> Self {
        let done = items.iter().filter(|item| archive.is_done(item.id)).count();
        let dir = archive.dir().display().to_string();
        if done > 0 {
            let rest = match items.len() - done {
                0 => "nothing is left to do",
                _ => "they are skipped",
            };
            say(&format!(
                "note: {dir} holds {done} of {} items already; {rest}",
                items.len()
            ));
        }
        let bar = Bar::new(items.len() - done);
        let manifest = archive.dir().join("manifest.jsonl");
        let manifest_len = fs::metadata(&manifest).map_or(0, |found| found.len());
        let (path, len, clear) = (manifest.clone(), items.len(), bar.clearer());
        let interrupted = interrupt::before_exit(move || {
            clear();
            let mut new = HashSet::new();
            entries_since(&path, manifest_len, |id, entry| {
                match entry.is_done() {
                    true => new.insert(id.to_owned()),
                    false => new.remove(id),
                };
            });
            let stored = done + new.len();
            say(&format!(
                "interrupted: {stored} of {len} items are stored in {dir}; \
                 run the same command again to resume"
            ));
        });
        Self {
            manifest,
            manifest_len,
            items,
            output,
            format,
            bar,
            texts: ResponseTexts::default(),
            broken: None,
            broken_last: false,
            trailing: 0,
            again: BTreeMap::new(),
            retried: BTreeMap::new(),
            told: items
                .iter()
                .map(|item| match archive.is_done(item.id) {
                    true => Told::Done,
                    false => Told::Nothing,
                })
                .collect(),
            answered: false,
            _interrupted: interrupted,
        }
    }

    pub(super) fn hear(&mut self, progress: &Progress<'_>) {
        interrupt::checkpoint();
        match *progress {
            Progress::Bytes(bytes) => {
                self.tell_retried();
                self.bar.add_bytes(bytes);
            }
            Progress::Note(event) => {
                self.tell_retried();
                self.texts.note(event);
            }
            Progress::Answer(answer) => {
                let line = SummaryLine::new(&answer.summary, &mut self.texts);
                self.trailing += line.trailing;
                self.broken_last = line.response != Ended::COMPLETE;
                if self.broken_last {
                    self.broken = Some(line);
                }
            }
            Progress::Item {
                position,
                entry,
                again,
            } => self.item(position, entry, again),
            Progress::FailedBefore { position, entry } => match self.format {
                Format::Json => self.item(position, entry, None),
                Format::Text => self.told[position] = told(entry),
            },
            Progress::Wait { wait, failure } => {
                self.tell_retried();
                let why = failure.map_or(String::new(), |failure| format!(": {failure}"));
                self.warn(&format!("waiting {}{why}", seconds(wait)));
            }
            _ => {}
        }
    }

    fn item(&mut self, position: usize, entry: &Entry, again: Option<Duration>) {
        let id = self.items[position].id;
        let line = ItemLine::of_entry(number(position), id, entry.clone());
        self.answered |= entry.error.as_deref() != Some("not-answered");
        match again {
            // Perhaps one failure concerns all of the items alike.
            None if !self.answered => drop(self.again.insert(position, line)),
            None => self.tell(position, &line, told(entry)),
            Some(_) => {
                let what = match (&line.error, &line.code) {
                    (None, _) => "suspect".to_owned(),
                    (Some(error), Some(code)) if code != "NoError" => format!("{error}, {code}"),
                    (Some(error), _) => error.to_string(),
                };
                self.retried.entry(what).or_default().push(position);
                self.again.insert(position, line);
            }
        }
    }

    /// The run failed on this side: prints what the manifest holds of the items by now, what is known of the
    /// others, and the summary.
    pub(super) fn abandon(mut self, archive: Archive, error: &ArchiveError) {
        // It first writes what is queued.
        drop(archive);
        self.retried.clear();
        let positions: HashMap<_, _> = (0..)
            .zip(self.items)
            .map(|(at, item)| (item.id, at))
            .collect();
        let mut untold = BTreeMap::new();
        entries_since(&self.manifest, self.manifest_len, |id, entry| {
            if let Some(&position) = positions.get(id) {
                match self.told[position] == told(&entry) {
                    true => drop(untold.remove(&position)),
                    false => drop(untold.insert(position, entry)),
                }
            }
        });
        for (position, entry) in untold {
            let (id, told) = (self.items[position].id, told(&entry));
            let line = ItemLine::of_entry(number(position), id, entry);
            self.tell(position, &line, told);
        }
        let missing: Vec<_> = (0..self.items.len())
            .filter(|&position| self.told[position] != Told::Done)
            .collect();
        self.tell_rest(&missing);
        self.bar.finish();
        let mut summary = self.summary(&missing);
        summary.error = Some(error.to_string());
        summary.of_run = Some(true);
        let line = Summarised { summary: &summary };
        self.output.value(&line, self.format);
    }

    /// Prints what has not been told, and the summary.
    pub(super) fn finish(mut self, report: &Report) -> Result<Status, Failure> {
        // They are not requested again any more.
        self.retried.clear();
        // One failure may concern all of the items alike.
        let alike = report.stopped.as_ref().filter(|_| !self.answered);
        let is_unsent = alike.is_some_and(is_unsent);
        if alike.is_none() || !is_unsent && self.format == Format::Json {
            self.tell_rest(&report.missing);
        }
        self.bar.finish();

        let mut summary = self.summary(&report.missing);
        // An item that was requested alone, and has no usable response.
        let is_left = |&position: &usize| self.told[position] == Told::WithResponse;
        let unusable = report
            .unusable
            .as_ref()
            .filter(|_| summary.response == Ended::COMPLETE && report.missing.iter().any(is_left));
        let failure = match &report.stopped {
            Some(Stop::Failure(failure)) => Some(failure),
            _ => unusable,
        };
        if let Some(failure) = failure {
            stopped(&mut summary, failure);
        }
        let why = report.stopped.as_ref().map(|stop| {
            let what = match alike {
                Some(_) if is_unsent => "nothing was requested",
                Some(_) => "nothing was exported",
                None => "the export ended early",
            };
            format!("{what}: {}", reason(stop, &summary, alike.is_some()))
        });
        if alike.is_none() || self.format == Format::Json {
            summary.of_run = Some(why.is_some());
            let line = Summarised { summary: &summary };
            self.output.value(&line, self.format);
        }
        if let Some(why) = why {
            say(&why);
        }
        if alike.is_none() {
            self.name_missing(&report.missing);
        }
        if !report.failed_before.is_empty() {
            let known = ranges(&report.failed_before);
            say(&format!(
                "not requested, since the server refused it for good in an earlier run: {known}; \
                 --retry-failed requests it again"
            ));
        }
        self.output.check()?;
        Ok(match summary.response {
            _ if report.missing.is_empty() => Status::Exported,
            Ended::COMPLETE => Status::ItemsFailed,
            _ => Status::Response,
        })
    }

    fn tell_rest(&mut self, missing: &[usize]) {
        for &position in missing {
            if let Some(line) = self.again.remove(&position) {
                let told = match line.suspect {
                    true => Told::Suspect,
                    false => Told::WithResponse,
                };
                self.tell(position, &line, told);
            } else if self.told[position] == Told::Nothing {
                let line = ItemLine::not_asked(number(position), self.items[position].id);
                self.tell(position, &line, Told::WithResponse);
            }
        }
    }

    fn tell(&mut self, position: usize, line: &ItemLine, told: Told) {
        self.again.remove(&position);
        let before = core::mem::replace(&mut self.told[position], told);
        if before == Told::Nothing {
            self.bar.add_item();
        }
        let (output, format) = (&mut *self.output, self.format);
        self.bar.suspend(|| output.value(line, format));
    }

    /// The run continues: items that failed are requested again.
    fn tell_retried(&mut self) {
        for (what, positions) in core::mem::take(&mut self.retried) {
            self.warn(&format!("{}: {what}; requested again", ranges(&positions)));
        }
    }

    /// The summary of all responses: complete, unless one that was not is why an item is missing.
    fn summary(&mut self, missing: &[usize]) -> SummaryLine {
        let own = |&position: &usize| {
            matches!(
                self.told[position],
                Told::Refused | Told::Denied | Told::Permanent | Told::Failed | Told::Suspect
            )
        };
        let blamed = !missing.iter().all(own)
            // Something is left, and no usable response says what becomes of it.
            || !missing.is_empty() && self.broken_last;
        let mut line = self
            .broken
            .take()
            .filter(|_| blamed)
            .unwrap_or_else(SummaryLine::complete);
        let suspect = self.told.iter().filter(|&&told| told == Told::Suspect);
        line.suspect = number(suspect.count());
        line.items = number(self.items.len());
        line.failed = number(missing.len()) - line.suspect;
        line.ok = line.items - line.failed;
        line.trailing = self.trailing;
        line.server_version = self.texts.server_version().map(str::to_owned);
        line
    }

    /// Names what is missing, and says what can bring it.
    fn name_missing(&mut self, missing: &[usize]) {
        if missing.is_empty() {
            return;
        }
        let of = |wanted: &[Told]| -> Vec<usize> {
            let positions = missing.iter().copied();
            positions
                .filter(|&position| wanted.contains(&self.told[position]))
                .collect()
        };
        let mut text = format!("missing: {}", ranges(missing));
        let advice: &[(&[Told], &str, &str)] = &[
            (
                &[
                    Told::Failed,
                    Told::Suspect,
                    Told::WithResponse,
                    Told::Nothing,
                ],
                "; run the same command again to request ",
                "",
            ),
            (
                &[Told::Denied],
                "; once the account has the rights, run the same command again to request ",
                "",
            ),
            (&[Told::Refused], "; the server refuses ", " for good"),
            (&[Told::Permanent], "; another run does not help for ", ""),
        ];
        for (told, before, after) in advice {
            let positions = of(told);
            if positions.len() == missing.len() {
                let pronoun = if missing.len() == 1 { "it" } else { "them" };
                text += &[before, pronoun, after].concat();
            } else if !positions.is_empty() {
                text += &[before, &*ranges(&positions), after].concat();
            }
        }
        match self.format {
            Format::Text => self.output.line(&text),
            Format::Json => say(&text),
        }
    }

    fn warn(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }
}

/// Reads the entries after this offset of a manifest, with their ids.
///
/// That may be more than a run has reported: it reports an outcome when the next bytes arrive, and a disk that
/// gets full takes a part of the lines.
fn entries_since(manifest: &Path, offset: u64, mut entry: impl FnMut(&str, Entry)) {
    let Ok(mut file) = File::open(manifest) else {
        return;
    };
    if file.seek(SeekFrom::Start(offset)).is_err() {
        return;
    }
    for line in BufReader::new(file).lines().map_while(Result::ok) {
        if let Ok(mut read) = serde_json::from_str::<Entry>(&line) {
            if let Some(id) = read.id.take() {
                entry(&id, read);
            }
        }
    }
}

fn told(entry: &Entry) -> Told {
    let refused = entry.error.as_deref() == Some(ItemError::Refused.as_str());
    let disposition = entry.disposition.as_deref();
    match entry.error.as_deref() {
        _ if entry.is_done() => Told::Done,
        _ if entry.suspect => Told::Suspect,
        Some("cut" | "malformed" | "not-answered" | "truncated") => Told::WithResponse,
        _ if disposition == Some(Disposition::Auth.as_str()) => Told::Denied,
        _ if disposition != Some(Disposition::Permanent.as_str()) => Told::Failed,
        _ if refused => Told::Refused,
        _ => Told::Permanent,
    }
}

/// Whether no byte of a request was sent.
const fn is_unsent(stop: &Stop) -> bool {
    matches!(
        stop,
        Stop::Failure(ClientError::Transport(
            TransportError::Resolve { .. }
                | TransportError::Connect { .. }
                | TransportError::Tls { .. }
                | TransportError::Timeout {
                    phase: Phase::Connect | Phase::Handshake,
                    ..
                }
        ))
    )
}

/// Why a run ended early, and what to do; `alone` where no other line says that.
fn reason(stop: &Stop, summary: &SummaryLine, alone: bool) -> String {
    match stop {
        // The line of what is missing says what to do.
        Stop::Failure(failure @ ClientError::Response(_)) if !alone => failure.to_string(),
        Stop::Failure(failure) => {
            let advice = advice::of_failure(failure).map_or(String::new(), |it| format!("; {it}"));
            format!("{failure}{advice}")
        }
        _ => {
            let code = summary.code.as_deref().unwrap_or("a fault without a code");
            let message = summary.message.as_ref();
            let message = message.map_or(String::new(), |message| format!(": {message:?}"));
            let wait = summary.back_off_ms.map_or(String::new(), |wait| {
                format!(
                    "; the server asks to wait {}",
                    seconds(Duration::from_millis(wait.into()))
                )
            });
            format!("the server answers {code}{message}{wait}")
        }
    }
}

/// The run ended because nothing came that could be used.
fn stopped(line: &mut SummaryLine, failure: &ClientError) {
    line.response = match failure {
        // The summary of that response says more.
        ClientError::Response(_) => return,
        ClientError::Status(error) => {
            let milliseconds = error.retry_after.map(|wait| wait.as_millis());
            line.back_off_ms = milliseconds.map(|wait| u32::try_from(wait).unwrap_or(u32::MAX));
            Ended::As(Response::NotSoap)
        }
        _ => Ended::None,
    };
    line.disposition = Some(failure.disposition().as_str());
    line.error = Some(failure.to_string());
}

/// A wait in whole seconds, for a person.
fn seconds(wait: Duration) -> String {
    format!("{} s", wait.as_secs_f32().ceil())
}
