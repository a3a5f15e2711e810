//! Classifies the results of requests.

use exportitems::policy::{Advice, Disposition, Relief};
use exportitems::{Fault, ResponseOutcome, Summary};

/// Why a request has no SOAP response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure<'a> {
    /// No connection could be made, so nothing was requested.
    Unreachable,
    /// No connection could be made or no login was possible, and another attempt would fail in the same way.
    Hopeless(Disposition),
    /// The connection was lost, or the server was silent for too long.
    Lost,
    /// The server answered with this HTTP status and no SOAP message.
    Http {
        /// The status.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u32>,
        /// `Location`.
        location: Option<&'a str>,
    },
}

/// The result of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
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
    pub(crate) fn of_summary(summary: &Summary) -> Self {
        match (summary.response, &summary.fault) {
            (ResponseOutcome::Complete | ResponseOutcome::Truncated, _) => Self::Answered,
            (ResponseOutcome::Fault, Some(fault)) => Self::of_fault(fault),
            _ => Self::Divisible,
        }
    }

    pub(crate) fn of_failure(failure: Failure<'_>) -> Self {
        match failure {
            Failure::Unreachable => Self::Unreachable,
            Failure::Hopeless(_) => Self::Hopeless,
            Failure::Lost => Self::Divisible,
            Failure::Http {
                status,
                retry_after_s,
                location,
            } => Self::of_advice(Advice::of_http(status, retry_after_s, location)),
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
