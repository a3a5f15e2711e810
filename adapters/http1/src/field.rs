//! One header field of the response.

use crate::grammar::{decimal, elements, same, trim, TOKEN};

/// A header field of the response, borrowed from the scratch.
///
/// A field that occurs several times, such as `WWW-Authenticate` or `Set-Cookie`, gives one
/// [`Field`](crate::HeadEvent::Field) event for each occurrence, in their order.
///
/// Exhaustive: a field is a name and a value, and tests may build one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Field<'a> {
    /// The name as the server wrote it. Compare it with [`is`](Self::is).
    pub name: &'a str,
    /// The value without the white space around it. If the server folded it over several lines, each line end is
    /// replaced by a space (RFC 9112 §5.2).
    ///
    /// It contains no control characters except HTAB. It is not always UTF-8 (`obs-text`, RFC 9110 §5.5).
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// Parses a `field-line` (RFC 9112 §5) whose bytes were checked and whose folded lines were joined.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = line.get(..colon)?;
        let value = line.get(colon.wrapping_add(1)..)?;
        if !TOKEN.matches(name) {
            return None;
        }
        Some(Self {
            name: core::str::from_utf8(name).ok()?,
            value: trim(value),
        })
    }

    /// Returns whether the name of this field is `name`, ignoring case (RFC 9110 §5.1).
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        same(self.name.as_bytes(), name.as_bytes())
    }

    /// Returns whether the value of this field is `value`, ignoring case.
    #[must_use]
    pub fn has(&self, value: &[u8]) -> bool {
        same(self.value, value)
    }

    /// Returns the first content coding that this field names, such as `gzip`. Returns `None` if this is not
    /// `Content-Encoding`, or if it names no coding except `identity`.
    ///
    /// The body of a coded response is not XML until the coding is removed. `Accept-Encoding: identity` in the
    /// request rules codings out (RFC 9110 §12.5.3).
    /// [`ResponseHead::is_coded`](crate::ResponseHead::is_coded) answers the same question for a whole head.
    #[must_use]
    pub fn content_coding(&self) -> Option<&'a [u8]> {
        if !self.is("Content-Encoding") {
            return None;
        }
        elements(self.value).find(|coding| !same(coding, b"identity"))
    }

    /// Returns the value of a `Retry-After` field (RFC 9110 §10.2.3), or `None` if this is another field
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

    /// Returns the value of a `Retry-After` field in seconds, or `None` if this is another field or its value is
    /// a date. For clients without a clock.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let is_delta = !self.value.is_empty() && self.value.iter().all(u8::is_ascii_digit);
        // A number that does not fit into a `u64` still means "very late".
        (is_delta && self.is("Retry-After")).then(|| decimal(self.value).unwrap_or(u64::MAX))
    }
}

/// The value of a `Retry-After` field: when the server expects the next attempt.
///
/// Exhaustive: RFC 9110 §10.2.3 defines these two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum RetryAfter<'a> {
    /// After this number of seconds.
    Seconds(u64),
    /// At this time: an HTTP-date as it was sent. Converting it to a wait needs a clock, which the caller has.
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
