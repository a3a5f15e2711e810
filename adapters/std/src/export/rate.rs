//! A limit on the rate of payloads, which several exporters can share.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use exportitems_engine::Rate;

use super::clock::millis;

/// A limit on the bytes of payloads per second, over all connections together. Exporters share the limit of a clone.
///
/// A connection that is too fast reads nothing for a while, so that the server has to wait.
#[derive(Clone, Debug)]
pub struct RateLimit(Arc<Mutex<(Instant, Rate)>>);

impl RateLimit {
    /// Makes a limit of this many bytes per second, at least 1.
    #[must_use]
    pub fn new(bytes_per_second: u64) -> Self {
        let rate = Rate::new(bytes_per_second);
        Self(Arc::new(Mutex::new((Instant::now(), rate))))
    }

    /// Counts bytes, and returns the wait before the next ones are read.
    pub(super) fn take(&self, bytes: u64) -> Duration {
        let mut limit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, rate) = &mut *limit;
        Duration::from_millis(rate.take(bytes, millis(began.elapsed())))
    }
}
