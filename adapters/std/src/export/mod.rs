//! The export: a list of items, as many requests as it takes, an archive.

mod batch;
mod error;
mod queue;

use core::time::Duration;
use std::collections::HashSet;
use std::thread;
use std::time::Instant;

use exportitems::policy::{Disposition, Endpoint, Limits, Policy};
use exportitems::{Event, ExportItems, ItemId, Options};

pub use error::ExportError;

use crate::archive::{Archive, ArchiveError, Entry};
use crate::client::{Answer, Client, ClientError};
use batch::{BatchSink, Ledger};
use queue::{Next, Pending, Queue};

/// Exports a list of items into an archive, through what servers do to long exports.
///
/// - What the archive holds is skipped, so a run that was interrupted is simply run again.
/// - Items that failed are asked for again as [`Policy`] says; their neighbours do not wait for them.
/// - Requests become smaller, older or later as the server wants it ([`Endpoint`]).
///
/// ```no_run
/// use exportitems::{ExportItems, ItemId};
/// use exportitems_std::{Archive, Client, Exporter, Progress};
///
/// let mut client = Client::builder("https://mail.example.com/EWS/Exchange.asmx").build()?;
/// let mut archive = Archive::open("backup")?;
/// let items = [ItemId::new("AAMkAGYz+NAA="), ItemId::new("AAMkAGYz+OAA=")];
///
/// let report = Exporter::new(&mut client, &mut archive, ExportItems::new(&[])).run(&items, &mut |progress| {
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
    request: ExportItems<'a>,
    options: Options,
    limits: Limits,
    policy: Policy,
    max_wait: Duration,
}

/// What a run tells while it runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// So many bytes of a payload have arrived.
    Bytes(u64),
    /// An item's outcome is durable.
    ///
    /// An item is told of again when it is asked for again; the last time counts.
    Item {
        /// Position in the list.
        position: usize,
        /// The manifest's line.
        entry: &'a Entry,
        /// It is asked for again, after this wait at the earliest.
        again: Option<Duration>,
    },
    /// What a response says beside its items: the server's version, codes and texts.
    Note(&'a Event<'a>),
    /// A response is over, well or not; its items have been told or are on their way.
    Answer(&'a Answer),
    /// Nothing is asked for during this time.
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
    /// Positions in the list of the items that the archive does not hold.
    pub missing: Vec<usize>,
    /// Why the run ended before everything had been tried.
    pub stopped: Option<Stop>,
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
    /// An export by requests with the headers of `request`; their version is that of [`limits`](Self::limits).
    pub fn new(client: &'a mut Client, archive: &'a mut Archive, request: ExportItems<'a>) -> Self {
        Self {
            client,
            archive,
            request,
            options: Options::new(),
            limits: Limits::default(),
            policy: Policy::DEFAULT,
            max_wait: Duration::from_millis(Policy::MAX_WAIT_MS.into()),
        }
    }

    /// What is wanted of responses.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// What to ask of the server at most; 20 items a request if not told, since it works on one for a
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

    /// The longest single wait that is worth waiting in this run; an hour if not told.
    ///
    /// A truncated item or a busy server that wants more is left for another run.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Exports, until everything is done or given up.
    ///
    /// What the server or the network does is in the [`Report`].
    ///
    /// # Errors
    /// [`ExportError::Request`] before anything is sent, where an item or header cannot be asked for;
    /// [`ExportError::Archive`] when the archive fails. What it holds by then stays.
    pub fn run(
        self,
        items: &[ItemId<'_>],
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Report, ExportError> {
        let done: Vec<_> = items
            .iter()
            .map(|item| self.archive.is_done(item.id))
            .collect();
        let mut seen = HashSet::new();
        let asked: Vec<_> = (0..items.len())
            .filter(|&position| !done[position] && seen.insert(items[position].id))
            .collect();
        let mut report = Report {
            skipped: items.len() - asked.len(),
            ..Report::default()
        };
        if asked.is_empty() {
            return Ok(report);
        }
        // Checks the whole list: nothing is sent for a list that is wrong somewhere.
        let _ = self
            .request
            .items(items)
            .encoder()
            .map_err(|error| ExportError::Request(error.into()))?;

        let mut ledger = Ledger::new(self.policy, self.max_wait, done, progress);
        report.stopped = Run {
            queue: Queue::new(asked.clone()),
            endpoint: Endpoint::new(self.limits),
            brought: Instant::now(),
            exporter: self,
            items,
        }
        .run(&mut ledger)?;
        report.bytes = ledger.bytes;
        report.missing = asked;
        report.missing.retain(|&position| !ledger.done[position]);
        report.ok = items.len() - report.skipped - report.missing.len();
        Ok(report)
    }
}

/// A run under way.
struct Run<'r, 'a> {
    exporter: Exporter<'a>,
    items: &'r [ItemId<'r>],
    queue: Queue,
    endpoint: Endpoint,
    /// When a request last brought anything.
    brought: Instant,
}

impl Run<'_, '_> {
    fn run(mut self, ledger: &mut Ledger<'_>) -> Result<Option<Stop>, ExportError> {
        let stopped = loop {
            match self
                .queue
                .next(self.endpoint.limits().items, Instant::now())
            {
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

    /// One request, its response, and the wait behind it.
    fn batch(
        &mut self,
        ledger: &mut Ledger<'_>,
        batch: &[Pending],
    ) -> Result<Option<Stop>, ExportError> {
        let ids: Vec<_> = batch.iter().map(|item| self.items[item.position]).collect();
        let mut exchange = self.endpoint.exchange(batch.len());
        let Exporter {
            client,
            archive,
            request,
            options,
            ..
        } = &mut self.exporter;
        let request = request.server_version(exchange.version());
        let mut sink = BatchSink::new(archive.sink(&ids), ledger, &mut exchange, batch);
        let result = client.export(&request, &ids, &mut sink, *options);
        let result = match result {
            Err(error @ (ClientError::Request(_) | ClientError::Header(_))) => {
                return Err(ExportError::Request(error));
            }
            Err(ClientError::Sink(error)) => {
                let error = error
                    .downcast()
                    .map_or(ArchiveError::Stopped, |error| *error);
                return Err(ExportError::Archive(error));
            }
            Err(error @ (ClientError::Transport(_) | ClientError::Status(_))) => {
                sink.unanswered(&error, *options);
                Err(error)
            }
            result => result,
        };
        let (again, answered) = (sink.again, sink.answered);
        // What is asked for again counts its attempts in the archive.
        ledger.settle(self.exporter.archive, !again.is_empty())?;
        for (item, ready) in again {
            self.queue.again(item, ready);
        }

        if answered {
            self.brought = Instant::now();
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
        // The next handshake would find the same certificate, and a host that was never reached has a wrong
        // name more often than an outage.
        let has_connected = self.exporter.client.has_connected();
        let hopeless = matches!(&stop, Stop::Failure(error)
            if error.disposition() == Disposition::Permanent || !has_connected);
        let elapsed = millis(self.brought.elapsed());
        let wait = self
            .endpoint
            .end(&ledger.policy, exchange, elapsed, random())
            .map(|wait| Duration::from_millis(wait.into()))
            .filter(|wait| *wait <= ledger.max_wait && !hopeless);
        let Some(wait) = wait else {
            return Ok(Some(stop));
        };
        if !wait.is_zero() && !self.queue.is_empty() {
            let failure = match &stop {
                Stop::Failure(failure) => Some(failure),
                Stop::Answer(_) => None,
            };
            self.wait(ledger, wait, failure)?;
        }
        Ok(None)
    }

    fn wait(
        &mut self,
        ledger: &mut Ledger<'_>,
        wait: Duration,
        failure: Option<&ClientError>,
    ) -> Result<(), ExportError> {
        ledger.settle(self.exporter.archive, true)?;
        (ledger.progress)(Progress::Wait { wait, failure });
        thread::sleep(wait);
        Ok(())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Random bits for the jitter of waits; without any, the middle.
fn random() -> u32 {
    getrandom::u32().unwrap_or(1 << 31)
}
