//! The results that every adapter must have with the same servers.
//!
//! For the author of a transport: one test calls [`check`] with a function that makes one export, as `Job` says, over a
//! fresh connection, and returns how it [ended](End). Each scenario starts an emulator, lets the function export from it,
//! and compares the calls of the sink with those in `scenarios.rs`.
//!
//! ```text
//! scenario ─► emulator ◄─ front ◄──TCP── your adapter ─► Checked ─► transcript = expected?
//! ```
//!
//! A function around a client of one's own is some thirty lines; `tests/conformance.rs` of `adapters/embedded-io` is one,
//! blocking and async, and `tests/it/conformance.rs` of `adapters/std` another.
//!
//! The test kit is not published: outside of this repository it is a git dependency, with the feature `conformance`.
//!
//! An adapter that uploads has a second test, which calls [`check_uploads`] in the same way: the items that the emulator
//! has afterwards are compared too.
//!
//! The function must do this:
//! - It sends one request, with `Content-Length`, for the job's items in their order, and makes no second attempt.
//! - It sets [how many items](exportitems::Options::items) it requests, and no other option of its decoder.
//! - It continues after an error of the sink.
//! - Where no SOAP comes it may keep the sink out of it: items that the sink did not hear of count as not answered.

mod front;
mod scenarios;
mod transcript;
mod upload;

use std::net::SocketAddr;

use exportitems::{ExportItems, ItemId, RequestHeaders, RequestServerVersion};
use exportitems_emulator::{item_id, payload, Emulator, DEFAULT_MAILBOX};

use crate::sink::Checked;
use scenarios::{Scenario, SinkFails, SCENARIOS};

pub use upload::{check_uploads, UploadJob};

/// One export to make.
#[derive(Clone, Copy, Debug)]
pub struct Job<'j> {
    /// Where the server listens, without TLS.
    pub address: SocketAddr,
    /// The credentials.
    pub credentials: Credentials,
    /// The items; see [`request`](Self::request).
    pub items: &'j [ItemId<'j>],
}

impl<'j> Job<'j> {
    /// The request, in the version that every server accepts.
    pub fn request(&self) -> ExportItems<'j> {
        ExportItems::new(self.items).headers(self.headers())
    }

    /// The headers of the request.
    pub fn headers(&self) -> RequestHeaders<'static> {
        RequestHeaders::new().server_version(RequestServerVersion::Exchange2010_SP1)
    }

    /// The URL to send the request to.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.address)
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}{}", exportitems::ENDPOINT_PATH)
}

/// The credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Anonymous.
    None,
    /// HTTP Basic.
    Basic {
        /// The user name.
        user: &'static str,
        /// The password.
        password: &'static str,
    },
    /// An OAuth access token.
    Bearer(&'static str),
}

/// The result of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a whole answer. A fault is one, with any status; so is one whose items the sink refused.
    Answer,
    /// The connection or the document ended early or broke.
    Broken,
    /// With something else than SOAP.
    NotSoap {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
}

/// Plays every scenario to an adapter.
///
/// # Panics
/// When the sink is not called as [`Sink`](exportitems::Sink) says, and, after the last scenario, when the
/// adapter made something else of one than is written down.
pub fn check(mut export: impl FnMut(&Job<'_>, &mut Checked) -> End) {
    let differences: Vec<String> = SCENARIOS
        .iter()
        .filter_map(|scenario| play(scenario, &mut export).err())
        .collect();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// Starts an emulator with a scenario file.
fn start(name: &str, scenario: &str) -> Emulator {
    let scenario = exportitems_emulator::Scenario::from_toml(scenario)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    Emulator::start(scenario, loopback).expect("loopback is there")
}

/// One scenario; the error says how the adapter's transcript differs.
fn play(
    scenario: &Scenario,
    export: &mut impl FnMut(&Job<'_>, &mut Checked) -> End,
) -> Result<(), String> {
    let emulator = start(scenario.name, scenario.emulator);
    let sizes = scenario.sizes.iter().zip(1..);
    let ids: Vec<String> = sizes
        .clone()
        .map(|(&size, seed)| item_id(DEFAULT_MAILBOX, seed, size))
        .collect();
    let items: Vec<ItemId<'_>> = ids.iter().map(|id| ItemId::new(id)).collect();
    let job = Job {
        address: scenario.front.stand_before(emulator.address()),
        credentials: scenario.credentials,
        items: &items,
    };
    let mut sink = match scenario.sink_fails {
        SinkFails::Never => Checked::default(),
        SinkFails::ToBegin => Checked::failing_at(0),
        SinkFails::ToWrite => Checked::failing_at(1),
        SinkFails::ToCommit => Checked::failing_to_commit(),
    };
    let end = export(&job, &mut sink);

    let payloads: Vec<Vec<u8>> = sizes
        .map(|(&size, seed)| payload(seed, size).expect("sizes are of items"))
        .collect();
    let expected: Vec<String> = scenario.expected.iter().map(|&it| it.to_owned()).collect();
    let found = transcript::of(end, &sink, &payloads);
    if found != expected {
        let name = scenario.name;
        return Err(format!("{name}: expected {expected:#?}, not {found:#?}"));
    }
    let requests = emulator.requests();
    let asked = requests
        .first()
        .and_then(|request| request.export_items.as_ref());
    // A request that is refused before it is read is not known.
    let as_told = asked.is_none_or(|asked| asked.ids.iter().map(|it| &it.id).eq(&ids));
    if requests.len() != 1 || !as_told {
        return Err(format!("{}: one request, not {requests:#?}", scenario.name));
    }
    Ok(())
}
