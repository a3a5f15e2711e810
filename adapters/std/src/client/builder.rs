//! What a client is made from.

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

/// Makes a [`Client`]; begun by [`Client::builder`].
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

    /// Proves who asks, with every request.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Sends credentials to a host other than this one without TLS too, where anybody on the way reads them.
    pub fn allow_plaintext_credentials(mut self, allow: bool) -> Self {
        self.allow_plaintext_credentials = allow;
        self
    }

    /// Whether a login by NTLM or Negotiate is bound to the server's certificate; [`ChannelBinding::Auto`] by
    /// default.
    pub fn channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.binding = binding;
        self
    }

    /// Trusts the certificates of a PEM file, beside the system's.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.ca_files.push(path.into());
        self
    }

    /// Trusts the one certificate whose DER has this SHA-256, whoever issued it, and no other.
    ///
    /// Its names and dates are checked all the same. This is for a server with a self-signed certificate, as
    /// Exchange makes it at its installation.
    pub fn trust_certificate(mut self, sha256: [u8; 32]) -> Self {
        self.tls.trusted = Some(sha256);
        self
    }

    /// The lowest version of TLS; 1.2 by default.
    pub fn lowest_tls(mut self, version: TlsVersion) -> Self {
        self.tls.lowest = version;
        self
    }

    /// Proves who connects by a certificate, of two files in PEM; the key is not encrypted.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Uses this configuration of TLS in place of all the options above.
    ///
    /// Whom it trusts, which crypto provider and which versions it has, is the caller's decision; ALPN has to
    /// leave HTTP/1.1.
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.config = Some(config);
        self
    }

    /// Connects through a proxy; [`Proxy::from_environment`] finds the one that the environment names.
    pub fn proxy(mut self, proxy: Option<Proxy>) -> Self {
        self.proxy = proxy;
        self
    }

    /// Asks for compressed responses. It saves a quarter of the bytes or more, and costs the server time.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// `X-AnchorMailbox`: the SMTP address of the mailbox, which routes the request to its server.
    ///
    /// Exchange Online wants it [with impersonation](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-authenticate-an-ews-application-by-using-oauth).
    pub fn anchor_mailbox(self, smtp_address: &str) -> Self {
        self.header("X-AnchorMailbox", smtp_address)
    }

    /// A header of every request, such as `X-PublicFolderMailbox`.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `User-Agent`, which Microsoft wants to be unique; `exportitems/` and the version by default.
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// Longest time for a whole connection: all addresses of the host, and the TLS handshake; 30 s by default.
    ///
    /// The system's resolver of names has limits of its own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.connect = timeout;
        self
    }

    /// Longest silence of the server in a response; 5 minutes by default.
    ///
    /// A server works up to a minute on a batch and delays items that are over its budget, so this is not
    /// the time of a whole response, which has no limit but the [lowest rate](Self::lowest_rate).
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.read = timeout;
        self
    }

    /// Lowest rate of a response: one that brings fewer `bytes` `within` this time ends in
    /// [`TransportError::TooSlow`](super::TransportError::TooSlow). 1 KiB in 5 minutes by default; 0 bytes is no
    /// limit.
    ///
    /// Only time spent waiting for the server counts, not that of the sink. A time below the
    /// [longest silence](Self::read_timeout) is raised to it, so that silence alone never is a low rate.
    pub fn lowest_rate(mut self, bytes: u64, within: Duration) -> Self {
        self.timeouts.lowest = Rate { bytes, within };
        self
    }

    /// Longest time that the server takes nothing of a request; a minute by default.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.write = timeout;
        self
    }

    /// The client. It connects when it is used.
    ///
    /// # Errors
    /// What is wrong with the options; credentials without TLS for another host are.
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
        RequestHead::new(&endpoint.target, &endpoint.authority, &borrowed, 0)
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
