//! The error for a login that cannot be continued.

use core::fmt;

use exportitems_ntlm::{ChallengeError, LoginError};

/// The client cannot continue a login. The server has neither accepted nor refused it.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuthError {
    /// The server's token is not base64.
    Token,
    /// The server's NTLM challenge cannot be answered.
    Challenge(ChallengeError),
    /// The client cannot answer the NTLM challenge with these credentials.
    Login(LoginError),
    /// The server continues the login after the last leg.
    Unexpected,
    /// The connection was closed between two legs, which must use the same connection.
    Closed,
    /// The system returned no random numbers.
    Random(getrandom::Error),
    /// The Kerberos library returned no ticket for the server.
    Ticket {
        /// The service principal name of the server.
        target: String,
        /// The error of the library.
        source: Box<dyn core::error::Error + Send + Sync>,
    },
    /// The source of access tokens failed.
    TokenSource(Box<dyn core::error::Error + Send + Sync>),
    /// The caller's own implementation of [`Credential`](super::Credential) failed.
    Other(Box<dyn core::error::Error + Send + Sync>),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str(
                "the token in the server's WWW-Authenticate is not base64; look for a proxy that alters responses",
            ),
            Self::Challenge(_) => f.write_str("the server's NTLM challenge cannot be answered"),
            Self::Login(_) => f.write_str("cannot log in by NTLM with these credentials"),
            Self::Unexpected => f.write_str("the server continues a login that is complete; look for a proxy that alters responses"),
            Self::Closed => f.write_str(
                "the connection was closed during the login, which must use a single connection; \
                 look for a proxy or load balancer that closes connections after each request",
            ),
            Self::Random(_) => f.write_str("the system returned no random numbers"),
            Self::Ticket { target, .. } => write!(
                f,
                "there is no Kerberos ticket for {target}; check that the server has this service principal name and \
                 that this machine reaches the domain controller, or log in by NTLM"
            ),
            Self::TokenSource(_) => f.write_str("cannot get an access token"),
            Self::Other(_) => f.write_str("cannot log in"),
        }
    }
}

impl core::error::Error for AuthError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Challenge(error) => Some(error),
            Self::Login(error) => Some(error),
            Self::Random(error) => Some(error),
            Self::Ticket { source, .. } | Self::TokenSource(source) | Self::Other(source) => {
                Some(&**source)
            }
            Self::Token | Self::Unexpected | Self::Closed => None,
        }
    }
}
