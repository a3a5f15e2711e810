//! The body of an upload, without I/O: shared by the blocking and the async client.

use core::ops::Range;

use exportitems::{UploadEncoder, UploadItems};

use crate::client::Client;
use crate::error::Error;
use crate::exchange::MIN_BUFFER;

/// The body of a request, and data that were read for it.
pub(super) struct UploadBody<'b, 'r> {
    encoder: UploadEncoder<'r>,
    buffer: &'b mut [u8],
    /// Where the buffer has data that the encoder has not taken.
    read: Range<usize>,
}

impl<'b, 'r> UploadBody<'b, 'r> {
    /// Returns the body at its start. The data are read into `buffer`.
    pub(super) const fn new(encoder: UploadEncoder<'r>, buffer: &'b mut [u8]) -> Self {
        Self {
            encoder,
            buffer,
            read: 0..0,
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.encoder.is_done()
    }

    /// Returns where the next data of the current item belong; `None` if none are needed now.
    pub(super) fn space(&mut self) -> Option<&mut [u8]> {
        let wanted = self.encoder.wanted().filter(|_| self.read.is_empty())?;
        let rest = usize::try_from(wanted.bytes).unwrap_or(usize::MAX);
        self.read = 0..rest.min(self.buffer.len());
        self.buffer.get_mut(self.read.clone())
    }

    /// Notes how many bytes were read into the space.
    pub(super) fn filled(&mut self, len: usize) {
        self.read.end = self.read.end.min(len);
    }

    /// Writes the next bytes, until `out` is full, data are needed or the body ends. Returns how many there are.
    pub(super) fn write(&mut self, out: &mut [u8]) -> usize {
        let mut data = self.buffer.get(self.read.clone()).unwrap_or_default();
        let written = self.encoder.write(&mut data, out);
        self.read.start = self.read.end.saturating_sub(data.len());
        written
    }
}

/// Splits the client's buffer into one for the bytes to send and one for data.
pub(super) fn split_for_upload(buffer: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    buffer.split_at_mut(buffer.len() / 2)
}

impl<T> Client<'_, T> {
    /// Checks an upload, and returns the start of its body.
    pub(super) fn begin_upload<'r, E>(
        &self,
        request: &UploadItems<'r>,
    ) -> Result<UploadEncoder<'r>, Error<E>> {
        if !self.can_export() {
            return Err(Error::Spent);
        }
        if self.buffer.len() < MIN_BUFFER {
            return Err(Error::BufferTooSmall);
        }
        request.encoder().map_err(Error::Request)
    }
}
