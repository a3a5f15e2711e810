//! Bodies with `Content-Encoding: gzip`.

use std::io::{self, Write as _};

use flate2::write::MultiGzDecoder;

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
}

impl Gunzip {
    pub(super) fn new() -> Self {
        Self {
            decoder: MultiGzDecoder::new(Vec::new()),
            expanded: Vec::new(),
            given: 0,
            is_over: false,
        }
    }

    /// Decompresses the beginning of `input`, and returns its length.
    pub(super) fn expand(&mut self, input: &[u8]) -> io::Result<usize> {
        let piece = &input[..input.len().min(PIECE)];
        self.decoder.write_all(piece)?;
        self.collect(KEPT);
        Ok(piece.len())
    }

    /// Decompresses the rest at the end of the body.
    ///
    /// # Errors
    /// The checksum is missing or wrong.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if !core::mem::replace(&mut self.is_over, true) {
            self.decoder.try_finish()?;
        }
        self.collect(0);
        Ok(())
    }

    /// Returns the bytes that the last step has decompressed.
    pub(super) fn expanded(&self) -> &[u8] {
        &self.expanded[..self.given]
    }

    fn collect(&mut self, kept: usize) {
        self.expanded.drain(..self.given);
        self.expanded.append(self.decoder.get_mut());
        self.given = self.expanded.len().saturating_sub(kept);
    }
}
