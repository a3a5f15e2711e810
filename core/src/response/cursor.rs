//! The caller's input with its place in the response.

/// What is left of the input, and the offset of its first byte in the response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'i> {
    rest: &'i [u8],
    offset: u64,
}

impl<'i> Cursor<'i> {
    pub(super) const fn new(rest: &'i [u8], offset: u64) -> Self {
        Self { rest, offset }
    }

    /// Steps over `n` bytes, at most what is left.
    pub(super) fn bump(&mut self, n: usize) {
        let n = n.min(self.rest.len());
        self.rest = self.rest.get(n..).unwrap_or_default();
        self.offset = self.offset.wrapping_add(n as u64);
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The first `n` bytes, at most what is left.
    pub(super) fn ahead(&self, n: usize) -> &'i [u8] {
        self.rest.get(..n).unwrap_or(self.rest)
    }

    pub(super) const fn rest(&self) -> &'i [u8] {
        self.rest
    }

    /// Offset of the next byte in the response.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }
}
