//! The async client.

use embedded_io_async::{Read, Write};
use exportitems::{
    Decoder, Encoder, Error as ResponseError, ExportItems, IdMatch, Operation, SinkCall, Summary,
};
use exportitems_http1::HeadEncoder;
use exportitems_ntlm::Login;

use crate::client::{export_error, export_result, not_reset, Client};
use crate::error::Error;
use crate::exchange::{next_bytes, Response, MIN_BUFFER};
use crate::login::{split_for_login, Handshake, Next};
use crate::sink::{make, AsyncSink};

impl<'a, T: Read + Write> Client<'a, T> {
    /// Sends a request and decodes its response into `sink`, like [`export`](Self::export), on any executor.
    ///
    /// # Cancel safety
    /// The future may be dropped at any `await`.
    /// Items that the sink has committed stay committed. The current item is neither committed nor aborted
    /// ([`AsyncSink`]).
    /// The connection cannot be used again: [`can_export`](Self::can_export) is false.
    /// [Reset](Decoder::reset) the decoder before you use it again.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn export_async<S: AsMut<[u8]>, K: AsyncSink + ?Sized>(
        &mut self,
        request: &ExportItems<'_>,
        decoder: &mut Decoder<S>,
        sink: &mut K,
    ) -> Result<Summary, Error<T::Error>> {
        if !self.can_export() {
            return Err(Error::Spent);
        }
        let sent = match self.send_async(request).await {
            // Nothing was sent, so there is no response to read.
            Err(error) if self.can_export() => return Err(error),
            sent => sent,
        };
        self.complete_async(sent, decoder, sink).await
    }

    /// Receives the response, if the request was sent, and finishes the decoder.
    pub(crate) async fn complete_async<S: AsMut<[u8]>, K: AsyncSink + ?Sized, O: Operation>(
        &mut self,
        sent: Result<(), Error<T::Error>>,
        decoder: &mut Decoder<S, O>,
        sink: &mut K,
    ) -> Result<Summary, Error<T::Error>> {
        let (line, buffer) = self.buffer.split_at_mut(self.buffer.len() / 4);
        let mut response = Response::new(line, &self.server.request_id);
        let mut items = Items { decoder, sink };
        let received = match sent {
            Ok(()) => receive(&mut self.transport, buffer, &mut response, &mut items).await,
            Err(error) => Err(error),
        };
        let can_reuse = matches!(received, Ok(true));
        let result = match items.finish().await {
            Ok(summary) => export_result(&received, summary),
            Err(error) => Err(export_error(&response, received, error)),
        };
        self.close_exchange(can_reuse && result.is_ok());
        result
    }

    /// Sends the request. The client is not ready from the first byte on, since the future may be dropped at any
    /// `await`.
    async fn send_async(&mut self, request: &ExportItems<'_>) -> Result<(), Error<T::Error>> {
        if self.buffer.len() < MIN_BUFFER {
            return Err(Error::BufferTooSmall);
        }
        // Borrowed from the result: a copy would take 80 bytes of stack.
        let mut body = request.encoder();
        let body = body.as_mut().map_err(|error| Error::Request(*error))?;
        let request_id = self.server.request_id.text();
        let fields = self.server.fields(&request_id);
        let groups = fields.groups();
        let head = fields.head(&groups, body.encoded_len());
        let mut head = HeadEncoder::new(head.map_err(Error::Header)?);
        self.begin_exchange();
        transmit(&mut self.transport, &mut head, Some(body), self.buffer).await
    }

    /// Logs in by NTLM, like [`log_in`](Self::log_in), on any executor.
    ///
    /// # Cancel safety
    /// The future may be dropped at any `await`. The server has received no credentials then.
    /// The connection cannot be used again: [`can_export`](Self::can_export) is false.
    ///
    /// # Errors
    /// See [`log_in`](Self::log_in).
    pub async fn log_in_async(
        &mut self,
        login: &Login<'_>,
        memory: &'a mut [u8],
    ) -> Result<(), Error<T::Error>> {
        let mut handshake = self.begin_login(memory)?;
        loop {
            let can_reuse = self.send_leg_async(&mut handshake).await?;
            let next = handshake.next(can_reuse)?;
            self.close_exchange(true);
            match next {
                Next::Leg => {}
                next => return self.end_login(handshake, next, login),
            }
        }
    }

    /// Sends a request without its body, and receives the response. Returns whether the connection can be used again.
    async fn send_leg_async(
        &mut self,
        handshake: &mut Handshake<'_>,
    ) -> Result<bool, Error<T::Error>> {
        let request_id = self.server.request_id.text();
        let mut fields = self.server.fields(&request_id);
        let authorization = handshake.first_message()?;
        fields.authorize(authorization);
        let groups = fields.groups();
        let mut head = HeadEncoder::new(fields.head(&groups, 0).map_err(Error::Header)?);
        self.begin_exchange();
        transmit(&mut self.transport, &mut head, None, self.buffer).await?;

        let (line, buffer) = split_for_login(self.buffer);
        let mut response = Response::new(line, &self.server.request_id);
        let mut can_reuse = false;
        while !response.is_complete() {
            let len = self
                .transport
                .read(buffer)
                .await
                .map_err(Error::Transport)?;
            if len == 0 {
                response.finish().map_err(Error::Http)?;
            }
            let mut input = buffer.get(..len).unwrap_or(buffer);
            handshake.skip(&mut response, &mut input)?;
            can_reuse = response.can_reuse(input);
        }
        handshake.end(&response)?;
        Ok(can_reuse)
    }
}

/// Sends a request: its head, and its body if there is one.
async fn transmit<T: Write>(
    transport: &mut T,
    head: &mut HeadEncoder<'_>,
    mut body: Option<&mut Encoder<'_>>,
    buffer: &mut [u8],
) -> Result<(), Error<T::Error>> {
    loop {
        let bytes = next_bytes(head, body.as_deref_mut(), buffer);
        if bytes.is_empty() {
            return transport.flush().await.map_err(Error::Transport);
        }
        write_all(transport, bytes).await?;
    }
}

/// Writes all of these bytes.
pub(crate) async fn write_all<T: Write>(
    transport: &mut T,
    mut bytes: &[u8],
) -> Result<(), Error<T::Error>> {
    while !bytes.is_empty() {
        let len = transport.write(bytes).await.map_err(Error::Transport)?;
        if len == 0 {
            return Err(Error::WriteZero);
        }
        bytes = bytes.get(len..).unwrap_or_default();
    }
    Ok(())
}

/// Receives the response. Returns whether the connection can carry another request.
async fn receive<T: Read, S: AsMut<[u8]>, K: AsyncSink + ?Sized, O: Operation>(
    transport: &mut T,
    buffer: &mut [u8],
    response: &mut Response<'_>,
    items: &mut Items<'_, S, K, O>,
) -> Result<bool, Error<T::Error>> {
    let mut can_reuse = false;
    while !response.is_complete() {
        let len = transport.read(buffer).await.map_err(Error::Transport)?;
        if len == 0 {
            response.finish().map_err(Error::Http)?;
        }
        let mut input = buffer.get(..len).unwrap_or(buffer);
        while let Some(mut data) = response.next(&mut input).map_err(Error::Http)? {
            items.feed(&mut data).await.map_err(Error::Response)?;
        }
        can_reuse = response.can_reuse(input);
    }
    Ok(can_reuse)
}

/// A decoder and an async sink: the counterpart of [`Decoder::feed`] and [`Decoder::finish_into`].
struct Items<'i, S, K: ?Sized, O: Operation> {
    decoder: &'i mut Decoder<S, O>,
    sink: &'i mut K,
}

impl<S: AsMut<[u8]>, K: AsyncSink + ?Sized, O: Operation> Items<'_, S, K, O> {
    async fn feed(&mut self, input: &mut &[u8]) -> Result<(), ResponseError> {
        while let Some(call) = self.decoder.next_call(input)? {
            let made = make(call, self.sink).await;
            self.settle(&made);
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<Summary, ResponseError> {
        let mut summary = None;
        while let Some(call) = self.decoder.finish_call()? {
            if let SinkCall::End(end) = call {
                summary = Some(end);
            }
            let made = make(call, self.sink).await;
            self.settle(&made);
        }
        // Without an end, the decoder has finished an earlier response and was not reset.
        summary.ok_or(not_reset(self.decoder.offset()))
    }

    /// Passes the result of a call to the decoder.
    fn settle(&mut self, made: &Result<Option<IdMatch>, K::Error>) {
        match made {
            Ok(Some(answer)) => self.decoder.compare_id(*answer),
            Ok(None) => {}
            Err(_) => self.decoder.reject_item(),
        }
    }
}
