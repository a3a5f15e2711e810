//! Stretches of memory, as C sees them.

use core::ffi::c_char;

/// UTF-8 text of `len` bytes, **not** ended by a NUL.
///
/// `ptr` is null where there is no text at all.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Text {
    /// The first byte.
    pub ptr: *const c_char,
    /// Length in bytes.
    pub len: usize,
}

impl Text {
    pub(crate) const ABSENT: Self = Self {
        ptr: core::ptr::null(),
        len: 0,
    };
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            ptr: text.as_ptr().cast(),
            len: text.len(),
        }
    }
}

impl From<Option<&str>> for Text {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::ABSENT, Self::from)
    }
}

/// `len` bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Bytes {
    /// The first byte; may be null where `len` is 0.
    pub ptr: *const u8,
    /// How many.
    pub len: usize,
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }
}
