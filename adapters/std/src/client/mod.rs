//! The client: one server, one connection, one request at a time.

mod async_sink;
mod auth;
mod block_on;
mod body;
mod builder;
mod call;
mod certificate;
mod cookies;
mod credentials;
mod date;
mod dial;
mod endpoint;
mod error;
mod examine;
mod exchange;
mod gunzip;
mod head;
mod oauth;
mod proxy;
mod response;
mod route;
mod session;
mod start;
mod status;
mod tap;
mod tcp;
mod tls;
mod tls_problem;
mod transport;
mod trusted;
mod upload;

use core::time::Duration;
use std::io;

use exportitems::{ItemId, Options, RequestHeaders, Sink, UploadItem};

pub use async_sink::{AsyncSink, AsyncTap};
pub use auth::{
    AccessToken, AuthError, ChannelBinding, Credential, EndPoint, Handshake, Leg, Renewal, Scope,
    TokenClaims, Waiting,
};
pub use builder::ClientBuilder;
pub use call::CallAnswer;
pub use certificate::Certificate;
pub use credentials::{Credentials, CredentialsError};
pub use endpoint::UrlError;
pub use error::{BuildError, ClientError, Phase, ResponseError, TransportError};
pub use examine::Step;
pub use oauth::Application;
pub use proxy::{Proxy, ProxyProblem, ProxyUrlError};
pub use response::{Answer, Diagnostics};
pub use route::{Rate, Route, Timeouts};
pub use session::Session;
pub use status::{SentBinding, SentCredentials, StatusError, StatusKind};
pub use tls::TlsVersion;
pub use tls_problem::TlsProblem;
pub use transport::{Connector, Pace, Sent, Transport};
pub use upload::{Readers, UploadSource};

pub(crate) use block_on::{block_on, sleep};
pub use tcp::TcpConnector;

/// A blocking client for one server.
///
/// It keeps one connection for the next request, and the server's cookies.
/// Memory: about 190 KiB for items and batches of any size; with TLS what rustls needs on top.
///
/// ```no_run
/// use exportitems::{ItemId, Options, RequestHeaders};
/// use exportitems_std::client::{Client, Credentials};
/// use exportitems_std::Archive;
///
/// let mut client = Client::builder("https://mail.example.com/EWS/Exchange.asmx")
///     .credentials(Credentials::basic("user@example.com", "secret")?)
///     .build()?;
/// let mut archive = Archive::open("backup")?;
///
/// let items = [ItemId::new("AAMkAGYz+NAA=")];
/// let answer = client.export(&RequestHeaders::new(), &items, &mut archive.sink(&items), Options::new())?;
/// while let Some(entry) = archive.wait_published()? {
///     println!("{:?}: {:?}", entry.status, entry.file);
/// }
/// println!("{} of {} items are whole", answer.summary.ok, answer.summary.items);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Client(pub(crate) Session<TcpConnector>);

impl Client {
    /// Returns a builder for a client of the server with this EWS URL.
    ///
    /// A URL without a path gets [`exportitems::ENDPOINT_PATH`].
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    /// Uses these credentials from the next request on, for example a new token instead of one that expires.
    ///
    /// # Errors
    /// [`BuildError::PlaintextCredentials`]
    pub fn set_credentials(&mut self, credentials: Credentials) -> Result<(), BuildError> {
        self.0.set_credentials(credentials)
    }

    /// Returns whether this client has ever had a connection to the server, with TLS if the URL begins with `https`.
    ///
    /// If it has not, a wrong URL is more likely than an outage.
    #[must_use]
    pub const fn has_connected(&self) -> bool {
        self.0.has_connected()
    }

    /// Returns the certificate, in DER, of the server at the other end of the connection that is kept.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.0.peer_certificate()
    }

    /// Makes a client for another connection to the same server, with the same settings and credentials. Logins of both
    /// obey the rules that protect the account.
    #[must_use]
    pub fn another(&self) -> Self {
        Self(self.0.another())
    }

    /// Exports `items` with the headers of `request` into `sink`.
    ///
    /// Blocks until the end of the response. A [fault](exportitems::Summary::fault) is an answer, not an error.
    ///
    /// The request is sent again on a new connection if the server cannot have responded to it:
    /// - The kept connection is closed before the first byte of the response, or the response is a 408.
    /// - The response has the `client-request-id` of another request. After two more such responses, the result is
    ///   [`TransportError::OtherAnswer`].
    /// - The server refuses an access token with 401, and [its source](Credentials::bearer_from) has another one.
    ///
    /// If anything has arrived on the kept connection since the last response, the connection is not used again.
    ///
    /// # Errors
    /// See [`ClientError`], which also says whether the sink has received the outcomes of the items.
    /// After [`ClientError::Response`], the items that the sink committed are complete.
    pub fn export<S>(
        &mut self,
        headers: &RequestHeaders<'_>,
        items: &[ItemId<'_>],
        sink: &mut S,
        options: Options,
    ) -> Result<Answer, ClientError>
    where
        S: Sink + ?Sized,
        S::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        block_on(self.0.export(headers, items, sink, options))
    }

    /// Sends a request for another operation, over the same connection and with the same login.
    ///
    /// `operation` is the local name of its element, such as `FindItem`, and `envelope` is the whole SOAP message.
    /// The request is sent again in the same cases as in [`export`](Self::export), so it must be safe to repeat.
    ///
    /// # Errors
    /// [`ClientError`] if the response is not a SOAP message, or is incomplete. A fault is an answer, not an error.
    pub fn call(&mut self, operation: &str, envelope: &str) -> Result<CallAnswer, ClientError> {
        block_on(self.0.call(operation, envelope))
    }

    /// Uploads `items`, whose data are read while they are sent: `open` returns a reader of the item at an index.
    ///
    /// It blocks until the response is over. The sink gets [`begin`](Sink::begin) with the id of each new item, and its
    /// `commit` when the response has confirmed it. A login takes place before the data are sent.
    ///
    /// A server does not recognise an item that it already has. So the request is sent again only if the server cannot
    /// have received all of it, or has refused it by 401 and there is another access token; a reader is then opened anew.
    /// After any other error except [`ClientError::Source`] and [`ClientError::Status`], the server may have stored items
    /// without reporting it.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Source`] if a reader fails, or has less than [`UploadItem::data_len`] bytes.
    pub fn upload<R, S>(
        &mut self,
        headers: &RequestHeaders<'_>,
        items: &[UploadItem<'_>],
        open: impl FnMut(usize) -> io::Result<R>,
        sink: &mut S,
        options: Options,
    ) -> Result<Answer, ClientError>
    where
        R: io::Read,
        S: Sink + ?Sized,
        S::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let mut source = Readers::new(open);
        block_on(self.0.upload(headers, items, &mut source, sink, options))
    }
}

/// Returns a time in whole seconds, rounded up, for messages.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_millis().div_ceil(1000))
}
