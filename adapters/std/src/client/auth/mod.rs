//! Logins: what authenticates, and the rules of HTTP around it.
//!
//! ```text
//! Credentials ── of one account, shared by connections
//!   ├─ Gate ── admits one login alone until the credentials have worked, and none after a refusal
//!   └─ Credential ── Basic, Bearer, NTLM, Negotiate, or an implementation of the caller
//!        └─ Handshake ── one per connection or request: takes challenges, returns tokens
//! Login ── one per connection: decides which leg is next, and whether it has the request's body
//! ```

mod basic;
mod bearer;
mod claims;
mod end_point;
mod error;
mod gate;
mod issued;
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
pub(super) use issued::Issued;
#[cfg(feature = "kerberos")]
pub(super) use kerberos::Kerberos;
pub(super) use login::{Login, Next, Offers, Turn, With};
pub(super) use ntlm::{Ntlm, Schemes};

/// The future of a [`Credential`]. A request waits for it.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that authenticates, such as a user with a password, an access token or a ticket.
///
/// [`Credentials::new`](super::Credentials::new) makes the credentials of a client from it.
pub trait Credential: Send + Sync {
    /// Returns the names of the authentication schemes (RFC 9110 §11.1) that it supports, the preferred one first.
    fn schemes(&self) -> &[&'static str];

    /// Returns the scheme to begin with, if the schemes that the server offers are not known yet.
    ///
    /// With `None`, the default, the first request has neither a body nor credentials, and the server answers with
    /// a 401 that contains the schemes.
    fn first(&self) -> Option<&'static str> {
        None
    }

    /// Begins a handshake by one of the [schemes](Self::schemes). `host` is the host of the URL.
    ///
    /// # Errors
    /// The credential cannot be used.
    fn begin(&self, scheme: &str, host: &str) -> Result<Box<dyn Handshake>, AuthError>;

    /// Returns whether refusals can lock the account.
    ///
    /// If they can, one connection logs in alone first, and no connection logs in after a refusal.
    fn can_be_locked(&self) -> bool {
        true
    }

    /// Returns whether it is a ticket, so that errors do not mention a password.
    fn has_ticket(&self) -> bool {
        false
    }

    /// Returns the claims of the access token in use, if there is one and it is a JSON Web Token.
    fn claims(&self) -> Option<TokenClaims> {
        None
    }

    /// Prepares a login, for example by getting another access token if the present one expires soon.
    ///
    /// # Errors
    /// The credential cannot be used.
    fn prepare(&self) -> Waiting<'_, Result<(), AuthError>> {
        Box::pin(ready(Ok(())))
    }

    /// Gets another secret after a refusal. `refused` is the value of `Authorization` that the server has refused.
    fn renew<'a>(&'a self, refused: &'a str) -> Waiting<'a, Renewal> {
        let _ = refused;
        Box::pin(ready(Renewal::Unsupported))
    }
}

/// The result of [`Credential::renew`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Renewal {
    /// There is no other secret.
    Unsupported,
    /// The next handshake uses another secret.
    Renewed,
    /// The source returned the refused secret again.
    Same,
    /// The source failed, for this reason.
    Failed(String),
}

/// One login by a [`Credential`].
pub trait Handshake: Send {
    /// Takes the challenge of the server, `None` on the first leg, and writes the token of the next request to `token`.
    ///
    /// A challenge is the text after the scheme in `WWW-Authenticate`, and a token that in `Authorization`.
    /// `binding` is the hash of the server's certificate. It is `None` without TLS, if the signature of the certificate
    /// defines no hash, and if the caller has turned channel bindings off.
    ///
    /// # Errors
    /// The challenge cannot be answered.
    fn step(
        &mut self,
        challenge: Option<&str>,
        binding: Option<&EndPoint>,
        token: &mut Zeroizing<String>,
    ) -> Result<Leg, AuthError>;

    /// Returns what a successful handshake authenticates.
    fn scope(&self) -> Scope;
}

/// Which leg of a handshake a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// The server answers with a challenge, so the request is sent without its body, with `Content-Length: 0`.
    More,
    /// The server accepts or refuses the login, so the request is sent with its body.
    Last,
}

/// Whether logins are bound to the server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// They are bound if the connection uses TLS, as Extended Protection requires.
    #[default]
    Auto,
    /// They are not bound. This is for a proxy that ends TLS with its own certificate. A server that requires the
    /// binding refuses such a login.
    Off,
}

/// What a login authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One request. The next request has its own handshake.
    Request,
    /// The connection, including all later requests on it.
    Connection,
}
