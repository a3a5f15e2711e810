//! Access tokens in JSON, as token endpoints and programs issue them.

use core::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::bearer::now;
use super::AccessToken;
use crate::client::credentials::CredentialsError;

/// The response of a token endpoint (RFC 6749 §5), or the output of `az account get-access-token`.
#[derive(Deserialize)]
pub(in crate::client) struct Issued {
    #[serde(alias = "accessToken")]
    access_token: Option<Zeroizing<String>>,
    /// The lifetime in seconds.
    expires_in: Option<Number>,
    /// The time of expiry in seconds since 1970.
    expires_on: Option<Number>,
    /// The time of expiry with its time zone. `az` prints it without, in addition to `expires_on`.
    #[serde(rename = "expiresOn")]
    expires_on_text: Option<String>,
    pub(in crate::client) error: Option<String>,
    pub(in crate::client) error_description: Option<String>,
}

/// A number. Some endpoints send it as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(f64),
    Text(String),
}

impl Number {
    fn seconds(&self) -> Option<u64> {
        let seconds = match self {
            Self::Number(seconds) => *seconds,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
        Some(seconds as u64)
    }
}

impl Issued {
    /// Returns the token, if there is one.
    pub(in crate::client) fn token(&self) -> Option<Result<AccessToken, CredentialsError>> {
        let token = AccessToken::new(self.access_token.as_ref()?);
        Some(token.map(|token| match self.lifetime() {
            Some(seconds) => token.expires_in(Duration::from_secs(seconds)),
            None => token,
        }))
    }

    fn lifetime(&self) -> Option<u64> {
        if let Some(lifetime) = self.expires_in.as_ref().and_then(Number::seconds) {
            return Some(lifetime);
        }
        let text = || {
            let time: Timestamp = self.expires_on_text.as_ref()?.parse().ok()?;
            u64::try_from(time.as_second()).ok()
        };
        let expires = self.expires_on.as_ref().and_then(Number::seconds);
        Some(expires.or_else(text)?.saturating_sub(now()))
    }
}

impl AccessToken {
    /// Reads a token from JSON, with `access_token` and `expires_in` as token endpoints send it (RFC 6749 §5.1), or with
    /// `accessToken` and `expires_on` as `az account get-access-token` prints it.
    ///
    /// # Errors
    /// [`CredentialsError::Json`] without a token, and [`CredentialsError::Token`] if the token cannot be sent.
    pub fn from_json(json: &str) -> Result<Self, CredentialsError> {
        let issued: Option<Issued> = serde_json::from_str(json).ok();
        let token = issued.and_then(|issued| issued.token());
        token.unwrap_or(Err(CredentialsError::Json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_has_many_forms() {
        for (json, lifetime) in [
            (r#""expires_in":3600"#, Some(3600)),
            (r#""expires_in":"3600""#, Some(3600)),
            (r#""expires_in":3600.5,"expires_on":1"#, Some(3600)),
            (r#""expires_in":-1"#, Some(0)),
            (r#""expires_in":"soon""#, None),
            (r#""expires_on":1700000000"#, Some(0)),
            (r#""expires_on":"1700000000""#, Some(0)),
            (r#""expiresOn":"2023-11-14T22:13:20+01:00""#, Some(0)),
            (r#""expiresOn":"2023-11-14 22:13:20.000000""#, None),
            (r#""token_type":"Bearer""#, None),
        ] {
            let json = format!("{{\"accessToken\":\"t\",{json}}}");
            let issued: Issued = serde_json::from_str(&json).expect(&json);
            assert_eq!(issued.lifetime(), lifetime, "{json}");
            assert!(AccessToken::from_json(&json).is_ok());
        }
        let far = format!(r#"{{"access_token":"t","expires_on":{}}}"#, now() + 500);
        let issued: Issued = serde_json::from_str(&far).unwrap();
        assert!((400..=500).contains(&issued.lifetime().unwrap()));
    }

    #[test]
    fn json_without_a_token() {
        for json in ["", "{}", "[]", r#"{"access_token":1}"#, r#"{"token":"t"}"#] {
            assert_eq!(
                AccessToken::from_json(json).unwrap_err(),
                CredentialsError::Json
            );
        }
        let spaced = AccessToken::from_json(r#"{"access_token":"a b"}"#);
        assert_eq!(spaced.unwrap_err(), CredentialsError::Token);
    }
}
