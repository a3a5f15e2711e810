//! Exports a list of items into an archive, with as many requests as necessary.

mod batch;
mod clock;
mod error;
mod failure;
mod queue;

use core::time::Duration;
use std::collections::HashSet;

use exportitems::policy::{Advice, Attempt, Disposition, Endpoint, Limits, Policy, Schedule};
use exportitems::{Event, ExportItems, ItemId, Options, RequestHeaders};

pub use error::ExportError;

use crate::archive::{Archive, ArchiveError, Entry, ItemState};
use crate::client::{Answer, Client, ClientError};
use batch::{BatchResult, BatchSink, RunState, TurnedAway};
use clock::Clock;
use failure::Ending;
use queue::{Next, Pending, Queue};

/// The number of consecutive failed requests after which a run that never waits regards the server as down.
const FAILURES_IN_A_ROW: usize = 8;

/// The longest wait between the parts of a request that failed, while others succeed.
const BETWEEN_PARTS: Duration = Duration::from_secs(2);

/// Exports a list of items into an archive.
///
/// - Items that the archive already holds are skipped, so an interrupted export resumes when it is run again. Items that
///   the server has refused permanently are skipped too, unless [`retry_failed`](Self::retry_failed) is set.
/// - Failed items are requested again according to the [`Policy`]. Other items do not wait for them.
/// - A request that fails as a whole is halved repeatedly, until the item that causes the failure is alone.
/// - Requests become smaller, later or use an older version if the server demands it ([`Endpoint`]).
/// - A run ends after [half an hour](Self::patience) without progress.
///
/// ```no_run
/// use exportitems::{ItemId, RequestHeaders};
/// use exportitems_std::{Archive, Client, Exporter, Progress};
///
/// let mut client = Client::builder("https://mail.example.com/EWS/Exchange.asmx").build()?;
/// let mut archive = Archive::open("backup")?;
/// let items = [ItemId::new("AAMkAGYz+NAA="), ItemId::new("AAMkAGYz+OAA=")];
///
/// let exporter = Exporter::new(&mut client, &mut archive, RequestHeaders::new());
/// let report = exporter.run(&items, &mut |progress| {
///     if let Progress::Item { position, entry, .. } = progress {
///         println!("item {position}: {:?}", entry.status);
///     }
/// })?;
/// println!("{} bytes, missing: {:?}", report.bytes, report.missing);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Exporter<'a> {
    client: &'a mut Client,
    archive: &'a mut Archive,
    headers: RequestHeaders<'a>,
    options: Options,
    limits: Limits,
    policy: Policy,
    patience: Duration,
    retry_failed: bool,
    clock: Clock,
}

/// An event of a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// This many bytes of payloads have arrived.
    Bytes(u64),
    /// The outcome of an item is durable.
    ///
    /// An item that is requested again is reported again, and its last outcome counts.
    Item {
        /// The position in the list.
        position: usize,
        /// The line of the manifest.
        entry: &'a Entry,
        /// If the item is requested again, the wait before that.
        again: Option<Duration>,
    },
    /// An item is not requested, because the server refused it permanently in an earlier run.
    FailedBefore {
        /// The position in the list.
        position: usize,
        /// The line of the manifest.
        entry: &'a Entry,
    },
    /// An event of a response that concerns no payload: the server's version, codes and texts.
    Note(&'a Event<'a>),
    /// A response has ended. The outcomes of its items may be reported later.
    Answer(&'a Answer),
    /// The run waits before the next request.
    Wait {
        /// The length of the wait.
        wait: Duration,
        /// The failure of the last request, if it was not a fault.
        failure: Option<&'a ClientError>,
    },
}

/// The result of a run.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The number of items that the archive already held, and of repetitions in the list.
    pub skipped: usize,
    /// The number of exported items.
    pub ok: usize,
    /// The number of bytes of their payloads.
    pub bytes: u64,
    /// The positions of the items that the archive does not hold, or holds in another version.
    pub missing: Vec<usize>,
    /// The positions of missing items that were not requested, because the server refused them permanently in an earlier
    /// run.
    pub failed_before: Vec<usize>,
    /// The number of response messages that were not requested.
    pub unrequested: u64,
    /// The result of the last request, if it ended the run early, or if the server has answered for no item.
    pub stopped: Option<Stop>,
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

impl<'a> Exporter<'a> {
    /// The default of [`patience`](Self::patience), half an hour.
    pub const DEFAULT_PATIENCE: Duration = Duration::from_mins(30);

    /// Makes an exporter whose requests have these headers. Their version is ignored; [`limits`](Self::limits) sets it.
    pub fn new(
        client: &'a mut Client,
        archive: &'a mut Archive,
        headers: RequestHeaders<'a>,
    ) -> Self {
        Self {
            client,
            archive,
            headers,
            options: Options::new(),
            limits: Limits::default(),
            policy: Policy::DEFAULT,
            patience: Self::DEFAULT_PATIENCE,
            retry_failed: false,
            clock: Clock::default(),
        }
    }

    /// Sets the options for responses.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the limits of requests. The default is 20 items per request, because a server works on a request for one
    /// minute at most.
    ///
    /// The limit on connections is ignored, because an exporter uses only one.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the policy for retries.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the longest time without progress, that is, in which no item is exported or given up.
    ///
    /// With zero, the run never waits: it ends when the server is busy, and leaves items that may succeed later to
    /// another run.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets whether items are requested that the server refused permanently in an earlier run.
    pub fn retry_failed(mut self, retry: bool) -> Self {
        self.retry_failed = retry;
        self
    }

    /// Sets the function that waits, instead of [`std::thread::sleep`]. The time counts as passed when it returns.
    pub fn sleep(mut self, sleep: fn(Duration)) -> Self {
        self.clock = Clock::new(Some(sleep));
        self
    }

    /// Runs the export until each item is exported or given up.
    ///
    /// Failures of the server and the network are not errors; they are in the [`Report`].
    ///
    /// Outcomes of earlier sinks of the archive that were not [returned](Archive::published) are discarded.
    ///
    /// # Errors
    /// [`ExportError::Request`] if an item or a header cannot be put into a request; then nothing was sent.
    /// [`ExportError::Archive`] if the archive fails; it keeps the items that it holds.
    pub fn run(
        self,
        items: &[ItemId<'_>],
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Report, ExportError> {
        // Outcomes of earlier sinks do not belong to this run, but they must update the states of their items first.
        while self.archive.wait_published()?.is_some() {}

        let states: Vec<_> = items.iter().map(|item| self.archive.state(item)).collect();
        let done: Vec<_> = (states.iter())
            .map(|&state| state == ItemState::Done)
            .collect();
        let mut seen = HashSet::new();
        let mut missing: Vec<_> = (0..items.len())
            .filter(|&position| !done[position] && seen.insert(items[position].id))
            .collect();
        let with_state = |wanted: &[ItemState]| -> Vec<_> {
            let positions = missing.iter().copied();
            positions
                .filter(|&position| wanted.contains(&states[position]))
                .collect()
        };
        let mut failed = with_state(&[ItemState::Failed]);
        let failed_before = with_state(&[ItemState::FailedPermanently]);
        let suspect = with_state(&[ItemState::Suspect]);
        let fresh = with_state(&[ItemState::New, ItemState::Changed, ItemState::Lost]);
        let mut report = Report {
            skipped: items.len() - missing.len(),
            ..Report::default()
        };
        if self.retry_failed {
            failed.extend(failed_before);
        } else {
            for &position in &failed_before {
                if let Some(entry) = self.archive.entry(items[position].id)? {
                    let entry = &entry;
                    progress(Progress::FailedBefore { position, entry });
                }
            }
            report.failed_before = failed_before;
        }
        // Items with the fewest attempts come first, so that each is requested in one of several runs.
        failed.sort_by_key(|&position| self.archive.attempts(items[position].id));

        let queue = Queue::new(fresh, failed, suspect);
        if !queue.is_empty() {
            // Check the whole list first, so that nothing is sent if any id is not valid.
            let _ = ExportItems::new(items)
                .headers(self.headers)
                .encoder()
                .map_err(|error| ExportError::Request(error.into()))?;

            let waiting = (self.policy, self.patience, self.clock);
            let mut state = RunState::new(items, waiting, done, progress);
            let mut run = Run {
                queue,
                endpoint: Endpoint::new(self.limits),
                parked: Vec::new(),
                unanswered: None,
                exporter: self,
                items,
            };
            report.stopped = run.run(&mut state)?;
            match run.unanswered {
                _ if report.stopped.is_some() => {}
                Some(stop) if !run.parked.is_empty() => report.stopped = Some(stop),
                Some(Stop::Failure(
                    error @ (ClientError::Transport(_)
                    | ClientError::Auth(_)
                    | ClientError::Status(_)),
                )) => {
                    report.unusable = Some(error);
                }
                _ => {}
            }
            report.bytes = state.bytes;
            report.unrequested = state.unrequested;
            missing.retain(|&position| !state.done[position]);
            report.needed_patience = state.needed.filter(|_| !missing.is_empty());
        }
        report.ok = items.len() - report.skipped - missing.len();
        report.missing = missing;
        Ok(report)
    }
}

impl Stop {
    /// Returns whether this is a fault that a repetition does not cure.
    fn is_permanent(&self) -> bool {
        let answer = match self {
            Self::Answer(answer) => answer,
            Self::Failure(ClientError::Response(error)) => &error.answer,
            Self::Failure(_) => return false,
        };
        let fault = answer.summary.fault.as_ref();
        fault.is_some_and(|fault| Advice::of_fault(fault).disposition == Disposition::Permanent)
    }
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

/// The data on which the wait after a request depends.
#[derive(Clone, Copy, Debug)]
struct Waits {
    blame: Blame,
    /// Whether one item was requested alone.
    alone: bool,
    turned_away: TurnedAway,
    /// The wait that the server asks for.
    asked: Duration,
}

/// A run of an exporter.
struct Run<'r, 'a> {
    exporter: Exporter<'a>,
    items: &'r [ItemId<'r>],
    queue: Queue,
    endpoint: Endpoint,
    /// The items that failed alone while the server answered for no item.
    parked: Vec<Pending>,
    /// The result of the last request that was for one item alone and ended its attempts.
    unanswered: Option<Stop>,
}

impl Run<'_, '_> {
    fn run(&mut self, state: &mut RunState<'_>) -> Result<Option<Stop>, ExportError> {
        let stopped = loop {
            let limit = self.endpoint.limits().items;
            match self.queue.next(limit, state.clock.now()) {
                Next::Nothing if state.blames_items(&self.parked) && !self.parked.is_empty() => {
                    let now = state.clock.now();
                    for item in self.parked.drain(..) {
                        let item = Pending::alone(item.position);
                        self.queue.again(item, now);
                    }
                }
                Next::Nothing => break None,
                Next::Wait(wait) => self.wait(state, wait, None)?,
                Next::Batch(batch) => {
                    if let Some(stop) = self.batch(state, &batch)? {
                        break Some(stop);
                    }
                }
            }
        };
        state.settle(self.exporter.archive, true)?;
        Ok(stopped)
    }

    /// Sends one request, handles its response, and waits afterwards.
    fn batch(
        &mut self,
        state: &mut RunState<'_>,
        batch: &[Pending],
    ) -> Result<Option<Stop>, ExportError> {
        let ids: Vec<_> = batch.iter().map(|item| self.items[item.position]).collect();
        let mut attempt = self.endpoint.attempt(batch.len());
        let Exporter {
            client,
            archive,
            headers,
            options,
            ..
        } = &mut self.exporter;
        let headers = headers.server_version(attempt.version());
        let mut sink = BatchSink::new(archive.sink(&ids), state, &mut attempt, batch);
        let result = client.export(&headers, &ids, &mut sink, *options);
        if let Err(
            error @ (ClientError::Transport(_) | ClientError::Auth(_) | ClientError::Status(_)),
        ) = &result
        {
            sink.unanswered(error);
        }
        let BatchResult {
            again,
            left,
            parked,
            answered,
            settled,
            turned_away,
            asked,
            error,
        } = sink.result;
        let result = match (result, error) {
            (Err(error @ (ClientError::Request(_) | ClientError::Header(_))), _) => {
                return Err(ExportError::Request(error));
            }
            (Err(ClientError::Sink(error)), _) => {
                let error = error
                    .downcast()
                    .map_or(ArchiveError::Stopped, |error| *error);
                return Err(ExportError::Archive(error));
            }
            (_, Some(error)) => return Err(ExportError::Archive(error)),
            (result, None) => result,
        };
        // The archive counts attempts, so it must be up to date before an item is requested again.
        state.settle(self.exporter.archive, !again.is_empty())?;

        let ending = Ending::of(&result);
        for (item, ready) in again {
            self.queue.again(item, ready);
        }
        self.put_back(state, ending, left, batch.len());
        state.has_answered |= answered;
        let is_given_up = batch.len() == 1 && !answered && (settled || !parked.is_empty());
        self.parked.extend(parked);
        let is_items_fault = state.blames_items(batch);
        state.received();
        if settled && (answered || is_items_fault && ending == Ending::Divisible) {
            state.last_progress = state.clock.now();
        }
        let is_repeated = matches!(batch, [item] if item.failed_alone > 0);
        if answered {
            state.failures_in_a_row = 0;
        } else if !is_repeated || !is_items_fault {
            state.failures_in_a_row += 1;
        }
        match &result {
            Ok(answer) => (state.progress)(Progress::Answer(answer)),
            Err(ClientError::Response(error)) => {
                (state.progress)(Progress::Answer(&error.answer));
            }
            Err(_) => {}
        }
        let stop = match result {
            Ok(answer) => Stop::Answer(answer),
            Err(error) => Stop::Failure(error),
        };
        let waits = Waits {
            blame: match is_items_fault {
                _ if stop.is_permanent() => Blame::Request,
                true => Blame::Item,
                false => Blame::Server,
            },
            alone: batch.len() == 1,
            turned_away,
            asked,
        };
        let Some(wait) = self.next_wait(state, ending, attempt, waits) else {
            return Ok(Some(stop));
        };
        if !wait.is_zero() && !self.queue.is_empty() {
            let failure = match &stop {
                Stop::Failure(failure) => Some(failure),
                Stop::Answer(_) => None,
            };
            self.wait(state, wait, failure)?;
        }
        if is_given_up {
            self.unanswered = Some(stop);
        }
        Ok(None)
    }

    /// Queues the items without an answer again.
    fn put_back(
        &mut self,
        state: &RunState<'_>,
        ending: Ending,
        mut left: Vec<Pending>,
        requested: usize,
    ) {
        match ending {
            // No item was answered, so the request is halved.
            Ending::Answered | Ending::Divisible if left.len() == requested => {
                let second = left.split_off(left.len().div_ceil(2));
                self.queue.part(left);
                self.queue.part(second);
            }
            Ending::Answered | Ending::Divisible => self.queue.part(left),
            Ending::Refused | Ending::Unreachable | Ending::Hopeless => {
                let now = state.clock.now();
                for item in left {
                    self.queue.again(item, now);
                }
            }
        }
    }

    /// Returns the wait before the next request, or `None` if the run ends.
    fn next_wait(
        &mut self,
        state: &mut RunState<'_>,
        ending: Ending,
        attempt: Attempt,
        Waits {
            blame,
            alone,
            turned_away,
            asked,
        }: Waits,
    ) -> Option<Duration> {
        let is_answered = state.failures_in_a_row == 0;
        // The time without progress ends a run, not the number of attempts.
        let policy = without_end(state.policy);
        let elapsed = millis(state.elapsed());
        let wait = self
            .endpoint
            .end(&policy, attempt, elapsed, random())
            .map(|wait| Duration::from_millis(wait.into()));
        let wait = match ending {
            Ending::Hopeless => return None,
            // If the host was never reached, its name is more likely wrong than the server down.
            Ending::Unreachable if !self.exporter.client.has_connected() => return None,
            Ending::Unreachable | Ending::Refused => wait?,
            // Other items do not wait for an item that may succeed later.
            Ending::Answered if is_answered && turned_away != TurnedAway::Busy => Duration::ZERO,
            Ending::Answered if turned_away == TurnedAway::Busy => wait?,
            _ if self.is_down(state, blame) => return None,
            _ if state.is_impatient() || blame == Blame::Request => Duration::ZERO,
            _ if !asked.is_zero() => {
                let wait = wait.unwrap_or(asked).max(asked);
                // Other items do not wait for hours for one item.
                match blame {
                    Blame::Item if !state.grants(wait) => Duration::ZERO,
                    _ => wait,
                }
            }
            // An unavailable mailbox store refuses every item.
            Ending::Answered if turned_away == TurnedAway::StoreIsDown => wait?,
            _ if state.failures_in_a_row <= 1 => Duration::ZERO,
            // The item has its own wait.
            _ if blame == Blame::Item && alone => Duration::ZERO,
            _ if blame == Blame::Item => wait.unwrap_or_default().min(BETWEEN_PARTS),
            _ => wait.unwrap_or_default(),
        };
        state.grants(wait).then_some(wait)
    }

    /// Returns whether so many consecutive requests have failed that the run should end.
    fn is_down(&self, state: &RunState<'_>, blame: Blame) -> bool {
        let failures = state.failures_in_a_row;
        // This many requests are enough to request each item of a failed request alone.
        let apart = 2 * self.exporter.limits.items.max(1) + FAILURES_IN_A_ROW;
        if blame == Blame::Request {
            let is_first = !state.has_answered && self.queue.has_fresh();
            return failures >= if is_first { FAILURES_IN_A_ROW } else { apart };
        }
        if !state.is_impatient() {
            return state.elapsed() > self.exporter.patience;
        }
        failures >= apart
            || failures >= FAILURES_IN_A_ROW && state.elapsed() > Duration::from_mins(1)
    }

    fn wait(
        &mut self,
        state: &mut RunState<'_>,
        wait: Duration,
        failure: Option<&ClientError>,
    ) -> Result<(), ExportError> {
        state.settle(self.exporter.archive, true)?;
        (state.progress)(Progress::Wait { wait, failure });
        state.clock.sleep(wait);
        Ok(())
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

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Returns random bits for the jitter of waits, or the middle of the range if the system has none.
fn random() -> u32 {
    getrandom::u32().unwrap_or(1 << 31)
}
