//! How often, and after which wait.

use super::advice::{Advice, Charge};
use super::disposition::Disposition;

/// Waits that grow: `first_ms`, twice that, four times that, …, `max_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Schedule {
    /// The first wait in milliseconds, and the shortest to honour of a server's own.
    pub first_ms: u32,
    /// The longest wait that is not the server's own, in milliseconds.
    pub max_ms: u32,
    /// How many more attempts a failure of this kind may cost.
    pub attempts: u8,
}

/// When to give up, and how long to wait until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Policy {
    /// For [`Disposition::Throttled`].
    pub throttled: Schedule,
    /// For [`Disposition::Transient`].
    pub transient: Schedule,
    /// For [`Disposition::Truncated`].
    pub truncated: Schedule,
    /// No further attempt is granted this long after the first failure, in milliseconds.
    pub give_up_after_ms: u64,
}

impl Policy {
    /// The longest wait, in milliseconds, even if the server asks for more: one hour.
    ///
    /// Servers have asked for 5 seconds to 5 minutes.
    pub const MAX_WAIT_MS: u32 = 3_600_000;

    /// Attempts for a failure of unknown cause: a code that is in no table, two payloads in one message.
    const UNEXPLAINED_ATTEMPTS: u8 = 2;

    /// Attempts with a request that differs from the one that was refused: enough to halve 100 items to one.
    const CHANGED_ATTEMPTS: u8 = 8;

    /// Waits of seconds for throttling and outages, of minutes for truncated items, and eight hours
    /// until nothing is requested again, after which Microsoft wants a support case for truncated items.
    pub const DEFAULT: Self = Self {
        throttled: Schedule {
            first_ms: 2_000,
            max_ms: 300_000,
            attempts: 20,
        },
        transient: Schedule {
            first_ms: 1_000,
            max_ms: 60_000,
            attempts: 8,
        },
        truncated: Schedule {
            first_ms: 60_000,
            max_ms: 3_600_000,
            attempts: u8::MAX,
        },
        give_up_after_ms: 8 * 3_600_000,
    };

    /// Whether to ask again after `advice`, and how long to wait before, in milliseconds. `None`: do not.
    ///
    /// `retry` is what that same item, or that same endpoint, has cost already. `elapsed_ms` is the time
    /// since its first failure and `random` any 32 random bits, since the core has neither clock nor
    /// random numbers.
    ///
    /// A wait that the server asks for is honoured, from the schedule's first up to
    /// [`MAX_WAIT_MS`](Self::MAX_WAIT_MS). Any other is drawn from the upper half of what the schedule
    /// has come to, so that clients which failed together do not come back together.
    #[must_use]
    pub fn next(
        &self,
        retry: &mut Retry,
        advice: Advice,
        elapsed_ms: u64,
        random: u32,
    ) -> Option<u32> {
        if advice.disposition == Disposition::Done {
            return None;
        }
        if advice.charge == Charge::Nothing {
            return Some(0);
        }
        let (schedule, spent) = match advice.disposition {
            Disposition::Throttled => (self.throttled, &mut retry.throttled),
            Disposition::Transient => (self.transient, &mut retry.transient),
            Disposition::Truncated => (self.truncated, &mut retry.truncated),
            // The same request would fail the same way; only a different one need not wait.
            _ if advice.relief.is_some() => (
                Schedule {
                    first_ms: 0,
                    max_ms: 0,
                    attempts: Self::CHANGED_ATTEMPTS,
                },
                &mut retry.changed,
            ),
            _ => return None,
        };
        let attempts = match advice.charge {
            Charge::Heavy => schedule.attempts.min(Self::UNEXPLAINED_ATTEMPTS),
            _ => schedule.attempts,
        };
        if *spent >= attempts || elapsed_ms >= self.give_up_after_ms {
            return None;
        }
        let doublings = u32::from(*spent).min(31);
        *spent = spent.saturating_add(1);
        let wait = if advice.back_off_ms > 0 {
            advice.back_off_ms.max(schedule.first_ms)
        } else {
            let longest = schedule
                .first_ms
                .saturating_mul(1 << doublings)
                .min(schedule.max_ms);
            let half = longest / 2;
            // `random` as a fraction of 2^32: no division, no bias worth a loop.
            let jitter = (u64::from(longest - half) * u64::from(random)) >> 32;
            #[allow(clippy::cast_possible_truncation)] // below `longest`
            let jitter = jitter as u32;
            half.wrapping_add(jitter)
        };
        Some(wait.min(Self::MAX_WAIT_MS))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What an item, or an endpoint, has cost in attempts so far. Four bytes, fit to be kept for each item.
///
/// INVARIANT: no count goes down; only a new one starts at nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Retry {
    throttled: u8,
    transient: u8,
    truncated: u8,
    changed: u8,
}

impl Retry {
    /// Nothing has failed yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            throttled: 0,
            transient: 0,
            truncated: 0,
            changed: 0,
        }
    }

    /// What [`to_bytes`](Self::to_bytes) gave. Any bytes will do, and zeros are [`new`](Self::new).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        let [throttled, transient, truncated, changed] = bytes;
        Self {
            throttled,
            transient,
            truncated,
            changed,
        }
    }

    /// The same as bytes, for a caller that keeps it in a file or in another language.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        [self.throttled, self.transient, self.truncated, self.changed]
    }
}

#[cfg(test)]
mod tests {
    use super::{Policy, Retry};
    use crate::ews::ResponseCode as C;
    use crate::policy::tests::refused;
    use crate::policy::{Advice, Disposition};
    use proptest::prelude::*;
    use std::vec::Vec;

    const POLICY: Policy = Policy::DEFAULT;

    /// The waits that are granted until there is no further one, in milliseconds.
    fn waits(advice: Advice, random: u32) -> Vec<u32> {
        let mut retry = Retry::new();
        let mut elapsed_ms = 0;
        std::iter::from_fn(|| {
            let wait = POLICY.next(&mut retry, advice, elapsed_ms, random)?;
            elapsed_ms += u64::from(wait);
            Some(wait)
        })
        .collect()
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds = |disposition| -> Vec<u32> {
            waits(Advice::new(disposition), u32::MAX)
                .into_iter()
                .map(|wait| wait.div_ceil(1000))
                .collect()
        };
        assert_eq!(
            seconds(Disposition::Transient),
            [1, 2, 4, 8, 16, 32, 60, 60]
        );
        let throttled = seconds(Disposition::Throttled);
        assert_eq!(throttled[..9], [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(throttled.len(), 20);
        // Hours, and eight of them.
        let truncated = seconds(Disposition::Truncated);
        assert_eq!(truncated[..8], [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        let hours = truncated.iter().sum::<u32>() / 3600;
        assert!((8..9).contains(&hours), "{hours}");
        // A code that is in no table.
        let unknown = Advice::of_code(C::Other, None);
        assert_eq!(waits(unknown, u32::MAX).len(), 2);
    }

    #[test]
    fn what_will_not_change_is_not_asked_again() {
        for disposition in [
            Disposition::Done,
            Disposition::Permanent,
            Disposition::Auth,
            Disposition::UnsupportedVersion,
        ] {
            assert_eq!(waits(Advice::new(disposition), 0), []);
        }
    }

    #[test]
    fn attempts_stay_spent_when_they_are_kept_as_bytes() {
        assert_eq!(Retry::from_bytes([0; 4]), Retry::new());
        let advice = Advice::of_code(C::ErrorADUnavailable, None);
        let mut bytes = Retry::new().to_bytes();
        let waits: Vec<u32> = std::iter::from_fn(|| {
            let mut retry = Retry::from_bytes(bytes);
            let wait = POLICY.next(&mut retry, advice, 0, u32::MAX)?;
            bytes = retry.to_bytes();
            Some(wait)
        })
        .collect();
        assert_eq!(waits.len(), usize::from(POLICY.transient.attempts));
        assert_eq!(waits[..3], [999, 1_999, 3_999]);
        for at in 0..4 {
            let mut bytes = [0; 4];
            bytes[at] = 1;
            assert_eq!(Retry::from_bytes(bytes).to_bytes(), bytes);
        }
    }

    #[test]
    fn the_default_is_the_documented_one() {
        assert_eq!(Policy::default(), Policy::DEFAULT);
        assert_eq!(Policy::DEFAULT.give_up_after_ms, 28_800_000); // eight hours
    }

    #[test]
    fn failures_of_one_kind_do_not_use_up_the_budget_of_another() {
        let mut retry = Retry::new();
        let mut next = |code| POLICY.next(&mut retry, Advice::of_code(code, None), 0, u32::MAX);
        while next(C::ErrorServerBusy).is_some() {}
        assert_eq!(next(C::ErrorADUnavailable), Some(999));
    }

    proptest! {
        #[test]
        fn waits_stay_within_bounds_and_come_to_an_end(
            steps in prop::collection::vec((0..C::KNOWN.len(), any::<Option<u32>>(), any::<u32>()), 0..400),
        ) {
            let mut retry = Retry::new();
            for (code, back_off_ms, random) in steps {
                let outcome = crate::Outcome { back_off_ms, ..refused(0, C::KNOWN[code]) };
                let advice = Advice::of_outcome(&outcome);
                let before = retry;
                let schedule = match advice.disposition {
                    Disposition::Throttled => POLICY.throttled,
                    Disposition::Transient => POLICY.transient,
                    _ => continue,
                };
                let wait = POLICY.next(&mut retry, advice, 0, random);
                match wait {
                    None => prop_assert_eq!(before, retry),
                    Some(0) => prop_assert_eq!(C::KNOWN[code], C::ErrorBatchProcessingStopped),
                    Some(wait) => {
                        prop_assert!(retry.throttled + retry.transient == before.throttled + before.transient + 1);
                        match back_off_ms.unwrap_or(0) {
                            0 => prop_assert!((schedule.first_ms / 2..=schedule.max_ms).contains(&wait)),
                            asked => {
                                prop_assert!(wait >= asked.min(Policy::MAX_WAIT_MS));
                                prop_assert!((schedule.first_ms..=Policy::MAX_WAIT_MS).contains(&wait));
                            }
                        }
                    }
                }
            }
            prop_assert!(retry.throttled <= POLICY.throttled.attempts);
            prop_assert!(retry.transient <= POLICY.transient.attempts);
        }

        #[test]
        fn nothing_is_granted_after_the_horizon(code in 0..C::KNOWN.len(), beyond in 0..u64::MAX / 2) {
            let advice = Advice::of_code(C::KNOWN[code], None);
            prop_assume!(C::KNOWN[code] != C::ErrorBatchProcessingStopped);
            let elapsed_ms = POLICY.give_up_after_ms + beyond;
            prop_assert_eq!(POLICY.next(&mut Retry::new(), advice, elapsed_ms, 0), None);
        }
    }
}
