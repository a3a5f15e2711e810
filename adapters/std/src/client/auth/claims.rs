//! The claims of an access token.

use core::fmt;

use base64::prelude::{Engine as _, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::client::tls_problem::moment;

/// The claims of an access token that is a JSON Web Token (RFC 7519), as Microsoft Entra issues it.
///
/// They are not secret. They are not verified either, because only the server can check the signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenClaims {
    /// The application: `appid`, or `azp`.
    pub app_id: Option<String>,
    /// The tenant: `tid`.
    pub tenant: Option<String>,
    /// The services that the token is for: `aud`.
    pub audience: Vec<String>,
    /// The user for whom the application acts: `upn`, or `unique_name`. A token of the application itself has no user.
    pub user: Option<String>,
    /// The application's permissions: `roles`.
    pub roles: Vec<String>,
    /// The permissions that the user has delegated: `scp`.
    pub scopes: Vec<String>,
    /// The time of expiry: `exp`, in seconds since 1970.
    pub expires: Option<u64>,
}

/// Describes the token in one line.
impl fmt::Display for TokenClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = || "unknown".to_owned();
        write!(
            f,
            "application {}, tenant {}, for {}",
            self.app_id.clone().unwrap_or_else(unknown),
            self.tenant.clone().unwrap_or_else(unknown),
            self.audience.join(" "),
        )?;
        if let Some(user) = &self.user {
            write!(f, ", user {user}")?;
        }
        for (name, list) in [("roles", &self.roles), ("scopes", &self.scopes)] {
            if !list.is_empty() {
                write!(f, ", {name} {}", list.join(" "))?;
            }
        }
        match self.expires {
            Some(expires) => write!(f, ", expires on {}", moment(expires)),
            None => Ok(()),
        }
    }
}

/// The claims in the form of the token.
#[derive(Deserialize)]
struct Written {
    appid: Option<String>,
    azp: Option<String>,
    tid: Option<String>,
    aud: Option<OneOrMany>,
    upn: Option<String>,
    unique_name: Option<String>,
    roles: Option<OneOrMany>,
    scp: Option<OneOrMany>,
    exp: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_list(claim: Option<Self>) -> Vec<String> {
        match claim {
            None => Vec::new(),
            Some(Self::One(text)) => text.split_whitespace().map(str::to_owned).collect(),
            Some(Self::Many(list)) => list,
        }
    }
}

impl TokenClaims {
    /// Reads the claims of a token. Returns `None` if it is not a JSON Web Token.
    #[must_use]
    pub fn of_token(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let claims = parts.nth(1).filter(|_| parts.count() == 1)?;
        let claims = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?);
        let written: Written = serde_json::from_slice(&claims).ok()?;
        Some(Self {
            app_id: written.appid.or(written.azp),
            tenant: written.tid,
            audience: OneOrMany::into_list(written.aud),
            user: written.upn.or(written.unique_name),
            roles: OneOrMany::into_list(written.roles),
            scopes: OneOrMany::into_list(written.scp),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
            expires: written.exp.map(|exp| exp as u64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_json_web_token_says_when_it_expires() {
        for (token, expires) in [
            (jwt(r#"{"exp":1700000000,"aud":"x"}"#), Some(1_700_000_000)),
            (jwt(r#"{"exp":1700000000.5}"#), Some(1_700_000_000)),
            (jwt(r#"{"exp":-1}"#), Some(0)),
            (jwt(r#"{"aud":"x"}"#), None),
            (jwt("[]"), None),
            ("opaque".to_owned(), None),
            ("a.b".to_owned(), None),
        ] {
            let found = TokenClaims::of_token(&token).and_then(|claims| claims.expires);
            assert_eq!(found, expires, "{token}");
        }
    }

    #[test]
    fn claims_of_applications_and_users() {
        let list = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
        let application = r#"{"aud":"https://outlook.office365.com","appid":"app","tid":"tenant",
            "roles":["full_access_as_app"],"ver":"1.0","exp":1}"#;
        let expected = TokenClaims {
            app_id: Some("app".to_owned()),
            tenant: Some("tenant".to_owned()),
            audience: list(&["https://outlook.office365.com"]),
            roles: list(&["full_access_as_app"]),
            expires: Some(1),
            ..TokenClaims::default()
        };
        assert_eq!(TokenClaims::of_token(&jwt(application)), Some(expected));
        let user = r#"{"aud":["a","b"],"azp":"app","upn":"pat@example.com","scp":"EWS.AccessAsUser.All Mail.Read"}"#;
        let expected = TokenClaims {
            app_id: Some("app".to_owned()),
            audience: list(&["a", "b"]),
            user: Some("pat@example.com".to_owned()),
            scopes: list(&["EWS.AccessAsUser.All", "Mail.Read"]),
            ..TokenClaims::default()
        };
        assert_eq!(TokenClaims::of_token(&jwt(user)), Some(expected));
    }
}
