//! Errors, sorted by who is at fault.

use core::fmt;

use embedded_tls::TlsError;

/// The connection was not opened. Do not use it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The pinned certificate cannot be used. The caller is at fault.
    Authority(CertificateError),
    /// The server's certificates are refused.
    Certificate(CertificateError),
    /// The server has sent no certificate, or has not proven that it has the key.
    NotProven,
    /// The connection broke, or the server does not speak TLS 1.3.
    Tls(TlsError),
}

/// Why a certificate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CertificateError {
    /// It is not an X.509 certificate in DER.
    Malformed,
    /// Its key is malformed, or of an algorithm that is not supported with these features.
    Key,
    /// It is not valid yet.
    NotYetValid,
    /// It has expired.
    Expired,
    /// It has signed another certificate, but is not an authority.
    NotAuthority,
    /// It is not for servers.
    NotForServers,
    /// It has a critical extension that is not understood.
    CriticalExtension,
    /// It is not signed by the pinned authority, or not for this host, or its signature is of an algorithm that is not
    /// supported with these features.
    NotTrusted,
    /// The chain has no certificate, or more than one chain was sent.
    Chain,
    /// The chain is longer than the memory of the verifier.
    TooLong,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(error) => write!(f, "the pinned certificate {error}"),
            Self::Certificate(error) => write!(f, "the server's certificate {error}"),
            Self::NotProven => f.write_str(
                "the server has not proven its identity; the connection may lead to an attacker",
            ),
            Self::Tls(error) => write!(
                f,
                "TLS failed: {error}; check that the server offers TLS 1.3"
            ),
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is not an X.509 certificate in DER",
            Self::Key => "has a key that is malformed or not supported; check the features",
            Self::NotYetValid => "is not valid yet; check the clock",
            Self::Expired => "has expired; check the clock, or renew the certificate",
            Self::NotAuthority => "has signed another one, but is not an authority",
            Self::NotForServers => "is not for servers",
            Self::CriticalExtension => "has a critical extension that is not understood",
            Self::NotTrusted => {
                "is not issued by the pinned authority for this host; check both, and the features"
            }
            Self::Chain => "is missing, or was sent twice",
            Self::TooLong => "has a chain that does not fit the verifier; give it more memory",
        })
    }
}

impl core::error::Error for CertificateError {}
