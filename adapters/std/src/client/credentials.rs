//! The credentials of a client.

use core::fmt;
use core::future::{ready, Future};
use core::time::Duration;
use std::sync::Arc;

use exportitems_ntlm::UserError;
use zeroize::Zeroizing;

use super::auth::{
    AccessToken, Basic, Bearer, BoxError, Credential, Gate, Ntlm, Permit, Schemes, TokenClaims,
    TokenSource,
};
use super::error::BuildError;
use super::status::StatusError;

/// Credentials of one account. They are never printed, and they are wiped from memory when dropped.
///
/// Clones share their state, so that the account is not locked: until the credentials have worked, only one client at a
/// time logs in with them, and after a refusal no client does. Credentials that have worked before are tried once more
/// after a [rest](Self::rest), because servers also throttle by 401.
#[derive(Clone)]
pub struct Credentials {
    credential: Arc<dyn Credential>,
    /// `None` if refusals cannot lock the account.
    gate: Option<Arc<Gate>>,
}

impl Credentials {
    /// Makes credentials from any [`Credential`].
    #[must_use]
    pub fn new(credential: impl Credential + 'static) -> Self {
        Self {
            gate: credential.can_be_locked().then(Arc::default),
            credential: Arc::new(credential),
        }
    }

    /// Makes credentials from a user and a password for a login that does not send the password: NTLM if the server
    /// offers it, otherwise Negotiate with the messages of NTLM.
    ///
    /// The user is `DOMAIN\\user`, `user@domain` or a name alone. Only a hash of the password is kept.
    ///
    /// # Errors
    /// [`CredentialsError::Name`]
    pub fn password(user: &str, password: &str) -> Result<Self, CredentialsError> {
        Ntlm::new(Schemes::Any, user, password).map(Self::new)
    }

    /// Like [`password`](Self::password), but only by NTLM, which saves the request for the schemes of the server.
    ///
    /// # Errors
    /// [`CredentialsError::Name`]
    pub fn ntlm(user: &str, password: &str) -> Result<Self, CredentialsError> {
        Ntlm::new(Schemes::Ntlm, user, password).map(Self::new)
    }

    /// Like [`ntlm`](Self::ntlm), but under the name Negotiate (RFC 4559).
    ///
    /// # Errors
    /// [`CredentialsError::Name`]
    pub fn negotiate(user: &str, password: &str) -> Result<Self, CredentialsError> {
        Ntlm::new(Schemes::Negotiate, user, password).map(Self::new)
    }

    /// Uses the Kerberos tickets of `principal`, or by default of the user who runs the process, by Negotiate (RFC 4559).
    ///
    /// The system's library keeps the tickets. On Unix it is GSSAPI, and `kinit` fills its cache. On Windows it is SSPI,
    /// which logs in as the account of the process, so that a service needs no stored password.
    ///
    /// # Errors
    /// [`BuildError::NoTicket`] if there are no tickets.
    #[cfg(feature = "kerberos")]
    #[cfg_attr(docsrs, doc(cfg(feature = "kerberos")))]
    pub fn kerberos(principal: Option<&str>) -> Result<Self, BuildError> {
        super::auth::Kerberos::new(principal)
            .map(Self::new)
            .map_err(BuildError::NoTicket)
    }

    /// Makes credentials from a user and a password for HTTP Basic (RFC 7617), in UTF-8. Basic sends the password.
    ///
    /// # Errors
    /// [`CredentialsError::User`] or [`CredentialsError::Password`], for characters that Basic cannot carry.
    pub fn basic(user: &str, password: &str) -> Result<Self, CredentialsError> {
        Basic::new(user, password).map(Self::new)
    }

    /// Makes credentials from an OAuth 2.0 access token (RFC 6750).
    ///
    /// Tokens expire, usually after an hour. Pass the next one to
    /// [`Client::set_credentials`](super::Client::set_credentials), or use [`bearer_from`](Self::bearer_from).
    ///
    /// # Errors
    /// [`CredentialsError::Token`] if the text is not a token.
    pub fn bearer(token: &str) -> Result<Self, CredentialsError> {
        AccessToken::new(token).map(|token| Self::new(Bearer::new(token)))
    }

    /// Makes credentials from a source of OAuth 2.0 access tokens, such as a file that another program renews.
    ///
    /// The source is called now, before a token expires if its expiry is known ([`AccessToken::new`]), and when the
    /// server refuses a token with 401. If it then returns another token, the request is sent again with that token.
    /// A refused token is never sent again.
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
    /// [`BuildError::TokenSource`] if the source fails, and [`BuildError::Credentials`] if its text is not a token.
    pub fn bearer_from(
        source: impl Fn() -> Result<Zeroizing<String>, BoxError> + Send + Sync + 'static,
    ) -> Result<Self, BuildError> {
        let first = source().map_err(BuildError::TokenSource)?;
        let first = AccessToken::new(&first).map_err(BuildError::Credentials)?;
        let next = move || Ok(AccessToken::new(&source()?)?);
        Ok(Self::new(Bearer::from_source(first, at_once(next))))
    }

    /// Like [`bearer_from`](Self::bearer_from), with a source that knows when its tokens expire
    /// ([`AccessToken::expires_in`]).
    ///
    /// # Errors
    /// [`BuildError::TokenSource`] if the source fails.
    pub fn bearer_tokens(
        source: impl Fn() -> Result<AccessToken, BoxError> + Send + Sync + 'static,
    ) -> Result<Self, BuildError> {
        let first = source().map_err(BuildError::TokenSource)?;
        Ok(Self::new(Bearer::from_source(first, at_once(source))))
    }

    /// Like [`bearer_tokens`](Self::bearer_tokens), with an asynchronous source, for clients that must not block a thread.
    ///
    /// Clients that share the credentials do not call the source at the same time.
    ///
    /// # Errors
    /// [`BuildError::TokenSource`] if the source fails.
    pub async fn bearer_source<F, R>(source: F) -> Result<Self, BuildError>
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<AccessToken, BoxError>> + Send + 'static,
    {
        let first = source().await.map_err(BuildError::TokenSource)?;
        let source: TokenSource = Box::new(move || Box::pin(source()));
        Ok(Self::new(Bearer::from_source(first, source)))
    }

    /// Sets the wait before credentials that have worked are tried once more after a refusal, by default five minutes.
    ///
    /// Servers also throttle by 401. The credentials count as not tried yet, so call this before the first request.
    #[must_use]
    pub fn rest(self, rest: Duration) -> Self {
        Self {
            gate: self.gate.map(|_| Arc::new(Gate::new(rest))),
            ..self
        }
    }

    pub(super) fn credential(&self) -> &dyn Credential {
        &*self.credential
    }

    /// Returns the claims of the access token in use, or `None` if there is no token or it is not a JSON Web Token.
    #[must_use]
    pub fn token_claims(&self) -> Option<TokenClaims> {
        self.credential.claims()
    }

    /// Returns the same credentials for one more try, even if the server has refused them.
    ///
    /// If it refuses them again, that counts for the lockout of the account.
    #[must_use]
    pub fn after_refusal(&self) -> Self {
        Self {
            credential: Arc::clone(&self.credential),
            gate: self.gate.as_ref().map(|gate| Arc::new(gate.anew())),
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

/// Makes an asynchronous source from a blocking one.
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

/// The credentials cannot be sent in a request. The error does not contain them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The user contains a colon or a control character.
    User,
    /// The user is not a name that NTLM accepts.
    Name(UserError),
    /// The password contains a control character.
    Password,
    /// The JSON contains no access token.
    Json,
    /// The token is empty, or contains a character that a bearer token cannot have (RFC 6750 §2.1).
    Token,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name(error) => return write!(f, "the user cannot log in by NTLM: {error}"),
            Self::User => {
                "the user contains a colon or a control character, which HTTP Basic cannot send"
            }
            Self::Password => "the password contains a control character; check that it has no line break",
            Self::Json => "the JSON contains no access token",
            Self::Token => {
                "the token is empty or contains a character that a bearer token cannot have; give only the token, without \
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
    fn credentials_cannot_add_header_fields() {
        use CredentialsError::{Password, Token, User};
        assert_eq!(Credentials::basic("a:b", "").unwrap_err(), User);
        assert_eq!(Credentials::basic("a", "b\n").unwrap_err(), Password);
        assert_eq!(Credentials::bearer("a\r\nX: y").unwrap_err(), Token);
        for bad in ["", "a b", "Bearer a", "\"a\"", "a\n", "{a}", "a=b", "="] {
            assert_eq!(Credentials::bearer(bad).unwrap_err(), Token, "{bad:?}");
        }
    }
}
