//! The parts of an X.509 certificate that embedded-tls does not check (RFC 5280).

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, ObjectIdentifier, UtcTime};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};

use crate::error::CertificateError;

const EC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
#[cfg(feature = "p384")]
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
#[cfg(feature = "ed25519")]
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
#[cfg(feature = "rsa")]
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXT_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const ANY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// `[0] version` and `[3] extensions` of a `TBSCertificate`.
const VERSION_TAG: u8 = 0xa0;
const EXTENSIONS_TAG: u8 = 0xa3;

/// What a certificate's key can verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    P256,
    #[cfg(feature = "p384")]
    P384,
    #[cfg(feature = "ed25519")]
    Ed25519,
    #[cfg(feature = "rsa")]
    Rsa,
}

/// A certificate.
#[derive(Clone, Copy)]
pub(crate) struct Certificate {
    /// The algorithm of its signature.
    pub(crate) signature: ObjectIdentifier,
    /// The key, if it is of a supported algorithm and has its form.
    key: Option<KeyKind>,
    /// In seconds since 1970.
    not_before: u64,
    not_after: u64,
    /// The most authorities that may follow it towards the server's certificate; `None` if it is no authority.
    path: Option<u8>,
    may_sign: bool,
    is_for_servers: bool,
    is_understood: bool,
}

impl Certificate {
    pub(crate) fn read(der: &[u8]) -> Result<Self, CertificateError> {
        read(der).map_err(|_| CertificateError::Malformed)
    }

    /// Checks what is common to all certificates, and returns the kind of the key.
    pub(crate) fn check(&self, time: Option<u64>) -> Result<KeyKind, CertificateError> {
        if time.is_some_and(|time| time < self.not_before) {
            return Err(CertificateError::NotYetValid);
        }
        if time.is_some_and(|time| time > self.not_after) {
            return Err(CertificateError::Expired);
        }
        if !self.is_understood {
            return Err(CertificateError::CriticalExtension);
        }
        self.key.ok_or(CertificateError::Key)
    }

    /// Checks the server's own certificate.
    pub(crate) fn check_server(&self) -> Result<(), CertificateError> {
        match self.is_for_servers {
            true => Ok(()),
            false => Err(CertificateError::NotForServers),
        }
    }

    /// Checks an authority with so many authorities between it and the server's certificate.
    pub(crate) fn check_authority(&self, between: usize) -> Result<(), CertificateError> {
        match self.path {
            Some(most) if self.may_sign && usize::from(most) >= between => Ok(()),
            _ => Err(CertificateError::NotAuthority),
        }
    }
}

fn read(der: &[u8]) -> der::Result<Certificate> {
    let mut outer = SliceReader::new(der)?;
    let mut certificate = sequence(&mut outer)?;
    let mut tbs = sequence(&mut certificate)?;
    let signature = ObjectIdentifier::decode(&mut sequence(&mut certificate)?)?;

    if tbs.peek_byte() == Some(VERSION_TAG) {
        AnyRef::decode(&mut tbs)?;
    }
    for _serial_signature_issuer in 0..3 {
        AnyRef::decode(&mut tbs)?;
    }
    let mut validity = sequence(&mut tbs)?;
    let not_before = time(&mut validity)?;
    let not_after = time(&mut validity)?;
    let _subject = AnyRef::decode(&mut tbs)?;
    let key = key(&mut sequence(&mut tbs)?)?;
    let mut found = Certificate {
        signature,
        key,
        not_before,
        not_after,
        path: None,
        may_sign: true,
        is_for_servers: true,
        is_understood: true,
    };
    while !tbs.is_finished() {
        let is_list = tbs.peek_byte() == Some(EXTENSIONS_TAG);
        let field = AnyRef::decode(&mut tbs)?;
        if is_list {
            let mut list = sequence(&mut SliceReader::new(field.value())?)?;
            while !list.is_finished() {
                extension(&mut sequence(&mut list)?, &mut found)?;
            }
        }
    }
    Ok(found)
}

/// Enters a SEQUENCE.
fn sequence<'a>(reader: &mut SliceReader<'a>) -> der::Result<SliceReader<'a>> {
    let field = AnyRef::decode(reader)?;
    field.tag().assert_eq(Tag::Sequence)?;
    SliceReader::new(field.value())
}

fn time(reader: &mut SliceReader<'_>) -> der::Result<u64> {
    let field = AnyRef::decode(reader)?;
    let duration = match field.tag() {
        Tag::UtcTime => field.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => field.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(duration.as_secs())
}

/// Reads `SubjectPublicKeyInfo`.
fn key(info: &mut SliceReader<'_>) -> der::Result<Option<KeyKind>> {
    let mut algorithm = sequence(info)?;
    let bits = BitStringRef::decode(info)?;
    let bytes = bits.as_bytes().unwrap_or_default();
    Ok(match ObjectIdentifier::decode(&mut algorithm)? {
        // An uncompressed point.
        EC_KEY => match ObjectIdentifier::decode(&mut algorithm)? {
            P256 if bytes.len() == 65 => Some(KeyKind::P256),
            #[cfg(feature = "p384")]
            P384 if bytes.len() == 97 => Some(KeyKind::P384),
            _ => None,
        },
        #[cfg(feature = "ed25519")]
        ED25519 if bytes.len() == 32 => Some(KeyKind::Ed25519),
        #[cfg(feature = "rsa")]
        RSA => {
            use rsa::pkcs1::DecodeRsaPublicKey as _;
            let key = rsa::RsaPublicKey::from_pkcs1_der(bytes);
            key.is_ok().then_some(KeyKind::Rsa)
        }
        _ => None,
    })
}

fn extension(extension: &mut SliceReader<'_>, found: &mut Certificate) -> der::Result<()> {
    let id = ObjectIdentifier::decode(extension)?;
    let is_critical = Option::<bool>::decode(extension)?.unwrap_or(false);
    let value = AnyRef::decode(extension)?;
    value.tag().assert_eq(Tag::OctetString)?;
    let mut value = SliceReader::new(value.value())?;
    match id {
        BASIC_CONSTRAINTS => {
            let mut constraints = sequence(&mut value)?;
            let is_authority = Option::<bool>::decode(&mut constraints)?.unwrap_or(false);
            let most = Option::<u8>::decode(&mut constraints)?.unwrap_or(u8::MAX);
            found.path = is_authority.then_some(most);
        }
        KEY_USAGE => {
            // keyCertSign is bit 5, counted from the highest.
            let bits = BitStringRef::decode(&mut value)?;
            found.may_sign = bits
                .raw_bytes()
                .first()
                .is_some_and(|byte| byte & 0x04 != 0);
        }
        EXT_KEY_USAGE => {
            let mut usages = sequence(&mut value)?;
            found.is_for_servers = false;
            while !usages.is_finished() {
                let usage = ObjectIdentifier::decode(&mut usages)?;
                found.is_for_servers |= usage == SERVER_AUTH || usage == ANY_USAGE;
            }
        }
        SUBJECT_ALT_NAME | CERTIFICATE_POLICIES => {}
        _ => found.is_understood &= !is_critical,
    }
    Ok(())
}
