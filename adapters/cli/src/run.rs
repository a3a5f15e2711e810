//! The options of every command that exports items.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use clap::value_parser;
use exportitems::policy::Limits;
use exportitems::{Options, RequestServerVersion};
use exportitems_std::backup::Backup;
use exportitems_std::list::Lister;
use exportitems_std::{
    error_chain, ClientError, Counter, Exporter, RateLimit, Totals, Why, Window,
};
use jiff::Zoned;

use crate::integrity::IntegrityOption;
use crate::interrupt;
use crate::mailbox::count;
use crate::size::SizeOption;
use crate::status::Status;

/// How items are requested: how many at once, over how many connections, and for how long.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
#[allow(clippy::struct_excessive_bools)] // each is an option
pub(crate) struct RunOptions {
    /// Request at most this many items at once. Microsoft recommends no more than 100. Use a smaller number
    /// for large items, because a server works on a request for one minute at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u32).range(1..))]
    batch_size: u32,
    /// Use at most this many connections. Fewer are used while the server is busy or refuses some.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u16).range(1..=64))]
    connections: u16,
    #[command(flatten)]
    size: SizeOption,
    /// Wait at most this many seconds without progress: as long as the server asks, and for increasing times
    /// between attempts that may succeed later. With 0 the command never waits: it ends when the server is
    /// busy, and leaves items that may succeed later to the next run.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    retry_for: u32,
    #[command(flatten)]
    integrity: IntegrityOption,
    /// Request items again that the server refused permanently in an earlier run.
    #[arg(long)]
    retry_failed: bool,
    /// Receive at most this many bytes of items per second, over all connections together. The suffixes k, M
    /// and G multiply it by 1024, 1024² and 1024³.
    #[arg(long, value_name = "SIZE", value_parser = crate::size::bytes)]
    limit_rate: Option<u64>,
    /// Send requests only in this part of the day, local time, such as 20:00-06:00. When it ends, the
    /// responses on the wire are stored, and the command waits for its next beginning.
    #[arg(long, value_name = "FROM-TO")]
    window: Option<Window>,
    /// End the command with status 5 when the window closes, instead of waiting for its next beginning.
    #[arg(long, requires = "window")]
    exit_after_window: bool,
    /// Print a line for each item, not only for those that fail. With --json, each item has a line anyway.
    #[arg(short, long)]
    verbose: bool,
    /// Print no progress and no notes.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
}

/// How much a run prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Failed items and the end of the run.
    Quiet,
    /// Failed items, notes and progress.
    Failures,
    /// All items, notes and progress.
    Everything,
}

/// What controls the exporters of a command, which share it.
pub(crate) struct Control {
    rate: Option<RateLimit>,
    /// Returns the time until requests may be sent.
    closed_for: Box<dyn Fn() -> Duration + Sync>,
    /// Whether the window has closed and ended the command.
    has_closed: Arc<AtomicBool>,
    /// What all exporters and lists count.
    totals: Totals,
    _graceful: interrupt::Graceful,
}

impl Control {
    /// Sets what ends or delays the requests of a list.
    pub(crate) fn list<'a>(&'a self, lister: Lister<'a>) -> Lister<'a> {
        (lister.interrupt(interrupt::stop_flag()))
            .closed_for(&*self.closed_for)
            .counters(&self.totals)
    }

    /// Sets what ends or delays the lists of a backup.
    pub(crate) fn back_up<'a>(&'a self, backup: Backup<'a>) -> Backup<'a> {
        (backup.interrupt(interrupt::stop_flag()))
            .closed_for(&*self.closed_for)
            .counters(&self.totals)
    }

    /// Describes the requests and waits so far.
    pub(crate) fn requests(&self) -> String {
        let total = |counter| self.totals.get(counter);
        let requests = count(total(Counter::Requests), "request", "requests");
        let failed = match total(Counter::FailedRequests) {
            0 => String::new(),
            failed => format!(", {failed} of them failed"),
        };
        let waits = match total(Counter::Waits) {
            0 => String::new(),
            waits => {
                let seconds = total(Counter::WaitMilliseconds).div_ceil(1000);
                format!("; {} of {seconds} s in all", count(waits, "wait", "waits"))
            }
        };
        requests + &failed + &waits
    }

    /// Returns the status of a command that was ended by a signal or because its window closed.
    pub(crate) fn ended(&self) -> Option<Status> {
        if self.has_closed.load(Ordering::Relaxed) {
            Some(Status::WindowClosed)
        } else {
            let is_stopped = interrupt::stop_flag().load(Ordering::Relaxed);
            is_stopped.then_some(Status::Interrupted)
        }
    }
}

impl Drop for Control {
    /// Writes what the command has counted to the log.
    fn drop(&mut self) {
        let count = |counter: Counter| (counter.name(), self.totals.get(counter));
        tracing::info!(counters = ?BTreeMap::from(Counter::ALL.map(count)), "ended");
    }
}

/// Returns the time until the window opens.
fn closed_for(window: Window) -> Duration {
    let now = Zoned::now();
    let [hour, minute, second] = [now.hour(), now.minute(), now.second()].map(i8::unsigned_abs);
    let second_of_day = u32::from(hour) * 3600 + u32::from(minute) * 60 + u32::from(second);
    Duration::from_secs(window.closed_for(second_of_day).into())
}

impl RunOptions {
    /// Returns the largest number of connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.into()
    }

    /// Returns the longest time without progress.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.retry_for.into())
    }

    /// Returns how much is printed.
    pub(crate) const fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, false) => Detail::Failures,
            (false, true) => Detail::Everything,
        }
    }

    /// Returns what controls the exporters of a command. The first Ctrl-C ends them gracefully.
    pub(crate) fn control(&self) -> Control {
        let has_closed = Arc::new(AtomicBool::new(false));
        let (window, exits, closed) =
            (self.window, self.exit_after_window, Arc::clone(&has_closed));
        let closed_for = move || {
            let wait = window.map_or(Duration::ZERO, closed_for);
            if exits && !wait.is_zero() {
                closed.store(true, Ordering::Relaxed);
                interrupt::stop_flag().store(true, Ordering::Relaxed);
            }
            wait
        };
        Control {
            rate: self.limit_rate.map(RateLimit::new),
            closed_for: Box::new(closed_for),
            has_closed,
            totals: Totals::default(),
            _graceful: interrupt::gracefully(),
        }
    }

    /// Sets these options of an exporter, and the version of its requests.
    pub(crate) fn apply<'a, S>(
        &'a self,
        exporter: Exporter<'a, S>,
        version: RequestServerVersion,
        control: &'a Control,
    ) -> Exporter<'a, S> {
        let options = Options::new().integrity(self.integrity.get());
        let exporter = match &control.rate {
            Some(rate) => exporter.limit_rate(rate.clone()),
            None => exporter,
        };
        exporter
            .interrupt(interrupt::stop_flag())
            .closed_for(&*control.closed_for)
            .counters(&control.totals)
            .options(self.size.limit(options))
            .limits(Limits {
                items: usize::try_from(self.batch_size).unwrap_or(usize::MAX),
                connections: self.connections(),
                version,
            })
            .patience(self.patience())
            .retry_failed(self.retry_failed)
    }
}

/// Describes a wait of an export, with the failure that it follows.
pub(crate) fn waiting(wait: Duration, why: Why, failure: Option<&ClientError>) -> String {
    let cause = match (failure, why) {
        (Some(failure), _) => format!(": {}", error_chain(failure)),
        (None, Why::Held) => " for the window to open".to_owned(),
        (None, Why::Items) => " for the next attempt at the items that are left".to_owned(),
        (None, _) => " for the server".to_owned(),
    };
    format!("waiting {}{cause}", seconds(wait))
}

/// Formats a wait in whole seconds.
pub(crate) fn seconds(wait: Duration) -> String {
    format!("{} s", wait.as_secs_f32().ceil())
}
