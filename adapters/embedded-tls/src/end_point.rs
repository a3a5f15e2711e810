//! The hash of the server's certificate.

use core::fmt;

use der::oid::ObjectIdentifier;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");

/// The verified server, for a channel binding of the type `tls-server-end-point`
/// ([RFC 5929 §4](https://www.rfc-editor.org/rfc/rfc5929#section-4)).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EndPoint {
    hash: [u8; 64],
    len: usize,
}

impl EndPoint {
    /// Hashes a certificate by the hash function of its signature.
    pub(crate) fn new(certificate: &[u8], signature: ObjectIdentifier) -> Self {
        let mut end_point = Self {
            hash: [0; 64],
            len: 0,
        };
        match signature {
            ECDSA_SHA256 | RSA_SHA256 => end_point.set(&Sha256::digest(certificate)),
            ECDSA_SHA384 | RSA_SHA384 => end_point.set(&Sha384::digest(certificate)),
            RSA_SHA512 => end_point.set(&Sha512::digest(certificate)),
            _ => {}
        }
        end_point
    }

    fn set(&mut self, hash: &[u8]) {
        self.len = hash.len();
        for (to, from) in self.hash.iter_mut().zip(hash) {
            *to = *from;
        }
    }

    /// Returns the hash of the server's certificate, or `None` if the signature of the certificate has no hash function,
    /// like Ed25519. Leave the channel binding out in that case.
    #[must_use]
    pub fn hash(&self) -> Option<&[u8]> {
        self.hash.get(..self.len).filter(|hash| !hash.is_empty())
    }
}

impl fmt::Debug for EndPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndPoint(")?;
        for byte in self.hash().unwrap_or_default() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}
