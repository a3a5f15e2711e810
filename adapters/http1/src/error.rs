//! Errors, sorted by who is at fault.

use core::fmt;

/// The response cannot be read on; the connection is of no more use.
///
/// Errors are sticky: a machine that gave one gives it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Bytes from the start of the response, interim responses included, to the byte that is wrong;
    /// to the start of the line where the line as a whole is.
    pub offset: u64,
}

/// What is wrong with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The connection ended before the first byte of a response.
    ///
    /// On a connection that was kept alive this is what an idle time-out of the server looks like.
    Closed,
    /// The connection ended inside the head or before the end of the body.
    Cut,

    /// The line is no HTTP/1.0 or HTTP/1.1 status line.
    StatusLine,
    /// The line is no header field: no token before a colon, or a folded line without a field before it.
    FieldLine,
    /// A control character where none may stand (RFC 9110 §5.5), NUL among them.
    ControlCharacter,
    /// CR without LF (RFC 9112 §2.2).
    BareCr,
    /// LF without CR, which RFC 9112 §2.2 lets a recipient refuse.
    BareLf,
    /// `Content-Length` is no decimal number below 2^64.
    ContentLength,
    /// Two `Content-Length` values differ (RFC 9112 §6.3 rule 5).
    ContentLengthsDiffer,
    /// `Transfer-Encoding` and `Content-Length` in one message (RFC 9112 §6.3 rule 3), the mark of
    /// response splitting.
    TwoLengths,
    /// `Transfer-Encoding` names something else than `chunked` once, `identity` aside, or the response is HTTP/1.0
    /// (RFC 9112 §6.1).
    TransferEncoding,
    /// The chunk-size line does not begin with a hexadecimal number, or goes on with something else
    /// than an extension (RFC 9112 §7.1).
    ChunkSize,
    /// A chunk's data are not followed by CRLF.
    ChunkEnd,
    /// `101 Switching Protocols`, though no upgrade was asked for.
    Upgrade,

    /// The head is longer than [`HEAD_LIMIT`](crate::HEAD_LIMIT).
    HeadTooLong,
    /// The status line, a field's name, or a field that decides the body's length or coding does not fit the
    /// scratch; lend a larger one.
    LineTooLong,
    /// A chunk size has more than 16 digits.
    ChunkSizeTooLong,
    /// Chunk extensions and trailer together are longer than
    /// [`CHUNK_EXTRA_LIMIT`](crate::CHUNK_EXTRA_LIMIT).
    ChunkExtraTooLong,
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ErrorClass {
    /// The connection ended early; another attempt may succeed.
    Connection,
    /// The peer's bytes are not HTTP/1.1, or not an answer to what was asked.
    Peer,
    /// The response may be good, but is larger than a limit of ours.
    Limit,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }
}

impl ErrorKind {
    /// Who is at fault.
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
            "{} at byte {} of the HTTP response",
            self.kind, self.offset
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "connection closed before a response",
            Self::Cut => "connection cut",
            Self::StatusLine => "no HTTP/1.x status line",
            Self::FieldLine => "malformed header field",
            Self::ControlCharacter => "control character",
            Self::BareCr => "CR without LF",
            Self::BareLf => "LF without CR",
            Self::ContentLength => "Content-Length is not a number",
            Self::ContentLengthsDiffer => "Content-Length values differ",
            Self::TwoLengths => "both Transfer-Encoding and Content-Length",
            Self::TransferEncoding => "Transfer-Encoding other than chunked",
            Self::ChunkSize => "malformed chunk size",
            Self::ChunkEnd => "chunk longer than its size",
            Self::Upgrade => "switch of protocols that was not asked for",
            Self::HeadTooLong => "head too long",
            Self::LineTooLong => "header line longer than the scratch buffer",
            Self::ChunkSizeTooLong => "chunk size has too many digits",
            Self::ChunkExtraTooLong => "chunk extensions or trailer too long",
        })
    }
}

impl core::error::Error for Error {}

/// What is wrong with a request head: the caller is at fault, and nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// The target does not begin with `/`, or holds something else than visible ASCII, or `#`.
    Target,
    /// The host is empty or holds a character that no `host[:port]` has.
    Host,
    /// The name of the header at this index is no token (RFC 9110 §5.6.2).
    HeaderName(usize),
    /// The value of the header at this index holds a control character, or begins or ends with
    /// white space (RFC 9110 §5.5).
    HeaderValue(usize),
    /// The header at this index is written by the encoder itself, or would change how the request
    /// is framed: `Host`, `Content-Length`, `Transfer-Encoding`.
    ReservedHeader(usize),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("request target is not a path of visible ASCII"),
            Self::Host => f.write_str("host is not host[:port]"),
            Self::HeaderName(index) => write!(f, "name of header {index} is not a token"),
            Self::HeaderValue(index) => write!(
                f,
                "value of header {index} holds a control character or outer white space"
            ),
            Self::ReservedHeader(index) => {
                write!(f, "header {index} is written by the encoder, leave it out")
            }
        }
    }
}

impl core::error::Error for RequestError {}
