//! The async shell.

use embedded_io_async::{Read, Write};
use exportitems::{Decoder, Error as ResponseError, Event, ExportItems, Summary};
use exportitems_http1::HeadEncoder;

use crate::client::{broken, finished, proven, Client};
use crate::error::Error;
use crate::exchange::{next_bytes, Response, MIN_BUFFER};
use crate::sink::{AsyncSink, Delivery};

impl<T: Read + Write> Client<'_, T> {
    /// [`export`](Self::export) for an async transport and sink, on any executor.
    ///
    /// # Cancel safety
    /// The future may be dropped wherever it waits.
    /// What the sink committed by then stays committed; the item under way is neither committed nor aborted
    /// ([`AsyncSink`]).
    /// The connection is spent: [`can_export`](Self::can_export) is false.
    /// The decoder wants a [`reset`](Decoder::reset).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn export_async<S: AsMut<[u8]>, K: AsyncSink + ?Sized>(
        &mut self,
        request: &ExportItems<'_>,
        decoder: &mut Decoder<S>,
        sink: &mut K,
    ) -> Result<Summary, Error<T::Error>> {
        if !self.ready {
            return Err(Error::Spent);
        }
        let sent = match self.send_async(request).await {
            // Nothing was sent, so nothing comes back.
            Err(error) if self.ready => return Err(error),
            sent => sent,
        };
        let (line, buffer) = self.buffer.split_at_mut(self.buffer.len() / 4);
        let mut response = Response::new(line, &self.server.request_id);
        let mut items = Items {
            decoder,
            delivery: Delivery::default(),
            sink,
        };
        let received = match sent {
            Ok(()) => receive(&mut self.transport, buffer, &mut response, &mut items).await,
            Err(error) => Err(error),
        };
        let can_reuse = matches!(received, Ok(true));
        let result = match items.finish().await {
            Ok(summary) => proven(&received, summary),
            Err(error) => Err(broken(&response, received, error)),
        };
        self.close_exchange(can_reuse && result.is_ok());
        result
    }

    /// Sends the request. From its first byte on the client is not ready: the future may be dropped at every
    /// `await`.
    async fn send_async(&mut self, request: &ExportItems<'_>) -> Result<(), Error<T::Error>> {
        if self.buffer.len() < MIN_BUFFER {
            return Err(Error::BufferTooSmall);
        }
        // Borrowed from the result: a copy is 80 bytes of stack.
        let mut body = request.encoder();
        let body = body.as_mut().map_err(|error| Error::Request(*error))?;
        let request_id = self.server.request_id.text();
        let headers = self.server.headers(&request_id);
        let head = self.server.head(headers.fields(), body.encoded_len());
        let mut head = HeadEncoder::new(head.map_err(Error::Header)?);
        self.ready = false;
        loop {
            let mut bytes = next_bytes(&mut head, body, self.buffer);
            if bytes.is_empty() {
                return self.transport.flush().await.map_err(Error::Transport);
            }
            while !bytes.is_empty() {
                let len = self
                    .transport
                    .write(bytes)
                    .await
                    .map_err(Error::Transport)?;
                if len == 0 {
                    return Err(Error::WriteZero);
                }
                bytes = bytes.get(len..).unwrap_or_default();
            }
        }
    }
}

/// Receives the response. `true`: the connection may carry another request.
async fn receive<T: Read, S: AsMut<[u8]>, K: AsyncSink + ?Sized>(
    transport: &mut T,
    buffer: &mut [u8],
    response: &mut Response<'_>,
    items: &mut Items<'_, S, K>,
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

/// What [`Decoder::feed`] and [`Decoder::finish_into`] are for a sink that waits.
struct Items<'i, S, K: ?Sized> {
    decoder: &'i mut Decoder<S>,
    delivery: Delivery,
    sink: &'i mut K,
}

impl<S: AsMut<[u8]>, K: AsyncSink + ?Sized> Items<'_, S, K> {
    async fn feed(&mut self, input: &mut &[u8]) -> Result<(), ResponseError> {
        while let Some((event, wanted)) = self.decoder.next_event_and_item(input)? {
            let kept = self.delivery.tell(event, wanted, self.sink).await;
            if let Some(answer) = self.delivery.id_match.take() {
                self.decoder.compare_id(answer);
            }
            if kept.is_err() {
                self.decoder.reject_item();
            }
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<Summary, ResponseError> {
        let mut summary = None;
        while let Some(event) = self.decoder.finish()? {
            if let Event::End(end) = event {
                summary = Some(end);
            }
            // Nothing begins after the end of the input.
            if self.delivery.tell(event, None, self.sink).await.is_err() {
                self.decoder.reject_item();
            }
        }
        // A decoder that emits no end has emitted it already, of another response.
        summary.ok_or(finished(self.decoder.offset()))
    }
}
