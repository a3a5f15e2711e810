//! Trust in exactly one certificate.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use sha2::{Digest as _, Sha256};
use x509_cert::der::Decode as _;
use x509_cert::Certificate;

/// Accepts only the certificate with this SHA-256, from any issuer, for its names and during its validity.
#[derive(Debug)]
pub(super) struct Trusted {
    sha256: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl Trusted {
    pub(super) const fn new(sha256: [u8; 32], provider: Arc<CryptoProvider>) -> Self {
        Self { sha256, provider }
    }
}

/// The error for a server with another certificate.
#[derive(Debug)]
pub(super) struct OtherCertificate {
    /// The SHA-256 of the certificate.
    pub(super) sha256: [u8; 32],
}

impl fmt::Display for OtherCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate is not the trusted one")
    }
}

impl core::error::Error for OtherCertificate {}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let sha256: [u8; 32] = Sha256::digest(end_entity).into();
        if sha256 != self.sha256 {
            let other = OtherError(Arc::new(OtherCertificate { sha256 }));
            return Err(CertificateError::Other(other).into());
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        let certificate =
            Certificate::from_der(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        let validity = certificate.tbs_certificate().validity();
        let (start, end) = (
            validity.not_before.to_unix_duration(),
            validity.not_after.to_unix_duration(),
        );
        let time = Duration::from_secs(now.as_secs());
        if time < start {
            return Err(CertificateError::NotValidYetContext {
                time: now,
                not_before: UnixTime::since_unix_epoch(start),
            }
            .into());
        }
        if time > end {
            return Err(CertificateError::ExpiredContext {
                time: now,
                not_after: UnixTime::since_unix_epoch(end),
            }
            .into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
