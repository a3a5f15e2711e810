//! Metrics of a worker for Prometheus.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use exportitems_fleet::{Event, State};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder};

use crate::output::say;
use crate::status::Failure;

/// The default address.
const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9741);

/// Where metrics are served.
#[derive(Clone, Debug, clap::Args)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
pub(super) struct MetricsOption {
    /// Serve metrics for Prometheus at http://ADDRESS/metrics, or off. The default is 127.0.0.1:9741, or a free
    /// port if another worker has that one; the worker prints the address.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    metrics: Option<Address>,
}

#[derive(Clone, Copy, Debug)]
enum Address {
    Off,
    At(SocketAddr),
}

fn address(text: &str) -> Result<Address, &'static str> {
    match text {
        "off" => Ok(Address::Off),
        text => text
            .parse()
            .map(Address::At)
            .map_err(|_| "write an address and a port such as 127.0.0.1:9741, or off"),
    }
}

impl MetricsOption {
    /// Begins to serve metrics, on a thread of its own.
    pub(super) fn install(&self) -> Result<(), Failure> {
        let address = match self.metrics {
            Some(Address::Off) => return Ok(()),
            Some(Address::At(address)) => free_port(address),
            None => free_port(DEFAULT).or_else(|_| free_port(SocketAddr::new(DEFAULT.ip(), 0))),
        };
        let address = address.map_err(|error| Failure::local("--metrics", &error))?;
        let installed = PrometheusBuilder::new()
            .with_http_listener(address)
            .install();
        installed.map_err(|error: BuildError| Failure::Local(format!("--metrics: {error}")))?;
        describe();
        say(&format!("metrics are at http://{address}/metrics"));
        Ok(())
    }
}

/// Returns the address, with a free port in place of 0, if nothing listens there.
fn free_port(address: SocketAddr) -> std::io::Result<SocketAddr> {
    TcpListener::bind(address)?.local_addr()
}

fn describe() {
    metrics::describe_counter!(
        "exportitems_jobs_started_total",
        "Jobs that were delivered to this worker"
    );
    metrics::describe_counter!(
        "exportitems_jobs_done_total",
        "Mailboxes that were backed up"
    );
    metrics::describe_counter!(
        "exportitems_jobs_dead_total",
        "Jobs that were removed after too many deliveries without progress"
    );
    metrics::describe_counter!(
        "exportitems_jobs_handed_back_total",
        "Jobs that were handed back to the queue"
    );
    metrics::describe_counter!(
        "exportitems_leases_lost_total",
        "Jobs whose lease ended before their delivery did"
    );
    metrics::describe_counter!(
        "exportitems_logins_refused_total",
        "Servers whose jobs were parked"
    );
    metrics::describe_counter!(
        "exportitems_queue_errors_total",
        "Times when the queue became unreachable"
    );
    metrics::describe_gauge!("exportitems_job_running", "Whether this worker has a job");
}

/// Counts an event.
pub(super) fn count(event: &Event<'_>) {
    let running = metrics::gauge!("exportitems_job_running");
    match event {
        Event::Started { .. } => running.set(1),
        Event::Ended(_) | Event::HandedBack { .. } | Event::LeaseLost(_) => running.set(0),
        _ => {}
    }
    let name = match event {
        Event::Started { .. } => "exportitems_jobs_started_total",
        Event::Ended(record) if record.state == State::Done => "exportitems_jobs_done_total",
        Event::Ended(_) => "exportitems_jobs_dead_total",
        Event::HandedBack { .. } => "exportitems_jobs_handed_back_total",
        Event::LeaseLost(_) => "exportitems_leases_lost_total",
        Event::Parked { .. } => "exportitems_logins_refused_total",
        Event::Unreachable(_) => "exportitems_queue_errors_total",
        _ => return,
    };
    metrics::counter!(name).increment(1);
}
