//! The head of a response, which may arrive while the request is still being sent.

use core::ops::Range;

use exportitems_http1::{HeadDecoder, HeadEvent, ResponseHead};

use super::cookies::Cookies;
use super::error::TransportError;
use super::exchange::{Answered, Failed};
use super::response::Fields;
use super::transport::{Connection, Sent, Transport};

/// The first bytes of every HTTP response.
const HTTP: &[u8] = b"HTTP/";

/// Reads the head of one response.
pub(super) struct Head<'a> {
    decoder: HeadDecoder<'a>,
    buffer: &'a mut [u8],
    cookies: &'a mut Cookies,
    fields: Fields,
    /// The part of the buffer that was received and not read yet.
    unread: Range<usize>,
    /// The first bytes that were received, and the number of bytes received. They show the protocol if it is not HTTP.
    first: [u8; HTTP.len()],
    received: usize,
    read: Option<ResponseHead>,
}

/// What a server has sent before it had the whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Interim responses. The server expects the rest of the request.
    Interim,
    /// The beginning of the response itself.
    Final,
}

impl<'a> Head<'a> {
    pub(super) fn new(
        line: &'a mut [u8],
        buffer: &'a mut [u8],
        cookies: &'a mut Cookies,
        fields: Fields,
    ) -> Self {
        Self {
            decoder: HeadDecoder::new(line),
            buffer,
            cookies,
            fields,
            unread: 0..0,
            first: [0; HTTP.len()],
            received: 0,
            read: None,
        }
    }

    /// Reads what has arrived while the request is being sent.
    pub(super) async fn hear(&mut self, transport: &mut impl Transport) -> Result<Heard, Failed> {
        loop {
            match self.step(transport).await? {
                Heard::Interim if self.unread.is_empty() => return Ok(Heard::Interim),
                Heard::Interim => {}
                Heard::Final => return Ok(Heard::Final),
            }
        }
    }

    /// Reads the rest of the head.
    pub(super) async fn finish<T: Transport>(
        mut self,
        mut connection: Connection<T>,
        sent: Sent,
    ) -> Result<Answered<T>, Failed> {
        loop {
            if let Some(head) = self.read {
                let sent = sent == Sent::All;
                return Ok(Answered::new(
                    connection,
                    head,
                    self.fields,
                    self.unread,
                    sent,
                ));
            }
            self.step(&mut connection.transport).await?;
        }
    }

    /// Waits for one event and reads it.
    async fn step(&mut self, transport: &mut impl Transport) -> Result<Heard, Failed> {
        loop {
            let mut input = &self.buffer[self.unread.clone()];
            let event = self.decoder.next(&mut input);
            self.unread.start = self.unread.end - input.len();
            match event {
                Ok(Some(HeadEvent::Field(field))) => {
                    self.fields.add(&field, self.cookies);
                    return Ok(Heard::Final);
                }
                Ok(Some(HeadEvent::FieldTooLong { .. })) => return Ok(Heard::Final),
                Ok(Some(HeadEvent::Head(head))) => {
                    self.read = Some(head);
                    return Ok(Heard::Final);
                }
                Ok(Some(HeadEvent::Interim(_))) => return Ok(Heard::Interim),
                Ok(None) => self.receive(transport).await?,
                Err(error) => return Err(self.failed(self.what_it_speaks(error, transport))),
            }
        }
    }

    async fn receive(&mut self, transport: &mut impl Transport) -> Result<(), Failed> {
        let received = transport
            .receive(self.buffer)
            .await
            .map_err(|error| self.failed(error))?;
        self.unread = 0..received;
        if received == 0 {
            self.decoder
                .finish()
                .map_err(|error| self.failed(TransportError::Http(error)))?;
        }
        let free = &mut self.first[self.received.min(HTTP.len())..];
        let kept = free.len().min(received);
        free[..kept].copy_from_slice(&self.buffer[..kept]);
        self.received = self.received.saturating_add(received);
        Ok(())
    }

    /// Returns the error for a head that cannot be read. If it does not begin like HTTP, it is another protocol.
    fn what_it_speaks(
        &self,
        error: exportitems_http1::Error,
        transport: &impl Transport,
    ) -> TransportError {
        let first = &self.first[..self.received.min(HTTP.len())];
        match HTTP.starts_with(first) {
            true => TransportError::Http(error),
            false => TransportError::NotHttp {
                // A TLS record begins with its type, 20 to 23, and the major version, 3.
                tls: !transport.is_tls() && matches!(first, [20..=23, 3, ..]),
            },
        }
    }

    fn failed(&self, error: TransportError) -> Failed {
        Failed {
            error: error.into(),
            unanswered: self.received == 0,
            is_sent: false,
        }
    }
}
