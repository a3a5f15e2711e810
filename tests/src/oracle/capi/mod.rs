//! The C interface: calls in any order, right and wrong ones, against the Rust API on the same bytes.

mod check;
mod decoder;
mod http;
mod memory;
mod retry;
mod same;
mod send;

use arbitrary::{Arbitrary, Result, Unstructured};
use exportitems_capi::{Error, Status, EXPORTITEMS_ERROR_TEXT_LEN};

use crate::script;
use crate::wire;

use check::Check;
use decoder::Decoding;
use http::Http;
use memory::Strange;
use retry::Retrying;

/// Calls, and what they work on.
#[derive(Arbitrary, Debug)]
struct Script {
    /// Whether every object is made before the first call.
    ready: bool,
    document: Document,
    head: Head,
    calls: Vec<Call>,
}

/// The body of a response.
#[derive(Arbitrary, Debug)]
enum Document {
    Any(Vec<u8>),
    Script(script::Script),
}

/// How HTTP frames it.
#[derive(Arbitrary, Debug)]
enum Head {
    None,
    Length,
    Chunked,
    Close,
    Busy,
}

/// One call, and what is wrong with it.
#[derive(Arbitrary, Debug)]
struct Call {
    wrong: Wrong,
    /// Whether the caller wants to see the error.
    error: bool,
    what: What,
}

#[derive(Arbitrary, Debug)]
enum What {
    Decoder(decoder::DecoderCall),
    Http(http::HttpCall),
    Check(check::CheckCall),
    Retry(retry::RetryCall),
    Encoder(send::Request),
    RequestHead(send::Head),
    /// All that is left of the response, each event passed to the attempt, and its end.
    Whole {
        item: u8,
        random: u32,
    },
}

impl What {
    /// Makes every object.
    const READY: &[Self] = &[
        Self::Decoder(decoder::DecoderCall::Init {
            scratch: 128,
            options: None,
            again: false,
        }),
        Self::Http(http::HttpCall::Init {
            scratch: 256,
            again: false,
        }),
        Self::Check(check::CheckCall::Init { again: false }),
        Self::Retry(retry::RetryCall::Endpoint {
            limits: None,
            policy: None,
        }),
        Self::Retry(retry::RetryCall::Exchange { items: 20 }),
    ];
}

/// What is wrong with a call; most are right. One thing at a time, so that the answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// The object, or the memory for it.
    NullObject,
    MisalignedObject,
    ForeignObject,
    /// The place for the result.
    NullOut,
    MisalignedOut,
    /// What goes in.
    NullInput,
    LongInput,
    /// The memory for an object is a byte too small.
    SmallMemory,
}

impl<'a> Arbitrary<'a> for Wrong {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary::<u8>()? {
            0xf8 => Self::NullObject,
            0xf9 => Self::MisalignedObject,
            0xfa => Self::ForeignObject,
            0xfb => Self::NullOut,
            0xfc => Self::MisalignedOut,
            0xfd => Self::NullInput,
            0xfe => Self::LongInput,
            0xff => Self::SmallMemory,
            _ => Self::Nothing,
        })
    }
}

impl Wrong {
    /// What a call with an object answers before it looks at anything else, if it is not the usual.
    fn object(self, live: bool) -> Option<Status> {
        match self {
            Self::NullObject => Some(Status::Null),
            Self::MisalignedObject => Some(Status::Misaligned),
            Self::ForeignObject => Some(Status::NotInitialized),
            _ => (!live).then_some(Status::NotInitialized),
        }
    }

    /// What a call that stores something answers to where it should go.
    fn out(self) -> Option<Status> {
        match self {
            Self::NullOut => Some(Status::Null),
            Self::MisalignedOut => Some(Status::Misaligned),
            _ => None,
        }
    }

    /// What a call that reads bytes answers to where they are.
    fn input(self) -> Option<Status> {
        match self {
            Self::NullInput => Some(Status::Null),
            Self::LongInput => Some(Status::TooLong),
            _ => None,
        }
    }

    /// What an initialisation answers to its memory.
    fn memory(self) -> Option<Status> {
        match self {
            Self::NullObject => Some(Status::Null),
            Self::MisalignedObject => Some(Status::Misaligned),
            Self::SmallMemory => Some(Status::MemoryTooSmall),
            _ => None,
        }
    }

    /// The place for a result, or a wrong one.
    fn place<T>(self, right: *mut T) -> *mut T {
        match self {
            Self::NullOut => core::ptr::null_mut(),
            Self::MisalignedOut => right.wrapping_byte_add(1),
            _ => right,
        }
    }
}

/// Any calls: each is answered with a documented status, wrong ones change nothing, and right ones return what the Rust
/// API returns.
pub fn capi(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    let Ok(script) = Script::arbitrary(&mut input) else {
        return;
    };
    let document = match &script.document {
        Document::Any(bytes) => bytes.clone(),
        Document::Script(script) => wire::write(script).bytes,
    };
    let response = script.head.frame(&document);
    let strange = Strange::new();
    let mut decoding = Decoding::new(&strange, &document);
    let mut http = Http::new(&strange, &response);
    let mut check = Check::new(&strange, &document);
    let mut retrying = Retrying::new(&strange);
    let start = script.ready.then_some(What::READY).into_iter().flatten();
    let start = start.map(|what| (Wrong::Nothing, true, what));
    let calls = (script.calls.iter()).map(|call| (call.wrong, call.error, &call.what));
    for (wrong, error, what) in start.chain(calls) {
        let mut reported = Reported::new(error);
        match what {
            What::Decoder(call) => decoding.call(*call, wrong, &mut reported),
            What::Http(call) => http.call(*call, wrong, &mut reported),
            What::Check(call) => check.call(*call, wrong, &mut reported),
            What::Retry(call) => retrying.call(call, &mut decoding, wrong, &mut reported),
            What::Encoder(request) => send::encode(request, wrong, &mut reported),
            What::RequestHead(head) => send::encode_head(head, wrong, &mut reported),
            What::Whole { item, random } => {
                let time = (0, *random);
                while decoding.next(usize::MAX, wrong, &mut reported)
                    || decoding.finish(wrong, &mut reported)
                {
                    retrying.event(Some(*item), time, &mut decoding, wrong, &mut reported);
                }
                retrying.end(time, wrong, &mut reported);
            }
        }
    }
}

impl Head {
    fn frame(&self, body: &[u8]) -> Vec<u8> {
        let head = match self {
            Self::None => String::new(),
            Self::Length => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()),
            Self::Chunked => format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
                body.len()
            ),
            Self::Close => "HTTP/1.0 200 OK\r\nServer: x\r\n\r\n".to_owned(),
            Self::Busy => "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nRetry-After: 3\r\n\
                           Content-Length: 1\r\n\r\n"
                .to_owned(),
        };
        let end: &[u8] = match self {
            Self::Chunked => b"\r\n0\r\n\r\n",
            _ => b"",
        };
        [head.as_bytes(), body, end].concat()
    }
}

/// Where a call puts its error.
struct Reported {
    error: Error,
    wanted: bool,
}

/// What an error that is not written to holds.
const UNTOUCHED: u64 = 0x5555_5555_5555_5555;

impl Reported {
    fn new(wanted: bool) -> Self {
        let error = Error {
            status: Status::Ok,
            index: UNTOUCHED,
            offset: UNTOUCHED,
            text: [0; EXPORTITEMS_ERROR_TEXT_LEN],
        };
        Self { error, wanted }
    }

    fn place(&mut self) -> *mut Error {
        if self.wanted {
            &raw mut self.error
        } else {
            core::ptr::null_mut()
        }
    }

    /// Checks that the call returned the expected status, and its error if it failed; then prepares for another call.
    fn expect(&mut self, status: Status, expected: Status) {
        self.expect_named(status, &format!("{expected:?}"));
    }

    /// [`expect`](Self::expect), by the status's name.
    fn expect_named(&mut self, status: Status, expected: &str) {
        assert_eq!(format!("{status:?}"), expected);
        if self.wanted && (status as i32) < 0 {
            assert_eq!(self.error.status, status);
            let text = self.error.text.map(|byte| byte.to_ne_bytes()[0]);
            let end = text.iter().position(|&byte| byte == 0).expect("a NUL");
            let text = core::str::from_utf8(&text[..end]).expect("UTF-8");
            assert!(!text.is_empty());
        } else {
            assert_eq!(self.error.index, UNTOUCHED);
        }
        *self = Self::new(self.wanted);
    }
}
