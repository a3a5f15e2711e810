//! A login by NTLM, without I/O: shared by the blocking and the async client.
//!
//! ```text
//! NEGOTIATE, no body ─► 401 with a challenge ─► AUTHENTICATE, with the body of the next export
//!    └────────────────► 401 with an offer of Negotiate ─► NEGOTIATE under that name
//! ```

use core::fmt;

use exportitems_http1::HeadEvent;
use exportitems_ntlm::{
    read_token, write_header, Authenticate, Challenge, ChallengeError, Login, Offers, Scheme,
    TokenError, NEGOTIATE,
};

use crate::authorization::Authorization;
use crate::client::{Client, State};
use crate::error::{Error, Status};
use crate::exchange::{Response, MIN_BUFFER};

/// A handshake on a connection. It is over when the server has sent its challenge.
pub(crate) struct Handshake<'m> {
    scheme: Scheme,
    /// First the value of the header with the first message, then the challenge, then the header with the last message.
    memory: &'m mut [u8],
    /// The length of the challenge.
    challenge: Option<Result<usize, LoginError>>,
    offers_negotiate: bool,
    status: Status,
}

/// What follows a response of the server.
#[derive(Clone, Copy)]
pub(crate) enum Next {
    /// The first message again, under another name.
    Leg,
    /// The last message, to a challenge of this length.
    Answer(usize),
    /// Nothing: the server needs no login.
    Export,
}

impl<'a, T> Client<'a, T> {
    /// Begins a login on a connection that was not used before.
    pub(crate) fn begin_login<E>(
        &mut self,
        memory: &'a mut [u8],
    ) -> Result<Handshake<'a>, Error<E>> {
        match self.state {
            State::New if self.buffer.len() < MIN_BUFFER => Err(Error::BufferTooSmall),
            State::New => Ok(Handshake {
                scheme: Scheme::Ntlm,
                memory,
                challenge: None,
                offers_negotiate: false,
                status: Status {
                    code: 0,
                    retry_after: None,
                },
            }),
            _ => Err(Error::Spent),
        }
    }

    /// Makes the last message, which goes with the next export.
    pub(crate) fn end_login<E>(
        &mut self,
        handshake: Handshake<'a>,
        next: Next,
        login: &Login<'_>,
    ) -> Result<(), Error<E>> {
        if let Next::Answer(len) = next {
            let authorization = handshake.last_message(len, login, self.buffer);
            self.server.authorization = Some(authorization.map_err(|error| {
                self.state = State::Spent;
                Error::Login(error)
            })?);
            self.state = State::LastLeg;
        }
        Ok(())
    }
}

/// Splits the client's buffer for the response to a message: the line of the head with the challenge is long, and the
/// body is not used.
pub(crate) fn split_for_login(buffer: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    buffer.split_at_mut(buffer.len() - buffer.len() / 8)
}

impl<'m> Handshake<'m> {
    /// Returns the value of `Authorization` with the first message.
    pub(crate) fn first_message<E>(&mut self) -> Result<Authorization<'_>, Error<E>> {
        match write_header(self.scheme, &NEGOTIATE, self.memory) {
            Ok(value) => Ok(Authorization::new(value)),
            Err(error) => Err(Error::Login(LoginError::MemoryTooSmall {
                needed: error.needed,
            })),
        }
    }

    /// Consumes a part of the response, and takes the challenge from its head.
    pub(crate) fn skip<E>(
        &mut self,
        response: &mut Response<'_>,
        input: &mut &[u8],
    ) -> Result<(), Error<E>> {
        let mut watch = |event: &HeadEvent<'_>| match event {
            HeadEvent::Field(field) if field.is("WWW-Authenticate") => self.take(field.value),
            HeadEvent::FieldTooLong { name } if name.eq_ignore_ascii_case("WWW-Authenticate") => {
                self.challenge = Some(Err(LoginError::ChallengeTooLong));
            }
            _ => {}
        };
        while response
            .next_with(input, &mut watch)
            .map_err(Error::Http)?
            .is_some()
        {}
        Ok(())
    }

    fn take(&mut self, offers: &[u8]) {
        for offer in Offers::new(offers) {
            self.offers_negotiate |= offer.is(Scheme::Negotiate);
            let token = offer.token.filter(|_| offer.is(self.scheme));
            if let (Some(token), None) = (token, &self.challenge) {
                let challenge = read_token(token, self.memory);
                self.challenge = Some(match challenge {
                    Ok(challenge) => Ok(challenge.len()),
                    Err(TokenError::BufferTooSmall { needed }) => {
                        Err(LoginError::MemoryTooSmall { needed })
                    }
                    Err(error) => Err(LoginError::Token(error)),
                });
            }
        }
    }

    /// Takes the status of the complete response.
    pub(crate) fn end<E>(&mut self, response: &Response<'_>) -> Result<(), Error<E>> {
        if response.is_foreign {
            return Err(Error::OtherRequest);
        }
        self.status = response.status();
        Ok(())
    }

    /// Returns what follows the response. `can_reuse` is whether the connection is kept.
    pub(crate) fn next<E>(&mut self, can_reuse: bool) -> Result<Next, Error<E>> {
        let next = match (self.status.code, self.challenge.take()) {
            (401, Some(challenge)) => Next::Answer(challenge.map_err(Error::Login)?),
            (401, None) if self.offers_negotiate && self.scheme == Scheme::Ntlm => {
                self.scheme = Scheme::Negotiate;
                Next::Leg
            }
            (401, None) => return Err(Error::Login(LoginError::NotOffered)),
            // A server that needs no login answers the empty request, or complains about it.
            (200..=299 | 400 | 411 | 415 | 500, _) => Next::Export,
            _ => return Err(Error::Status(self.status)),
        };
        match can_reuse {
            true => Ok(next),
            false => Err(Error::Login(LoginError::Closed)),
        }
    }

    /// Returns the value of `Authorization` with the last message. `buffer` is the client's.
    fn last_message(
        self,
        challenge: usize,
        login: &Login<'_>,
        buffer: &mut [u8],
    ) -> Result<Authorization<'m>, LoginError> {
        let challenge = self.memory.get(..challenge).unwrap_or_default();
        let challenge = Challenge::read(challenge).map_err(LoginError::Challenge)?;
        let answer = Authenticate::new(&challenge, login).map_err(LoginError::Message)?;
        let message = answer.write(buffer);
        let message = message.map_err(|error| LoginError::BufferTooSmall {
            needed: error.needed,
        })?;
        match write_header(self.scheme, message, self.memory) {
            Ok(value) => Ok(Authorization::new(value)),
            Err(error) => Err(LoginError::MemoryTooSmall {
                needed: error.needed,
            }),
        }
    }
}

/// A login by NTLM failed before the server received credentials, so it does not count as an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LoginError {
    // --- the caller ---
    /// The memory for the login is too small.
    MemoryTooSmall {
        /// The number of bytes needed for this step.
        needed: usize,
    },
    /// The client's buffer is too small for the last message.
    BufferTooSmall {
        /// The number of bytes needed.
        needed: usize,
    },
    /// The client's buffer is too small for the header field with the server's challenge. 1 KiB is enough for Exchange.
    ChallengeTooLong,
    /// The message cannot be made from the login.
    Message(exportitems_ntlm::LoginError),

    // --- the server ---
    /// The server offers neither NTLM nor Negotiate with NTLM messages.
    NotOffered,
    /// The server closes the connection between the messages. NTLM authenticates a connection, so they must use the same
    /// one.
    Closed,
    /// The server's token cannot be decoded.
    Token(TokenError),
    /// The server's challenge cannot be answered.
    Challenge(ChallengeError),
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MemoryTooSmall { needed } => write!(
                f,
                "the memory for the login is too small; use at least {needed} bytes"
            ),
            Self::BufferTooSmall { needed } => write!(
                f,
                "the client's buffer is too small for the NTLM message; use one of {needed} bytes"
            ),
            Self::ChallengeTooLong => f.write_str(
                "the server's NTLM challenge does not fit the client's buffer; use a larger one",
            ),
            Self::Message(error) => error.fmt(f),
            Self::NotOffered => f.write_str(
                "the server does not offer NTLM; use Basic or a token, or enable NTLM on the server",
            ),
            Self::Closed => f.write_str(
                "the server closes the connection during the login; look for a proxy that does not support NTLM",
            ),
            Self::Token(error) => error.fmt(f),
            Self::Challenge(error) => error.fmt(f),
        }
    }
}

// The errors inside have no cause, and `Display` prints their texts.
impl core::error::Error for LoginError {}
