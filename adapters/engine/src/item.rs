//! The items of a run.

use exportitems::policy::Retry;

/// What a store knows of an item before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemState {
    /// The item has never been requested.
    New,
    /// The store holds the item.
    Done,
    /// The store holds another version of the item than the one with the listed `ChangeKey`.
    Changed,
    /// The store held the item, but its payload is missing or altered.
    Lost,
    /// The store holds a payload that no response has confirmed.
    Suspect,
    /// The last attempt failed, and another one may succeed.
    Failed,
    /// The server has refused the item permanently, or it has deleted the item before the store held it.
    FailedPermanently,
}

/// An item in the caller's list.
#[derive(Clone, Debug)]
pub(crate) struct Listed<T> {
    /// The position in the list.
    pub(crate) position: usize,
    /// The number of bytes that the payload is expected to have, or 0 if that is unknown.
    pub(crate) size: u64,
    pub(crate) value: T,
}

/// An item that is being exported.
#[derive(Clone, Debug)]
pub(crate) struct Pending<T> {
    pub(crate) listed: Listed<T>,
    /// The state of the retry policy for this item.
    pub(crate) retry: Retry,
    /// Whether the item failed in an earlier run.
    pub(crate) failed_before: bool,
    /// The time of the first failure.
    pub(crate) failed: Option<u64>,
    /// Whether the item must be requested alone.
    pub(crate) alone: bool,
    /// The number of requests for this item alone that failed as a whole, or whose response broke inside the item.
    pub(crate) failed_alone: u8,
    /// The number of requests for this item alone after which it was suspect.
    pub(crate) suspect_alone: u8,
}

impl<T> Pending<T> {
    pub(crate) const fn new(listed: Listed<T>) -> Self {
        Self {
            listed,
            retry: Retry::new(),
            failed_before: false,
            failed: None,
            alone: false,
            failed_alone: 0,
            suspect_alone: 0,
        }
    }

    pub(crate) fn failed_before(listed: Listed<T>) -> Self {
        Self {
            failed_before: true,
            ..Self::new(listed)
        }
    }

    /// Makes the item one that must be requested alone.
    pub(crate) fn alone(self) -> Self {
        Self {
            alone: true,
            ..self
        }
    }

    pub(crate) const fn position(&self) -> usize {
        self.listed.position
    }
}
