//! When the lines of items are printed, in the order of the items.

use std::collections::VecDeque;

use exportitems::policy::Advice;
use exportitems::{Outcome, Summary, Verdict};

use crate::line::ItemLine;

/// Lines that are held at most, beside those of the items in the request.
const MOST_HELD: usize = 16 * 1024;

/// Lines that are not printed yet.
///
/// A committed item may wait for its file to be durable, and for the end of the response to confirm it.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// INVARIANT: their positions ascend.
    queue: VecDeque<Held>,
    /// The number of items in the request, where it is known: another number of messages leaves every item
    /// unconfirmed.
    requested: Option<u32>,
    /// Items that had to be called suspect before the end.
    suspect: u32,
}

#[derive(Debug)]
struct Held {
    line: ItemLine,
    /// Of a committed item.
    outcome: Option<Outcome>,
    /// The file has still to become durable.
    waits_for_file: bool,
    waits_for_end: bool,
}

/// What became of the items in the end.
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

    /// Takes the line of an item, which may wait for its file.
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

    /// The archive has dealt with the item at this position: it is in the file, if there is one.
    pub(super) fn written(&mut self, index: u32, file: Option<String>) {
        let at = self
            .queue
            .binary_search_by_key(&index, |held| held.line.index);
        if let (Ok(at), Some(file)) = (at, file) {
            self.queue[at].line.file = Some(file);
            self.queue[at].waits_for_file = false;
        }
    }

    /// The next line that need not wait.
    pub(super) fn next(&mut self) -> Option<ItemLine> {
        let requested = usize::try_from(self.requested.unwrap_or(0)).unwrap_or(usize::MAX);
        let is_full = self.queue.len() > requested.saturating_add(MOST_HELD);
        let mut held = self
            .queue
            .pop_front_if(|held| !held.waits_for_file && (is_full || !held.waits_for_end))?;
        if held.waits_for_end && held.outcome.is_some() {
            // Memory has a bound; exporting the item once more is the safe side.
            held.suspect();
            self.suspect += 1;
        }
        Some(held.line)
    }

    /// All other lines, when the response has ended and the archive has no more to report.
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

    /// The outcomes of a response with so many items of an unknown format, and its summary.
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
    fn what_is_held_has_a_bound() {
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
