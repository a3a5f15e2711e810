//! Why a login cannot be continued.

use core::fmt;

use exportitems_ntlm::{ChallengeError, LoginError};

/// A login cannot be continued on this side; the server has neither accepted nor refused it.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuthError {
    /// The server's token is not base64.
    Token,
    /// The server's NTLM challenge cannot be answered.
    Challenge(ChallengeError),
    /// The answer to the NTLM challenge cannot be made.
    Login(LoginError),
    /// The server asks for more after the last leg.
    Unexpected,
    /// The connection is closed between two legs, which belong to one connection.
    Closed,
    /// The system gave no random numbers.
    Random(getrandom::Error),
    /// The Kerberos library gives no ticket for the server.
    Ticket {
        /// The service principal name of the server.
        target: String,
        /// Why.
        source: Box<dyn core::error::Error + Send + Sync>,
    },
    /// The source of access tokens failed.
    TokenSource(Box<dyn core::error::Error + Send + Sync>),
    /// A credential of the caller's own failed.
    Other(Box<dyn core::error::Error + Send + Sync>),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str(
                "the token in the server's WWW-Authenticate is not base64; look for a proxy that alters responses",
            ),
            Self::Challenge(_) => f.write_str("the server's NTLM challenge cannot be answered"),
            Self::Login(_) => f.write_str("the NTLM login cannot be made"),
            Self::Unexpected => f.write_str("the server continues a login that has ended"),
            Self::Closed => f.write_str(
                "the connection is closed between the legs of the login, which have to use one connection; \
                 look for a proxy or balancer that ends connections after each request",
            ),
            Self::Random(_) => f.write_str("the system gives no random numbers"),
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
