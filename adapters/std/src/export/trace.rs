//! What a run traces: spans for connections and requests, and events for responses, waits and outcomes.
//!
//! Item ids are traced at the level TRACE only, and payloads never. Texts of servers are in the form of `Debug`, which
//! escapes control characters.

use core::time::Duration;

use exportitems_engine::Why;
use tracing::{debug, info, trace, warn};

use crate::client::{Answer, ClientError};
use crate::error_chain;

/// Traces the end of a request.
pub(super) fn response(result: &Result<Answer, ClientError>) {
    match result {
        Ok(complete) => answer(complete),
        Err(error) => {
            if let ClientError::Response(error) = error {
                answer(&error.answer);
            }
            warn!(error = ?error_chain(error), "request failed");
        }
    }
}

fn answer(answer: &Answer) {
    let Answer {
        summary,
        status,
        diagnostics,
        ..
    } = answer;
    info!(
        status,
        response = summary.response.as_str(),
        messages = summary.messages,
        failed = summary.failed,
        client_request_id = ?diagnostics.client_request_id,
        request_id = ?diagnostics.request_id,
        server = ?diagnostics.fe_server,
        "response"
    );
}

/// Traces that the run waits.
pub(super) fn wait(wait: Duration, why: Why) {
    info!(seconds = wait.as_secs_f64(), ?why, "waiting");
}

/// Traces that the outcome of an item is durable.
pub(super) fn outcome(position: usize, id: &str, is_done: bool, bytes: u64, again_ms: Option<u64>) {
    debug!(position, is_done, bytes, again_ms, "outcome");
    trace!(position, ?id, "item");
}
