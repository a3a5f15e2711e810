//! The client: one server, one connection, one request at a time.

mod auth;
mod body;
mod builder;
mod connection;
mod cookies;
mod credentials;
mod date;
mod dial;
mod endpoint;
mod error;
mod exchange;
mod gunzip;
mod head;
mod oauth;
mod proxy;
mod response;
mod start;
mod status;
mod tap;
mod tls;
mod tls_problem;
mod trusted;

use core::time::Duration;
use std::sync::Arc;

use exportitems::{Encoder, ExportItems, ItemId, Options, RequestHeaders, Sink};
use rustls::ClientConfig;

pub use auth::{
    AccessToken, AuthError, ChannelBinding, Credential, EndPoint, Handshake, Leg, Renewal, Scope,
};
pub use builder::ClientBuilder;
pub use credentials::{Credentials, CredentialsError};
pub use endpoint::UrlError;
pub use error::{BuildError, ClientError, Phase, ResponseError, TransportError};
pub use oauth::Application;
pub use proxy::{Proxy, ProxyProblem, ProxyUrlError};
pub use response::{Answer, Diagnostics};
pub use status::{SentBinding, SentCredentials, StatusError, StatusKind};
pub use tls::TlsVersion;
pub use tls_problem::TlsProblem;

use connection::{Connection, Timeouts};
use cookies::Cookies;
use endpoint::Endpoint;
use exchange::{Answered, Buffers};

/// Requests that are sent again because the response was that to another one.
const STRAYS: u8 = 2;
/// Access tokens that are tried for one request, after the one that the server refused.
const RENEWALS: u8 = 3;

/// A blocking client for one server.
///
/// It keeps one connection for the next request, and the server's cookies.
/// Memory: about 140 KiB for items and batches of any size; with TLS what rustls needs on top.
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
pub struct Client {
    endpoint: Endpoint,
    tls: Option<Arc<ClientConfig>>,
    proxy: Option<Proxy>,
    /// The value of `Accept-Encoding`.
    accept_encoding: &'static str,
    timeouts: Timeouts,
    headers: Vec<(String, String)>,
    credentials: Option<Credentials>,
    allow_plaintext_credentials: bool,
    binding: ChannelBinding,
    /// The scheme that the server was found to offer.
    scheme: Option<&'static str>,
    cookies: Cookies,
    /// Open, and at the end of a response.
    connection: Option<Connection>,
    /// A connection was made.
    has_connected: bool,
    /// A SOAP message came.
    is_ews: bool,
    buffers: Buffers,
}

impl Client {
    /// Begins a client for the EWS URL of a server.
    ///
    /// A URL without a path gets [`exportitems::ENDPOINT_PATH`].
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    fn new(
        endpoint: Endpoint,
        tls: Option<Arc<ClientConfig>>,
        timeouts: Timeouts,
        headers: Vec<(String, String)>,
        allow_plaintext_credentials: bool,
        binding: ChannelBinding,
    ) -> Self {
        Self {
            endpoint,
            tls,
            proxy: None,
            accept_encoding: exchange::IDENTITY,
            timeouts,
            headers,
            credentials: None,
            allow_plaintext_credentials,
            binding,
            scheme: None,
            cookies: Cookies::default(),
            connection: None,
            has_connected: false,
            is_ews: false,
            buffers: Buffers::new(),
        }
    }

    /// Uses these credentials from the next request on: a new token, for one that expires.
    ///
    /// # Errors
    /// [`BuildError::PlaintextCredentials`]
    pub fn set_credentials(&mut self, credentials: Credentials) -> Result<(), BuildError> {
        if !(self.endpoint.tls || self.endpoint.is_loopback() || self.allow_plaintext_credentials) {
            return Err(BuildError::PlaintextCredentials {
                host: self.endpoint.host.clone(),
            });
        }
        // A connection that is logged in would serve the next requests as the user before.
        self.connection
            .take_if(|connection| connection.login.is_in());
        self.scheme = None;
        self.credentials = Some(credentials);
        Ok(())
    }

    /// Whether this client has ever had a connection to the server, with TLS if the URL says so.
    ///
    /// Where it has not, a wrong URL is more likely than an outage.
    #[must_use]
    pub const fn has_connected(&self) -> bool {
        self.has_connected
    }

    /// The certificate, in DER, of the server at the other end of the connection that is kept.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        let certificate = self.connection.as_ref()?.peer_certificate()?;
        Some(certificate)
    }

    /// Exports `items` with the headers of `request` into `sink`.
    ///
    /// It blocks until the response is over. A [fault](exportitems::Summary::fault) is an answer.
    ///
    /// The request is sent again, on a new connection, where the server cannot have answered it:
    /// - A kept connection turns out to be closed before a byte of the response, or brings a 408.
    /// - The response has the `client-request-id` of another request; after two more such responses this is
    ///   [`TransportError::OtherAnswer`].
    /// - The server refuses an access token by 401, and [its source](Credentials::bearer_from) has another.
    ///
    /// A kept connection on which anything arrived since the last response is not used at all.
    ///
    /// # Errors
    /// [`ClientError`] says which of them the sink has heard of.
    /// After [`ClientError::Response`] the items that the sink committed are whole.
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
        let body = ExportItems::new(items).headers(*headers).encoder()?;
        // Position is 32 bits wide, and a request of 2^32 items is none that a server takes.
        let options = options.items(u32::try_from(items.len()).unwrap_or(u32::MAX));
        let answered = self.request(&body)?;
        self.receive(answered, sink, options)
    }

    /// Sends the request and reads the head of its response.
    fn request(&mut self, body: &Encoder<'_>) -> Result<Answered, ClientError> {
        let (mut strays, mut renewals) = (0, 0);
        // What has arrived meanwhile would be taken for the answer.
        let mut kept = self.connection.take();
        kept.take_if(|connection| !connection.is_idle());
        loop {
            let is_kept = kept.is_some();
            let connection = match kept.take() {
                Some(connection) => connection,
                None => self.connect()?,
            };
            let mut answered = match self.attempt(connection, body) {
                Ok(answered) => answered,
                // A server may end an idle connection at any time; it has not seen this request.
                Err(failed) if is_kept && failed.is_stale() => continue,
                Err(failed) => return Err(failed.error),
            };
            if is_kept && answered.is_of_the_idle_connection() {
                continue;
            }
            if let Some((sent, echoed)) = answered.other_request() {
                strays += 1;
                if strays <= STRAYS {
                    continue;
                }
                return Err(TransportError::OtherAnswer { sent, echoed }.into());
            }
            if let (401, Some(credentials), Some(refused)) = (
                answered.status(),
                &self.credentials,
                &answered.authorization,
            ) {
                if renewals < RENEWALS {
                    answered.renewal = credentials.renew(refused);
                    if answered.renewal == Renewal::Renewed {
                        renewals += 1;
                        continue;
                    }
                }
            }
            return Ok(answered);
        }
    }

    fn connect(&mut self) -> Result<Connection, TransportError> {
        let connection = Connection::open(
            &self.endpoint,
            self.proxy.as_ref(),
            self.tls.as_ref(),
            self.timeouts,
        )?;
        self.has_connected = true;
        Ok(connection)
    }
}

/// A time in whole seconds, as messages give it.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_millis().div_ceil(1000))
}
