//! The body of a response, off the connection.

use core::ops::Range;

use exportitems_http1::{BodyDecoder, ResponseHead};

use super::connection::Connection;
use super::error::TransportError;

/// Gives a body piece by piece, in the buffer that the connection fills.
pub(super) struct Body<'b> {
    connection: Connection,
    decoder: BodyDecoder,
    buffer: &'b mut [u8],
    /// What has been received and not been looked at.
    rest: Range<usize>,
    /// Data that have been looked at and are to be given again.
    peeked: Range<usize>,
}

impl<'b> Body<'b> {
    /// The body behind `head`, of which `rest` is in the buffer already.
    pub(super) fn new(
        connection: Connection,
        head: &ResponseHead,
        buffer: &'b mut [u8],
        rest: Range<usize>,
    ) -> Self {
        Self {
            connection,
            decoder: BodyDecoder::new(head),
            buffer,
            rest,
            peeked: 0..0,
        }
    }

    /// The next data, never empty; `None` at the end of a whole body.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, TransportError> {
        let data = match core::mem::take(&mut self.peeked) {
            peeked if !peeked.is_empty() => Some(peeked),
            _ => self.advance()?,
        };
        Ok(data.map(|data| &self.buffer[data]))
    }

    /// Whether the body begins as XML does, behind white space and a byte order mark.
    ///
    /// The marks of UTF-16 count: the decoder says better than anybody what is wrong with them.
    pub(super) fn looks_like_xml(&mut self) -> Result<bool, TransportError> {
        while let Some(data) = self.advance()? {
            let first = self.buffer[data.clone()]
                .iter()
                .find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF));
            if let Some(&first) = first {
                self.peeked = data;
                return Ok(matches!(first, b'<' | 0xFE | 0xFF));
            }
        }
        Ok(false)
    }

    /// The first `limit` bytes or so, as far as they can be had.
    pub(super) fn start(&mut self, limit: usize) -> Vec<u8> {
        let mut start = Vec::new();
        while start.len() < limit {
            match self.next() {
                Ok(Some(data)) => start.extend_from_slice(&data[..data.len().min(limit)]),
                // What is wrong with the connection matters less than what the server said.
                Ok(None) | Err(_) => break,
            }
        }
        start
    }

    /// The connection, if it can carry another request.
    pub(super) fn reusable(self) -> Option<Connection> {
        self.decoder
            .can_reuse(&self.buffer[self.rest])
            .then_some(self.connection)
    }

    /// Where the next data are in the buffer.
    fn advance(&mut self) -> Result<Option<Range<usize>>, TransportError> {
        loop {
            let mut input = &self.buffer[self.rest.clone()];
            let data = self
                .decoder
                .next(&mut input)
                .map_err(TransportError::Http)?
                .map(<[u8]>::len);
            let end = self.rest.end - input.len();
            self.rest.start = end;
            if let Some(len) = data {
                return Ok(Some(end - len..end));
            }
            if self.decoder.is_complete() {
                return Ok(None);
            }
            self.rest = 0..self.connection.receive(self.buffer)?;
            if self.rest.is_empty() {
                self.decoder.finish().map_err(TransportError::Http)?;
                return Ok(None);
            }
        }
    }
}
