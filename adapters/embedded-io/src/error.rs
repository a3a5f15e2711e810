//! The error of an export.

use core::fmt;

use crate::login::LoginError;

/// The whole export failed. `E` is the error type of the transport.
///
/// If a byte of the request was sent, the sink has received an outcome for every item before the error is returned.
///
/// `Display` prints the text of the error inside, and `source` returns the cause of that error: a chain prints each text
/// once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    // --- the caller ---
    /// The request cannot be encoded. Nothing was sent.
    Request(exportitems::RequestError),
    /// The host, the path or a header cannot be sent. Nothing was sent.
    Header(exportitems_http1::RequestError),
    /// The buffer has less than [`MIN_BUFFER`](crate::MIN_BUFFER) bytes. Nothing was sent.
    BufferTooSmall,
    /// The connection cannot be used again: an earlier export failed, or the server closes the connection. Nothing was
    /// sent. Make a new connection.
    Spent,

    // --- the login ---
    /// The login by NTLM failed before the server received credentials.
    Login(LoginError),

    // --- the connection; another attempt may succeed ---
    /// The transport failed.
    Transport(E),
    /// The transport accepts no more bytes: `write` returned 0.
    WriteZero,

    // --- the peer ---
    /// The response is not HTTP/1.1, or ended early.
    Http(exportitems_http1::Error),
    /// The response has this status and is not a SOAP message.
    Status(Status),
    /// The response echoes the `client-request-id` of another request: it was waiting on the connection. Make a new
    /// connection.
    OtherRequest,
    /// The body has a content coding, such as gzip, although the request rules codings out. Look for a proxy that
    /// compresses.
    Coded,
    /// The response has a successful status, but it is not a complete response to the request.
    Response(exportitems::Error),
}

/// An HTTP response without a SOAP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Status {
    /// The status code, 200 to 999.
    pub code: u16,
    /// `Retry-After`, if the server sent it in seconds.
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
                    "the buffer is too small; use one of at least {} bytes",
                    crate::MIN_BUFFER
                )
            }
            Self::Spent => {
                f.write_str("the connection cannot be used again; make a new connection")
            }
            Self::Login(error) => error.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::WriteZero => {
                f.write_str("the transport accepts no more bytes; make a new connection")
            }
            Self::Http(error) => error.fmt(f),
            Self::Status(status) => status.fmt(f),
            Self::OtherRequest => f.write_str(
                "the response answers another request; make a new connection and send the request again",
            ),
            Self::Coded => f.write_str(
                "the response is compressed, which the request rules out; look for a proxy that compresses",
            ),
            Self::Response(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within, so the chain continues with that error's cause.
        match self {
            Self::Request(error) => error.source(),
            Self::Header(error) => error.source(),
            Self::Login(error) => error.source(),
            Self::Transport(error) => error.source(),
            Self::Http(error) => error.source(),
            Self::Response(error) => error.source(),
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
        match (self.code, self.retry_after) {
            (401, _) => f.write_str("; check the user, the password and the channel binding"),
            (_, Some(seconds)) => write!(f, "; try again in {seconds} s"),
            (_, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Error;
    use core::error::Error as _;
    use std::io;
    use std::string::ToString as _;

    #[test]
    fn a_chain_prints_each_text_once() {
        let error = Error::Transport(io::Error::other("connection reset"));
        assert_eq!(error.to_string(), "connection reset");
        assert!(error.source().is_none());
        let error = Error::<io::Error>::Response(crate::client::not_reset(7));
        assert!(error.source().is_none());
    }
}
