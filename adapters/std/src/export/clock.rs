//! The time of a run, and how it waits.

use std::thread;
use std::time::{Duration, Instant};

/// A clock that a caller's own way of waiting advances.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    sleep: Option<fn(Duration)>,
    /// What the caller was asked to wait.
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
