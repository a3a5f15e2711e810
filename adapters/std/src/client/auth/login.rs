//! The rules of a login over HTTP for one connection, without I/O.
//!
//! ```text
//! New ─► Probe ─401─► Chosen ─► Legs ─401 with a challenge─► Legs … ─► Final ─► In
//!   └────────────────────────────────► (scheme known)                   └401─► refused
//! ```

use core::fmt;

use exportitems_ntlm::Offers as Challenges;
use zeroize::Zeroizing;

use super::{AuthError, Credential, EndPoint, Handshake, Leg, Scope};

/// The largest number of challenges that are kept of one response.
const MOST: usize = 8;
/// The largest length of a challenge's token. Those of NTLM have a few hundred bytes.
const LONGEST: usize = 64 * 1024;

/// The schemes that a 401 offers, each with its token.
#[derive(Default)]
pub(in crate::client) struct Offers(Vec<(String, Option<String>)>);

impl Offers {
    /// Adds the value of a `WWW-Authenticate` field.
    pub(in crate::client) fn add(&mut self, field: &[u8]) {
        for offer in Challenges::new(field) {
            if self.0.len() < MOST && !self.has(offer.scheme) {
                let token = offer.token.filter(|token| token.len() <= LONGEST);
                self.0
                    .push((offer.scheme.to_owned(), token.map(str::to_owned)));
            }
        }
    }

    /// Returns the names of the schemes in the order of the server.
    pub(in crate::client) fn schemes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(scheme, _)| scheme.as_str())
    }

    fn has(&self, scheme: &str) -> bool {
        self.schemes()
            .any(|known| known.eq_ignore_ascii_case(scheme))
    }

    fn token(&self, scheme: &str) -> Option<&str> {
        let mut offers = self.0.iter();
        let offer = offers.find(|(known, _)| known.eq_ignore_ascii_case(scheme));
        offer?.1.as_deref()
    }
}

/// Leaves out the tokens, which are secret.
impl fmt::Debug for Offers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.schemes()).finish()
    }
}

/// The progress of the login of one connection.
#[derive(Default)]
pub(in crate::client) struct Login {
    state: State,
    /// Whether the server has demanded another login on a connection that was logged in.
    again: bool,
    /// The schemes that the server did not continue.
    rejected: Vec<&'static str>,
    /// The scheme of the last leg that was sent.
    tried: Option<&'static str>,
}

#[derive(Default)]
enum State {
    #[default]
    New,
    /// A request without credentials and body was sent, to get the schemes that the server offers.
    Probe,
    /// The scheme is chosen, and its next leg can be sent.
    Chosen {
        scheme: &'static str,
        handshake: Box<dyn Handshake>,
        /// The server's answer to the last leg.
        challenge: Option<String>,
    },
    /// A leg without the body was sent.
    Leg {
        scheme: &'static str,
        handshake: Box<dyn Handshake>,
    },
    /// The last leg was sent.
    Final { scope: Scope },
    /// The connection is logged in or needs no login.
    In,
}

/// One request of a login.
pub(in crate::client) struct Turn {
    /// The value of `Authorization`.
    pub(in crate::client) authorization: Option<Zeroizing<String>>,
    /// Whether it has the request's body.
    pub(in crate::client) body: bool,
}

/// What to do after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Next {
    /// Nothing: it is the response to the request.
    Done,
    /// Read the body, and send the next leg over the same connection.
    Leg,
    /// Read the body, and send the next leg over this connection or another one.
    Anew,
}

/// The parameters of a login.
#[derive(Clone, Copy)]
pub(in crate::client) struct With<'w> {
    pub(in crate::client) credential: &'w dyn Credential,
    pub(in crate::client) host: &'w str,
    pub(in crate::client) binding: Option<&'w EndPoint>,
}

impl Login {
    pub(in crate::client) const fn is_in(&self) -> bool {
        matches!(self.state, State::In)
    }

    /// Begins another request on this connection.
    pub(in crate::client) fn begin_request(&mut self) {
        self.again = false;
    }

    /// Returns the next request. `known` is the scheme that the server offers, if that is known.
    pub(in crate::client) fn turn(
        &mut self,
        with: With<'_>,
        known: Option<&'static str>,
    ) -> Result<Turn, AuthError> {
        let (scheme, mut handshake, challenge) = match core::mem::take(&mut self.state) {
            State::Chosen {
                scheme,
                handshake,
                challenge,
            } => (scheme, handshake, challenge),
            State::New => match known.or(with.credential.first()) {
                Some(scheme) => (scheme, with.credential.begin(scheme, with.host)?, None),
                None => {
                    self.state = State::Probe;
                    return Ok(Turn {
                        authorization: None,
                        body: false,
                    });
                }
            },
            other => {
                self.state = match other {
                    State::In => State::In,
                    _ => return Err(AuthError::Unexpected),
                };
                return Ok(Turn {
                    authorization: None,
                    body: true,
                });
            }
        };
        let mut token = Zeroizing::new(String::new());
        let leg = handshake.step(challenge.as_deref(), with.binding, &mut token)?;
        let mut authorization =
            Zeroizing::new(String::with_capacity(scheme.len() + 1 + token.len()));
        authorization.push_str(scheme);
        authorization.push(' ');
        authorization.push_str(&token);
        self.state = match leg {
            Leg::More => State::Leg { scheme, handshake },
            Leg::Last => {
                self.tried = Some(scheme);
                State::Final {
                    scope: handshake.scope(),
                }
            }
        };
        Ok(Turn {
            authorization: Some(authorization),
            body: leg == Leg::Last,
        })
    }

    /// Processes the response to a [turn](Self::turn).
    pub(in crate::client) fn answered(
        &mut self,
        with: With<'_>,
        status: u16,
        offers: &Offers,
    ) -> Result<Next, AuthError> {
        match core::mem::take(&mut self.state) {
            State::Probe | State::Leg { .. } if is_open(status) => {
                self.state = State::In;
                Ok(Next::Anew)
            }
            State::Probe if status == 401 => self.choose(with, offers),
            State::Leg { scheme, handshake } if status == 401 => match offers.token(scheme) {
                Some(challenge) => {
                    self.state = State::Chosen {
                        scheme,
                        handshake,
                        challenge: Some(challenge.to_owned()),
                    };
                    Ok(Next::Leg)
                }
                // The server does not support this scheme, or only with SPNEGO.
                None => {
                    self.rejected.push(scheme);
                    self.choose(with, offers)
                }
            },
            State::Final { scope } => {
                if status != 401 && scope == Scope::Connection {
                    self.state = State::In;
                }
                Ok(Next::Done)
            }
            // The server has ended the session of the connection, or did not demand a login until now.
            State::In if status == 401 && !core::mem::replace(&mut self.again, true) => {
                self.choose(with, offers)
            }
            State::In if status != 401 => {
                self.state = State::In;
                Ok(Next::Done)
            }
            _ => Ok(Next::Done),
        }
    }

    /// Returns the scheme of a handshake whose first leg was not sent yet.
    pub(in crate::client) const fn chosen(&self) -> Option<&'static str> {
        match &self.state {
            State::Chosen {
                scheme,
                challenge: None,
                ..
            } => Some(scheme),
            _ => None,
        }
    }

    /// Returns the scheme of the last leg, if it was sent on this connection.
    pub(in crate::client) const fn tried(&self) -> Option<&'static str> {
        self.tried
    }

    fn choose(&mut self, with: With<'_>, offers: &Offers) -> Result<Next, AuthError> {
        let mut schemes = with.credential.schemes().iter().copied();
        let scheme = schemes.find(|scheme| !self.rejected.contains(scheme) && offers.has(scheme));
        let Some(scheme) = scheme else {
            return Ok(Next::Done);
        };
        self.state = State::Chosen {
            scheme,
            handshake: with.credential.begin(scheme, with.host)?,
            challenge: None,
        };
        Ok(Next::Anew)
    }
}

/// Returns whether the status shows that the server demands no login. It is the status of a request without credentials
/// and body, which EWS answers with an error.
const fn is_open(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 411 | 415 | 500)
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("is_in", &self.is_in())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A credential of two legs by `NTLM`, or by `Negotiate`.
    struct Two(Option<&'static str>);

    impl Credential for Two {
        fn schemes(&self) -> &[&'static str] {
            &["NTLM", "Negotiate"]
        }

        fn first(&self) -> Option<&'static str> {
            self.0
        }

        fn begin(&self, _: &str, _: &str) -> Result<Box<dyn Handshake>, AuthError> {
            Ok(Box::new(Steps))
        }
    }

    struct Steps;

    impl Handshake for Steps {
        fn step(
            &mut self,
            challenge: Option<&str>,
            _: Option<&EndPoint>,
            token: &mut Zeroizing<String>,
        ) -> Result<Leg, AuthError> {
            token.push_str(challenge.unwrap_or("first"));
            Ok(challenge.map_or(Leg::More, |_| Leg::Last))
        }

        fn scope(&self) -> Scope {
            Scope::Connection
        }
    }

    /// Plays these responses. Returns what was sent, with `-` for a request without its body.
    fn play(
        credential: &Two,
        known: Option<&'static str>,
        responses: &[(u16, &str)],
    ) -> Vec<String> {
        let with = With {
            credential,
            host: "mail.example.com",
            binding: None,
        };
        let mut login = Login::default();
        let mut sent = Vec::new();
        for (status, field) in responses {
            let turn = login.turn(with, known).unwrap();
            let authorization = turn.authorization.as_ref().map_or("", |text| text);
            let mark = if turn.body { "" } else { "-" };
            sent.push(format!("{mark}{authorization}"));
            let mut offers = Offers::default();
            offers.add(field.as_bytes());
            if login.answered(with, *status, &offers).unwrap() == Next::Done {
                let end = if login.is_in() { "in" } else { "out" };
                sent.push(end.to_owned());
                login.begin_request();
            }
        }
        sent
    }

    #[test]
    fn a_server_is_asked_what_it_offers() {
        let legs = [
            (401, "Negotiate, NTLM"),
            (401, "NTLM abc="),
            (200, ""),
            (200, ""),
        ];
        let expected = ["-", "-NTLM first", "NTLM abc=", "in", "", "in"];
        assert_eq!(play(&Two(None), None, &legs), expected);
        // A known scheme is not asked for again.
        assert_eq!(play(&Two(None), Some("NTLM"), &legs[1..3]), expected[1..4]);
    }

    #[test]
    fn another_scheme_follows_one_that_the_server_does_not_continue() {
        let legs = [
            (401, "negotiate, Basic"),
            (401, "Negotiate abc="),
            (200, ""),
        ];
        let expected = ["-NTLM first", "-Negotiate first", "Negotiate abc=", "in"];
        assert_eq!(play(&Two(Some("NTLM")), None, &legs), expected);
        // Each scheme is begun once.
        let legs = [(401, "Negotiate, NTLM"); 2];
        let expected = ["-NTLM first", "-Negotiate first", "out"];
        assert_eq!(play(&Two(Some("NTLM")), None, &legs), expected);
    }

    #[test]
    fn a_refusal_is_the_response() {
        let legs = [(401, "NTLM abc="), (401, "NTLM, Negotiate")];
        let expected = ["-NTLM first", "NTLM abc=", "out"];
        assert_eq!(play(&Two(Some("NTLM")), None, &legs), expected);
        // So is an offer of other schemes.
        let expected = ["-", "out"];
        assert_eq!(
            play(&Two(None), None, &[(401, "Basic realm=\"x\"")]),
            expected
        );
        assert_eq!(play(&Two(None), None, &[(503, "")]), expected);
    }

    #[test]
    fn a_server_without_logins_gets_the_body() {
        let expected = ["-", "", "in"];
        assert_eq!(play(&Two(None), None, &[(500, ""), (200, "")]), expected);
    }

    #[test]
    fn a_connection_whose_session_ended_logs_in_once_more() {
        let legs = [
            (401, "NTLM a="),
            (200, ""),
            (401, "NTLM"),
            (401, "NTLM b="),
            (200, ""),
        ];
        let expected = [
            "-NTLM first",
            "NTLM a=",
            "in",
            "",
            "-NTLM first",
            "NTLM b=",
            "in",
        ];
        assert_eq!(play(&Two(Some("NTLM")), None, &legs), expected);
    }

    #[test]
    fn challenges_are_not_printed() {
        let mut offers = Offers::default();
        offers.add(b"NTLM TlRMTVNTUAAC, NTLM, Basic realm=\"x\"");
        assert_eq!(format!("{offers:?}"), r#"["NTLM", "Basic"]"#);
    }
}
