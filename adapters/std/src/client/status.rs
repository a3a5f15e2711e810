//! Responses that are not SOAP, classified by their HTTP status and their first bytes.

use core::fmt;
use core::time::Duration;

use exportitems::policy::{Advice, Disposition};

use super::auth::Renewal;
use super::response::{Diagnostics, Fields};
use super::seconds;
use super::start::Start;

/// The largest number of characters of the quoted line.
const LINE_LIMIT: usize = 200;

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
    /// An access token that [its source](super::Credentials::bearer_from) returned again.
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
    /// It was not, because [`ClientBuilder::channel_binding`](super::ClientBuilder::channel_binding) is off.
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
    } else if SIGN_IN.iter().any(|mark| location.contains(mark)) {
        StatusKind::LoginPage
    } else {
        StatusKind::Redirect
    }
}

/// Parts of the addresses of login pages: those of OWA, AD FS, Microsoft and gateways.
const SIGN_IN: [&str; 12] = [
    "auth.owa",
    "logon",
    "login",
    "signin",
    "sign-in",
    "sign_in",
    "/adfs/",
    "saml",
    "oauth2/authorize",
    "cookieauth.dll",
    "/my.policy",
    "/vpn/",
];

/// Returns whether a page contains a password field, or refers to a login page.
fn asks_to_sign_in(page: &[u8]) -> bool {
    let page = String::from_utf8_lossy(page).to_ascii_lowercase();
    let asks_for_password = page.split("<input").skip(1).any(|input| {
        input
            .split('>')
            .next()
            .unwrap_or_default()
            .contains("password")
    });
    let titles = ["sign in", "log in", "log on"];
    asks_for_password
        || SIGN_IN.iter().any(|mark| page.contains(mark))
        || titles.iter().any(|title| page.contains(title))
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(content_type) = &self.content_type {
            write!(f, " ({content_type})")?;
        }
        if let Some(line) = &self.line {
            write!(f, " \u{201c}{line}\u{201d}")?;
        }
        f.write_str(": ")?;
        self.explain(f)?;
        write!(f, " ({})", self.diagnostics)
    }
}

impl StatusError {
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.kind {
            StatusKind::Outage => "the server is out of order; try again later",
            StatusKind::Redirect => match &self.location {
                Some(location) => {
                    return write!(
                        f,
                        "the server redirects to {location}; use that URL if you trust it"
                    )
                }
                None => {
                    "the server redirects without a Location; \
                     check the URL, whose path is /EWS/Exchange.asmx as a rule"
                }
            },
            StatusKind::Unauthorized { schemes, sent } => return unauthorized(f, schemes, sent),
            StatusKind::LoginPage => {
                if let Some(location) = &self.location {
                    write!(f, "redirected to {location}: ")?;
                }
                "a page to sign in answers in place of EWS, which no program can fill in; use a URL that \
                 leads to Exchange without it, or have the gateway let /EWS pass"
            }
            StatusKind::Forbidden => {
                "access denied; check that EWS is enabled for this mailbox, application and tenant"
            }
            StatusKind::NotFound => {
                "EWS is not at this URL; its path is /EWS/Exchange.asmx as a rule"
            }
            StatusKind::ProxyAuthentication => {
                "a proxy on the way asks for credentials; name it as the proxy of this client, with its user and password"
            }
            StatusKind::RequestTimeout => "the request did not reach the server in time",
            StatusKind::Locked => "the account is locked; unlock it first",
            StatusKind::Throttled => match self.retry_after {
                Some(wait) => return write!(f, "the server is busy for {}", seconds(wait)),
                None => "the server is busy; try again later",
            },
            StatusKind::TooLarge => {
                "the request is too large for the server; request fewer items at a time"
            }
            StatusKind::Gateway => "a gateway got no answer from the server",
            StatusKind::ContentEncoding { coding } => {
                return write!(
                    f,
                    "the body is encoded as {coding}, although the request accepts no encoding; \
                     turn compression off in the proxy or server that adds it"
                )
            }
            StatusKind::Empty => {
                "the response is empty, which EWS never sends; \
                 check that the URL ends in /EWS/Exchange.asmx, and what answers there"
            }
            StatusKind::Page => {
                "a web page answers in place of EWS; check that the URL ends in /EWS/Exchange.asmx, \
                 and what answers there"
            }
            StatusKind::Other => match self.status {
                500..=599 => {
                    "the server or a proxy failed, and not with an answer of EWS; look into their logs"
                }
                400..=499 => {
                    "the server or a proxy refuses the request, and not with an answer of EWS; \
                     check the URL, whose path is /EWS/Exchange.asmx as a rule"
                }
                _ => {
                    "this is not an answer of EWS; check the URL, whose path is /EWS/Exchange.asmx as a rule"
                }
            },
        };
        f.write_str(text)
    }
}

/// What the server offers, what was sent, and what this client speaks.
fn unauthorized(
    f: &mut fmt::Formatter<'_>,
    schemes: &[String],
    sent: &SentCredentials,
) -> fmt::Result {
    let offers = |scheme: &str| {
        schemes
            .iter()
            .any(|offer| offer.eq_ignore_ascii_case(scheme))
    };
    let offered = match schemes {
        [] => "the server does not say which authentication it accepts".to_owned(),
        schemes => format!("the server offers {}", schemes.join(", ")),
    };
    let spoken = ["NTLM", "Negotiate", "Bearer", "Basic"];
    if !schemes.is_empty() && !spoken.into_iter().any(offers) {
        return write!(
            f,
            "{offered}, and this client speaks NTLM, Negotiate, Bearer and Basic; \
             enable one of them for EWS on the server"
        );
    }
    match sent {
        SentCredentials::Login { scheme, binding } => refused_login(f, scheme, *binding, &offered),
        SentCredentials::Ticket { binding } => {
            f.write_str(
                "the login by Negotiate with a Kerberos ticket was refused; the service principal name of the server \
                 belongs to another account, or the user may not sign in, or ",
            )?;
            wrong_binding(f, *binding, &offered)
        }
        SentCredentials::Withheld { schemes: own } => {
            let own_names = own.join(" or ");
            if own.iter().any(|scheme| offers(scheme)) {
                return write!(
                    f,
                    "{offered}, and a login by {own_names} did not begin; the server may want a Kerberos ticket: use \
                     one if this client is built with Kerberos, or enable NTLM for EWS on the server"
                );
            }
            write!(
                f,
                "{offered}; the login was to be by {own_names}, so the credentials were not sent"
            )?;
            match offers("Basic") {
                true => f.write_str(", since Basic sends the password itself and is used only where it is chosen"),
                false => Ok(()),
            }
        }
        SentCredentials::Nothing => write!(f, "credentials are needed; {offered}"),
        SentCredentials::Basic if schemes.is_empty() || offers("Basic") => write!(
            f,
            "the user or the password is wrong, or the account may not sign in; {offered}"
        ),
        SentCredentials::Basic => write!(
            f,
            "user and password were sent, and {offered}; use an access token"
        ),
        SentCredentials::Bearer
        | SentCredentials::SameBearer
        | SentCredentials::NoNewBearer { .. }
            if !schemes.is_empty() && !offers("Bearer") =>
        {
            write!(
                f,
                "an access token was sent, and {offered}; use user and password"
            )
        }
        SentCredentials::Bearer => write!(
            f,
            "the access token was refused, since it has expired or is not for this server; {offered}"
        ),
        SentCredentials::SameBearer => write!(
            f,
            "the access token was refused, since it has expired or is not for this server, and there is no \
             new one; {offered}"
        ),
        SentCredentials::NoNewBearer { reason } => write!(
            f,
            "the access token was refused, and a new one cannot be read: {reason}; {offered}"
        ),
    }
}

/// A wrong password and a wrong binding cannot be distinguished, so both are named.
fn refused_login(
    f: &mut fmt::Formatter<'_>,
    scheme: &str,
    binding: SentBinding,
    offered: &str,
) -> fmt::Result {
    write!(
        f,
        "the login by {scheme} was refused; the user or the password is wrong, or the account is locked or may \
         not sign in, or "
    )?;
    wrong_binding(f, binding, offered)
}

/// Why the server may refuse a login for its binding, and what it offers.
fn wrong_binding(f: &mut fmt::Formatter<'_>, binding: SentBinding, offered: &str) -> fmt::Result {
    f.write_str(match binding {
        SentBinding::Sent => {
            "the channel binding does not match, because a proxy or balancer on the way ends TLS with \
             another certificate than the server's"
        }
        SentBinding::Off => {
            "the server requires a channel binding (Extended Protection), which is turned off here"
        }
        SentBinding::NoTls => {
            "the server requires a channel binding (Extended Protection), which needs https"
        }
        SentBinding::Undefined => {
            "the server requires a channel binding (Extended Protection), which the signature of its \
             certificate does not define; use a certificate that is signed with RSA or ECDSA"
        }
    })?;
    write!(f, "; {offered}")
}

/// Returns the name of a scheme in a form that can be printed.
fn shown(scheme: &str) -> String {
    scheme.chars().take(64).collect()
}

impl core::error::Error for StatusError {}

/// Returns whether a body can be quoted. In compressed data, half of the bytes are not text. In pages of European
/// languages, far fewer are, in any encoding.
fn is_text(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    let (mut all, mut strange) = (0_usize, 0_usize);
    for c in body.chars() {
        all += 1;
        strange +=
            usize::from(c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace());
    }
    strange * 4 <= all
}

/// Returns the first text of a page or of plain text, without tags, scripts and styles.
fn first_line(body: &[u8]) -> Option<String> {
    let body = String::from_utf8_lossy(body);
    let mut hidden = false;
    body.split('<')
        .enumerate()
        // In each piece except the first, the text follows the tag.
        .filter_map(|(index, piece)| match index {
            0 => Some(piece),
            _ => {
                let (tag, text) = piece.split_once('>')?;
                let tag = tag.to_ascii_lowercase();
                if ["script", "style"].iter().any(|name| tag.starts_with(name)) {
                    hidden = true;
                } else if ["/script", "/style"]
                    .iter()
                    .any(|name| tag.starts_with(name))
                {
                    hidden = false;
                }
                (!hidden).then_some(text)
            }
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
        .filter(|line| is_text(line.as_bytes()))
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
            (
                "<html><script>top.location = '/owa/';</script><body>440: sign in",
                Some("440: sign in"),
            ),
            ("<html", None),
            ("  \r\n", None),
            ("", None),
        ] {
            assert_eq!(first_line(body.as_bytes()).as_deref(), expected, "{body}");
        }
        assert_eq!(first_line(&[b'x'; 4096]).unwrap().len(), LINE_LIMIT);
    }

    #[test]
    fn only_text_is_quoted() {
        assert!(is_text(b"<p>Zugriff verweigert f\xFCr diesen Benutzer</p>"));
        assert!(is_text("\u{feff}\u{417}\u{430}\u{43f}".as_bytes()));
        assert!(is_text(b""));
        assert!(!is_text(b"\x1F\x8B\x08\0\0\0\0\0\0\xFF\xED}"));
        assert!(!is_text(b"<\0h\0t\0m\0l\0>\0"));
        // Brotli has no signature.
        assert!(!is_text(
            b"\x1B\x16\x02\xF8\x8D\x94\x6E\xDE\x21\x85\x6D\xC4\x08\x51\x83\x2A"
        ));
    }

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

    #[test]
    fn pages_that_ask_to_sign_in() {
        for page in [
            "<html><title>Outlook</title><form action='/owa/auth.owa'>",
            "<html><input name=p type=\"Password\">",
            "<html><script>window.location='https://login.example.com/'</script>",
            "<html><title>Sign in</title>",
        ] {
            assert!(asks_to_sign_in(page.as_bytes()), "{page}");
        }
        assert!(!asks_to_sign_in(
            b"<html><title>Runtime Error</title><input type=text>"
        ));
    }
}
