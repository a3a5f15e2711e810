//! What runs and lists count, for a caller's metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows while items are listed and exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Counter {
    /// Requests for items that were sent, or could not be sent because the server was not reached.
    Requests,
    /// Requests for items without a complete response, and those that were answered with a fault.
    FailedRequests,
    /// Items in all requests. An item that is requested again is counted again.
    RequestedItems,
    /// Bytes of payloads that have arrived, including those of items that were not complete.
    ReceivedBytes,
    /// Items that have become durable in the store.
    ExportedItems,
    /// Bytes of the payloads of exported items.
    ExportedBytes,
    /// Failures of items after which they are requested again.
    RetriedItems,
    /// Failures of items after which they are not requested again in this run.
    FailedItems,
    /// Requests for lists of folders and items that were sent, or could not be sent.
    ListRequests,
    /// Requests for lists that failed.
    FailedListRequests,
    /// Waits for a server that is busy or down, and for the next attempt at items.
    Waits,
    /// The sum of the lengths of these waits when they began, in milliseconds.
    WaitMilliseconds,
}

impl Counter {
    /// All counters, in the order in which they are declared.
    pub const ALL: [Self; 12] = [
        Self::Requests,
        Self::FailedRequests,
        Self::RequestedItems,
        Self::ReceivedBytes,
        Self::ExportedItems,
        Self::ExportedBytes,
        Self::RetriedItems,
        Self::FailedItems,
        Self::ListRequests,
        Self::FailedListRequests,
        Self::Waits,
        Self::WaitMilliseconds,
    ];

    /// Returns the name in lower case with underscores, such as `failed_requests`, which metrics are named by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::FailedRequests => "failed_requests",
            Self::RequestedItems => "requested_items",
            Self::ReceivedBytes => "received_bytes",
            Self::ExportedItems => "exported_items",
            Self::ExportedBytes => "exported_bytes",
            Self::RetriedItems => "retried_items",
            Self::FailedItems => "failed_items",
            Self::ListRequests => "list_requests",
            Self::FailedListRequests => "failed_list_requests",
            Self::Waits => "waits",
            Self::WaitMilliseconds => "wait_milliseconds",
        }
    }
}

/// A caller's metrics. [`Totals`] are metrics that only add, and `()` counts nothing.
///
/// [`Exporter::counters`](crate::Exporter::counters), [`Backup::counters`](crate::backup::Backup::counters) and
/// [`Lister::counters`](crate::list::Lister::counters) take it. All connections of all runs can share one.
pub trait Counters: Sync {
    /// Adds a number to a counter.
    ///
    /// Every connection calls it while others may wait for its return, so it must not block.
    fn add(&self, counter: Counter, number: u64);
}

impl Counters for () {
    fn add(&self, _: Counter, _: u64) {}
}

/// The sum of each counter.
///
/// ```
/// use exportitems_std::{Counter, Counters as _, Totals};
///
/// let totals = Totals::default();
/// totals.add(Counter::ExportedItems, 3);
/// for counter in Counter::ALL {
///     println!("exportitems_{}_total {}", counter.name(), totals.get(counter));
/// }
/// assert_eq!(totals.get(Counter::ExportedItems), 3);
/// ```
#[derive(Debug, Default)]
pub struct Totals([AtomicU64; Counter::ALL.len()]);

impl Totals {
    /// Returns the sum of a counter.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Ordering::Relaxed)
    }
}

impl Counters for Totals {
    fn add(&self, counter: Counter, number: u64) {
        self.0[counter as usize].fetch_add(number, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_has_a_place_and_a_name_of_its_own() {
        let totals = Totals::default();
        for (number, counter) in (1..).zip(Counter::ALL) {
            totals.add(counter, number);
        }
        for (number, counter) in (1..).zip(Counter::ALL) {
            assert_eq!(totals.get(counter), number, "{}", counter.name());
            let same_name = |other: &&Counter| other.name() == counter.name();
            assert_eq!(Counter::ALL.iter().filter(same_name).count(), 1);
        }
    }
}
