//! The clock of a run, which also waits.

use std::thread;
use std::time::{Duration, Instant};

/// A clock that counts waits as passed even if the caller's function does not wait that long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    sleep: Option<fn(Duration)>,
    /// The sum of the waits that the caller's function has made.
    waited: Duration,
}

impl Clock {
    pub(super) const fn new(sleep: Option<fn(Duration)>) -> Self {
        Self {
            sleep,
            waited: Duration::ZERO,
        }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::now() + self.waited
    }

    pub(super) fn sleep(&mut self, wait: Duration) {
        match self.sleep {
            None => thread::sleep(wait),
            Some(sleep) => {
                sleep(wait);
                self.waited += wait;
            }
        }
    }
}
