//! The body of a response, received piece by piece.

use core::ops::Range;

use exportitems_http1::{BodyDecoder, ResponseHead};

use super::error::TransportError;
use super::gunzip::Gunzip;
use super::start::Start;
use super::transport::{Connection, Transport};

/// The largest number of bytes that are inspected before a body is decoded or quoted.
const START: usize = 4096;

/// A body that is received piece by piece into one buffer.
pub(super) struct Body<'b, T> {
    connection: Connection<T>,
    decoder: BodyDecoder,
    buffer: &'b mut [u8],
    /// The part of the buffer that was received and not decoded yet.
    rest: Range<usize>,
    /// The inspected bytes at the start of the body. They are returned first.
    start: Vec<u8>,
    /// Whether `start` was returned.
    begun: bool,
    /// The place of the data that follow `start` in the same piece.
    peeked: Range<usize>,
    /// Decompresses the body, if it is compressed. Then `peeked` is a place in the decompressed bytes.
    gunzip: Option<Box<Gunzip>>,
    /// The place in the buffer of compressed bytes that were not decompressed yet.
    packed: Range<usize>,
    /// How the body ended, if it ended during the inspection.
    ended: Option<Result<(), TransportError>>,
}

impl<'b, T: Transport> Body<'b, T> {
    /// Returns the body after `head`. `rest` is the part of it that is already in the buffer.
    pub(super) fn new(
        connection: Connection<T>,
        head: &ResponseHead,
        buffer: &'b mut [u8],
        rest: Range<usize>,
    ) -> Self {
        Self {
            connection,
            decoder: BodyDecoder::new(head),
            buffer,
            rest,
            start: Vec::new(),
            begun: false,
            peeked: 0..0,
            gunzip: None,
            packed: 0..0,
            ended: None,
        }
    }

    /// Decompresses the body with gzip, to at most `limit` bytes.
    pub(super) fn expand(&mut self, limit: usize) {
        self.gunzip = Some(Box::new(Gunzip::new(limit)));
    }

    /// Returns the next data, which are never empty, or `None` at the end of a complete body.
    pub(super) async fn next(&mut self) -> Result<Option<&[u8]>, TransportError> {
        if !core::mem::replace(&mut self.begun, true) && !self.start.is_empty() {
            return Ok(Some(&self.start));
        }
        let peeked = core::mem::take(&mut self.peeked);
        if !peeked.is_empty() {
            return Ok(Some(&self.data()[peeked]));
        }
        match self.ended.take() {
            Some(ended) => ended.map(|()| None),
            None => Ok(self.advance().await?.map(|data| &self.data()[data])),
        }
    }

    /// Returns what kind of document the body is. [`next`](Self::next) returns the inspected data again.
    ///
    /// # Errors
    /// The connection failed before the first byte of the body.
    pub(super) async fn look(&mut self) -> Result<Start, TransportError> {
        loop {
            if let Some(start) = Start::of(&self.start, self.is_over()) {
                return Ok(start);
            }
            self.fill().await;
            if self.start.is_empty() && matches!(self.ended, Some(Err(_))) {
                return self.ended.take().unwrap_or(Ok(())).map(|()| Start::Empty);
            }
        }
    }

    /// Returns the first bytes, as many as can be received.
    pub(super) async fn start(&mut self) -> &[u8] {
        // The text of the server explains more than an error of the connection.
        while !self.is_over() {
            self.fill().await;
        }
        &self.start
    }

    /// Returns the connection if it can be used for another request.
    pub(super) fn reusable(self) -> Option<Connection<T>> {
        self.decoder
            .can_reuse(&self.buffer[self.rest])
            .then_some(self.connection)
    }

    /// Returns whether enough bytes were inspected.
    fn is_over(&self) -> bool {
        self.ended.is_some() || self.start.len() >= START
    }

    /// Adds the next data to `start`.
    async fn fill(&mut self) {
        match self.advance().await {
            Ok(Some(data)) => {
                let end = data.end.min(data.start + START - self.start.len());
                let piece = match &self.gunzip {
                    Some(gunzip) => gunzip.expanded(),
                    None => &*self.buffer,
                };
                self.start.extend_from_slice(&piece[data.start..end]);
                self.peeked = end..data.end;
            }
            Ok(None) => self.ended = Some(Ok(())),
            Err(error) => self.ended = Some(Err(error)),
        }
    }

    /// Returns the bytes in which the places of data are.
    fn data(&self) -> &[u8] {
        match &self.gunzip {
            Some(gunzip) => gunzip.expanded(),
            None => self.buffer,
        }
    }

    /// Returns the place of the next data in [`data`](Self::data).
    async fn advance(&mut self) -> Result<Option<Range<usize>>, TransportError> {
        if self.gunzip.is_none() {
            return self.unframe().await;
        }
        loop {
            let is_over = match self.packed.is_empty() {
                false => false,
                true => match self.unframe().await? {
                    Some(packed) => {
                        self.packed = packed;
                        false
                    }
                    None => true,
                },
            };
            let Some(gunzip) = &mut self.gunzip else {
                return Ok(None);
            };
            match is_over {
                true => gunzip.finish()?,
                false => {
                    let input = &self.buffer[self.packed.clone()];
                    self.packed.start += gunzip.expand(input)?;
                }
            }
            let len = gunzip.expanded().len();
            if len > 0 {
                return Ok(Some(0..len));
            }
            if is_over {
                return Ok(None);
            }
        }
    }

    /// Returns the place in the buffer of the next data after removing the HTTP framing.
    async fn unframe(&mut self) -> Result<Option<Range<usize>>, TransportError> {
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
            self.rest = 0..self.connection.transport.receive(self.buffer).await?;
            if self.rest.is_empty() {
                self.decoder.finish().map_err(TransportError::Http)?;
                return Ok(None);
            }
        }
    }
}
