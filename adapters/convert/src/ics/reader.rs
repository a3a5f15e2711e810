//! Reads the structures of calendar properties.

use crate::text::one_line;

/// The bytes that were not read yet.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    /// Reads so many numbers.
    pub(super) fn u32s(&mut self, count: u32) -> Option<Vec<u32>> {
        let bytes = self.take((count as usize).checked_mul(4)?)?;
        let mut reader = Reader(bytes);
        Some(std::iter::from_fn(|| reader.u32()).collect())
    }

    /// Reads a length and so many bytes.
    pub(super) fn block(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(len as usize)
    }

    /// Reads a text of so many UTF-16 units.
    pub(super) fn utf16(&mut self, units: usize) -> Option<String> {
        let bytes = self.take(units * 2)?;
        let text = encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0;
        Some(one_line(text.trim_end_matches('\0')))
    }
}
