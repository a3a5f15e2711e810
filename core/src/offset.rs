//! Offsets that leave no gaps in the state.

/// An offset or a length in bytes, aligned as 32-bit machines are.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed(4))]
pub(crate) struct Offset(pub(crate) u64);
