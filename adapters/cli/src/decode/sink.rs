//! Writes the items of a saved response to an archive, if there is one, and to the output.

use core::fmt::Write as _;

use exportitems::policy::{Attempt, Endpoint, Limits};
use exportitems::{Event, ItemError, Outcome, ResponseItemId, Sink, Summary};
use exportitems_std::{error_chain, Archive, ArchiveError, ArchiveSink, ResponseTexts};
use sha2::{Digest as _, Sha256};

use super::lines::Lines;
use crate::line::{ItemLine, Summarised, SummaryLine};
use crate::output::{say, Format, Output};
use crate::status::Failure;

/// A sink that computes the SHA-256 of each item, archives it if there is an archive, and prints its line.
pub(super) struct DecodeSink<'a> {
    archive: Option<ArchiveSink<'a>>,
    output: &'a mut Output,
    format: Format,
    digest: Sha256,
    item_id: Option<String>,
    change_key: Option<String>,
    texts: ResponseTexts,
    lines: Lines,
    /// Whether an item could not be written.
    disk_failed: bool,
    summary: Option<Summary>,
    attempt: Attempt,
}

impl<'a> DecodeSink<'a> {
    /// `items` is the number of items in the request, if it is known.
    pub(super) fn new(
        items: Option<u32>,
        archive: Option<&'a Archive>,
        output: &'a mut Output,
        format: Format,
    ) -> Self {
        let requested = usize::try_from(items.unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
        Self {
            archive: archive.map(Archive::sink_by_index),
            output,
            format,
            digest: Sha256::new(),
            item_id: None,
            change_key: None,
            texts: ResponseTexts::default(),
            lines: Lines::new(items),
            disk_failed: false,
            summary: None,
            attempt: Endpoint::new(Limits::default()).attempt(requested),
        }
    }

    /// Prints that an item could not be written.
    pub(super) fn failed_to_write(&mut self, why: &str) {
        self.disk_failed = true;
        say(&format!(
            "{why}; the items that are already written are kept; remove the cause, and run the command again"
        ));
    }

    /// Prints the lines that need not wait.
    ///
    /// Fails if the output is closed and there is no archive, because then printing is all that the command does.
    pub(super) fn print_ready(&mut self) -> Result<(), Failure> {
        self.publish(false);
        match (&self.archive, self.output.check()) {
            (None, Err(closed @ Failure::OutputClosed)) => Err(closed),
            _ => Ok(()),
        }
    }

    /// Prints the remaining lines and the summary. Returns the summary, and whether an item could not be written.
    pub(super) fn finish(mut self) -> Result<(Summary, bool), Failure> {
        self.publish(true);
        let mut summary = self
            .summary
            .expect("the decoder reports the end before it stops");
        let (output, format) = (&mut *self.output, self.format);
        let counts = (self.lines).finish(&summary, |line| output.value(line, format));
        summary.ok -= counts.unwritten;
        summary.failed += counts.unwritten;
        summary.suspect = counts.suspect;
        let line = SummaryLine::new(&summary, &mut self.texts);
        self.output
            .value(&Summarised { summary: &line }, self.format);
        self.output.check()?;
        Ok((summary, self.disk_failed))
    }

    /// Prints the lines of items that have become durable. With `wait`, waits for all items.
    fn publish(&mut self, wait: bool) {
        while let Some(sink) = &mut self.archive {
            let archive = sink.archive();
            let published = match wait {
                true => archive.wait_published(),
                false => archive.published(),
            };
            match published {
                Ok(None) => return,
                Ok(Some(entry)) => {
                    if entry.error.as_deref() == Some(ItemError::Write.as_str()) {
                        self.failed_to_write(
                            entry.message.as_deref().unwrap_or("an item is not written"),
                        );
                    }
                    self.lines.written(entry.index, entry.file);
                    self.print();
                }
                Err(error) => {
                    self.failed_to_write(&error_chain(&error));
                    return;
                }
            }
        }
    }

    fn print(&mut self) {
        while let Some(line) = self.lines.next() {
            self.output.value(&line, self.format);
        }
    }

    /// Adds the line of a failed item.
    fn fail(&mut self, outcome: &Outcome) {
        let line = self.line(outcome);
        self.lines.push(line, outcome, false);
        self.print();
    }

    fn line(&mut self, outcome: &Outcome) -> ItemLine {
        let disposition = self.attempt.item(outcome).disposition;
        let mut line = ItemLine::new(outcome, disposition, &self.texts.take(outcome));
        line.item_id = self.item_id.take();
        line.change_key = self.change_key.take();
        line
    }
}

impl Sink for DecodeSink<'_> {
    type Error = ArchiveError;

    fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), ArchiveError> {
        self.item_id = ids.id.value().map(str::to_owned);
        self.change_key = ids.change_key.value().map(str::to_owned);
        self.digest = Sha256::new();
        self.archive
            .as_mut()
            .map_or(Ok(()), |archive| archive.begin(index, ids))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.digest.update(bytes);
        self.archive
            .as_mut()
            .map_or(Ok(()), |archive| archive.write(bytes))
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), ArchiveError> {
        let mut line = self.line(outcome);
        line.sha256 = Some(hex(&self.digest.finalize_reset()));
        let committed = self
            .archive
            .as_mut()
            .map_or(Ok(()), |archive| archive.commit(outcome));
        self.lines.push(line, outcome, self.archive.is_some());
        self.print();
        committed
    }

    fn abort(&mut self, outcome: &Outcome) {
        if let Some(archive) = &mut self.archive {
            archive.abort(outcome);
        }
        self.fail(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        if let Some(archive) = &mut self.archive {
            archive.failed(outcome);
        }
        self.fail(outcome);
    }

    fn note(&mut self, event: &Event<'_>) {
        if let Some(archive) = &mut self.archive {
            archive.note(event);
        }
        if let Event::Fault(fault) = event {
            self.attempt.fault(fault);
        }
        self.texts.note(event);
    }

    fn end(&mut self, summary: &Summary) {
        self.summary = Some(*summary);
    }
}

/// Formats bytes in lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
