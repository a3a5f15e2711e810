//! The `Authorization` field.

use core::fmt;

use base64ct::{Base64, Encoding};

/// The value of an `Authorization` field, in a buffer of the caller. Its `Debug` does not show it.
///
/// HTTP does not protect it: without TLS, anyone on the network path can read it.
#[derive(Clone, Copy)]
pub struct Authorization<'a>(&'a str);

impl<'a> Authorization<'a> {
    /// Encodes Basic credentials ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)) into `buffer`.
    ///
    /// `buffer` needs [`basic_len`](Self::basic_len) bytes. Its content is as secret as the password.
    ///
    /// # Errors
    /// [`CredentialsError::Colon`], [`CredentialsError::Character`] or [`CredentialsError::BufferTooSmall`].
    pub fn basic(
        user: &str,
        password: &str,
        buffer: &'a mut [u8],
    ) -> Result<Self, CredentialsError> {
        // RFC 7617 §2: the first colon ends the user name, and neither part contains control characters.
        if user.contains(':') {
            return Err(CredentialsError::Colon);
        }
        if user
            .bytes()
            .chain(password.bytes())
            .any(|byte| byte.is_ascii_control())
        {
            return Err(CredentialsError::Character);
        }
        let mut writer = Writer { buffer, len: 0 };
        writer.push(b"Basic ");
        let mut plain = user.bytes().chain([b':']).chain(password.bytes());
        let (mut group, mut held) = ([0; 3], 0);
        loop {
            let byte = plain.next();
            if let (Some(slot), Some(byte)) = (group.get_mut(held), byte) {
                *slot = byte;
                held += 1;
            }
            if held == group.len() || (byte.is_none() && held > 0) {
                let mut symbols = [0; 4];
                // Three bytes give four symbols. Fewer bytes give four symbols with padding.
                let plain = group.get(..held).unwrap_or_default();
                writer.push(
                    Base64::encode(plain, &mut symbols)
                        .unwrap_or_default()
                        .as_bytes(),
                );
                held = 0;
            }
            if byte.is_none() {
                return writer.finish();
            }
        }
    }

    /// Returns how many bytes [`basic`](Self::basic) needs for a user name and a password of these lengths in bytes.
    #[must_use]
    pub const fn basic_len(user: usize, password: usize) -> usize {
        let pair = user.saturating_add(1).saturating_add(password);
        pair.div_ceil(3)
            .saturating_mul(4)
            .saturating_add("Basic ".len())
    }

    /// Writes the scheme and an OAuth bearer token ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)) into `buffer`.
    /// It needs 7 bytes more than the token.
    ///
    /// # Errors
    /// [`CredentialsError::Character`] if [`is_bearer_token`](exportitems_http1::is_bearer_token) refuses the token,
    /// or [`CredentialsError::BufferTooSmall`].
    pub fn bearer(token: &str, buffer: &'a mut [u8]) -> Result<Self, CredentialsError> {
        if !exportitems_http1::is_bearer_token(token) {
            return Err(CredentialsError::Character);
        }
        let mut writer = Writer { buffer, len: 0 };
        writer.push(b"Bearer ");
        writer.push(token.as_bytes());
        writer.finish()
    }

    /// Wraps a value that was written elsewhere.
    pub(crate) const fn new(value: &'a str) -> Self {
        Self(value)
    }

    pub(crate) const fn value(&self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(..)")
    }
}

/// Writes to a buffer, and counts all bytes, including those that do not fit.
struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    fn push(&mut self, bytes: &[u8]) {
        let free = self.buffer.get_mut(self.len..).unwrap_or_default();
        for (slot, &byte) in free.iter_mut().zip(bytes) {
            *slot = byte;
        }
        self.len = self.len.saturating_add(bytes.len());
    }

    fn finish(self) -> Result<Authorization<'a>, CredentialsError> {
        let needed = self.len;
        let buffer: &'a [u8] = self.buffer;
        buffer
            .get(..needed)
            .and_then(|written| core::str::from_utf8(written).ok())
            .map(Authorization)
            .ok_or(CredentialsError::BufferTooSmall { needed })
    }
}

/// The credentials cannot be sent. The caller is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CredentialsError {
    /// The user name contains a colon. In Basic credentials, the first colon ends the user name.
    Colon,
    /// The user name or the password contains a control character, or the token is not a bearer token.
    Character,
    /// The buffer is too small.
    BufferTooSmall {
        /// The number of bytes needed.
        needed: usize,
    },
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Colon => f.write_str(
                "the user name contains a colon, which Basic cannot send; use another form of the name",
            ),
            Self::Character => f.write_str(
                "the credentials contain a character that HTTP cannot send; remove line breaks and other control characters",
            ),
            Self::BufferTooSmall { needed } => write!(
                f,
                "the buffer for the credentials is too small; use one of {needed} bytes"
            ),
        }
    }
}

impl core::error::Error for CredentialsError {}

#[cfg(test)]
mod tests {
    use super::{Authorization, CredentialsError};

    fn basic(user: &str, password: &str) -> Result<std::string::String, CredentialsError> {
        let mut buffer = [0; 64];
        Authorization::basic(user, password, &mut buffer).map(|it| it.value().into())
    }

    #[test]
    fn basic_matches_the_examples_of_the_rfc() {
        // RFC 7617 §2 and §2.1.
        assert_eq!(
            basic("Aladdin", "open sesame").unwrap(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(basic("test", "123£").unwrap(), "Basic dGVzdDoxMjPCow==");
        assert_eq!(basic("", "").unwrap(), "Basic Og==");
        assert_eq!(basic("ab", "").unwrap(), "Basic YWI6");
        assert_eq!(basic("a:b", "c"), Err(CredentialsError::Colon));
        assert_eq!(basic("a", "b\n"), Err(CredentialsError::Character));
    }

    #[test]
    fn basic_needs_exactly_basic_len_bytes() {
        for len in 0..7 {
            let password = &"secret!"[..len];
            let needed = Authorization::basic_len(4, len);
            let mut buffer = [0; 32];
            assert!(Authorization::basic("user", password, &mut buffer[..needed]).is_ok());
            assert_eq!(
                Authorization::basic("user", password, &mut buffer[..needed - 1]).err(),
                Some(CredentialsError::BufferTooSmall { needed })
            );
        }
    }

    #[test]
    fn a_token_cannot_end_its_line_and_nothing_is_printed() {
        let mut buffer = [0; 32];
        for bad in [
            "",
            "=",
            "a=b",
            "a b",
            "a\n",
            "a\r\nHost: b",
            "a,b",
            "\u{e4}",
        ] {
            let refused = Authorization::bearer(bad, &mut buffer).err();
            assert_eq!(refused, Some(CredentialsError::Character), "{bad:?}");
        }
        let bearer = Authorization::bearer("eyJ0.x-_~+/==", &mut buffer).unwrap();
        assert_eq!(bearer.value(), "Bearer eyJ0.x-_~+/==");
        assert_eq!(std::format!("{bearer:?}"), "Authorization(..)");
    }
}
