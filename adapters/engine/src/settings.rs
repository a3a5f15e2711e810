//! The settings of a run.

use exportitems::policy::{Limits, Policy};

/// The settings of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The limits of requests: items, connections, and the version to begin with.
    pub limits: Limits,
    /// The largest sum of the listed sizes of the items in one request. A larger item is requested alone.
    pub request_bytes: u64,
    /// The policy for retries.
    pub policy: Policy,
    /// The longest time without progress, in milliseconds: in which no item is exported or given up, and no payload
    /// arrives. With 0, the run never waits. It ends when the server is busy, and leaves items that may succeed later
    /// to another run.
    pub patience_ms: u64,
    /// Whether items are requested that the server refused permanently in an earlier run.
    pub retry_failed: bool,
}

impl Default for Settings {
    /// 20 items and 32 MiB per request, because a server works on a request for one minute at most; 4 connections; half
    /// an hour without progress.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            request_bytes: 32 << 20,
            policy: Policy::DEFAULT,
            patience_ms: 30 * 60 * 1000,
            retry_failed: false,
        }
    }
}
