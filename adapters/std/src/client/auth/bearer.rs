//! OAuth 2.0 access tokens (RFC 6750), from a source that gives the next one.

use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::basic::Whole;
use super::{AuthError, Credential, Handshake, Renewal, TokenClaims};
use crate::client::credentials::CredentialsError;

const NAME: &str = "Bearer";
/// A token is renewed so long before it expires: longer than clocks differ and a request takes to arrive.
const AHEAD: Duration = Duration::from_mins(2);

pub(in crate::client) type BoxError = Box<dyn core::error::Error + Send + Sync>;
type TokenSource = Box<dyn Fn() -> Result<AccessToken, BoxError> + Send + Sync>;

/// An access token, and when it expires. Never printed, and wiped from memory when dropped.
#[derive(Clone)]
pub struct AccessToken {
    token: Zeroizing<String>,
    /// Seconds after 1970.
    expires: Option<u64>,
}

impl AccessToken {
    /// A token; where it is a JSON Web Token, it expires when its claim `exp` says so.
    ///
    /// # Errors
    /// [`CredentialsError::Token`] for a text that no request can carry as a token.
    pub fn new(token: &str) -> Result<Self, CredentialsError> {
        if !exportitems_http1::is_bearer_token(token) {
            return Err(CredentialsError::Token);
        }
        Ok(Self {
            token: Zeroizing::new(token.to_owned()),
            // RFC 7519 §4.1.4
            expires: TokenClaims::of_token(token).and_then(|claims| claims.expires),
        })
    }

    /// The same token, which expires after this time.
    #[must_use]
    pub fn expires_in(self, time: Duration) -> Self {
        Self {
            expires: Some(now().saturating_add(time.as_secs())),
            ..self
        }
    }

    fn is_expiring(&self) -> bool {
        self.expires
            .is_some_and(|expires| expires <= now().saturating_add(AHEAD.as_secs()))
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

pub(in crate::client) struct Bearer {
    current: Mutex<AccessToken>,
    source: Option<TokenSource>,
}

impl Bearer {
    pub(in crate::client) fn new(token: AccessToken) -> Self {
        Self {
            current: Mutex::new(token),
            source: None,
        }
    }

    pub(in crate::client) fn from_source(token: AccessToken, source: TokenSource) -> Self {
        Self {
            current: Mutex::new(token),
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
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(source), true) = (&self.source, current.is_expiring()) {
            // A source that fails may still have given a token that the server accepts.
            match source() {
                Ok(next) => *current = next,
                Err(error) if current.expires.is_some_and(|expires| expires <= now()) => {
                    return Err(AuthError::TokenSource(error));
                }
                Err(_) => {}
            }
        }
        Ok(Box::new(Whole(current.token.clone())))
    }

    /// No account is locked for a token that has expired.
    fn can_be_locked(&self) -> bool {
        false
    }

    fn claims(&self) -> Option<TokenClaims> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        TokenClaims::of_token(&current.token)
    }

    fn renew(&self, refused: &str) -> Renewal {
        let Some(source) = &self.source else {
            return Renewal::Unsupported;
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let is_refused = |token: &str| refused.split_once(' ').is_some_and(|(_, it)| it == token);
        // Another connection may have renewed it meanwhile.
        if !is_refused(&current.token) {
            return Renewal::Renewed;
        }
        match source() {
            Ok(next) if is_refused(&next.token) => Renewal::Same,
            Ok(next) => {
                *current = next;
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
            Ok(token("new", 3600))
        };
        let bearer = Bearer::from_source(token("old", 100), Box::new(source));
        let shown = || {
            let mut shown = Zeroizing::new(String::new());
            let mut handshake = bearer.begin(NAME, "").unwrap();
            assert_eq!(handshake.step(None, None, &mut shown).unwrap(), Leg::Last);
            shown
        };
        assert_eq!((shown().as_str(), shown().as_str()), ("new", "new"));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        // What another connection has renewed already.
        assert_eq!(bearer.renew("Bearer old"), Renewal::Renewed);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(bearer.renew("Bearer new"), Renewal::Same);
    }
}
