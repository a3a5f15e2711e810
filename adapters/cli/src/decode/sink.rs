//! Where the items of a saved response go: to an archive if there is one, and to the output.

use core::fmt::Write as _;
use std::collections::VecDeque;

use exportitems::policy::{Endpoint, Exchange, Limits};
use exportitems::{Event, ItemIds, Outcome, Sink, Summary};
use exportitems_std::{Archive, ArchiveError, ArchiveSink, ResponseTexts};
use sha2::{Digest as _, Sha256};

use crate::line::{ItemLine, ItemStatus, Summarised, SummaryLine};
use crate::output::{say, Format, Output};
use crate::status::Failure;

/// Digests items, archives them if it was told to, and prints a line for each.
///
/// INVARIANT: with an archive, `pending` holds, in order, the lines of outcomes that have not become
/// durable, or could not be handed over; without one it is empty.
pub(super) struct DecodeSink<'a> {
    archive: Option<ArchiveSink<'a>>,
    output: &'a mut Output,
    format: Format,
    digest: Sha256,
    item_id: Option<String>,
    change_key: Option<String>,
    texts: ResponseTexts,
    pending: VecDeque<ItemLine>,
    /// The disk failed; what is pending will not become durable.
    disk_failed: bool,
    summary: Option<Summary>,
    exchange: Exchange,
}

impl<'a> DecodeSink<'a> {
    /// `items`: how many were asked for.
    pub(super) fn new(
        items: usize,
        archive: Option<&'a mut Archive>,
        output: &'a mut Output,
        format: Format,
    ) -> Self {
        Self {
            archive: archive.map(Archive::sink_by_index),
            output,
            format,
            digest: Sha256::new(),
            item_id: None,
            change_key: None,
            texts: ResponseTexts::default(),
            pending: VecDeque::new(),
            disk_failed: false,
            summary: None,
            exchange: Endpoint::new(Limits::default()).exchange(items),
        }
    }

    /// Says that an item could not be written.
    pub(super) fn failed_to_write(&mut self, error: &ArchiveError) {
        self.disk_failed = true;
        say(&format!(
            "{error}; what is written so far stays; mend that, and decode into another directory"
        ));
    }

    /// Prints the lines of items that are decided. Fails where nothing is left to do but to print.
    pub(super) fn print_ready(&mut self) -> Result<(), Failure> {
        self.publish(false);
        match (&self.archive, self.output.check()) {
            (None, Err(closed @ Failure::OutputClosed)) => Err(closed),
            _ => Ok(()),
        }
    }

    /// Prints what is left and the summary. Returns that, and whether the disk failed.
    pub(super) fn finish(mut self) -> Result<(Summary, bool), Failure> {
        self.publish(true);
        let mut summary = self
            .summary
            .expect("the decoder tells the end before it stops");
        for mut line in core::mem::take(&mut self.pending) {
            if line.status == ItemStatus::Ok {
                line.fail_write();
                summary.ok -= 1;
                summary.failed += 1;
            }
            self.output.value(&line, self.format);
        }
        let line = SummaryLine::new(&summary, &mut self.texts);
        self.output
            .value(&Summarised { summary: &line }, self.format);
        self.output.check()?;
        Ok((summary, self.disk_failed))
    }

    /// Prints the lines of items that have become durable; all of them with `wait`.
    fn publish(&mut self, wait: bool) {
        let Some(sink) = &mut self.archive else {
            return;
        };
        let archive = sink.archive();
        loop {
            let published = match wait {
                true => archive.wait_published(),
                false => archive.published(),
            };
            match published {
                Ok(None) => return,
                Ok(Some(entry)) => {
                    // Those ahead of it could not be handed over.
                    while let Some(mut line) = self.pending.pop_front() {
                        let durable = line.index == entry.index;
                        line.file = entry.file.clone().filter(|_| durable);
                        self.output.value(&line, self.format);
                        if durable {
                            break;
                        }
                    }
                }
                Err(error) => {
                    self.failed_to_write(&error);
                    return;
                }
            }
        }
    }

    /// An item's story is over.
    fn tell(&mut self, line: ItemLine) {
        match self.archive {
            Some(_) => self.pending.push_back(line),
            None => self.output.value(&line, self.format),
        }
    }

    fn line(&mut self, outcome: &Outcome) -> ItemLine {
        let disposition = self.exchange.item(outcome).disposition;
        let mut line = ItemLine::new(outcome, disposition, &self.texts.take(outcome));
        line.item_id = self.item_id.take();
        line.change_key = self.change_key.take();
        line
    }
}

impl Sink for DecodeSink<'_> {
    type Error = ArchiveError;

    fn begin(&mut self, index: u32, ids: ItemIds<'_>) -> Result<(), ArchiveError> {
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
        if committed.is_err() {
            line.fail_write();
        }
        self.tell(line);
        committed
    }

    fn abort(&mut self, outcome: &Outcome) {
        if let Some(archive) = &mut self.archive {
            archive.abort(outcome);
        }
        let line = self.line(outcome);
        self.tell(line);
    }

    fn failed(&mut self, outcome: &Outcome) {
        if let Some(archive) = &mut self.archive {
            archive.failed(outcome);
        }
        let line = self.line(outcome);
        self.tell(line);
    }

    fn note(&mut self, event: &Event<'_>) {
        if let Some(archive) = &mut self.archive {
            archive.note(event);
        }
        if let Event::Fault(fault) = event {
            self.exchange.fault(fault);
        }
        self.texts.note(event);
    }

    fn end(&mut self, summary: &Summary) {
        self.summary = Some(*summary);
    }
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
