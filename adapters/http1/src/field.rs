//! One header field of the response.

use crate::grammar::{decimal, elements, same, trim, TOKEN};

/// A header field of the response, borrowed from the scratch.
///
/// A field that came several times, such as `WWW-Authenticate` or `Set-Cookie`, is several
/// [`Field`](crate::HeadEvent::Field) events in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as the server wrote it; compare with [`is`](Self::is).
    pub name: &'a str,
    /// The value without the white space around it; where the server folded it over several lines, a space takes
    /// the place of each line end (RFC 9112 §5.2).
    ///
    /// Free of control characters but HTAB; not always UTF-8 (`obs-text`, RFC 9110 §5.5).
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// `field-line` (RFC 9112 §5) of bytes that a field line may hold, folded lines joined.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        if !TOKEN.spells(name) {
            return None;
        }
        Some(Self {
            name: core::str::from_utf8(name).ok()?,
            value: trim(value.strip_prefix(b":")?),
        })
    }

    /// Whether this is the field `name`, in any case (RFC 9110 §5.1).
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        same(self.name.as_bytes(), name.as_bytes())
    }

    /// Whether the value is `value`, in any case.
    #[must_use]
    pub fn has(&self, value: &[u8]) -> bool {
        same(self.value, value)
    }

    /// The first content coding that this field names, such as `gzip`, or `None` if this is another field than
    /// `Content-Encoding` or names none but `identity`.
    ///
    /// The body of a response that has one is no XML until the coding is removed; a request that sends
    /// `Accept-Encoding: identity` asks for none (RFC 9110 §12.5.3).
    /// [`ResponseHead::is_coded`](crate::ResponseHead::is_coded) says the same of a whole head.
    #[must_use]
    pub fn content_coding(&self) -> Option<&'a [u8]> {
        if !self.is("Content-Encoding") {
            return None;
        }
        elements(self.value).find(|coding| !same(coding, b"identity"))
    }

    /// The value of a `Retry-After` field (RFC 9110 §10.2.3), or `None` if this is another field
    /// or its value is not ASCII.
    #[must_use]
    pub fn retry_after(&self) -> Option<RetryAfter<'a>> {
        if let Some(seconds) = self.retry_after_seconds() {
            return Some(RetryAfter::Seconds(seconds));
        }
        if !self.is("Retry-After") || !self.value.is_ascii() {
            return None;
        }
        core::str::from_utf8(self.value).ok().map(RetryAfter::Date)
    }

    /// The value of a `Retry-After` field in seconds, for a client without a clock; `None` if this
    /// is another field or its value a date.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let is_delta = !self.value.is_empty() && self.value.iter().all(u8::is_ascii_digit);
        // More digits than a u64 holds still mean "very late".
        (is_delta && self.is("Retry-After")).then(|| decimal(self.value).unwrap_or(u64::MAX))
    }
}

/// When a server wants the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter<'a> {
    /// After so many seconds.
    Seconds(u64),
    /// At this time, an HTTP-date as it was sent: reading it needs a clock, which is the caller's.
    Date(&'a str),
}

#[cfg(test)]
mod tests {
    use super::{Field, RetryAfter};

    #[test]
    fn a_content_coding_is_any_but_identity() {
        let coding = |name, value: &str| {
            let value = value.as_bytes();
            Field { name, value }.content_coding().map(<[u8]>::to_vec)
        };
        for none in ["", " , ,", "Identity", ",identity , identity"] {
            assert_eq!(coding("Content-Encoding", none), None, "{none:?}");
        }
        for (value, expected) in [
            ("gzip", "gzip"),
            (",identity , br", "br"),
            ("gzip, identity", "gzip"),
            ("\u{e4}", "\u{e4}"),
        ] {
            let expected = Some(expected.as_bytes().to_vec());
            assert_eq!(coding("content-encoding", value), expected, "{value:?}");
        }
        assert_eq!(coding("Transfer-Encoding", "gzip"), None);
    }

    #[test]
    fn values_are_compared_in_any_case() {
        let (name, value) = ("A", b"b-1C".as_slice());
        let field = Field { name, value };
        assert!(field.has(b"B-1c") && !field.has(b"b-1") && !field.has(b"b-1cc"));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let cases: &[(&str, &[u8], _)] = &[
            ("retry-after", b"120", Some(RetryAfter::Seconds(120))),
            ("Retry-After", b"0", Some(RetryAfter::Seconds(0))),
            (
                "Retry-After",
                b"99999999999999999999",
                Some(RetryAfter::Seconds(u64::MAX)),
            ),
            (
                "Retry-After",
                b"Fri, 31 Dec 1999 23:59:59 GMT",
                Some(RetryAfter::Date("Fri, 31 Dec 1999 23:59:59 GMT")),
            ),
            ("Retry-After", b"-1", Some(RetryAfter::Date("-1"))),
            ("Retry-After", b"\xff", None),
            ("Retry", b"120", None),
        ];
        for &(name, value, expected) in cases {
            assert_eq!(Field { name, value }.retry_after(), expected, "{name}");
        }
    }
}
