//! Errors, sorted by the side that caused them.

use core::fmt;

/// The response is unusable. Close the connection.
///
/// Errors are sticky: a decoder that returned one returns it on every later call.
///
/// Exhaustive, so that tests can compare whole errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(clippy::exhaustive_structs)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Offset in bytes of the first wrong byte, from the start of the first interim response or of the response.
    /// If the error concerns a whole line, the offset of the start of that line.
    pub offset: u64,
}

/// What is wrong with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The connection ended before the first byte of a response.
    ///
    /// On a connection that was kept alive, this usually means that the server closed it after an idle timeout.
    Closed,
    /// The connection ended inside the head or before the end of the body.
    Cut,

    /// The line is not an HTTP/1.0 or HTTP/1.1 status line.
    StatusLine,
    /// The line is not a header field: it has no token before a colon, or it is a folded line that follows no field.
    FieldLine,
    /// A control character, such as NUL, where RFC 9110 §5.5 forbids them.
    ControlCharacter,
    /// CR without LF (RFC 9112 §2.2).
    BareCr,
    /// LF without CR, which RFC 9112 §2.2 permits a recipient to refuse.
    BareLf,
    /// `Content-Length` is not a decimal number below 2^64.
    ContentLength,
    /// Two `Content-Length` values differ (RFC 9112 §6.3 rule 5).
    ContentLengthsDiffer,
    /// `Transfer-Encoding` and `Content-Length` in one message (RFC 9112 §6.3 rule 3), a sign of
    /// response splitting.
    TwoLengths,
    /// `Transfer-Encoding` names a coding other than `chunked` and `identity`, or `chunked` twice, or the response is
    /// HTTP/1.0 (RFC 9112 §6.1).
    TransferEncoding,
    /// The chunk-size line does not start with a hexadecimal number, or something other than an extension follows the
    /// number (RFC 9112 §7.1).
    ChunkSize,
    /// A chunk's data are not followed by CRLF.
    ChunkEnd,
    /// `101 Switching Protocols`, although no upgrade was requested.
    Upgrade,

    /// The head is longer than [`HEAD_LIMIT`](crate::HEAD_LIMIT).
    HeadTooLong,
    /// The status line, a field's name, or a field that decides the body's length or coding does not fit into the
    /// scratch. Use a larger one.
    LineTooLong,
    /// A chunk size has more than 16 digits.
    ChunkSizeTooLong,
    /// Chunk extensions and trailer together are longer than
    /// [`CHUNK_EXTRA_LIMIT`](crate::CHUNK_EXTRA_LIMIT).
    ChunkExtraTooLong,
}

/// The side that caused an error.
///
/// Exhaustive: every [`ErrorKind`], present or future, is in one of these classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(clippy::exhaustive_enums)]
pub enum ErrorClass {
    /// The connection ended early. Another attempt may succeed.
    Connection,
    /// The peer sent something that is not HTTP/1.1, or not an answer to the request.
    Peer,
    /// The response exceeds a limit of this crate or of the scratch. It may be valid.
    Limit,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }
}

impl ErrorKind {
    /// Returns the side that caused this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::Closed | Self::Cut => ErrorClass::Connection,
            Self::HeadTooLong
            | Self::LineTooLong
            | Self::ChunkSizeTooLong
            | Self::ChunkExtraTooLong => ErrorClass::Limit,
            _ => ErrorClass::Peer,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (at byte {} of the HTTP response)",
            self.kind, self.offset
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection ended before the response",
            Self::Cut => "the connection ended inside the response",
            Self::StatusLine => "not an HTTP/1.0 or HTTP/1.1 status line",
            Self::FieldLine => "malformed header field",
            Self::ControlCharacter => "control character in the head or trailer",
            Self::BareCr => "CR without LF",
            Self::BareLf => "LF without CR",
            Self::ContentLength => "Content-Length is not a number",
            Self::ContentLengthsDiffer => "Content-Length values differ",
            Self::TwoLengths => "both Transfer-Encoding and Content-Length",
            Self::TransferEncoding => "Transfer-Encoding other than chunked",
            Self::ChunkSize => "malformed chunk size",
            Self::ChunkEnd => "chunk longer than its size",
            Self::Upgrade => "protocol switch that was not requested",
            Self::HeadTooLong => "head too long",
            Self::LineTooLong => "header line longer than the scratch, use a larger one",
            Self::ChunkSizeTooLong => "chunk size has too many digits",
            Self::ChunkExtraTooLong => "chunk extensions or trailer too long",
        })
    }
}

impl core::error::Error for Error {}

/// The request head cannot be sent. The caller is at fault, and nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// The target does not start with `/`, or contains `#` or something other than visible ASCII.
    Target,
    /// The host is empty or contains a character that is invalid in `host[:port]`.
    Host,
    /// The name of the header at this index is not a token (RFC 9110 §5.6.2).
    HeaderName(usize),
    /// The value of the header at this index contains a control character, or starts or ends with
    /// white space (RFC 9110 §5.5).
    HeaderValue(usize),
    /// The encoder writes the header at this index itself, or the header would change how the request
    /// is framed: `Host`, `Content-Length`, `Transfer-Encoding`.
    ReservedHeader(usize),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("request target is not a path of visible ASCII"),
            Self::Host => f.write_str("host is not of the form host[:port]"),
            Self::HeaderName(index) => write!(f, "name of header {index} is not a token"),
            Self::HeaderValue(index) => write!(
                f,
                "value of header {index} contains a control character or outer white space"
            ),
            Self::ReservedHeader(index) => {
                write!(f, "header {index} is written by the encoder, remove it")
            }
        }
    }
}

impl core::error::Error for RequestError {}
