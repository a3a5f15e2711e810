//! Protects accounts from being locked: decides how often a credential may be tried.

use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::client::status::StatusError;

/// The default of [`Gate::rest`].
const REST: Duration = Duration::from_mins(5);

/// Admits the connections that log in with one credential.
///
/// The first login is alone: with a wrong password, each of the others would count for the lockout. After a refusal
/// no connection is admitted, unless the credential has worked before: then one more is admitted after a rest, alone.
#[derive(Debug)]
pub(in crate::client) struct Gate {
    state: Mutex<(State, Vec<Waker>)>,
    /// The wait before a credential that has worked is tried again after a refusal. Servers also throttle by 401.
    rest: Duration,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(REST)
    }
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Untried,
    /// One connection logs in alone.
    Alone {
        /// The refusal of a credential that had worked before.
        refused: Option<Box<StatusError>>,
    },
    Good,
    /// The credential has worked, and was refused later.
    Resting {
        until: Instant,
        error: Box<StatusError>,
    },
    Refused(Box<StatusError>),
}

/// The permission to log in on one connection. If it is dropped without a result, another connection is admitted.
#[derive(Debug)]
pub(in crate::client) struct Permit {
    gate: Arc<Gate>,
    is_alone: bool,
}

impl Gate {
    pub(in crate::client) fn new(rest: Duration) -> Self {
        Self {
            state: Mutex::default(),
            rest,
        }
    }

    /// Returns the gate of a credential that was not tried yet, with the same rest.
    pub(in crate::client) fn anew(&self) -> Self {
        Self::new(self.rest)
    }

    /// Waits until this connection may log in.
    ///
    /// # Errors
    /// The refusal by the server, if the credential must not be tried again, or not yet.
    pub(in crate::client) async fn enter(self: &Arc<Self>) -> Result<Permit, Box<StatusError>> {
        poll_fn(|context| self.poll_enter(context)).await
    }

    fn poll_enter(
        self: &Arc<Self>,
        context: &Context<'_>,
    ) -> Poll<Result<Permit, Box<StatusError>>> {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, waiting) = &mut *guard;
        let (next, is_alone) = match core::mem::take(state) {
            State::Untried => (State::Alone { refused: None }, true),
            State::Good => (State::Good, false),
            State::Resting { until, error } => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    let refused = Some(error);
                    (State::Alone { refused }, true)
                } else {
                    let mut answer = error.clone();
                    answer.retry_after = Some(left);
                    *state = State::Resting { until, error };
                    return Poll::Ready(Err(answer));
                }
            }
            State::Refused(error) => {
                *state = State::Refused(error.clone());
                return Poll::Ready(Err(error));
            }
            alone @ State::Alone { .. } => {
                *state = alone;
                if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                    waiting.push(context.waker().clone());
                }
                return Poll::Pending;
            }
        };
        *state = next;
        Poll::Ready(Ok(Permit {
            gate: Arc::clone(self),
            is_alone,
        }))
    }
}

impl Permit {
    /// Records that the server has accepted the credential.
    pub(in crate::client) fn accepted(mut self) {
        self.leave(|state| match state {
            // If another connection was refused meanwhile, the refusal is newer.
            State::Untried | State::Alone { .. } | State::Good => State::Good,
            refused => refused,
        });
    }

    /// Records that the server has refused the credential with this error. If the credential may be tried again, the
    /// error gets the wait until then.
    pub(in crate::client) fn refused(mut self, error: &mut StatusError) {
        let rest = self.gate.rest;
        let may_be_tried_again = self.leave(|state| match state {
            State::Good => State::Resting {
                until: Instant::now() + rest,
                error: Box::new(error.clone()),
            },
            State::Untried | State::Alone { .. } => State::Refused(Box::new(error.clone())),
            refused => refused,
        });
        if may_be_tried_again {
            error.retry_after = error.retry_after.max(Some(rest));
        }
    }

    /// Sets the state. Returns whether the credential rests.
    fn leave(&mut self, next: impl FnOnce(State) -> State) -> bool {
        let mut guard = self
            .gate
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.is_alone = false;
        let (state, waiting) = &mut *guard;
        *state = next(core::mem::take(state));
        let rests = matches!(state, State::Resting { .. });
        let waiting = core::mem::take(waiting);
        drop(guard);
        waiting.into_iter().for_each(Waker::wake);
        rests
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
    use crate::client::block_on::block_on;
    use crate::client::response::Fields;
    use crate::client::start::Start;
    use crate::client::status::SentCredentials;
    use std::sync::mpsc;
    use std::thread;

    fn enter(gate: &Arc<Gate>) -> Result<Permit, Box<StatusError>> {
        block_on(gate.enter())
    }

    fn refusal() -> StatusError {
        let sent = SentCredentials::Basic;
        StatusError::new(401, Fields::default(), sent, Start::Empty, b"")
    }

    /// Ends the rest.
    fn rested(gate: &Gate) {
        if let State::Resting { until, .. } = &mut gate.state.lock().unwrap().0 {
            *until = Instant::now();
        }
    }

    #[test]
    fn the_first_login_is_alone() {
        let gate = Arc::new(Gate::default());
        let first = enter(&gate).unwrap();
        let (send, entered) = mpsc::channel();
        let others: Vec<_> = (0..3)
            .map(|_| {
                let (gate, send) = (Arc::clone(&gate), send.clone());
                thread::spawn(move || send.send(enter(&gate).is_ok()).unwrap())
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
    fn no_login_follows_a_refusal() {
        let gate = Arc::new(Gate::default());
        let first = enter(&gate).unwrap();
        let other = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || enter(&gate).is_err())
        };
        let mut error = refusal();
        first.refused(&mut error);
        assert_eq!(error.retry_after, None);
        assert!(other.join().unwrap());
        assert!(enter(&gate).is_err());
    }

    #[test]
    fn a_login_without_a_result_gives_its_turn_away() {
        let gate = Arc::new(Gate::default());
        drop(enter(&gate).unwrap());
        enter(&gate).unwrap().accepted();
        // A rest, one try without a result, and one more.
        enter(&gate).unwrap().refused(&mut refusal());
        rested(&gate);
        drop(enter(&gate).unwrap());
        enter(&gate).unwrap().accepted();
        assert!(enter(&gate).is_ok());
    }

    #[test]
    fn what_has_worked_gets_one_further_try() {
        let gate = Arc::new(Gate::default());
        enter(&gate).unwrap().accepted();
        let (one, two) = (enter(&gate).unwrap(), enter(&gate).unwrap());
        for permit in [one, two] {
            let mut error = refusal();
            permit.refused(&mut error);
            assert_eq!(error.retry_after, Some(REST));
        }
        let error = enter(&gate).unwrap_err();
        assert!(
            error.retry_after > Some(Duration::from_mins(4)),
            "{error:?}"
        );
        rested(&gate);
        let mut error = refusal();
        enter(&gate).unwrap().refused(&mut error);
        assert_eq!(error.retry_after, None);
        assert!(enter(&gate).is_err());
    }
}
