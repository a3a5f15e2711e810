//! The scenarios: what the server does, and what comes of it.
//!
//! `emulator` is a scenario file of the emulator.
//! `expected` is the transcript: how the export ended, the response in figures (unless it was not SOAP), and a line an item:
//! `whole` (committed, byte for byte), `aborted` (it had begun), or `failed` (it had not).

use super::front::Front;
use super::Credentials;

/// One scenario.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) emulator: &'static str,
    pub(super) front: Front,
    pub(super) credentials: Credentials,
    /// Bytes of the requested items.
    pub(super) sizes: &'static [u64],
    pub(super) sink_fails: SinkFails,
    pub(super) expected: &'static [&'static str],
}

/// Which call of the sink fails, the first of its kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum SinkFails {
    Never,
    ToBegin,
    ToWrite,
    ToCommit,
}

/// Three items of which nothing goes wrong.
const PLAIN: Scenario = Scenario {
    name: "chunked",
    emulator: "",
    front: Front::None,
    credentials: Credentials::None,
    sizes: &[700, 20_000, 3_001],
    sink_fails: SinkFails::Never,
    expected: ALL_WHOLE,
};

const ALL_WHOLE: &[&str] = &[
    "answer",
    "complete: 3 ok, 0 failed",
    "whole",
    "whole",
    "whole",
];
const NOTHING_BROKEN: &[&str] = &[
    "broken",
    "cut: 0 ok, 3 failed",
    "failed: not-answered",
    "failed: not-answered",
    "failed: not-answered",
];

const BASIC: &str = "auth = { basic = { user = 'CONTOSO\\backup', password = 'correct horse' } }";

pub(super) const SCENARIOS: &[Scenario] = &[
    PLAIN,
    // --- how the body is framed and how fast it comes ---
    Scenario {
        name: "content-length",
        emulator: "framing = 'content-length'",
        ..PLAIN
    },
    Scenario {
        name: "close-delimited",
        emulator: "framing = 'content-length'",
        front: Front::CloseDelimited,
        ..PLAIN
    },
    Scenario {
        name: "100-continue",
        front: Front::Interim,
        ..PLAIN
    },
    Scenario {
        name: "a byte at a time",
        front: Front::Bytewise,
        ..PLAIN
    },
    Scenario {
        name: "slow drip",
        emulator: "bytes-per-second = 80_000",
        ..PLAIN
    },
    Scenario {
        name: "large item",
        sizes: &[700, 4 << 20, 700],
        ..PLAIN
    },
    // --- how servers write ---
    Scenario {
        name: "Exchange 2010",
        emulator: "style = '2010'",
        ..PLAIN
    },
    Scenario {
        name: "Exchange Online",
        emulator: "style = 'online'",
        ..PLAIN
    },
    Scenario {
        name: "Microsoft's documents: base64 in lines",
        emulator: "style = 'docs'",
        ..PLAIN
    },
    Scenario {
        name: "CDATA and a comment in data",
        emulator: "item = [{ index = 0, answer = 'cdata' }, { index = 1, answer = 'comment' }]",
        ..PLAIN
    },
    // --- who asks ---
    Scenario {
        name: "Basic",
        emulator: BASIC,
        credentials: Credentials::Basic {
            user: "CONTOSO\\backup",
            password: "correct horse",
        },
        ..PLAIN
    },
    Scenario {
        name: "Bearer",
        emulator: "auth = { bearer = { token = 'eyJ0.x-_~+/=' } }",
        credentials: Credentials::Bearer("eyJ0.x-_~+/="),
        ..PLAIN
    },
    Scenario {
        name: "401 without credentials",
        emulator: BASIC,
        expected: &[
            "HTTP 401",
            "failed: not-answered",
            "failed: not-answered",
            "failed: not-answered",
        ],
        ..PLAIN
    },
    Scenario {
        name: "401 with a wrong password",
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
        ..PLAIN
    },
    // --- one item's failure is not its neighbours' ---
    Scenario {
        name: "refused item",
        emulator: "item = [{ index = 1, answer = { error = { code = 'ErrorItemNotFound' } } }]",
        expected: &[
            "answer",
            "complete: 2 ok, 1 failed",
            "whole",
            "failed: refused, ErrorItemNotFound",
            "whole",
        ],
        ..PLAIN
    },
    Scenario {
        name: "item refused with back-off",
        emulator: "item = [{ index = 0, answer = { error = { code = 'ErrorServerBusy', back-off-ms = 300 } } }]",
        expected: &[
            "answer",
            "complete: 2 ok, 1 failed",
            "failed: refused, ErrorServerBusy, back off 300 ms",
            "whole",
            "whole",
        ],
        ..PLAIN
    },
    Scenario {
        name: "batch stopped",
        emulator: "item = [{ index = 1, answer = { error = { code = 'ErrorAccessDenied' } } }]",
        expected: &[
            "answer",
            "complete: 1 ok, 2 failed",
            "whole",
            "failed: refused, ErrorAccessDenied",
            "failed: refused, ErrorBatchProcessingStopped",
        ],
        ..PLAIN
    },
    Scenario {
        name: "truncated item",
        emulator: "item = [{ index = 1, answer = { marker = { place = 'in-data' } } }]",
        expected: &[
            "answer",
            "complete: 2 ok, 1 failed",
            "whole",
            "aborted: truncated",
            "whole",
        ],
        ..PLAIN
    },
    Scenario {
        name: "truncated response",
        emulator: "item = [{ index = 1, answer = { marker = { place = 'instead-of-end-tags' } } }]",
        expected: &[
            "broken",
            "truncated: 1 ok, 2 failed, 0 suspect",
            "whole",
            "aborted: truncated",
            "failed: not-answered",
        ],
        ..PLAIN
    },
    Scenario {
        name: "truncation marker after the document",
        emulator: "request = [{ answer = { items = { marker-after-root = true } } }]",
        expected: &[
            "broken",
            "truncated: 2 ok, 1 failed, 0 suspect",
            "whole",
            "whole",
            "aborted: truncated",
        ],
        ..PLAIN
    },
    Scenario {
        name: "payloads cut in silence",
        emulator: "item = [
            { index = 0, answer = { silent-cut = { place = 'in-record' } } },
            { index = 1, answer = { silent-cut = { place = 'between-records' } } },
        ]",
        expected: &[
            "answer",
            "complete: 1 ok, 2 failed",
            "aborted: payload",
            "aborted: payload",
            "whole",
        ],
        ..PLAIN
    },
    Scenario {
        name: "success without data",
        emulator: "item = [
            { index = 0, answer = 'placeholder' },
            { index = 1, answer = 'empty-data' },
            { index = 2, answer = 'no-data' },
        ]",
        expected: &[
            "answer",
            "complete: 0 ok, 3 failed",
            "aborted: payload",
            "aborted: empty-data",
            "aborted: missing-data",
        ],
        ..PLAIN
    },
    Scenario {
        name: "fewer messages than items",
        emulator: "request = [{ answer = { items = { omit = 1 } } }]",
        expected: &[
            "answer",
            "complete: 2 ok, 1 failed",
            "whole",
            "whole",
            "failed: not-answered",
        ],
        ..PLAIN
    },
    Scenario {
        name: "more messages than items",
        emulator: "request = [{ answer = { items = { extra = 1 } } }]",
        expected: &[
            "answer",
            "complete: 3 ok, 1 failed",
            "whole",
            "whole",
            "whole",
            "failed: unrequested",
        ],
        ..PLAIN
    },
    // --- connections that end early ---
    Scenario {
        name: "cut in an item",
        emulator: "item = [{ index = 1, answer = { hang-up = {} } }]",
        expected: &[
            "broken",
            "cut: 1 ok, 2 failed",
            "whole",
            "aborted: cut",
            "failed: not-answered",
        ],
        ..PLAIN
    },
    Scenario {
        name: "cut in an item, with a length",
        emulator: "framing = 'content-length'\nitem = [{ index = 2, answer = { hang-up = {} } }]",
        expected: &[
            "broken",
            "cut: 2 ok, 1 failed",
            "whole",
            "whole",
            "aborted: cut",
        ],
        ..PLAIN
    },
    Scenario {
        // Only the document says so: the connection ends as it does after a complete one.
        name: "cut in an item, close-delimited",
        emulator: "framing = 'content-length'\nitem = [{ index = 2, answer = { hang-up = {} } }]",
        front: Front::CloseDelimited,
        expected: &[
            "broken",
            "cut: 2 ok, 1 failed",
            "whole",
            "whole",
            "aborted: cut",
        ],
        ..PLAIN
    },
    Scenario {
        name: "cut in the envelope",
        emulator: "request = [{ answer = { items = { cut-after = 100 } } }]",
        expected: NOTHING_BROKEN,
        ..PLAIN
    },
    Scenario {
        name: "no response at all",
        emulator: "request = [{ answer = 'hang-up' }]",
        expected: NOTHING_BROKEN,
        ..PLAIN
    },
    // --- faults and what is not SOAP ---
    Scenario {
        name: "server busy, with status 500",
        emulator: "request = [{ answer = { fault = { code = 'ErrorServerBusy', back-off-ms = 700 } } }]",
        expected: BUSY,
        ..PLAIN
    },
    Scenario {
        name: "server busy, with status 200",
        emulator: "request = [{ answer = { fault = { code = 'ErrorServerBusy', back-off-ms = 700, status = 200 } } }]",
        expected: BUSY,
        ..PLAIN
    },
    Scenario {
        name: "503 with Retry-After",
        emulator: "request = [{ answer = { http = { status = 503, headers = { Retry-After = '7' }, \
                   body = '<html><body>Service Unavailable</body></html>' } } }]",
        expected: &[
            "HTTP 503, retry after 7 s",
            "failed: not-answered",
            "failed: not-answered",
            "failed: not-answered",
        ],
        ..PLAIN
    },
    Scenario {
        name: "200 with HTML",
        emulator: "request = [{ answer = { http = { status = 200, \
                   body = '<html><body>It works!</body></html>' } } }]",
        expected: &[
            "HTTP 200",
            "failed: not-answered",
            "failed: not-answered",
            "failed: not-answered",
        ],
        ..PLAIN
    },
    Scenario {
        name: "500 with a page of ASP.NET",
        emulator: "request = [{ answer = { page = 'server-error' } }]",
        expected: &[
            "HTTP 500",
            "failed: not-answered",
            "failed: not-answered",
            "failed: not-answered",
        ],
        ..PLAIN
    },
    Scenario {
        name: "302 to the page of an outage",
        emulator: "request = [{ answer = { page = 'generic-error' } }]",
        expected: &[
            "HTTP 302",
            "failed: not-answered",
            "failed: not-answered",
            "failed: not-answered",
        ],
        ..PLAIN
    },
    // --- a sink that fails ---
    Scenario {
        name: "the sink fails to begin",
        sink_fails: SinkFails::ToBegin,
        expected: &[
            "answer",
            "complete: 2 ok, 1 failed",
            "failed: write",
            "whole",
            "whole",
        ],
        ..PLAIN
    },
    Scenario {
        name: "the sink fails to write",
        sink_fails: SinkFails::ToWrite,
        expected: &[
            "answer",
            "complete: 2 ok, 1 failed",
            "aborted: write",
            "whole",
            "whole",
        ],
        ..PLAIN
    },
    Scenario {
        name: "the sink fails to commit",
        sink_fails: SinkFails::ToCommit,
        expected: &[
            "answer",
            "complete: 2 ok, 1 failed",
            "the sink refused to commit",
            "whole",
            "whole",
        ],
        ..PLAIN
    },
];

const BUSY: &[&str] = &[
    "answer",
    "fault: 0 ok, 3 failed, ErrorServerBusy, back off 700 ms",
    "failed: not-answered",
    "failed: not-answered",
    "failed: not-answered",
];
