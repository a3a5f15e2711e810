//! What a request that failed says about its items.

use exportitems::policy::{Advice, Disposition, Relief};
use exportitems::{Fault, ResponseOutcome, Summary};

use crate::client::{Answer, ClientError, Phase, TransportError};

/// What has become of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server has answered, as far as it went; its items say the rest.
    Answered,
    /// The request failed as a whole, perhaps because of one of its items: a smaller one may succeed.
    Divisible,
    /// It failed for a reason that smaller requests would meet too.
    Refused,
    /// No connection was made: nothing was requested.
    Unreachable,
    /// As `Unreachable`, and another attempt would meet the same.
    Hopeless,
}

impl Ending {
    pub(super) fn of(result: &Result<Answer, ClientError>) -> Self {
        match result {
            Ok(answer) => Self::of_summary(&answer.summary),
            Err(error) => Self::of_error(error),
        }
    }

    pub(super) fn of_summary(summary: &Summary) -> Self {
        match (summary.response, &summary.fault) {
            (ResponseOutcome::Complete | ResponseOutcome::Truncated, _) => Self::Answered,
            (ResponseOutcome::Fault, Some(fault)) => Self::of_fault(fault),
            _ => Self::Divisible,
        }
    }

    pub(super) fn of_error(error: &ClientError) -> Self {
        match error {
            ClientError::Transport(error) => match error {
                error if error.disposition() == Disposition::Permanent => Self::Hopeless,
                TransportError::Resolve { .. }
                | TransportError::Connect { .. }
                | TransportError::Tls { .. }
                | TransportError::Timeout {
                    phase: Phase::Connect,
                    ..
                } => Self::Unreachable,
                _ => Self::Divisible,
            },
            ClientError::Auth(_) => Self::Hopeless,
            ClientError::Status(error) => {
                let location = error.location.as_deref();
                let seconds = error.policy_seconds();
                Self::of_advice(Advice::of_http(error.policy_status(), seconds, location))
            }
            ClientError::Response(error) => Self::of_summary(&error.answer.summary),
            _ => Self::Refused,
        }
    }

    fn of_fault(fault: &Fault) -> Self {
        match Advice::of_fault(fault) {
            // One item can be what a whole request is refused for.
            advice if advice.disposition == Disposition::Permanent => Self::Divisible,
            advice => Self::of_advice(advice),
        }
    }

    fn of_advice(advice: Advice) -> Self {
        match advice.disposition {
            Disposition::Transient => Self::Divisible,
            _ if advice.relief == Some(Relief::FewerItems) => Self::Divisible,
            _ => Self::Refused,
        }
    }
}
