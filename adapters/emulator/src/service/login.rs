//! Requests that IIS and ASP.NET refuse before EWS sees them, such as those without a login.

use std::collections::BTreeMap;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use http::header::{self, HeaderMap};

use super::{Service, Session, PATH};
use crate::content::Plain;
use crate::head::Head;
use crate::log::LoggedLogin;
use crate::ntlm::{self, Account, Handshake, LoginResult};
use crate::pages;
use crate::scenario::{Auth, WindowsAuth, WindowsScheme};

impl Service {
    /// Returns the response if IIS or ASP.NET refuses the request before EWS sees it.
    pub(super) fn refuse(&self, session: &mut Session, head: &Head) -> Option<Plain> {
        let headers = &head.headers;
        if !head.path.eq_ignore_ascii_case(PATH) {
            return Some(Plain::status(404));
        }
        if let Auth::Windows(auth) = &self.scenario.auth {
            if let Some(refused) = self.login(auth, session, headers) {
                return Some(refused);
            }
        }
        if let Some(challenge) = self.challenge(headers) {
            return Some(Plain::status(401).header("www-authenticate", challenge));
        }
        if head.method != "POST" {
            return Some(Plain::status(405).header("allow", "POST"));
        }
        // SOAP 1.1 is text/xml (MS-OXWSBTRF R1).
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("text/xml") {
            return Some(Plain::status(415));
        }
        None
    }

    /// Returns the 401 for a connection that is not logged in by NTLM, or that starts another login.
    fn login(
        &self,
        auth: &WindowsAuth,
        session: &mut Session,
        headers: &HeaderMap,
    ) -> Option<Plain> {
        let shown = headers.get(header::AUTHORIZATION);
        let shown = shown.and_then(|shown| shown.to_str().ok());
        let (scheme, token) = match shown.and_then(|shown| shown.split_once(' ')) {
            Some((scheme, token)) => (scheme, BASE64_STANDARD.decode(token.trim()).ok()),
            None if session.is_logged_in => return None,
            None => ("", None),
        };
        session.is_logged_in = false;
        let is_taken = |offer: &WindowsScheme| match offer {
            WindowsScheme::Negotiate => scheme.eq_ignore_ascii_case("Negotiate"),
            WindowsScheme::Ntlm => scheme.eq_ignore_ascii_case("NTLM"),
            WindowsScheme::Kerberos | WindowsScheme::Basic => false,
        };
        let token = token.filter(|_| auth.offers.iter().any(is_taken));
        let cookie = format!("affinity={}", session.number);
        let has_cookie = headers.get_all(header::COOKIE).iter().any(|cookies| {
            let cookies = cookies.as_bytes().split(|&byte| byte == b';');
            cookies
                .map(<[u8]>::trim_ascii)
                .any(|it| it == cookie.as_bytes())
        });
        // Without the cookie the request reaches another server, which has no handshake.
        let handshake = session.handshake.take();
        let handshake = handshake.filter(|_| has_cookie || !auth.affinity);
        let mut refused = Plain::status(401).body(&auth.body);
        if !auth.body.is_empty() {
            refused = refused.header("content-type", pages::HTML);
        }
        if auth.affinity {
            let cookie = format!("{cookie}; path=/; HttpOnly");
            refused = refused.with(&BTreeMap::from([("set-cookie".to_owned(), cookie)]));
        }
        match (token, handshake) {
            (Some(token), _) if ntlm::is_negotiate(&token) => {
                let handshake = Handshake::begin(&token);
                let challenge = BASE64_STANDARD.encode(handshake.challenge());
                refused.append("www-authenticate", &format!("{scheme} {challenge}"));
                session.handshake = Some(handshake);
                return Some(refused);
            }
            (Some(token), Some(handshake)) => {
                let account = Account {
                    user: &auth.user,
                    password: &auth.password,
                    protection: auth.extended_protection,
                    binding: self.binding,
                };
                let result = handshake.judge(&token, &account);
                self.log.login(LoggedLogin {
                    connection: session.number,
                    result,
                });
                session.is_logged_in = result == LoginResult::Accepted;
                if session.is_logged_in {
                    return None;
                }
            }
            _ => {}
        }
        for offer in &auth.offers {
            let offer = match offer {
                WindowsScheme::Negotiate | WindowsScheme::Kerberos => "Negotiate",
                WindowsScheme::Ntlm => "NTLM",
                WindowsScheme::Basic => r#"Basic realm="127.0.0.1""#,
            };
            refused.append("www-authenticate", offer);
        }
        Some(refused)
    }

    /// Returns the challenges for a client without the right credentials.
    fn challenge(&self, headers: &HeaderMap) -> Option<&'static str> {
        let (expected, challenge) = match &self.scenario.auth {
            Auth::None | Auth::Windows(_) => return None,
            Auth::Basic { user, password } => (
                format!(
                    "Basic {}",
                    BASE64_STANDARD.encode(format!("{user}:{password}"))
                ),
                r#"Basic realm="127.0.0.1""#,
            ),
            Auth::Bearer { token } => (
                format!("Bearer {token}"),
                r#"Bearer client_id="00000002-0000-0ff1-ce00-000000000000", token_types="app_asserted_user_v1 service_asserted_app_v1", error="invalid_token""#,
            ),
        };
        let shown = headers.get(header::AUTHORIZATION);
        let (scheme, secret) = expected.split_once(' ')?;
        let right = shown
            .and_then(|shown| shown.to_str().ok())
            .is_some_and(|shown| {
                // RFC 9110 11.1: the scheme is case-insensitive.
                shown
                    .split_once(' ')
                    .is_some_and(|(shown_scheme, shown_secret)| {
                        shown_scheme.eq_ignore_ascii_case(scheme) && shown_secret.trim() == secret
                    })
            });
        (!right).then_some(challenge)
    }
}
