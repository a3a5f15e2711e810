//! What a client proves itself with.

use core::fmt;
use core::future::{ready, Future};
use std::sync::Arc;

use exportitems_ntlm::UserError;
use zeroize::Zeroizing;

use super::auth::{
    AccessToken, Basic, Bearer, BoxError, Credential, Gate, Ntlm, Permit, Schemes, TokenClaims,
    TokenSource,
};
use super::error::BuildError;
use super::status::StatusError;

/// Credentials of one account. Never printed, and wiped from memory when dropped.
///
/// A clone is the same credentials: clients that share them try them one after the other until they are known
/// to work, and none of them tries them again after a refusal, so that the account is not locked.
/// Where they have worked before, they are tried once more after five minutes.
#[derive(Clone)]
pub struct Credentials {
    credential: Arc<dyn Credential>,
    /// `None` where no account can be locked.
    gate: Option<Arc<Gate>>,
}

impl Credentials {
    /// Credentials of any kind.
    #[must_use]
    pub fn new(credential: impl Credential + 'static) -> Self {
        Self {
            gate: credential.can_be_locked().then(Arc::default),
            credential: Arc::new(credential),
        }
    }

    /// User and password for a login that does not send the password: NTLM, or Negotiate with the messages of
    /// NTLM, whichever the server offers.
    ///
    /// The user is `DOMAIN\\user`, `user@domain` or a bare name. Only a hash of the password is kept.
    ///
    /// # Errors
    /// [`CredentialsError::Name`]
    pub fn password(user: &str, password: &str) -> Result<Self, CredentialsError> {
        Ntlm::new(Schemes::Any, user, password).map(Self::new)
    }

    /// As [`password`](Self::password), by NTLM alone, which saves the request that asks what the server offers.
    ///
    /// # Errors
    /// [`CredentialsError::Name`]
    pub fn ntlm(user: &str, password: &str) -> Result<Self, CredentialsError> {
        Ntlm::new(Schemes::Ntlm, user, password).map(Self::new)
    }

    /// As [`ntlm`](Self::ntlm), by the same messages under the name Negotiate (RFC 4559).
    ///
    /// # Errors
    /// [`CredentialsError::Name`]
    pub fn negotiate(user: &str, password: &str) -> Result<Self, CredentialsError> {
        Ntlm::new(Schemes::Negotiate, user, password).map(Self::new)
    }

    /// The Kerberos tickets of `principal`, or by default of the user who runs the process, by Negotiate (RFC 4559).
    ///
    /// The system's library keeps the tickets: on Unix GSSAPI, whose ticket cache `kinit` fills, and on Windows SSPI,
    /// which logs in as the account of the process, so that a service needs no stored password.
    ///
    /// # Errors
    /// [`BuildError::NoTicket`] if there are none.
    #[cfg(feature = "kerberos")]
    #[cfg_attr(docsrs, doc(cfg(feature = "kerberos")))]
    pub fn kerberos(principal: Option<&str>) -> Result<Self, BuildError> {
        super::auth::Kerberos::new(principal)
            .map(Self::new)
            .map_err(BuildError::NoTicket)
    }

    /// User and password for HTTP Basic (RFC 7617), in UTF-8. It sends the password itself.
    ///
    /// # Errors
    /// [`CredentialsError::User`] for a user with a colon or control character, which Basic cannot carry.
    pub fn basic(user: &str, password: &str) -> Result<Self, CredentialsError> {
        Basic::new(user, password).map(Self::new)
    }

    /// An OAuth 2.0 access token (RFC 6750). It expires, after an hour as a rule:
    /// [`Client::set_credentials`](super::Client::set_credentials) takes the next one, and
    /// [`bearer_from`](Self::bearer_from) asks for it.
    ///
    /// # Errors
    /// [`CredentialsError::Token`] for a text that is not a token.
    pub fn bearer(token: &str) -> Result<Self, CredentialsError> {
        AccessToken::new(token).map(|token| Self::new(Bearer::new(token)))
    }

    /// OAuth 2.0 access tokens of a source, such as a file that another program renews.
    ///
    /// It is called now, and again when the server refuses a token by 401. If it then gives another token, the
    /// request is sent again with that one; a token is never sent again after it was refused.
    /// It is also called before a token expires that says when it does ([`AccessToken::new`]).
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
        let first = source().map_err(BuildError::TokenSource)?;
        let first = AccessToken::new(&first).map_err(BuildError::Credentials)?;
        let next = move || Ok(AccessToken::new(&source()?)?);
        Ok(Self::new(Bearer::from_source(first, at_once(next))))
    }

    /// As [`bearer_from`](Self::bearer_from), of a source that knows when its tokens expire
    /// ([`AccessToken::expires_in`]).
    ///
    /// # Errors
    /// [`BuildError::TokenSource`] where the source fails.
    pub fn bearer_tokens(
        source: impl Fn() -> Result<AccessToken, BoxError> + Send + Sync + 'static,
    ) -> Result<Self, BuildError> {
        let first = source().map_err(BuildError::TokenSource)?;
        Ok(Self::new(Bearer::from_source(first, at_once(source))))
    }

    /// As [`bearer_tokens`](Self::bearer_tokens), of an asynchronous source, for clients that must not block a thread.
    ///
    /// Clients that share the credentials do not call it at the same time.
    ///
    /// # Errors
    /// [`BuildError::TokenSource`] where the source fails.
    pub async fn bearer_source<F, R>(source: F) -> Result<Self, BuildError>
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<AccessToken, BoxError>> + Send + 'static,
    {
        let first = source().await.map_err(BuildError::TokenSource)?;
        let source: TokenSource = Box::new(move || Box::pin(source()));
        Ok(Self::new(Bearer::from_source(first, source)))
    }

    pub(super) fn credential(&self) -> &dyn Credential {
        &*self.credential
    }

    /// Returns the claims of the access token in use; `None` without one, or if it is not a JSON Web Token.
    #[must_use]
    pub fn token_claims(&self) -> Option<TokenClaims> {
        self.credential.claims()
    }

    /// Returns the same credentials, which may be tried again although they were refused before.
    ///
    /// That is a further try, which counts for the lockout of the account.
    #[must_use]
    pub fn after_refusal(&self) -> Self {
        Self {
            credential: Arc::clone(&self.credential),
            gate: self.gate.as_ref().map(|_| Arc::default()),
        }
    }

    pub(super) fn schemes(&self) -> Vec<String> {
        let schemes = self.credential.schemes().iter();
        schemes.map(|&scheme| scheme.to_owned()).collect()
    }

    /// Waits until a login may be tried.
    pub(super) async fn enter(&self) -> Result<Option<Permit>, Box<StatusError>> {
        match &self.gate {
            Some(gate) => gate.enter().await.map(Some),
            None => Ok(None),
        }
    }
}

/// Makes an asynchronous source of one that blocks.
fn at_once(
    source: impl Fn() -> Result<AccessToken, BoxError> + Send + Sync + 'static,
) -> TokenSource {
    Box::new(move || Box::pin(ready(source())))
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credentials")
            .field(&self.credential.schemes())
            .finish()
    }
}

/// Credentials that no request can carry. The texts do not repeat them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The user holds a colon or a control character.
    User,
    /// The user is not a name for NTLM.
    Name(UserError),
    /// The password holds a control character.
    Password,
    /// The token is empty, or holds a character that no bearer token has (RFC 6750 §2.1).
    Token,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name(error) => return write!(f, "the user cannot log in by NTLM: {error}"),
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
    use super::super::auth::{Login, With};
    use super::*;

    #[test]
    fn headers_are_those_of_the_rfcs() {
        // RFC 7617 §2, RFC 6750 §2.1
        let basic = Credentials::basic("Aladdin", "open sesame").unwrap();
        let bearer = Credentials::bearer("mF_9.B5f-4.1JqM").unwrap();
        for (credentials, expected) in [
            (basic, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            (bearer, "Bearer mF_9.B5f-4.1JqM"),
        ] {
            let with = With {
                credential: credentials.credential(),
                host: "mail.example.com",
                binding: None,
            };
            let turn = Login::default().turn(with, None).unwrap();
            assert_eq!(turn.authorization.unwrap().as_str(), expected);
            assert!(turn.body);
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let text = format!("{:?}", Credentials::basic("Aladdin", "sesame").unwrap());
        assert_eq!(text, r#"Credentials(["Basic"])"#);
        let text = format!("{:?}", Credentials::bearer("sesame").unwrap());
        assert_eq!(text, r#"Credentials(["Bearer"])"#);
        let text = format!("{:?}", AccessToken::new("sesame").unwrap());
        assert_eq!(text, "AccessToken { expires: None, .. }");
        let text = format!("{:?}", Credentials::password("Aladdin", "sesame").unwrap());
        assert_eq!(text, r#"Credentials(["NTLM", "Negotiate"])"#);
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
