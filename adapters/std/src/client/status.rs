//! Responses that are not SOAP, by their HTTP status.

use core::fmt;
use core::time::Duration;

use super::response::{Diagnostics, Fields};

/// Bytes of a body that are read for a line of text.
pub(super) const BODY_LIMIT: usize = 4096;
/// Characters of that line.
const LINE_LIMIT: usize = 200;
/// How data in the gzip format begin (RFC 1952 §2.3.1).
const GZIP: &[u8] = b"\x1f\x8b\x08";

/// The server answered, but not with a SOAP message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StatusError {
    /// The HTTP status.
    pub status: u16,
    /// What it means for an export.
    pub kind: StatusKind,
    /// `Location`
    pub location: Option<String>,
    /// `Retry-After`
    pub retry_after: Option<Duration>,
    /// The first line of text in the body.
    pub line: Option<String>,
    /// How to find this exchange in the server's logs.
    pub diagnostics: Diagnostics,
}

/// What an HTTP status means for an export.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusKind {
    /// 302 to `genericerrorpage`: a passing outage; the same request may succeed soon.
    Outage,
    /// Another redirect. It is not followed: credentials stay with the host they were given for.
    Redirect,
    /// 401: the credentials are missing or wrong.
    Unauthorized {
        /// The schemes that the server offers.
        schemes: Vec<String>,
    },
    /// 403: the account, the application or the whole tenant may not use EWS.
    Forbidden,
    /// 404, 405: EWS is not at this URL.
    NotFound,
    /// 456: the account is locked.
    Locked,
    /// 429, 503: too much at once.
    Throttled,
    /// 413, 507: the request is larger than the server takes.
    TooLarge,
    /// A body in a coding that was not offered.
    ContentEncoding {
        /// `Content-Encoding`
        coding: String,
    },
    /// Another status, or a good one with a body that is not XML.
    Other,
}

impl StatusError {
    pub(super) fn new(status: u16, fields: Fields, body: &[u8]) -> Self {
        // A proxy may compress without saying so.
        let unsaid = || body.starts_with(GZIP).then(|| "gzip".to_owned());
        let coding = fields.content_coding.or_else(unsaid);
        let is_coded = coding.is_some();
        let kind = match (status, coding) {
            (300..=399, _) => redirect(fields.location.as_deref()),
            (401, _) => StatusKind::Unauthorized {
                schemes: fields.schemes,
            },
            (403, _) => StatusKind::Forbidden,
            (404 | 405, _) => StatusKind::NotFound,
            (413 | 507, _) => StatusKind::TooLarge,
            (429 | 503, _) => StatusKind::Throttled,
            (456, _) => StatusKind::Locked,
            (_, Some(coding)) => StatusKind::ContentEncoding { coding },
            (_, None) => StatusKind::Other,
        };
        Self {
            status,
            kind,
            location: fields.location,
            retry_after: fields.retry_after,
            line: if is_coded { None } else { first_line(body) },
            diagnostics: fields.diagnostics,
        }
    }
}

/// exchangelib, which learned it from outages, tells the two apart by the page's name.
fn redirect(location: Option<&str>) -> StatusKind {
    match location {
        Some(location) if location.to_ascii_lowercase().contains("/genericerrorpage") => {
            StatusKind::Outage
        }
        _ => StatusKind::Redirect,
    }
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(line) = &self.line {
            write!(f, " \u{201c}{line}\u{201d}")?;
        }
        f.write_str(": ")?;
        match &self.kind {
            StatusKind::Outage => f.write_str("the server is out of order, try again later")?,
            StatusKind::Redirect => write!(
                f,
                "the server sends elsewhere, to {}; use that URL if you trust it",
                self.location.as_deref().unwrap_or("nowhere")
            )?,
            StatusKind::Unauthorized { schemes } => write!(
                f,
                "the credentials are missing or wrong; the server takes {}",
                match schemes.as_slice() {
                    [] => "an unknown scheme".to_owned(),
                    schemes => schemes.join(", "),
                }
            )?,
            StatusKind::Forbidden => f.write_str(
                "access is forbidden; is EWS enabled for this mailbox, application and tenant",
            )?,
            StatusKind::NotFound => {
                f.write_str("no EWS at this URL; its path is /EWS/Exchange.asmx as a rule")?;
            }
            StatusKind::Locked => f.write_str("the account is locked; unlock it first")?,
            StatusKind::Throttled => match self.retry_after {
                Some(wait) => write!(f, "the server is busy; ask again after {wait:?}")?,
                None => f.write_str("the server is busy; ask again later, and for less")?,
            },
            StatusKind::TooLarge => {
                f.write_str("the request is too large for the server; ask for fewer items at a time")?;
            }
            StatusKind::ContentEncoding { coding } => write!(
                f,
                "the body is coded as {coding}, which was not asked for; look for a proxy that does it"
            )?,
            StatusKind::Other => f.write_str("not an answer of EWS")?,
        }
        write!(f, " ({})", self.diagnostics)
    }
}

impl core::error::Error for StatusError {}

/// The first text of a page or plain text: what is before, between or after tags. `None` for data that are no text,
/// such as a body that is compressed and does not say so.
fn first_line(body: &[u8]) -> Option<String> {
    let body = String::from_utf8_lossy(body);
    let is_odd = |c: &char| *c == '\u{fffd}' || (c.is_control() && !c.is_whitespace());
    // Compressed data are half so; pages in the languages of Europe, in whichever encoding, far less.
    if body.chars().filter(is_odd).count() > body.chars().count() / 4 {
        return None;
    }
    body.split('<')
        .enumerate()
        // Of each piece but the first, what stands behind the tag.
        .filter_map(|(index, piece)| match index {
            0 => Some(piece),
            _ => piece.split_once('>').map(|(_, text)| text),
        })
        .flat_map(|text| text.split(['\r', '\n']))
        .map(|line| {
            let words: Vec<_> = line
                .trim_start_matches('\u{feff}')
                .split(|c: char| c.is_whitespace() || c.is_control())
                .filter(|word| !word.is_empty())
                .collect();
            words.join(" ").chars().take(LINE_LIMIT).collect::<String>()
        })
        .find(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_it() {
        for (body, expected) in [
            (
                "<!DOCTYPE html>\r\n<html>\n <head><title>Runtime\tError</title><style>a {}</style>",
                Some("Runtime Error"),
            ),
            ("\u{feff}Service\x07 Unavailable\nmore", Some("Service Unavailable")),
            ("<html", None),
            ("  \r\n", None),
            ("", None),
        ] {
            assert_eq!(first_line(body.as_bytes()).as_deref(), expected, "{body}");
        }
        assert_eq!(first_line(&[b'x'; 4096]).unwrap().len(), LINE_LIMIT);
    }

    #[test]
    fn coded_bytes_are_not_quoted() {
        // Of `printf Unavailable | gzip`, and the same without its gzip head.
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x0b\xcd\x4b\x2c\x4b\xcc\xc9\x4c\xca\x49\x05\0\x9a\xf4\x46\xe6";
        for body in [&gzip[..], &gzip[10..]] {
            for content_coding in [None, Some("br".to_owned())] {
                let fields = Fields {
                    content_coding,
                    ..Fields::default()
                };
                assert_eq!(StatusError::new(200, fields, body).line, None);
            }
        }
        let fields = |coding: Option<&str>| Fields {
            content_coding: coding.map(str::to_owned),
            ..Fields::default()
        };
        let kind = |coding, body: &[u8]| StatusError::new(200, fields(coding), body).kind;
        let coded = |coding: &str| StatusKind::ContentEncoding {
            coding: coding.to_owned(),
        };
        assert_eq!(kind(None, gzip), coded("gzip"));
        assert_eq!(kind(Some("br"), b"x"), coded("br"));
        assert_eq!(
            StatusError::new(503, fields(Some("br")), b"plain").line,
            None
        );
        let latin1 = StatusError::new(503, fields(None), b"Dienst nicht verf\xfcgbar");
        assert_eq!(
            latin1.line.as_deref(),
            Some("Dienst nicht verf\u{fffd}gbar")
        );
    }
}
