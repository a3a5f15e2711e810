//! Cookies, with which a load balancer routes requests to the same server.

use core::fmt;
use std::collections::BTreeMap;

use cookie::Cookie;

/// The largest number of bytes of all names and values. Further cookies are ignored.
const LIMIT: usize = 8 * 1024;

/// The cookies of one server, in memory.
///
/// Exchange and load balancers set them for affinity (`exchangecookie`, `X-BackEndCookie`).
/// A client uses only one URL, so domain and path (RFC 6265 §5.4) are ignored.
#[derive(Default)]
pub(super) struct Cookies(BTreeMap<String, String>);

impl Cookies {
    /// Stores the cookie of a `Set-Cookie` field.
    pub(super) fn set(&mut self, field: &[u8]) {
        let Some(cookie) = core::str::from_utf8(field)
            .ok()
            .and_then(|field| Cookie::parse(field).ok())
        else {
            return;
        };
        let (name, value) = cookie.name_value();
        let is_sendable = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b','))
        };
        if !is_sendable(name) || !is_sendable(value) {
            return;
        }
        // RFC 6265 §5.3: Max-Age takes precedence over Expires.
        let expired = match (cookie.max_age(), cookie.expires_datetime()) {
            (Some(age), _) => !age.is_positive(),
            (None, Some(time)) => time.unix_timestamp() <= jiff::Timestamp::now().as_second(),
            (None, None) => false,
        };
        // Exchange deletes a cookie with an empty value.
        if expired || value.is_empty() {
            self.0.remove(name);
        } else if self.len() + name.len() + value.len() <= LIMIT {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Returns the value of the `Cookie` field, if there are cookies.
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

/// Does not print values, because they may be session keys.
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
        cookies.set(b"exchangecookie=x; Expires=Wed, 21 Oct 2999 07:28:00 GMT");
        assert!(cookies.field().is_some());
        cookies.set(b"exchangecookie=x; expires=Wed, 21 Oct 2015 07:28:00 GMT");
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
