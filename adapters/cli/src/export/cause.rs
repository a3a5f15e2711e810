//! Why an export ended without all items, and what to do.

use core::time::Duration;

use exportitems::ResponseOutcome;
use exportitems_std::client::{Phase, TransportError};
use exportitems_std::{error_chain, ClientError, Report};

use crate::advice;
use crate::line::{Ended, SummaryLine};
use crate::run::seconds;

/// Why some items have no answer.
#[derive(Clone, Copy)]
pub(super) enum Cause<'r> {
    /// A request failed.
    Failure(&'r ClientError),
    /// The server answered with a SOAP fault, whose code is in the summary.
    Fault,
}

impl Cause<'_> {
    /// Returns whether the failure came before the first byte of a request.
    pub(super) const fn is_unsent(self) -> bool {
        matches!(
            self,
            Self::Failure(ClientError::Transport(
                TransportError::Resolve { .. }
                    | TransportError::Connect { .. }
                    | TransportError::Tls { .. }
                    | TransportError::Timeout {
                        phase: Phase::Connect | Phase::Handshake,
                        ..
                    }
            ))
        )
    }

    /// Says what happened and what to do. With `alone`, no other line gives that advice.
    pub(super) fn described(self, summary: &SummaryLine, alone: bool) -> String {
        match self {
            // The line that starts with `missing:` gives the advice.
            Self::Failure(failure @ ClientError::Response(_)) if !alone => error_chain(failure),
            Self::Failure(failure) => {
                let advice = advice::of_failure(failure);
                let advice = advice.map_or(String::new(), |advice| format!("; {advice}"));
                error_chain(failure) + &advice
            }
            Self::Fault => {
                let code = summary.code.as_deref().unwrap_or("a fault without a code");
                let message = summary.message.as_ref();
                let message = message.map_or(String::new(), |message| format!(": {message:?}"));
                let wait = summary.back_off_ms.map_or(String::new(), |wait| {
                    let wait = seconds(Duration::from_millis(wait.into()));
                    format!("; it asks to wait {wait}")
                });
                format!("the server answers {code}{message}{wait}")
            }
        }
    }
}

/// Returns advice on `--retry-for`, if a longer wait would have brought more items.
pub(super) fn retry_hint(report: &Report) -> String {
    report.needed_patience.map_or(String::new(), |needed| {
        let seconds = needed.as_secs().saturating_add(1);
        format!("; a run with --retry-for {seconds} waits for that")
    })
}

/// Sets the fields of a summary whose run ended without a usable response.
pub(super) fn set_failure(line: &mut SummaryLine, failure: &ClientError) {
    line.response = match failure {
        // The summary of that response is already in the line.
        ClientError::Response(_) => return,
        ClientError::Status(error) => {
            let milliseconds = error.retry_after.map(|wait| wait.as_millis());
            line.back_off_ms = milliseconds.map(|wait| u32::try_from(wait).unwrap_or(u32::MAX));
            Ended::As(ResponseOutcome::NotSoap)
        }
        _ => Ended::None,
    };
    line.disposition = Some(failure.disposition().as_str());
    line.error = Some(error_chain(failure));
}
