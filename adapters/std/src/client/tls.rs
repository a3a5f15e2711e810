//! Whom a client trusts.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::error::BuildError;

/// The system's roots and those of the files.
///
/// They come from the system's store by `rustls-native-certs` rather than from its verifier: that behaves
/// alike on every system, honours `SSL_CERT_FILE`, and takes a private authority on top, which most
/// servers in house have.
pub(super) fn config(ca_files: &[PathBuf]) -> Result<Arc<ClientConfig>, BuildError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    // Systems ship certificates that webpki does not take; the others do.
    roots.add_parsable_certificates(native.certs);
    for file in ca_files {
        add_file(&mut roots, file)?;
    }
    if roots.is_empty() {
        let source = native.errors.into_iter().next().map(Into::into);
        return Err(BuildError::NoRoots { source });
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(BuildError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Adds the certificates of a file in PEM or DER, as it may have been saved on any system.
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

/// A text without its byte order mark, from UTF-16 too: editors on Windows save both.
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
