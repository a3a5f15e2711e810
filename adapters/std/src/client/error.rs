//! The errors of the client.

use core::fmt;
use core::time::Duration;
use std::io;
use std::path::PathBuf;

use exportitems::policy::{Advice, Disposition};
use exportitems::RequestError;
use exportitems_http1::ErrorKind;

use super::auth::AuthError;
use super::credentials::CredentialsError;
use super::endpoint::{Endpoint, UrlError};
use super::proxy::ProxyProblem;
use super::response::Answer;
use super::seconds;
use super::status::StatusError;
use super::tls_problem::TlsProblem;

/// The error for a client that cannot be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL cannot be used.
    Url(UrlError),
    /// The credentials cannot be part of a request.
    Credentials(CredentialsError),
    /// The source of access tokens failed.
    TokenSource(Box<dyn core::error::Error + Send + Sync>),
    /// There is no Kerberos ticket.
    #[cfg(feature = "kerberos")]
    #[cfg_attr(docsrs, doc(cfg(feature = "kerberos")))]
    NoTicket(Box<dyn core::error::Error + Send + Sync>),
    /// Credentials would be sent without TLS.
    PlaintextCredentials {
        /// The host.
        host: String,
    },
    /// A header cannot be sent.
    Header(exportitems_http1::RequestError),
    /// A timeout is zero.
    ZeroTimeout,
    /// A certificate file cannot be used.
    CaFile {
        /// The file.
        path: PathBuf,
        /// The reason, or `None` if the file contains no certificate.
        source: Option<Box<dyn core::error::Error + Send + Sync>>,
    },
    /// Neither the system nor a file has a certificate to trust.
    NoRoots {
        /// The first error of the system's certificate store.
        source: Option<Box<dyn core::error::Error + Send + Sync>>,
    },
    /// TLS cannot be set up.
    Tls(rustls::Error),
    /// The client's certificate or its key cannot be used.
    ClientCertificate {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Box<dyn core::error::Error + Send + Sync>,
    },
    /// The crate is built without the feature `ring`, and the process has no default crypto provider.
    NoCryptoProvider,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Credentials(error) => error.fmt(f),
            Self::TokenSource(_) => f.write_str("cannot get an access token"),
            #[cfg(feature = "kerberos")]
            Self::NoTicket(_) => f.write_str("there is no Kerberos ticket; get one with kinit"),
            Self::PlaintextCredentials { host } => write!(
                f,
                "credentials would be sent to {host} in plain text; use https, or allow it explicitly"
            ),
            Self::Header(error) => error.fmt(f),
            Self::ZeroTimeout => f.write_str("timeouts must be greater than zero"),
            Self::CaFile { path, source: Some(_) } => {
                write!(f, "cannot use the certificates of {}", path.display())
            }
            Self::CaFile { path, source: None } => write!(
                f,
                "no certificate in {}; save it in PEM (Base64) or DER",
                path.display()
            ),
            Self::NoRoots { .. } => f.write_str(
                "no certificate authority to trust; install the system's certificates or name a file of them",
            ),
            Self::Tls(_) => f.write_str("cannot set up TLS"),
            Self::ClientCertificate { path, .. } => write!(
                f,
                "cannot use the client certificate or key in {}; give both in PEM, the key unencrypted",
                path.display()
            ),
            Self::NoCryptoProvider => f.write_str(
                "there is no crypto provider for TLS; install one for the process, or give a TLS configuration",
            ),
        }
    }
}

impl core::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            // `Display` prints the text of these errors, so the chain continues with their cause.
            Self::Url(error) => error.source(),
            Self::Credentials(error) => error.source(),
            Self::Header(error) => error.source(),
            Self::TokenSource(error) => Some(&**error),
            #[cfg(feature = "kerberos")]
            Self::NoTicket(error) => Some(&**error),
            Self::CaFile { source, .. } | Self::NoRoots { source } => source
                .as_ref()
                .map(|error| &**error as &(dyn core::error::Error + 'static)),
            Self::Tls(error) => Some(error),
            Self::ClientCertificate { source, .. } => Some(&**source),
            Self::PlaintextCredentials { .. } | Self::ZeroTimeout | Self::NoCryptoProvider => None,
        }
    }
}

/// The error of an export.
///
/// With [`Response`](Self::Response) and [`Sink`](Self::Sink), the sink has received the outcome of every item. With all
/// other errors, it has received none.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The request cannot be encoded.
    Request(RequestError),
    /// A header cannot be sent.
    Header(exportitems_http1::RequestError),
    /// There was no response.
    Transport(TransportError),
    /// The login could not be continued.
    Auth(AuthError),
    /// The response is HTTP, but not SOAP.
    Status(Box<StatusError>),
    /// The response is incomplete or malformed. The sink has received the outcomes of all items.
    Response(Box<ResponseError>),
    /// The data of an item to upload could not be read, or are shorter than announced. The request was not completed.
    Source {
        /// Position of the item in the request, from 0.
        index: usize,
        /// What went wrong.
        source: io::Error,
    },
    /// The response is complete, but the sink failed for at least one item. This is its first error.
    Sink(Box<dyn core::error::Error + Send + Sync>),
}

impl ClientError {
    /// Returns what can be done. TLS and authentication failures are not transient.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Request(_) | Self::Header(_) | Self::Sink(_) | Self::Source { .. } => {
                Disposition::Permanent
            }
            Self::Transport(error) => error.disposition(),
            Self::Auth(AuthError::Closed) => Disposition::Permanent,
            Self::Auth(_) => Disposition::Auth,
            Self::Status(error) => error.disposition(),
            Self::Response(error) => match (&error.cause, error.answer.summary.fault) {
                (Some(cause), _) => cause.disposition(),
                (None, Some(fault)) => Advice::of_fault(&fault).disposition,
                (None, None) => Disposition::Transient,
            },
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::Auth(error) => error.fmt(f),
            Self::Status(error) => error.fmt(f),
            Self::Response(error) => error.fmt(f),
            Self::Source { index, .. } => {
                write!(f, "the data of item {index} cannot be read; check its file")
            }
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within, so the chain continues with that error's cause.
        match self {
            Self::Request(error) => error.source(),
            Self::Header(error) => error.source(),
            Self::Transport(error) => error.source(),
            Self::Auth(error) => error.source(),
            Self::Status(error) => error.source(),
            Self::Response(error) => error.source(),
            Self::Source { source, .. } => Some(source),
            Self::Sink(error) => error.source(),
        }
    }
}

impl From<RequestError> for ClientError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<AuthError> for ClientError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<Box<StatusError>> for ClientError {
    fn from(error: Box<StatusError>) -> Self {
        Self::Status(error)
    }
}

impl From<TransportError> for ClientError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

/// The error of a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// The host has no address.
    Resolve {
        /// The host.
        host: String,
        /// The reason.
        source: io::Error,
    },
    /// No address of the host can be reached.
    Connect {
        /// The host and the port.
        authority: String,
        /// The reason.
        source: io::Error,
    },
    /// There is no connection through the proxy.
    Proxy {
        /// The host and the port of the proxy.
        proxy: String,
        /// The reason.
        problem: ProxyProblem,
    },
    /// The compressed response is damaged or incomplete.
    Gzip(io::Error),
    /// There is no TLS connection.
    Tls {
        /// The host.
        host: String,
        /// The kind of the failure.
        problem: TlsProblem,
        /// The error of rustls or of the socket.
        source: io::Error,
    },
    /// The server took too long.
    Timeout {
        /// What was waited for.
        phase: Phase,
        /// The time limit.
        after: Duration,
    },
    /// The response is slower than the [lowest rate](super::ClientBuilder::lowest_rate).
    TooSlow {
        /// The number of bytes that arrived.
        bytes: u64,
        /// The time in which they arrived.
        within: Duration,
    },
    /// The response to a [call](super::Client::call) is too large to be kept.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The connection broke while the request was sent.
    Write(io::Error),
    /// The connection broke while the response was received.
    Read(io::Error),
    /// The response is not HTTP/1.1, or ended early.
    Http(exportitems_http1::Error),
    /// The server does not use HTTP.
    NotHttp {
        /// Whether it uses TLS.
        tls: bool,
    },
    /// A SOAP message arrived before the request was sent completely.
    Unasked,
    /// Each response belonged to another request.
    OtherAnswer {
        /// The `client-request-id` of the last request.
        sent: String,
        /// The one in the last response.
        echoed: String,
    },
}

/// What a client was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The connection.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// The server to take the request.
    Write,
    /// The next bytes of the response.
    Read,
}

impl TransportError {
    pub(super) fn connect(endpoint: &Endpoint, source: io::Error) -> Self {
        let host = match endpoint.host.contains(':') {
            true => format!("[{}]", endpoint.host),
            false => endpoint.host.clone(),
        };
        Self::Connect {
            authority: format!("{host}:{}", endpoint.port),
            source,
        }
    }

    /// Returns the error of a read from an open connection to `host`. In TLS 1.3 it may report that the server requires a
    /// client certificate.
    #[must_use]
    pub fn read(host: &str, source: io::Error) -> Self {
        let tls = source
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls.and_then(TlsProblem::after_handshake) {
            None => Self::Read(source),
            Some(problem) => Self::Tls {
                host: host.to_owned(),
                problem,
                source,
            },
        }
    }

    /// Returns what can be done.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Tls { problem, .. } if problem.is_lasting() => Disposition::Permanent,
            Self::NotHttp { .. } => Disposition::Permanent,
            Self::Proxy { problem, .. } => match problem {
                ProxyProblem::Authentication { .. } => Disposition::Auth,
                ProxyProblem::Refused { status: 500.. } | ProxyProblem::Io(_) => {
                    Disposition::Transient
                }
                ProxyProblem::Resolve(_) | ProxyProblem::Connect(_) => Disposition::Transient,
                ProxyProblem::Refused { .. } | ProxyProblem::NotHttp => Disposition::Permanent,
            },
            _ => Disposition::Transient,
        }
    }

    /// Returns whether an open connection failed or ended early.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        match self {
            Self::Write(_) | Self::Read(_) => true,
            Self::Http(error) => error.kind.class() == exportitems_http1::ErrorClass::Connection,
            _ => false,
        }
    }

    /// Returns whether a kept connection may have ended before the request.
    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::Write(_) | Self::Read(_) => true,
            Self::Http(error) => error.kind == ErrorKind::Closed,
            _ => false,
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host, .. } => write!(
                f,
                "cannot find the host {host}; check its name in the URL and this machine's DNS"
            ),
            Self::Connect { authority, source } => {
                write!(f, "cannot connect to {authority}; {}", unreached(source))
            }
            Self::Proxy { proxy, problem } => {
                write!(f, "no connection through the proxy {proxy}: {problem}")
            }
            Self::Gzip(_) => f.write_str("the compressed response is damaged or ends early"),
            Self::Tls { host, problem, .. } => write!(f, "no TLS connection with {host}: {problem}"),
            Self::Timeout { phase, after } => {
                let after = seconds(*after);
                match phase {
                    Phase::Connect => write!(
                        f,
                        "the server did not answer within {after}; \
                         check the host and port of the URL, and firewalls on the way"
                    ),
                    Phase::Handshake => write!(
                        f,
                        "the server accepted the connection, but there was no TLS handshake within {after}; \
                         check that the port of the URL is one for https"
                    ),
                    Phase::Write => write!(f, "the server did not take the request for {after}"),
                    Phase::Read => write!(f, "the server sent nothing for {after}"),
                }
            }
            Self::TooSlow { bytes, within } => write!(
                f,
                "the server sent only {bytes} bytes in {}",
                seconds(*within)
            ),
            Self::TooLarge { limit } => {
                write!(f, "the response has more than {limit} bytes; request less at once, or raise the limit of an item")
            }
            Self::Write(_) => f.write_str("the connection broke during the request"),
            Self::Read(_) => f.write_str("the connection broke during the response"),
            Self::Http(error) => match error.kind {
                ErrorKind::Closed => f.write_str("the server closed the connection without a response"),
                ErrorKind::Cut => write!(
                    f,
                    "the connection ended in the middle of the response, after byte {}",
                    error.offset
                ),
                _ => error.fmt(f),
            },
            Self::NotHttp { tls: true } => f.write_str(
                "the service on this port uses TLS; begin the URL with https://",
            ),
            Self::NotHttp { tls: false } => f.write_str(
                "the service on this port does not use HTTP; correct the host or the port of the URL",
            ),
            Self::Unasked => f.write_str(
                "a response came before the request was sent; look for a proxy that mixes up responses",
            ),
            Self::OtherAnswer { sent, echoed } => write!(
                f,
                "the response belongs to another request: client-request-id {echoed}, not {sent}; \
                 look for a proxy that stores or mixes up responses"
            ),
        }
    }
}

/// Returns what to check if a host cannot be reached.
fn unreached(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens on that port, or a firewall refuses it; check the host and the port"
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "there is no route to it; check this machine's network"
        }
        _ => "check the host and the port of the URL, and firewalls on the way",
    }
}

impl core::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. }
            | Self::Connect { source, .. }
            | Self::Tls {
                problem: TlsProblem::Other | TlsProblem::BadCertificate | TlsProblem::Closed,
                source,
                ..
            }
            | Self::Write(source)
            | Self::Read(source) => Some(source),
            // `Display` prints its text, or a clearer one.
            Self::Proxy { problem, .. } => problem
                .source()
                .map(|error| error as &(dyn core::error::Error + 'static)),
            Self::Gzip(source) => Some(source),
            Self::Http(error) => error.source(),
            // The problem says all that its source says.
            Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::TooSlow { .. }
            | Self::TooLarge { .. }
            | Self::NotHttp { .. }
            | Self::Unasked
            | Self::OtherAnswer { .. } => None,
        }
    }
}

/// The error of a response that is SOAP, but incomplete or malformed.
#[derive(Debug)]
#[non_exhaustive]
pub struct ResponseError {
    /// The error in the document.
    pub error: exportitems::Error,
    /// The error of the connection, if that is the cause.
    pub cause: Option<TransportError>,
    /// The declared encoding, if that is the cause.
    pub encoding: Option<String>,
    /// The part of the response that was decoded.
    pub answer: Answer,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.answer.summary;
        match &self.encoding {
            Some(encoding) => write!(f, "the response is in the encoding {encoding}")?,
            None => f.write_str("the response is not complete")?,
        }
        write!(
            f,
            "; {} of {} items are whole ({})",
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
