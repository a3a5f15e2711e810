//! What a client proves itself with.

use core::fmt;
use std::sync::Arc;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use zeroize::Zeroizing;

use super::error::BuildError;
use super::status::SentCredentials;

/// Credentials, kept as the header that carries them. Never printed, and wiped from memory when dropped.
#[derive(Clone)]
pub struct Credentials {
    scheme: &'static str,
    /// The value of `Authorization`.
    authorization: Zeroizing<String>,
    renewal: Option<Renewal>,
}

type BoxError = Box<dyn core::error::Error + Send + Sync>;
type TokenSource = Arc<dyn Fn() -> Result<Zeroizing<String>, BoxError> + Send + Sync>;

/// Where the next access token comes from.
#[derive(Clone)]
struct Renewal {
    source: TokenSource,
    /// What the last call of the source came to, unless that was another token.
    failure: Option<Failure>,
}

#[derive(Clone)]
enum Failure {
    Same,
    Error(String),
}

impl Credentials {
    /// User and password for HTTP Basic (RFC 7617), in UTF-8.
    ///
    /// # Errors
    /// [`CredentialsError::User`] for a user with a colon or control character, which Basic cannot carry.
    pub fn basic(user: &str, password: &str) -> Result<Self, CredentialsError> {
        if user.contains(|c: char| c == ':' || c.is_control()) {
            return Err(CredentialsError::User);
        }
        if password.contains(char::is_control) {
            return Err(CredentialsError::Password);
        }
        let mut pair = Zeroizing::new(String::with_capacity(user.len() + 1 + password.len()));
        pair.push_str(user);
        pair.push(':');
        pair.push_str(password);
        // Sized beforehand: a string that grows leaves copies in memory.
        let mut authorization = Zeroizing::new(String::with_capacity(
            "Basic ".len() + pair.len() * 4 / 3 + 4,
        ));
        authorization.push_str("Basic ");
        BASE64_STANDARD.encode_string(pair.as_bytes(), &mut authorization);
        Ok(Self {
            scheme: "Basic",
            authorization,
            renewal: None,
        })
    }

    /// An OAuth 2.0 access token (RFC 6750). It expires, after an hour as a rule:
    /// [`Client::set_credentials`](super::Client::set_credentials) takes the next one, and
    /// [`bearer_from`](Self::bearer_from) asks for it.
    ///
    /// # Errors
    /// [`CredentialsError::Token`] for what is no token.
    pub fn bearer(token: &str) -> Result<Self, CredentialsError> {
        if !exportitems_http1::is_bearer_token(token) {
            return Err(CredentialsError::Token);
        }
        let mut authorization =
            Zeroizing::new(String::with_capacity("Bearer ".len() + token.len()));
        authorization.push_str("Bearer ");
        authorization.push_str(token);
        Ok(Self {
            scheme: "Bearer",
            authorization,
            renewal: None,
        })
    }

    /// OAuth 2.0 access tokens of a source, such as a file that another program renews.
    ///
    /// It is called now, and again when the server refuses a token by 401. If it then gives another token, the
    /// request is sent again with that one; a token is never sent again after it was refused.
    ///
    /// ```no_run
    /// # use exportitems_std::client::Credentials;
    /// let credentials = Credentials::bearer_from(|| {
    ///     let file = zeroize::Zeroizing::new(std::fs::read_to_string("/run/token")?);
    ///     Ok(file.trim().to_owned().into())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BuildError::TokenSource`] where the source fails, and
    /// [`BuildError::Credentials`] where what it gives is not a token.
    pub fn bearer_from(
        source: impl Fn() -> Result<Zeroizing<String>, BoxError> + Send + Sync + 'static,
    ) -> Result<Self, BuildError> {
        let token = source().map_err(BuildError::TokenSource)?;
        let renewal = Renewal {
            source: Arc::new(source),
            failure: None,
        };
        Ok(Self {
            renewal: Some(renewal),
            ..Self::bearer(&token).map_err(BuildError::Credentials)?
        })
    }

    /// Takes the next token of the source; says whether it is another one.
    pub(super) fn renew(&mut self) -> bool {
        let Some(renewal) = &mut self.renewal else {
            return false;
        };
        let next = (renewal.source)().and_then(|token| Ok(Self::bearer(&token)?));
        renewal.failure = match next {
            Ok(next) if next.authorization == self.authorization => Some(Failure::Same),
            Ok(next) => {
                self.authorization = next.authorization;
                None
            }
            Err(error) => Some(Failure::Error(crate::error_chain(&*error))),
        };
        renewal.failure.is_none()
    }

    /// What a request with these credentials was sent with, for the error of a 401.
    pub(super) fn sent(&self) -> SentCredentials {
        let failure = self
            .renewal
            .as_ref()
            .and_then(|renewal| renewal.failure.clone());
        match failure {
            _ if self.scheme == "Basic" => SentCredentials::Basic,
            None => SentCredentials::Bearer,
            Some(Failure::Same) => SentCredentials::SameBearer,
            Some(Failure::Error(reason)) => SentCredentials::NoNewBearer { reason },
        }
    }

    pub(super) fn authorization(&self) -> &str {
        &self.authorization
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.scheme).field(&"…").finish()
    }
}

/// Credentials that no request can carry. The texts do not repeat them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The user holds a colon or a control character.
    User,
    /// The password holds a control character.
    Password,
    /// The token is empty, or holds a character that no bearer token has (RFC 6750 §2.1).
    Token,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => {
                "the user holds a colon or a control character, which HTTP Basic cannot carry"
            }
            Self::Password => "the password holds a control character, a line break perhaps",
            Self::Token => {
                "the token is empty or holds a character that no bearer token has; give the token alone, without \
                 quotes or `Bearer`"
            }
        })
    }
}

impl core::error::Error for CredentialsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_rfcs() {
        // RFC 7617 §2, RFC 6750 §2.1
        let basic = Credentials::basic("Aladdin", "open sesame").unwrap();
        assert_eq!(basic.authorization(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let bearer = Credentials::bearer("mF_9.B5f-4.1JqM").unwrap();
        assert_eq!(bearer.authorization(), "Bearer mF_9.B5f-4.1JqM");
    }

    #[test]
    fn nothing_secret_is_printed() {
        let text = format!("{:?}", Credentials::basic("Aladdin", "sesame").unwrap());
        assert_eq!(text, r#"Basic("…")"#);
    }

    #[test]
    fn no_header_can_be_smuggled() {
        use CredentialsError::{Password, Token, User};
        assert_eq!(Credentials::basic("a:b", "").unwrap_err(), User);
        assert_eq!(Credentials::basic("a", "b\n").unwrap_err(), Password);
        assert_eq!(Credentials::bearer("a\r\nX: y").unwrap_err(), Token);
        for bad in ["", "a b", "Bearer a", "\"a\"", "a\n", "{a}", "a=b", "="] {
            assert_eq!(Credentials::bearer(bad).unwrap_err(), Token, "{bad:?}");
        }
    }
}
