//! The causes of a failed TLS handshake.

use core::fmt;
use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::trusted::OtherCertificate;

/// The cause of a failed TLS handshake. Each variant requires different advice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The issuer of the certificate is not trusted. The certificate may be self-signed, from a private authority, or from a
    /// proxy that inspects TLS.
    UnknownAuthority,
    /// The certificate is not the [trusted one](super::ClientBuilder::trust_certificate).
    OtherCertificate {
        /// The SHA-256 of the server's certificate.
        sha256: [u8; 32],
    },
    /// The certificate is for other names.
    WrongName {
        /// The names in its extension subjectAltName. Its common name is ignored.
        names: Vec<String>,
    },
    /// The certificate is no longer valid.
    Expired {
        /// The end of its validity in seconds since 1970, if it is known.
        not_after: Option<u64>,
    },
    /// The certificate is not valid yet.
    NotYetValid {
        /// The start of its validity in seconds since 1970, if it is known.
        not_before: Option<u64>,
    },
    /// The certificate of the server is that of an authority (`CA:TRUE`).
    AuthorityAsServer,
    /// The certificate was revoked, is damaged, or is not for a server.
    BadCertificate,
    /// The server supports no version from TLS 1.2 on.
    OldVersion,
    /// The server and this client have no cipher suite, group or signature scheme in common.
    NothingInCommon,
    /// The server requires a client certificate.
    ClientCertificate,
    /// The server does not know the requested name.
    UnknownName,
    /// The server does not use TLS on this port.
    NotTls {
        /// Whether it uses HTTP without TLS.
        http: bool,
    },
    /// The server closed the connection during the handshake.
    Closed,
    /// The host of the URL is not a name that a certificate can be verified for.
    HostName,
    /// Another cause, which the source describes.
    Other,
}

impl TlsProblem {
    /// Returns the cause of an error in the handshake. `first` has the first bytes, five are enough, that the server sent.
    #[must_use]
    pub fn of(error: &io::Error, first: &[u8]) -> Self {
        let source = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        match source {
            Some(error) => Self::of_tls(error, first),
            None if error.kind() == io::ErrorKind::InvalidInput => Self::HostName,
            None => Self::Closed,
        }
    }

    fn of_tls(error: &Error, first: &[u8]) -> Self {
        match error {
            Error::InvalidCertificate(error) => Self::of_certificate(error),
            Error::NoCertificatesPresented => Self::BadCertificate,
            // A TLS record begins with its type, 20 to 23, and the major version, 3.
            Error::InvalidMessage(_) if !matches!(first, [20..=23, 3, ..]) => Self::NotTls {
                http: first.starts_with(b"HTTP/"),
            },
            Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion)
            | Error::AlertReceived(AlertDescription::ProtocolVersion)
            | Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::OldVersion,
            Error::PeerIncompatible(_)
            | Error::AlertReceived(
                AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
            ) => Self::NothingInCommon,
            Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::NoCertificate
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::AccessDenied
                | AlertDescription::UnknownCA,
            ) => Self::ClientCertificate,
            Error::AlertReceived(AlertDescription::UnrecognisedName) => Self::UnknownName,
            _ => Self::Other,
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            // A wrong signature means that another authority of the same name is trusted, for example after a renewal.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Self::UnknownAuthority
            }
            CertificateError::NotValidForName => Self::WrongName { names: Vec::new() },
            CertificateError::NotValidForNameContext { presented, .. } => Self::WrongName {
                names: presented.iter().map(|name| plain(name)).collect(),
            },
            CertificateError::Expired => Self::Expired { not_after: None },
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired {
                not_after: Some(not_after.as_secs()),
            },
            CertificateError::NotValidYet => Self::NotYetValid { not_before: None },
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid {
                not_before: Some(not_before.as_secs()),
            },
            CertificateError::Other(other) if other.0.is::<OtherCertificate>() => {
                let sha256 = other
                    .0
                    .downcast_ref()
                    .map(|it: &OtherCertificate| it.sha256);
                Self::OtherCertificate {
                    sha256: sha256.unwrap_or_default(),
                }
            }
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                Self::AuthorityAsServer
            }
            _ => Self::BadCertificate,
        }
    }

    /// Returns the cause of an error on an open connection. In TLS 1.3, alerts about client certificates arrive after the
    /// handshake.
    pub(super) fn after_handshake(error: &Error) -> Option<Self> {
        match Self::of_tls(error, &[23, 3]) {
            // The signature of the client's certificate is not that of the authority with this name.
            _ if *error == Error::AlertReceived(AlertDescription::DecryptError) => {
                Some(Self::ClientCertificate)
            }
            problem @ Self::ClientCertificate => Some(problem),
            _ => None,
        }
    }

    /// Returns whether the next handshake would fail in the same way.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        !matches!(self, Self::Closed | Self::Other)
    }
}

/// Returns the name in the text of webpki, which is `DnsName("a.example")` or `IpAddress(10.0.0.1)`.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner
        .trim_end_matches(')')
        .trim_matches('"')
        .replace(char::is_control, "\u{fffd}")
}

/// Returns a time in the form `2026-11-27 14:00 UTC`.
pub(super) fn moment(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => format!("second {seconds} after 1970"),
    }
}

/// Completes "no TLS connection with HOST: ".
impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The largest number of names in a message.
        const MOST: usize = 8;
        let text = match self {
            Self::UnknownAuthority => {
                "its certificate is not issued by an authority that is trusted here"
            }
            Self::OtherCertificate { sha256 } => {
                f.write_str("its certificate has the SHA-256 ")?;
                for byte in sha256 {
                    write!(f, "{byte:02x}")?;
                }
                ", which is not the trusted one; trust it if the server has renewed its certificate, \
                 otherwise look for a proxy that answers instead of the server"
            }
            Self::WrongName { names } if names.is_empty() => {
                "its certificate names no host in subjectAltName, and the common name does not count; \
                 the server needs a certificate with the host of the URL in subjectAltName"
            }
            Self::WrongName { names } => {
                write!(f, "its certificate is for {}", names[..names.len().min(MOST)].join(", "))?;
                if let Some(more @ 1..) = names.len().checked_sub(MOST) {
                    write!(f, " and {more} more")?;
                }
                ", not for the host of the URL; use one of its names in the URL if that is the same server"
            }
            Self::Expired { not_after: Some(end) } => {
                return write!(
                    f,
                    "its certificate expired on {} (it is {} here); renew the certificate on the server, \
                     or correct this machine's clock",
                    moment(*end),
                    moment(UnixTime::now().as_secs()),
                );
            }
            Self::Expired { not_after: None } => {
                "its certificate has expired; renew it on the server, or correct this machine's clock"
            }
            Self::NotYetValid { not_before: Some(start) } => {
                return write!(
                    f,
                    "its certificate is valid from {} (it is {} here); correct the clock of this machine \
                     or the certificate on the server",
                    moment(*start),
                    moment(UnixTime::now().as_secs()),
                );
            }
            Self::NotYetValid { not_before: None } => {
                "its certificate is not valid yet; correct the clock of this machine or the certificate on the server"
            }
            Self::AuthorityAsServer => {
                "its certificate is one of an authority (CA:TRUE), which is not accepted for a server; \
                 make it one with basicConstraints CA:FALSE"
            }
            Self::BadCertificate => {
                "its certificate cannot be used; the server needs a valid one that is made for servers"
            }
            Self::OldVersion => {
                "it supports no version of TLS that is accepted here, by default TLS 1.2 or later; enable TLS 1.2 \
                 on the server"
            }
            Self::NothingInCommon => {
                "it refused the handshake, as a server does that has no cipher suite in common with this client \
                 or requires a client certificate; enable TLS 1.2 with ECDHE and AES-GCM suites on the server"
            }
            Self::ClientCertificate => {
                "it requires a client certificate, and none was sent, or it refuses the one that was sent; \
                 give one that the server accepts, or make client certificates optional for EWS on the server"
            }
            Self::UnknownName => {
                "it does not know the host of the URL; use the name of the server in the URL"
            }
            Self::NotTls { http: true } => {
                "it uses HTTP without TLS on this port; correct the port, or use http:// in the URL if you trust the \
                 network"
            }
            Self::NotTls { http: false } => {
                "the service on this port does not use TLS; correct the port, or use http:// in the URL if \
                 the server intentionally has no TLS"
            }
            Self::Closed => "it closed the connection during the handshake",
            Self::HostName => "the host of the URL cannot be in a certificate; correct the URL",
            Self::Other => "the handshake failed",
        };
        f.write_str(text)
    }
}
