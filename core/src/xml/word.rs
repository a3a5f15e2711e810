//! The name, reference or end of a section that is being read.

use super::hash::EMPTY;

/// A name ([`name`](super::name)), a reference ([`reference`](super::reference)) or the end of a section, as far as it has
/// been read. Its bytes are not kept, only the hash or number computed from them. There is never more than one at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    /// For a name, the hash of its local part. For a reference, its letters, the last one in the lowest byte, or its
    /// number, clamped beyond the largest character.
    pub(crate) value: u32,
    /// For a name, the hash of its prefix and colon. For a reference, 10 after `#` and 16 after `#x`. Zero otherwise.
    pub(crate) prefix: u32,
    /// How many bytes have been read; for a number, 1 once there is a digit.
    pub(crate) len: u8,
}

impl Word {
    /// A name of which nothing has been read.
    pub(crate) const NAME: Self = Self {
        value: EMPTY,
        prefix: 0,
        len: 0,
    };

    /// A reference of which only its `&` has been read.
    pub(crate) const REFERENCE: Self = Self {
        value: 0,
        prefix: 0,
        len: 0,
    };
}
