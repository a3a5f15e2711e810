//! The channel binding `tls-server-end-point` (RFC 5929 §4).

use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use x509_cert::der::asn1::{AnyRef, ContextSpecific, ObjectIdentifier, SequenceRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader, TagNumber};
use x509_cert::Certificate;

/// The hash of the server's certificate, which identifies the server's end of a TLS connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndPoint {
    hash: Vec<u8>,
}

/// The hash functions of channel bindings.
#[derive(Clone, Copy)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

impl EndPoint {
    /// Returns the end point of a server with this certificate, in DER.
    ///
    /// RFC 5929 §4.1: the certificate is hashed with the hash function of its signature, or with SHA-256 if that is
    /// MD5 or SHA-1. Returns `None` if the signature algorithm is unknown or has no separate hash function, like
    /// Ed25519. Then the login has no binding, because servers refuse a wrong binding and may accept none.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let signature = certificate.signature_algorithm();
        let hash = match signature.oid == RSASSA_PSS {
            true => of_pss(signature.parameters.as_ref().map(AnyRef::from))?,
            false => of_signature(signature.oid)?,
        };
        let hash = match hash {
            Hash::Sha224 => Sha224::digest(der).to_vec(),
            Hash::Sha256 => Sha256::digest(der).to_vec(),
            Hash::Sha384 => Sha384::digest(der).to_vec(),
            Hash::Sha512 => Sha512::digest(der).to_vec(),
        };
        Some(Self { hash })
    }

    /// Returns the hash of the certificate.
    #[must_use]
    pub fn hash(&self) -> &[u8] {
        &self.hash
    }

    /// Returns the application data of `gss_channel_bindings_struct`: `tls-server-end-point:` and the hash.
    #[must_use]
    pub fn application_data(&self) -> Vec<u8> {
        [b"tls-server-end-point:", &self.hash[..]].concat()
    }
}

/// Returns the hash function of a signature algorithm that is named by its identifier.
fn of_signature(oid: ObjectIdentifier) -> Option<Hash> {
    Some(match oid.to_string().as_str() {
        // RFC 8017 §A.2.4: MD5, SHA-1, SHA-256, SHA-384, SHA-512 and SHA-224 with RSA.
        "1.2.840.113549.1.1.4" | "1.2.840.113549.1.1.5" | "1.2.840.113549.1.1.11" => Hash::Sha256,
        "1.2.840.113549.1.1.12" => Hash::Sha384,
        "1.2.840.113549.1.1.13" => Hash::Sha512,
        "1.2.840.113549.1.1.14" => Hash::Sha224,
        // RFC 5758 §3.2: ECDSA with SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512.
        "1.2.840.10045.4.1" | "1.2.840.10045.4.3.2" => Hash::Sha256,
        "1.2.840.10045.4.3.1" => Hash::Sha224,
        "1.2.840.10045.4.3.3" => Hash::Sha384,
        "1.2.840.10045.4.3.4" => Hash::Sha512,
        _ => return None,
    })
}

/// Returns the hash function in the parameters of RSASSA-PSS (RFC 4055 §3.1): `[0] hashAlgorithm`, by default SHA-1.
fn of_pss(parameters: Option<AnyRef<'_>>) -> Option<Hash> {
    let parameters: &SequenceRef = parameters?.decode_as().ok()?;
    let mut reader = SliceReader::new(parameters.as_bytes()).ok()?;
    let hash = ContextSpecific::<AnyRef<'_>>::decode_explicit(&mut reader, TagNumber(0)).ok()?;
    let Some(hash) = hash else {
        return Some(Hash::Sha256);
    };
    let algorithm: &SequenceRef = hash.value.decode_as().ok()?;
    let mut reader = SliceReader::new(algorithm.as_bytes()).ok()?;
    let oid: ObjectIdentifier = reader.decode().ok()?;
    Some(match oid.to_string().as_str() {
        // MD5, SHA-1, SHA-256
        "1.2.840.113549.2.5" | "1.3.14.3.2.26" | "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
        "2.16.840.1.101.3.4.2.2" => Hash::Sha384,
        "2.16.840.1.101.3.4.2.3" => Hash::Sha512,
        "2.16.840.1.101.3.4.2.4" => Hash::Sha224,
        _ => return None,
    })
}
