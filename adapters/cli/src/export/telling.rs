//! What an export tells while it runs and when it is over.

use core::time::Duration;
use std::collections::BTreeMap;

use exportitems::{ItemId, Response};
use exportitems_std::archive::Entry;
use exportitems_std::{Archive, ClientError, Progress, Report, ResponseTexts, Stop};

use crate::advice;
use crate::bar::Bar;
use crate::line::{number, ItemLine, Summarised, SummaryLine};
use crate::output::{say, Format, Output};
use crate::status::{Failure, Status};

/// Most positions that a line for a person names.
const MOST_NAMED: usize = 20;

/// Turns the progress of a run into lines, and its report into an exit status.
///
/// A closed output does not end an export: the files and the manifest are what it is for.
pub(super) struct Telling<'a> {
    items: &'a [ItemId<'a>],
    output: &'a mut Output,
    format: Format,
    bar: Bar,
    texts: ResponseTexts,
    /// The last response that was not complete.
    broken: Option<SummaryLine>,
    /// Items that are asked for again, by position: their last line, in case they are not.
    again: BTreeMap<usize, ItemLine>,
    /// What the last line of an item said, by position.
    told: Vec<Told>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// No line yet.
    Nothing,
    /// It is exported, or failed for a reason of its own.
    Settled,
    /// It is exported, but the server truncated the response behind it.
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
        if done > 0 {
            say(&format!(
                "note: {} holds {done} of {} items already; they are skipped",
                archive.dir().display(),
                items.len()
            ));
        }
        Self {
            items,
            output,
            format,
            bar: Bar::new(items.len() - done),
            texts: ResponseTexts::default(),
            broken: None,
            again: BTreeMap::new(),
            told: vec![Told::Nothing; items.len()],
        }
    }

    pub(super) fn hear(&mut self, progress: &Progress<'_>) {
        match *progress {
            Progress::Bytes(bytes) => self.bar.add_bytes(bytes),
            Progress::Note(event) => self.texts.note(event),
            Progress::Answer(answer) => {
                let line = SummaryLine::new(&answer.summary, &mut self.texts);
                if line.response != Response::Complete {
                    self.broken = Some(line);
                }
            }
            Progress::Item {
                position,
                entry,
                again,
            } => {
                let id = self.items[position].id;
                let line = ItemLine::of_entry(number(position), id, entry.clone());
                match again {
                    None => self.tell(position, &line, told(entry)),
                    Some(wait) => {
                        let error = line.error.as_deref().unwrap_or("suspect");
                        let wait = seconds(wait);
                        self.warn(&format!(
                            "item {position}: {error}; asked for again in {wait}"
                        ));
                        self.again.insert(position, line);
                    }
                }
            }
            Progress::Wait { wait, failure } => {
                let why = failure.map_or(String::new(), |failure| format!(": {failure}"));
                self.warn(&format!("waiting {}{why}", seconds(wait)));
            }
            _ => {}
        }
    }

    /// The run failed on this side.
    pub(super) fn abandon(&self) {
        self.bar.finish();
    }

    /// Prints what has not been told, and the summary.
    pub(super) fn finish(mut self, report: &Report) -> Result<Status, Failure> {
        for &position in &report.missing {
            if let Some(line) = self.again.remove(&position) {
                self.tell(position, &line, Told::WithResponse);
            } else if self.told[position] == Told::Nothing {
                let line = ItemLine::not_asked(number(position), self.items[position].id);
                self.tell(position, &line, Told::WithResponse);
            }
        }
        self.bar.finish();
        let summary = self.summary(report);
        self.output
            .value(&Summarised { summary: &summary }, self.format);
        self.name_missing(&report.missing);
        if let Some(Stop::Failure(failure)) = &report.stopped {
            let advice = advice::of_failure(failure).map_or(String::new(), |it| format!("; {it}"));
            say(&format!("{failure}{advice}"));
        }
        self.output.check()?;
        Ok(match summary.response {
            _ if report.missing.is_empty() => Status::Exported,
            Response::Complete => Status::ItemsFailed,
            _ => Status::Response,
        })
    }

    fn tell(&mut self, position: usize, line: &ItemLine, told: Told) {
        self.again.remove(&position);
        if core::mem::replace(&mut self.told[position], told) == Told::Nothing {
            self.bar.add_item();
        }
        let (output, format) = (&mut *self.output, self.format);
        self.bar.suspend(|| output.value(line, format));
    }

    /// The summary of all responses: complete, unless one that was not is why an item is missing.
    fn summary(&mut self, report: &Report) -> SummaryLine {
        let blame = |&&position: &&usize| self.told[position] != Told::Settled;
        let blamed = report.missing.iter().find(blame).is_some();
        let mut line = self
            .broken
            .take()
            .filter(|_| blamed)
            .unwrap_or_else(SummaryLine::complete);
        if let Some(Stop::Failure(failure)) = &report.stopped {
            stopped(&mut line, failure);
        }
        let suspect = self.told.iter().filter(|&&told| told == Told::Suspect);
        line.suspect = number(suspect.count());
        line.items = number(self.items.len());
        line.failed = number(report.missing.len()) - line.suspect;
        line.ok = line.items - line.failed;
        line.server_version = self.texts.server_version().map(str::to_owned);
        line
    }

    fn name_missing(&mut self, missing: &[usize]) {
        if missing.is_empty() {
            return;
        }
        let named: Vec<_> = (missing.iter().take(MOST_NAMED))
            .map(ToString::to_string)
            .collect();
        let more = match missing.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let text = format!(
            "missing: item {}{more}; run the same command again for what may succeed later",
            named.join(", ")
        );
        match self.format {
            Format::Text => self.output.line(&text),
            Format::Json => say(&text),
        }
    }

    fn warn(&self, text: &str) {
        if self.format == Format::Text {
            self.bar.suspend(|| say(text));
        }
    }
}

fn told(entry: &Entry) -> Told {
    match entry.error.as_deref() {
        None if entry.suspect => Told::Suspect,
        Some("cut" | "malformed" | "not-answered" | "truncated") => Told::WithResponse,
        _ => Told::Settled,
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
            Response::NotSoap
        }
        _ => Response::Cut,
    };
    line.disposition = Some(failure.disposition().as_str());
    line.error = Some(failure.to_string());
    line.advice = Some(advice::of_failure(failure).unwrap_or_default());
}

/// A wait in whole seconds, for a person.
fn seconds(wait: Duration) -> String {
    format!("{} s", wait.as_secs_f32().ceil())
}
