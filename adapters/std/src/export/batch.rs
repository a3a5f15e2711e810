//! One response, into the archive and into what is done next.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use exportitems::policy::{Advice, Disposition, Exchange, Policy};
use exportitems::{Decoder, Event, ItemIds, Options, Outcome, Response, Sink, Summary};

use super::queue::Pending;
use super::Progress;
use crate::archive::{Archive, ArchiveError, ArchiveSink, Entry};
use crate::client::ClientError;

/// What becomes of an item whose outcome is on its way into the archive.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// Position in the caller's list; `None` for a message that nobody asked for.
    position: Option<usize>,
    /// It is asked for again, after this wait.
    again: Option<Duration>,
}

/// What a run has come to, and how it decides about an item.
pub(super) struct Ledger<'p> {
    pub(super) policy: Policy,
    pub(super) max_wait: Duration,
    /// Items that are in the archive, by position.
    pub(super) done: Vec<bool>,
    pub(super) bytes: u64,
    /// One for each outcome that the archive has not told to be durable.
    fates: VecDeque<Fate>,
    pub(super) progress: &'p mut dyn FnMut(Progress<'_>),
}

impl<'p> Ledger<'p> {
    pub(super) fn new(
        policy: Policy,
        max_wait: Duration,
        done: Vec<bool>,
        progress: &'p mut dyn FnMut(Progress<'_>),
    ) -> Self {
        Self {
            policy,
            max_wait,
            done,
            bytes: 0,
            fates: VecDeque::new(),
            progress,
        }
    }

    /// Tells what has become durable; with `wait`, waits until everything has.
    pub(super) fn settle(&mut self, archive: &mut Archive, wait: bool) -> Result<(), ArchiveError> {
        loop {
            let entry = match wait {
                true => archive.wait_published()?,
                false => archive.published()?,
            };
            let Some(entry) = entry else {
                return Ok(());
            };
            if let Some(fate) = self.fates.pop_front() {
                self.tell(&entry, fate);
            }
        }
    }

    fn tell(&mut self, entry: &Entry, fate: Fate) {
        let Some(position) = fate.position else {
            return;
        };
        self.done[position] = entry.is_done();
        if entry.is_done() {
            self.bytes += entry.bytes;
        } else if entry.suspect {
            // It was counted when it was committed.
            self.bytes -= entry.bytes;
        }
        (self.progress)(Progress::Item {
            position,
            entry,
            again: fate.again,
        });
    }
}

/// The [`Sink`] of one request of a run.
pub(super) struct BatchSink<'b, 'p> {
    archive: ArchiveSink<'b>,
    ledger: &'b mut Ledger<'p>,
    exchange: &'b mut Exchange,
    batch: &'b [Pending],
    /// Items to ask for again, and when.
    pub(super) again: Vec<(Pending, Instant)>,
    /// The server dealt with an item, well or not.
    pub(super) answered: bool,
}

impl<'b, 'p> BatchSink<'b, 'p> {
    pub(super) fn new(
        archive: ArchiveSink<'b>,
        ledger: &'b mut Ledger<'p>,
        exchange: &'b mut Exchange,
        batch: &'b [Pending],
    ) -> Self {
        Self {
            archive,
            ledger,
            exchange,
            batch,
            again: Vec::new(),
            answered: false,
        }
    }

    /// There was no response at all: tells every item so, as the decoder does for an empty one.
    pub(super) fn unanswered(&mut self, error: &ClientError, options: Options) {
        match error {
            ClientError::Status(error) => {
                let location = error.location.as_deref();
                let seconds = error.policy_seconds();
                self.exchange.http(error.policy_status(), seconds, location);
            }
            // The next connection would fail in the same way, as after a 400.
            error if error.disposition() == Disposition::Permanent => {
                self.exchange.http(400, None, None);
            }
            _ => self.exchange.cut(),
        }
        let items = u32::try_from(self.batch.len()).unwrap_or(u32::MAX);
        // It ends in `UnexpectedEnd`, which is no news.
        let _ = Decoder::<[u8; 64]>::new(options.items(items)).finish_into(self);
    }

    /// Hears an outcome, and says it to the archive's sink.
    fn judge(&mut self, outcome: &Outcome) -> Advice {
        let advice = self.exchange.item(outcome);
        self.archive.judged(advice.disposition);
        self.answered |= outcome.class.is_some();
        advice
    }

    /// Decides whether the item is asked for again; to be said once for each entry.
    fn decide(&mut self, index: u32, advice: Advice, alone: bool) {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let mut fate = Fate {
            position: None,
            again: None,
        };
        if let Some(&(mut item)) = self.batch.get(index) {
            let now = Instant::now();
            let elapsed = now.duration_since(*item.failed.get_or_insert(now));
            item.alone |= alone;
            fate.position = Some(item.position);
            fate.again = self
                .ledger
                .policy
                .next(
                    &mut item.retry,
                    advice,
                    super::millis(elapsed),
                    super::random(),
                )
                .map(|wait| Duration::from_millis(wait.into()))
                .filter(|wait| *wait <= self.ledger.max_wait);
            if let Some(wait) = fate.again {
                self.again.push((item, now + wait));
            }
        }
        self.ledger.fates.push_back(fate);
    }

    fn settle(&mut self) -> Result<(), ArchiveError> {
        self.ledger.settle(self.archive.archive(), false)
    }
}

impl Sink for BatchSink<'_, '_> {
    type Error = ArchiveError;

    fn begin(&mut self, index: u32, ids: ItemIds<'_>) -> Result<(), ArchiveError> {
        self.archive.begin(index, ids)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.archive.write(bytes)?;
        (self.ledger.progress)(Progress::Bytes(bytes.len() as u64));
        self.settle()
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), ArchiveError> {
        let advice = self.judge(outcome);
        self.archive.commit(outcome)?;
        self.decide(outcome.index, advice, false);
        self.settle()
    }

    fn abort(&mut self, outcome: &Outcome) {
        let advice = self.judge(outcome);
        self.archive.abort(outcome);
        self.decide(outcome.index, advice, false);
    }

    fn failed(&mut self, outcome: &Outcome) {
        let advice = self.judge(outcome);
        self.archive.failed(outcome);
        self.decide(outcome.index, advice, false);
    }

    fn note(&mut self, event: &Event<'_>) {
        if let Event::Fault(fault) = event {
            self.exchange.fault(fault);
        }
        (self.ledger.progress)(Progress::Note(event));
        self.archive.note(event);
    }

    fn end(&mut self, summary: &Summary) {
        if summary.response == Response::Cut {
            self.exchange.cut();
        }
        // Their entries follow, marked: what stood before the server gave up may be cut as well.
        if summary.suspect > 0 {
            for index in self.archive.doubtful() {
                self.decide(index, Advice::CUT, true);
            }
        }
        self.archive.end(summary);
    }
}
