//! OAuth 2.0 access tokens (RFC 6750), and the source that returns the next one.

use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::basic::Whole;
use super::{AuthError, Credential, Handshake, Renewal, TokenClaims, Waiting};
use crate::client::credentials::CredentialsError;

const NAME: &str = "Bearer";
/// The longest time before its expiry that a token is renewed. This exceeds the difference of clocks and the time of a
/// request.
const AHEAD: Duration = Duration::from_mins(2);

pub(in crate::client) type BoxError = Box<dyn core::error::Error + Send + Sync>;
pub(in crate::client) type TokenSource =
    Box<dyn Fn() -> Waiting<'static, Result<AccessToken, BoxError>> + Send + Sync>;

/// An access token and the time of its expiry. It is never printed, and it is wiped from memory when dropped.
#[derive(Clone)]
pub struct AccessToken {
    token: Zeroizing<String>,
    /// In seconds since 1970.
    expires: Option<u64>,
    /// The time from which it is renewed, in seconds since 1970.
    renew: Option<u64>,
}

impl AccessToken {
    /// Makes an access token. If it is a JSON Web Token, its claim `exp` is the time of its expiry.
    ///
    /// # Errors
    /// [`CredentialsError::Token`] if the text contains a character that a bearer token cannot have.
    pub fn new(token: &str) -> Result<Self, CredentialsError> {
        if !exportitems_http1::is_bearer_token(token) {
            return Err(CredentialsError::Token);
        }
        // RFC 7519 §4.1.4
        let expires = TokenClaims::of_token(token).and_then(|claims| claims.expires);
        let token = Self {
            token: Zeroizing::new(token.to_owned()),
            expires: None,
            renew: None,
        };
        Ok(match expires {
            Some(expires) => token.expires_at(expires),
            None => token,
        })
    }

    /// Sets the time after which the token expires, counted from now.
    #[must_use]
    pub fn expires_in(self, time: Duration) -> Self {
        self.expires_at(now().saturating_add(time.as_secs()))
    }

    /// A token is renewed in the second half of its life, or it would be renewed for each request if its life is short.
    fn expires_at(self, expires: u64) -> Self {
        let ahead = (expires.saturating_sub(now()) / 2).min(AHEAD.as_secs());
        Self {
            expires: Some(expires),
            renew: Some(expires - ahead),
            ..self
        }
    }

    fn is_expiring(&self) -> bool {
        self.renew.is_some_and(|renew| renew <= now())
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

pub(in crate::client) struct Bearer {
    current: Mutex<AccessToken>,
    /// Locked during a call of the source, so that connections do not call it at the same time.
    renewing: async_lock::Mutex<()>,
    source: Option<TokenSource>,
}

impl Bearer {
    pub(in crate::client) fn new(token: AccessToken) -> Self {
        Self {
            current: Mutex::new(token),
            renewing: async_lock::Mutex::new(()),
            source: None,
        }
    }

    pub(in crate::client) fn from_source(token: AccessToken, source: TokenSource) -> Self {
        Self {
            current: Mutex::new(token),
            renewing: async_lock::Mutex::new(()),
            source: Some(source),
        }
    }
}

impl Credential for Bearer {
    fn schemes(&self) -> &[&'static str] {
        &[NAME]
    }

    fn first(&self) -> Option<&'static str> {
        Some(NAME)
    }

    fn begin(&self, _scheme: &str, _host: &str) -> Result<Box<dyn Handshake>, AuthError> {
        Ok(Box::new(Whole(self.current().token.clone())))
    }

    fn prepare(&self) -> Waiting<'_, Result<(), AuthError>> {
        Box::pin(self.renew_early())
    }

    /// A refused token does not lock an account.
    fn can_be_locked(&self) -> bool {
        false
    }

    fn claims(&self) -> Option<TokenClaims> {
        TokenClaims::of_token(&self.current().token)
    }

    fn renew<'a>(&'a self, refused: &'a str) -> Waiting<'a, Renewal> {
        Box::pin(self.renew_refused(refused))
    }
}

impl Bearer {
    fn current(&self) -> MutexGuard<'_, AccessToken> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets the next token if the present one expires soon.
    async fn renew_early(&self) -> Result<(), AuthError> {
        let Some(source) = &self.source else {
            return Ok(());
        };
        if !self.current().is_expiring() {
            return Ok(());
        }
        let _turn = self.renewing.lock().await;
        // Another connection may have renewed it meanwhile.
        if !self.current().is_expiring() {
            return Ok(());
        }
        let next = source().await;
        let mut current = self.current();
        match next {
            Ok(next) => *current = next,
            Err(error) if current.expires.is_some_and(|expires| expires <= now()) => {
                return Err(AuthError::TokenSource(error));
            }
            // The server may still accept the present one.
            Err(_) => {}
        }
        Ok(())
    }

    /// Gets the next token after a refusal.
    async fn renew_refused(&self, refused: &str) -> Renewal {
        let Some(source) = &self.source else {
            return Renewal::Unsupported;
        };
        let _turn = self.renewing.lock().await;
        let is_refused = |token: &str| refused.split_once(' ').is_some_and(|(_, it)| it == token);
        // Another connection may have renewed it meanwhile.
        if !is_refused(&self.current().token) {
            return Renewal::Renewed;
        }
        match source().await {
            Ok(next) if is_refused(&next.token) => Renewal::Same,
            Ok(next) => {
                *self.current() = next;
                Renewal::Renewed
            }
            Err(error) => Renewal::Failed(crate::error_chain(&*error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Leg;
    use super::*;
    use crate::client::block_on::block_on;

    #[test]
    fn a_token_is_renewed_before_it_expires() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let calls = std::sync::Arc::new(AtomicU32::new(0));
        let counted = std::sync::Arc::clone(&calls);
        let token = |text: &str, seconds| {
            let token = AccessToken::new(text).unwrap();
            token.expires_in(Duration::from_secs(seconds))
        };
        let source = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let next: Result<_, BoxError> = Ok(token("new", 3600));
            let next: Waiting<'static, _> = Box::pin(core::future::ready(next));
            next
        };
        let bearer = Bearer::from_source(token("old", 0), Box::new(source));
        let shown = || {
            let mut shown = Zeroizing::new(String::new());
            block_on(bearer.prepare()).unwrap();
            let mut handshake = bearer.begin(NAME, "").unwrap();
            assert_eq!(handshake.step(None, None, &mut shown).unwrap(), Leg::Last);
            shown
        };
        assert_eq!((shown().as_str(), shown().as_str()), ("new", "new"));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        // Another connection has renewed it already.
        assert_eq!(block_on(bearer.renew("Bearer old")), Renewal::Renewed);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(block_on(bearer.renew("Bearer new")), Renewal::Same);
    }

    #[test]
    fn a_token_of_any_lifetime_serves_several_requests() {
        for (seconds, ahead) in [(0, 0), (1, 0), (60, 30), (240, 120), (3600, 120)] {
            let token = AccessToken::new("a").unwrap();
            let token = token.expires_in(Duration::from_secs(seconds));
            assert_eq!(token.expires.unwrap() - token.renew.unwrap(), ahead);
            assert_eq!(token.is_expiring(), seconds == 0, "{seconds}");
        }
        // JWT: it has expired long ago.
        let token = AccessToken::new("e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln").unwrap();
        assert!(token.is_expiring());
    }
}
