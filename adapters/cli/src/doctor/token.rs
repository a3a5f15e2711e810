//! Checks whether an access token is one for EWS.

use std::time::{SystemTime, UNIX_EPOCH};

use exportitems_std::client::TokenClaims;
use serde_json::{json, Value};

/// Exchange Online, as the audience of a token.
const EXCHANGE_ONLINE: [&str; 3] = [
    "outlook.office365.com",
    "outlook.office.com",
    "00000002-0000-0ff1-ce00-000000000000",
];
/// Permissions for EWS.
const PERMISSIONS: [&str; 3] = [
    "full_access_as_app",
    "full_access_as_user",
    "EWS.AccessAsUser.All",
];

/// Returns whether the token has expired.
pub(super) fn is_expired(claims: &TokenClaims) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    claims.expires.is_some_and(|expires| expires <= now)
}

/// Returns why the server at `host` may refuse a token, if its claims show a reason.
pub(super) fn doubt(claims: &TokenClaims, host: &str, impersonates: bool) -> Option<String> {
    let is_for = |host: &str| {
        claims.audience.iter().any(|audience| {
            let audience = audience.trim_start_matches("https://");
            let audience = audience.split('/').next().unwrap_or_default();
            audience.eq_ignore_ascii_case(host)
        })
    };
    let permissions = claims.roles.iter().chain(&claims.scopes);
    let has_permission = permissions.into_iter().any(|permission| {
        let name = permission.rsplit('/').next().unwrap_or_default();
        PERMISSIONS.contains(&name)
    });
    Some(
        if !is_for(host) && !EXCHANGE_ONLINE.into_iter().any(is_for) {
            "the token is not for Exchange; request the scope https://outlook.office365.com/.default, or for a server \
         of your own the scope https://HOST/EWS.AccessAsUser.All"
            .to_owned()
        } else if !has_permission {
            "the token has no permission for EWS; give the application full_access_as_app, or EWS.AccessAsUser.All for a \
         signed-in user, with an administrator's consent"
            .to_owned()
        } else if claims.user.is_none() && claims.scopes.is_empty() && !impersonates {
            "an application has no mailbox of its own; name one by --mailbox, and for an export by --impersonate and \
         --anchor-mailbox"
            .to_owned()
        } else {
            return None;
        },
    )
}

/// Returns the claims for `--json`.
pub(super) fn facts(claims: &TokenClaims) -> Value {
    json!({
        "app_id": claims.app_id,
        "tenant": claims.tenant,
        "audience": claims.audience,
        "user": claims.user,
        "roles": claims.roles,
        "scopes": claims.scopes,
        "expires": claims.expires,
    })
}

#[cfg(test)]
mod tests {
    use base64_of as jwt;
    use exportitems_std::client::TokenClaims;

    use super::doubt;

    /// A token with these claims, in base64 without a library.
    fn base64_of(claims: &str) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in claims.as_bytes().chunks(3) {
            let mut word = [0; 4];
            word[1..=chunk.len()].copy_from_slice(chunk);
            let word = u32::from_be_bytes(word);
            for at in 0..=chunk.len() {
                let digit = (word >> (18 - 6 * at)) & 63;
                text.push(DIGITS[digit as usize].into());
            }
        }
        format!("e30.{text}.c2ln")
    }

    #[test]
    fn tokens_that_do_not_fit() {
        for (claims, impersonates, says) in [
            (
                r#"{"aud":"https://outlook.office365.com","roles":["full_access_as_app"]}"#,
                true,
                None,
            ),
            (
                r#"{"aud":"https://outlook.office365.com/","roles":["full_access_as_app"]}"#,
                false,
                Some("--mailbox"),
            ),
            (
                r#"{"aud":"https://mail.example.com","scp":"EWS.AccessAsUser.All","upn":"pat@example.com"}"#,
                false,
                None,
            ),
            (
                r#"{"aud":"https://graph.microsoft.com","scp":"Mail.Read"}"#,
                false,
                Some("not for Exchange"),
            ),
            (
                r#"{"aud":"https://outlook.office.com","scp":"Mail.Read"}"#,
                false,
                Some("no permission for EWS"),
            ),
        ] {
            let claims = TokenClaims::of_token(&jwt(claims)).expect(claims);
            let found = doubt(&claims, "mail.example.com", impersonates);
            match says {
                None => assert_eq!(found, None, "{claims:?}"),
                Some(says) => assert!(found.expect("a doubt").contains(says), "{claims:?}"),
            }
        }
    }
}
