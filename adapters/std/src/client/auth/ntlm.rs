//! NTLM, under its own name, and under `Negotiate` without SPNEGO around its messages.

use std::sync::Arc;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use exportitems_ntlm::{Authenticate, Challenge, ChannelBinding, Login, NtHash, User, NEGOTIATE};
use zeroize::Zeroizing;

use super::{AuthError, Credential, EndPoint, Handshake, Leg, Scope};
use crate::client::credentials::CredentialsError;

const NTLM: &str = "NTLM";
const NEGOTIATE_NAME: &str = "Negotiate";

/// The schemes of a login by user and password that does not send the password.
#[derive(Clone, Copy)]
pub(in crate::client) enum Schemes {
    /// NTLM if the server offers it, otherwise Negotiate.
    Any,
    Ntlm,
    Negotiate,
}

pub(in crate::client) struct Ntlm {
    schemes: Schemes,
    user: String,
    hash: Arc<NtHash>,
}

impl Ntlm {
    pub(in crate::client) fn new(
        schemes: Schemes,
        user: &str,
        password: &str,
    ) -> Result<Self, CredentialsError> {
        User::parse(user).map_err(CredentialsError::Name)?;
        Ok(Self {
            schemes,
            user: user.to_owned(),
            hash: Arc::new(NtHash::from_password(password)),
        })
    }
}

impl Credential for Ntlm {
    fn schemes(&self) -> &[&'static str] {
        match self.schemes {
            Schemes::Any => &[NTLM, NEGOTIATE_NAME],
            Schemes::Ntlm => &[NTLM],
            Schemes::Negotiate => &[NEGOTIATE_NAME],
        }
    }

    fn first(&self) -> Option<&'static str> {
        match self.schemes {
            Schemes::Any => None,
            Schemes::Ntlm => Some(NTLM),
            Schemes::Negotiate => Some(NEGOTIATE_NAME),
        }
    }

    fn begin(&self, _scheme: &str, host: &str) -> Result<Box<dyn Handshake>, AuthError> {
        Ok(Box::new(Messages {
            user: self.user.clone(),
            hash: Arc::clone(&self.hash),
            host: host.to_owned(),
            next: Next::Negotiate,
        }))
    }
}

/// The messages of one handshake.
struct Messages {
    user: String,
    hash: Arc<NtHash>,
    host: String,
    next: Next,
}

enum Next {
    Negotiate,
    Authenticate,
    None,
}

impl Handshake for Messages {
    fn step(
        &mut self,
        challenge: Option<&str>,
        binding: Option<&EndPoint>,
        token: &mut Zeroizing<String>,
    ) -> Result<Leg, AuthError> {
        match (core::mem::replace(&mut self.next, Next::None), challenge) {
            (Next::Negotiate, None) => {
                BASE64_STANDARD.encode_string(NEGOTIATE, token);
                self.next = Next::Authenticate;
                Ok(Leg::More)
            }
            (Next::Authenticate, Some(challenge)) => {
                let challenge = BASE64_STANDARD
                    .decode(challenge)
                    .map_err(|_| AuthError::Token)?;
                let message = self.answer(&challenge, binding)?;
                token.reserve_exact(message.len().div_ceil(3) * 4);
                BASE64_STANDARD.encode_string(&*message, token);
                Ok(Leg::Last)
            }
            _ => Err(AuthError::Unexpected),
        }
    }

    fn scope(&self) -> Scope {
        Scope::Connection
    }
}

impl Messages {
    fn answer(
        &self,
        challenge: &[u8],
        binding: Option<&EndPoint>,
    ) -> Result<Zeroizing<Vec<u8>>, AuthError> {
        let challenge = Challenge::read(challenge).map_err(AuthError::Challenge)?;
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(AuthError::Random)?;
        let login = Login {
            // INVARIANT: `Ntlm::new` has parsed the name.
            user: User::parse(&self.user).map_err(|error| AuthError::Other(error.into()))?,
            hash: &self.hash,
            host: &self.host,
            binding: binding
                .map(|end_point| ChannelBinding::tls_server_end_point(end_point.hash())),
            nonce,
        };
        let answer = Authenticate::new(&challenge, &login).map_err(AuthError::Login)?;
        let mut message = Zeroizing::new(vec![0; answer.len()]);
        answer
            .write(&mut message)
            .map_err(|error| AuthError::Other(error.into()))?;
        Ok(message)
    }
}
