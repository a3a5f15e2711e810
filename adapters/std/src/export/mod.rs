//! Exports a list of items into an archive, with as many requests as necessary.

mod async_store;
mod batch;
mod clock;
mod error;
mod failure;
mod item;
mod pool;
mod rate;
mod run;
mod runtime;
mod store;
mod trace;

use core::fmt;
use core::future::{poll_fn, Future};
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::Mutex;
use std::thread;

use exportitems::policy::{Limits, Policy};
use exportitems::{Event, ExportItems, ItemId, Options, RequestHeaders};
use exportitems_engine::{Added, Engine, ItemState, Settings};

pub use async_store::{AsyncStore, AsyncStoreSink, BlockingStore, BlockingStoreSink};
pub use error::ExportError;
pub use exportitems_engine::{Confirmation, Why, Window, WindowError};
pub use item::Item;
pub use pool::{ConnectionPool, PoolMember};
pub use rate::RateLimit;
pub use runtime::Runtime;
pub use store::{Published, Store, StoreSink};

use crate::archive::{Archive, Entry};
use crate::client::{block_on, Answer, Client, ClientError, Connector, Session, TcpConnector};
use crate::counters::Counters;
use clock::Clock;
use run::{Run, State};
use runtime::{Signal, Threads};

/// Exports a list of items into a [`Store`], such as an [`Archive`].
///
/// - Items that the store already holds are skipped, so an interrupted export resumes when it is run again. Items that
///   the server has refused permanently are skipped too, unless [`retry_failed`](Self::retry_failed) is set.
/// - Failed items are requested again according to the [`Policy`]. Other items do not wait for them.
/// - A request that fails as a whole is halved repeatedly, until the item that causes the failure is alone.
/// - Requests become smaller, later, fewer at a time or use an older version if the server demands it
///   ([`Engine`]).
/// - A run ends after [half an hour](Self::patience) without progress.
///
/// ```no_run
/// use exportitems::{ItemId, RequestHeaders};
/// use exportitems_std::{Archive, Client, Exporter, Progress};
///
/// let mut client = Client::builder("https://mail.example.com/EWS/Exchange.asmx").build()?;
/// let archive = Archive::open("backup")?;
/// let items = [ItemId::new("AAMkAGYz+NAA="), ItemId::new("AAMkAGYz+OAA=")];
///
/// let exporter = Exporter::new(&mut client, &archive, RequestHeaders::new());
/// let report = exporter.run(&items, &mut |progress| {
///     if let Progress::Item { position, entry, .. } = progress {
///         println!("item {position}: {:?}", entry.status);
///     }
/// })?;
/// println!("{} bytes, missing: {:?}", report.bytes, report.missing);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Exporter<'a, S: ?Sized = Archive, C: Connector = TcpConnector> {
    session: &'a mut Session<C>,
    store: &'a S,
    setup: Setup<'a>,
}

impl<S: ?Sized, C: Connector> fmt::Debug for Exporter<'_, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter")
            .field("settings", &self.setup.settings)
            .finish_non_exhaustive()
    }
}

/// What receives the events of a run. The threads of all connections call it, one at a time.
pub type OnProgress<'p, V = (), E = Entry> = dyn FnMut(Progress<'_, V, E>) + Send + 'p;

/// An event of a run. `V` is the caller's value for an item, and `E` what the store reports of one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a, V = (), E = Entry> {
    /// This many bytes of payloads have arrived.
    Bytes(u64),
    /// The outcome of an item is durable.
    ///
    /// An item that is requested again is reported again, and its last outcome counts.
    Item {
        /// The position in the list.
        position: usize,
        /// The caller's value for the item.
        value: &'a V,
        /// What the store reports, for an archive the line of the manifest.
        entry: &'a E,
        /// If the item is requested again, the wait before that.
        again: Option<Duration>,
    },
    /// An item is not requested, because the server refused it permanently in an earlier run.
    FailedBefore {
        /// The position in the list.
        position: usize,
        /// The caller's value for the item.
        value: &'a V,
        /// What the store reports, for an archive the line of the manifest.
        entry: &'a E,
    },
    /// An event of a response that concerns no payload: the server's version, codes and texts.
    Note {
        /// The number of the connection, from 0. The events of different connections are mixed.
        connection: usize,
        /// The event.
        event: &'a Event<'a>,
    },
    /// A response has ended. The outcomes of its items may be reported later.
    Answer {
        /// The number of the connection.
        connection: usize,
        /// The response in figures.
        answer: &'a Answer,
    },
    /// The run waits before the next request. Requests that are in flight continue.
    Wait {
        /// The length of the wait.
        wait: Duration,
        /// The reason.
        why: Why,
        /// The failure of the last request, if the server is waited for, and if it was not a fault.
        failure: Option<&'a ClientError>,
    },
}

/// The result of a run.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The number of items that the store already held, and of repetitions in the list.
    pub skipped: usize,
    /// The number of exported items.
    pub ok: usize,
    /// The number of bytes of their payloads.
    pub bytes: u64,
    /// The positions of the items that the store does not hold, or holds in another version.
    pub missing: Vec<usize>,
    /// The positions of missing items that were not requested, because the server refused them permanently in an earlier
    /// run.
    pub failed_before: Vec<usize>,
    /// The number of response messages that were not requested.
    pub unrequested: u64,
    /// The result of the last request, if it ended the run early, or if the server has answered for no item.
    pub stopped: Option<Stop>,
    /// Whether the caller has [interrupted](Exporter::interrupt) the run.
    pub interrupted: bool,
    /// The error of the last request that failed although it was for one item alone, if that item is missing for this
    /// reason.
    pub unusable: Option<ClientError>,
    /// The [`patience`](Exporter::patience) with which the run would have continued, if a wait was too long for it.
    pub needed_patience: Option<Duration>,
}

/// The result of the request that ended a run early.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stop {
    /// The request failed, and a retry does not help or has failed too often.
    Failure(ClientError),
    /// The server answered with a fault, and a retry does not help or has failed too often.
    Answer(Answer),
}

impl Exporter<'_> {
    /// The default of [`patience`](Self::patience), half an hour.
    pub const DEFAULT_PATIENCE: Duration = Duration::from_mins(30);
}

impl<'a, S: ?Sized> Exporter<'a, S> {
    /// Makes an exporter whose requests have these headers. Their version is ignored; [`limits`](Self::limits) sets it.
    ///
    /// `client` has one connection. If there are to be several, the others have the same settings and credentials.
    pub fn new(client: &'a mut Client, store: &'a S, headers: RequestHeaders<'a>) -> Self {
        Self::over(&mut client.0, store, headers)
    }
}

impl<'a, S: ?Sized, C: Connector> Exporter<'a, S, C> {
    /// Makes an exporter over the connections of any transport, for [`run_async`](Self::run_async).
    pub fn over(session: &'a mut Session<C>, store: &'a S, headers: RequestHeaders<'a>) -> Self {
        Self {
            session,
            store,
            setup: Setup::new(headers),
        }
    }

    /// Sets the options for responses.
    pub fn options(mut self, options: Options) -> Self {
        self.setup.options = options;
        self
    }

    /// Sets the limits of requests. The default is 20 items per request, because a server works on a request for one
    /// minute at most, and 4 connections.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.setup.settings.limits = limits;
        self
    }

    /// Sets the largest sum of the [listed sizes](Item::size) of the items in one request. The default is 32 MiB.
    pub fn request_bytes(mut self, bytes: u64) -> Self {
        self.setup.settings.request_bytes = bytes;
        self
    }

    /// Sets the policy for retries.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.setup.settings.policy = policy;
        self
    }

    /// Sets the longest time without progress, that is, in which no item is exported or given up.
    ///
    /// With zero, the run never waits: it ends when the server is busy, and leaves items that may succeed later to
    /// another run.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.setup.settings.patience_ms = clock::millis(patience);
        self
    }

    /// Sets whether items are requested that the server refused permanently in an earlier run.
    pub fn retry_failed(mut self, retry: bool) -> Self {
        self.setup.settings.retry_failed = retry;
        self
    }

    /// Limits the bytes of payloads per second, over all connections together.
    pub fn limit_rate(mut self, limit: RateLimit) -> Self {
        self.setup.rate = Some(limit);
        self
    }

    /// Shares the connections of a pool with other exporters. The first is the member's own, and the others are lent to the
    /// run while it needs them.
    pub fn share(mut self, member: &'a PoolMember) -> Self {
        self.setup.pool = Some(member);
        self
    }

    /// Sets what counts requests, items, bytes and waits.
    pub fn counters(mut self, counters: &'a dyn Counters) -> Self {
        self.setup.counters = counters;
        self
    }

    /// Sets a function that returns how long no request may begin, such as until a time of the day. Zero means that
    /// requests may begin now. Requests in flight are finished, and the wait does not count as time without progress.
    pub fn closed_for(mut self, closed_for: &'a (dyn Fn() -> Duration + Sync)) -> Self {
        self.setup.closed_for = Some(closed_for);
        self
    }

    /// Sets a flag that ends the run when it is set: requests in flight are finished, and no further one begins.
    pub fn interrupt(mut self, flag: &'a AtomicBool) -> Self {
        self.setup.interrupt = Some(flag);
        self
    }

    /// Sets the function that waits for the next request while no request is in flight. The time counts as passed when it
    /// returns.
    pub fn sleep(mut self, sleep: fn(Duration)) -> Self {
        self.setup.sleep = Some(sleep);
        self
    }

    /// Runs the export over any transport, like [`run`](Self::run). The futures of all connections are polled together, so
    /// one thread serves them.
    ///
    /// The future may be dropped at any `await`: the store keeps the items that it holds.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_async<'i, V, I, R>(
        self,
        runtime: R,
        items: I,
        progress: &mut OnProgress<'_, V, S::Entry>,
    ) -> Result<Report, ExportError<S::Error>>
    where
        I: IntoIterator<Item: Into<Item<'i, V>>>,
        V: Sync + 'i,
        S: AsyncStore<V>,
        C: Clone,
        R: Runtime,
    {
        let items: Vec<Item<'i, V>> = items.into_iter().map(Into::into).collect();
        let mut resumed = Resumed::new(&items, &self.setup, self.store, progress).await?;
        if resumed.queued > 0 {
            let mut sessions: Vec<_> = (1..self.setup.connections(&resumed))
                .map(|_| self.session.another())
                .collect();
            let has_connected = self.session.has_connected();
            let run =
                self.setup
                    .start(self.store, runtime, has_connected, &mut resumed, progress)?;
            let first = core::iter::once(self.session);
            let sessions = first.chain(&mut sessions).enumerate();
            let connections = sessions
                .map(|(connection, session)| Box::pin(run.serve(connection, session)))
                .collect();
            join(connections).await;
            run.end(&mut resumed).await?;
        }
        Ok(resumed.report)
    }
}

impl<S: ?Sized> Exporter<'_, S> {
    /// Runs the export until each item is exported or given up.
    ///
    /// `items` are [`Item`]s, or [`ItemId`]s alone.
    /// Failures of the server and the network are not errors; they are in the [`Report`].
    ///
    /// Outcomes of earlier sinks of the store that were not [returned](Store::published) are discarded.
    ///
    /// # Errors
    /// [`ExportError::Request`] if an item or a header cannot be put into a request; then nothing was sent.
    /// [`ExportError::Store`] if the store fails; it keeps the items that it holds.
    pub fn run<'i, V, I>(
        self,
        items: I,
        progress: &mut OnProgress<'_, V, S::Entry>,
    ) -> Result<Report, ExportError<S::Error>>
    where
        I: IntoIterator<Item: Into<Item<'i, V>>>,
        V: Sync + 'i,
        S: Store<V>,
    {
        let items: Vec<Item<'i, V>> = items.into_iter().map(Into::into).collect();
        let store = BlockingStore(self.store);
        let resuming = Resumed::new(&items, &self.setup, &store, progress);
        let mut resumed = block_on(resuming)?;
        if resumed.queued > 0 {
            let connections = self.setup.connections(&resumed);
            let has_connected = self.session.has_connected();
            let run = self
                .setup
                .start(&store, Threads, has_connected, &mut resumed, progress)?;
            thread::scope(|scope| {
                for connection in 1..connections {
                    let mut session = self.session.another();
                    let run = &run;
                    let thread = thread::Builder::new().name(format!("exportitems-{connection}"));
                    let serve = move || block_on(run.serve(connection, &mut session));
                    // With fewer threads than wanted, the run is slower.
                    if thread.spawn_scoped(scope, serve).is_err() {
                        break;
                    }
                }
                block_on(run.serve(0, self.session));
            });
            block_on(run.end(&mut resumed))?;
        }
        Ok(resumed.report)
    }
}

/// Runs futures together until all of them have ended.
async fn join<F: Future<Output = ()> + Unpin>(mut futures: Vec<F>) {
    poll_fn(|context| {
        futures.retain_mut(|future| Pin::new(future).poll(context).is_pending());
        match futures.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// The options of a run.
struct Setup<'a> {
    headers: RequestHeaders<'a>,
    options: Options,
    settings: Settings,
    rate: Option<RateLimit>,
    pool: Option<&'a PoolMember>,
    counters: &'a dyn Counters,
    closed_for: Option<&'a (dyn Fn() -> Duration + Sync)>,
    interrupt: Option<&'a AtomicBool>,
    sleep: Option<fn(Duration)>,
}

impl<'a> Setup<'a> {
    fn new(headers: RequestHeaders<'a>) -> Self {
        Self {
            headers,
            options: Options::new(),
            settings: Settings::default(),
            rate: None,
            pool: None,
            counters: &(),
            closed_for: None,
            interrupt: None,
            sleep: None,
        }
    }

    /// Returns the number of connections that are of use.
    fn connections<V>(&self, resumed: &Resumed<'_, '_, V>) -> usize {
        self.settings.limits.connections.min(resumed.queued)
    }

    /// Starts to request the queued items.
    fn start<'r, 'i, V, S, R>(
        self,
        store: &'r S,
        runtime: R,
        has_connected: bool,
        resumed: &mut Resumed<'r, 'i, V>,
        progress: &'r mut OnProgress<'r, V, S::Entry>,
    ) -> Result<Run<'r, V, S, R>, ExportError<S::Error>>
    where
        'a: 'r,
        'i: 'r,
        V: Sync,
        S: AsyncStore<V> + ?Sized,
        R: Runtime,
    {
        // Check the whole list first, so that nothing is sent if any id is not valid.
        let ids: Vec<ItemId<'_>> = resumed.items.iter().map(|item| item.id).collect();
        let _ = ExportItems::new(&ids)
            .headers(self.headers)
            .encoder()
            .map_err(|error| ExportError::Request(error.into()))?;
        let clock = resumed.clock;
        let unused = Engine::new(self.settings, clock.now_ms());
        let mut engine = core::mem::replace(&mut resumed.engine, unused);
        if has_connected {
            engine.connected();
        }
        let done = core::mem::take(&mut resumed.done);
        Ok(Run {
            store,
            runtime,
            headers: self.headers,
            options: self.options,
            rate: self.rate,
            pool: self.pool,
            closed_for: self.closed_for,
            interrupt: self.interrupt,
            state: Mutex::new(State::new(
                engine,
                resumed.items,
                clock,
                done,
                self.counters,
                progress,
            )),
            changed: Signal::default(),
        })
    }
}

/// The items of a run, and what the store knows of them.
struct Resumed<'r, 'i, V> {
    items: &'r [Item<'i, V>],
    clock: Clock,
    engine: Engine<&'r Item<'i, V>>,
    /// Whether the store holds each item.
    done: Vec<bool>,
    /// The number of items to request.
    queued: usize,
    /// The report before the run.
    report: Report,
}

impl<'r, 'i, V> Resumed<'r, 'i, V> {
    async fn new<S: AsyncStore<V> + ?Sized>(
        items: &'r [Item<'i, V>],
        setup: &Setup<'_>,
        store: &S,
        progress: &mut OnProgress<'_, V, S::Entry>,
    ) -> Result<Self, ExportError<S::Error>> {
        // Outcomes of earlier sinks do not belong to this run, but they must update the states of their items first.
        while (store.wait_published().await)
            .map_err(ExportError::Store)?
            .is_some()
        {}
        let clock = Clock::new(setup.sleep);
        let mut resumed = Self {
            items,
            clock,
            engine: Engine::new(setup.settings, clock.now_ms()),
            done: Vec::with_capacity(items.len()),
            queued: 0,
            report: Report::default(),
        };
        resumed.queue(store);
        for &position in &resumed.report.failed_before {
            let item = &items[position];
            if let Some(entry) = store.entry(item).await.map_err(ExportError::Store)? {
                progress(Progress::FailedBefore {
                    position,
                    value: &item.value,
                    entry: &entry,
                });
            }
        }
        Ok(resumed)
    }

    /// Adds the items that the store does not hold to the engine.
    fn queue<S: AsyncStore<V> + ?Sized>(&mut self, store: &S) {
        let mut seen = HashSet::new();
        for (position, item) in self.items.iter().enumerate() {
            let state = store.state(item);
            self.done.push(state == ItemState::Done);
            if state != ItemState::Done && !seen.insert(item.id.id) {
                self.engine.skip();
                continue;
            }
            match self
                .engine
                .add(item, item.size, state, store.attempts(item))
            {
                Added::Held => continue,
                Added::FailedBefore => self.report.failed_before.push(position),
                _ => self.queued += 1,
            }
            self.report.missing.push(position);
        }
        self.report.skipped = self.items.len() - self.report.missing.len();
    }
}

impl<V, S, R> Run<'_, V, S, R>
where
    V: Sync,
    S: AsyncStore<V> + ?Sized,
    R: Runtime,
{
    /// Waits until all outcomes are durable, and completes the report.
    async fn end(&self, resumed: &mut Resumed<'_, '_, V>) -> Result<(), ExportError<S::Error>> {
        if let Some(error) = self.lock().error.take() {
            return Err(error);
        }
        self.settle_all().await.map_err(ExportError::Store)?;
        let report = &mut resumed.report;
        let mut state = self.lock();
        state.conclude(report);
        report.missing.retain(|&position| !state.done[position]);
        report.needed_patience = report
            .needed_patience
            .filter(|_| !report.missing.is_empty());
        report.ok = resumed.items.len() - report.skipped - report.missing.len();
        Ok(())
    }
}
