//! The server's side of NTLMv2 (MS-NLMP), with Extended Protection.

use core::time::Duration;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md4::Md4;
use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::scenario::ExtendedProtection;

const SIGNATURE: &[u8] = b"NTLMSSP\0";
/// The flags that the server accepts (MS-NLMP 2.2.2.5): 56 and 128 bit keys, version, extended session security, always
/// sign, NTLM, request target and Unicode. Key exchange is not included, so RC4 is not needed.
const AGREED: u32 = 0xA208_8205;
/// The flags for target information and a target that is a domain.
const SET: u32 = 0x0081_0000;

/// Returns the channel binding for this certificate, whose signature must use SHA-256. It is the MD5 of a
/// `gss_channel_bindings_struct` without addresses.
pub(crate) fn binding(certificate: &[u8]) -> [u8; 16] {
    let mut data = b"tls-server-end-point:".to_vec();
    data.extend_from_slice(&Sha256::digest(certificate));
    let mut md5 = Md5::new();
    md5.update([0; 16]);
    md5.update(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    md5.update(&data);
    md5.finalize().into()
}

/// The result of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginResult {
    /// The login was accepted.
    Accepted,
    /// The user is unknown.
    UnknownUser,
    /// The password is wrong, or the client answered another challenge.
    WrongPassword,
    /// The MIC is missing or wrong, so a message may have been changed.
    WrongMic,
    /// The channel binding is missing, although Extended Protection requires it.
    NoBinding,
    /// The channel binding belongs to another certificate.
    WrongBinding,
    /// The message is not valid.
    Malformed,
}

/// The credentials and bindings that a server accepts.
pub(crate) struct Account<'a> {
    /// `DOMAIN\user` or `user@domain`.
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) protection: ExtendedProtection,
    /// The channel binding for the server's certificate, or `None` without TLS.
    pub(crate) binding: Option<[u8; 16]>,
}

/// A handshake after the challenge has been sent.
#[derive(Debug)]
pub(crate) struct Handshake {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    nonce: [u8; 8],
}

/// Returns whether a token is the first message of a handshake.
pub(crate) fn is_negotiate(token: &[u8]) -> bool {
    token.starts_with(SIGNATURE) && token.get(8..12) == Some(&[1, 0, 0, 0]) && token.len() >= 16
}

impl Handshake {
    /// Answers NEGOTIATE with a challenge.
    pub(crate) fn begin(negotiate: &[u8]) -> Self {
        // The random keys of a hash map are good enough for an emulator.
        let nonce = RandomState::new().build_hasher().finish().to_le_bytes();
        let requested = word(negotiate, 12).unwrap_or_default();
        let name = utf16("EMULATOR");
        // FILETIME counts units of 100 ns since 1601.
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default() + Duration::from_secs(11_644_473_600);
        let time = u64::try_from(since.as_nanos() / 100).unwrap_or(u64::MAX);
        let mut pairs = Vec::new();
        for (id, value) in [
            (2_u16, name.clone()),
            (1, utf16("MAIL01")),
            (4, utf16("emulator.example.test")),
            (3, utf16("mail01.emulator.example.test")),
            (7, time.to_le_bytes().to_vec()),
            (0, Vec::new()),
        ] {
            pairs.extend_from_slice(&id.to_le_bytes());
            pairs.extend_from_slice(&length(&value));
            pairs.extend_from_slice(&value);
        }
        let mut challenge = SIGNATURE.to_vec();
        challenge.extend_from_slice(&2_u32.to_le_bytes());
        field(&mut challenge, &name, 56);
        challenge.extend_from_slice(&((requested & AGREED) | SET).to_le_bytes());
        challenge.extend_from_slice(&nonce);
        challenge.extend_from_slice(&[0; 8]);
        field(&mut challenge, &pairs, 56 + name.len());
        // The version of Windows Server 2019.
        challenge.extend_from_slice(&[10, 0, 0x63, 0x45, 0, 0, 0, 15]);
        challenge.extend_from_slice(&name);
        challenge.extend_from_slice(&pairs);
        Self {
            negotiate: negotiate.to_vec(),
            challenge,
            nonce,
        }
    }

    pub(crate) fn challenge(&self) -> &[u8] {
        &self.challenge
    }

    /// Checks AUTHENTICATE.
    pub(crate) fn judge(&self, message: &[u8], account: &Account<'_>) -> LoginResult {
        self.try_judge(message, account)
            .unwrap_or(LoginResult::Malformed)
    }

    /// Checks AUTHENTICATE, or returns `None` if the message is not valid.
    fn try_judge(&self, message: &[u8], account: &Account<'_>) -> Option<LoginResult> {
        if !message.starts_with(SIGNATURE) || word(message, 8)? != 3 {
            return None;
        }
        let response = payload(message, 20)?;
        let (domain, user) = (payload(message, 28)?, payload(message, 36)?);
        let (proof, blob) = response.split_at_checked(16)?;
        let (domain, user) = (text(domain)?, text(user)?);
        let (known_domain, known_user) =
            account.user.split_once('\\').unwrap_or(("", account.user));
        let same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
        if !same(&domain, known_domain) || !same(&user, known_user) {
            return Some(LoginResult::UnknownUser);
        }
        // NTOWFv2 (MS-NLMP 3.3.2)
        let hash = Md4::digest(utf16(account.password));
        let v2 = mac(&hash, &[&utf16(&user.to_uppercase()), &utf16(&domain)]);
        if mac(&v2, &[&self.nonce, blob]) != proof {
            return Some(LoginResult::WrongPassword);
        }
        let flags = pair(blob, 6).and_then(|value| word(value, 0)).unwrap_or(0);
        let key = mac(&v2, &[proof]);
        let mut without = message.to_vec();
        without.get_mut(72..88)?.fill(0);
        let mic = mac(&key, &[&self.negotiate, &self.challenge, &without]);
        if flags & 2 == 0 || message.get(72..88)? != mic {
            return Some(LoginResult::WrongMic);
        }
        // Sixteen zero bytes mean that there is no binding (MS-NLMP 3.1.5.1.2).
        let sent = pair(blob, 10).filter(|value| **value != [0; 16]);
        Some(match (account.protection, sent) {
            (ExtendedProtection::None, _) | (ExtendedProtection::Allow, None) => {
                LoginResult::Accepted
            }
            (ExtendedProtection::Require, None) => LoginResult::NoBinding,
            (_, Some(sent)) if Some(sent) == account.binding.as_ref().map(|it| &it[..]) => {
                LoginResult::Accepted
            }
            _ => LoginResult::WrongBinding,
        })
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn text(bytes: &[u8]) -> Option<String> {
    let units = bytes.chunks_exact(2);
    let units: Vec<u16> = units
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
        .collect();
    String::from_utf16(&units).ok()
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes()
}

/// Writes the fields `Len`, `MaxLen` and `BufferOffset`.
fn field(message: &mut Vec<u8>, value: &[u8], offset: usize) {
    message.extend_from_slice(&length(value));
    message.extend_from_slice(&length(value));
    message.extend_from_slice(&u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes());
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*word))
}

/// Returns the bytes to which the field at this offset refers.
fn payload(message: &[u8], at: usize) -> Option<&[u8]> {
    let length = u16::from_le_bytes(*message.get(at..)?.first_chunk()?);
    let offset = usize::try_from(word(message, at + 4)?).ok()?;
    message.get(offset..)?.get(..length.into())
}

/// Returns the value of a pair in the client's blob.
fn pair(blob: &[u8], id: u16) -> Option<&[u8]> {
    let mut rest = blob.get(28..)?;
    loop {
        let (head, tail) = rest.split_first_chunk::<4>()?;
        let found = u16::from_le_bytes([head[0], head[1]]);
        let length = u16::from_le_bytes([head[2], head[3]]);
        let (value, tail) = tail.split_at_checked(length.into())?;
        match found {
            0 => return None,
            found if found == id => return Some(value),
            _ => rest = tail,
        }
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
