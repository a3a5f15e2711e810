//! What keeps an account from being locked: how often a credential may be tried.

use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::client::status::StatusError;

/// How long a credential rests that has worked and is refused: servers throttle by 401 too.
const REST: Duration = Duration::from_mins(5);

/// Admits the connections that log in with one credential.
///
/// The first login is alone: with a wrong password the others would each count for the lockout. After a refusal
/// no connection is admitted, unless the credential has worked before: then one more, alone, after [`REST`].
#[derive(Debug, Default)]
pub(in crate::client) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Untried,
    /// One connection logs in alone.
    Alone {
        /// When it has worked, this refusal after it.
        refused: Option<Box<StatusError>>,
    },
    Good,
    /// It has worked, and was refused then.
    Resting {
        until: Instant,
        error: Box<StatusError>,
    },
    Refused(Box<StatusError>),
}

/// One connection that may log in. A permit that is dropped without a result gives its turn to another.
#[derive(Debug)]
pub(in crate::client) struct Permit {
    gate: Arc<Gate>,
    is_alone: bool,
}

impl Gate {
    /// Waits until this connection may log in.
    ///
    /// # Errors
    /// How the server has refused the credential, where it is not to be tried, or not yet.
    pub(in crate::client) fn enter(self: &Arc<Self>) -> Result<Permit, Box<StatusError>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, is_alone) = loop {
            match core::mem::take(&mut *state) {
                State::Untried => break (State::Alone { refused: None }, true),
                State::Good => break (State::Good, false),
                State::Resting { until, error } => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        let refused = Some(error);
                        break (State::Alone { refused }, true);
                    }
                    let mut answer = error.clone();
                    answer.retry_after = Some(left);
                    *state = State::Resting { until, error };
                    return Err(answer);
                }
                State::Refused(error) => {
                    *state = State::Refused(error.clone());
                    return Err(error);
                }
                alone @ State::Alone { .. } => {
                    *state = alone;
                    state = self
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        *state = next;
        Ok(Permit {
            gate: Arc::clone(self),
            is_alone,
        })
    }
}

impl Permit {
    /// The server has accepted the credential.
    pub(in crate::client) fn accepted(mut self) {
        self.leave(|state| match state {
            // Another connection may have been refused meanwhile; that is newer.
            State::Untried | State::Alone { .. } | State::Good => State::Good,
            refused => refused,
        });
    }

    /// The server has refused the credential, with this error; it gets the wait until the next try, if there
    /// is to be one.
    pub(in crate::client) fn refused(mut self, error: &mut StatusError) {
        let may_be_tried_again = self.leave(|state| match state {
            State::Good => State::Resting {
                until: Instant::now() + REST,
                error: Box::new(error.clone()),
            },
            State::Untried | State::Alone { .. } => State::Refused(Box::new(error.clone())),
            refused => refused,
        });
        if may_be_tried_again {
            error.retry_after = error.retry_after.max(Some(REST));
        }
    }

    /// Sets the state, and says whether the credential rests.
    fn leave(&mut self, next: impl FnOnce(State) -> State) -> bool {
        let mut state = self
            .gate
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.is_alone = false;
        *state = next(core::mem::take(&mut *state));
        self.gate.changed.notify_all();
        matches!(*state, State::Resting { .. })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_alone {
            self.leave(|state| match state {
                State::Alone { refused: None } => State::Untried,
                State::Alone {
                    refused: Some(error),
                } => State::Resting {
                    until: Instant::now(),
                    error,
                },
                decided => decided,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::response::Fields;
    use crate::client::start::Start;
    use crate::client::status::SentCredentials;
    use std::sync::mpsc;
    use std::thread;

    fn refusal() -> StatusError {
        let sent = SentCredentials::Basic;
        StatusError::new(401, Fields::default(), sent, Start::Empty, b"")
    }

    /// As if the rest were over.
    fn rested(gate: &Gate) {
        if let State::Resting { until, .. } = &mut *gate.state.lock().unwrap() {
            *until = Instant::now();
        }
    }

    #[test]
    fn the_first_login_is_alone() {
        let gate = Arc::new(Gate::default());
        let first = gate.enter().unwrap();
        let (send, entered) = mpsc::channel();
        let others: Vec<_> = (0..3)
            .map(|_| {
                let (gate, send) = (Arc::clone(&gate), send.clone());
                thread::spawn(move || send.send(gate.enter().is_ok()).unwrap())
            })
            .collect();
        assert!(entered.try_recv().is_err());
        first.accepted();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(entered.try_iter().collect::<Vec<_>>(), [true; 3]);
    }

    #[test]
    fn nobody_follows_a_refusal() {
        let gate = Arc::new(Gate::default());
        let first = gate.enter().unwrap();
        let other = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.enter().is_err())
        };
        let mut error = refusal();
        first.refused(&mut error);
        assert_eq!(error.retry_after, None);
        assert!(other.join().unwrap());
        assert!(gate.enter().is_err());
    }

    #[test]
    fn a_login_without_a_result_gives_its_turn_away() {
        let gate = Arc::new(Gate::default());
        drop(gate.enter().unwrap());
        gate.enter().unwrap().accepted();
        // A rest, one try without a result, and one more.
        gate.enter().unwrap().refused(&mut refusal());
        rested(&gate);
        drop(gate.enter().unwrap());
        gate.enter().unwrap().accepted();
        assert!(gate.enter().is_ok());
    }

    #[test]
    fn what_has_worked_gets_one_further_try() {
        let gate = Arc::new(Gate::default());
        gate.enter().unwrap().accepted();
        let (one, two) = (gate.enter().unwrap(), gate.enter().unwrap());
        for permit in [one, two] {
            let mut error = refusal();
            permit.refused(&mut error);
            assert_eq!(error.retry_after, Some(REST));
        }
        let error = gate.enter().unwrap_err();
        assert!(
            error.retry_after > Some(Duration::from_mins(4)),
            "{error:?}"
        );
        rested(&gate);
        let mut error = refusal();
        gate.enter().unwrap().refused(&mut error);
        assert_eq!(error.retry_after, None);
        assert!(gate.enter().is_err());
    }
}
