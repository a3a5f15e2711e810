//! Uploads: the job, its scenarios, and what the server has afterwards.

use std::net::SocketAddr;

use exportitems::{FolderId, RequestHeaders, RequestServerVersion, UploadItem, UploadItems};
use exportitems_emulator::payload;

use super::front::Front;
use super::{start, transcript, url, Credentials, End};
use crate::sink::Checked;

/// The mailbox that receives the items.
const MAILBOX: &str = "pat@example.test";

/// One upload to make.
#[derive(Clone, Copy, Debug)]
pub struct UploadJob<'j> {
    /// Where the server listens, without TLS.
    pub address: SocketAddr,
    /// The credentials.
    pub credentials: Credentials,
    /// The items; see [`request`](Self::request).
    pub items: &'j [UploadItem<'j>],
    /// The data of each item.
    pub data: &'j [Vec<u8>],
}

impl<'j> UploadJob<'j> {
    /// The request, in the version that every server accepts.
    pub fn request(&self) -> UploadItems<'j> {
        UploadItems::new(self.items).headers(self.headers())
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

/// One scenario. `expected` is the transcript, in which a stored item is `whole`.
#[derive(Debug)]
struct Scenario {
    name: &'static str,
    emulator: &'static str,
    front: Front,
    credentials: Credentials,
    /// Bytes of the items.
    sizes: &'static [u64],
    /// The item whose data lack their last byte.
    broken: Option<usize>,
    expected: &'static [&'static str],
    /// The items that the server has afterwards.
    stored: &'static [usize],
}

/// Three items of which nothing goes wrong.
const PLAIN: Scenario = Scenario {
    name: "upload",
    emulator: "",
    front: Front::None,
    credentials: Credentials::None,
    sizes: &[700, 20_000, 3_001],
    broken: None,
    expected: &[
        "answer",
        "complete: 3 ok, 0 failed",
        "whole",
        "whole",
        "whole",
    ],
    stored: &[0, 1, 2],
};

/// A scenario in which the server stores nothing.
const NOTHING: Scenario = Scenario {
    stored: &[],
    ..PLAIN
};

const BASIC: &str = "auth = { basic = { user = 'CONTOSO\\backup', password = 'correct horse' } }";

const SCENARIOS: &[Scenario] = &[
    PLAIN,
    Scenario {
        name: "upload, close-delimited",
        emulator: "framing = 'content-length'",
        front: Front::CloseDelimited,
        ..PLAIN
    },
    Scenario {
        name: "upload, 100-continue",
        front: Front::Interim,
        ..PLAIN
    },
    Scenario {
        name: "upload, response in single bytes",
        front: Front::Bytewise,
        ..PLAIN
    },
    Scenario {
        name: "upload of a large item",
        sizes: &[700, 4 << 20, 700],
        ..PLAIN
    },
    Scenario {
        name: "upload to Exchange Online",
        emulator: "style = 'online'",
        ..PLAIN
    },
    Scenario {
        name: "upload with Basic",
        emulator: BASIC,
        credentials: Credentials::Basic {
            user: "CONTOSO\\backup",
            password: "correct horse",
        },
        ..PLAIN
    },
    Scenario {
        name: "upload with a wrong password",
        emulator: BASIC,
        credentials: Credentials::Basic {
            user: "CONTOSO\\backup",
            password: "wrong",
        },
        expected: &[
            "HTTP 401",
            "failed: not-answered",
            "failed: not-answered",
            "failed: not-answered",
        ],
        ..NOTHING
    },
    // --- one item's failure is not its neighbours' ---
    Scenario {
        name: "upload of corrupt data",
        broken: Some(1),
        expected: &[
            "answer",
            "complete: 2 ok, 1 failed",
            "whole",
            "failed: refused, ErrorCorruptData",
            "whole",
        ],
        stored: &[0, 2],
        ..PLAIN
    },
    Scenario {
        name: "upload of an item that is too large",
        emulator: "uploads = { largest-item = 10_000 }",
        expected: &[
            "answer",
            "complete: 2 ok, 1 failed",
            "whole",
            "failed: refused, ErrorMessageSizeExceeded",
            "whole",
        ],
        stored: &[0, 2],
        ..PLAIN
    },
    // --- requests that are too large ---
    Scenario {
        name: "upload refused with 413",
        emulator: "uploads = { largest-request = 10_000, too-large = 'content-too-large' }",
        sizes: &[700, 4 << 20, 700],
        expected: &[
            "HTTP 413",
            "failed: not-answered",
            "failed: not-answered",
            "failed: not-answered",
        ],
        ..NOTHING
    },
    Scenario {
        name: "upload that is reset",
        emulator: "uploads = { largest-request = 10_000, too-large = 'reset' }",
        sizes: &[700, 4 << 20, 700],
        expected: BROKEN,
        ..NOTHING
    },
    // --- connections that end early ---
    Scenario {
        name: "upload without a response, nothing stored",
        emulator: "request = [{ answer = 'hang-up' }]",
        expected: BROKEN,
        ..NOTHING
    },
    Scenario {
        name: "upload without a response, all stored",
        emulator: "request = [{ answer = 'hang-up-after' }]",
        expected: BROKEN,
        ..PLAIN
    },
    Scenario {
        name: "upload with a fault",
        emulator:
            "request = [{ answer = { fault = { code = 'ErrorServerBusy', back-off-ms = 700 } } }]",
        expected: &[
            "answer",
            "fault: 0 ok, 3 failed, ErrorServerBusy, back off 700 ms",
            "failed: not-answered",
            "failed: not-answered",
            "failed: not-answered",
        ],
        ..NOTHING
    },
    Scenario {
        name: "upload, 503 with Retry-After",
        emulator:
            "request = [{ answer = { http = { status = 503, headers = { Retry-After = '7' } } } }]",
        expected: &[
            "HTTP 503, retry after 7 s",
            "failed: not-answered",
            "failed: not-answered",
            "failed: not-answered",
        ],
        ..NOTHING
    },
];

const BROKEN: &[&str] = &[
    "broken",
    "cut: 0 ok, 3 failed",
    "failed: not-answered",
    "failed: not-answered",
    "failed: not-answered",
];

/// Plays every scenario of uploads to an adapter. Its function uploads as [`check`](super::check)'s exports.
///
/// # Panics
/// When the sink is not called as [`Sink`](exportitems::Sink) says, and, after the last scenario, when the adapter made
/// something else of one than is written down, or the server has other items.
pub fn check_uploads(mut upload: impl FnMut(&UploadJob<'_>, &mut Checked) -> End) {
    let differences: Vec<String> = SCENARIOS
        .iter()
        .filter_map(|scenario| play(scenario, &mut upload).err())
        .collect();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// One scenario; the error says how the result differs.
fn play(
    scenario: &Scenario,
    upload: &mut impl FnMut(&UploadJob<'_>, &mut Checked) -> End,
) -> Result<(), String> {
    let name = scenario.name;
    let emulator = start(name, scenario.emulator);
    let folder = emulator.folder_id(MAILBOX, "Inbox");
    let folder = folder.expect("every mailbox has one");
    let mut data: Vec<Vec<u8>> = (scenario.sizes.iter().zip(1..))
        .map(|(&size, seed)| payload(seed, size).expect("sizes are of items"))
        .collect();
    if let Some(broken) = scenario.broken {
        data[broken].pop();
    }
    let items: Vec<UploadItem<'_>> = (data.iter())
        .map(|data| UploadItem::new(FolderId::new(&folder), data.len() as u64))
        .collect();
    let job = UploadJob {
        address: scenario.front.stand_before(emulator.address()),
        credentials: scenario.credentials,
        items: &items,
        data: &data,
    };
    let mut sink = Checked::default();
    let end = upload(&job, &mut sink);

    let found = transcript::of(end, &sink, &vec![Vec::new(); data.len()]);
    if found != scenario.expected {
        let expected = scenario.expected;
        return Err(format!("{name}: expected {expected:#?}, not {found:#?}"));
    }
    let stored: Option<Vec<Vec<u8>>> = (emulator.items(MAILBOX).iter())
        .map(|entry| emulator.stored_payload(MAILBOX, &entry.id))
        .collect();
    let expected: Vec<&Vec<u8>> = scenario.stored.iter().map(|&at| &data[at]).collect();
    if stored
        .as_ref()
        .is_none_or(|stored| !stored.iter().eq(expected))
    {
        let lens = stored.map(|it| it.iter().map(Vec::len).collect::<Vec<_>>());
        return Err(format!("{name}: the server has items of {lens:?} bytes"));
    }
    let requests = emulator.requests();
    if requests.len() != 1 {
        return Err(format!("{name}: one request, not {requests:#?}"));
    }
    Ok(())
}
