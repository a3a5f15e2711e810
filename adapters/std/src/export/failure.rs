//! Classifies the errors of the client for the engine.

use exportitems::policy::Disposition;
use exportitems_engine::Failure;

use crate::client::{ClientError, Phase, TransportError};

/// Returns why a request has no response, or `None` if there was one or nothing was sent.
pub(super) fn failure(error: &ClientError) -> Option<Failure<'_>> {
    match error {
        ClientError::Transport(error) => Some(of_transport(error)),
        ClientError::Auth(_) => Some(Failure::Hopeless(error.disposition())),
        ClientError::Status(error) => Some(Failure::Http {
            status: error.policy_status(),
            retry_after_s: error.policy_seconds(),
            location: error.location.as_deref(),
        }),
        _ => None,
    }
}

fn of_transport(error: &TransportError) -> Failure<'static> {
    let disposition = error.disposition();
    match error {
        _ if matches!(disposition, Disposition::Permanent | Disposition::Auth) => {
            Failure::Hopeless(disposition)
        }
        TransportError::Resolve { .. }
        | TransportError::Connect { .. }
        | TransportError::Proxy { .. }
        | TransportError::Tls { .. }
        | TransportError::Timeout {
            phase: Phase::Connect,
            ..
        } => Failure::Unreachable,
        _ => Failure::Lost,
    }
}
