//! The result of a call.

use core::ffi::c_char;
use core::fmt::{self, Write};

use exportitems::{ErrorKind, RequestError, RequestField, VersionError};
use exportitems_http1 as http1;
use exportitems_ntlm::{BufferTooSmall, ChallengeError, LoginError, TokenError, UserError};

/// The result of a call: negative for failure, 0 and above for success.
///
/// Values are fixed; new ones may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[non_exhaustive]
pub enum Status {
    /// Done. From `next`: the input is used up. From `finish`: there are no more events.
    Ok = 0,
    /// An event was stored.
    Event = 1,

    // --- misuse: nothing was done ---
    /// A pointer is null that must not be null.
    Null = -1,
    /// A pointer is not aligned.
    Misaligned = -2,
    /// The memory for an object is too small.
    MemoryTooSmall = -3,
    /// The scratch is too small.
    ScratchTooSmall = -4,
    /// The memory contains no object of this kind: it was not initialised, or its initialisation failed.
    NotInitialized = -5,
    /// A number is not one of its enumeration.
    InvalidValue = -6,
    /// A text is not UTF-8.
    NotUtf8 = -7,
    /// A length is larger than any memory.
    TooLong = -8,

    // --- the response is unusable; every later call returns the same ---
    /// The input ended before the document did.
    UnexpectedEnd = -100,
    /// `=== Truncated Data ===` in place of markup: the server gave up.
    Truncated = -101,
    /// The document is not a SOAP envelope.
    NotSoap = -103,
    /// A SOAP envelope that is not a response to ExportItems.
    UnexpectedOperation = -104,
    /// Not UTF-8.
    Encoding = -105,
    /// A document type declaration.
    Dtd = -106,
    /// Text where only elements belong.
    UnexpectedText = -107,
    /// A byte that is not allowed at this position.
    UnexpectedByte = -108,
    /// An end tag that does not match the open element.
    MismatchedEndTag = -109,
    /// An unknown or unterminated entity reference.
    UnknownEntity = -110,
    /// Elements are nested too deep.
    TooDeep = -111,
    /// The name of an element or attribute is too long.
    NameTooLong = -112,
    /// Input was given after `finish`.
    Finished = -113,
    /// An element outside of the response messages has the same attribute twice.
    DuplicateAttribute = -114,
    /// Unusable for a reason that is newer than this interface.
    ResponseOther = -199,

    // --- the HTTP response is unusable; every later call returns the same ---
    /// The connection ended before the first byte of a response.
    HttpClosed = -200,
    /// The connection ended inside the head or before the end of the body.
    HttpCut = -201,
    /// The line is not an HTTP/1.x status line.
    HttpStatusLine = -202,
    /// The line is not a header field.
    HttpFieldLine = -203,
    /// A control character in the head or the trailer.
    HttpControlCharacter = -204,
    /// CR without LF.
    HttpBareCr = -205,
    /// LF without CR.
    HttpBareLf = -206,
    /// `Content-Length` is not a number.
    HttpContentLength = -207,
    /// Two `Content-Length` values differ.
    HttpContentLengthsDiffer = -208,
    /// Both `Transfer-Encoding` and `Content-Length`.
    HttpTwoLengths = -209,
    /// `Transfer-Encoding` other than `chunked`.
    HttpTransferEncoding = -210,
    /// The chunk-size line is malformed.
    HttpChunkSize = -211,
    /// A chunk is longer than its size.
    HttpChunkEnd = -212,
    /// `101 Switching Protocols`, which was not requested.
    HttpUpgrade = -213,
    /// The head is too long.
    HttpHeadTooLong = -214,
    /// A line that decides how the response is read does not fit into the scratch.
    HttpLineTooLong = -215,
    /// A chunk size has too many digits.
    HttpChunkSizeTooLong = -216,
    /// Chunk extensions or the trailer are too long.
    HttpChunkExtraTooLong = -217,
    /// Unusable for a reason that is newer than this interface.
    HttpOther = -299,

    // --- the request cannot be sent; nothing was written ---
    /// The list of items is empty.
    RequestNoItems = -300,
    /// A text is empty.
    RequestEmpty = -301,
    /// A character that XML cannot carry.
    RequestCharacter = -302,
    /// `MailboxCulture` is not a language tag.
    RequestMailboxCulture = -303,
    /// `ManagementRole` for a version that does not have it.
    RequestManagementRole = -304,
    /// A version that does not know ExportItems.
    RequestVersionTooOld = -305,
    /// Not a value of `RequestServerVersion`.
    RequestVersionUnknown = -306,
    /// Not one of the four kinds of `ExchangeImpersonation`.
    RequestImpersonationKind = -307,
    /// The target of the HTTP request is not a path.
    HttpRequestTarget = -320,
    /// The host of the HTTP request is not of the form `host[:port]`.
    HttpRequestHost = -321,
    /// A header's name is not a token.
    HttpRequestHeaderName = -322,
    /// A header's value cannot be sent.
    HttpRequestHeaderValue = -323,
    /// The encoder writes this header by itself.
    HttpRequestReservedHeader = -324,
    /// Refused for a reason that is newer than this interface.
    RequestOther = -399,

    // --- no login by NTLM is possible; no credentials were sent ---
    /// The server's token is not base64.
    NtlmToken = -400,
    /// The server's challenge cannot be answered.
    NtlmChallenge = -401,
    /// The name of the user is empty or has two backslashes.
    NtlmUser = -402,
    /// The host is empty, or a name is too long.
    NtlmLogin = -403,
}

/// Size of the text of an error, including its NUL.
pub const EXPORTITEMS_ERROR_TEXT_LEN: usize = 112;

/// The details of a failure. They are stored only if the call returns less than 0.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Error {
    /// The result of the call.
    pub status: Status,
    /// The index of the item, role or header of a request that the failure concerns, from 0; otherwise 0.
    pub index: u64,
    /// For a response, the offset in bytes where it became unusable. For a request, the offset in the text.
    pub offset: u64,
    /// A message for a log. It ends with a NUL, and is cut if it is too long.
    pub text: [c_char; EXPORTITEMS_ERROR_TEXT_LEN],
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Misuse(Status),
    Response(exportitems::Error),
    Http(http1::Error),
    Request(RequestError),
    Version(VersionError),
    ImpersonationKind,
    HttpRequest(http1::RequestError),
    #[cfg_attr(target_family = "wasm", allow(dead_code))]
    Ntlm(NtlmFailure),
}

/// Why a login is not possible. No credentials were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(target_family = "wasm", allow(dead_code))]
pub(crate) enum NtlmFailure {
    Token(TokenError),
    Challenge(ChallengeError),
    User(UserError),
    Login(LoginError),
    Buffer(BufferTooSmall),
}

impl From<NtlmFailure> for Failure {
    fn from(failure: NtlmFailure) -> Self {
        Self::Ntlm(failure)
    }
}

impl From<Status> for Failure {
    fn from(misuse: Status) -> Self {
        Self::Misuse(misuse)
    }
}

impl Failure {
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Misuse(status) => status,
            Self::Response(error) => error.kind.into(),
            Self::Http(error) => error.kind.into(),
            Self::Request(error) => error.into(),
            Self::Version(error) => error.into(),
            Self::ImpersonationKind => Status::RequestImpersonationKind,
            Self::HttpRequest(error) => error.into(),
            Self::Ntlm(failure) => match failure {
                NtlmFailure::Buffer(_) | NtlmFailure::Token(TokenError::BufferTooSmall { .. }) => {
                    Status::MemoryTooSmall
                }
                NtlmFailure::Token(_) => Status::NtlmToken,
                NtlmFailure::Challenge(_) => Status::NtlmChallenge,
                NtlmFailure::User(_) => Status::NtlmUser,
                NtlmFailure::Login(_) => Status::NtlmLogin,
            },
        }
    }

    fn index(self) -> u64 {
        let index = match self {
            Self::Request(
                RequestError::Empty { field } | RequestError::Character { field, .. },
            ) => match field {
                RequestField::Id { index } | RequestField::ChangeKey { index } => index,
                _ => 0,
            },
            Self::HttpRequest(
                http1::RequestError::HeaderName(index)
                | http1::RequestError::HeaderValue(index)
                | http1::RequestError::ReservedHeader(index),
            ) => index,
            _ => 0,
        };
        index as u64
    }

    fn offset(self) -> u64 {
        match self {
            Self::Response(error) => error.offset,
            Self::Http(error) => error.offset,
            Self::Request(
                RequestError::Character { offset, .. } | RequestError::MailboxCulture { offset },
            ) => offset as u64,
            _ => 0,
        }
    }

    pub(crate) fn to_error(self) -> Error {
        let mut text = Buffer {
            bytes: [0; EXPORTITEMS_ERROR_TEXT_LEN],
            len: 0,
        };
        let _ = write!(text, "{self}"); // a text that does not fit is cut
        Error {
            status: self.status(),
            index: self.index(),
            offset: self.offset(),
            text: text.bytes,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misuse(status) => f.write_str(match status {
                Status::Null => "a pointer is null; only those that are documented so may be",
                Status::Misaligned => {
                    "a pointer is not aligned; align memory as the object's align function returns"
                }
                Status::MemoryTooSmall => {
                    "the memory is too small; use as much as the object's size function returns"
                }
                Status::ScratchTooSmall => {
                    "the scratch is too small; use at least EXPORTITEMS_MIN_SCRATCH bytes"
                }
                Status::NotInitialized => {
                    "the memory contains no object of this kind; call its init function first"
                }
                Status::InvalidValue => {
                    "a number is not a value of its enumeration, or is out of range"
                }
                Status::NotUtf8 => "a text is not UTF-8; convert it",
                _ => "a length is larger than the address space",
            }),
            Self::Response(error) => error.fmt(f),
            Self::Http(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::Version(error) => error.fmt(f),
            Self::ImpersonationKind => f.write_str(
                "impersonation is written KIND:VALUE, \
                 with KIND one of PrincipalName, SID, PrimarySmtpAddress, SmtpAddress",
            ),
            Self::HttpRequest(error) => error.fmt(f),
            Self::Ntlm(failure) => match failure {
                NtlmFailure::Token(error) => error.fmt(f),
                NtlmFailure::Challenge(error) => error.fmt(f),
                NtlmFailure::User(error) => error.fmt(f),
                NtlmFailure::Login(error) => error.fmt(f),
                NtlmFailure::Buffer(error) => error.fmt(f),
            },
        }
    }
}

/// A C string under construction.
struct Buffer {
    bytes: [c_char; EXPORTITEMS_ERROR_TEXT_LEN],
    len: usize,
}

impl Write for Buffer {
    /// INVARIANT: whole characters only, and at least one NUL after them.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let end = self.len + character.len_utf8();
            if end >= EXPORTITEMS_ERROR_TEXT_LEN {
                return Err(fmt::Error);
            }
            let mut utf8 = [0; 4];
            character.encode_utf8(&mut utf8);
            for (to, from) in self.bytes.iter_mut().take(end).skip(self.len).zip(utf8) {
                *to = c_char::from_ne_bytes([from]);
            }
            self.len = end;
        }
        Ok(())
    }
}

/// Maps the errors of another crate to statuses. An error that is newer than this interface maps to the status after
/// `else`.
macro_rules! statuses {
    ($theirs:ty { $($error:ident => $status:ident,)* } else $other:ident) => {
        impl From<$theirs> for Status {
            fn from(theirs: $theirs) -> Self {
                type Theirs = $theirs;
                match theirs {
                    $(Theirs::$error { .. } => Self::$status,)*
                    _ => Self::$other,
                }
            }
        }
    };
}

statuses!(ErrorKind {
    UnexpectedEnd => UnexpectedEnd,
    Truncated => Truncated,
    NotSoap => NotSoap,
    UnexpectedOperation => UnexpectedOperation,
    Encoding => Encoding,
    Dtd => Dtd,
    UnexpectedText => UnexpectedText,
    UnexpectedByte => UnexpectedByte,
    MismatchedEndTag => MismatchedEndTag,
    DuplicateAttribute => DuplicateAttribute,
    UnknownEntity => UnknownEntity,
    TooDeep => TooDeep,
    NameTooLong => NameTooLong,
    Finished => Finished,
} else ResponseOther);

statuses!(http1::ErrorKind {
    Closed => HttpClosed,
    Cut => HttpCut,
    StatusLine => HttpStatusLine,
    FieldLine => HttpFieldLine,
    ControlCharacter => HttpControlCharacter,
    BareCr => HttpBareCr,
    BareLf => HttpBareLf,
    ContentLength => HttpContentLength,
    ContentLengthsDiffer => HttpContentLengthsDiffer,
    TwoLengths => HttpTwoLengths,
    TransferEncoding => HttpTransferEncoding,
    ChunkSize => HttpChunkSize,
    ChunkEnd => HttpChunkEnd,
    Upgrade => HttpUpgrade,
    HeadTooLong => HttpHeadTooLong,
    LineTooLong => HttpLineTooLong,
    ChunkSizeTooLong => HttpChunkSizeTooLong,
    ChunkExtraTooLong => HttpChunkExtraTooLong,
} else HttpOther);

statuses!(RequestError {
    NoItems => RequestNoItems,
    Empty => RequestEmpty,
    Character => RequestCharacter,
    MailboxCulture => RequestMailboxCulture,
    ManagementRole => RequestManagementRole,
} else RequestOther);

statuses!(VersionError {
    TooOld => RequestVersionTooOld,
} else RequestVersionUnknown);

statuses!(http1::RequestError {
    Target => HttpRequestTarget,
    Host => HttpRequestHost,
    HeaderName => HttpRequestHeaderName,
    HeaderValue => HttpRequestHeaderValue,
    ReservedHeader => HttpRequestReservedHeader,
} else RequestOther);
