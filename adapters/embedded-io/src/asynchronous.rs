//! The async shell.

use embedded_io_async::{Read, Write};
use exportitems::{Decoder, Error as ResponseError, ErrorKind, Event, ExportItems, Summary};

use crate::client::{conclude, Client};
use crate::error::Error;
use crate::exchange::{Exchange, Step};
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
        let headers = self.server.headers();
        let mut exchange = Exchange::new(&self.server, headers.fields(), request, self.buffer)?;
        // Until it has ended cleanly: this future may be dropped at every await below.
        self.ready = false;
        let mut items = Items {
            decoder,
            delivery: Delivery::default(),
            sink,
        };
        let driven = drive(&mut self.transport, &mut exchange, &mut items).await;
        let finished = items.finish().await;
        self.ready = driven.is_ok() && exchange.can_reuse();
        conclude(&exchange, driven, finished)
    }
}

async fn drive<T: Read + Write, S: AsMut<[u8]>, K: AsyncSink + ?Sized>(
    transport: &mut T,
    exchange: &mut Exchange<'_>,
    items: &mut Items<'_, S, K>,
) -> Result<(), Error<T::Error>> {
    loop {
        match exchange.step()? {
            Step::Write(bytes) => {
                let len = transport.write(bytes).await.map_err(Error::Transport)?;
                exchange.wrote(len)?;
            }
            Step::Flush => transport.flush().await.map_err(Error::Transport)?,
            Step::Read(free) => {
                let len = transport.read(free).await.map_err(Error::Transport)?;
                exchange.received(len)?;
            }
            Step::Body(mut bytes) => items.feed(&mut bytes).await.map_err(Error::Response)?,
            Step::End => return Ok(()),
        }
    }
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
            if self.delivery.tell(event, wanted, self.sink).await.is_err() {
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
            // Nothing begins behind the end of the input.
            if self.delivery.tell(event, None, self.sink).await.is_err() {
                self.decoder.reject_item();
            }
        }
        // A decoder that tells no end has told it already, of another response.
        summary.ok_or(ResponseError {
            kind: ErrorKind::Finished,
            offset: self.decoder.offset(),
        })
    }
}
