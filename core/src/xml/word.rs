//! What is being spelled.

use super::hash::EMPTY;

/// A name ([`name`](super::name)), a reference ([`reference`](super::reference)) or the end of a section, under way or
/// whole: not its bytes, but what they come to. There is never more than one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    /// Of a name, the hash of its local part; of a reference, its letters, the last one lowest, or its number, as far
    /// as that can be a character's.
    pub(crate) value: u32,
    /// Of a name, the hash of its prefix and colon; of a reference, 10 behind `#` and 16 behind `#x`; zero without.
    pub(crate) prefix: u32,
    /// How many bytes of it have come; of a number, whether one has.
    pub(crate) len: u8,
}

impl Word {
    /// A name of which nothing has come.
    pub(crate) const NAME: Self = Self {
        value: EMPTY,
        prefix: 0,
        len: 0,
    };

    /// A reference of which nothing has come but its `&`.
    pub(crate) const REFERENCE: Self = Self {
        value: 0,
        prefix: 0,
        len: 0,
    };
}
