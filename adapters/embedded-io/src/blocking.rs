//! The blocking shell.

use embedded_io::{Read, Write};
use exportitems::{Decoder, ExportItems, FeedError, Sink, Summary};

use crate::client::{conclude, Client};
use crate::error::Error;
use crate::exchange::{Exchange, Step};

impl<T: Read + Write> Client<'_, T> {
    /// Sends a request and decodes its response into `sink`.
    ///
    /// `decoder` is fresh, or [reset](Decoder::reset), and was told
    /// [how many items](exportitems::Options::items) the request asks for.
    /// A sink's own error costs that item only; it comes back in the item's outcome,
    /// [`ItemError::Write`](exportitems::ItemError::Write).
    /// A SOAP fault is a response, whatever its status: look at [`Summary::fault`].
    ///
    /// # Errors
    /// See [`Error`].
    pub fn export<S: AsMut<[u8]>, K: Sink + ?Sized>(
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
        self.ready = false;
        let driven = drive(&mut self.transport, &mut exchange, decoder, sink);
        self.ready = driven.is_ok() && exchange.can_reuse();
        let finished = loop {
            match decoder.finish_into(sink) {
                Ok(summary) => break Ok(summary),
                Err(FeedError::Response(error)) => break Err(error),
                Err(FeedError::Sink(_)) => {}
            }
        };
        conclude(&exchange, driven, finished)
    }
}

fn drive<T: Read + Write, S: AsMut<[u8]>, K: Sink + ?Sized>(
    transport: &mut T,
    exchange: &mut Exchange<'_>,
    decoder: &mut Decoder<S>,
    sink: &mut K,
) -> Result<(), Error<T::Error>> {
    loop {
        match exchange.step()? {
            Step::Write(bytes) => {
                let len = transport.write(bytes).map_err(Error::Transport)?;
                exchange.wrote(len)?;
            }
            Step::Flush => transport.flush().map_err(Error::Transport)?,
            Step::Read(free) => {
                let len = transport.read(free).map_err(Error::Transport)?;
                exchange.received(len)?;
            }
            Step::Body(mut bytes) => loop {
                match decoder.feed(&mut bytes, sink) {
                    Ok(()) => break,
                    Err(FeedError::Response(error)) => return Err(Error::Response(error)),
                    Err(FeedError::Sink(_)) => {}
                }
            },
            Step::End => return Ok(()),
        }
    }
}
