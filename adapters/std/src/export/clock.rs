//! The clock of a run, in milliseconds since it began.

use std::time::{Duration, Instant};

/// A clock that counts waits as passed even if the caller's function does not wait that long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    began: Instant,
    pub(super) sleep: Option<fn(Duration)>,
    /// The sum of the waits that the caller's function has made.
    waited: Duration,
}

impl Clock {
    pub(super) fn new(sleep: Option<fn(Duration)>) -> Self {
        Self {
            began: Instant::now(),
            sleep,
            waited: Duration::ZERO,
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        millis(self.began.elapsed() + self.waited)
    }

    /// Waits by the caller's function. Returns `false` if there is none.
    pub(super) fn sleep(&mut self, wait: Duration) -> bool {
        let Some(sleep) = self.sleep else {
            return false;
        };
        sleep(wait);
        self.waited += wait;
        true
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
