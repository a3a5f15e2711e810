//! Offsets without padding around them.

/// An offset or a length in bytes, aligned to 4 like everything else in the state.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed(4))]
pub(crate) struct Offset(pub(crate) u64);
