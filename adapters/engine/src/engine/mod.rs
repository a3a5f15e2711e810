//! The machine that decides what is requested, and when.

mod finish;
mod items;

use alloc::vec::Vec;

use exportitems::policy::Endpoint;

pub use finish::Finished;
pub use items::{Decision, Unanswered};

use crate::connections::Connections;
use crate::item::{ItemState, Listed, Pending};
use crate::queue::{Next, Queue, Room};
use crate::request::Request;
use crate::settings::Settings;

/// The number of consecutive failed requests after which a server that has answered before counts as down.
const FAILURES_OF_ITEMS: usize = 16;

/// A run of an export: a queue of items, and the rules by which they are requested.
///
/// `T` is a value of the caller for each item, such as its id, mailbox or folder. The engine does not read it. It is
/// cloned into the retries of an item, so a reference or an index is best.
///
/// All times are milliseconds since any fixed time, and never go back. `random` is any 32 random bits.
#[derive(Debug)]
pub struct Engine<T> {
    settings: Settings,
    queue: Queue<T>,
    /// The number of items that were added.
    added: usize,
    endpoint: Endpoint,
    connections: Connections,
    in_flight: usize,
    /// The items that failed alone while the server answered for no item.
    parked: Vec<Pending<T>>,
    /// No request begins before this time, because the server must be waited for.
    paused_until: u64,
    /// No request begins before this time, because the caller holds the run.
    held_until: Option<u64>,
    /// Why the run has ended early.
    stopped: Option<StopReason>,
    /// The number of failures, each of which slows down the requests after it.
    setbacks: u64,
    /// The number of requests that have failed since the last answer, except retries of an item alone.
    failures_in_a_row: usize,
    /// Whether the server has answered for an item, with the item or with an error.
    has_answered: bool,
    /// Whether the server has ever been connected to.
    has_connected: bool,
    /// Whether the store held some of the items before this run.
    had_items: bool,
    /// The time of the last progress: an item was exported or given up.
    last_progress: u64,
    /// The number of requests whose payloads are arriving, and the time at which the first of them began.
    receiving: (usize, u64),
    /// The patience that would have been enough for the waits that were too long.
    needed_patience: Option<u64>,
}

/// What to do with an item of the caller's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Added {
    /// The item will be requested.
    Queued,
    /// The store holds the item, so it is not requested.
    Held,
    /// The server refused the item permanently in an earlier run, so it is not requested.
    FailedBefore,
}

/// The next thing to do.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // it is moved once per request
#[non_exhaustive]
pub enum Action<T> {
    /// Send this request.
    Ask(Request<T>),
    /// Nothing can be requested now. Poll again at this time, if there is one, or when a request has ended.
    Wait {
        /// The time, unless only the end of a request changes anything.
        until_ms: Option<u64>,
        /// The reason.
        why: Why,
    },
    /// The run ends early. Requests in flight still have to be [finished](Engine::finish).
    Stop(StopReason),
    /// Every item was exported or given up.
    Done,
}

/// Why nothing can be requested now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// As many requests are in flight as the server allows, or no items are left but those in flight.
    Requests,
    /// Every item that is left waits for its next attempt.
    Items,
    /// The server is busy or down.
    Server,
    /// The caller [holds](Engine::hold) the run.
    Held,
}

/// Why a run ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// A request failed, and a retry does not help or has failed too often.
    Failure,
    /// The caller has [stopped](Engine::stop) the run.
    Caller,
}

impl<T: Clone> Engine<T> {
    /// Makes a run that begins at the time `now_ms`.
    #[must_use]
    pub fn new(settings: Settings, now_ms: u64) -> Self {
        Self {
            settings,
            queue: Queue::new(),
            added: 0,
            endpoint: Endpoint::new(settings.limits),
            connections: Connections::new(settings.limits.connections),
            in_flight: 0,
            parked: Vec::new(),
            paused_until: 0,
            held_until: None,
            stopped: None,
            setbacks: 0,
            failures_in_a_row: 0,
            has_answered: false,
            has_connected: false,
            had_items: false,
            last_progress: now_ms,
            receiving: (0, 0),
            needed_patience: None,
        }
    }

    /// Adds the next item of the caller's list.
    ///
    /// `size` is the number of bytes that its payload is expected to have, `state` what the store knows of it, and
    /// `attempts` how often earlier runs have requested it. An item must not be added twice.
    pub fn add(&mut self, value: T, size: Option<u64>, state: ItemState, attempts: u32) -> Added {
        let item = Listed {
            position: self.added,
            size: size.unwrap_or_default(),
            value,
        };
        self.added += 1;
        match state {
            ItemState::Done => {
                self.had_items = true;
                return Added::Held;
            }
            ItemState::FailedPermanently if !self.settings.retry_failed => {
                return Added::FailedBefore;
            }
            ItemState::Failed | ItemState::FailedPermanently => {
                self.queue.failed_before(item, attempts);
            }
            ItemState::Suspect => self.queue.suspect_before(item),
            ItemState::New | ItemState::Changed | ItemState::Lost => self.queue.fresh(item),
        }
        Added::Queued
    }

    /// Skips a position of the caller's list, for an item that it holds twice.
    pub fn skip(&mut self) {
        self.added += 1;
    }

    /// The server was connected to before this run, so its name is right.
    pub fn connected(&mut self) {
        self.has_connected = true;
    }

    /// Returns the next thing to do.
    ///
    /// INVARIANT: it is not `Wait` while an item is ready, fewer requests are in flight than the server allows, and
    /// neither the server nor the caller must be waited for.
    pub fn poll(&mut self, now_ms: u64) -> Action<T> {
        if let Some(reason) = self.stopped {
            return Action::Stop(reason);
        }
        let busy = Action::Wait {
            until_ms: None,
            why: Why::Requests,
        };
        if self.queue.is_empty() {
            match () {
                () if self.in_flight > 0 => return busy,
                () if self.parked.is_empty() || !self.blames_items(&self.parked) => {
                    return Action::Done;
                }
                () => self.request_parked(now_ms),
            }
        }
        if let Some(until) = self.held_until {
            if now_ms < until {
                return Action::Wait {
                    until_ms: Some(until),
                    why: Why::Held,
                };
            }
            self.held_until = None;
            self.last_progress = self.last_progress.max(until);
        }
        if now_ms < self.paused_until {
            return Action::Wait {
                until_ms: Some(self.paused_until),
                why: Why::Server,
            };
        }
        if self.in_flight >= self.connections.now() {
            return busy;
        }
        match self.queue.next(self.room(), now_ms) {
            Next::Batch(batch) => {
                self.in_flight += 1;
                let attempt = self.endpoint.attempt(batch.len());
                Action::Ask(Request::new(batch, attempt, now_ms, self.setbacks))
            }
            Next::Wait(ready) => Action::Wait {
                until_ms: Some(ready),
                why: Why::Items,
            },
            Next::Nothing => busy,
        }
    }

    /// Returns whether [`poll`](Self::poll) would return a request now.
    #[must_use]
    pub fn is_ready(&self, now_ms: u64) -> bool {
        let is_held = self.held_until.is_some_and(|until| now_ms < until);
        let may_ask = self.stopped.is_none() && !is_held && now_ms >= self.paused_until;
        let requests_parked = || self.in_flight == 0 && self.blames_items(&self.parked);
        let has_items = match self.queue.is_empty() {
            true => !self.parked.is_empty() && requests_parked(),
            false => self.queue.is_ready(now_ms),
        };
        may_ask && has_items && self.in_flight < self.connections.now()
    }

    /// Holds the run until a time: no further request begins before it. The wait does not count as time without progress.
    pub fn hold(&mut self, until_ms: u64) {
        self.held_until = Some(until_ms);
    }

    /// Ends the run: no further request begins.
    pub fn stop(&mut self) {
        self.stopped.get_or_insert(StopReason::Caller);
    }

    /// Returns the number of requests in flight.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Returns the number of requests that may be in flight now, at least 1.
    #[must_use]
    pub const fn connections(&self) -> usize {
        self.connections.now()
    }

    /// Returns the position and value of each item that was neither exported nor given up, except those of requests in
    /// flight.
    pub fn remaining(&self) -> impl Iterator<Item = (usize, &T)> {
        let parked = self.parked.iter().map(|item| &item.listed);
        self.queue
            .items()
            .chain(parked.map(|item| (item.position, &item.value)))
    }

    /// Returns the [patience](Settings::patience_ms) with which the run would have continued, if a wait was too long for
    /// it.
    #[must_use]
    pub const fn needed_patience_ms(&self) -> Option<u64> {
        self.needed_patience
    }

    /// Returns how large the next request may be.
    fn room(&self) -> Room {
        Room {
            items: self.endpoint.limits().items,
            bytes: self.settings.request_bytes,
        }
    }

    /// Queues the items again that failed while the server answered for no item.
    fn request_parked(&mut self, now: u64) {
        for Pending { listed, .. } in core::mem::take(&mut self.parked) {
            self.queue.again(Pending::new(listed).alone(), now);
        }
    }

    /// Returns whether an item is the likely cause of a request that failed as a whole.
    ///
    /// A server that has just answered for other items is probably not down. The same holds if exactly these items
    /// failed in an earlier run that exported others.
    fn blames_items(&self, batch: &[Pending<T>]) -> bool {
        let failed_before = batch.iter().all(|item| item.failed_before);
        let most = match self.has_answered {
            true => FAILURES_OF_ITEMS,
            false if self.had_items && failed_before => 3 * FAILURES_OF_ITEMS,
            false => 0,
        };
        self.failures_in_a_row < most
    }

    /// Returns the time without progress. The time in which payloads arrive does not count.
    fn elapsed(&self, now: u64) -> u64 {
        let until = match self.receiving {
            (0, _) => now,
            (_, since) => since,
        };
        until.saturating_sub(self.last_progress)
    }

    /// Returns whether a wait is within the patience.
    fn grants(&mut self, wait: u64, now: u64) -> bool {
        let needed = self.elapsed(now).saturating_add(wait);
        if wait == 0 || needed <= self.settings.patience_ms {
            return true;
        }
        self.needed_patience = self.needed_patience.max(Some(needed));
        false
    }
}
