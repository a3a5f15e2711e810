//! Offsets that leave no gaps in the state.

/// An offset or a length in bytes, aligned to 4, as all else is that is kept.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed(4))]
pub(crate) struct Offset(pub(crate) u64);
