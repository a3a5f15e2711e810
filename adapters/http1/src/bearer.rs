//! The one check of bearer tokens.

use crate::grammar::{trim_padding, BEARER};

/// Whether `token` is a bearer token as RFC 6750 §2.1 spells one (`b64token`): letters, digits and `-._~+/`, at least
/// one of them, then any number of `=`.
///
/// Every token that passes can be sent as the value `Bearer TOKEN` of an `Authorization` field.
/// One with a line break at its end, as a file has, does not pass.
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
    BEARER.spells(trim_padding(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::is_bearer_token;
    use std::string::String;

    #[test]
    fn each_byte_is_judged_alike_at_every_place() {
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
