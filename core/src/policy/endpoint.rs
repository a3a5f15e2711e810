//! What is known about a server.

use super::advice::Advice;
use super::attempt::Attempt;
use super::disposition::{Disposition, Relief};
use super::limits::Limits;
use super::retry::{Policy, Retry};

/// What is known about a server, shared by all connections to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Endpoint {
    limits: Limits,
    /// The most items that the caller wants; `limits.items` returns to it.
    most_items: usize,
    retry: Retry,
}

impl Endpoint {
    /// A server about which nothing is known yet, and the largest requests to make.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let limits = Limits {
            items: limits.items.max(1),
            connections: limits.connections.max(1),
            ..limits
        };
        Self {
            limits,
            most_items: limits.items,
            retry: Retry::new(),
        }
    }

    /// How much to ask of it now.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Starts a request for so many items.
    #[must_use]
    pub const fn attempt(&self, items: usize) -> Attempt {
        let sent = Limits {
            items,
            ..self.limits
        };
        Attempt {
            sent,
            next: sent,
            whole: None,
            worst: None,
            progress: false,
        }
    }

    /// Learns from an attempt that is over, and returns how long to wait before the next one, in milliseconds.
    /// `None`: stop, the server would not answer any better.
    ///
    /// `elapsed_ms` is the time since the last attempt that brought anything; see [`Policy::next`] for
    /// it and for `random`.
    #[must_use]
    pub fn end(
        &mut self,
        policy: &Policy,
        mut attempt: Attempt,
        elapsed_ms: u64,
        random: u32,
    ) -> Option<u32> {
        let whole = attempt.whole.map(|advice| attempt.relieve(advice));
        let Attempt { sent, next, .. } = attempt;
        let limits = &mut self.limits;
        limits.version = limits.version.min(next.version);
        limits.connections = limits.connections.min(next.connections);
        if next.items < sent.items {
            limits.items = limits.items.min(next.items);
        } else if attempt.progress && sent.items >= limits.items {
            // Back to what the caller wants, slowly: most limits are the load of the moment.
            let more = limits.items / 8 + 1;
            limits.items = limits.items.saturating_add(more).min(self.most_items);
        }

        if attempt.progress {
            self.retry = Retry::new();
        }
        let advice = match whole.or(attempt.worst) {
            Some(advice) if is_about_items(advice) => Advice {
                disposition: Disposition::Transient,
                ..advice
            },
            Some(advice) => advice,
            None if attempt.progress => return Some(0),
            None => Advice::UNEXPLAINED,
        };
        policy.next(&mut self.retry, advice, elapsed_ms, random)
    }
}

/// A fault with a code that condemns an item, and no word about which.
fn is_about_items(advice: Advice) -> bool {
    advice.disposition == Disposition::Permanent && advice.relief == Some(Relief::FewerItems)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{after, cut, done, fault, not_answered, refused};
    use super::{Attempt, Endpoint, Limits, Policy};
    use crate::ews::RequestServerVersion as Version;
    use crate::ews::ResponseCode as C;
    use crate::ews::{Fault, Outcome};
    use crate::policy::{Disposition, Retry};
    use core::cell::Cell;
    use proptest::prelude::*;

    fn deliver(attempt: &mut Attempt) {
        attempt.item(&done(0));
    }

    #[test]
    fn a_cut_halves_the_items_once_and_success_brings_them_back() {
        let mut endpoint = Endpoint::new(Limits::default());
        let (wait, limits) = after(&mut endpoint, 20, |attempt| {
            attempt.item(&cut(0));
            for index in 1..20 {
                attempt.item(&not_answered(index));
            }
            attempt.cut();
        });
        assert_eq!((wait, limits.items), (Some(999), 10));
        let (wait, limits) = after(&mut endpoint, 10, deliver);
        assert_eq!((wait, limits.items), (Some(0), 12));
        for _ in 0..20 {
            let items = endpoint.limits().items;
            let _ = after(&mut endpoint, items, deliver);
        }
        assert_eq!(endpoint.limits().items, 20);
    }

    #[test]
    fn only_a_full_request_that_brings_something_makes_the_next_one_larger() {
        let mut endpoint = Endpoint::new(Limits::default());
        let _ = after(&mut endpoint, 20, Attempt::cut);
        assert_eq!(after(&mut endpoint, 9, deliver).1.items, 10);
        let busy = |attempt: &mut Attempt| {
            attempt.item(&refused(0, C::ErrorServerBusy));
        };
        assert_eq!(after(&mut endpoint, 10, busy).1.items, 10);
        assert_eq!(after(&mut endpoint, 10, deliver).1.items, 12);
    }

    #[test]
    fn a_step_begins_at_what_was_sent() {
        let mut endpoint = Endpoint::new(Limits::default());
        assert_eq!(after(&mut endpoint, 6, Attempt::cut).1.items, 3);
        // A request of two that was sent before teaches no more than it can.
        assert_eq!(after(&mut endpoint, 10, Attempt::cut).1.items, 3);
    }

    /// One item can fail a whole request: smaller requests show which, and the server is not to blame.
    #[test]
    fn a_fault_about_an_item_is_waited_for_as_if_it_would_pass() {
        let mut endpoint = Endpoint::new(Limits::default());
        let (wait, limits) = after(&mut endpoint, 20, |attempt| {
            attempt.fault(&fault(C::ErrorCorruptData));
        });
        assert_eq!((wait, limits.items), (Some(999), 10));
        // One that is too large need not wait to be made smaller; one that is refused as such ends it.
        let (wait, limits) = after(&mut endpoint, 10, |attempt| {
            attempt.fault(&fault(C::ErrorRequestStreamTooBig));
        });
        assert_eq!((wait, limits.items), (Some(0), 5));
        let (wait, _) = after(&mut endpoint, 5, |attempt| attempt.http(400, None, None));
        assert_eq!(wait, None);
    }

    #[test]
    fn an_item_is_only_blamed_for_a_fault_that_it_was_alone_with() {
        let advice = |items| {
            let mut attempt = Endpoint::new(Limits::default()).attempt(items);
            attempt.fault(&fault(C::ErrorCorruptData));
            attempt.item(&not_answered(0))
        };
        let next = |items| Policy::DEFAULT.next(&mut Retry::new(), advice(items), 0, 0);
        assert_eq!((next(1), next(2)), (None, Some(0)));
    }

    #[test]
    fn an_answer_without_the_items_is_no_progress() {
        let mut endpoint = Endpoint::new(Limits::default());
        let empty = |attempt: &mut Attempt| {
            attempt.item(&not_answered(0));
        };
        let mut waits = [0; 3].map(|_| after(&mut endpoint, 1, empty).0);
        assert_eq!(waits, [Some(999), Some(1_999), None]);
        waits = [0; 3].map(|_| after(&mut endpoint, 1, |_| ()).0);
        assert_eq!(waits, [None; 3]);
    }

    #[test]
    fn a_server_that_is_down_is_left_alone_but_not_one_that_stumbles() {
        let mut endpoint = Endpoint::new(Limits::default());
        for _ in 0..100 {
            assert!(after(&mut endpoint, 1, Attempt::cut).0.is_some());
            assert_eq!(after(&mut endpoint, 1, deliver).0, Some(0));
        }
        let attempts = (0..100).take_while(|_| after(&mut endpoint, 1, Attempt::cut).0.is_some());
        assert_eq!(
            attempts.count(),
            usize::from(Policy::DEFAULT.transient.attempts)
        );
    }

    #[test]
    fn requests_that_fail_at_the_same_time_ask_for_one_step() {
        let mut endpoint = Endpoint::new(Limits::default());
        for mut attempt in [endpoint.attempt(20); 2] {
            attempt.fault(&fault(C::ErrorExceededConnectionCount));
            let _ = endpoint.end(&Policy::DEFAULT, attempt, 0, 0);
        }
        let Limits {
            items, connections, ..
        } = endpoint.limits();
        assert_eq!((items, connections), (20, 2));
    }

    #[test]
    fn the_version_ladder_is_climbed_down_once() {
        let mut endpoint = Endpoint::new(Limits::default());
        let versions = Cell::new([Version::default(); 2]);
        let refuse = |attempt: &mut Attempt| {
            versions.set([versions.get()[1], attempt.version()]);
            attempt.fault(&fault(C::ErrorInvalidServerVersion));
            let advice = attempt.item(&not_answered(0));
            assert_eq!(advice.disposition, Disposition::UnsupportedVersion);
        };
        for version in [Version::Exchange2010_SP2, Version::Exchange2010_SP1] {
            let (wait, limits) = after(&mut endpoint, 1, refuse);
            assert_eq!((wait, limits.version), (Some(0), version));
        }
        assert_eq!(
            versions.get(),
            [Version::default(), Version::Exchange2010_SP2]
        );
        assert_eq!(after(&mut endpoint, 1, refuse).0, None);
    }

    #[test]
    fn the_longest_of_what_the_server_asks_for_is_waited() {
        for (retry_after_s, back_off_ms, wait) in [
            (Some(10), Some(297_749), 297_749),
            (Some(600), Some(5_000), 600_000),
            (None, Some(u32::MAX), Policy::MAX_WAIT_MS),
            (Some(u32::MAX), None, Policy::MAX_WAIT_MS),
            (None, Some(1), 2_000),
            (None, Some(0), 1_999), // the schedule's own
            (None, None, 1_999),
        ] {
            let mut endpoint = Endpoint::new(Limits::default());
            let (waited, _) = after(&mut endpoint, 1, |attempt| {
                attempt.http(500, retry_after_s, None);
                attempt.fault(&Fault {
                    back_off_ms,
                    ..fault(C::ErrorServerBusy)
                });
            });
            assert_eq!(waited, Some(wait), "{retry_after_s:?} {back_off_ms:?}");
        }
    }

    #[test]
    fn a_throttled_item_makes_the_endpoint_wait_too() {
        let mut endpoint = Endpoint::new(Limits::default());
        let (wait, _) = after(&mut endpoint, 2, |attempt| {
            attempt.item(&done(0));
            attempt.item(&Outcome {
                back_off_ms: Some(5_000),
                ..refused(1, C::ErrorServerBusy)
            });
        });
        assert_eq!(wait, Some(5_000));
    }

    #[test]
    fn a_busy_server_keeps_the_size_of_requests_whatever_the_status() {
        let mut endpoint = Endpoint::new(Limits::default());
        let (_, limits) = after(&mut endpoint, 20, |attempt| {
            attempt.http(500, None, None);
            attempt.fault(&fault(C::ErrorServerBusy));
        });
        assert_eq!(limits, Limits::default());
        let (_, limits) = after(&mut endpoint, 20, |attempt| {
            attempt.http(500, None, None);
        });
        assert_eq!(limits.items, 10);
    }

    #[test]
    fn http_counts_where_the_body_says_no_more() {
        let mut endpoint = Endpoint::new(Limits::default());
        let (wait, _) = after(&mut endpoint, 1, |attempt| attempt.http(403, None, None));
        assert_eq!(wait, None);
        let (wait, _) = after(&mut endpoint, 1, |attempt| {
            attempt.http(500, None, None);
            attempt.fault(&fault(C::ErrorAccessDenied));
            let advice = attempt.item(&not_answered(0));
            assert_eq!(advice.disposition, Disposition::Auth);
        });
        assert_eq!(wait, None);
    }

    proptest! {
        #[test]
        fn limits_stay_within_what_the_caller_wants(
            reliefs in prop::collection::vec((0..4_u8, 1..30_usize), 0..60),
        ) {
            let most = Limits::default();
            let mut endpoint = Endpoint::new(most);
            for (relief, items) in reliefs {
                let (_, limits) = after(&mut endpoint, items, |attempt| match relief {
                    0 => attempt.cut(),
                    1 => attempt.fault(&fault(C::ErrorTooManyObjectsOpened)),
                    2 => attempt.fault(&fault(C::ErrorInvalidServerVersion)),
                    _ => deliver(attempt),
                });
                prop_assert!((1..=most.items).contains(&limits.items));
                prop_assert!((1..=most.connections).contains(&limits.connections));
                prop_assert!(limits.version <= most.version);
            }
        }
    }
}
