//! What an export reports while it runs and when it is over.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use exportitems::policy::Disposition;
use exportitems::{ItemError, ItemId, ResponseOutcome};
use exportitems_std::archive::{Entry, ItemState};
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
    /// The server refused it for good in an earlier run.
    Before,
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
        let done = items.iter().filter(|item| is_done(archive, item)).count();
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
                .map(|item| match is_done(archive, item) {
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
            Progress::FailedBefore { position, entry } => {
                if self.format == Format::Json {
                    let id = self.items[position].id;
                    let line = ItemLine::of_entry(number(position), id, entry.clone());
                    self.output.value(&line, self.format);
                }
                self.told[position] = Told::Before;
                self.bar.add_item();
            }
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
        let is_left =
            |position: &usize| matches!(self.told[*position], Told::Nothing | Told::WithResponse);
        let cause = match (&report.stopped, &report.unusable) {
            (Some(Stop::Failure(failure)), _) => Some(Cause::Failure(failure)),
            (Some(_), _) => Some(Cause::Fault),
            // Items that were requested alone, and have no usable response.
            (None, Some(failure)) if report.missing.iter().any(is_left) => {
                Some(Cause::Failure(failure))
            }
            (None, _) => None,
        };
        // One failure may concern all of the items alike; not where each of them was tried alone.
        let alike = cause.filter(|_| !self.answered && report.stopped.is_some());
        let is_unsent = alike.is_some_and(Cause::is_unsent);
        if alike.is_none() || !is_unsent && self.format == Format::Json {
            self.tell_rest(&report.missing);
        }
        self.bar.finish();

        let mut summary = self.summary(&report.missing);
        if let Some(Cause::Failure(failure)) = cause {
            // What a response said counts for more than that another one did not come.
            if report.stopped.is_some() || summary.response == Ended::COMPLETE {
                stopped(&mut summary, failure);
            }
        }
        let why = cause.map(|cause| {
            let (what, wait) = match alike {
                Some(_) if is_unsent => ("nothing was requested", patience(report)),
                Some(_) => ("nothing was exported", patience(report)),
                None if report.stopped.is_some() => ("the export ended early", String::new()),
                None => ("the last failure", String::new()),
            };
            format!(
                "{what}: {}{wait}",
                cause.described(&summary, alike.is_some())
            )
        });
        if alike.is_none() || self.format == Format::Json {
            summary.of_run = Some(why.is_some());
            let line = Summarised { summary: &summary };
            self.output.value(&line, self.format);
        }
        if let Some(why) = why {
            say(&why);
        }
        if report.unrequested > 0 {
            say(&format!(
                "note: the server sent {} messages that were not requested",
                report.unrequested
            ));
        }
        if alike.is_none() {
            self.name_missing(report);
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
                Told::Refused
                    | Told::Before
                    | Told::Denied
                    | Told::Permanent
                    | Told::Failed
                    | Told::Suspect
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
    fn name_missing(&mut self, report: &Report) {
        let missing = &report.missing;
        if missing.is_empty() {
            return;
        }
        let wait = patience(report);
        let again = "run the same command again to request ";
        let advice: &[(&[Told], &str, &str)] = &[
            (
                &[Told::Failed, Told::WithResponse, Told::Nothing],
                again,
                &wait,
            ),
            (
                &[Told::Suspect],
                "no response confirms ",
                ": look at the payload before you rely on it, or run the same command again",
            ),
            (
                &[Told::Denied],
                "once the account has the rights, run the same command again to request ",
                "",
            ),
            (&[Told::Refused], "the server refuses ", " for good"),
            (
                &[Told::Before],
                "the server refused ",
                " for good in an earlier run, and --retry-failed requests that again",
            ),
            (&[Told::Permanent], "another run does not help for ", ""),
        ];
        let mut text = format!("missing: {}", ranges(missing));
        for (told, before, after) in advice {
            let positions = missing.iter().copied();
            let positions: Vec<_> = positions
                .filter(|&position| told.contains(&self.told[position]))
                .collect();
            let pronoun = if missing.len() == 1 { "it" } else { "them" };
            if positions.len() == missing.len() {
                text += &["; ", before, pronoun, after].concat();
            } else if !positions.is_empty() {
                text += &["; ", before, &*ranges(&positions), after].concat();
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

fn is_done(archive: &Archive, item: &ItemId<'_>) -> bool {
    archive.state(item) == ItemState::Done
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

/// Why items are missing that have no answer.
#[derive(Clone, Copy)]
enum Cause<'r> {
    Failure(&'r ClientError),
    /// The summary has its code.
    Fault,
}

impl Cause<'_> {
    /// Whether no byte of a request was sent.
    const fn is_unsent(self) -> bool {
        matches!(
            self,
            Self::Failure(ClientError::Transport(
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

    /// What happened, and what to do; `alone` where no other line says that.
    fn described(self, summary: &SummaryLine, alone: bool) -> String {
        match self {
            // The line of what is missing says what to do.
            Self::Failure(failure @ ClientError::Response(_)) if !alone => failure.to_string(),
            Self::Failure(failure) => {
                let advice = advice::of_failure(failure);
                format!(
                    "{failure}{}",
                    advice.map_or(String::new(), |it| format!("; {it}"))
                )
            }
            Self::Fault => {
                let code = summary.code.as_deref().unwrap_or("a fault without a code");
                let message = summary.message.as_ref();
                let message = message.map_or(String::new(), |message| format!(": {message:?}"));
                let wait = summary.back_off_ms.map_or(String::new(), |wait| {
                    let wait = seconds(Duration::from_millis(wait.into()));
                    format!("; it asks to wait {wait}")
                });
                format!("the server answers {code}{message}{wait}")
            }
        }
    }
}

/// The wait that would have brought more, if there is one.
fn patience(report: &Report) -> String {
    report.needed_patience.map_or(String::new(), |needed| {
        let seconds = needed.as_secs().saturating_add(1);
        format!("; a run with --retry-for {seconds} waits for that")
    })
}

/// The run ended because nothing came that could be used.
fn stopped(line: &mut SummaryLine, failure: &ClientError) {
    line.response = match failure {
        // The summary of that response says more.
        ClientError::Response(_) => return,
        ClientError::Status(error) => {
            let milliseconds = error.retry_after.map(|wait| wait.as_millis());
            line.back_off_ms = milliseconds.map(|wait| u32::try_from(wait).unwrap_or(u32::MAX));
            Ended::As(ResponseOutcome::NotSoap)
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
