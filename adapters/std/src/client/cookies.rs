//! Cookies: how a load balancer finds the same server again.

use core::fmt;
use std::collections::BTreeMap;

/// Names and values together, in bytes; a server that sends more loses the rest.
const LIMIT: usize = 8 * 1024;

/// The cookies of one server, in memory.
///
/// Exchange and the balancers before it set them for affinity (`exchangecookie`, `X-BackEndCookie`).
/// A client talks to one URL only, so domain and path (RFC 6265 §5.4) have nothing to decide.
#[derive(Default)]
pub(super) struct Cookies(BTreeMap<String, String>);

impl Cookies {
    /// Takes the value of a `Set-Cookie` field.
    pub(super) fn set(&mut self, field: &[u8]) {
        let Ok(field) = core::str::from_utf8(field) else {
            return;
        };
        let mut parts = field.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let is_sendable = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b','))
        };
        if name.is_empty() || !is_sendable(name) || !is_sendable(value) {
            return;
        }
        let expired = parts.any(|attribute| {
            attribute.split_once('=').is_some_and(|(name, age)| {
                name.eq_ignore_ascii_case("Max-Age") && (age.starts_with('-') || age == "0")
            })
        });
        // Exchange takes a cookie back by an empty value.
        if expired || value.is_empty() {
            self.0.remove(name);
        } else if self.len() + name.len() + value.len() <= LIMIT {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The value of the `Cookie` field, if there is any.
    pub(super) fn field(&self) -> Option<String> {
        let pairs: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn len(&self) -> usize {
        self.0
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    }
}

/// Values may be session keys.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Cookies;

    #[test]
    fn a_cookie_comes_back_until_it_is_taken_back() {
        let mut cookies = Cookies::default();
        assert_eq!(cookies.field(), None);
        cookies
            .set(b"exchangecookie=6b1c; expires=Sun, 21-Nov-2027 10:00:00 GMT; path=/; HttpOnly");
        cookies.set(b"X-BackEndCookie=user=u56Lnp2ejJqB; path=/EWS; secure");
        assert_eq!(
            cookies.field().unwrap(),
            "X-BackEndCookie=user=u56Lnp2ejJqB; exchangecookie=6b1c"
        );
        assert!(!format!("{cookies:?}").contains("6b1c"));
        cookies.set(b"X-BackEndCookie=; path=/EWS");
        cookies.set(b"exchangecookie=x; Max-Age=0");
        assert_eq!(cookies.field(), None);
    }

    #[test]
    fn what_cannot_be_sent_is_not_kept() {
        let mut cookies = Cookies::default();
        for bad in [&b"novalue"[..], b"=x", b"a b=c", b"a=\xff", b"a=b c", b""] {
            cookies.set(bad);
        }
        cookies.set(format!("a={}", "x".repeat(9000)).as_bytes());
        assert_eq!(cookies.field(), None);
    }
}
