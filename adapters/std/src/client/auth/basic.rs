//! HTTP Basic (RFC 7617), which sends the password with every request.

use base64::prelude::{Engine as _, BASE64_STANDARD};
use zeroize::Zeroizing;

use super::{AuthError, Credential, EndPoint, Handshake, Leg, Scope};
use crate::client::credentials::CredentialsError;

pub(in crate::client) const NAME: &str = "Basic";

pub(in crate::client) struct Basic {
    /// `user:password` in base64.
    token: Zeroizing<String>,
}

impl Basic {
    pub(in crate::client) fn new(user: &str, password: &str) -> Result<Self, CredentialsError> {
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
        // The capacity is exact, because a string that grows leaves copies of its content in memory.
        let mut token = Zeroizing::new(String::with_capacity(pair.len().div_ceil(3) * 4));
        BASE64_STANDARD.encode_string(pair.as_bytes(), &mut token);
        Ok(Self { token })
    }
}

impl Credential for Basic {
    fn schemes(&self) -> &[&'static str] {
        &[NAME]
    }

    fn first(&self) -> Option<&'static str> {
        Some(NAME)
    }

    fn begin(&self, _scheme: &str, _host: &str) -> Result<Box<dyn Handshake>, AuthError> {
        Ok(Box::new(Whole(self.token.clone())))
    }
}

/// A handshake of one leg with a token that does not depend on the server.
pub(super) struct Whole(pub(super) Zeroizing<String>);

impl Handshake for Whole {
    fn step(
        &mut self,
        challenge: Option<&str>,
        _binding: Option<&EndPoint>,
        token: &mut Zeroizing<String>,
    ) -> Result<Leg, AuthError> {
        if challenge.is_some() {
            return Err(AuthError::Unexpected);
        }
        core::mem::swap(token, &mut self.0);
        Ok(Leg::Last)
    }

    fn scope(&self) -> Scope {
        Scope::Request
    }
}
