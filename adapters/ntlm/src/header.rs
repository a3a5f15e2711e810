//! Tokens in the headers of HTTP: `NTLM TlRMTVNTUAAB…`.

use base64ct::{Base64, Encoding as _, Error as Base64Error};

use crate::error::{BufferTooSmall, TokenError};

/// An HTTP authentication scheme that carries NTLM messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `NTLM`.
    Ntlm,
    /// `Negotiate` (RFC 4559), under which servers also take an NTLM message that SPNEGO does not
    /// wrap.
    Negotiate,
}

impl Scheme {
    /// Returns the name in the header; names are compared without regard to case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ntlm => "NTLM",
            Self::Negotiate => "Negotiate",
        }
    }
}

/// Returns the length of the header that [`write_header`] writes for a token of `token_len` bytes;
/// `usize::MAX` where it does not fit a `usize`.
#[must_use]
pub const fn header_len(scheme: Scheme, token_len: usize) -> usize {
    token_len
        .div_ceil(3)
        .saturating_mul(4)
        .saturating_add(scheme.name().len() + 1)
}

/// Writes the value of an `Authorization` header to the start of `out`, and returns it.
///
/// # Errors
/// `out` is shorter than [`header_len`].
pub fn write_header<'o>(
    scheme: Scheme,
    token: &[u8],
    out: &'o mut [u8],
) -> Result<&'o str, BufferTooSmall> {
    let name = scheme.name().as_bytes();
    let needed = header_len(scheme, token.len());
    let error = BufferTooSmall { needed };
    let header = out.get_mut(..needed).ok_or(error)?;
    let (head, base64) = header.split_at_mut_checked(name.len() + 1).ok_or(error)?;
    for (to, from) in head.iter_mut().zip(name.iter().chain(b" ")) {
        *to = *from;
    }
    Base64::encode(token, base64).map_err(|_| error)?;
    core::str::from_utf8(header).map_err(|_| error)
}

/// Returns a length that is enough for the token of this base64.
#[must_use]
pub const fn token_len(base64: &str) -> usize {
    base64.len().div_ceil(4).saturating_mul(3)
}

/// Decodes a token to the start of `out`, and returns it.
///
/// # Errors
/// The text is not base64 with padding, or `out` is shorter than the token.
pub fn read_token<'o>(base64: &str, out: &'o mut [u8]) -> Result<&'o [u8], TokenError> {
    Base64::decode(base64, out).map_err(|error| match error {
        Base64Error::InvalidEncoding => TokenError::NotBase64,
        Base64Error::InvalidLength => TokenError::BufferTooSmall {
            needed: token_len(base64),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NEGOTIATE;

    #[test]
    fn headers_have_the_announced_length() {
        let mut buffer = [0; 128];
        let first = "TlRMTVNTUAABAAAABYIIogAAAAAAAAAAAAAAAAAAAAAAAQAAAAAADw==";
        for scheme in [Scheme::Ntlm, Scheme::Negotiate] {
            let needed = header_len(scheme, NEGOTIATE.len());
            let header = write_header(scheme, &NEGOTIATE, &mut buffer[..needed]).unwrap();
            assert_eq!(header.split_once(' '), Some((scheme.name(), first)));
            let short = write_header(scheme, &NEGOTIATE, &mut buffer[..needed - 1]);
            assert_eq!(short, Err(BufferTooSmall { needed }));
        }
        assert_eq!(write_header(Scheme::Ntlm, b"", &mut buffer), Ok("NTLM "));
        assert_eq!(header_len(Scheme::Ntlm, usize::MAX), usize::MAX);
    }

    #[test]
    fn tokens_are_strict_base64() {
        let mut buffer = [0; 4];
        for (text, expected) in [
            ("", Ok(&b""[..])),
            ("AQID", Ok(&[1, 2, 3])),
            ("AQIDBA==", Ok(&[1, 2, 3, 4])),
            ("AQIDBAU=", Err(TokenError::BufferTooSmall { needed: 6 })),
            ("AQIDBA", Err(TokenError::NotBase64)),
            ("AQIDB===", Err(TokenError::NotBase64)),
            ("AQIDBB==", Err(TokenError::NotBase64)), // bits of a fifth byte
            ("AQ==", Ok(&[1])),
            ("A===", Err(TokenError::NotBase64)),
            ("AQ=A", Err(TokenError::NotBase64)),
            ("AQ D", Err(TokenError::NotBase64)),
            ("AQ-_", Err(TokenError::NotBase64)),
            ("=", Err(TokenError::NotBase64)),
            ("====", Err(TokenError::NotBase64)),
            ("ää", Err(TokenError::NotBase64)),
        ] {
            assert_eq!(read_token(text, &mut buffer), expected, "{text}");
        }
    }
}
