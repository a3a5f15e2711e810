//! What an export reports while it runs and when it is over.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap};

use exportitems::ItemId;
use exportitems_std::archive::{Entry, ItemState};
use exportitems_std::{error_chain, Archive, ArchiveError, Progress, Report, ResponseTexts, Stop};

use super::cause::{retry_hint, set_failure, Cause};
use super::ranges::ranges;
use super::reported::Reported;
use crate::bar::Bar;
use crate::interrupt;
use crate::line::{number, Ended, ItemLine, Summarised, SummaryLine};
use crate::output::{say, Format, Output};
use crate::run::{waiting, Detail};
use crate::status::{Failure, Status};
use crate::stored::Added;

/// Prints the progress of a run, and turns its report into an exit status.
///
/// An export continues when its output cannot be written, because its results are the files and the manifest.
pub(super) struct Reporter<'a> {
    items: &'a [ItemId<'a>],
    output: &'a mut Output,
    format: Format,
    detail: Detail,
    bar: Bar,
    /// The texts of the response on each connection.
    texts: BTreeMap<usize, ResponseTexts>,
    server_version: Option<String>,
    /// The summary of the latest response that was not complete.
    incomplete: Option<SummaryLine>,
    /// Whether the latest response was not complete.
    last_incomplete: bool,
    /// The number of bytes after the documents of all responses.
    trailing: u64,
    /// The lines of failed items that the run may request again, by position.
    ///
    /// A line is printed only if the item is not requested again after all.
    pending: BTreeMap<usize, ItemLine>,
    /// The positions of items that failed since the last note about retries, by error.
    retried: BTreeMap<String, Vec<usize>>,
    /// The state that the last line of each item reported, by position.
    reported: Vec<Reported>,
    /// Whether the server has answered for an item, with the item or with an error.
    answered: bool,
    dir: String,
    added: Added,
    _interrupted: interrupt::Guard,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(
        items: &'a [ItemId<'a>],
        archive: &Archive,
        output: &'a mut Output,
        format: Format,
        detail: Detail,
    ) -> Self {
        let done = items.iter().filter(|item| is_done(archive, item)).count();
        let dir = archive.dir().display().to_string();
        if done > 0 && detail != Detail::Quiet {
            let rest = match items.len() - done {
                0 => "nothing is left to do",
                _ => "they are skipped",
            };
            say(&format!(
                "note: {dir} holds {done} of {} items already; {rest}",
                items.len()
            ));
        }
        let bar = Bar::new(items.len() - done, detail);
        let added = Added::new(archive);
        let (new, len, clear) = (added.clone(), items.len(), bar.clearer());
        let interrupted = interrupt::before_exit(move || {
            clear();
            let stored = done + new.stored();
            say(&format!(
                "interrupted: {stored} of {len} items are stored in {dir}; \
                 run the same command again to resume"
            ));
        });
        Self {
            dir: archive.dir().display().to_string(),
            added,
            items,
            output,
            format,
            detail,
            bar,
            texts: BTreeMap::new(),
            server_version: None,
            incomplete: None,
            last_incomplete: false,
            trailing: 0,
            pending: BTreeMap::new(),
            retried: BTreeMap::new(),
            reported: items
                .iter()
                .map(|item| match is_done(archive, item) {
                    true => Reported::Done,
                    false => Reported::Nothing,
                })
                .collect(),
            answered: false,
            _interrupted: interrupted,
        }
    }

    pub(super) fn progress<V>(&mut self, progress: &Progress<'_, V>) {
        interrupt::checkpoint();
        match *progress {
            Progress::Bytes(bytes) => {
                self.print_retried();
                self.bar.add_bytes(bytes);
            }
            Progress::Note { connection, event } => {
                self.print_retried();
                self.texts.entry(connection).or_default().note(event);
            }
            Progress::Answer { connection, answer } => {
                let texts = self.texts.entry(connection).or_default();
                let line = SummaryLine::new(&answer.summary, texts);
                if let Some(version) = texts.server_version() {
                    self.server_version = Some(version.to_owned());
                }
                self.trailing += line.trailing;
                self.last_incomplete = line.response != Ended::COMPLETE;
                if self.last_incomplete {
                    self.incomplete = Some(line);
                }
            }
            Progress::Item {
                position,
                entry,
                again,
                ..
            } => self.item(position, entry, again),
            Progress::FailedBefore {
                position, entry, ..
            } => {
                if self.format == Format::Json {
                    let id = self.items[position].id;
                    let line = ItemLine::of_entry(number(position), id, entry.clone());
                    self.output.value(&line, self.format);
                }
                self.reported[position] = Reported::RefusedBefore;
                self.bar.add_item();
            }
            Progress::Wait { wait, why, failure } => {
                self.print_retried();
                self.bar.wait(wait, why);
                self.warn(&waiting(wait, why, failure));
            }
            _ => {}
        }
    }

    fn item(&mut self, position: usize, entry: &Entry, again: Option<Duration>) {
        let id = self.items[position].id;
        let line = ItemLine::of_entry(number(position), id, entry.clone());
        self.answered |= entry.error.as_deref() != Some("not-answered");
        match again {
            // The same failure may concern all items. Then one line at the end replaces theirs.
            None if !self.answered => drop(self.pending.insert(position, line)),
            None => self.print(position, &line, Reported::by(entry)),
            Some(_) => {
                let what = match (&line.error, &line.code) {
                    (None, _) => "suspect".to_owned(),
                    (Some(error), Some(code)) if code != "NoError" => format!("{error}, {code}"),
                    (Some(error), _) => error.to_string(),
                };
                self.retried.entry(what).or_default().push(position);
                self.pending.insert(position, line);
            }
        }
    }

    /// Ends the report of a run that failed on this machine.
    ///
    /// Prints the outcomes that the manifest holds by now, the last known state of all other items, and the summary.
    pub(super) fn abandon(mut self, archive: Archive, error: &ArchiveError) {
        // Dropping the archive writes the entries that are still queued.
        drop(archive);
        self.retried.clear();
        let positions: HashMap<_, _> = (0..)
            .zip(self.items)
            .map(|(at, item)| (item.id, at))
            .collect();
        let mut unreported = BTreeMap::new();
        self.added.each(|id, entry| {
            if let Some(&position) = positions.get(id) {
                match self.reported[position] == Reported::by(&entry) {
                    true => drop(unreported.remove(&position)),
                    false => drop(unreported.insert(position, entry)),
                }
            }
        });
        for (position, entry) in unreported {
            let (id, state) = (self.items[position].id, Reported::by(&entry));
            let line = ItemLine::of_entry(number(position), id, entry);
            self.print(position, &line, state);
        }
        let missing: Vec<_> = (0..self.items.len())
            .filter(|&position| self.reported[position] != Reported::Done)
            .collect();
        self.print_rest(&missing);
        self.bar.finish();
        let mut summary = self.summary(&missing);
        summary.error = Some(error_chain(error));
        summary.of_run = Some(true);
        let line = Summarised { summary: &summary };
        self.output.value(&line, self.format);
    }

    /// Ends the report of a run: prints the remaining lines and the summary, and returns the exit status.
    /// `ended` is the status, if a signal or the end of the window has ended the run.
    pub(super) fn finish(
        mut self,
        report: &Report,
        ended: Option<Status>,
    ) -> Result<Status, Failure> {
        // The run is over, so no note about retries is due.
        self.retried.clear();
        let is_left = |position: &usize| {
            matches!(
                self.reported[*position],
                Reported::Nothing | Reported::ResponseFailed
            )
        };
        let cause = match (&report.stopped, &report.unusable) {
            (Some(Stop::Failure(failure)), _) => Some(Cause::Failure(failure)),
            (Some(_), _) => Some(Cause::Fault),
            // Items that were requested alone and got no usable response.
            (None, Some(failure)) if report.missing.iter().any(is_left) => {
                Some(Cause::Failure(failure))
            }
            (None, _) => None,
        };
        // One failure concerns all items if no item was answered and the run stopped. It is then reported once.
        let alike = cause.filter(|_| !self.answered && report.stopped.is_some());
        let is_unsent = alike.is_some_and(Cause::is_unsent);
        if alike.is_none() || !is_unsent && self.format == Format::Json {
            self.print_rest(&report.missing);
        }
        self.bar.finish();

        let mut summary = self.summary(&report.missing);
        if let Some(Cause::Failure(failure)) = cause {
            // An incomplete response explains more than a later response that never came.
            if report.stopped.is_some() || summary.response == Ended::COMPLETE {
                set_failure(&mut summary, failure);
            }
        }
        let why = cause.map(|cause| {
            let (what, wait) = match alike {
                Some(_) if is_unsent => ("nothing was requested", retry_hint(report)),
                Some(_) => ("nothing was exported", retry_hint(report)),
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
                "note: the server sent {} response messages that were not requested",
                report.unrequested
            ));
        }
        let ended = ended.filter(|_| report.interrupted);
        if let Some(ended) = ended {
            self.name_stored(report, ended);
        } else if alike.is_none() {
            self.name_missing(report);
        }
        self.output.check()?;
        Ok(match (ended, summary.response) {
            _ if report.missing.is_empty() => Status::Exported,
            (Some(ended), _) => ended,
            (None, Ended::COMPLETE) => Status::ItemsFailed,
            (None, _) => Status::Response,
        })
    }

    /// Prints the lines of missing items that have none yet.
    fn print_rest(&mut self, missing: &[usize]) {
        for &position in missing {
            if let Some(line) = self.pending.remove(&position) {
                let state = match line.suspect {
                    true => Reported::Suspect,
                    false => Reported::ResponseFailed,
                };
                self.print(position, &line, state);
            } else if self.reported[position] == Reported::Nothing {
                let line = ItemLine::not_requested(number(position), self.items[position].id);
                self.print(position, &line, Reported::ResponseFailed);
            }
        }
    }

    /// Prints the line of an item.
    fn print(&mut self, position: usize, line: &ItemLine, state: Reported) {
        self.pending.remove(&position);
        let before = core::mem::replace(&mut self.reported[position], state);
        if before == Reported::Nothing {
            self.bar.add_item();
        }
        // In text, an item that is exported as expected has no line of its own.
        let is_expected = self.format == Format::Text && state == Reported::Done;
        if !is_expected || self.detail == Detail::Everything {
            let (output, format) = (&mut *self.output, self.format);
            self.bar.suspend(|| output.value(line, format));
        }
    }

    /// Prints which failed items are requested again, once the run continues.
    fn print_retried(&mut self) {
        for (what, positions) in core::mem::take(&mut self.retried) {
            self.warn(&format!("{}: {what}; requested again", ranges(&positions)));
        }
    }

    /// Returns the summary of all responses.
    ///
    /// It says `complete`, unless an item is missing because a response was not complete.
    fn summary(&mut self, missing: &[usize]) -> SummaryLine {
        let own = |&position: &usize| {
            matches!(
                self.reported[position],
                Reported::Refused
                    | Reported::RefusedBefore
                    | Reported::Denied
                    | Reported::Permanent
                    | Reported::Failed
                    | Reported::Suspect
            )
        };
        let blamed = !missing.iter().all(own)
            // The last response was to bring the missing items, and it was not complete.
            || !missing.is_empty() && self.last_incomplete;
        let mut line = self
            .incomplete
            .take()
            .filter(|_| blamed)
            .unwrap_or_else(SummaryLine::complete);
        let suspect = self
            .reported
            .iter()
            .filter(|&&state| state == Reported::Suspect);
        line.suspect = number(suspect.count());
        line.items = number(self.items.len());
        line.failed = number(missing.len()) - line.suspect;
        line.ok = line.items - line.failed;
        line.trailing = self.trailing;
        line.server_version = self.server_version.take();
        line
    }

    /// Prints how many items are stored when the run was interrupted, and how to resume it.
    fn name_stored(&self, report: &Report, ended: Status) {
        let why = match ended {
            Status::WindowClosed => "the window has closed",
            _ => "interrupted",
        };
        let stored = self.items.len() - report.missing.len();
        say(&format!(
            "{why}: {stored} of {} items are stored in {}; run the same command again to resume",
            self.items.len(),
            self.dir,
        ));
    }

    /// Prints which items are missing, and how to get them.
    fn name_missing(&mut self, report: &Report) {
        let missing = &report.missing;
        if missing.is_empty() {
            return;
        }
        let wait = retry_hint(report);
        let again = "run the same command again to request ";
        let advice: &[(&[Reported], &str, &str)] = &[
            (
                &[
                    Reported::Failed,
                    Reported::ResponseFailed,
                    Reported::Nothing,
                ],
                again,
                &wait,
            ),
            (
                &[Reported::Suspect],
                "no response confirms ",
                ": look at the payload before you rely on it, or run the same command again",
            ),
            (
                &[Reported::Denied],
                "once the account has the rights, run the same command again to request ",
                "",
            ),
            (&[Reported::Refused], "the server refuses ", " permanently"),
            (
                &[Reported::RefusedBefore],
                "the server refused ",
                " permanently in an earlier run; --retry-failed repeats the request",
            ),
            (&[Reported::Permanent], "another run does not help for ", ""),
        ];
        let mut text = format!("missing: {}", ranges(missing));
        for (states, before, after) in advice {
            let positions = missing.iter().copied();
            let positions: Vec<_> = positions
                .filter(|&position| states.contains(&self.reported[position]))
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
        if self.detail != Detail::Quiet {
            self.bar.suspend(|| say(text));
        }
    }
}

fn is_done(archive: &Archive, item: &ItemId<'_>) -> bool {
    archive.state(item) == ItemState::Done
}
