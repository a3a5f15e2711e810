//! Decides how the run continues after a request.

use alloc::vec::Vec;

use exportitems::policy::{Policy, Schedule};

use super::{Engine, StopReason};
use crate::ending::Ending;
use crate::item::Pending;
use crate::request::{Request, TurnedAway};

/// The number of consecutive failed requests after which a run that never waits regards the server as down.
const FAILURES_IN_A_ROW: usize = 8;

/// The longest wait between the parts of a request that failed, while others succeed, in milliseconds.
const BETWEEN_PARTS: u64 = 2_000;

/// The time without progress after which a run that never waits regards the server as down, in milliseconds.
const DOWN_AFTER: u64 = 60_000;

/// What follows from a request that has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// Whether this request ends the run.
    pub stops: bool,
    /// Whether its only item was given up, or set aside, although the server has answered for no item. If the item is
    /// missing at the end, the failure of this request is the reason.
    pub gave_up: bool,
}

/// The likely cause of a request that failed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// One of its items.
    Item,
    /// The server is down.
    Server,
    /// The request itself; the same request would fail again.
    Request,
}

/// A request that has ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    ending: Ending,
    blame: Blame,
    /// Whether one item was requested alone.
    alone: bool,
    turned_away: TurnedAway,
    /// The wait that the server asks for.
    asked: u64,
    /// The wait according to the policy, or `None` if the server would not answer any better.
    wait: Option<u64>,
}

impl<T: Clone> Engine<T> {
    /// Ends a request, and decides how the run continues.
    ///
    /// Items about which nothing was decided are requested again. So a request that was not sent, or whose response the
    /// caller did not read to its end, can be finished too.
    pub fn finish(&mut self, mut request: Request<T>, now_ms: u64, random: u32) -> Finished {
        self.in_flight = self.in_flight.saturating_sub(1);
        let ending = request.ending.unwrap_or(Ending::Divisible);
        self.has_connected |= !matches!(ending, Ending::Unreachable | Ending::Hopeless);
        self.has_answered |= request.answered;
        let alone = request.is_alone();
        let gave_up = alone && !request.answered && (request.settled || !request.parked.is_empty());
        let is_items_fault = self.blames_items(&request.batch);
        let is_repeated = matches!(&request.batch[..], [item] if item.failed_alone > 0);
        self.put_back(&mut request, ending, now_ms);

        self.received(&request, now_ms);
        let is_blamed = is_items_fault && ending == Ending::Divisible;
        if request.settled && (request.answered || is_blamed) {
            self.last_progress = now_ms;
        }
        let is_setback = !request.answered || request.turned_away == TurnedAway::Busy;
        // Of requests that fail at the same time, one slows down the run.
        let is_counted = is_setback && request.setbacks == self.setbacks;
        if request.answered {
            self.failures_in_a_row = 0;
        } else if !is_repeated || !is_items_fault {
            self.failures_in_a_row += 1;
        }
        let policy_wait = match is_setback && !is_counted {
            true => Some(request.asked),
            false => self.policy_wait(&request, now_ms, random),
        };
        let blame = match is_items_fault {
            _ if request.permanent_fault => Blame::Request,
            true => Blame::Item,
            false => Blame::Server,
        };
        let ended = Ended {
            ending,
            blame,
            alone,
            turned_away: request.turned_away,
            asked: request.asked,
            wait: policy_wait,
        };
        self.adjust_connections(&request, &ended, is_setback, is_counted);
        let Some(wait_ms) = self.next_wait(&ended, now_ms) else {
            self.stopped.get_or_insert(StopReason::Failure);
            return Finished {
                stops: true,
                ..Finished::default()
            };
        };
        self.paused_until = self.paused_until.max(now_ms.saturating_add(wait_ms));
        Finished {
            stops: false,
            gave_up,
        }
    }

    /// Queues the items that are requested again.
    fn put_back(&mut self, request: &mut Request<T>, ending: Ending, now: u64) {
        for (item, ready) in request.again.drain(..) {
            self.queue.again(item, ready);
        }
        self.parked.append(&mut request.parked);
        let requested = request.len();
        let mut left: Vec<Pending<T>> = request.take_left();
        match ending {
            // No item was answered, so the request is halved.
            Ending::Answered | Ending::Divisible if left.len() == requested => {
                let second = left.split_off(left.len().div_ceil(2));
                self.queue.part(left);
                self.queue.part(second);
            }
            Ending::Answered | Ending::Divisible => self.queue.part(left),
            Ending::Refused | Ending::Unreachable | Ending::Hopeless => {
                for item in left {
                    self.queue.again(item, now);
                }
            }
        }
    }

    /// Excludes the time of a request from the time without progress if its payloads arrived.
    fn received(&mut self, request: &Request<T>, now: u64) {
        if !request.receives {
            return;
        }
        let (requests, since) = self.receiving;
        self.receiving = (requests.saturating_sub(1), since);
        if requests <= 1 {
            let progress = self.last_progress.saturating_add(now.saturating_sub(since));
            self.last_progress = progress.min(now);
        }
    }

    /// Updates what is known about the server, and returns the wait according to the policy.
    fn policy_wait(&mut self, request: &Request<T>, now: u64, random: u32) -> Option<u64> {
        // The time without progress ends a run, not the number of attempts.
        let policy = without_end(self.settings.policy);
        let elapsed = self.elapsed(now);
        let wait = self
            .endpoint
            .end(&policy, request.attempt, elapsed, random)?;
        Some(wait.into())
    }

    fn adjust_connections(
        &mut self,
        request: &Request<T>,
        ended: &Ended,
        is_setback: bool,
        is_counted: bool,
    ) {
        if !is_setback {
            return self.connections.answer();
        }
        if !is_counted {
            return;
        }
        self.setbacks += 1;
        if request.throttled {
            self.connections.throttle();
        }
        if ended.blame == Blame::Server || ended.ending != Ending::Divisible {
            self.connections.pause();
        }
    }

    /// Returns the wait before the next request, or `None` if the run ends.
    fn next_wait(&mut self, ended: &Ended, now: u64) -> Option<u64> {
        let &Ended {
            ending,
            blame,
            alone,
            turned_away,
            asked,
            wait,
        } = ended;
        let is_answered = self.failures_in_a_row == 0;
        let wait = match ending {
            Ending::Hopeless => return None,
            // If the host was never reached, its name is more likely wrong than the server down.
            Ending::Unreachable if !self.has_connected => return None,
            Ending::Unreachable | Ending::Refused => wait?,
            // Other items do not wait for an item that may succeed later.
            Ending::Answered if is_answered && turned_away != TurnedAway::Busy => 0,
            Ending::Answered if turned_away == TurnedAway::Busy => wait?,
            _ if self.is_down(blame, now) => return None,
            _ if self.settings.patience_ms == 0 || blame == Blame::Request => 0,
            _ if asked > 0 => {
                let wait = wait.unwrap_or(asked).max(asked);
                // Other items do not wait for hours for one item.
                match blame {
                    Blame::Item if !self.grants(wait, now) => 0,
                    _ => wait,
                }
            }
            // An unavailable mailbox store refuses every item.
            Ending::Answered if turned_away == TurnedAway::StoreIsDown => wait?,
            _ if self.failures_in_a_row <= 1 => 0,
            // The item has its own wait.
            _ if blame == Blame::Item && alone => 0,
            _ if blame == Blame::Item => wait.unwrap_or_default().min(BETWEEN_PARTS),
            _ => wait.unwrap_or_default(),
        };
        self.grants(wait, now).then_some(wait)
    }

    /// Returns whether so many consecutive requests have failed that the run should end.
    fn is_down(&self, blame: Blame, now: u64) -> bool {
        let failures = self.failures_in_a_row;
        // This many requests are enough to request each item of a failed request alone.
        let apart = 2 * self.settings.limits.items.max(1) + FAILURES_IN_A_ROW;
        if blame == Blame::Request {
            let is_first = !self.has_answered && self.queue.fresh_items() > 0;
            return failures >= if is_first { FAILURES_IN_A_ROW } else { apart };
        }
        if self.settings.patience_ms > 0 {
            return self.elapsed(now) > self.settings.patience_ms;
        }
        failures >= apart || failures >= FAILURES_IN_A_ROW && self.elapsed(now) > DOWN_AFTER
    }
}

/// Returns the policy with the same waits, but without a limit on attempts or time.
fn without_end(policy: Policy) -> Policy {
    let endless = |schedule| Schedule {
        attempts: u8::MAX,
        ..schedule
    };
    Policy {
        throttled: endless(policy.throttled),
        transient: endless(policy.transient),
        truncated: endless(policy.truncated),
        give_up_after_ms: u64::MAX,
    }
}
