//! One request and its response, without I/O: what blocking and async share.

use core::ops::Range;

use exportitems::{Encoder, ExportItems};
use exportitems_http1::{
    BodyDecoder, HeadDecoder, HeadEncoder, HeadEvent, RequestHead, RetryAfter,
};

use crate::error::{Error, Status};
use crate::server::Server;

/// Smallest buffer, in bytes: a quarter of it holds the longest line of a response's head that decides
/// where the body ends.
pub const MIN_BUFFER: usize = 512;

/// What is to be done next.
pub(crate) enum Step<'x> {
    /// Write some of these bytes, and tell [`Exchange::wrote`] how many.
    Write(&'x [u8]),
    /// Flush the transport.
    Flush,
    /// Read into this, and tell [`Exchange::received`] how many bytes.
    Read(&'x mut [u8]),
    /// Decode these bytes of the body.
    Body(&'x [u8]),
    /// The response is over.
    End,
}

#[derive(Clone, Copy)]
enum Phase {
    Send,
    Flush,
    Receive,
}

/// The machine.
pub(crate) struct Exchange<'e> {
    head: HeadEncoder<'e>,
    request: Encoder<'e>,
    response: HeadDecoder<'e>,
    /// Once the head is over.
    body: Option<BodyDecoder>,
    status: Status,
    phase: Phase,
    buffer: &'e mut [u8],
    /// What of the buffer is to be written, or to be read.
    /// INVARIANT: in bounds.
    held: Range<usize>,
    ended: bool,
}

impl<'e> Exchange<'e> {
    pub(crate) fn new<E>(
        server: &Server<'e>,
        headers: &'e [(&'e str, &'e str)],
        request: &ExportItems<'e>,
        buffer: &'e mut [u8],
    ) -> Result<Self, Error<E>> {
        if buffer.len() < MIN_BUFFER {
            return Err(Error::BufferTooSmall);
        }
        let request = request.encoder().map_err(Error::Request)?;
        let length = request.encoded_len();
        let head =
            RequestHead::new(server.path, server.host, headers, length).map_err(Error::Header)?;
        let (line, buffer) = buffer
            .split_at_mut_checked(buffer.len() / 4)
            .ok_or(Error::BufferTooSmall)?;
        Ok(Self {
            head: HeadEncoder::new(head),
            request,
            response: HeadDecoder::new(line),
            body: None,
            status: Status {
                code: 0,
                retry_after: None,
            },
            phase: Phase::Send,
            buffer,
            held: 0..0,
            ended: false,
        })
    }

    /// What is to be done next, until it is [`Step::End`] or an error.
    pub(crate) fn step<E>(&mut self) -> Result<Step<'_>, Error<E>> {
        match self.phase {
            Phase::Send => {
                if self.held.is_empty() {
                    self.held = 0..self.fill();
                }
                if self.held.is_empty() {
                    self.phase = Phase::Flush;
                    return self.step();
                }
                Ok(Step::Write(
                    self.buffer.get(self.held.clone()).unwrap_or_default(),
                ))
            }
            Phase::Flush => {
                self.phase = Phase::Receive;
                Ok(Step::Flush)
            }
            Phase::Receive => match self.receive().map_err(Error::Http)? {
                Some(data) => Ok(Step::Body(self.buffer.get(data).unwrap_or_default())),
                None if self.body.as_ref().is_some_and(BodyDecoder::is_complete) => Ok(Step::End),
                None => {
                    self.held = 0..0;
                    Ok(Step::Read(self.buffer))
                }
            },
        }
    }

    /// `write` took so many bytes.
    pub(crate) fn wrote<E>(&mut self, len: usize) -> Result<(), Error<E>> {
        if len == 0 {
            return Err(Error::WriteZero);
        }
        self.held.start = self.held.end.min(self.held.start + len);
        Ok(())
    }

    /// `read` gave so many bytes, or, with 0, the connection ended.
    pub(crate) fn received<E>(&mut self, len: usize) -> Result<(), Error<E>> {
        self.held = 0..len.min(self.buffer.len());
        if len > 0 {
            return Ok(());
        }
        self.ended = true;
        match &mut self.body {
            Some(body) => body.finish(),
            None => self.response.finish(),
        }
        .map_err(Error::Http)
    }

    /// Whether the connection may carry another request.
    pub(crate) fn can_reuse(&self) -> bool {
        let rest = self.buffer.get(self.held.clone()).unwrap_or_default();
        !self.ended && self.body.as_ref().is_some_and(|body| body.can_reuse(rest))
    }

    /// The status of the response, if it is not that of success.
    pub(crate) fn bad_status(&self) -> Option<Status> {
        Some(self.status).filter(|status| self.body.is_some() && !(200..300).contains(&status.code))
    }

    /// The next bytes of the request into the buffer.
    fn fill(&mut self) -> usize {
        let len = self.head.write(self.buffer);
        len + self
            .buffer
            .get_mut(len..)
            .map_or(0, |free| self.request.write(free))
    }

    /// Takes the framing off what is held: where the next data of the body are. `None`: read on, or over.
    fn receive(&mut self) -> Result<Option<Range<usize>>, exportitems_http1::Error> {
        let mut input = self.buffer.get(self.held.clone()).unwrap_or_default();
        while self.body.is_none() {
            match self.response.next(&mut input)? {
                Some(HeadEvent::Field(field)) => {
                    if let Some(RetryAfter::Seconds(seconds)) = field.retry_after() {
                        self.status.retry_after = Some(seconds);
                    }
                }
                Some(HeadEvent::Head(head)) => {
                    self.status.code = head.status();
                    self.body = Some(BodyDecoder::new(&head));
                }
                Some(HeadEvent::Interim(_) | HeadEvent::FieldTooLong { .. }) => {}
                None => break,
            }
        }
        let data = match &mut self.body {
            Some(body) => body.next(&mut input)?,
            None => None,
        };
        self.held.start = self.held.end - input.len();
        Ok(data.map(|data| self.held.start - data.len()..self.held.start))
    }
}
