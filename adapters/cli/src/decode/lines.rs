//! The order and the time in which the lines of items are printed.

use std::collections::VecDeque;

use exportitems::policy::Advice;
use exportitems::{Outcome, Summary, Verdict};

use crate::line::ItemLine;

/// The most lines that are held, in addition to one for each requested item.
const MOST_HELD: usize = 16 * 1024;

/// Lines that are not printed yet.
///
/// The line of a committed item waits until its file is durable, and until the end of the response confirms the
/// item.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// INVARIANT: the positions ascend.
    queue: VecDeque<Held>,
    /// The number of items in the request, if it is known. If the response has another number of messages, its
    /// end confirms no item.
    requested: Option<u32>,
    /// The number of items that were reported as suspect before the end of the response.
    suspect: u32,
}

#[derive(Debug)]
struct Held {
    line: ItemLine,
    /// The outcome of a committed item; `None` for a failed item.
    outcome: Option<Outcome>,
    /// Whether the file is not durable yet.
    waits_for_file: bool,
    /// Whether the end of the response must confirm the item.
    waits_for_end: bool,
}

/// The items that did not turn out as their outcomes said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) unwritten: u32,
    pub(super) suspect: u32,
}

impl Lines {
    pub(super) fn new(requested: Option<u32>) -> Self {
        Self {
            requested,
            ..Self::default()
        }
    }

    /// Adds the line of an item. With `waits_for_file`, it is held until [`written`](Self::written).
    pub(super) fn push(&mut self, line: ItemLine, outcome: &Outcome, waits_for_file: bool) {
        let is_committed = outcome.error.is_none();
        self.queue.push_back(Held {
            outcome: is_committed.then_some(*outcome),
            waits_for_file,
            waits_for_end: match self.requested {
                Some(requested) => line.index < requested,
                None => is_committed && outcome.integrity != Some(Verdict::Whole),
            },
            line,
        });
    }

    /// Records that the archive has finished the item at this position. `file` is `None` if the write failed.
    pub(super) fn written(&mut self, index: u32, file: Option<String>) {
        let at = self
            .queue
            .binary_search_by_key(&index, |held| held.line.index);
        if let (Ok(at), Some(file)) = (at, file) {
            self.queue[at].line.file = Some(file);
            self.queue[at].waits_for_file = false;
        }
    }

    /// Returns the next line, if it can be printed.
    pub(super) fn next(&mut self) -> Option<ItemLine> {
        let requested = usize::try_from(self.requested.unwrap_or(0)).unwrap_or(usize::MAX);
        let is_full = self.queue.len() > requested.saturating_add(MOST_HELD);
        let mut held = self
            .queue
            .pop_front_if(|held| !held.waits_for_file && (is_full || !held.waits_for_end))?;
        if held.waits_for_end && held.outcome.is_some() {
            // The bound on memory is reached before the end of the response. Calling the item suspect is safe,
            // because then it is exported again.
            held.suspect();
            self.suspect += 1;
        }
        Some(held.line)
    }

    /// Prints all remaining lines, after the response has ended and the archive has finished.
    pub(super) fn finish(self, summary: &Summary, mut print: impl FnMut(&ItemLine)) -> Counts {
        let mut counts = Counts {
            suspect: self.suspect,
            unwritten: 0,
        };
        for mut held in self.queue {
            if held.waits_for_file {
                held.line.fail_write();
                counts.unwritten += 1;
            } else if held
                .outcome
                .is_some_and(|outcome| !summary.confirms(&outcome))
            {
                held.suspect();
                counts.suspect += 1;
            }
            print(&held.line);
        }
        counts
    }
}

impl Held {
    fn suspect(&mut self) {
        self.line.suspect = true;
        self.line.disposition = Some(Advice::CUT.disposition.as_str().into());
    }
}

#[cfg(test)]
mod tests {
    use exportitems::policy::Disposition;
    use exportitems::{Decoder, Options, ResponseItemId, Sink};
    use exportitems_std::Texts;

    use super::*;

    #[derive(Default)]
    struct Outcomes {
        all: Vec<Outcome>,
    }

    impl Sink for Outcomes {
        type Error = core::convert::Infallible;

        fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
            Ok(())
        }

        fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
            Ok(())
        }

        fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error> {
            self.all.push(*outcome);
            Ok(())
        }

        fn abort(&mut self, _: &Outcome) {}

        fn failed(&mut self, _: &Outcome) {}
    }

    /// Returns the outcomes and the summary of a response with `count` items of an unknown format.
    fn outcomes(count: usize) -> (Vec<Outcome>, Summary) {
        const MESSAGE: &str = "<ExportItemsResponseMessage ResponseClass='Success'>\
            <ResponseCode>NoError</ResponseCode><Data>QUJDREVGR0g=</Data></ExportItemsResponseMessage>";
        let text = format!(
            "<Envelope><Body><ExportItemsResponse><ResponseMessages>{}</ResponseMessages>\
             </ExportItemsResponse></Body></Envelope>",
            MESSAGE.repeat(count)
        );
        let mut decoder: Decoder = Decoder::new(Options::new());
        let mut outcomes = Outcomes::default();
        decoder.feed(&mut text.as_bytes(), &mut outcomes).unwrap();
        let summary = decoder.finish_into(&mut outcomes).unwrap();
        (outcomes.all, summary)
    }

    #[test]
    fn the_number_of_held_lines_is_bounded() {
        let (outcomes, summary) = outcomes(MOST_HELD + 10);
        let (mut lines, mut printed) = (Lines::new(None), 0);
        for outcome in &outcomes {
            let line = ItemLine::new(outcome, Disposition::Done, &Texts::default());
            lines.push(line, outcome, false);
            while let Some(line) = lines.next() {
                assert!(line.suspect);
                printed += 1;
            }
        }
        assert_eq!(printed, 10);
        let counts = lines.finish(&summary, |line| {
            assert!(!line.suspect);
            printed += 1;
        });
        assert_eq!(
            (printed, counts.suspect, counts.unwritten),
            (MOST_HELD + 10, 10, 0)
        );
    }
}
