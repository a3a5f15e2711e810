//! The challenges in `WWW-Authenticate`.

use crate::header::Scheme;

/// One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The scheme, in the spelling of the server.
    pub scheme: &'a str,
    /// The token in base64, if there is one.
    pub token: Option<&'a str>,
}

impl Offer<'_> {
    /// Returns whether this is a challenge of `scheme`.
    #[must_use]
    pub fn is(&self, scheme: Scheme) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme.name())
    }
}

/// The challenges of one `WWW-Authenticate` field, in the server's order.
///
/// A server may send a field for each challenge, or a list in one field. Parameters of other schemes and
/// malformed text are skipped.
///
/// ```
/// use exportitems_ntlm::{Offers, Scheme};
///
/// let value = br#"Negotiate, ntlm TlRMTVNTUAAC, Basic realm="a, NTLM b""#;
/// let offers: Vec<_> = Offers::new(value).collect();
/// assert!(offers[0].is(Scheme::Negotiate) && offers[0].token.is_none());
/// assert!(offers[1].is(Scheme::Ntlm) && offers[1].token == Some("TlRMTVNTUAAC"));
/// assert_eq!(offers[2].scheme, "Basic");
/// assert_eq!(offers.len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Offers<'a> {
    rest: &'a [u8],
}

impl<'a> Offers<'a> {
    /// Reads the challenges in the value of a field.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }

    /// Takes the longest prefix whose bytes satisfy `is`.
    fn take(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self.rest.iter().take_while(|byte| is(**byte)).count();
        match self.rest.split_at_checked(len) {
            Some((taken, rest)) => {
                self.rest = rest;
                taken
            }
            None => &[],
        }
    }

    /// Skips to the next comma that is not in a quoted string.
    fn skip_element(&mut self) {
        let (mut quoted, mut escaped) = (false, false);
        while let Some((&byte, rest)) = self.rest.split_first() {
            match byte {
                b',' if !quoted => return,
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            self.rest = rest;
        }
    }

    /// Takes a token68, if nothing else follows the scheme.
    fn token68(&mut self) -> Option<&'a str> {
        let start = self.rest;
        self.take(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        self.take(|byte| byte == b'=');
        let len = start.len().saturating_sub(self.rest.len());
        self.take(is_space);
        let ends = matches!(self.rest.first(), None | Some(b','));
        let token = start.get(..len).filter(|token| ends && !token.is_empty())?;
        core::str::from_utf8(token).ok()
    }
}

impl<'a> Iterator for Offers<'a> {
    type Item = Offer<'a>;

    fn next(&mut self) -> Option<Offer<'a>> {
        loop {
            self.take(|byte| is_space(byte) || byte == b',');
            if self.rest.is_empty() {
                return None;
            }
            let scheme = self.take(is_tchar);
            let space = self.take(is_space);
            let follows = self.rest.first();
            // `name = value` is a parameter of the scheme before it.
            let is_scheme = match follows {
                None | Some(b',') => true,
                Some(b'=') => false,
                Some(_) => !space.is_empty(),
            };
            if scheme.is_empty() || !is_scheme {
                self.skip_element();
                continue;
            }
            let token = self.token68();
            self.skip_element();
            let scheme = core::str::from_utf8(scheme).ok()?;
            return Some(Offer { scheme, token });
        }
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// RFC 9110 §5.6.2
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn lists_of_challenges() {
        type Expected = &'static [(&'static str, Option<&'static str>)];
        let cases: [(&str, Expected); 14] = [
            ("NTLM", &[("NTLM", None)]),
            ("  NTLM\t", &[("NTLM", None)]),
            ("NTLM QQ==", &[("NTLM", Some("QQ=="))]),
            (
                "NTLM   QQ== ,Negotiate",
                &[("NTLM", Some("QQ==")), ("Negotiate", None)],
            ),
            (
                ",, Negotiate ,, NTLM,",
                &[("Negotiate", None), ("NTLM", None)],
            ),
            (r#"Basic realm="x""#, &[("Basic", None)]),
            (
                r#"Basic realm="x, NTLM", NTLM"#,
                &[("Basic", None), ("NTLM", None)],
            ),
            (
                r#"Basic realm="\", NTLM \\", NTLM"#,
                &[("Basic", None), ("NTLM", None)],
            ),
            (
                r#"Bearer a = "b", c=d , error="NTLM", NTLM"#,
                &[("Bearer", None), ("NTLM", None)],
            ),
            (r"Digest a=b, NTLM ", &[("Digest", None), ("NTLM", None)]),
            ("\"NTLM", &[]),
            ("\u{e4}, NTLM", &[("NTLM", None)]),
            ("NTLM/QQ, Basic", &[("Basic", None)]),
            ("NTLM QQ== x, Basic", &[("NTLM", None), ("Basic", None)]),
        ];
        for (value, expected) in cases {
            let offers: Vec<_> = Offers::new(value.as_bytes())
                .map(|offer| (offer.scheme, offer.token))
                .collect();
            assert_eq!(offers, expected, "{value}");
        }
    }
}
