//! A limit on the rate of payloads, over all connections together.

/// The time that a connection may be ahead of the rate, in microseconds.
///
/// Without it, the waits between pieces of a few KiB would be shorter than the clock's steps.
const BURST_US: u64 = 100_000;

/// A limit on the rate of payloads, in bytes per second, over all connections together.
///
/// ```
/// use exportitems_engine::Rate;
///
/// let mut rate = Rate::new(1_000_000);
/// assert_eq!(rate.take(50_000, 0), 0);
/// // The next piece may be read when the bytes so far fit the rate.
/// assert_eq!(rate.take(250_000, 0), 200);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    bytes_per_second: u64,
    /// The time at which the bytes so far fit the rate, in microseconds.
    due_us: u64,
}

impl Rate {
    /// Makes a limit of this many bytes per second, at least 1.
    #[must_use]
    pub const fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: match bytes_per_second {
                0 => 1,
                rate => rate,
            },
            due_us: 0,
        }
    }

    /// Counts bytes that have arrived at the time `now_ms`, and returns the number of milliseconds to wait before the next
    /// bytes are read.
    #[must_use]
    pub fn take(&mut self, bytes: u64, now_ms: u64) -> u64 {
        let now = now_ms.saturating_mul(1000);
        let takes = u128::from(bytes) * 1_000_000 / u128::from(self.bytes_per_second);
        let takes = u64::try_from(takes).unwrap_or(u64::MAX);
        self.due_us = self.due_us.max(now).saturating_add(takes);
        self.due_us.saturating_sub(now.saturating_add(BURST_US)) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Connections that wait as they are asked to never receive more than the rate and the burst allow.
        #[test]
        fn the_rate_is_kept(
            per_second in 1_000..100_000_000_u64,
            pieces in prop::collection::vec((0..5_usize, 1..70_000_u64, 0..100_u64), 1..400),
        ) {
            let mut rate = Rate::new(per_second);
            // The time at which each connection may read again.
            let mut free = [0; 5];
            let (mut now, mut bytes, mut largest) = (0, 0, [0; 5]);
            for (connection, piece, idle) in pieces {
                now = free[connection].max(now) + idle;
                bytes += piece;
                largest[connection] = piece.max(largest[connection]);
                free[connection] = now + rate.take(piece, now);
                // Each connection may have one piece that arrived before its wait.
                let allowed = (now + 101) * per_second / 1000 + largest.iter().sum::<u64>();
                prop_assert!(bytes <= allowed, "{bytes} > {allowed} at {now}");
            }
        }
    }

    #[test]
    fn time_without_bytes_is_not_saved_up() {
        let mut rate = Rate::new(1_000);
        assert_eq!(rate.take(1_100, 1_000_000), 1_000);
        assert_eq!(rate.take(0, 1_002_000), 0);
        assert_eq!(rate.take(1_100, 1_002_000), 1_000);
    }
}
