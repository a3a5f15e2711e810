//! The body of a response, off the connection.

use core::ops::Range;

use exportitems_http1::{BodyDecoder, ResponseHead};

use super::error::TransportError;
use super::gunzip::Gunzip;
use super::start::Start;
use super::transport::{Connection, Transport};

/// Bytes of a body that are looked at before it is decoded or quoted.
const START: usize = 4096;

/// Gives a body piece by piece, in the buffer that the connection fills.
pub(super) struct Body<'b, T> {
    connection: Connection<T>,
    decoder: BodyDecoder,
    buffer: &'b mut [u8],
    /// What has been received and not been looked at.
    rest: Range<usize>,
    /// The first data, which have been looked at; they are given before everything else.
    start: Vec<u8>,
    /// `start` has been given.
    begun: bool,
    /// Where data are in the buffer that were received with the last of `start`.
    peeked: Range<usize>,
    /// Expands a compressed body. Then `peeked` and data are places in what it has expanded.
    gunzip: Option<Box<Gunzip>>,
    /// What has been decoded of the framing and not been expanded: a place in the buffer.
    packed: Range<usize>,
    /// How the body ended, where that was noticed while looking at its start.
    ended: Option<Result<(), TransportError>>,
}

impl<'b, T: Transport> Body<'b, T> {
    /// The body after `head`, of which `rest` is in the buffer already.
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

    /// Expands the body by gzip.
    pub(super) fn expand(&mut self) {
        self.gunzip = Some(Box::new(Gunzip::new()));
    }

    /// The next data, never empty; `None` at the end of a whole body.
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

    /// What the body begins with. The data are given again by [`next`](Self::next).
    ///
    /// # Errors
    /// What happened to the connection before the first byte of the body.
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

    /// The first bytes, as far as they can be had.
    pub(super) async fn start(&mut self) -> &[u8] {
        // What is wrong with the connection matters less than what the server said.
        while !self.is_over() {
            self.fill().await;
        }
        &self.start
    }

    /// The connection, if it can carry another request.
    pub(super) fn reusable(self) -> Option<Connection<T>> {
        self.decoder
            .can_reuse(&self.buffer[self.rest])
            .then_some(self.connection)
    }

    /// Whether there is no more to be looked at.
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

    /// What the places of data are in.
    fn data(&self) -> &[u8] {
        match &self.gunzip {
            Some(gunzip) => gunzip.expanded(),
            None => self.buffer,
        }
    }

    /// Where the next data are in [`data`](Self::data).
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
                true => gunzip.finish().map_err(TransportError::Gzip)?,
                false => {
                    let input = &self.buffer[self.packed.clone()];
                    self.packed.start += gunzip.expand(input).map_err(TransportError::Gzip)?;
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

    /// Where the next data are in the buffer, as the framing of HTTP has them.
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
