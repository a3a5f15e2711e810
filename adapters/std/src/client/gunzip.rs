//! Bodies with `Content-Encoding: gzip`.

use std::io::Write as _;

use flate2::write::MultiGzDecoder;

use super::error::TransportError;

/// The number of compressed bytes that are decompressed at once. Deflate expands them at most about a thousandfold.
const PIECE: usize = 128;
/// The number of bytes at the end that are held back until the checksum is verified. They contain the end of the
/// document, so a document with a missing or wrong checksum counts as cut.
const KEPT: usize = 1024;

/// Expands a body piece by piece, in memory of a fixed size.
pub(super) struct Gunzip {
    decoder: MultiGzDecoder<Vec<u8>>,
    expanded: Vec<u8>,
    /// The number of decompressed bytes that may be used.
    given: usize,
    is_over: bool,
    /// The largest number of decompressed bytes, and how many of them are left.
    limit: usize,
    left: usize,
}

impl Gunzip {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            decoder: MultiGzDecoder::new(Vec::new()),
            expanded: Vec::new(),
            given: 0,
            is_over: false,
            limit,
            left: limit,
        }
    }

    /// Decompresses the beginning of `input`, and returns its length.
    ///
    /// # Errors
    /// The data are damaged, or expand to more bytes than the limit.
    pub(super) fn expand(&mut self, input: &[u8]) -> Result<usize, TransportError> {
        let piece = &input[..input.len().min(PIECE)];
        self.decoder
            .write_all(piece)
            .map_err(TransportError::Gzip)?;
        self.collect(KEPT)?;
        Ok(piece.len())
    }

    /// Decompresses the rest at the end of the body.
    ///
    /// # Errors
    /// The checksum is missing or wrong, or the data expand to more bytes than the limit.
    pub(super) fn finish(&mut self) -> Result<(), TransportError> {
        if !core::mem::replace(&mut self.is_over, true) {
            self.decoder.try_finish().map_err(TransportError::Gzip)?;
        }
        self.collect(0)
    }

    /// Returns the bytes that the last step has decompressed.
    pub(super) fn expanded(&self) -> &[u8] {
        &self.expanded[..self.given]
    }

    fn collect(&mut self, kept: usize) -> Result<(), TransportError> {
        self.expanded.drain(..self.given);
        let new = self.decoder.get_mut();
        self.left = self
            .left
            .checked_sub(new.len())
            .ok_or(TransportError::TooLarge { limit: self.limit })?;
        self.expanded.append(new);
        self.given = self.expanded.len().saturating_sub(kept);
        Ok(())
    }
}
