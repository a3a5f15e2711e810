//! The options of a decoder.

/// Which items are committed, by the verdict of their [`PayloadCheck`](crate::PayloadCheck).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum IntegrityPolicy {
    /// Only [`Whole`](crate::Verdict::Whole) is committed.
    Require,
    /// What is not [`Broken`](crate::Verdict::Broken) is committed: Microsoft calls the payload opaque, and
    /// payloads of future servers must not be refused.
    #[default]
    Accept,
    /// Everything is committed, and the outcome has the verdict.
    Report,
    /// Payloads are not checked.
    Off,
}

/// What a decoder expects of a response, and the limits of what it hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Options {
    pub(crate) items: Option<u32>,
    pub(crate) integrity: IntegrityPolicy,
    pub(crate) max_item_bytes: u64,
    pub(crate) max_total_bytes: u64,
}

impl Options {
    /// Any number of items, of any size, of [accepted](IntegrityPolicy::Accept) integrity.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            items: None,
            integrity: IntegrityPolicy::Accept,
            max_item_bytes: u64::MAX,
            max_total_bytes: u64::MAX,
        }
    }

    /// Sets how many items were requested.
    ///
    /// A message beyond them is [`Unrequested`](crate::ItemError::Unrequested); an item without a message gets
    /// the outcome [`NotAnswered`](crate::ItemError::NotAnswered).
    ///
    /// `u32::MAX` counts as one less: no response holds that many.
    #[must_use]
    pub const fn items(mut self, items: u32) -> Self {
        self.items = Some(items);
        self
    }

    /// Sets which items are committed although their payload is not whole.
    #[must_use]
    pub const fn integrity(mut self, integrity: IntegrityPolicy) -> Self {
        self.integrity = integrity;
        self
    }

    /// Limits the decoded bytes of one item; one with more is [`TooLarge`](crate::ItemError::TooLarge).
    #[must_use]
    pub const fn max_item_bytes(mut self, bytes: u64) -> Self {
        self.max_item_bytes = bytes;
        self
    }

    /// Limits the decoded bytes of the whole response; the item that exceeds it and all later ones are
    /// [`TooLarge`](crate::ItemError::TooLarge).
    #[must_use]
    pub const fn max_total_bytes(mut self, bytes: u64) -> Self {
        self.max_total_bytes = bytes;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
