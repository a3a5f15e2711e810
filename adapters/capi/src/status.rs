//! What a call answers.

use core::ffi::c_char;
use core::fmt::{self, Write};

use exportitems::{ErrorKind, RequestError, RequestField, VersionError};
use exportitems_http1 as http1;

/// What a call answers: negative for failure, 0 and above for success.
///
/// Values are fixed; new ones may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// Done. From `next`: the input is used up. From `finish`: that was all.
    Ok = 0,
    /// An event was stored.
    Event = 1,

    // --- misuse: nothing was done ---
    /// A pointer is null that must not be.
    Null = -1,
    /// A pointer is not aligned.
    Misaligned = -2,
    /// The memory for an object is too small.
    MemoryTooSmall = -3,
    /// The scratch is too small.
    ScratchTooSmall = -4,
    /// The memory holds no object of this kind: it was not initialised, or its initialisation failed.
    NotInitialized = -5,
    /// A number is not one of its enumeration.
    InvalidValue = -6,
    /// A text is not UTF-8.
    NotUtf8 = -7,
    /// A length is larger than any memory.
    TooLong = -8,

    // --- the response is unusable; every further call answers the same ---
    /// The input ended before the document did.
    UnexpectedEnd = -100,
    /// `=== Truncated Data ===` is where markup belongs.
    Truncated = -101,
    /// The document is not a SOAP envelope.
    NotSoap = -103,
    /// A SOAP envelope that is no answer to ExportItems.
    UnexpectedOperation = -104,
    /// Not UTF-8.
    Encoding = -105,
    /// A document type declaration.
    Dtd = -106,
    /// Text where only elements belong.
    UnexpectedText = -107,
    /// A byte that cannot stand at this place.
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

    // --- the HTTP response is unusable; every further call answers the same ---
    /// The connection ended before the first byte of a response.
    HttpClosed = -200,
    /// The connection ended inside the head or before the end of the body.
    HttpCut = -201,
    /// The line is no HTTP/1.x status line.
    HttpStatusLine = -202,
    /// The line is no header field.
    HttpFieldLine = -203,
    /// A control character where none may stand.
    HttpControlCharacter = -204,
    /// CR without LF.
    HttpBareCr = -205,
    /// LF without CR.
    HttpBareLf = -206,
    /// `Content-Length` is no number.
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
    /// `101 Switching Protocols`, which was not asked for.
    HttpUpgrade = -213,
    /// The head is too long.
    HttpHeadTooLong = -214,
    /// A line that must be seen does not fit the scratch.
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
    /// `MailboxCulture` is no language tag.
    RequestMailboxCulture = -303,
    /// `ManagementRole` for a version that does not have it.
    RequestManagementRole = -304,
    /// A version that does not know ExportItems.
    RequestVersionTooOld = -305,
    /// Not a value of `RequestServerVersion`.
    RequestVersionUnknown = -306,
    /// Not one of the four kinds of `ExchangeImpersonation`.
    RequestImpersonationKind = -307,
    /// The target of the HTTP request is no path.
    HttpRequestTarget = -320,
    /// The host of the HTTP request is none.
    HttpRequestHost = -321,
    /// A header's name is no token.
    HttpRequestHeaderName = -322,
    /// A header's value cannot be sent.
    HttpRequestHeaderValue = -323,
    /// A header is one that the encoder writes by itself.
    HttpRequestReservedHeader = -324,
    /// Refused for a reason that is newer than this interface.
    RequestOther = -399,
}

/// Room for the text of an error, its NUL included.
pub const EXPORTITEMS_ERROR_TEXT_LEN: usize = 112;

/// What failed in detail; stored only when the call answers less than 0.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Error {
    /// What the call answered.
    pub status: Status,
    /// Which item, role or header of a request it is about, from 0; 0 for everything else.
    pub index: u64,
    /// Of a response: the offset in bytes where it became unusable. Of a request: the offset in the text.
    pub offset: u64,
    /// A sentence for a log; ends with a NUL, cut where it is too long.
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
            Self::Response(error) => of_response(error.kind),
            Self::Http(error) => of_http(error.kind),
            Self::Request(error) => of_request(error),
            Self::Version(VersionError::TooOld) => Status::RequestVersionTooOld,
            Self::Version(_) => Status::RequestVersionUnknown,
            Self::ImpersonationKind => Status::RequestImpersonationKind,
            Self::HttpRequest(error) => of_http_request(error),
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
        let _ = write!(text, "{self}"); // what does not fit is left out
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
                Status::Null => "a pointer is null",
                Status::Misaligned => "a pointer is not aligned",
                Status::MemoryTooSmall => "the memory is smaller than the object",
                Status::ScratchTooSmall => "the scratch is too small",
                Status::NotInitialized => "the memory holds no object of this kind",
                Status::InvalidValue => "a number is not one of its enumeration",
                Status::NotUtf8 => "a text is not UTF-8",
                _ => "a length is larger than any memory",
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

fn of_response(kind: ErrorKind) -> Status {
    match kind {
        ErrorKind::UnexpectedEnd => Status::UnexpectedEnd,
        ErrorKind::Truncated => Status::Truncated,
        ErrorKind::NotSoap => Status::NotSoap,
        ErrorKind::UnexpectedOperation => Status::UnexpectedOperation,
        ErrorKind::Encoding => Status::Encoding,
        ErrorKind::Dtd => Status::Dtd,
        ErrorKind::UnexpectedText => Status::UnexpectedText,
        ErrorKind::UnexpectedByte => Status::UnexpectedByte,
        ErrorKind::MismatchedEndTag => Status::MismatchedEndTag,
        ErrorKind::DuplicateAttribute => Status::DuplicateAttribute,
        ErrorKind::UnknownEntity => Status::UnknownEntity,
        ErrorKind::TooDeep => Status::TooDeep,
        ErrorKind::NameTooLong => Status::NameTooLong,
        ErrorKind::Finished => Status::Finished,
        _ => Status::ResponseOther,
    }
}

impl From<exportitems::Error> for Status {
    fn from(error: exportitems::Error) -> Self {
        of_response(error.kind)
    }
}

fn of_http(kind: http1::ErrorKind) -> Status {
    use http1::ErrorKind as Kind;
    match kind {
        Kind::Closed => Status::HttpClosed,
        Kind::Cut => Status::HttpCut,
        Kind::StatusLine => Status::HttpStatusLine,
        Kind::FieldLine => Status::HttpFieldLine,
        Kind::ControlCharacter => Status::HttpControlCharacter,
        Kind::BareCr => Status::HttpBareCr,
        Kind::BareLf => Status::HttpBareLf,
        Kind::ContentLength => Status::HttpContentLength,
        Kind::ContentLengthsDiffer => Status::HttpContentLengthsDiffer,
        Kind::TwoLengths => Status::HttpTwoLengths,
        Kind::TransferEncoding => Status::HttpTransferEncoding,
        Kind::ChunkSize => Status::HttpChunkSize,
        Kind::ChunkEnd => Status::HttpChunkEnd,
        Kind::Upgrade => Status::HttpUpgrade,
        Kind::HeadTooLong => Status::HttpHeadTooLong,
        Kind::LineTooLong => Status::HttpLineTooLong,
        Kind::ChunkSizeTooLong => Status::HttpChunkSizeTooLong,
        Kind::ChunkExtraTooLong => Status::HttpChunkExtraTooLong,
        _ => Status::HttpOther,
    }
}

fn of_request(error: RequestError) -> Status {
    match error {
        RequestError::NoItems => Status::RequestNoItems,
        RequestError::Empty { .. } => Status::RequestEmpty,
        RequestError::Character { .. } => Status::RequestCharacter,
        RequestError::MailboxCulture { .. } => Status::RequestMailboxCulture,
        RequestError::ManagementRole { .. } => Status::RequestManagementRole,
        _ => Status::RequestOther,
    }
}

fn of_http_request(error: http1::RequestError) -> Status {
    use http1::RequestError as Kind;
    match error {
        Kind::Target => Status::HttpRequestTarget,
        Kind::Host => Status::HttpRequestHost,
        Kind::HeaderName(_) => Status::HttpRequestHeaderName,
        Kind::HeaderValue(_) => Status::HttpRequestHeaderValue,
        Kind::ReservedHeader(_) => Status::HttpRequestReservedHeader,
        _ => Status::RequestOther,
    }
}
