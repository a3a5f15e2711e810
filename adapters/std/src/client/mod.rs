//! The client: one server, one connection, one request at a time.

mod body;
mod builder;
mod connection;
mod cookies;
mod credentials;
mod endpoint;
mod error;
mod exchange;
mod response;
mod status;
mod tap;
mod tls;

use std::sync::Arc;

use exportitems::{Encoder, ExportItems, ItemId, Options, Sink};
use rustls::ClientConfig;

pub use builder::ClientBuilder;
pub use credentials::{Credentials, CredentialsError};
pub use endpoint::UrlError;
pub use error::{BuildError, ClientError, Phase, ResponseError, TransportError};
pub use response::{Answer, Diagnostics};
pub use status::{StatusError, StatusKind};

use connection::{Connection, Timeouts};
use cookies::Cookies;
use endpoint::Endpoint;
use exchange::{Answered, Buffers};

/// A blocking client for one server.
///
/// It keeps one connection, which goes on with the next request, and the server's cookies.
/// Memory: about 140 KiB, whatever the size of an item or a batch; with TLS what rustls needs on top.
///
/// ```no_run
/// use exportitems::{ExportItems, ItemId, Options};
/// use exportitems_std::client::{Client, Credentials};
/// use exportitems_std::Archive;
///
/// let mut client = Client::builder("https://mail.example.com/EWS/Exchange.asmx")
///     .credentials(Credentials::basic("user@example.com", "secret")?)
///     .build()?;
/// let mut archive = Archive::open("backup")?;
///
/// let items = [ItemId::new("AAMkAGYz+NAA=")];
/// let request = ExportItems::new(&[]);
/// let answer = client.export(&request, &items, &mut archive.sink(&items), Options::new())?;
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
    timeouts: Timeouts,
    headers: Vec<(String, String)>,
    credentials: Option<Credentials>,
    allow_plaintext_credentials: bool,
    cookies: Cookies,
    /// Open, and at the end of a response.
    connection: Option<Connection>,
    buffers: Buffers,
}

impl Client {
    /// Begins a client for the EWS URL of a server.
    ///
    /// A URL without a path gets [`ExportItems::ENDPOINT_PATH`].
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    fn new(
        endpoint: Endpoint,
        tls: Option<Arc<ClientConfig>>,
        timeouts: Timeouts,
        headers: Vec<(String, String)>,
        allow_plaintext_credentials: bool,
    ) -> Self {
        Self {
            endpoint,
            tls,
            timeouts,
            headers,
            credentials: None,
            allow_plaintext_credentials,
            cookies: Cookies::default(),
            connection: None,
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
        self.credentials = Some(credentials);
        Ok(())
    }

    /// The certificate, in DER, of the server at the other end of the connection that is kept.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        let certificate = self.connection.as_ref()?.peer_certificate()?;
        Some(certificate)
    }

    /// Exports `items` with the headers of `request` into `sink`.
    ///
    /// It blocks until the response is over. A kept connection that turns out to be closed, before a byte
    /// of the response, is replaced once; nothing else is tried again.
    /// A [fault](exportitems::Summary::fault) is an answer.
    ///
    /// # Errors
    /// [`ClientError`] says which of them the sink has heard of.
    /// After [`ClientError::Response`] the items that the sink committed are whole.
    pub fn export<S>(
        &mut self,
        request: &ExportItems<'_>,
        items: &[ItemId<'_>],
        sink: &mut S,
        options: Options,
    ) -> Result<Answer, ClientError>
    where
        S: Sink + ?Sized,
        S::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let body = request.items(items).encoder()?;
        // Position is 32 bits wide, and a request of 2^32 items is none that a server takes.
        let options = options.items(u32::try_from(items.len()).unwrap_or(u32::MAX));
        let answered = self.request(&body)?;
        self.receive(answered, sink, options)
    }

    /// Sends the request and reads the response's head.
    fn request(&mut self, body: &Encoder<'_>) -> Result<Answered, ClientError> {
        if let Some(kept) = self.connection.take() {
            match self.attempt(kept, body.clone()) {
                // An idle connection ends when the server likes; nobody has seen this request.
                Err(failed) if failed.is_stale() => {}
                result => return result.map_err(|failed| failed.error),
            }
        }
        let fresh = Connection::open(&self.endpoint, self.tls.as_ref(), self.timeouts)?;
        self.attempt(fresh, body.clone())
            .map_err(|failed| failed.error)
    }
}
