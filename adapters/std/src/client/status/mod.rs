//! Responses that are not SOAP, classified by their HTTP status and their first bytes.

mod explain;
mod page;

use core::time::Duration;

use exportitems::policy::{Advice, Disposition};

use crate::client::auth::Renewal;
use crate::client::response::{Diagnostics, Fields};
use crate::client::start::Start;
use page::{asks_to_sign_in, first_line, is_sign_in, is_text};

/// The error for an HTTP response that is not a SOAP message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StatusError {
    /// The HTTP status.
    pub status: u16,
    /// What it means for the export.
    pub kind: StatusKind,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Location`
    pub location: Option<String>,
    /// `Retry-After`
    pub retry_after: Option<Duration>,
    /// The first line of text in the body, or `None` if the body is not text.
    pub line: Option<String>,
    /// The values that identify this request in the server's logs.
    pub diagnostics: Diagnostics,
    /// Whether the client has received a SOAP message from this URL before, which shows that it is the URL of EWS.
    pub(super) is_ews: bool,
}

/// What an HTTP response without a SOAP message means for an export.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusKind {
    /// 302 to `genericerrorpage`: a temporary outage. The same request may succeed soon.
    Outage,
    /// Another redirect. It is not followed, so that credentials are sent only to the host of the URL.
    Redirect,
    /// 401: the credentials are missing or wrong.
    Unauthorized {
        /// The schemes that the server offers.
        schemes: Vec<String>,
        /// What the request was sent with.
        sent: SentCredentials,
    },
    /// A page or a redirect for signing in, from a gateway or a login module in front of EWS.
    LoginPage,
    /// 403: the account, the application or the whole tenant may not use EWS.
    Forbidden,
    /// 404, 405: EWS is not at this URL.
    NotFound,
    /// 407: a proxy requires credentials.
    ProxyAuthentication,
    /// 408: the request did not arrive in time.
    RequestTimeout,
    /// 456: the account is locked.
    Locked,
    /// 429, 503: too much at once.
    Throttled,
    /// 413, 507: the request is larger than the server accepts.
    TooLarge,
    /// 502, 504: a gateway received no response from the server.
    Gateway,
    /// The body has a content coding, although the request accepts none.
    ContentEncoding {
        /// The coding, from `Content-Encoding` or from the first bytes.
        coding: String,
    },
    /// A successful status with an empty body.
    Empty,
    /// A successful status with an HTML page.
    Page,
    /// Another status, or a successful one with a body that is neither SOAP nor HTML.
    Other,
}

/// The credentials of a request that was answered by 401.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SentCredentials {
    /// None.
    Nothing,
    /// A user and a password.
    Basic,
    /// An access token.
    Bearer,
    /// An access token that [its source](crate::client::Credentials::bearer_from) returned again.
    SameBearer,
    /// An access token whose source failed to return another one.
    NoNewBearer {
        /// The reason.
        reason: String,
    },
    /// A complete login by another scheme, such as NTLM.
    Login {
        /// The scheme.
        scheme: String,
        /// Whether it was bound to the server's certificate.
        binding: SentBinding,
    },
    /// A Kerberos ticket, by Negotiate.
    Ticket {
        /// Whether it was bound to the server's certificate.
        binding: SentBinding,
    },
    /// There are credentials, but they were not sent, because the server offers none of their schemes.
    Withheld {
        /// The schemes of the credentials.
        schemes: Vec<String>,
    },
}

/// Whether a login was bound to the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SentBinding {
    /// It was.
    Sent,
    /// It was not, because [`ClientBuilder::channel_binding`](crate::client::ClientBuilder::channel_binding) is off.
    Off,
    /// It was not, because the connection has no TLS.
    NoTls,
    /// It was not, because the signature of the certificate defines no hash for it.
    Undefined,
}

impl SentCredentials {
    pub(super) fn by(scheme: &str, renewal: Renewal, binding: SentBinding) -> Self {
        match (scheme, renewal) {
            ("Basic", _) => Self::Basic,
            ("Bearer", Renewal::Same) => Self::SameBearer,
            ("Bearer", Renewal::Failed(reason)) => Self::NoNewBearer { reason },
            ("Bearer", _) => Self::Bearer,
            _ => Self::Login {
                scheme: scheme.to_owned(),
                binding,
            },
        }
    }
}

impl StatusError {
    /// Classifies a response. `body` is the beginning of its body, and `start` the kind of it.
    pub(super) fn new(
        status: u16,
        fields: Fields,
        sent: SentCredentials,
        start: Start,
        body: &[u8],
    ) -> Self {
        let coding = fields.content_coding.or(match start {
            Start::Coded(coding) => Some(coding.to_owned()),
            _ => None,
        });
        let is_text = coding.is_none() && is_text(body);
        let is_login = is_text && start == Start::Html && asks_to_sign_in(body);
        let kind = match (status, coding) {
            (300..=399, _) => redirect(fields.location.as_deref()),
            (401, _) => StatusKind::Unauthorized {
                schemes: fields.offers.schemes().map(shown).collect(),
                sent,
            },
            // IIS and OWA send 440 when the session of the login page has ended.
            (440, _) => StatusKind::LoginPage,
            (404 | 405, _) => StatusKind::NotFound,
            (407, _) => StatusKind::ProxyAuthentication,
            (408, _) => StatusKind::RequestTimeout,
            (413 | 507, _) => StatusKind::TooLarge,
            (429 | 503, _) => StatusKind::Throttled,
            (456, _) => StatusKind::Locked,
            (502 | 504, _) => StatusKind::Gateway,
            // 511: the network requires a sign-in first (RFC 6585 §6).
            (511, _) => StatusKind::LoginPage,
            (200..=299, None) if is_login => StatusKind::LoginPage,
            (403, _) => StatusKind::Forbidden,
            (_, Some(coding)) => StatusKind::ContentEncoding { coding },
            (200..=299, None) if start == Start::Empty => StatusKind::Empty,
            (200..=299, None) if start == Start::Html => StatusKind::Page,
            (_, None) => StatusKind::Other,
        };
        Self {
            status,
            kind,
            content_type: fields.content_type,
            location: fields.location,
            retry_after: fields.retry_after,
            // What a message of EWS says is not about the status.
            line: (is_text && start != Start::Xml)
                .then(|| first_line(body))
                .flatten(),
            diagnostics: fields.diagnostics,
            is_ews: false,
        }
    }

    /// Returns what can be done.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        let location = self.location.as_deref();
        Advice::of_http(self.policy_status(), self.policy_seconds(), location).disposition
    }

    /// Returns `Retry-After` in seconds, for the policy.
    pub(crate) fn policy_seconds(&self) -> Option<u32> {
        let whole = self.retry_after?.as_millis().div_ceil(1000);
        Some(u32::try_from(whole).unwrap_or(u32::MAX))
    }

    /// Returns the status for the policy. A login page with a successful status counts as 401. A server that compresses
    /// responses will compress the next one too. Anything else without SOAP is from a wrong URL or, if EWS has responded
    /// before, from a proxy while EWS is down.
    pub(crate) fn policy_status(&self) -> u16 {
        match (&self.kind, self.status) {
            (StatusKind::LoginPage, _) => 401,
            (StatusKind::ContentEncoding { .. }, 200..=299) => 400,
            (_, 200..=299) if self.is_ews => 502,
            (_, 200..=299) => 400,
            (_, status) => status,
        }
    }
}

/// Returns whether a redirect means an outage. exchangelib recognises it by the name of the page too.
fn redirect(location: Option<&str>) -> StatusKind {
    let location = location.unwrap_or_default().to_ascii_lowercase();
    if location.contains("/genericerrorpage") {
        StatusKind::Outage
    } else if is_sign_in(&location) {
        StatusKind::LoginPage
    } else {
        StatusKind::Redirect
    }
}

/// Returns the name of a scheme in a form that can be printed.
fn shown(scheme: &str) -> String {
    scheme.chars().take(64).collect()
}

impl core::error::Error for StatusError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coded_bytes_are_not_quoted() {
        // Of `printf Unavailable | gzip`, and the same without its gzip head.
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x0b\xcd\x4b\x2c\x4b\xcc\xc9\x4c\xca\x49\x05\0\x9a\xf4\x46\xe6";
        let error = |status, coding: Option<&str>, body: &[u8]| {
            let fields = Fields {
                content_coding: coding.map(str::to_owned),
                ..Fields::default()
            };
            let start = Start::of(body, true).unwrap();
            StatusError::new(status, fields, SentCredentials::Nothing, start, body)
        };
        for body in [&gzip[..], &gzip[10..]] {
            for coding in [None, Some("br")] {
                assert_eq!(error(200, coding, body).line, None);
            }
        }
        let coded = |coding: &str| StatusKind::ContentEncoding {
            coding: coding.to_owned(),
        };
        assert_eq!(error(200, None, gzip).kind, coded("gzip"));
        assert_eq!(error(200, Some("br"), b"x").kind, coded("br"));
        assert_eq!(error(503, Some("br"), b"plain").line, None);
        let latin1 = error(503, None, b"Dienst nicht verf\xfcgbar");
        assert_eq!(
            latin1.line.as_deref(),
            Some("Dienst nicht verf\u{fffd}gbar")
        );
    }
}
