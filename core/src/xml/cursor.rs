//! The caller's input with its position in the response.

/// The rest of the input, and the offset in the response at which the input ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'i> {
    rest: &'i [u8],
    end: u64,
}

impl<'i> Cursor<'i> {
    /// An input whose first byte is at `offset` of the response.
    pub(crate) const fn new(rest: &'i [u8], offset: u64) -> Self {
        let end = offset.wrapping_add(rest.len() as u64);
        Self { rest, end }
    }

    /// Skips `n` bytes, or all if there are fewer.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    pub(crate) fn bump(&mut self, n: usize) {
        self.rest = self.rest.get(n..).unwrap_or_default();
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `n` bytes, or all if there are fewer.
    pub(crate) fn ahead(&self, n: usize) -> &'i [u8] {
        self.rest.get(..n).unwrap_or(self.rest)
    }

    pub(crate) const fn rest(&self) -> &'i [u8] {
        self.rest
    }

    /// Offset of the next byte in the response.
    pub(crate) const fn offset(&self) -> u64 {
        self.end.wrapping_sub(self.rest.len() as u64)
    }
}
