//! A run over several connections: a thread for each, and one mutex around the engine.

use core::time::Duration;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_engine::{Action, Decision, Engine, Finished, Request, StopReason, Why};

use super::batch::BatchSink;
use super::clock::Clock;
use super::error::ExportError;
use super::failure::failure;
use super::item::Item;
use super::rate::RateLimit;
use super::store::{Published, Store};
use super::trace;
use super::{OnProgress, Progress, Report, Stop};
use crate::client::{Answer, Client, ClientError};

/// The longest time until a thread that waits notices an interrupt.
const INTERRUPT: Duration = Duration::from_millis(200);

/// What the threads of a run share.
pub(super) struct Run<'r, V, S: Store<V> + ?Sized> {
    pub(super) store: &'r S,
    pub(super) headers: RequestHeaders<'r>,
    pub(super) options: Options,
    pub(super) rate: Option<RateLimit>,
    /// Returns how long no request may begin.
    pub(super) closed_for: Option<&'r (dyn Fn() -> Duration + Sync)>,
    pub(super) interrupt: Option<&'r AtomicBool>,
    pub(super) state: Mutex<State<'r, V, S::Entry, S::Error>>,
    /// A request has ended, or more requests may begin.
    pub(super) changed: Condvar,
}

/// The state of a run.
pub(super) struct State<'r, V, E, X> {
    pub(super) engine: Engine<&'r Item<'r, V>>,
    pub(super) items: &'r [Item<'r, V>],
    pub(super) clock: Clock,
    /// Whether the store holds each item, by position.
    pub(super) done: Vec<bool>,
    pub(super) bytes: u64,
    pub(super) unrequested: u64,
    /// The decisions about outcomes that the store has not reported as durable yet.
    pub(super) decisions: Vec<Decision>,
    failures: Failures,
    /// The wait that was reported last.
    announced: Option<(Why, Option<u64>)>,
    /// The error that ends the run.
    pub(super) error: Option<ExportError<X>>,
    pub(super) progress: &'r mut OnProgress<'r, V, E>,
}

/// The results of requests that may explain why items are missing.
#[derive(Debug, Default)]
struct Failures {
    /// The result of the request that ended the run.
    stopped: Option<Stop>,
    /// The result of the last request that was for one item alone and ended its attempts.
    unanswered: Option<Stop>,
    /// The result of the last request, and whether it ended the attempts for one item alone.
    last: Option<(Stop, bool)>,
}

impl Failures {
    fn note(&mut self, finished: Finished, stop: Stop) {
        *self = core::mem::take(self).concluded();
        if finished.stops {
            self.stopped.get_or_insert(stop);
        } else {
            self.last = Some((stop, finished.gave_up));
        }
    }

    /// Keeps the result of the last request, if it ended the attempts for one item alone.
    fn concluded(mut self) -> Self {
        if let Some((stop, true)) = self.last.take() {
            self.unanswered = Some(stop);
        }
        self
    }

    fn last(&self) -> Option<&ClientError> {
        match &self.last {
            Some((Stop::Failure(failure), _)) => Some(failure),
            _ => None,
        }
    }
}

impl<'r, V: Sync, E, X> State<'r, V, E, X> {
    pub(super) fn new(
        engine: Engine<&'r Item<'r, V>>,
        items: &'r [Item<'r, V>],
        clock: Clock,
        done: Vec<bool>,
        progress: &'r mut OnProgress<'r, V, E>,
    ) -> Self {
        Self {
            engine,
            items,
            clock,
            done,
            bytes: 0,
            unrequested: 0,
            decisions: Vec::new(),
            failures: Failures::default(),
            announced: None,
            error: None,
            progress,
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Reports the outcomes that have become durable.
    pub(super) fn settle<S>(&mut self, store: &S) -> Result<(), X>
    where
        S: Store<V, Entry = E, Error = X> + ?Sized,
    {
        while let Some(published) = store.published(false)? {
            self.report(&published);
        }
        Ok(())
    }

    /// Waits until all outcomes are durable, and reports them.
    pub(super) fn settle_all<S>(&mut self, store: &S) -> Result<(), X>
    where
        S: Store<V, Entry = E, Error = X> + ?Sized,
    {
        while let Some(published) = store.published(true)? {
            self.report(&published);
        }
        Ok(())
    }

    fn report(&mut self, published: &Published<E>) {
        // The requested id identifies the decision. Outcomes of other items are not of this run.
        let belongs = |decision: &Decision| self.items[decision.position].id.id == published.id;
        let Some(at) = self.decisions.iter().position(belongs) else {
            return;
        };
        let Decision {
            position, again_ms, ..
        } = self.decisions.remove(at);
        let Published { id, bytes, .. } = published;
        trace::outcome(position, id, published.is_done, *bytes, again_ms);
        let was_done = core::mem::replace(&mut self.done[position], published.is_done);
        match (was_done, published.is_done) {
            (false, true) => self.bytes += published.bytes,
            (true, false) => self.bytes -= published.bytes,
            _ => {}
        }
        (self.progress)(Progress::Item {
            position,
            value: &self.items[position].value,
            entry: &published.entry,
            again: again_ms.map(Duration::from_millis),
        });
    }

    /// Completes the report of the run, which has ended.
    pub(super) fn conclude(&mut self, report: &mut Report) {
        let Failures {
            stopped,
            unanswered,
            ..
        } = core::mem::take(&mut self.failures).concluded();
        let ended = self.engine.poll(self.now_ms());
        report.interrupted = matches!(ended, Action::Stop(StopReason::Caller));
        report.stopped = stopped;
        match unanswered {
            _ if report.stopped.is_some() => {}
            Some(stop) if self.engine.remaining().next().is_some() => report.stopped = Some(stop),
            Some(Stop::Failure(
                error @ (ClientError::Transport(_) | ClientError::Auth(_) | ClientError::Status(_)),
            )) => report.unusable = Some(error),
            _ => {}
        }
        report.bytes = self.bytes;
        report.unrequested = self.unrequested;
        let needed = self.engine.needed_patience_ms();
        report.needed_patience = needed.map(Duration::from_millis);
    }

    /// Ends the run, because this machine or the caller has failed.
    fn give_up<S>(&mut self, error: ExportError<X>, store: &S)
    where
        S: Store<V, Entry = E, Error = X> + ?Sized,
    {
        let is_explained = match &self.error {
            Some(ExportError::Store(first)) => !store.is_consequence(first),
            Some(ExportError::Request(_)) => true,
            None => false,
        };
        if !is_explained {
            self.error = Some(error);
        }
        self.engine.stop();
    }
}

impl<'r, V: Sync, S: Store<V> + ?Sized> Run<'r, V, S> {
    pub(super) fn lock(&self) -> MutexGuard<'_, State<'r, V, S::Entry, S::Error>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends requests over one connection until the run ends.
    pub(super) fn serve(&self, connection: usize, client: &mut Client) {
        let _guard = StopOnPanic(self);
        let _span = tracing::info_span!("connection", number = connection).entered();
        let mut state = self.lock();
        loop {
            if self
                .interrupt
                .is_some_and(|flag| flag.load(Ordering::Relaxed))
            {
                state.engine.stop();
            }
            let now = state.now_ms();
            match self.closed_for.map(|closed_for| closed_for()) {
                None | Some(Duration::ZERO) => {}
                Some(closed) => state.engine.hold(now + super::clock::millis(closed)),
            }
            match state.engine.poll(now) {
                Action::Ask(request) => {
                    state.announced = None;
                    drop(state);
                    self.request(connection, client, request);
                    state = self.lock();
                }
                Action::Wait { until_ms, why } => {
                    state = self.wait(state, until_ms, why);
                    continue;
                }
                _ => break,
            }
            self.changed.notify_all();
        }
        self.changed.notify_all();
    }

    /// Waits until a time, a change, or until it is time to look for an interrupt.
    fn wait<'l>(
        &self,
        mut state: MutexGuard<'l, State<'r, V, S::Entry, S::Error>>,
        until_ms: Option<u64>,
        why: Why,
    ) -> MutexGuard<'l, State<'r, V, S::Entry, S::Error>> {
        let is_idle = state.engine.in_flight() == 0;
        let now = state.now_ms();
        let wait = until_ms.map(|until| Duration::from_millis(until.saturating_sub(now)));
        if let Some(wait) = wait.filter(|_| is_idle || matches!(why, Why::Server | Why::Held)) {
            if let Err(error) = self.announce(&mut state, until_ms, wait, why) {
                state.give_up(ExportError::Store(error), self.store);
                return state;
            }
            if is_idle && state.clock.sleep(wait) {
                return state;
            }
        }
        let wait = wait.unwrap_or(INTERRUPT).min(INTERRUPT);
        let woken = self.changed.wait_timeout(state, wait);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Reports a wait, once.
    fn announce(
        &self,
        state: &mut State<'r, V, S::Entry, S::Error>,
        until_ms: Option<u64>,
        wait: Duration,
        why: Why,
    ) -> Result<(), S::Error> {
        // The end of a closed window is computed anew each time.
        let until_ms = until_ms.filter(|_| why != Why::Held);
        if state.announced.replace((why, until_ms)) == Some((why, until_ms)) {
            return Ok(());
        }
        match state.engine.in_flight() {
            0 => state.settle_all(self.store)?,
            _ => state.settle(self.store)?,
        }
        let failure = state.failures.last().filter(|_| why == Why::Server);
        trace::wait(wait, why);
        (state.progress)(Progress::Wait { wait, why, failure });
        Ok(())
    }

    /// Sends one request, and handles its response.
    fn request(&self, connection: usize, client: &mut Client, request: Request<&'r Item<'r, V>>) {
        let ids: Vec<ItemId<'_>> = request.items().map(|(_, item)| item.id).collect();
        let _span = tracing::info_span!("request", items = ids.len()).entered();
        let headers = self.headers.server_version(request.version());
        let mut sink = BatchSink::new(self, connection, request, &ids);
        let result = client.export(&headers, &ids, &mut sink, self.options);
        trace::response(&result);
        if let Err(error) = &result {
            if let Some(failure) = failure(error) {
                sink.fail(error, failure);
            }
        }
        let BatchSink { request, error, .. } = sink;
        let error = match (result, error) {
            (Err(error @ (ClientError::Request(_) | ClientError::Header(_))), _) => {
                ExportError::Request(error)
            }
            (_, Some(error)) => ExportError::Store(error),
            (result, None) => match self.settle_retries(&request) {
                Ok(()) => return self.finish(connection, request, result),
                Err(error) => ExportError::Store(error),
            },
        };
        let mut state = self.lock();
        let now = state.now_ms();
        state.engine.finish(request, now, random());
        state.give_up(error, self.store);
    }

    fn finish(
        &self,
        connection: usize,
        request: Request<&'r Item<'r, V>>,
        result: Result<Answer, ClientError>,
    ) {
        let mut state = self.lock();
        let answer = match &result {
            Ok(answer) => Some(answer),
            Err(ClientError::Response(error)) => Some(&error.answer),
            Err(_) => None,
        };
        if let Some(answer) = answer {
            (state.progress)(Progress::Answer { connection, answer });
        }
        let now = state.now_ms();
        let finished = state.engine.finish(request, now, random());
        let stop = match result {
            Ok(answer) => Stop::Answer(answer),
            Err(error) => Stop::Failure(error),
        };
        state.failures.note(finished, stop);
    }

    /// Waits until the outcomes of this request are durable, if items of it are requested again. The store counts attempts,
    /// so it must be up to date before that.
    fn settle_retries(&self, request: &Request<&'r Item<'r, V>>) -> Result<(), S::Error> {
        if !request.has_retries() {
            return self.lock().settle(self.store);
        }
        let is_of_request =
            |decision: &Decision| request.items().any(|(at, _)| at == decision.position);
        while self.lock().decisions.iter().any(is_of_request) {
            // The lock is free while this waits for the disk.
            match self.store.published(true)? {
                Some(published) => self.lock().report(&published),
                None => break,
            }
        }
        Ok(())
    }
}

/// Ends the run if this thread panics, so that the other threads do not wait for it.
struct StopOnPanic<'a, 'r, V: Sync, S: Store<V> + ?Sized>(&'a Run<'r, V, S>);

impl<V: Sync, S: Store<V> + ?Sized> Drop for StopOnPanic<'_, '_, V, S> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().engine.stop();
            self.0.changed.notify_all();
        }
    }
}

/// Returns random bits for the jitter of waits, or the middle of the range if the system has none.
pub(super) fn random() -> u32 {
    getrandom::u32().unwrap_or(1 << 31)
}
