//! A run over several connections, with one mutex around the engine. Blocking and async drivers share it.

use core::time::Duration;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_engine::{Action, Decision, Engine, Finished, Request, StopReason, Why};
use tracing::Instrument as _;

use super::async_store::AsyncStore;
use super::batch::BatchSink;
use super::clock::Clock;
use super::error::ExportError;
use super::failure::failure;
use super::item::Item;
use super::pool::{Lease, PoolMember};
use super::rate::RateLimit;
use super::runtime::{Runtime, Signal};
use super::store::Published;
use super::trace;
use super::{OnProgress, Progress, Report, Stop};
use crate::client::{Answer, ClientError, Connector, Session};
use crate::counters::{Counter, Counters};

/// The longest time until a connection that waits notices an interrupt.
const INTERRUPT: Duration = Duration::from_millis(200);

/// What the connections of a run share.
pub(super) struct Run<'r, V, S: AsyncStore<V> + ?Sized, R> {
    pub(super) store: &'r S,
    pub(super) runtime: R,
    pub(super) headers: RequestHeaders<'r>,
    pub(super) options: Options,
    pub(super) rate: Option<RateLimit>,
    /// What lends the connections, except the first.
    pub(super) pool: Option<&'r PoolMember>,
    /// Returns how long no request may begin.
    pub(super) closed_for: Option<&'r (dyn Fn() -> Duration + Sync)>,
    pub(super) interrupt: Option<&'r AtomicBool>,
    pub(super) state: Mutex<State<'r, V, S::Entry, S::Error>>,
    pub(super) changed: Signal,
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
    pub(super) counters: &'r dyn Counters,
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
        counters: &'r dyn Counters,
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
            counters,
            progress,
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Reports the outcomes that have become durable.
    pub(super) fn settle<S>(&mut self, store: &S) -> Result<(), X>
    where
        S: AsyncStore<V, Entry = E, Error = X> + ?Sized,
    {
        while let Some(published) = store.published()? {
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
        self.count(published, again_ms.is_some());
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

    fn count(&self, published: &Published<E>, is_requested_again: bool) {
        let counter = match (published.is_done, is_requested_again) {
            (true, _) => Counter::ExportedItems,
            (false, true) => Counter::RetriedItems,
            (false, false) => Counter::FailedItems,
        };
        self.counters.add(counter, 1);
        if published.is_done {
            self.counters.add(Counter::ExportedBytes, published.bytes);
        }
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
        S: AsyncStore<V, Entry = E, Error = X> + ?Sized,
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

/// A wait of a connection, as it was decided at a time.
struct Pause {
    now_ms: u64,
    until_ms: Option<u64>,
    why: Why,
    is_idle: bool,
    /// The number of signals at that time.
    seen: u64,
}

/// The next step of a connection.
enum Step<'r, V> {
    Ask(Box<Request<&'r Item<'r, V>>>),
    Wait(Pause),
}

impl<'r, V, S, R> Run<'r, V, S, R>
where
    V: Sync,
    S: AsyncStore<V> + ?Sized,
    R: Runtime,
{
    pub(super) fn lock(&self) -> MutexGuard<'_, State<'r, V, S::Entry, S::Error>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends requests over one connection until the run ends.
    pub(super) async fn serve<C: Connector>(&self, connection: usize, session: &mut Session<C>) {
        let _guard = StopOnPanic(self);
        let mut lease = Lease::new(self.pool.filter(|_| connection > 0));
        while let Some(step) = self.next_step(&mut lease) {
            match step {
                Step::Ask(request) => {
                    let span = tracing::info_span!("request", connection, items = request.len());
                    self.request(connection, session, *request)
                        .instrument(span)
                        .await;
                    self.changed.send();
                    give_back_if_recalled(&mut lease, session, false);
                }
                Step::Wait(pause) => {
                    give_back_if_recalled(&mut lease, session, true);
                    self.wait(pause).await;
                }
            }
        }
        if lease.is_lent() {
            session.disconnect();
        }
        self.changed.send();
    }

    /// Returns the next step, or `None` at the end of the run.
    fn next_step(&self, lease: &mut Lease<'_>) -> Option<Step<'r, V>> {
        let mut state = self.lock();
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
        let is_ready = state.engine.is_ready(now);
        let action = match lease.take(is_ready) || !is_ready {
            true => state.engine.poll(now),
            false => Action::Wait {
                until_ms: None,
                why: Why::Requests,
            },
        };
        match action {
            Action::Ask(request) => {
                state.announced = None;
                Some(Step::Ask(Box::new(request)))
            }
            Action::Wait { until_ms, why } => Some(Step::Wait(Pause {
                now_ms: now,
                until_ms,
                why,
                is_idle: state.engine.in_flight() == 0,
                seen: self.changed.count(),
            })),
            _ => None,
        }
    }

    /// Waits until a time, a signal, or until it is time to look for an interrupt.
    async fn wait(&self, pause: Pause) {
        let until = pause.until_ms;
        let wait = until.map(|until| Duration::from_millis(until.saturating_sub(pause.now_ms)));
        let is_reported = pause.is_idle || matches!(pause.why, Why::Server | Why::Held);
        if let Some(wait) = wait.filter(|_| is_reported) {
            if let Err(error) = self.announce(&pause, wait).await {
                self.lock().give_up(ExportError::Store(error), self.store);
                return;
            }
            if pause.is_idle && self.lock().clock.sleep(wait) {
                return;
            }
        }
        let wait = wait.unwrap_or(INTERRUPT).min(INTERRUPT);
        let sleep = self.runtime.sleep(wait);
        self.changed.wait(pause.seen, sleep).await;
    }

    /// Reports a wait, once.
    async fn announce(&self, pause: &Pause, wait: Duration) -> Result<(), S::Error> {
        let why = pause.why;
        // The end of a closed window is computed anew each time.
        let until_ms = pause.until_ms.filter(|_| why != Why::Held);
        let announced = Some((why, until_ms));
        if core::mem::replace(&mut self.lock().announced, announced) == announced {
            return Ok(());
        }
        if pause.is_idle {
            self.settle_all().await?;
        }
        let mut state = self.lock();
        state.settle(self.store)?;
        let state = &mut *state;
        let failure = state.failures.last().filter(|_| why == Why::Server);
        trace::wait(wait, why);
        if matches!(why, Why::Server | Why::Items) {
            let milliseconds = super::clock::millis(wait);
            state.counters.add(Counter::Waits, 1);
            state.counters.add(Counter::WaitMilliseconds, milliseconds);
        }
        (state.progress)(Progress::Wait { wait, why, failure });
        Ok(())
    }

    /// Waits until all outcomes are durable, and reports them.
    pub(super) async fn settle_all(&self) -> Result<(), S::Error> {
        while let Some(published) = self.store.wait_published().await? {
            self.lock().report(&published);
        }
        Ok(())
    }

    /// Sends one request, and handles its response.
    async fn request<C: Connector>(
        &self,
        connection: usize,
        session: &mut Session<C>,
        request: Request<&'r Item<'r, V>>,
    ) {
        let ids: Vec<ItemId<'_>> = request.items().map(|(_, item)| item.id).collect();
        let headers = self.headers.server_version(request.version());
        let mut sink = BatchSink::new(self, connection, request, &ids);
        let result = session
            .export_async(&headers, &ids, &mut sink, self.options)
            .await;
        trace::response(&result);
        if let Err(error) = &result {
            if let Some(failure) = failure(error) {
                sink.fail(error, failure).await;
            }
        }
        let BatchSink { request, error, .. } = sink;
        let error = match (result, error) {
            (Err(error @ (ClientError::Request(_) | ClientError::Header(_))), _) => {
                ExportError::Request(error)
            }
            (_, Some(error)) => ExportError::Store(error),
            (result, None) => match self.settle_retries(&request).await {
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
        state.counters.add(Counter::Requests, 1);
        let items = request.len() as u64;
        state.counters.add(Counter::RequestedItems, items);
        if !result
            .as_ref()
            .is_ok_and(|answer| answer.summary.fault.is_none())
        {
            state.counters.add(Counter::FailedRequests, 1);
        }
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
    async fn settle_retries(&self, request: &Request<&'r Item<'r, V>>) -> Result<(), S::Error> {
        if !request.has_retries() {
            return self.lock().settle(self.store);
        }
        let is_of_request =
            |decision: &Decision| request.items().any(|(at, _)| at == decision.position);
        while self.lock().decisions.iter().any(is_of_request) {
            match self.store.wait_published().await? {
                Some(published) => self.lock().report(&published),
                None => break,
            }
        }
        Ok(())
    }
}

fn give_back_if_recalled<C: Connector>(
    lease: &mut Lease<'_>,
    session: &mut Session<C>,
    is_idle: bool,
) {
    if lease.is_recalled(is_idle) {
        session.disconnect();
        lease.give_back();
    }
}

/// Ends the run if this connection panics, so that the other connections do not wait for it.
struct StopOnPanic<'a, 'r, V: Sync, S: AsyncStore<V> + ?Sized, R: Runtime>(&'a Run<'r, V, S, R>);

impl<V: Sync, S: AsyncStore<V> + ?Sized, R: Runtime> Drop for StopOnPanic<'_, '_, V, S, R> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().engine.stop();
            self.0.changed.send();
        }
    }
}

/// Returns random bits for the jitter of waits, or the middle of the range if the system has none.
pub(super) fn random() -> u32 {
    getrandom::u32().unwrap_or(1 << 31)
}
