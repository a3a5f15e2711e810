//! The head of a response: its fields, and the values that identify it in the server's logs.

use core::fmt;
use core::time::Duration;

use exportitems::Summary;
use exportitems_http1::{Field, RetryAfter};
use jiff::Timestamp;

use super::auth::Offers;
use super::cookies::Cookies;
use super::date;

/// The largest number of bytes that are kept of a field's value.
const VALUE_LIMIT: usize = 512;
/// The largest number of elements that are kept of a list.
const MOST: usize = 8;

/// A complete response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The summary of the decoder.
    pub summary: Summary,
    /// The HTTP status. A fault has 500 or 200.
    pub status: u16,
    /// `Content-Type`, if it is not that of XML. Then a proxy may be changing responses.
    pub odd_content_type: Option<String>,
    /// The SHA-256 of the server's certificate, if the connection uses TLS.
    pub certificate: Option<[u8; 32]>,
    /// The values that identify this request in the server's logs.
    pub diagnostics: Diagnostics,
}

/// The values that identify a request in a server's logs.
///
/// Source: [Instrumenting client requests](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/instrumenting-client-requests-for-ews-and-rest-in-exchange).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostics {
    /// `client-request-id`, the GUID of this attempt.
    pub client_request_id: String,
    /// `request-id`, which the server has assigned.
    pub request_id: Option<String>,
    /// `X-FEServer`, the front end.
    pub fe_server: Option<String>,
    /// `X-CalculatedBETarget`, the back end.
    pub calculated_be_target: Option<String>,
    /// `x-ms-diagnostics`, the reason for which OAuth failed.
    pub ms_diagnostics: Option<String>,
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client-request-id {}", self.client_request_id)?;
        for (name, value) in [
            ("request-id", &self.request_id),
            ("X-FEServer", &self.fe_server),
            ("X-CalculatedBETarget", &self.calculated_be_target),
            ("x-ms-diagnostics", &self.ms_diagnostics),
        ] {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        Ok(())
    }
}

/// The fields of a head.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) diagnostics: Diagnostics,
    pub(super) content_type: Option<String>,
    /// The first coding in `Content-Encoding` other than `identity`.
    pub(super) content_coding: Option<String>,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<Duration>,
    /// The challenges of `WWW-Authenticate`.
    pub(super) offers: Offers,
    /// The values of `client-request-id` in the response.
    pub(super) echoes: Vec<String>,
}

impl Fields {
    pub(super) fn new(client_request_id: String) -> Self {
        Self {
            diagnostics: Diagnostics {
                client_request_id,
                ..Diagnostics::default()
            },
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, field: &Field<'_>, cookies: &mut Cookies) {
        if field.is("Set-Cookie") {
            cookies.set(field.value);
        } else if field.is("WWW-Authenticate") {
            self.offers.add(field.value);
        } else if let Some(coding) = field.content_coding() {
            self.content_coding.get_or_insert_with(|| text(coding));
        } else if field.is("client-request-id") {
            self.echoes.extend(list(field.value));
            self.echoes.truncate(MOST);
        } else if let Some(wait) = field.retry_after() {
            // The longest of several waits counts.
            self.retry_after = self.retry_after.max(until(wait));
        } else if let Some(kept) = self.slot(field) {
            *kept = Some(text(field.value)).filter(|value| !value.is_empty());
        }
    }

    fn slot(&mut self, field: &Field<'_>) -> Option<&mut Option<String>> {
        let diagnostics = &mut self.diagnostics;
        [
            ("Content-Type", &mut self.content_type),
            ("Location", &mut self.location),
            ("request-id", &mut diagnostics.request_id),
            ("X-FEServer", &mut diagnostics.fe_server),
            (
                "X-CalculatedBETarget",
                &mut diagnostics.calculated_be_target,
            ),
            ("x-ms-diagnostics", &mut diagnostics.ms_diagnostics),
        ]
        .into_iter()
        .find_map(|(name, slot)| field.is(name).then_some(slot))
    }

    /// Returns the `client-request-id` of another request, if this is the response to it.
    pub(super) fn other_request(&self) -> Option<&str> {
        let own = &self.diagnostics.client_request_id;
        let is_own = |echo: &String| match (uuid::Uuid::try_parse(echo), uuid::Uuid::try_parse(own))
        {
            (Ok(echo), Ok(own)) => echo == own,
            _ => echo.eq_ignore_ascii_case(own),
        };
        match self.echoes.iter().any(is_own) {
            true => None,
            false => self.echoes.first().map(String::as_str),
        }
    }

    /// Returns the media type, if it is not one of XML.
    pub(super) fn odd_content_type(&self) -> Option<&str> {
        self.content_type.as_deref().filter(|value| {
            let media_type = value.split(';').next().unwrap_or_default().trim();
            !media_type.to_ascii_lowercase().ends_with("xml")
        })
    }
}

/// Returns the elements of a list that are not empty.
fn list(value: &[u8]) -> impl Iterator<Item = String> + '_ {
    value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
        .map(text)
}

/// Returns a field's value in a form that can be printed, on a terminal too.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(&value[..value.len().min(VALUE_LIMIT)])
        .replace(char::is_control, "\u{fffd}")
}

/// Returns the length of the wait, or `None` for an invalid date.
fn until(wait: RetryAfter<'_>) -> Option<Duration> {
    match wait {
        RetryAfter::Seconds(seconds) => Some(Duration::from_secs(seconds)),
        RetryAfter::Date(text) => {
            let now = Timestamp::now();
            Some(date::until(date::parse(text, now)?, now))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let waits = |value: &[u8]| {
            let mut fields = Fields::default();
            let name = "Retry-After";
            fields.add(&Field { name, value }, &mut Cookies::default());
            fields.retry_after
        };
        assert_eq!(waits(b"120"), Some(Duration::from_mins(2)));
        assert_eq!(
            waits(b"Fri, 31 Dec 1999 23:59:59 GMT"),
            Some(Duration::ZERO)
        );
        let far = Some(Duration::from_secs(1 << 30));
        assert!(waits(b"Tue, 31 Dec 2199 23:59:59 GMT") > far);
        assert!(waits(b"Tue Dec 31 23:59:59 2199") > far);
        assert_eq!(waits(b"soon"), None);
    }

    #[test]
    fn what_is_shown_cannot_steer_a_terminal() {
        // U+009B begins a control sequence, and is valid in a header field.
        assert_eq!(text("FE1\u{9b}2J".as_bytes()), "FE1\u{fffd}2J");
        assert_eq!(text(&[b'x'; 600]).len(), VALUE_LIMIT);
    }

    fn fields(values: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new("7e2b1c1a-0000-4000-8000-00000000abcd".to_owned());
        for (name, value) in values {
            let value = value.as_bytes();
            fields.add(&Field { name, value }, &mut Cookies::default());
        }
        fields
    }

    #[test]
    fn an_echo_says_whose_answer_it_is() {
        let own = "7e2b1c1a-0000-4000-8000-00000000abcd";
        let other = "11111111-0000-4000-8000-00000000abcd";
        for (echoes, expected) in [
            (&[][..], None),
            (&[""], None),
            (&[own], None),
            (&["{7E2B1C1A-0000-4000-8000-00000000ABCD}"], None),
            (
                &["7e2b1c1a0000400080000000 0000abcd"],
                Some("7e2b1c1a0000400080000000 0000abcd"),
            ),
            (&[other], Some(other)),
            (&["true"], Some("true")),
            // A proxy may add its own value.
            (&[other, own], None),
            (
                &["11111111-0000-4000-8000-00000000abcd, 7e2b1c1a-0000-4000-8000-00000000abcd"],
                None,
            ),
        ] {
            let values: Vec<_> = echoes
                .iter()
                .map(|echo| ("Client-Request-Id", *echo))
                .collect();
            assert_eq!(fields(&values).other_request(), expected, "{echoes:?}");
        }
    }

    #[test]
    fn lists_of_codings_and_challenges() {
        let fields = fields(&[
            ("Content-Encoding", ", identity,, gzip ,"),
            ("content-encoding", "Identity"),
            ("WWW-Authenticate", "Negotiate, NTLM"),
            ("WWW-Authenticate", "NTLM"),
            ("Content-Type", ""),
            ("Retry-After", "30"),
            ("Retry-After", "20"),
        ]);
        assert_eq!(fields.content_coding.as_deref(), Some("gzip"));
        let schemes: Vec<_> = fields.offers.schemes().collect();
        assert_eq!(schemes, ["Negotiate", "NTLM"]);
        assert_eq!(fields.content_type, None, "an empty one is an absent one");
        assert_eq!(fields.retry_after, Some(Duration::from_secs(30)));
    }

    #[test]
    fn types_that_are_not_of_xml() {
        for (value, odd) in [
            ("text/xml; charset=utf-8", false),
            ("application/soap+XML", false),
            ("text/html; charset=xml", true),
            ("text/xml,text/plain", true),
        ] {
            let fields = fields(&[("Content-Type", value)]);
            assert_eq!(fields.odd_content_type().is_some(), odd, "{value}");
        }
        assert_eq!(fields(&[]).odd_content_type(), None);
    }
}
