//! What a certificate says, for a person.

use core::fmt::{self, Write as _};
use std::net::IpAddr;

use sha2::{Digest as _, Sha256};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::SubjectAltName;

use super::tls_problem::moment;

/// The parts of a certificate that an administrator compares.
///
/// The texts come from the certificate, so escape them before they are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// The SHA-256 of its DER, which [`trust_certificate`](super::ClientBuilder::trust_certificate) takes.
    pub sha256: [u8; 32],
    /// The distinguished name of its owner, in the form of RFC 4514.
    pub subject: String,
    /// The distinguished name of its issuer.
    pub issuer: String,
    /// The host names and addresses in subjectAltName.
    pub names: Vec<String>,
    /// The first second of its validity, counted from 1970.
    pub not_before: u64,
    /// The last second of its validity, counted from 1970.
    pub not_after: u64,
}

impl Certificate {
    /// Reads a certificate in DER; `None` if it cannot be read.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let certificate = certificate.tbs_certificate();
        let alternatives = certificate.get_extension::<SubjectAltName>().ok().flatten();
        let names = alternatives.map(|(_, names)| names.0.iter().filter_map(name).collect());
        let validity = certificate.validity();
        Some(Self {
            sha256: Sha256::digest(der).into(),
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names.unwrap_or_default(),
            not_before: validity.not_before.to_unix_duration().as_secs(),
            not_after: validity.not_after.to_unix_duration().as_secs(),
        })
    }

    /// Returns the SHA-256 as 64 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.sha256 {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Returns whether the owner issued it: it is self-signed, or the root of a chain.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// Describes the certificate in one line.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.names[..] {
            [] => f.write_str("it names no host")?,
            names => write!(f, "for {}", names.join(", "))?,
        }
        match self.is_self_issued() {
            true => write!(f, ", self-signed by {}", self.issuer)?,
            false => write!(f, ", issued by {}", self.issuer)?,
        }
        write!(
            f,
            ", valid from {} to {}, SHA-256 {}",
            moment(self.not_before),
            moment(self.not_after),
            self.fingerprint(),
        )
    }
}

/// A host name or an address.
fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
            let address = v4.or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok());
            address.map(|address| address.to_string())
        }
        _ => None,
    }
}
