//! The client's rules over any transport: one connection, one request at a time.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use exportitems::{ExportItems, ExportItemsOperation, ItemId, Options, RequestHeaders, Sink};

use super::async_sink::{Async, AsyncSink};
use super::auth::{ChannelBinding, Renewal};
use super::call::{ItemsBody, RequestBody};
use super::cookies::Cookies;
use super::credentials::Credentials;
use super::error::{BuildError, ClientError, TransportError};
use super::exchange::{self, Answered, Buffers};
use super::response::Answer;
use super::route::Route;
use super::tap::Blocking;
use super::transport::{Connection, Connector, Transport as _};

/// The number of times that a request is sent again because the response belongs to another request.
const STRAYS: u8 = 2;
/// The number of access tokens that are tried for one request after the server has refused the first.
const RENEWALS: u8 = 3;

/// A client over the connections of a [`Connector`].
///
/// [`Client`](super::Client) runs it over blocking connections, and exportitems-tokio over those of tokio.
/// [`ClientBuilder::build_with`](super::ClientBuilder::build_with) makes one.
///
/// # Cancel safety
/// The future of a request may be dropped at any `await`. The connection is then closed, the items that the sink has
/// committed stay committed, and the next request uses a new connection.
#[derive(Debug)]
pub struct Session<C: Connector> {
    connector: C,
    pub(super) route: Route,
    /// The value of `Accept-Encoding`.
    pub(super) accept_encoding: &'static str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) credentials: Option<Credentials>,
    allow_plaintext_credentials: bool,
    pub(super) binding: ChannelBinding,
    /// The scheme of authentication that the server continues, once it is known. Clients for further connections share it,
    /// so only the first one asks what the server offers.
    pub(super) scheme: Arc<Mutex<Option<&'static str>>>,
    pub(super) cookies: Cookies,
    /// The open connection. Its last response was received completely.
    pub(super) connection: Option<Connection<C::Transport>>,
    /// Whether there was ever a connection.
    pub(super) has_connected: bool,
    /// Whether the server has ever sent a SOAP message, on any connection.
    pub(super) is_ews: Arc<AtomicBool>,
    pub(super) buffers: Buffers,
}

impl<C: Connector> Session<C> {
    pub(super) fn new(
        connector: C,
        route: Route,
        headers: Vec<(String, String)>,
        allow_plaintext_credentials: bool,
        binding: ChannelBinding,
    ) -> Self {
        Self {
            connector,
            route,
            accept_encoding: exchange::IDENTITY,
            headers,
            credentials: None,
            allow_plaintext_credentials,
            binding,
            scheme: Arc::default(),
            cookies: Cookies::default(),
            connection: None,
            has_connected: false,
            is_ews: Arc::default(),
            buffers: Buffers::new(),
        }
    }

    /// Makes a client for another connection to the same server, with the same settings and credentials.
    #[must_use]
    pub fn another(&self) -> Self
    where
        C: Clone,
    {
        Self {
            accept_encoding: self.accept_encoding,
            credentials: self.credentials.clone(),
            scheme: Arc::clone(&self.scheme),
            is_ews: Arc::clone(&self.is_ews),
            ..Self::new(
                self.connector.clone(),
                self.route.clone(),
                self.headers.clone(),
                self.allow_plaintext_credentials,
                self.binding,
            )
        }
    }

    /// Closes the connection. The next request opens another.
    pub(crate) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Uses these credentials from the next request on, for example a new token instead of one that expires.
    ///
    /// # Errors
    /// [`BuildError::PlaintextCredentials`]
    pub fn set_credentials(&mut self, credentials: Credentials) -> Result<(), BuildError> {
        if !(self.route.endpoint.tls
            || self.route.endpoint.is_loopback()
            || self.allow_plaintext_credentials)
        {
            return Err(BuildError::PlaintextCredentials {
                host: self.route.endpoint.host.clone(),
            });
        }
        // A connection that is logged in would serve the next requests under the previous user.
        self.connection
            .take_if(|connection| connection.login.is_in());
        self.scheme = Arc::default();
        self.credentials = Some(credentials);
        Ok(())
    }

    /// Returns whether this client has ever had a connection to the server, with TLS if the URL begins with `https`.
    ///
    /// If it has not, a wrong URL is more likely than an outage.
    #[must_use]
    pub const fn has_connected(&self) -> bool {
        self.has_connected
    }

    /// Returns the certificate, in DER, of the server at the other end of the connection that is kept.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        let certificate = self.connection.as_ref()?.transport.peer_certificate()?;
        Some(certificate)
    }

    /// Exports `items` into a sink that does not wait. See [`Client::export`](super::Client::export).
    ///
    /// # Errors
    /// As [`Client::export`](super::Client::export).
    pub async fn export<S>(
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
        let answered = self.request_items(headers, items).await?;
        let options = for_items(options, items);
        self.receive::<ExportItemsOperation, _>(answered, options, Blocking(sink))
            .await
    }

    /// Exports `items` into an async sink. While the sink waits, nothing is received.
    ///
    /// # Errors
    /// As [`Client::export`](super::Client::export).
    pub async fn export_async<K>(
        &mut self,
        headers: &RequestHeaders<'_>,
        items: &[ItemId<'_>],
        sink: &mut K,
        options: Options,
    ) -> Result<Answer, ClientError>
    where
        K: AsyncSink + ?Sized,
        K::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let answered = self.request_items(headers, items).await?;
        let options = for_items(options, items);
        self.receive::<ExportItemsOperation, _>(answered, options, Async(sink))
            .await
    }

    async fn request_items(
        &mut self,
        headers: &RequestHeaders<'_>,
        items: &[ItemId<'_>],
    ) -> Result<Answered<C::Transport>, ClientError> {
        let encoder = ExportItems::new(items).headers(*headers).encoder()?;
        self.request(&mut ItemsBody::new(encoder)).await
    }

    /// Sends the request and reads the head of its response.
    pub(super) async fn request<B: RequestBody>(
        &mut self,
        body: &mut B,
    ) -> Result<Answered<C::Transport>, ClientError> {
        let (mut strays, mut renewals) = (0, 0);
        // Bytes that have arrived since the last response would be taken for the response to this request.
        let mut kept = self.connection.take();
        if let Some(connection) = &mut kept {
            if !connection.transport.is_idle().await {
                kept = None;
            }
        }
        loop {
            let is_kept = kept.is_some();
            let connection = match kept.take() {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            let mut answered = match self.attempt(connection, body).await {
                Ok(answered) => answered,
                // A server may close an idle connection at any time. It has not seen this request.
                Err(failed) if is_kept && failed.is_stale() && failed.may_repeat::<B>() => continue,
                Err(failed) => return Err(failed.error),
            };
            if is_kept && answered.is_of_the_idle_connection() {
                continue;
            }
            if let Some((sent, echoed)) = answered.other_request() {
                strays += 1;
                if B::IS_REPEATABLE && strays <= STRAYS {
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
                    answered.renewal = credentials.credential().renew(refused).await;
                    if answered.renewal == Renewal::Renewed {
                        renewals += 1;
                        continue;
                    }
                }
            }
            return Ok(answered);
        }
    }

    pub(super) async fn connect(&mut self) -> Result<Connection<C::Transport>, TransportError> {
        let transport = self.connector.connect(&self.route).await?;
        self.has_connected = true;
        Ok(Connection::new(transport))
    }
}

/// Returns the options for a response to a request for these items.
fn for_items(options: Options, items: &[ItemId<'_>]) -> Options {
    // A position has 32 bits, and no server accepts a request for 2^32 items.
    options.items(u32::try_from(items.len()).unwrap_or(u32::MAX))
}
