//! Makes a certificate authority and a server certificate when the emulator starts.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

/// The TLS configuration of the server, and its authority in PEM.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) ca_pem: String,
    /// The server's certificate, in DER.
    pub(crate) certificate: Vec<u8>,
}

impl Tls {
    /// Makes both, with keys of P-256 or of RSA. The server's certificate is for `localhost`, `127.0.0.1` and `::1`.
    ///
    /// The authority needs a separate certificate, because webpki does not accept a CA certificate for a server.
    pub(crate) fn new(rsa: bool) -> Result<Self, Box<dyn core::error::Error + Send + Sync>> {
        // ring does not generate RSA keys. This one is public, so it protects nothing.
        let generate = || match rsa {
            true => KeyPair::from_pem(include_str!("rsa.pem")),
            false => KeyPair::generate(),
        };
        let ca_key = generate()?;
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        ca.distinguished_name
            .push(DnType::CommonName, "exportitems emulator CA");
        let ca_pem = ca.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(ca, ca_key);

        let key = generate()?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut server = CertificateParams::new(names)?;
        server
            .distinguished_name
            .push(DnType::CommonName, "exportitems emulator");
        server.use_authority_key_identifier_extension = true;
        let certificate = server.signed_by(&key, &issuer)?;

        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_pem,
            certificate: certificate.der().to_vec(),
        })
    }
}
