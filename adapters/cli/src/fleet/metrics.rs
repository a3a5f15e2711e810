//! Metrics of a worker for Prometheus.

use core::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use exportitems_fleet::{Event, State};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::output::say;
use crate::status::Failure;

/// The default address.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9741);

/// The format of the text, by the OpenMetrics specification.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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
    /// Begins to serve these metrics, on a thread of its own.
    pub(super) fn serve(&self, metrics: &Metrics) -> Result<(), Failure> {
        let listener = match self.metrics {
            Some(Address::Off) => return Ok(()),
            Some(Address::At(address)) => TcpListener::bind(address),
            None => TcpListener::bind(DEFAULT)
                .or_else(|_| TcpListener::bind(SocketAddr::new(DEFAULT.ip(), 0))),
        };
        let failed = |error: io::Error| Failure::local("--metrics", &error);
        let listener = listener.map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let registry = Arc::clone(&metrics.registry);
        thread::spawn(move || {
            if let Err(error) = serve(listener, &registry) {
                say(&format!("the metrics are not served any more: {error}"));
            }
        });
        say(&format!("metrics are at http://{address}/metrics"));
        Ok(())
    }
}

/// Answers requests for the metrics.
fn serve(listener: TcpListener, registry: &Arc<Registry>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let registry = Arc::clone(registry);
            let answer = service_fn(move |request: hyper::Request<_>| {
                let answer = answer(&request, &registry);
                async { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // A client that disconnects is no failure.
            tokio::spawn(async { connection.await.ok() });
        }
    })
}

fn answer(
    request: &hyper::Request<hyper::body::Incoming>,
    registry: &Registry,
) -> Response<String> {
    let mut text = String::new();
    let is_known = request.uri().path() == "/metrics";
    let status = match is_known.then(|| encode(&mut text, registry)) {
        Some(Ok(())) => StatusCode::OK,
        Some(Err(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        None => StatusCode::NOT_FOUND,
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let content_type = hyper::header::HeaderValue::from_static(OPEN_METRICS);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// The numbers of a worker.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Arc<Registry>,
    started: Counter,
    done: Counter,
    dead: Counter,
    handed_back: Counter,
    leases_lost: Counter,
    parked: Counter,
    unreachable: Counter,
    running: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("exportitems");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let started = counter("jobs_started", "Jobs that were delivered to this worker");
        let done = counter("jobs_done", "Mailboxes that were backed up");
        let dead = counter(
            "jobs_dead",
            "Jobs that were removed after too many deliveries without progress",
        );
        let handed_back = counter(
            "jobs_handed_back",
            "Jobs that were handed back to the queue",
        );
        let leases_lost = counter(
            "leases_lost",
            "Jobs whose lease ended before their delivery did",
        );
        let parked = counter("servers_parked", "Times when a server was found parked");
        let unreachable = counter(
            "queue_unreachable",
            "Times when the queue became unreachable",
        );
        let running = Gauge::default();
        registry.register(
            "job_running",
            "Whether this worker has a job",
            running.clone(),
        );
        Self {
            registry: Arc::new(registry),
            started,
            done,
            dead,
            handed_back,
            leases_lost,
            parked,
            unreachable,
            running,
        }
    }

    /// Counts an event.
    pub(super) fn count(&self, event: &Event<'_>) {
        match event {
            Event::Started { .. } => self.running.set(1),
            Event::Ended(_) | Event::HandedBack { .. } | Event::LeaseLost(_) => self.running.set(0),
            _ => 0,
        };
        let counter = match event {
            Event::Started { .. } => &self.started,
            Event::Ended(record) if record.state == State::Done => &self.done,
            Event::Ended(_) => &self.dead,
            Event::HandedBack { .. } => &self.handed_back,
            Event::LeaseLost(_) => &self.leases_lost,
            Event::Parked { .. } => &self.parked,
            Event::Unreachable(_) => &self.unreachable,
            _ => return,
        };
        counter.inc();
    }
}
