//! Kerberos with the system's library, GSSAPI or SSPI, under the name `Negotiate` (RFC 4559).

use base64::prelude::{Engine as _, BASE64_STANDARD};
use cross_krb5::{ClientCtx, Cred, InitiateFlags, K5Cred as _};
use zeroize::Zeroizing;

use super::{AuthError, BoxError, Credential, EndPoint, Handshake, Leg, Scope};

const NAME: &str = "Negotiate";

/// No mutual authentication and no encryption, because TLS authenticates the server and protects the requests.
///
/// On Windows, the flag selects the package Negotiate, which Windows servers expect.
const FLAGS: InitiateFlags = InitiateFlags::NEGOTIATE_TOKEN
    .union(InitiateFlags::DISABLE_MUTUAL_AUTH)
    .union(InitiateFlags::DISABLE_CONFIDENTIALITY);

/// The Kerberos tickets of a principal. The system keeps them.
pub(in crate::client) struct Kerberos {
    principal: Option<String>,
}

impl Kerberos {
    /// Uses the tickets of `principal`, or by default those of the user who runs the process.
    ///
    /// # Errors
    /// There are no tickets.
    pub(in crate::client) fn new(principal: Option<&str>) -> Result<Self, BoxError> {
        Cred::client_acquire(FLAGS, principal)?;
        Ok(Self {
            principal: principal.map(str::to_owned),
        })
    }
}

impl Credential for Kerberos {
    fn schemes(&self) -> &[&'static str] {
        &[NAME]
    }

    fn begin(&self, _scheme: &str, host: &str) -> Result<Box<dyn Handshake>, AuthError> {
        Ok(Box::new(Ticket {
            principal: self.principal.clone(),
            target: format!("HTTP/{}", host.trim_end_matches('.').to_ascii_lowercase()),
        }))
    }

    /// A refused ticket does not count as a wrong password.
    fn can_be_locked(&self) -> bool {
        false
    }

    fn has_ticket(&self) -> bool {
        true
    }
}

/// A handshake of one leg, whose token is a ticket for the server.
struct Ticket {
    principal: Option<String>,
    target: String,
}

impl Handshake for Ticket {
    fn step(
        &mut self,
        challenge: Option<&str>,
        binding: Option<&EndPoint>,
        token: &mut Zeroizing<String>,
    ) -> Result<Leg, AuthError> {
        if challenge.is_some() {
            return Err(AuthError::Unexpected);
        }
        let binding = binding.map(EndPoint::application_data);
        let (_, ticket) = ClientCtx::new(
            FLAGS,
            self.principal.as_deref(),
            &self.target,
            binding.as_deref(),
        )
        .map_err(|source| AuthError::Ticket {
            target: self.target.clone(),
            source: source.into(),
        })?;
        token.reserve_exact(ticket.len().div_ceil(3) * 4);
        BASE64_STANDARD.encode_string(&*ticket, token);
        Ok(Leg::Last)
    }

    fn scope(&self) -> Scope {
        Scope::Connection
    }
}
