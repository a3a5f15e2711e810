//! How a client logs in: what authenticates, and the rules of HTTP around it.
//!
//! ```text
//! Credentials ── one for a login, shared by connections
//!   ├─ Gate ── one login alone until it is known to work; none after a refusal
//!   └─ Credential ── Basic, Bearer, NTLM, Negotiate, or somebody's own
//!        └─ Handshake ── one for each connection or request: challenge in, token out
//! Login ── one for each connection: which leg is next, and whether the request's body goes with it
//! ```

mod basic;
mod bearer;
mod claims;
mod end_point;
mod error;
mod gate;
#[cfg(feature = "kerberos")]
mod kerberos;
mod login;
mod ntlm;

use core::future::{ready, Future};
use core::pin::Pin;

use zeroize::Zeroizing;

pub use bearer::AccessToken;
pub use claims::TokenClaims;
pub use end_point::EndPoint;
pub use error::AuthError;

pub(super) use basic::Basic;
pub(super) use bearer::{Bearer, BoxError, TokenSource};
pub(super) use gate::{Gate, Permit};
#[cfg(feature = "kerberos")]
pub(super) use kerberos::Kerberos;
pub(super) use login::{Login, Next, Offers, Turn, With};
pub(super) use ntlm::{Ntlm, Schemes};

/// The future of a credential, which a request waits for.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What authenticates: a user and a password, an access token, a ticket.
///
/// [`Credentials::new`](super::Credentials::new) makes the credentials of a client from one.
pub trait Credential: Send + Sync {
    /// The names of the schemes by which it logs in (RFC 9110 §11.1), the preferred first.
    fn schemes(&self) -> &[&'static str];

    /// The scheme to begin with before the server has said what it offers.
    ///
    /// With `None`, the default, the first request has no body and no credentials; its 401 says what the
    /// server offers.
    fn first(&self) -> Option<&'static str> {
        None
    }

    /// Begins a handshake by one of the [schemes](Self::schemes); `host` is that of the URL.
    ///
    /// # Errors
    /// There is nothing to log in with.
    fn begin(&self, scheme: &str, host: &str) -> Result<Box<dyn Handshake>, AuthError>;

    /// Whether a refusal counts as a failed try, after which accounts are locked.
    ///
    /// Then one connection logs in alone first, and after a refusal none does.
    fn can_be_locked(&self) -> bool {
        true
    }

    /// Whether it logs in with a ticket rather than a password, so that a refusal says nothing about a password.
    fn has_ticket(&self) -> bool {
        false
    }

    /// The claims of the access token in use, if there is one and it can be read.
    fn claims(&self) -> Option<TokenClaims> {
        None
    }

    /// Prepares a login, such as by getting another access token if the present one expires soon.
    ///
    /// # Errors
    /// There is nothing to log in with.
    fn prepare(&self) -> Waiting<'_, Result<(), AuthError>> {
        Box::pin(ready(Ok(())))
    }

    /// Gets something else to log in with after a refusal. `refused` is the value of `Authorization` that the server has
    /// refused.
    fn renew<'a>(&'a self, refused: &'a str) -> Waiting<'a, Renewal> {
        let _ = refused;
        Box::pin(ready(Renewal::Unsupported))
    }
}

/// What [`Credential::renew`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Renewal {
    /// There is no other secret.
    Unsupported,
    /// The next handshake uses another secret.
    Renewed,
    /// The source gave the refused secret again.
    Same,
    /// The source failed, for this reason.
    Failed(String),
}

/// One login by a [`Credential`].
pub trait Handshake: Send {
    /// Takes the server's challenge, `None` at first, and writes the token of the next request to `token`.
    ///
    /// A challenge and a token are what follows the scheme in `WWW-Authenticate` and `Authorization`, as text.
    /// `binding` is the server's certificate; `None` without TLS, where its signature defines no hash, and
    /// where the caller has turned channel bindings off.
    ///
    /// # Errors
    /// The challenge cannot be answered.
    fn step(
        &mut self,
        challenge: Option<&str>,
        binding: Option<&EndPoint>,
        token: &mut Zeroizing<String>,
    ) -> Result<Leg, AuthError>;

    /// What a successful handshake authenticates.
    fn scope(&self) -> Scope;
}

/// Which leg of a handshake a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// The server will answer with a challenge: the request goes without its body, `Content-Length: 0`.
    More,
    /// The server will accept or refuse the login: the request goes with its body.
    Last,
}

/// Whether logins are bound to the server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// With TLS, as Extended Protection requires.
    #[default]
    Auto,
    /// Never: for a proxy that ends TLS with a certificate of its own. A server that requires the binding
    /// refuses such a login.
    Off,
}

/// What a login authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One request: the next one has a handshake of its own.
    Request,
    /// The connection, with every request that follows on it.
    Connection,
}
