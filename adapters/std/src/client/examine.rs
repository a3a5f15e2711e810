//! A connection and a login step by step, for a diagnosis.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use exportitems::{ExportItems, ItemId};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::auth::Turn;
use super::block_on::block_on;
use super::body::Body;
use super::call::ItemsBody;
use super::exchange::Answered;
use super::session::Session;
use super::start::Start;
use super::status::{SentBinding, SentCredentials, StatusError, StatusKind};
use super::tcp::TcpTransport;
use super::transport::{Connection, Connector};
use super::{Certificate, Client, ClientError};

/// A step that [`Client::examine`] has completed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The name of the server, or of the proxy, has addresses.
    Resolved {
        /// The host.
        host: String,
        /// Its addresses, in the order in which they are tried.
        addresses: Vec<SocketAddr>,
    },
    /// The server, or the proxy, has accepted a TCP connection.
    Connected {
        /// The address.
        address: SocketAddr,
    },
    /// The proxy has made a tunnel to the server.
    Tunnel {
        /// Host and port of the proxy.
        proxy: String,
    },
    /// The server has presented its certificates, its own first. They are not verified yet.
    ///
    /// This step is missing with a [configuration](super::ClientBuilder::tls_config) of the caller's.
    Certificates(Vec<Certificate>),
    /// The TLS handshake is complete, and the certificates are verified.
    Secured {
        /// The version of TLS, such as `TLSv1_3`.
        version: String,
        /// The cipher suite.
        cipher_suite: String,
    },
}

/// What receives the steps of a connection.
pub(super) type Observer<'o> = &'o mut dyn FnMut(Step);

impl Client {
    /// Makes a new connection, reports each step, and returns the authentication schemes that the server offers
    /// to a request without credentials: none if it needs no login.
    ///
    /// No credentials are sent. The connection is kept for the next request.
    ///
    /// # Errors
    /// The step that failed, or the answer of something other than EWS.
    pub fn examine(&mut self, observer: &mut dyn FnMut(Step)) -> Result<Vec<String>, ClientError> {
        let presented = Arc::default();
        let mut route = self.0.route.clone();
        if let (Some(config), Some(verifier)) = (&route.tls, &route.verifier) {
            route.tls = Some(recording(config, verifier, &presented));
        }
        // The certificates arrive during the handshake, and are reported after it: an observer need not be `Send`.
        let transport = TcpTransport::open(&route, &mut |step| {
            if matches!(step, Step::Secured { .. }) {
                report(&presented, observer);
            }
            observer(step);
        })
        .inspect_err(|_| report(&presented, observer))?;
        self.0.has_connected = true;
        block_on(self.0.offered(Connection::new(transport)))
    }

    /// Returns the scheme by which the kept connection is logged in, and whether the login is bound to the server's
    /// certificate; `None` if no connection is kept or it needed no login.
    #[must_use]
    pub fn login(&self) -> Option<(&'static str, SentBinding)> {
        let connection = self.0.connection.as_ref()?;
        Some((connection.login.tried()?, self.0.bind(connection).1))
    }
}

impl<C: Connector> Session<C> {
    /// Asks what the server offers, by a request without credentials and without a body.
    async fn offered(
        &mut self,
        connection: Connection<C::Transport>,
    ) -> Result<Vec<String>, ClientError> {
        // The body is not sent.
        let items = [ItemId::new("AAMkAA==")];
        let turn = Turn {
            authorization: None,
            body: false,
        };
        let mut body = ItemsBody::new(ExportItems::new(&items).encoder()?);
        let answered = self
            .send(connection, turn, &mut body)
            .await
            .map_err(|failed| failed.error)?;
        let Answered {
            connection,
            head,
            fields,
            rest,
            ..
        } = answered;
        let status = head.status();
        let mut body = Body::new(connection, &head, &mut self.buffers.receive, rest);
        let start = body.look().await?;
        let error = StatusError::new(
            status,
            fields,
            SentCredentials::Nothing,
            start,
            body.start().await,
        );
        while body.next().await?.is_some() {}
        self.connection = body.reusable();
        match error.kind {
            StatusKind::Unauthorized { schemes, .. } => Ok(schemes),
            // EWS refuses a request without a body, and says so in several ways.
            _ if start == Start::Xml || matches!(status, 400 | 411 | 415) => Ok(Vec::new()),
            _ => Err(ClientError::Status(Box::new(error))),
        }
    }
}

type Presented = Arc<Mutex<Vec<Certificate>>>;

fn report(presented: &Presented, observer: Observer<'_>) {
    let mut presented = presented.lock().unwrap_or_else(PoisonError::into_inner);
    if !presented.is_empty() {
        observer(Step::Certificates(core::mem::take(&mut presented)));
    }
}

/// The same configuration, which also keeps the certificates that a server presents.
fn recording(
    config: &ClientConfig,
    inner: &Arc<dyn ServerCertVerifier>,
    presented: &Presented,
) -> Arc<ClientConfig> {
    let mut config = config.clone();
    // A session that is resumed presents no certificate.
    config.resumption = rustls::client::Resumption::disabled();
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(Recorder {
            inner: Arc::clone(inner),
            presented: Arc::clone(presented),
        }));
    Arc::new(config)
}

/// Keeps the certificates that a server presents, and leaves the decision to another verifier.
#[derive(Debug)]
struct Recorder {
    inner: Arc<dyn ServerCertVerifier>,
    presented: Presented,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = core::iter::once(end_entity).chain(intermediates);
        *self
            .presented
            .lock()
            .unwrap_or_else(PoisonError::into_inner) =
            chain.filter_map(|der| Certificate::from_der(der)).collect();
        self.inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
