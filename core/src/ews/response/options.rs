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

    /// Returns the largest number of bytes of a response within these limits: for each item one and a half times its
    /// decoded bytes, for base64 and line breaks, and 64 KiB for the rest of its message, and 1 MiB for everything else.
    ///
    /// It is `u64::MAX` unless there are limits and the [number of items](Self::items) is known. A response with an item
    /// that is [too large](crate::ItemError::TooLarge) may have more bytes.
    #[must_use]
    pub const fn max_response_bytes(&self) -> u64 {
        const MESSAGE: u64 = 64 << 10;
        const ENVELOPE: u64 = 1 << 20;
        let Some(items) = self.items else {
            return u64::MAX;
        };
        let each = self.max_item_bytes.saturating_mul(items as u64);
        let bytes = if each < self.max_total_bytes {
            each
        } else {
            self.max_total_bytes
        };
        let base64 = bytes.saturating_add(bytes / 2);
        base64
            .saturating_add(MESSAGE * items as u64)
            .saturating_add(ENVELOPE)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
