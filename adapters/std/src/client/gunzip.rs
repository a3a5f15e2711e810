//! Bodies with `Content-Encoding: gzip`.

use std::io::{self, Write as _};

use flate2::write::MultiGzDecoder;

/// Compressed bytes that are expanded at once; deflate makes a thousand times as many of them at most.
const PIECE: usize = 128;
/// Bytes at the end that are kept back until the checksum is known to be right: with them the end of the
/// document, so that a document whose checksum is missing or wrong is a cut one.
const KEPT: usize = 1024;

/// Expands a body piece by piece, in memory of a fixed size.
pub(super) struct Gunzip {
    decoder: MultiGzDecoder<Vec<u8>>,
    expanded: Vec<u8>,
    /// How many of the expanded bytes are given away.
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

    /// Expands the front of `input`, and returns how many bytes that is.
    pub(super) fn expand(&mut self, input: &[u8]) -> io::Result<usize> {
        let piece = &input[..input.len().min(PIECE)];
        self.decoder.write_all(piece)?;
        self.collect(KEPT);
        Ok(piece.len())
    }

    /// Expands what is left at the end of the body.
    ///
    /// # Errors
    /// The data end before their checksum, or it does not match.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if !core::mem::replace(&mut self.is_over, true) {
            self.decoder.try_finish()?;
        }
        self.collect(0);
        Ok(())
    }

    /// What the last step has expanded.
    pub(super) fn expanded(&self) -> &[u8] {
        &self.expanded[..self.given]
    }

    fn collect(&mut self, kept: usize) {
        self.expanded.drain(..self.given);
        self.expanded.append(self.decoder.get_mut());
        self.given = self.expanded.len().saturating_sub(kept);
    }
}
