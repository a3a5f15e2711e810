//! The options of a client.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use exportitems_http1::RequestHead;
use rustls::ClientConfig;

use super::auth::ChannelBinding;
use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::error::BuildError;
use super::exchange::{GZIP, IDENTITY};
use super::proxy::Proxy;
use super::route::{Rate, Route, Timeouts};
use super::session::Session;
use super::tcp::TcpConnector;
use super::tls::{TlsOptions, TlsVersion};
use super::transport::Connector;
use super::Client;

/// The options of a [`Client`]. [`Client::builder`] returns it.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    url: String,
    credentials: Option<Credentials>,
    allow_plaintext_credentials: bool,
    tls: TlsOptions,
    config: Option<Arc<ClientConfig>>,
    proxy: Option<Proxy>,
    gzip: bool,
    headers: Vec<(String, String)>,
    user_agent: String,
    timeouts: Timeouts,
    binding: ChannelBinding,
}

impl ClientBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            credentials: None,
            allow_plaintext_credentials: false,
            tls: TlsOptions::default(),
            config: None,
            proxy: None,
            gzip: false,
            headers: Vec::new(),
            user_agent: concat!("exportitems/", env!("CARGO_PKG_VERSION")).to_owned(),
            timeouts: Timeouts {
                connect: Duration::from_secs(30),
                read: Duration::from_mins(5),
                write: Duration::from_mins(1),
                lowest: Rate {
                    bytes: 1024,
                    within: Duration::from_mins(5),
                },
            },
            binding: ChannelBinding::Auto,
        }
    }

    /// Sets the credentials. Without them, requests are anonymous.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Sets whether credentials are sent to another machine without TLS, where anyone on the path can read them.
    pub fn allow_plaintext_credentials(mut self, allow: bool) -> Self {
        self.allow_plaintext_credentials = allow;
        self
    }

    /// Sets whether a login by NTLM or Negotiate is bound to the server's certificate. The default is
    /// [`ChannelBinding::Auto`].
    pub fn channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.binding = binding;
        self
    }

    /// Trusts the certificates of a PEM file, in addition to those of the system.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.ca_files.push(path.into());
        self
    }

    /// Trusts only the certificate whose DER has this SHA-256, regardless of its issuer.
    ///
    /// Its names and dates are still checked. This is for a server with a self-signed certificate, such as the one that the
    /// setup of Exchange makes.
    pub fn trust_certificate(mut self, sha256: [u8; 32]) -> Self {
        self.tls.trusted = Some(sha256);
        self
    }

    /// Sets the lowest version of TLS. The default is 1.2.
    pub fn lowest_tls(mut self, version: TlsVersion) -> Self {
        self.tls.lowest = version;
        self
    }

    /// Sets the client certificate, from two PEM files. The key must not be encrypted.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Uses this TLS configuration instead of all TLS options above.
    ///
    /// The caller decides about roots, crypto provider and versions. ALPN must allow HTTP/1.1.
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.config = Some(config);
        self
    }

    /// Connects through a proxy. [`Proxy::from_environment`] returns the one in the environment variables.
    pub fn proxy(mut self, proxy: Option<Proxy>) -> Self {
        self.proxy = proxy;
        self
    }

    /// Sets whether compressed responses are requested. They have at least a quarter fewer bytes, and cost the server time.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// Sets `X-AnchorMailbox`, the SMTP address of the mailbox, which routes the request to its server.
    ///
    /// Exchange Online requires it [with impersonation](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-authenticate-an-ews-application-by-using-oauth).
    pub fn anchor_mailbox(self, smtp_address: &str) -> Self {
        self.header("X-AnchorMailbox", smtp_address)
    }

    /// Adds a header field to every request, such as `X-PublicFolderMailbox`.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets `User-Agent`, which Microsoft recommends to be unique. The default is `exportitems/` and the version.
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// Sets the longest time for a connection, which includes all addresses of the host and the TLS handshake. The default is
    /// 30 s.
    ///
    /// The system's resolver has its own time limits.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.connect = timeout;
        self
    }

    /// Sets the longest time in which the server sends nothing. The default is 5 minutes.
    ///
    /// A server works up to a minute on a batch, and delays responses to users over their budget. A whole response may take
    /// longer; only the [lowest rate](Self::lowest_rate) limits it.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.read = timeout;
        self
    }

    /// Sets the lowest rate of a response. If fewer `bytes` arrive `within` this time, the result is
    /// [`TransportError::TooSlow`](super::TransportError::TooSlow). The default is 1 KiB in 5 minutes. 0 bytes means no
    /// limit.
    ///
    /// Only the time spent waiting for the server counts, not that of the sink. A time below the
    /// [read timeout](Self::read_timeout) is raised to it, so that a single pause is never a low rate.
    pub fn lowest_rate(mut self, bytes: u64, within: Duration) -> Self {
        self.timeouts.lowest = Rate { bytes, within };
        self
    }

    /// Sets the longest time in which the server accepts no bytes of a request. The default is one minute.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.write = timeout;
        self
    }

    /// Makes the client. It connects when it is used.
    ///
    /// # Errors
    /// The options cannot be used. Credentials for another machine require TLS.
    pub fn build(self) -> Result<Client, BuildError> {
        self.build_with(TcpConnector).map(Client)
    }

    /// Makes a client whose connections come from `connector`. Adapters for other transports call this.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_with<C: Connector>(self, connector: C) -> Result<Session<C>, BuildError> {
        let endpoint = Endpoint::parse(&self.url).map_err(BuildError::Url)?;
        let mut timeouts = self.timeouts;
        let Timeouts {
            connect,
            read,
            write,
            ref mut lowest,
        } = timeouts;
        if [connect, read, write, lowest.within]
            .iter()
            .any(Duration::is_zero)
        {
            return Err(BuildError::ZeroTimeout);
        }
        lowest.within = lowest.within.max(read);
        let mut headers = vec![("User-Agent".to_owned(), self.user_agent)];
        headers.extend(self.headers);
        let borrowed: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        RequestHead::new(&endpoint.target, &endpoint.authority, &[&borrowed], 0)
            .map_err(BuildError::Header)?;
        let (tls, verifier) = match (endpoint.tls, self.config) {
            (false, _) => (None, None),
            (true, Some(config)) => (Some(config), None),
            (true, None) => {
                let (config, verifier) = self.tls.config()?;
                (Some(config), Some(verifier))
            }
        };
        let route = Route {
            endpoint,
            proxy: self.proxy,
            tls,
            verifier,
            timeouts,
        };
        let mut session = Session::new(
            connector,
            route,
            headers,
            self.allow_plaintext_credentials,
            self.binding,
        );
        session.accept_encoding = if self.gzip { GZIP } else { IDENTITY };
        if let Some(credentials) = self.credentials {
            session.set_credentials(credentials)?;
        }
        Ok(session)
    }
}
