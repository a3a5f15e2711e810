//! The verifier, and the handshake that it watches.

use embedded_tls::blocking::{
    Aes128GcmSha256, CertificateEntryRef, CertificateRef, CertificateVerifyRef, CryptoProvider,
    NoClock, Sha256, TlsConfig, TlsContext, TlsVerifier,
};
use embedded_tls::pki::CertVerifier;
use embedded_tls::{Certificate as Der, CryptoRngCore, SignatureScheme, TlsError};

use crate::certificate::{Certificate, KeyKind};
use crate::end_point::EndPoint;
use crate::error::{CertificateError, Error};
use crate::guard::Guard;

/// Verifies servers against one pinned certificate authority.
///
/// `CHAIN` is the number of bytes for the server's certificates. Two certificates with ECDSA keys have 1 to 2 KiB, with
/// RSA keys 3 to 4 KiB.
///
/// One verifier can open any number of connections, one at a time.
#[allow(missing_debug_implementations)] // nor has `CertVerifier`
pub struct Verifier<'a, const CHAIN: usize> {
    inner: CertVerifier<'a, Aes128GcmSha256, NoClock, CHAIN>,
    time: Option<u64>,
    server: Option<Server>,
    is_proven: bool,
    refused: Option<CertificateError>,
}

/// The server's certificate.
#[derive(Clone, Copy)]
struct Server {
    key: KeyKind,
    end_point: EndPoint,
}

impl<'a, const CHAIN: usize> Verifier<'a, CHAIN> {
    /// Pins an authority. `certificate` is in DER: that of the authority which has issued the server's certificate, or the
    /// last one of the chain that the server sends.
    ///
    /// `time` is in seconds since 1970. Without it, the validity of certificates is not checked.
    ///
    /// # Errors
    /// [`Error::Authority`] if the certificate is malformed, or its key is not supported.
    pub fn new(certificate: &'a [u8], time: Option<u64>) -> Result<Self, Error> {
        let authority = Certificate::read(certificate).map_err(Error::Authority)?;
        authority.check(None).map_err(Error::Authority)?;
        Ok(Self {
            inner: CertVerifier::new(Der::X509(certificate)),
            time,
            server: None,
            is_proven: false,
            refused: None,
        })
    }

    /// Sets the time, in seconds since 1970.
    pub fn set_time(&mut self, time: u64) {
        self.time = Some(time);
    }

    /// Makes the handshake of `connection`, and returns the verified server.
    ///
    /// `host` is the DNS name in the server's certificate; an address is not supported. `rng` is a generator that cannot
    /// be predicted: the keys of the connection are made of it.
    ///
    /// # Errors
    /// See [`Error`]. Do not use the connection after an error.
    pub fn open<S: embedded_io::Read + embedded_io::Write>(
        &mut self,
        connection: &mut embedded_tls::blocking::TlsConnection<'_, Guard<S>, Aes128GcmSha256>,
        host: &str,
        rng: impl CryptoRngCore,
    ) -> Result<EndPoint, Error> {
        let config = config(host);
        let opened = connection.open(TlsContext::new(&config, self.begin(rng)));
        self.end(opened)
    }

    /// Makes the handshake of `connection`, like [`open`](Self::open), on any executor.
    ///
    /// # Errors
    /// See [`Error`]. Do not use the connection after an error, or if the future was dropped.
    pub async fn open_async<S: embedded_io_async::Read + embedded_io_async::Write>(
        &mut self,
        connection: &mut embedded_tls::TlsConnection<'_, Guard<S>, Aes128GcmSha256>,
        host: &str,
        rng: impl CryptoRngCore,
    ) -> Result<EndPoint, Error> {
        let config = config(host);
        let context = TlsContext::new(&config, self.begin(rng));
        let opened = connection.open(context).await;
        self.end(opened)
    }

    fn begin<R>(&mut self, rng: R) -> Provider<'_, 'a, R, CHAIN> {
        self.server = None;
        self.is_proven = false;
        self.refused = None;
        Provider {
            verifier: self,
            rng,
        }
    }

    fn end(&mut self, opened: Result<(), TlsError>) -> Result<EndPoint, Error> {
        match (opened, self.refused, self.server) {
            (Err(_), Some(error), _) => Err(Error::Certificate(error)),
            (Err(error), None, _) => Err(Error::Tls(error)),
            // embedded-tls accepts the end of a handshake at any time, even without a certificate.
            (Ok(()), None, Some(server)) if self.is_proven => Ok(server.end_point),
            (Ok(()), ..) => Err(Error::NotProven),
        }
    }

    /// Checks the chain, the server's certificate first.
    fn check_chain(&self, chain: &CertificateRef<'_>) -> Result<Server, CertificateError> {
        if self.server.is_some() {
            return Err(CertificateError::Chain);
        }
        let mut server = None;
        for (place, entry) in chain.entries.iter().enumerate() {
            let CertificateEntryRef::X509(der) = entry else {
                return Err(CertificateError::Malformed);
            };
            let certificate = Certificate::read(der)?;
            let key = certificate.check(self.time)?;
            match place.checked_sub(1) {
                Some(between) => certificate.check_authority(between)?,
                None => {
                    certificate.check_server()?;
                    server = Some(Server {
                        key,
                        end_point: EndPoint::new(der, certificate.signature),
                    });
                }
            }
        }
        server.ok_or(CertificateError::Chain)
    }
}

impl<const CHAIN: usize> TlsVerifier<Aes128GcmSha256> for Verifier<'_, CHAIN> {
    fn set_hostname_verification(&mut self, host: &str) -> Result<(), TlsError> {
        self.inner.set_hostname_verification(host)
    }

    fn verify_certificate(
        &mut self,
        transcript: &Sha256,
        chain: CertificateRef<'_>,
    ) -> Result<(), TlsError> {
        match self.check_chain(&chain) {
            Ok(server) => self.server = Some(server),
            Err(error) => {
                self.refused = Some(error);
                return Err(TlsError::InvalidCertificate);
            }
        }
        self.inner
            .verify_certificate(transcript, chain)
            .inspect_err(|error| {
                self.refused = Some(match error {
                    TlsError::OutOfMemory => CertificateError::TooLong,
                    _ => CertificateError::NotTrusted,
                });
            })
    }

    fn verify_signature(&mut self, verify: CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        // embedded-tls unwraps the certificate and, for some schemes, the form of its key.
        match (&self.server, verify.signature_scheme) {
            (Some(server), scheme) if can_verify(server.key, scheme) && !self.is_proven => {}
            _ => return Err(TlsError::InvalidSignatureScheme),
        }
        self.inner.verify_signature(verify)?;
        self.is_proven = true;
        Ok(())
    }
}

/// Returns whether a key of this kind makes signatures by this scheme (RFC 8446 §4.2.3).
const fn can_verify(key: KeyKind, scheme: SignatureScheme) -> bool {
    match key {
        KeyKind::P256 => matches!(scheme, SignatureScheme::EcdsaSecp256r1Sha256),
        #[cfg(feature = "p384")]
        KeyKind::P384 => matches!(scheme, SignatureScheme::EcdsaSecp384r1Sha384),
        #[cfg(feature = "ed25519")]
        KeyKind::Ed25519 => matches!(scheme, SignatureScheme::Ed25519),
        #[cfg(feature = "rsa")]
        KeyKind::Rsa => matches!(
            scheme,
            SignatureScheme::RsaPssRsaeSha256
                | SignatureScheme::RsaPssRsaeSha384
                | SignatureScheme::RsaPssRsaeSha512
        ),
    }
}

fn config(host: &str) -> TlsConfig<'_> {
    TlsConfig::new()
        .with_server_name(host)
        .with_alpn(&[b"http/1.1"])
}

/// What embedded-tls asks for during a handshake.
struct Provider<'v, 'a, R, const CHAIN: usize> {
    verifier: &'v mut Verifier<'a, CHAIN>,
    rng: R,
}

impl<R: CryptoRngCore, const CHAIN: usize> CryptoProvider for Provider<'_, '_, R, CHAIN> {
    type CipherSuite = Aes128GcmSha256;
    /// There is no certificate of the client.
    type Signature = [u8; 0];

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.rng
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut *self.verifier)
    }
}
