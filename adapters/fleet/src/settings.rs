//! The settings of a queue and its workers.

use core::time::Duration;

/// The settings of a queue and its workers. All workers of a queue have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // callers make it
pub struct Settings {
    /// The name of the queue: of its stream, and the first token of its subjects.
    pub name: String,
    /// The number of NATS servers that store the queue: 1, 3 or 5.
    pub replicas: usize,
    /// How long a worker may be silent before its job is delivered to another one.
    pub lease: Duration,
    /// The largest number of jobs of one server that are delivered at the same time.
    pub at_once: u32,
    /// The number of deliveries without progress after which a job is dead.
    pub deliveries: u64,
    /// The delay of the first delivery after a failure. It doubles with each further one.
    pub delay: Duration,
    /// The name of this worker in records.
    pub worker: String,
}

impl Settings {
    /// The longest delay after a failure.
    const LONGEST_DELAY: Duration = Duration::from_secs(30 * 60);

    /// Returns the delay after a failure that follows `failures` others.
    #[must_use]
    pub fn delay_after(&self, failures: u64) -> Duration {
        let doublings = u32::try_from(failures).unwrap_or(u32::MAX).min(16);
        self.delay
            .saturating_mul(1 << doublings)
            .min(Self::LONGEST_DELAY.max(self.delay))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "exportitems".to_owned(),
            replicas: 1,
            lease: Duration::from_secs(60),
            at_once: 16,
            deliveries: 10,
            delay: Duration::from_secs(30),
            worker: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use core::time::Duration;

    #[test]
    fn an_outage_of_two_hours_kills_no_job() {
        let settings = Settings::default();
        let waits = (0..settings.deliveries - 1).map(|failures| settings.delay_after(failures));
        assert!(waits.sum::<Duration>() > Duration::from_secs(2 * 60 * 60));
        assert_eq!(settings.delay_after(0), Duration::from_secs(30));
        assert_eq!(settings.delay_after(u64::MAX), Duration::from_secs(30 * 60));
    }
}
