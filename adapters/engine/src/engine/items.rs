//! Decides about the items of a response.

use exportitems::policy::{Advice, Disposition};
use exportitems::{IdMatch, ItemError, Outcome, ResponseCode, ResponseOutcome, Summary};

use super::Engine;
use crate::ending::{Ending, Failure};
use crate::ids::Confirmation;
use crate::item::Pending;
use crate::request::Request;

/// The number of retries for an item whose requests fail although it is requested alone. They take half a minute.
const ALONE_RETRIES: u8 = 5;

/// The number of requests for a suspect item alone. If none confirms it, it stays suspect.
const SUSPECT_REQUESTS: u8 = 3;

/// The decision about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The position in the caller's list.
    pub position: usize,
    /// If the item is requested again, the wait before that, in milliseconds. Otherwise this outcome is its last one.
    pub again_ms: Option<u64>,
}

/// The outcome of an item that was requested alone and has no answer.
#[derive(Clone, Copy, Debug)]
pub struct Unanswered {
    /// The outcome.
    pub outcome: Outcome,
    /// What can be done about it.
    pub disposition: Disposition,
    /// The decision about the item, or `None` if it is not to be reported yet: as long as the server has answered for no
    /// item, it may be down.
    pub decision: Option<Decision>,
}

impl<T: Clone> Engine<T> {
    /// Payload bytes of this request are arriving.
    pub fn receive(&mut self, request: &mut Request<T>) {
        if request.receives {
            return;
        }
        request.receives = true;
        self.connections.respond();
        let (requests, since) = self.receiving;
        self.receiving = match requests {
            0 => (1, request.began),
            _ => (requests + 1, since),
        };
    }

    /// An item of the response was not committed. Returns what can be done about it, and the decision.
    ///
    /// The decision is `None` for a refused item, about which [`confirm`](Self::confirm) decides after the end of the
    /// response, and for a message that was not requested.
    pub fn abort(
        &mut self,
        request: &mut Request<T>,
        outcome: &Outcome,
        now_ms: u64,
        random: u32,
    ) -> (Disposition, Option<Decision>) {
        if request.item(outcome.index).is_none() {
            return (Advice::of_outcome(outcome).disposition, None);
        }
        let advice = request.judge(outcome);
        let decision = if outcome.error == Some(ItemError::Refused) {
            request.refused.push((*outcome, advice));
            None
        } else {
            self.decide(request, outcome, advice, now_ms, random)
        };
        (advice.disposition, decision)
    }

    /// An item that was [committed](Request::commit) cannot be stored, for a reason that concerns only this item.
    pub fn lose(&mut self, request: &mut Request<T>, index: u32) -> Option<Decision> {
        let item = request.item(index)?.clone();
        Some(settle(request, index, (item, None), false, 0))
    }

    /// The response has ended with this summary. Returns the outcome of an item that was requested alone and has no
    /// answer.
    pub fn end(
        &mut self,
        request: &mut Request<T>,
        summary: &Summary,
        now_ms: u64,
        random: u32,
    ) -> Option<Unanswered> {
        if !matches!(
            summary.response,
            ResponseOutcome::Complete | ResponseOutcome::Fault
        ) {
            request.attempt.cut();
        }
        request.ending = Some(Ending::of_summary(summary));
        self.conclude(request, now_ms, random)
    }

    /// There is no response. Returns the outcome of the item if it was requested alone.
    pub fn fail(
        &mut self,
        request: &mut Request<T>,
        failure: Failure<'_>,
        now_ms: u64,
        random: u32,
    ) -> Option<Unanswered> {
        match failure {
            Failure::Http {
                status,
                retry_after_s,
                location,
            } => {
                let advice = Advice::of_http(status, retry_after_s, location);
                request.throttled |= advice.disposition == Disposition::Throttled;
                request.asked = u64::from(retry_after_s.unwrap_or_default()) * 1000;
                request.attempt.http(status, retry_after_s, location);
            }
            Failure::Hopeless(Disposition::Auth) => request.attempt.http(401, None, None),
            // The next connection would fail in the same way, as after a 400.
            Failure::Hopeless(_) => request.attempt.http(400, None, None),
            Failure::Unreachable | Failure::Lost => request.attempt.cut(),
        }
        request.leave_unanswered();
        request.ending = Some(Ending::of_failure(failure));
        self.conclude(request, now_ms, random)
    }

    /// Decides about an item that was committed or refused, after the end of the response has judged it.
    pub fn confirm(
        &mut self,
        request: &mut Request<T>,
        index: u32,
        confirmation: Confirmation,
        now_ms: u64,
        random: u32,
    ) -> Option<Decision> {
        let item = request.item(index)?.clone();
        let mut refused = request.refused.iter();
        match refused.find(|(outcome, _)| outcome.index == index).copied() {
            Some((outcome, advice)) if confirmation == Confirmation::Confirmed => {
                self.decide(request, &outcome, advice, now_ms, random)
            }
            None if confirmation == Confirmation::Confirmed => {
                Some(settle(request, index, (item, None), false, now_ms))
            }
            refused => {
                let advice = refused.map(|(_, advice)| advice);
                let doubt = (advice, confirmation);
                let (item, wait) = self.doubt(item, request.is_alone(), doubt, now_ms, random);
                Some(settle(request, index, (item, wait), true, now_ms))
            }
        }
    }

    /// Returns the wait after an answer that may belong to another item, or is not proven to be whole.
    fn doubt(
        &mut self,
        mut item: Pending<T>,
        is_alone: bool,
        (refused, confirmation): (Option<Advice>, Confirmation),
        now: u64,
        random: u32,
    ) -> (Pending<T>, Option<u64>) {
        item.suspect_alone += u8::from(is_alone);
        let wait = match refused {
            _ if item.suspect_alone >= SUSPECT_REQUESTS => None,
            Some(advice) if advice.disposition != Disposition::Permanent => {
                self.wait(&mut item, advice, now, random)
            }
            None if confirmation == Confirmation::Truncated => {
                self.wait(&mut item, Advice::CUT, now, random)
            }
            _ => Some(0),
        };
        (item, wait)
    }

    /// Decides about the unanswered items.
    fn conclude(&mut self, request: &mut Request<T>, now: u64, random: u32) -> Option<Unanswered> {
        let is_about_it = request.is_alone()
            && matches!(request.ending, Some(Ending::Answered | Ending::Divisible));
        let unanswered = core::mem::take(&mut request.unanswered);
        let outcome = *unanswered.first().filter(|_| is_about_it)?;
        let item = request.item(outcome.index)?.clone();
        let is_its_fault = request.answered || self.blames_items(&request.batch);
        let advice = request.judge(&outcome);
        let (item, wait) = self.wait_alone(item, advice, now, random);
        let decision = if is_its_fault {
            Some(settle(request, outcome.index, (item, wait), true, now))
        } else {
            // Retried for a while, because the server may be down as long as it answers for no item.
            request.decide(outcome.index);
            match wait {
                Some(wait) => request.again.push((item, now.saturating_add(wait))),
                None => request.parked.push(item),
            }
            None
        };
        Some(Unanswered {
            outcome,
            disposition: advice.disposition,
            decision,
        })
    }

    /// Decides about an item that was not committed.
    fn decide(
        &mut self,
        request: &mut Request<T>,
        outcome: &Outcome,
        advice: Advice,
        now: u64,
        random: u32,
    ) -> Option<Decision> {
        let mut item = request.item(outcome.index)?.clone();
        // Requested alone, the item may succeed, and the other items are not affected by it.
        let broke = match outcome.error {
            Some(ItemError::Cut | ItemError::Malformed | ItemError::Duplicate) => true,
            Some(ItemError::Contradiction) => {
                outcome.id_match == IdMatch::Other
                    || matches!(outcome.code, None | Some(ResponseCode::NoError))
            }
            _ => false,
        };
        let wait = match broke {
            true if request.is_alone() => {
                let wait;
                (item, wait) = self.wait_alone(item, advice, now, random);
                wait
            }
            true => Some(0),
            false => self.wait(&mut item, advice, now, random),
        };
        let alone = broke || outcome.error == Some(ItemError::Truncated);
        Some(settle(request, outcome.index, (item, wait), alone, now))
    }

    /// Returns the wait after a failed request for the item alone.
    fn wait_alone(
        &mut self,
        item: Pending<T>,
        advice: Advice,
        now: u64,
        random: u32,
    ) -> (Pending<T>, Option<u64>) {
        let mut item = item.alone();
        item.failed_alone = item.failed_alone.saturating_add(1);
        let is_transient = !matches!(
            advice.disposition,
            Disposition::Permanent | Disposition::UnsupportedVersion | Disposition::Auth
        );
        let wait = match is_transient && item.failed_alone <= ALONE_RETRIES {
            true => self.wait(&mut item, advice, now, random),
            false => None,
        };
        (item, wait)
    }

    /// Returns the wait before the item is requested again, if it is.
    fn wait(
        &mut self,
        item: &mut Pending<T>,
        advice: Advice,
        now: u64,
        random: u32,
    ) -> Option<u64> {
        let first = *item.failed.get_or_insert(now);
        let since = self.elapsed(now).min(now.saturating_sub(first));
        let wait = self
            .settings
            .policy
            .next(&mut item.retry, advice, since, random)?;
        let wait = u64::from(wait);
        self.grants(wait, now).then_some(wait)
    }
}

/// Records the decision about an item in its request.
fn settle<T>(
    request: &mut Request<T>,
    index: u32,
    (mut item, again_ms): (Pending<T>, Option<u64>),
    alone: bool,
    now: u64,
) -> Decision {
    let position = item.position();
    request.decide(index);
    item.alone |= alone;
    match again_ms {
        Some(wait) => request.again.push((item, now.saturating_add(wait))),
        None => request.settled = true,
    }
    Decision { position, again_ms }
}
