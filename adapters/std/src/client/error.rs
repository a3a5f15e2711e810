//! Errors of the client, sorted by who is at fault.

use core::fmt;
use core::time::Duration;
use std::io;
use std::path::PathBuf;

use exportitems::RequestError;

use super::credentials::CredentialsError;
use super::endpoint::{Endpoint, UrlError};
use super::response::Answer;
use super::status::StatusError;

/// A client cannot be made: the caller is at fault, or this machine.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL is none to export from.
    Url(UrlError),
    /// The credentials cannot be carried.
    Credentials(CredentialsError),
    /// Credentials for a host that is reached without TLS.
    PlaintextCredentials {
        /// The host.
        host: String,
    },
    /// A header cannot be sent.
    Header(exportitems_http1::RequestError),
    /// A time-out of zero.
    ZeroTimeout,
    /// A file of certificates cannot be used.
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why; `None` where it holds no certificate at all.
        source: Option<Box<dyn core::error::Error + Send + Sync>>,
    },
    /// Neither the system nor a file gave a certificate to trust.
    NoRoots {
        /// What went wrong with the system's first.
        source: Option<Box<dyn core::error::Error + Send + Sync>>,
    },
    /// TLS cannot be set up.
    Tls(rustls::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Credentials(error) => error.fmt(f),
            Self::PlaintextCredentials { host } => write!(
                f,
                "credentials would go to {host} in plain text; use https, or allow it by name"
            ),
            Self::Header(error) => error.fmt(f),
            Self::ZeroTimeout => f.write_str("a time-out of zero lets nothing happen"),
            Self::CaFile { path, source: Some(error) } => {
                write!(f, "cannot use the certificates of {}: {error}", path.display())
            }
            Self::CaFile { path, source: None } => write!(
                f,
                "no certificate in {}; it must hold them in PEM",
                path.display()
            ),
            Self::NoRoots { .. } => f.write_str(
                "no certificate authority to trust; install the system's certificates or name a file of them",
            ),
            Self::Tls(error) => write!(f, "cannot set up TLS: {error}"),
        }
    }
}

impl core::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::Credentials(error) => Some(error),
            Self::Header(error) => Some(error),
            Self::CaFile { source, .. } | Self::NoRoots { source } => source
                .as_ref()
                .map(|error| &**error as &(dyn core::error::Error + 'static)),
            Self::Tls(error) => Some(error),
            Self::PlaintextCredentials { .. } | Self::ZeroTimeout => None,
        }
    }
}

/// An export failed as a whole, or its response broke.
///
/// Only with [`Response`](Self::Response) and [`Sink`](Self::Sink) has the sink heard of the items; then it has
/// heard of every one of them.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The caller asked for something that no request can say.
    Request(RequestError),
    /// A header cannot be sent.
    Header(exportitems_http1::RequestError),
    /// There was no response.
    Transport(TransportError),
    /// The response was HTTP, but not SOAP.
    Status(Box<StatusError>),
    /// The response broke; the items before that are as the sink was told.
    Response(Box<ResponseError>),
    /// The sink failed for at least one item, with this first error. The response was read to its end.
    Sink(Box<dyn core::error::Error + Send + Sync>),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::Status(error) => error.fmt(f),
            Self::Response(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(match self {
            Self::Request(error) => error,
            Self::Header(error) => error,
            Self::Transport(error) => error,
            Self::Status(error) => &**error,
            Self::Response(error) => &**error,
            Self::Sink(error) => &**error,
        })
    }
}

impl From<RequestError> for ClientError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<TransportError> for ClientError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

/// The connection did not bring a whole response; another attempt may.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// The host has no address.
    Resolve {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The host cannot be reached.
    Connect {
        /// Host and port.
        authority: String,
        /// Why.
        source: io::Error,
    },
    /// The TLS handshake failed: the certificate is not trusted, as a rule.
    Tls {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The server was silent for too long.
    Timeout {
        /// During what.
        phase: Phase,
        /// For how long.
        after: Duration,
    },
    /// The connection broke while the request was sent.
    Write(io::Error),
    /// The connection broke while the response was received.
    Read(io::Error),
    /// The response is not HTTP/1.1, or ended early.
    Http(exportitems_http1::Error),
}

/// What a client was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The connection or the TLS handshake.
    Connect,
    /// The server to take the request.
    Write,
    /// The next bytes of the response.
    Read,
}

impl TransportError {
    pub(super) fn connect(endpoint: &Endpoint, source: io::Error) -> Self {
        Self::Connect {
            authority: format!("{}:{}", endpoint.host, endpoint.port),
            source,
        }
    }

    /// Whether the connection, once made, has ended.
    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::Write(_) | Self::Read(_) => true,
            Self::Http(error) => error.kind == exportitems_http1::ErrorKind::Closed,
            _ => false,
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host, source } => {
                write!(f, "cannot find the host {host}: {source}; check the URL")
            }
            Self::Connect { authority, source } => {
                write!(f, "cannot connect to {authority}: {source}")
            }
            Self::Tls { host, source } => write!(
                f,
                "no trusted TLS connection with {host}: {source}; \
                 give its authority's certificate if it has one of its own"
            ),
            Self::Timeout { phase, after } => write!(
                f,
                "the server {} within {after:?}; wait longer, or ask for fewer items at a time",
                match phase {
                    Phase::Connect => "could not be reached",
                    Phase::Write => "did not take the request",
                    Phase::Read => "sent nothing",
                }
            ),
            Self::Write(error) => write!(f, "the connection broke in the request: {error}"),
            Self::Read(error) => write!(f, "the connection broke in the response: {error}"),
            Self::Http(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. }
            | Self::Connect { source, .. }
            | Self::Tls { source, .. }
            | Self::Write(source)
            | Self::Read(source) => Some(source),
            Self::Http(error) => Some(error),
            Self::Timeout { .. } => None,
        }
    }
}

/// A response that began as SOAP and did not end well.
#[derive(Debug)]
#[non_exhaustive]
pub struct ResponseError {
    /// What is wrong with the document.
    pub error: exportitems::Error,
    /// What happened to the connection, where that is the reason.
    pub cause: Option<TransportError>,
    /// What came of it nevertheless.
    pub answer: Answer,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.answer.summary;
        match &self.cause {
            Some(cause) => write!(f, "{cause}")?,
            None => write!(f, "{}", self.error)?,
        }
        write!(
            f,
            "; {} of {} items are whole, ask for the others again ({})",
            summary.ok, summary.items, self.answer.diagnostics
        )
    }
}

impl core::error::Error for ResponseError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.cause {
            Some(cause) => Some(cause),
            None => Some(&self.error),
        }
    }
}
