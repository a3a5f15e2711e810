//! Why a TLS connection could not be made.

use core::fmt;
use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::trusted::OtherCertificate;

/// Why a TLS connection could not be made, sorted by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsProblem {
    /// No authority that is trusted here issued the certificate. It may be self-signed, or of a private
    /// authority, or a proxy in between may have made it.
    UnknownAuthority,
    /// The certificate is not the one that [alone is trusted](super::ClientBuilder::trust_certificate).
    OtherCertificate {
        /// The SHA-256 of the server's certificate.
        sha256: [u8; 32],
    },
    /// The certificate is for other names.
    WrongName {
        /// The names that it is for, in its extension subjectAltName; its common name does not count.
        names: Vec<String>,
    },
    /// The certificate is no longer valid.
    Expired {
        /// Its last moment, as seconds after 1970, where it is known.
        not_after: Option<u64>,
    },
    /// The certificate is not valid yet.
    NotYetValid {
        /// Its first moment, as seconds after 1970, where it is known.
        not_before: Option<u64>,
    },
    /// The server uses the certificate of an authority (`CA:TRUE`) as its own.
    AuthorityAsServer,
    /// The certificate was revoked, is damaged, or is not meant for a server.
    BadCertificate,
    /// The server speaks no version from TLS 1.2 on.
    OldVersion,
    /// The server and this client have no cipher suite, group or signature scheme in common.
    NothingInCommon,
    /// The server wants a certificate of the client.
    ClientCertificate,
    /// The server does not know the name that it was asked for.
    UnknownName,
    /// What answers is not TLS.
    NotTls {
        /// It is HTTP without TLS.
        http: bool,
    },
    /// The server ended the connection during the handshake.
    Closed,
    /// The host of the URL is not a name that a certificate can be checked for.
    HostName,
    /// Another reason, which the source gives.
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
            // A record of TLS begins with its type, 20 to 23, and the version's major number, 3.
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
                | AlertDescription::UnknownCA,
            ) => Self::ClientCertificate,
            Error::AlertReceived(AlertDescription::UnrecognisedName) => Self::UnknownName,
            _ => Self::Other,
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            // A bad signature: another authority of the same name is trusted, as after a renewal.
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

    /// The problem of a connection that was open: an alert about certificates comes after the handshake of
    /// TLS 1.3.
    pub(super) fn after_handshake(error: &Error) -> Option<Self> {
        match Self::of_tls(error, &[23, 3]) {
            problem @ Self::ClientCertificate => Some(problem),
            _ => None,
        }
    }

    /// Whether the next handshake would end the same way.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        !matches!(self, Self::Closed | Self::Other)
    }
}

/// A name as webpki gives it, `DnsName("a.example")` or `IpAddress(10.0.0.1)`, without what is around it.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner
        .trim_end_matches(')')
        .trim_matches('"')
        .replace(char::is_control, "\u{fffd}")
}

/// A moment in the form `2026-11-27 14:00 UTC`.
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
        /// Names that a message lists.
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
                ", which is not the one that is trusted; trust it if the server has renewed its certificate, \
                 else somebody on the way answers in its place"
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
                "it speaks no version of TLS that is accepted here, which is TLS 1.2 or later by default; enable TLS 1.2 \
                 on the server"
            }
            Self::NothingInCommon => {
                "it refused the handshake, as a server does that has no cipher suite in common with this client \
                 or wants a client certificate; enable TLS 1.2 with ECDHE and AES-GCM suites on the server"
            }
            Self::ClientCertificate => {
                "it asks for a client certificate, and there is none, or it refuses the one that was sent; \
                 give one that the server accepts, or make client certificates optional for EWS on the server"
            }
            Self::UnknownName => {
                "it does not know the name that it was asked for; use the server's own name in the URL"
            }
            Self::NotTls { http: true } => {
                "it speaks HTTP without TLS on this port; correct the port, or use http:// in the URL if the \
                 network on the way is trusted"
            }
            Self::NotTls { http: false } => {
                "what answers on this port does not speak TLS; correct the port, or use http:// in the URL if \
                 the server is meant to be reached without TLS"
            }
            Self::Closed => "it closed the connection during the handshake",
            Self::HostName => "the host of the URL is not a name that a certificate can hold; correct the URL",
            Self::Other => "the handshake failed",
        };
        f.write_str(text)
    }
}
