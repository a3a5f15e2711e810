//! The blocking client.

use embedded_io::{Read, Write};
use exportitems::{Decoder, Encoder, ExportItems, FeedError, Operation, Sink, Summary};
use exportitems_http1::HeadEncoder;
use exportitems_ntlm::Login;

use crate::client::{export_error, export_result, not_reset, Client};
use crate::error::Error;
use crate::exchange::{next_bytes, Response, MIN_BUFFER};
use crate::login::{split_for_login, Handshake, Next};

impl<'a, T: Read + Write> Client<'a, T> {
    /// Sends a request and decodes its response into `sink`.
    ///
    /// `decoder` must be new or [reset](Decoder::reset). Set the
    /// [number of items](exportitems::Options::items) in its options.
    ///
    /// - An error of the sink fails the current item only. The item's outcome has
    ///   [`ItemError::Write`](exportitems::ItemError::Write).
    /// - A SOAP fault is a response, with any HTTP status: check [`Summary::fault`].
    /// - Only the summary makes sure that a committed item is the one that was requested: check each with
    ///   [`Summary::confirms`].
    ///
    /// # Errors
    /// See [`Error`].
    pub fn export<S: AsMut<[u8]>, K: Sink + ?Sized>(
        &mut self,
        request: &ExportItems<'_>,
        decoder: &mut Decoder<S>,
        sink: &mut K,
    ) -> Result<Summary, Error<T::Error>> {
        if !self.can_export() {
            return Err(Error::Spent);
        }
        let sent = match self.send(request) {
            // Nothing was sent, so there is no response to read.
            Err(error) if self.can_export() => return Err(error),
            sent => sent,
        };
        self.complete(sent, decoder, sink)
    }

    /// Receives the response, if the request was sent, and finishes the decoder.
    pub(crate) fn complete<S: AsMut<[u8]>, K: Sink + ?Sized, O: Operation>(
        &mut self,
        sent: Result<(), Error<T::Error>>,
        decoder: &mut Decoder<S, O>,
        sink: &mut K,
    ) -> Result<Summary, Error<T::Error>> {
        let (line, buffer) = self.buffer.split_at_mut(self.buffer.len() / 4);
        let mut response = Response::new(line, &self.server.request_id);
        let received =
            sent.and_then(|()| receive(&mut self.transport, buffer, &mut response, decoder, sink));
        let can_reuse = matches!(received, Ok(true));
        let result = finish(decoder, sink, &response, received);
        self.close_exchange(can_reuse && result.is_ok());
        result
    }

    /// Sends the request. The client is not ready from the first byte on.
    #[inline(never)] // so that its stack is free while the response is decoded
    fn send(&mut self, request: &ExportItems<'_>) -> Result<(), Error<T::Error>> {
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
        transmit(&mut self.transport, &mut head, Some(body), self.buffer)
    }

    /// Logs in by NTLM. Call it once, before the first export on this connection.
    ///
    /// The last message of the handshake goes with the next export, so only that export reports whether the server
    /// accepts it. Requests after that carry no credentials, because NTLM authenticates the connection.
    ///
    /// - `login` needs a [`nonce`](Login::nonce) that was never used before, from the caller's random generator.
    ///   No clock is needed: the time in the message is that of the server.
    /// - `login.binding` is the hash of the server's certificate if the connection is TLS. Servers with Extended
    ///   Protection refuse a login without it.
    /// - `memory` holds the last message. 1 KiB is enough for Exchange.
    ///
    /// A server that offers `Negotiate` instead of `NTLM` gets the same messages under that name. If the server needs no
    /// login, none is sent.
    ///
    /// # Errors
    /// See [`Error`]. [`Error::Login`] counts as no attempt, because the server has received no credentials.
    /// After a login, a status 401 of the next export means that the server refuses the user, the password or the
    /// binding. Do not try again with the same credentials: servers lock accounts after a few attempts.
    pub fn log_in(
        &mut self,
        login: &Login<'_>,
        memory: &'a mut [u8],
    ) -> Result<(), Error<T::Error>> {
        let mut handshake = self.begin_login(memory)?;
        loop {
            let can_reuse = self.send_leg(&mut handshake)?;
            let next = handshake.next(can_reuse)?;
            self.close_exchange(true);
            match next {
                Next::Leg => {}
                next => return self.end_login(handshake, next, login),
            }
        }
    }

    /// Sends a request without its body, and receives the response. Returns whether the connection can be used again.
    fn send_leg(&mut self, handshake: &mut Handshake<'_>) -> Result<bool, Error<T::Error>> {
        let request_id = self.server.request_id.text();
        let mut fields = self.server.fields(&request_id);
        let authorization = handshake.first_message()?;
        fields.authorize(authorization);
        let groups = fields.groups();
        let mut head = HeadEncoder::new(fields.head(&groups, 0).map_err(Error::Header)?);
        self.begin_exchange();
        transmit(&mut self.transport, &mut head, None, self.buffer)?;

        let (line, buffer) = split_for_login(self.buffer);
        let mut response = Response::new(line, &self.server.request_id);
        let mut can_reuse = false;
        while !response.is_complete() {
            let len = self.transport.read(buffer).map_err(Error::Transport)?;
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
fn transmit<T: Write>(
    transport: &mut T,
    head: &mut HeadEncoder<'_>,
    mut body: Option<&mut Encoder<'_>>,
    buffer: &mut [u8],
) -> Result<(), Error<T::Error>> {
    loop {
        let bytes = next_bytes(head, body.as_deref_mut(), buffer);
        if bytes.is_empty() {
            return transport.flush().map_err(Error::Transport);
        }
        write_all(transport, bytes)?;
    }
}

/// Writes all of these bytes.
pub(crate) fn write_all<T: Write>(
    transport: &mut T,
    mut bytes: &[u8],
) -> Result<(), Error<T::Error>> {
    while !bytes.is_empty() {
        let len = transport.write(bytes).map_err(Error::Transport)?;
        if len == 0 {
            return Err(Error::WriteZero);
        }
        bytes = bytes.get(len..).unwrap_or_default();
    }
    Ok(())
}

/// Receives the response. Returns whether the connection can carry another request.
#[inline(never)] // so that its stack is free in `finish`
fn receive<T: Read, S: AsMut<[u8]>, K: Sink + ?Sized, O: Operation>(
    transport: &mut T,
    buffer: &mut [u8],
    response: &mut Response<'_>,
    decoder: &mut Decoder<S, O>,
    sink: &mut K,
) -> Result<bool, Error<T::Error>> {
    let mut can_reuse = false;
    while !response.is_complete() {
        let len = transport.read(buffer).map_err(Error::Transport)?;
        if len == 0 {
            response.finish().map_err(Error::Http)?;
        }
        let mut input = buffer.get(..len).unwrap_or(buffer);
        while let Some(mut data) = response.next(&mut input).map_err(Error::Http)? {
            loop {
                match decoder.feed(&mut data, sink) {
                    Ok(()) => break,
                    Err(FeedError::Response(error)) => return Err(Error::Response(error)),
                    Err(FeedError::Sink(_)) => {}
                }
            }
        }
        can_reuse = response.can_reuse(input);
    }
    Ok(can_reuse)
}

/// Finishes the decoder and returns the result of the export.
#[inline(never)]
fn finish<S: AsMut<[u8]>, K: Sink + ?Sized, O: Operation, E>(
    decoder: &mut Decoder<S, O>,
    sink: &mut K,
    response: &Response<'_>,
    received: Result<bool, Error<E>>,
) -> Result<Summary, Error<E>> {
    // Then it has finished an earlier response and was not reset, or `finish_into` repeats an error of this one.
    let was_over = decoder.is_over();
    loop {
        match decoder.finish_into(sink) {
            Ok(summary) if !was_over => return export_result(&received, summary),
            Ok(_) => {
                let error = not_reset(decoder.offset());
                return Err(export_error(response, received, error));
            }
            Err(FeedError::Response(error)) => return Err(export_error(response, received, error)),
            Err(FeedError::Sink(_)) => {}
        }
    }
}
