//! A request in flight, and what its response says.

use alloc::vec;
use alloc::vec::Vec;

use exportitems::policy::{Advice, Attempt, Disposition};
use exportitems::{
    fail_all, Fault, Outcome, RequestServerVersion, ResponseCode, ResponseItemId, Sink,
};

use crate::ending::Ending;
use crate::item::Pending;

/// The items to request, and what the response to this request has said so far.
///
/// [`Engine::finish`](crate::Engine::finish) takes it back when the response has ended. If a request is dropped instead,
/// its items are lost to the run, and its place is not free for another one.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // each is a fact about the response
#[must_use = "a request that is dropped loses its items"]
pub struct Request<T> {
    pub(crate) batch: Vec<Pending<T>>,
    /// Whether it is decided what happens to each item.
    decided: Vec<bool>,
    pub(crate) attempt: Attempt,
    /// The time at which the request began.
    pub(crate) began: u64,
    /// The number of setbacks of the run before the request began.
    pub(crate) setbacks: u64,
    /// Whether payload bytes have arrived.
    pub(crate) receives: bool,
    /// The outcomes of requested items that were not answered.
    pub(crate) unanswered: Vec<Outcome>,
    /// The outcomes of refused items, with the advice for each.
    pub(crate) refused: Vec<(Outcome, Advice)>,
    /// The items to request again, and the time for each.
    pub(crate) again: Vec<(Pending<T>, u64)>,
    /// The items that failed alone while the server has answered for no item, so that the server may be down.
    pub(crate) parked: Vec<Pending<T>>,
    /// Whether the server has answered for an item, with the item or with an error.
    pub(crate) answered: bool,
    /// Whether an item has been exported or given up.
    pub(crate) settled: bool,
    /// Whether the next items would be refused too.
    pub(crate) turned_away: TurnedAway,
    /// Whether the server is busy.
    pub(crate) throttled: bool,
    /// Whether the response is a fault that a repetition does not cure.
    pub(crate) permanent_fault: bool,
    /// The wait that a fault or an HTTP header has asked for, in milliseconds.
    pub(crate) asked: u64,
    pub(crate) ending: Option<Ending>,
}

/// Whether items were refused for a reason that applies to other items too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TurnedAway {
    /// No item was refused for such a reason.
    #[default]
    No,
    /// A mailbox or a mailbox store is temporarily unavailable.
    StoreIsDown,
    /// The server is busy, or refuses this caller.
    Busy,
}

impl<T> Request<T> {
    pub(crate) fn new(batch: Vec<Pending<T>>, attempt: Attempt, began: u64, setbacks: u64) -> Self {
        Self {
            decided: vec![false; batch.len()],
            batch,
            attempt,
            began,
            setbacks,
            receives: false,
            unanswered: Vec::new(),
            refused: Vec::new(),
            again: Vec::new(),
            parked: Vec::new(),
            answered: false,
            settled: false,
            turned_away: TurnedAway::No,
            throttled: false,
            permanent_fault: false,
            asked: 0,
            ending: None,
        }
    }

    /// A fault has arrived.
    pub fn fault(&mut self, fault: &Fault) {
        let advice = Advice::of_fault(fault);
        self.throttled |= advice.disposition == Disposition::Throttled;
        self.permanent_fault = advice.disposition == Disposition::Permanent;
        self.asked = fault.back_off_ms.unwrap_or_default().into();
        self.attempt.fault(fault);
    }

    /// An item has arrived completely. [`Engine::confirm`](crate::Engine::confirm) decides about it after the end of the
    /// response.
    pub fn commit(&mut self, outcome: &Outcome) -> Disposition {
        self.judge(outcome).disposition
    }

    /// A requested item has no message in the response. The end of the response shows why.
    pub fn not_answered(&mut self, outcome: &Outcome) {
        self.unanswered.push(*outcome);
    }

    /// Returns the number of items, which is at least 1.
    #[allow(clippy::len_without_is_empty)] // it never is
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Returns the position in the caller's list and the value of each item, in the order of the request.
    #[must_use]
    pub fn items(&self) -> impl ExactSizeIterator<Item = (usize, &T)> {
        let listed = self.batch.iter().map(|item| &item.listed);
        listed.map(|item| (item.position, &item.value))
    }

    /// Returns the version to write the request in.
    #[must_use]
    pub const fn version(&self) -> RequestServerVersion {
        self.attempt.version()
    }

    /// Returns whether items of this request will be requested again. Their outcomes should be durable first, if a store
    /// counts attempts.
    #[must_use]
    pub fn has_retries(&self) -> bool {
        !self.again.is_empty()
    }

    pub(crate) fn item(&self, index: u32) -> Option<&Pending<T>> {
        self.batch.get(usize::try_from(index).ok()?)
    }

    /// Notes that it is decided what happens to an item.
    pub(crate) fn decide(&mut self, index: u32) {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if let Some(decided) = self.decided.get_mut(index) {
            *decided = true;
        }
    }

    /// Takes the items about which nothing is decided, for the response did not answer for them.
    pub(crate) fn take_left(&mut self) -> Vec<Pending<T>> {
        let batch = core::mem::take(&mut self.batch).into_iter();
        let left = batch.zip(&self.decided).filter(|&(_, &decided)| !decided);
        left.map(|(item, _)| item).collect()
    }

    pub(crate) fn is_alone(&self) -> bool {
        self.batch.len() == 1
    }

    /// There is no response, so no item has an answer.
    pub(crate) fn leave_unanswered(&mut self) {
        let items = u32::try_from(self.batch.len()).unwrap_or(u32::MAX);
        fail_all(&mut Unanswered(&mut self.unanswered), items);
    }

    /// Updates the state of the request from an outcome, and returns the advice for its item.
    pub(crate) fn judge(&mut self, outcome: &Outcome) -> Advice {
        let advice = self.attempt.item(outcome);
        let is_explained = !matches!(
            outcome.code,
            None | Some(ResponseCode::NoError | ResponseCode::Other)
        );
        let has_answer = outcome.class.is_some();
        let (turned_away, answered) = match advice.disposition {
            Disposition::Throttled => (TurnedAway::Busy, false),
            // Of the codes with this disposition, only ErrorAccessDenied can concern a single item.
            Disposition::Auth if outcome.code != Some(ResponseCode::ErrorAccessDenied) => {
                (TurnedAway::Busy, has_answer)
            }
            Disposition::Transient if is_explained => (TurnedAway::StoreIsDown, false),
            _ => (TurnedAway::No, has_answer),
        };
        self.turned_away = self.turned_away.max(turned_away);
        self.throttled |= advice.disposition == Disposition::Throttled;
        self.answered |= answered;
        advice
    }
}

/// A sink that collects the outcomes of unanswered items.
struct Unanswered<'a>(&'a mut Vec<Outcome>);

impl Sink for Unanswered<'_> {
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
