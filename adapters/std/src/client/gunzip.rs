//! Bodies with `Content-Encoding: gzip`.

use std::io::Write as _;

use flate2::write::MultiGzDecoder;
use tracing::warn;

use super::error::TransportError;

/// The number of compressed bytes that are decompressed at once. Deflate expands them at most about a thousandfold.
const PIECE: usize = 128;
/// The number of bytes at the end that are held back until the checksum is verified. They contain the end of the
/// document, so a document with a missing or wrong checksum counts as cut.
const KEPT: usize = 1024;
/// The ratio of expansion above which a response is logged. Texts and calendars stay below it.
const SUSPICIOUS: usize = 200;

/// Expands a body piece by piece, in memory of a fixed size.
pub(super) struct Gunzip {
    decoder: MultiGzDecoder<Vec<u8>>,
    expanded: Vec<u8>,
    /// The number of decompressed bytes that may be used.
    given: usize,
    is_over: bool,
    /// The number of compressed bytes so far.
    compressed: usize,
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
            compressed: 0,
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
        self.compressed += piece.len();
        self.collect(KEPT)?;
        Ok(piece.len())
    }

    /// Decompresses the rest at the end of the body.
    ///
    /// # Errors
    /// The checksum is missing or wrong, or the data expand to more bytes than the limit.
    pub(super) fn finish(&mut self) -> Result<(), TransportError> {
        let is_first = !core::mem::replace(&mut self.is_over, true);
        if is_first {
            self.decoder.try_finish().map_err(TransportError::Gzip)?;
        }
        self.collect(0)?;
        if is_first {
            self.log_expansion(self.limit - self.left);
        }
        Ok(())
    }

    /// Returns the bytes that the last step has decompressed.
    pub(super) fn expanded(&self) -> &[u8] {
        &self.expanded[..self.given]
    }

    fn collect(&mut self, kept: usize) -> Result<(), TransportError> {
        self.expanded.drain(..self.given);
        let new = self.decoder.get_mut().len();
        let Some(left) = self.left.checked_sub(new) else {
            self.log_expansion(self.limit - self.left + new);
            return Err(TransportError::TooLarge { limit: self.limit });
        };
        self.left = left;
        self.expanded.append(self.decoder.get_mut());
        self.given = self.expanded.len().saturating_sub(kept);
        Ok(())
    }

    /// Logs a response that has expanded as only a decompression bomb, or an item of equal bytes, does.
    fn log_expansion(&self, expanded: usize) {
        let compressed = self.compressed;
        if expanded / SUSPICIOUS > compressed {
            warn!(
                compressed,
                expanded, "a compressed response has expanded more than 200 times"
            );
        }
    }
}
