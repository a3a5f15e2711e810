//! The head of a response: what it says about itself, and for whom to ask when it went wrong.

use core::fmt;
use core::time::Duration;

use exportitems::Summary;
use exportitems_http1::{Field, RetryAfter};

use super::cookies::Cookies;

/// Bytes that are kept of a header's value.
const VALUE_LIMIT: usize = 512;
/// Schemes that are kept of `WWW-Authenticate`.
const SCHEMES: usize = 8;

/// A response that was read to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The response in figures.
    pub summary: Summary,
    /// The HTTP status; a fault comes with 500, or with 200.
    pub status: u16,
    /// How to find this exchange in the server's logs.
    pub diagnostics: Diagnostics,
}

/// How to find one exchange in a server's logs.
///
/// Source: [Instrumenting client requests](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/instrumenting-client-requests-for-ews-and-rest-in-exchange).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostics {
    /// `client-request-id`, the GUID that this attempt was sent with.
    pub client_request_id: String,
    /// `request-id`, the server's own.
    pub request_id: Option<String>,
    /// `X-FEServer`, the front end.
    pub fe_server: Option<String>,
    /// `X-CalculatedBETarget`, the back end.
    pub calculated_be_target: Option<String>,
    /// `x-ms-diagnostics`: why OAuth failed.
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

/// What the fields of a head say.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) diagnostics: Diagnostics,
    pub(super) content_type: Option<String>,
    /// The first coding that `Content-Encoding` names, `identity` aside.
    pub(super) content_coding: Option<String>,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<Duration>,
    /// Names of the schemes of `WWW-Authenticate`.
    pub(super) schemes: Vec<String>,
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
            let scheme = field.value.split(|&byte| byte == b' ').next();
            if self.schemes.len() < SCHEMES {
                self.schemes.extend(scheme.map(text));
            }
        } else if let Some(coding) = field.content_coding() {
            self.content_coding.get_or_insert_with(|| text(coding));
        } else if let Some(wait) = field.retry_after() {
            self.retry_after = until(wait);
        } else if let Some(kept) = self.slot(field) {
            *kept = Some(text(field.value));
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

    /// Whether the type allows the body to be a SOAP message; one without a type may be anything.
    pub(super) fn may_be_xml(&self) -> bool {
        self.content_type.as_ref().is_none_or(|value| {
            let media_type = value.split(';').next().unwrap_or_default().trim();
            media_type.is_empty() || media_type.to_ascii_lowercase().ends_with("xml")
        })
    }
}

/// A header's value in a form that can be shown, on a terminal too.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(&value[..value.len().min(VALUE_LIMIT)])
        .replace(char::is_control, "\u{fffd}")
}

/// How long to wait; `None` for a date that is none.
fn until(wait: RetryAfter<'_>) -> Option<Duration> {
    match wait {
        RetryAfter::Seconds(seconds) => Some(Duration::from_secs(seconds)),
        // HTTP-date's preferred form (RFC 9110 §5.6.7) is one of RFC 2822's.
        RetryAfter::Date(date) => {
            let date = jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(date)
                .ok()?;
            let wait = date.duration_since(jiff::Timestamp::now());
            Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
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
        assert!(waits(b"Tue, 31 Dec 2199 23:59:59 GMT") > Some(Duration::from_secs(1 << 30)));
        assert_eq!(waits(b"soon"), None);
    }

    #[test]
    fn what_is_shown_cannot_steer_a_terminal() {
        // U+009B begins a control sequence, in a form that header rules let through.
        assert_eq!(text("FE1\u{9b}2J".as_bytes()), "FE1\u{fffd}2J");
        assert_eq!(text(&[b'x'; 600]).len(), VALUE_LIMIT);
    }

    #[test]
    fn xml_by_its_type() {
        for (value, expected) in [
            (Some("text/xml; charset=utf-8"), true),
            (Some("application/soap+XML"), true),
            (None, true),
            (Some("text/html; charset=xml"), false),
            (Some(""), true),
            (Some(" ; charset=utf-8"), true),
        ] {
            let content_type = value.map(str::to_owned);
            let fields = Fields {
                content_type,
                ..Fields::default()
            };
            assert_eq!(fields.may_be_xml(), expected, "{value:?}");
        }
    }
}
