//! The check of bearer tokens.

use crate::grammar::{trim_padding, BEARER};

/// Returns whether `token` is a bearer token (`b64token` in RFC 6750 §2.1): at least one letter, digit or character of
/// `-._~+/`, then any number of `=`.
///
/// Such a token can be sent as the value `Bearer TOKEN` of an `Authorization` field.
/// Strip the line break from a token that was read from a file: with it, the check fails.
///
/// ```
/// use exportitems_http1::is_bearer_token;
///
/// assert!(is_bearer_token("eyJ0eXAi.eyJhdWQi.c2ln"));
/// assert!(is_bearer_token("mF_9.B5f-4+1/JqM=="));
/// assert!(!is_bearer_token(""));
/// assert!(!is_bearer_token("=="));
/// assert!(!is_bearer_token("a=b"));
/// assert!(!is_bearer_token("Bearer mF_9.B5f-4.1JqM"));
/// assert!(!is_bearer_token("mF_9.B5f-4.1JqM\n"));
/// ```
#[must_use]
pub fn is_bearer_token(token: &str) -> bool {
    BEARER.matches(trim_padding(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::is_bearer_token;
    use std::string::String;

    #[test]
    fn each_byte_is_accepted_or_refused_at_every_position() {
        for byte in 0..=0x7f_u8 {
            let character = char::from(byte);
            let is_token = character.is_ascii_alphanumeric() || "-._~+/".contains(character);
            let with = |before: &str, after: &str| {
                is_bearer_token(&[before, &String::from(character), after].concat())
            };
            assert_eq!(with("", ""), is_token, "{character:?}");
            assert_eq!(with("", "a"), is_token, "{character:?}");
            assert_eq!(with("a", "a"), is_token, "{character:?}");
            assert_eq!(with("a", "="), is_token || byte == b'=', "{character:?}");
            assert!(!with("a=", "a"), "{character:?}");
        }
        assert!(!is_bearer_token("\u{e4}"));
    }
}
