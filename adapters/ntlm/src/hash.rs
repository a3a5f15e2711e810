//! The hash of a password, and the keyed hashes that are derived from it.

use core::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::digest::typenum::U16;
use md5::digest::FixedOutput;
use md5::Md5;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::md4::Md4;
use crate::user::User;

/// The NT hash: MD4 over the password in UTF-16LE.
///
/// It must be kept as secret as the password, because it is enough for a login.
/// It is overwritten with zeros when it is dropped, is not printed by `Debug`, and cannot be cloned,
/// so share a reference.
///
/// ```
/// use exportitems_ntlm::NtHash;
///
/// assert_eq!(format!("{:?}", NtHash::from_password("secret")), "NtHash(..)");
/// ```
pub struct NtHash([u8; 16]);

impl NtHash {
    /// Hashes a password without copying it.
    ///
    /// The password is neither trimmed nor normalised.
    #[must_use]
    pub fn from_password(password: &str) -> Self {
        let mut md4 = Md4::new();
        utf16(password.chars(), |unit| md4.update(unit));
        let mut hash = Self([0; 16]);
        md4.finish(&mut hash.0);
        hash
    }

    /// Makes an `NtHash` from the bytes of a hash, so that the password need not be kept.
    ///
    /// The caller must erase its own copy.
    #[must_use]
    pub const fn from_bytes(hash: &[u8; 16]) -> Self {
        Self(*hash)
    }

    /// Returns `NTOWFv2` (MS-NLMP 3.3.2): HMAC-MD5 over the user in upper case and the unchanged domain.
    pub(crate) fn v2(&self, user: User<'_>) -> Key {
        let mut mac = keyed(&self.0);
        utf16(user.name().chars().map(upper), |unit| {
            mac.update(&unit.to_le_bytes());
        });
        utf16(user.domain().chars(), |unit| {
            mac.update(&unit.to_le_bytes());
        });
        let mut key = Key(Zeroizing::new([0; 16]));
        finish(mac, &mut key.0);
        key
    }
}

impl Drop for NtHash {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for NtHash {}

impl fmt::Debug for NtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NtHash(..)")
    }
}

/// An intermediate key for HMAC-MD5, which is overwritten when it is dropped.
pub(crate) struct Key(Zeroizing<[u8; 16]>);

impl Key {
    /// Returns HMAC-MD5 over the concatenated parts.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut code = [0; 16];
        self.mac_into(parts, &mut code);
        code
    }

    /// Returns HMAC-MD5 over the concatenated parts as the next key.
    pub(crate) fn derive(&self, parts: &[&[u8]]) -> Self {
        let mut key = Self(Zeroizing::new([0; 16]));
        self.mac_into(parts, &mut key.0);
        key
    }

    fn mac_into(&self, parts: &[&[u8]], code: &mut [u8; 16]) {
        let mut mac = keyed(&self.0);
        for part in parts {
            mac.update(part);
        }
        finish(mac, code);
    }
}

/// Completes a hash in place, so that no copy of it remains.
pub(crate) fn finish(hash: impl FixedOutput<OutputSize = U16>, out: &mut [u8; 16]) {
    hash.finalize_into(out.into());
}

/// Makes an HMAC-MD5 with this key.
fn keyed(key: &[u8; 16]) -> Hmac<Md5> {
    // RFC 2104: a key shorter than the block of 64 bytes is padded with zeros.
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new((&*block).into())
}

/// Calls `feed` with each unit of UTF-16.
fn utf16(text: impl Iterator<Item = char>, mut feed: impl FnMut(u16)) {
    let mut units = [0; 2];
    for character in text {
        for unit in character.encode_utf16(&mut units) {
            feed(*unit);
        }
    }
    units.zeroize();
}

/// Returns the simple upper-case mapping: a character whose upper case has several characters is not changed.
fn upper(character: char) -> char {
    let mut mapped = character.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MS-NLMP 4.2.1: user `User`, domain `Domain`, password `Password`.
    fn example() -> (NtHash, User<'static>) {
        (
            NtHash::from_password("Password"),
            User::parse(r"Domain\User").unwrap(),
        )
    }

    /// MS-NLMP 4.2.4.1.3: the blob with time 0 and the target information of 4.2.4.
    fn temp() -> std::vec::Vec<u8> {
        let mut temp = std::vec![1, 1, 0, 0, 0, 0, 0, 0];
        temp.extend([0; 8]);
        temp.extend([0xaa; 8]);
        temp.extend([0; 4]);
        temp.extend(b"\x02\0\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0S\0e\0r\0v\0e\0r\0\0\0\0\0");
        temp.extend([0; 4]);
        temp
    }

    fn bytes(hex: &str) -> std::vec::Vec<u8> {
        let digits: std::vec::Vec<_> = hex
            .chars()
            .filter_map(|digit| digit.to_digit(16))
            .map(|digit| u8::try_from(digit).unwrap())
            .collect();
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    }

    #[test]
    fn vectors_of_the_specification() {
        let (hash, user) = example();
        // 4.2.2.1.2 NTOWFv1
        assert_eq!(hash.0[..], bytes("a4f49c406510bdcab6824ee7c30fd852"));
        // 4.2.4.1.1 NTOWFv2
        let v2 = hash.v2(user);
        assert_eq!(v2.0[..], bytes("0c868a403bfd7a93a3001ef22ef02e3f"));
        // 4.2.4.2.2 NTLMv2 response
        let server_challenge = bytes("0123456789abcdef");
        let proof = v2.mac(&[&server_challenge, &temp()]);
        assert_eq!(proof[..], bytes("68cd0ab851e51c96aabc927bebef6a1c"));
        // 4.2.4.1.2 session base key
        let key = v2.derive(&[&proof]);
        assert_eq!(key.0[..], bytes("8de40ccadbc14a82f15cb0ad0de95ca3"));
        // 4.2.4.2.1 LMv2 response: what this client never sends, but the same keyed hash.
        let lm = v2.mac(&[&server_challenge, &[0xaa; 8]]);
        assert_eq!(lm[..], bytes("86c35097ac9cec102554764a57cccc19"));
    }

    #[test]
    fn a_hash_from_bytes_is_that_of_the_password() {
        let (hash, user) = example();
        let same = NtHash::from_bytes(&hash.0);
        assert_eq!(*same.v2(user).0, *hash.v2(user).0);
    }

    #[test]
    fn upper_case_is_the_simple_mapping() {
        let pairs = "aA zZ äÄ éÉ ÿŸ øØ ßß ıI яЯ ωΩ ŉŉ ﬁﬁ 0 \u{10428}\u{10400}";
        for pair in pairs.split(' ') {
            let mut characters = pair.chars();
            let (lower, expected) = (characters.next().unwrap(), characters.next());
            assert_eq!(upper(lower), expected.unwrap_or(lower), "{lower}");
        }
    }

    #[test]
    fn the_user_is_compared_without_case_and_the_domain_with() {
        let hash = NtHash::from_password("x");
        let key = |text| *hash.v2(User::parse(text).unwrap()).0;
        assert_eq!(key(r"Dom\jörg"), key(r"Dom\JÖRG"));
        assert_ne!(key(r"Dom\jörg"), key(r"DOM\jörg"));
    }

    #[test]
    fn characters_beyond_the_first_plane_are_two_units() {
        let mut text = std::vec::Vec::new();
        utf16("a\u{1f600}ä".chars(), |unit| text.push(unit));
        assert_eq!(text, [0x61, 0xd83d, 0xde00, 0xe4]);
    }
}
