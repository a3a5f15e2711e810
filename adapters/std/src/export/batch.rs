//! One response, into the archive and into what is done next.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use exportitems::policy::{Advice, Attempt, Disposition, Policy};
use exportitems::{
    Decoder, Event, IdMatch, ItemError, ItemId, Options, Outcome, ResponseCode, ResponseItemId,
    ResponseOutcome, Sink, Summary,
};

use super::clock::Clock;
use super::failure::Ending;
use super::queue::Pending;
use super::Progress;
use crate::archive::{Archive, ArchiveError, ArchiveSink, Confirmation, Entry};
use crate::client::ClientError;

/// How often an item is requested again whose requests for it alone fail as a whole: for half a minute.
const ALONE_RETRIES: u8 = 5;

/// Requests for a suspect alone, before it stays one.
const SUSPECT_REQUESTS: u8 = 3;

/// Requests that may fail one after the other, before a server that has dealt with items is taken for down.
const FAILURES_OF_ITEMS: usize = 16;

/// What becomes of an item whose outcome is on its way into the archive.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// Position in the caller's list.
    position: usize,
    /// It is requested again, after this wait.
    again: Option<Duration>,
}

/// What a run has come to, and how it decides about an item.
pub(super) struct Ledger<'p> {
    items: &'p [ItemId<'p>],
    pub(super) policy: Policy,
    /// How long to wait at most without progress.
    patience: Duration,
    pub(super) clock: Clock,
    /// The server has dealt with an item.
    pub(super) is_proven: bool,
    /// Requests that have failed since then, without the repeated ones for one item alone.
    pub(super) failures_in_a_row: usize,
    /// An earlier run has exported some of the items.
    is_vouched_for: bool,
    /// When the run last got on: an item was settled, well or not.
    pub(super) brought: Instant,
    /// When the request began whose response brings bytes.
    receiving: Option<Instant>,
    /// The patience that a wait would have needed which was not granted.
    pub(super) needed: Option<Duration>,
    /// Items that are in the archive, by position.
    pub(super) done: Vec<bool>,
    pub(super) bytes: u64,
    pub(super) unrequested: u64,
    /// One for each outcome that the archive has not returned as durable.
    fates: VecDeque<Fate>,
    pub(super) progress: &'p mut dyn FnMut(Progress<'_>),
}

impl<'p> Ledger<'p> {
    pub(super) fn new(
        items: &'p [ItemId<'p>],
        (policy, patience, clock): (Policy, Duration, Clock),
        done: Vec<bool>,
        progress: &'p mut dyn FnMut(Progress<'_>),
    ) -> Self {
        Self {
            items,
            policy,
            patience,
            clock,
            is_proven: false,
            failures_in_a_row: 0,
            is_vouched_for: done.contains(&true),
            brought: clock.now(),
            receiving: None,
            needed: None,
            done,
            bytes: 0,
            unrequested: 0,
            fates: VecDeque::new(),
            progress,
        }
    }

    /// Whether a request that fails as a whole does so because of an item: a server that has dealt with others is
    /// hardly down, nor one that failed for the same items in an earlier run and not for others.
    pub(super) fn blames_items(&self, batch: &[Pending]) -> bool {
        let failed_before = batch.iter().all(|item| item.failed_before);
        let most = match self.is_proven {
            true => FAILURES_OF_ITEMS,
            false if self.is_vouched_for && failed_before => 3 * FAILURES_OF_ITEMS,
            false => 0,
        };
        self.failures_in_a_row < most
    }

    /// Whether nothing is ever waited for.
    pub(super) fn is_impatient(&self) -> bool {
        self.patience.is_zero()
    }

    /// Time since the run last got on, without that in which payloads arrived.
    pub(super) fn elapsed(&self) -> Duration {
        let until = self.receiving.unwrap_or_else(|| self.clock.now());
        until.saturating_duration_since(self.brought)
    }

    /// The request that began then is over.
    pub(super) fn received(&mut self) {
        if let Some(began) = self.receiving.take() {
            self.brought += self.clock.now().saturating_duration_since(began);
        }
    }

    /// Whether this wait is short enough.
    pub(super) fn grants(&mut self, wait: Duration) -> bool {
        let needed = self.elapsed() + wait;
        if wait.is_zero() || needed <= self.patience {
            return true;
        }
        self.needed = self.needed.max(Some(needed));
        false
    }

    /// Reports what has become durable; with `wait`, waits until everything has.
    pub(super) fn settle(&mut self, archive: &mut Archive, wait: bool) -> Result<(), ArchiveError> {
        loop {
            let entry = match wait {
                true => archive.wait_published()?,
                false => archive.published()?,
            };
            let Some(entry) = entry else {
                return Ok(());
            };
            // By what was requested: an outcome of anything else is none of this run.
            let is_its = |fate: &Fate| Some(self.items[fate.position].id) == entry.id.as_deref();
            let at = self.fates.iter().position(is_its);
            if let Some(fate) = at.and_then(|at| self.fates.remove(at)) {
                self.report(&entry, fate);
            }
        }
    }

    fn report(&mut self, entry: &Entry, Fate { position, again }: Fate) {
        let is_done = entry.is_done() && entry.error.is_none();
        match (
            core::mem::replace(&mut self.done[position], is_done),
            is_done,
        ) {
            (false, true) => self.bytes += entry.bytes,
            (true, false) => self.bytes -= entry.bytes,
            _ => {}
        }
        (self.progress)(Progress::Item {
            position,
            entry,
            again,
        });
    }
}

/// The [`Sink`] of one request of a run.
pub(super) struct BatchSink<'b, 'p> {
    archive: ArchiveSink<'b>,
    ledger: &'b mut Ledger<'p>,
    attempt: &'b mut Attempt,
    batch: &'b [Pending],
    began: Instant,
    /// Items that were requested and not answered.
    unanswered: Vec<Outcome>,
    /// Items that were refused, and what can be done about it.
    refused: Vec<(Outcome, Advice)>,
    /// What this request has come to.
    pub(super) result: BatchResult,
}

/// Whether the items of a response were refused for a reason that concerns the others too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TurnedAway {
    #[default]
    No,
    /// What the items are in is not there for a while.
    StoreIsDown,
    /// The server is busy, or will not serve this caller.
    Busy,
}

/// What a request has come to, as far as the run decides about it.
#[derive(Debug, Default)]
pub(super) struct BatchResult {
    /// Items to request again, and when.
    pub(super) again: Vec<(Pending, Instant)>,
    /// Items about which nothing was said.
    pub(super) left: Vec<Pending>,
    /// Items that failed alone, while nothing says that the server deals with any.
    pub(super) parked: Vec<Pending>,
    /// The server has dealt with an item, well or not.
    pub(super) answered: bool,
    /// An item has been exported or given up.
    pub(super) settled: bool,
    /// What the server has said that the next items would hear too.
    pub(super) turned_away: TurnedAway,
    /// The wait that a fault or an HTTP header asks for.
    pub(super) asked: Duration,
    /// The archive failed where the sink could not say so.
    pub(super) error: Option<ArchiveError>,
}

impl<'b, 'p> BatchSink<'b, 'p> {
    pub(super) fn new(
        archive: ArchiveSink<'b>,
        ledger: &'b mut Ledger<'p>,
        attempt: &'b mut Attempt,
        batch: &'b [Pending],
    ) -> Self {
        Self {
            archive,
            began: ledger.clock.now(),
            ledger,
            attempt,
            batch,
            unanswered: Vec::new(),
            refused: Vec::new(),
            result: BatchResult::default(),
        }
    }

    /// There was no response at all: says so to every item, as the decoder does for an empty one.
    pub(super) fn unanswered(&mut self, error: &ClientError, options: Options) {
        match error {
            ClientError::Status(error) => {
                let location = error.location.as_deref();
                self.result.asked = error.retry_after.unwrap_or_default();
                let seconds = error.policy_seconds();
                self.attempt.http(error.policy_status(), seconds, location);
            }
            ClientError::Auth(_) => self.attempt.http(401, None, None),
            // The next connection would fail in the same way, as after a 400.
            error if error.disposition() == Disposition::Permanent => {
                self.attempt.http(400, None, None);
            }
            _ => self.attempt.cut(),
        }
        let items = u32::try_from(self.batch.len()).unwrap_or(u32::MAX);
        let mut sink = Unanswered::default();
        // It ends in `UnexpectedEnd`, which is no news.
        let _ = Decoder::<[u8; 64]>::new(options.items(items)).finish_into(&mut sink);
        self.unanswered = sink.0;
        self.archive.explain(crate::error_chain(error));
        self.conclude(Ending::of_error(error));
    }

    /// Decides about the items that were not answered.
    fn conclude(&mut self, ending: Ending) {
        let is_about_it =
            self.batch.len() == 1 && matches!(ending, Ending::Answered | Ending::Divisible);
        for outcome in core::mem::take(&mut self.unanswered) {
            let item = self.item(outcome.index);
            let is_its_fault = self.result.answered || self.ledger.blames_items(self.batch);
            if is_about_it && !is_its_fault {
                self.park(&outcome);
            } else if is_about_it {
                let advice = self.judge(&outcome);
                self.decide_broken(outcome.index, advice);
                self.archive.failed(&outcome);
                self.settle_quietly();
            } else {
                self.result.left.extend(item);
            }
        }
    }

    /// The item is not to blame as long as the server deals with none: it is tried again for a while, and reported
    /// when there is more to say.
    fn park(&mut self, outcome: &Outcome) {
        let advice = self.judge(outcome);
        self.archive.note_unanswered(outcome);
        if let Some(item) = self.item(outcome.index) {
            match self.wait_alone(item, advice) {
                (item, Some(wait)) => {
                    let ready = self.ledger.clock.now() + wait;
                    self.result.again.push((item, ready));
                }
                (item, None) => self.result.parked.push(item),
            }
        }
    }

    fn item(&self, index: u32) -> Option<Pending> {
        let index = usize::try_from(index).ok()?;
        self.batch.get(index).copied()
    }

    /// Learns from an outcome, and passes on what can be done about it.
    fn judge(&mut self, outcome: &Outcome) -> Advice {
        let advice = self.attempt.item(outcome);
        self.archive.judged(advice.disposition);
        let is_explained = !matches!(
            outcome.code,
            None | Some(ResponseCode::NoError | ResponseCode::Other)
        );
        let is_dealt_with = outcome.class.is_some();
        let (turned_away, answered) = match advice.disposition {
            Disposition::Throttled => (TurnedAway::Busy, false),
            // Of these codes only ErrorAccessDenied may be about the one item.
            Disposition::Auth if outcome.code != Some(ResponseCode::ErrorAccessDenied) => {
                (TurnedAway::Busy, is_dealt_with)
            }
            Disposition::Transient if is_explained => (TurnedAway::StoreIsDown, false),
            _ => (TurnedAway::No, is_dealt_with),
        };
        self.result.turned_away = self.result.turned_away.max(turned_away);
        self.result.answered |= answered;
        advice
    }

    /// Decides about an item that was not committed.
    fn decide(&mut self, outcome: &Outcome, advice: Advice) {
        let Some(item) = self.item(outcome.index) else {
            return;
        };
        // What broke in company may do better alone, and its neighbours without it.
        let broke = match outcome.error {
            Some(ItemError::Cut | ItemError::Malformed | ItemError::Duplicate) => true,
            Some(ItemError::Contradiction) => {
                outcome.id_match == IdMatch::Other
                    || matches!(outcome.code, None | Some(ResponseCode::NoError))
            }
            _ => false,
        };
        if broke {
            return self.decide_broken(outcome.index, advice);
        }
        let alone = outcome.error == Some(ItemError::Truncated);
        let wait = self.wait(item, advice);
        self.settle_or_again(wait.0, wait.1, alone);
    }

    /// Decides about an item whose message, or whose request, broke.
    fn decide_broken(&mut self, index: u32, advice: Advice) {
        let Some(item) = self.item(index) else {
            return;
        };
        let (item, wait) = match self.batch.len() {
            1 => self.wait_alone(item, advice),
            _ => (item, Some(Duration::ZERO)),
        };
        self.settle_or_again(item, wait, true);
    }

    /// How long to wait after a request for the item alone that failed.
    fn wait_alone(&mut self, mut item: Pending, advice: Advice) -> (Pending, Option<Duration>) {
        item.alone = true;
        item.failed_alone = item.failed_alone.saturating_add(1);
        let is_transient = !matches!(
            advice.disposition,
            Disposition::Permanent | Disposition::UnsupportedVersion | Disposition::Auth
        );
        match is_transient && item.failed_alone <= ALONE_RETRIES {
            true => self.wait(item, advice),
            false => (item, None),
        }
    }

    /// Decides about a committed item that the response's end has judged.
    fn decide_committed(&mut self, index: u32, confirmation: Confirmation) {
        let Some(mut item) = self.item(index) else {
            return;
        };
        if confirmation == Confirmation::Confirmed {
            return self.settle_or_again(item, None, false);
        }
        item.suspect_alone += u8::from(self.batch.len() == 1);
        let (item, wait) = if item.suspect_alone >= SUSPECT_REQUESTS {
            (item, None)
        } else if confirmation == Confirmation::Truncated {
            self.wait(item, Advice::CUT)
        } else {
            (item, Some(Duration::ZERO))
        };
        self.settle_or_again(item, wait, true);
    }

    /// Decides about a refused item that the response's end has judged.
    fn decide_refused(&mut self, outcome: &Outcome, advice: Advice, confirmation: Confirmation) {
        let Some(mut item) = self.item(outcome.index) else {
            return;
        };
        if confirmation == Confirmation::Confirmed {
            return self.decide(outcome, advice);
        }
        // It may be about another item.
        item.suspect_alone += u8::from(self.batch.len() == 1);
        let (item, wait) = if item.suspect_alone >= SUSPECT_REQUESTS {
            (item, None)
        } else if advice.disposition == Disposition::Permanent {
            (item, Some(Duration::ZERO))
        } else {
            self.wait(item, advice)
        };
        self.settle_or_again(item, wait, true);
    }

    /// How long to wait before the item is requested again, if it is.
    fn wait(&mut self, mut item: Pending, advice: Advice) -> (Pending, Option<Duration>) {
        let now = self.ledger.clock.now();
        let first = *item.failed.get_or_insert(now);
        let since = self
            .ledger
            .elapsed()
            .min(now.saturating_duration_since(first));
        let wait = self.ledger.policy.next(
            &mut item.retry,
            advice,
            super::millis(since),
            super::random(),
        );
        let wait = wait.map(|wait| Duration::from_millis(wait.into()));
        (item, wait.filter(|&wait| self.ledger.grants(wait)))
    }

    /// To be called once for each report of the archive.
    fn settle_or_again(&mut self, mut item: Pending, again: Option<Duration>, alone: bool) {
        item.alone |= alone;
        match again {
            Some(wait) => {
                let ready = self.ledger.clock.now() + wait;
                self.result.again.push((item, ready));
            }
            None => self.result.settled = true,
        }
        self.ledger.fates.push_back(Fate {
            position: item.position,
            again,
        });
    }

    fn settle(&mut self) -> Result<(), ArchiveError> {
        self.ledger.settle(self.archive.archive(), false)
    }

    fn settle_quietly(&mut self) {
        if let Err(error) = self.settle() {
            self.result.error.get_or_insert(error);
        }
    }
}

impl Sink for BatchSink<'_, '_> {
    type Error = ArchiveError;

    fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        self.archive.compare_id(index, ids)
    }

    fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), ArchiveError> {
        self.archive.begin(index, ids)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.archive.write(bytes)?;
        self.ledger.receiving = Some(self.began);
        (self.ledger.progress)(Progress::Bytes(bytes.len() as u64));
        self.settle()
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), ArchiveError> {
        let advice = self.judge(outcome);
        let has_failed = self.archive.has_failed();
        self.archive.commit(outcome)?;
        // Any other item is decided about at the response's end.
        if has_failed {
            self.decide(outcome, advice);
        }
        self.settle()
    }

    fn abort(&mut self, outcome: &Outcome) {
        if self.item(outcome.index).is_some() {
            let advice = self.judge(outcome);
            if outcome.error == Some(ItemError::Refused) {
                self.refused.push((*outcome, advice));
            } else {
                self.decide(outcome, advice);
            }
        }
        self.archive.abort(outcome);
        self.settle_quietly();
    }

    fn failed(&mut self, outcome: &Outcome) {
        // Why it was not answered is known at the response's end.
        if outcome.error == Some(ItemError::NotAnswered) {
            self.unanswered.push(*outcome);
        } else {
            self.abort(outcome);
        }
    }

    fn note(&mut self, event: &Event<'_>) {
        if let Event::Fault(fault) = event {
            let asked = fault.back_off_ms.unwrap_or_default();
            self.result.asked = Duration::from_millis(asked.into());
            self.attempt.fault(fault);
        }
        (self.ledger.progress)(Progress::Note(event));
        self.archive.note(event);
    }

    fn end(&mut self, summary: &Summary) {
        if !matches!(
            summary.response,
            ResponseOutcome::Complete | ResponseOutcome::Fault
        ) {
            self.attempt.cut();
        }
        self.conclude(Ending::of_summary(summary));
        self.archive.end(summary);
        for (index, confirmation) in self.archive.take_confirmation() {
            self.decide_committed(index, confirmation);
        }
        let refused = core::mem::take(&mut self.refused);
        let refusals = self.archive.take_refusals();
        for ((outcome, advice), (_, confirmation)) in refused.iter().zip(refusals) {
            self.decide_refused(outcome, *advice, confirmation);
        }
        self.ledger.unrequested += self.archive.unrequested();
        self.settle_quietly();
    }
}

/// Collects the outcomes of items that were not answered.
#[derive(Default)]
struct Unanswered(Vec<Outcome>);

impl Sink for Unanswered {
    type Error = core::convert::Infallible;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn commit(&mut self, _: &Outcome) -> Result<(), Self::Error> {
        Ok(())
    }

    fn abort(&mut self, _: &Outcome) {}

    fn failed(&mut self, outcome: &Outcome) {
        self.0.push(*outcome);
    }
}
