//! Classifies the results of requests.

use exportitems::policy::{Advice, Disposition, Relief};
use exportitems::{Fault, ResponseOutcome, Summary};

use crate::client::{Answer, ClientError, Phase, TransportError};

/// The result of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server has answered. The outcomes of the items say more.
    Answered,
    /// The request failed as a whole, possibly because of one of its items, so a smaller request may succeed.
    Divisible,
    /// The request failed for a reason that also applies to smaller requests.
    Refused,
    /// No connection could be made, so nothing was requested.
    Unreachable,
    /// No connection could be made, and another attempt would fail in the same way.
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
                error
                    if matches!(
                        error.disposition(),
                        Disposition::Permanent | Disposition::Auth
                    ) =>
                {
                    Self::Hopeless
                }
                TransportError::Resolve { .. }
                | TransportError::Connect { .. }
                | TransportError::Proxy { .. }
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
            // The server may refuse the whole request because of one item.
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
