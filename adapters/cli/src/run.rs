//! The options of every command that exports items.

use core::time::Duration;

use clap::value_parser;
use exportitems::policy::Limits;
use exportitems::{Options, RequestServerVersion};
use exportitems_std::Exporter;

use crate::integrity::IntegrityOption;
use crate::size::SizeOption;

/// How items are requested: how many at once, over how many connections, and for how long.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
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

    /// Sets these options of an exporter, and the version of its requests.
    pub(crate) fn apply<'a, S>(
        &'a self,
        exporter: Exporter<'a, S>,
        version: RequestServerVersion,
    ) -> Exporter<'a, S> {
        self.apply_shared(exporter, version, self.connections())
    }

    /// Sets these options of an exporter that has only some of the connections.
    pub(crate) fn apply_shared<'a, S>(
        &'a self,
        exporter: Exporter<'a, S>,
        version: RequestServerVersion,
        connections: usize,
    ) -> Exporter<'a, S> {
        let options = Options::new().integrity(self.integrity.get());
        exporter
            .options(self.size.limit(options))
            .limits(Limits {
                items: usize::try_from(self.batch_size).unwrap_or(usize::MAX),
                connections,
                version,
            })
            .patience(self.patience())
            .retry_failed(self.retry_failed)
    }
}
