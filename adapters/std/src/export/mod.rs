//! The export: a list of items, as many requests as it takes, an archive.

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
use batch::{BatchResult, BatchSink, Ledger, TurnedAway};
use clock::Clock;
use failure::Ending;
use queue::{Next, Pending, Queue};

/// Requests that may fail one after the other, before a run that does not wait takes the server for down.
const FAILURES_IN_A_ROW: usize = 8;

/// The longest wait between the parts of a request that failed, while others succeed.
const BETWEEN_PARTS: Duration = Duration::from_secs(2);

/// Exports a list of items into an archive, through what servers do to long exports.
///
/// - What the archive holds is skipped, so a run that was interrupted is simply run again. So is what the server has
///   refused for good, unless it [is retried](Self::retry_failed).
/// - Items that failed are requested again as [`Policy`] says; their neighbours do not wait for them.
/// - A request that fails as a whole is halved until the item that it fails for is alone.
/// - Requests become smaller, older or later as the server wants it ([`Endpoint`]).
/// - A run waits for as long as it gets on, and for [half an hour](Self::patience) when it does not.
///
/// ```no_run
/// use exportitems::{ExportItems, ItemId};
/// use exportitems_std::{Archive, Client, Exporter, Progress};
///
/// let mut client = Client::builder("https://mail.example.com/EWS/Exchange.asmx").build()?;
/// let mut archive = Archive::open("backup")?;
/// let items = [ItemId::new("AAMkAGYz+NAA="), ItemId::new("AAMkAGYz+OAA=")];
///
/// let report = Exporter::new(&mut client, &mut archive, RequestHeaders::new()).run(&items, &mut |progress| {
///     if let Progress::Item { position, entry, again: None } = progress {
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

/// What a run reports while it runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// So many bytes of a payload have arrived.
    Bytes(u64),
    /// An item's outcome is durable.
    ///
    /// An item that is requested again is reported again; the last time counts.
    Item {
        /// Position in the list.
        position: usize,
        /// The manifest's line.
        entry: &'a Entry,
        /// It is requested again, after this wait at the earliest.
        again: Option<Duration>,
    },
    /// An item is not requested, since the server refused it for good in an earlier run.
    FailedBefore {
        /// Position in the list.
        position: usize,
        /// The manifest's line.
        entry: &'a Entry,
    },
    /// What a response says beside its items: the server's version, codes and texts.
    Note(&'a Event<'a>),
    /// A response is over, well or not; its items have been reported or are on their way.
    Answer(&'a Answer),
    /// Nothing is requested during this time.
    Wait {
        /// How long.
        wait: Duration,
        /// Why, where a request failed as a whole; the entries say what a fault said.
        failure: Option<&'a ClientError>,
    },
}

/// What a run has come to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Items that the archive held already, and repetitions in the list.
    pub skipped: usize,
    /// Items that were exported.
    pub ok: usize,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Positions in the list of the items that the archive does not hold, or not in the version of the list.
    pub missing: Vec<usize>,
    /// Those of them that the server refused for good in an earlier run, and that were not requested.
    pub failed_before: Vec<usize>,
    /// Messages in responses that were not requested.
    pub unrequested: u64,
    /// Why the run ended before everything had been tried, or what the last request was answered where the server
    /// has dealt with no item at all.
    pub stopped: Option<Stop>,
    /// What the last request was answered that failed for one item alone, which is missing for that reason, where
    /// that is no response.
    pub unusable: Option<ClientError>,
    /// The [`patience`](Exporter::patience) that this run would have needed to go on with what is missing, where a
    /// wait was too long for it.
    pub needed_patience: Option<Duration>,
}

/// Why a run ended early: what the last request was answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stop {
    /// Nothing that can be used, for too often or for good.
    Failure(ClientError),
    /// A fault, for too often or for good.
    Answer(Answer),
}

impl<'a> Exporter<'a> {
    /// How long a run waits without progress, unless it is said otherwise: half an hour.
    pub const DEFAULT_PATIENCE: Duration = Duration::from_mins(30);

    /// An export by requests with these headers, except for their version, which [`limits`](Self::limits) sets.
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

    /// What is wanted of responses.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// What to ask of the server at most; 20 items a request by default, since it works on one for a
    /// minute at most.
    ///
    /// Connections do not count: there is one.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// When to ask again, and when to give up.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// How long to wait at most, as the server asks or longer and longer, while no item is exported or given up.
    ///
    /// Zero never waits: a server that says it is busy then ends the run, and an item that may succeed later is left
    /// for another one.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Requests items again that the server has refused for good in an earlier run.
    pub fn retry_failed(mut self, retry: bool) -> Self {
        self.retry_failed = retry;
        self
    }

    /// Waits by this function in place of [`std::thread::sleep`]. Its time counts as passed when it returns.
    pub fn sleep(mut self, sleep: fn(Duration)) -> Self {
        self.clock = Clock::new(Some(sleep));
        self
    }

    /// Exports, until everything is done or given up.
    ///
    /// What the server or the network does is in the [`Report`].
    ///
    /// Outcomes of earlier sinks over the archive that were not [returned](Archive::published) yet are dropped.
    ///
    /// # Errors
    /// [`ExportError::Request`] before anything is sent, where an item or header cannot be requested;
    /// [`ExportError::Archive`] when the archive fails. What it holds by then stays.
    pub fn run(
        self,
        items: &[ItemId<'_>],
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Report, ExportError> {
        // What an earlier sink has left is none of this run, but counts before it.
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
        // Those that cost the least so far come first, so that each has its turn over several runs.
        failed.sort_by_key(|&position| self.archive.attempts(items[position].id));

        let queue = Queue::new(fresh, failed, suspect);
        if !queue.is_empty() {
            // Checks the whole list: nothing is sent for a list that is wrong somewhere.
            let _ = ExportItems::new(items)
                .headers(self.headers)
                .encoder()
                .map_err(|error| ExportError::Request(error.into()))?;

            let waiting = (self.policy, self.patience, self.clock);
            let mut ledger = Ledger::new(items, waiting, done, progress);
            let mut run = Run {
                queue,
                endpoint: Endpoint::new(self.limits),
                parked: Vec::new(),
                unanswered: None,
                exporter: self,
                items,
            };
            report.stopped = run.run(&mut ledger)?;
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
            report.bytes = ledger.bytes;
            report.unrequested = ledger.unrequested;
            missing.retain(|&position| !ledger.done[position]);
            report.needed_patience = ledger.needed.filter(|_| !missing.is_empty());
        }
        report.ok = items.len() - report.skipped - missing.len();
        report.missing = missing;
        Ok(report)
    }
}

impl Stop {
    /// A fault that no repetition cures.
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

/// What is to blame for a request that has failed as a whole, most likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// An item of it.
    Item,
    /// A server that is down.
    Server,
    /// The request: the same one would end in the same way.
    Request,
}

/// What the wait after a request depends on.
#[derive(Clone, Copy, Debug)]
struct Waits {
    blame: Blame,
    /// One item was requested.
    alone: bool,
    turned_away: TurnedAway,
    /// What the server asks for.
    asked: Duration,
}

/// A run under way.
struct Run<'r, 'a> {
    exporter: Exporter<'a>,
    items: &'r [ItemId<'r>],
    queue: Queue,
    endpoint: Endpoint,
    /// Items that failed alone while the server dealt with none.
    parked: Vec<Pending>,
    /// What the last request was answered that failed for one item alone and ended its attempts.
    unanswered: Option<Stop>,
}

impl Run<'_, '_> {
    fn run(&mut self, ledger: &mut Ledger<'_>) -> Result<Option<Stop>, ExportError> {
        let stopped = loop {
            let limit = self.endpoint.limits().items;
            match self.queue.next(limit, ledger.clock.now()) {
                Next::Nothing if ledger.blames_items(&self.parked) && !self.parked.is_empty() => {
                    let now = ledger.clock.now();
                    for item in self.parked.drain(..) {
                        let item = Pending::alone(item.position);
                        self.queue.again(item, now);
                    }
                }
                Next::Nothing => break None,
                Next::Wait(wait) => self.wait(ledger, wait, None)?,
                Next::Batch(batch) => {
                    if let Some(stop) = self.batch(ledger, &batch)? {
                        break Some(stop);
                    }
                }
            }
        };
        ledger.settle(self.exporter.archive, true)?;
        Ok(stopped)
    }

    /// One request, its response, and the wait after it.
    fn batch(
        &mut self,
        ledger: &mut Ledger<'_>,
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
        let mut sink = BatchSink::new(archive.sink(&ids), ledger, &mut attempt, batch);
        let result = client.export(&headers, &ids, &mut sink, *options);
        if let Err(
            error @ (ClientError::Transport(_) | ClientError::Auth(_) | ClientError::Status(_)),
        ) = &result
        {
            sink.unanswered(error, *options);
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
        // What is requested again counts its attempts in the archive.
        ledger.settle(self.exporter.archive, !again.is_empty())?;

        let ending = Ending::of(&result);
        for (item, ready) in again {
            self.queue.again(item, ready);
        }
        self.put_back(ledger, ending, left, batch.len());
        ledger.is_proven |= answered;
        let is_given_up = batch.len() == 1 && !answered && (settled || !parked.is_empty());
        self.parked.extend(parked);
        let is_items_fault = ledger.blames_items(batch);
        ledger.received();
        if settled && (answered || is_items_fault && ending == Ending::Divisible) {
            ledger.brought = ledger.clock.now();
        }
        let is_repeated = matches!(batch, [item] if item.failed_alone > 0);
        if answered {
            ledger.failures_in_a_row = 0;
        } else if !is_repeated || !is_items_fault {
            ledger.failures_in_a_row += 1;
        }
        match &result {
            Ok(answer) => (ledger.progress)(Progress::Answer(answer)),
            Err(ClientError::Response(error)) => {
                (ledger.progress)(Progress::Answer(&error.answer));
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
        let Some(wait) = self.next_wait(ledger, ending, attempt, waits) else {
            return Ok(Some(stop));
        };
        if !wait.is_zero() && !self.queue.is_empty() {
            let failure = match &stop {
                Stop::Failure(failure) => Some(failure),
                Stop::Answer(_) => None,
            };
            self.wait(ledger, wait, failure)?;
        }
        if is_given_up {
            self.unanswered = Some(stop);
        }
        Ok(None)
    }

    /// Puts items back about which nothing was said.
    fn put_back(
        &mut self,
        ledger: &Ledger<'_>,
        ending: Ending,
        mut left: Vec<Pending>,
        requested: usize,
    ) {
        match ending {
            // Nothing has answered at all: one half, and then the other.
            Ending::Answered | Ending::Divisible if left.len() == requested => {
                let second = left.split_off(left.len().div_ceil(2));
                self.queue.part(left);
                self.queue.part(second);
            }
            Ending::Answered | Ending::Divisible => self.queue.part(left),
            Ending::Refused | Ending::Unreachable | Ending::Hopeless => {
                let now = ledger.clock.now();
                for item in left {
                    self.queue.again(item, now);
                }
            }
        }
    }

    /// How long to wait before the next request; `None` ends the run.
    fn next_wait(
        &mut self,
        ledger: &mut Ledger<'_>,
        ending: Ending,
        attempt: Attempt,
        Waits {
            blame,
            alone,
            turned_away,
            asked,
        }: Waits,
    ) -> Option<Duration> {
        let is_answered = ledger.failures_in_a_row == 0;
        // The time without progress is what ends a run, not the number of attempts.
        let policy = without_end(ledger.policy);
        let elapsed = millis(ledger.elapsed());
        let wait = self
            .endpoint
            .end(&policy, attempt, elapsed, random())
            .map(|wait| Duration::from_millis(wait.into()));
        let wait = match ending {
            Ending::Hopeless => return None,
            // A host that was never reached has a wrong name more often than an outage.
            Ending::Unreachable if !self.exporter.client.has_connected() => return None,
            Ending::Unreachable | Ending::Refused => wait?,
            // Neighbours do not wait for an item that may succeed later.
            Ending::Answered if is_answered && turned_away != TurnedAway::Busy => Duration::ZERO,
            Ending::Answered if turned_away == TurnedAway::Busy => wait?,
            _ if self.is_down(ledger, blame) => return None,
            _ if ledger.is_impatient() || blame == Blame::Request => Duration::ZERO,
            _ if !asked.is_zero() => {
                let wait = wait.unwrap_or(asked).max(asked);
                // Its neighbours do not wait for hours for it.
                match blame {
                    Blame::Item if !ledger.grants(wait) => Duration::ZERO,
                    _ => wait,
                }
            }
            // A store that is down refuses every item alike.
            Ending::Answered if turned_away == TurnedAway::StoreIsDown => wait?,
            _ if ledger.failures_in_a_row <= 1 => Duration::ZERO,
            // It has a wait of its own.
            _ if blame == Blame::Item && alone => Duration::ZERO,
            _ if blame == Blame::Item => wait.unwrap_or_default().min(BETWEEN_PARTS),
            _ => wait.unwrap_or_default(),
        };
        ledger.grants(wait).then_some(wait)
    }

    /// Whether so many requests have failed one after the other that the server, or the request itself, is to blame.
    fn is_down(&self, ledger: &Ledger<'_>, blame: Blame) -> bool {
        let failures = ledger.failures_in_a_row;
        // Enough to tell the items of one request apart.
        let apart = 2 * self.exporter.limits.items.max(1) + FAILURES_IN_A_ROW;
        if blame == Blame::Request {
            let is_first = !ledger.is_proven && self.queue.has_fresh();
            return failures >= if is_first { FAILURES_IN_A_ROW } else { apart };
        }
        if !ledger.is_impatient() {
            return ledger.elapsed() > self.exporter.patience;
        }
        failures >= apart
            || failures >= FAILURES_IN_A_ROW && ledger.elapsed() > Duration::from_mins(1)
    }

    fn wait(
        &mut self,
        ledger: &mut Ledger<'_>,
        wait: Duration,
        failure: Option<&ClientError>,
    ) -> Result<(), ExportError> {
        ledger.settle(self.exporter.archive, true)?;
        (ledger.progress)(Progress::Wait { wait, failure });
        ledger.clock.sleep(wait);
        Ok(())
    }
}

/// The same waits, any number of times.
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

/// Random bits for the jitter of waits; without any, the middle.
fn random() -> u32 {
    getrandom::u32().unwrap_or(1 << 31)
}
