//! One request and its response.

use super::advice::{Advice, Charge};
use super::disposition::{Disposition, Relief};
use super::limits::Limits;
use crate::ews::RequestServerVersion;
use crate::ews::ResponseCode;
use crate::ews::{Fault, ItemError, Outcome};

/// One request and its response.
///
/// Report to it what is received, in the order of its arrival: the HTTP status, a fault, the loss of the connection, the
/// outcome of each item. Then call [`Endpoint::end`](super::Endpoint::end).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Attempt {
    /// The limits of this request.
    pub(super) sent: Limits,
    /// The limits of the next request.
    ///
    /// Derived from `sent` alone, so that an attempt with many failures, or many attempts that fail at
    /// the same time, reduce the limits by one step only.
    pub(super) next: Limits,
    /// The advice on the response as a whole. The last one counts, since a body takes precedence over its status.
    pub(super) whole: Option<Advice>,
    /// The worst advice on a single item that may apply to the next ones too.
    pub(super) worst: Option<Advice>,
    /// The server has dealt with at least one item.
    pub(super) progress: bool,
}

impl Attempt {
    /// The version to write the request in.
    #[must_use]
    pub const fn version(&self) -> RequestServerVersion {
        self.sent.version
    }

    /// The HTTP answer's status and its headers `Retry-After`, in seconds, and `Location`.
    ///
    /// It counts if the body does not say more.
    pub fn http(&mut self, status: u16, retry_after_s: Option<u32>, location: Option<&str>) {
        if !matches!(status, 200..=299) {
            self.whole = Some(Advice::of_http(status, retry_after_s, location));
        }
    }

    /// The response is a fault.
    pub fn fault(&mut self, fault: &Fault) {
        let mut advice = Advice::of_fault(fault);
        // One item can fail a whole request; smaller requests show which.
        if matches!(
            advice.disposition,
            Disposition::Permanent | Disposition::Transient
        ) {
            advice.relief = Some(Relief::FewerItems);
        }
        if let Some(http) = self.whole {
            advice = advice.wait_at_least(http.back_off_ms);
        }
        self.whole = Some(advice);
    }

    /// The connection could not be made, was lost or timed out, or the response ended too early
    /// ([`ResponseOutcome::Cut`](crate::ResponseOutcome::Cut)).
    pub fn cut(&mut self) {
        self.whole = self.whole.or(Some(Advice::CUT));
    }

    /// Returns the advice on an item's outcome, for [`Policy::next`](super::Policy::next) with the
    /// item's own [`Retry`](super::Retry).
    ///
    /// An item without a response gets the advice on the response as a whole, and is not charged for
    /// it unless it was alone in the request: one bad item never costs its neighbours an attempt.
    pub fn item(&mut self, outcome: &Outcome) -> Advice {
        if outcome.error == Some(ItemError::NotAnswered) {
            let advice = self.whole.unwrap_or(Advice::new(Disposition::Transient));
            let alone = self.sent.items == 1
                && matches!(
                    advice.disposition,
                    Disposition::Permanent | Disposition::Transient
                );
            return Advice {
                relief: None,
                charge: if alone {
                    advice.charge
                } else {
                    Charge::Nothing
                },
                ..advice
            };
        }

        let advice = self.relieve(Advice::of_outcome(outcome));
        match advice.disposition {
            _ if advice.charge == Charge::Nothing => {}
            Disposition::Transient if advice.charge == Charge::Heavy => self.progress = true,
            Disposition::Throttled | Disposition::Transient => self.worsen(advice),
            Disposition::UnsupportedVersion if advice.relief.is_some() => self.worsen(advice),
            // Of these codes only ErrorAccessDenied may be about the one item.
            Disposition::Auth if outcome.code != Some(ResponseCode::ErrorAccessDenied) => {
                self.whole = self.whole.or(Some(advice));
            }
            _ => self.progress = true,
        }
        advice
    }

    /// Applies the relief that is advised. It is removed from the advice if the request cannot be changed any further.
    pub(super) fn relieve(&mut self, advice: Advice) -> Advice {
        let Limits {
            items,
            connections,
            version,
        } = self.sent;
        let changed = match advice.relief {
            Some(Relief::FewerItems) => {
                self.next.items = (items / 2).max(1);
                items > 1
            }
            Some(Relief::FewerConnections) => {
                self.next.connections = (connections / 2).max(1);
                return advice; // no request is refused for it
            }
            Some(Relief::OlderVersion) => {
                self.next.version = version.older().unwrap_or(version);
                version.older().is_some()
            }
            None => return advice,
        };
        if changed || advice.disposition != Disposition::UnsupportedVersion {
            return advice;
        }
        Advice {
            relief: None,
            ..advice
        }
    }

    fn worsen(&mut self, advice: Advice) {
        self.worst = Some(match self.worst {
            Some(worst)
                if worst.disposition == Disposition::Throttled
                    || advice.disposition != Disposition::Throttled =>
            {
                worst.wait_at_least(advice.back_off_ms)
            }
            Some(worst) => advice.wait_at_least(worst.back_off_ms),
            None => advice,
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::ews::Outcome;
    use crate::ews::ResponseCode as C;
    use crate::policy::tests::{after, fault, refused};
    use crate::policy::{Attempt, Endpoint, Limits};

    fn new() -> Endpoint {
        Endpoint::new(Limits::default())
    }

    /// The wait after items that a server refuses so, each with the wait that it asks for.
    fn wait(items: &[(C, u32)]) -> Option<u32> {
        let report = |attempt: &mut Attempt| {
            for (index, &(code, back_off_ms)) in (0..).zip(items) {
                attempt.item(&Outcome {
                    back_off_ms: Some(back_off_ms),
                    ..refused(index, code)
                });
            }
        };
        after(&mut new(), items.len(), report).0
    }

    #[test]
    fn an_items_error_is_the_endpoints_where_the_next_items_would_meet_it_too() {
        for (code, expected) in [
            (C::ErrorServerBusy, Some(1_999)),
            (C::ErrorADUnavailable, Some(999)),
            (C::ErrorPasswordExpired, None),
            (C::ErrorInvalidServerVersion, Some(0)), // in an older one
            // These do not concern the next item.
            (C::ErrorAccessDenied, Some(0)),
            (C::ErrorItemNotFound, Some(0)),
            (C::ErrorSchemaValidation, Some(0)),
            (C::Other, Some(0)),
        ] {
            assert_eq!(wait(&[(code, 0)]), expected, "{code:?}");
        }
    }

    #[test]
    fn the_worst_of_the_items_counts_and_the_longest_wait() {
        let (busy, down, old) = (
            C::ErrorServerBusy,
            C::ErrorADUnavailable,
            C::ErrorInvalidServerVersion,
        );
        for (items, expected) in [
            ([(busy, 0), (down, 0)], 1_999),
            ([(down, 0), (busy, 0)], 1_999),
            ([(down, 0), (old, 0)], 999),
            ([(busy, 5_000), (down, 9_000)], 9_000),
            ([(down, 9_000), (busy, 5_000)], 9_000),
            ([(busy, 5_000), (busy, 0)], 5_000),
        ] {
            assert_eq!(wait(&items), Some(expected), "{items:?}");
        }
    }

    #[test]
    fn a_request_that_cannot_be_made_smaller_is_refused_for_good() {
        let too_big = |attempt: &mut Attempt| {
            attempt.fault(&fault(C::ErrorRequestStreamTooBig));
        };
        assert_eq!(after(&mut new(), 2, too_big).0, Some(0));
        assert_eq!(after(&mut new(), 1, too_big).0, None);
    }

    #[test]
    fn a_request_that_is_refused_is_no_progress() {
        let too_big = |attempt: &mut Attempt| {
            attempt.item(&refused(0, C::ErrorRequestStreamTooBig));
        };
        let mut endpoint = new();
        let mut cuts = 0;
        while after(&mut endpoint, 20, Attempt::cut).0.is_some() {
            cuts += 1;
            assert_eq!(after(&mut endpoint, 20, too_big).0, Some(0));
            assert!(cuts < 100, "no end of it");
        }
    }
}
