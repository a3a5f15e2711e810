//! The TLS configuration of a client: versions, trusted authorities and client certificates.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

use super::error::BuildError;
use super::trusted::Trusted;

/// The lowest version of TLS that a client accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2
    #[default]
    Tls12,
    /// TLS 1.3
    Tls13,
}

/// The options of a TLS configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsOptions {
    pub(super) ca_files: Vec<PathBuf>,
    /// The SHA-256 of the only certificate that is trusted.
    pub(super) trusted: Option<[u8; 32]>,
    pub(super) lowest: TlsVersion,
    /// The files of the client's certificate and of its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

impl TlsOptions {
    /// Makes the configuration. Returns it with its verifier for the certificates of servers.
    pub(super) fn config(
        &self,
    ) -> Result<(Arc<ClientConfig>, Arc<dyn ServerCertVerifier>), BuildError> {
        let provider = provider()?;
        let versions = match self.lowest {
            TlsVersion::Tls12 => &[&TLS13, &TLS12][..],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(BuildError::Tls)?;
        let verifier: Arc<dyn ServerCertVerifier> = match self.trusted {
            Some(sha256) => Arc::new(Trusted::new(sha256, provider)),
            None => WebPkiServerVerifier::builder_with_provider(
                Arc::new(roots(&self.ca_files)?),
                provider,
            )
            .build()
            .map_err(|error| BuildError::Tls(rustls::Error::General(error.to_string())))?,
        };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier));
        let mut config = match &self.identity {
            Some((certificate, key)) => with_identity(builder, certificate, key)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok((Arc::new(config), verifier))
    }
}

#[cfg(feature = "ring")]
#[allow(clippy::unnecessary_wraps)] // the other `provider` can fail
fn provider() -> Result<Arc<CryptoProvider>, BuildError> {
    Ok(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(feature = "ring"))]
fn provider() -> Result<Arc<CryptoProvider>, BuildError> {
    CryptoProvider::get_default()
        .cloned()
        .ok_or(BuildError::NoCryptoProvider)
}

fn with_identity(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    certificate: &Path,
    key: &Path,
) -> Result<ClientConfig, BuildError> {
    let unusable = |path: &Path, source: Box<dyn core::error::Error + Send + Sync>| {
        BuildError::ClientCertificate {
            path: path.to_owned(),
            source,
        }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(certificate, error.into()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error.into()))?;
    builder
        .with_client_auth_cert(chain, private)
        .map_err(|error| unusable(certificate, error.into()))
}

/// Returns the certificates of the system's authorities and of those in the files.
///
/// `rustls-native-certs` loads them from the system's store. In contrast to the system's verifier, this works in the same
/// way on every system, respects `SSL_CERT_FILE`, and allows private authorities, which most internal servers use.
fn roots(ca_files: &[PathBuf]) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    // Stores also contain certificates that webpki cannot use. They are ignored.
    roots.add_parsable_certificates(native.certs);
    for file in ca_files {
        add_file(&mut roots, file)?;
    }
    if roots.is_empty() {
        let source = native.errors.into_iter().next().map(Into::into);
        return Err(BuildError::NoRoots { source });
    }
    Ok(roots)
}

/// Adds the certificates of a file in PEM or DER.
fn add_file(roots: &mut RootCertStore, file: &Path) -> Result<(), BuildError> {
    let unusable = |source: Option<Box<dyn core::error::Error + Send + Sync>>| BuildError::CaFile {
        path: file.to_owned(),
        source,
    };
    let content = std::fs::read(file).map_err(|error| unusable(Some(error.into())))?;
    // A certificate is a SEQUENCE, and its length takes two bytes.
    if content.starts_with(&[0x30, 0x82]) {
        return roots
            .add(CertificateDer::from(content))
            .map_err(|error| unusable(Some(error.into())));
    }
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&utf8(&content)) {
        let certificate = certificate.map_err(|error| unusable(Some(error.into())))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(Some(error.into())))?;
    }
    match roots.len() > before {
        true => Ok(()),
        false => Err(unusable(None)),
    }
}

/// Returns the text in UTF-8 without byte order mark. Editors on Windows also save UTF-16.
fn utf8(content: &[u8]) -> Cow<'_, [u8]> {
    let units = |from: fn([u8; 2]) -> u16| -> Vec<u16> {
        let pairs = content[2..].chunks_exact(2);
        pairs.map(|pair| from([pair[0], pair[1]])).collect()
    };
    let units = match content {
        [0xEF, 0xBB, 0xBF, text @ ..] => return Cow::Borrowed(text),
        [0xFF, 0xFE, ..] => units(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => units(u16::from_be_bytes),
        text => return Cow::Borrowed(text),
    };
    Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
}
