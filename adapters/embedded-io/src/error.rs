//! Why an export failed as a whole.

use core::fmt;

/// An export failed as a whole. `E` is the transport's own error.
///
/// Once a byte of the request has been sent, the sink has received an outcome for every item before an error is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    // --- the caller ---
    /// The request cannot be written; nothing was sent.
    Request(exportitems::RequestError),
    /// Host, path or a header cannot be written; nothing was sent.
    Header(exportitems_http1::RequestError),
    /// The buffer has less than [`MIN_BUFFER`](crate::MIN_BUFFER) bytes; nothing was sent.
    BufferTooSmall,
    /// An exchange before this one did not end cleanly, or its server closes: connect anew. Nothing was sent.
    Spent,

    // --- the connection; another attempt may succeed ---
    /// The transport failed.
    Transport(E),
    /// The transport takes no more bytes: `write` returned 0.
    WriteZero,

    // --- the peer ---
    /// The response is not HTTP/1.1, or ended early.
    Http(exportitems_http1::Error),
    /// The response has this status and is no SOAP message.
    Status(Status),
    /// The response echoes the `client-request-id` of another request: it was waiting on the connection. Connect anew.
    OtherRequest,
    /// The body has a content coding, such as gzip, which the request rules out: look for a proxy that compresses.
    Coded,
    /// The response has a good status, and is no whole answer to `ExportItems`.
    Response(exportitems::Error),
}

/// An HTTP response without a SOAP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Status {
    /// The status code, 200 to 999.
    pub code: u16,
    /// `Retry-After` in seconds, where the server sent it in seconds.
    pub retry_after: Option<u64>,
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::BufferTooSmall => {
                write!(
                    f,
                    "a client needs a buffer of at least {} bytes",
                    crate::MIN_BUFFER
                )
            }
            Self::Spent => f.write_str("the connection carries no further request; connect anew"),
            Self::Transport(error) => error.fmt(f),
            Self::WriteZero => f.write_str("the transport takes no more bytes"),
            Self::Http(error) => error.fmt(f),
            Self::Status(status) => status.fmt(f),
            Self::OtherRequest => f.write_str(
                "the response answers another request; connect anew and ask again",
            ),
            Self::Coded => f.write_str(
                "the response is compressed although the request rules that out; look for a proxy that does it",
            ),
            Self::Response(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Request(error) => Some(error),
            Self::Header(error) => Some(error),
            Self::Transport(error) => Some(error),
            Self::Http(error) => Some(error),
            Self::Response(error) => Some(error),
            Self::BufferTooSmall
            | Self::Spent
            | Self::WriteZero
            | Self::Status(_)
            | Self::OtherRequest
            | Self::Coded => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {} without a SOAP message", self.code)?;
        match self.retry_after {
            Some(seconds) => write!(f, "; try again in {seconds} s"),
            None => Ok(()),
        }
    }
}
