//! Passes a body to a sink, and keeps the summary and the first error of the sink.

use core::time::Duration;

use exportitems::{Decoder, Error, Event, Fault, IdMatch, Operation, Sink, SinkCall, Summary};

use super::body::Body;
use super::error::TransportError;
use super::transport::Transport;

/// Makes the calls of a sink.
pub(super) trait Receiver {
    /// The error of the sink.
    type Error;

    /// Makes a call. Returns the answer to [`SinkCall::CompareId`].
    async fn make(&mut self, call: SinkCall<'_>) -> Result<Option<IdMatch>, Self::Error>;
}

/// The receiver of a blocking sink.
pub(super) struct Blocking<'s, S: ?Sized>(pub(super) &'s mut S);

impl<S> Receiver for Blocking<'_, S>
where
    S: Sink + ?Sized,
{
    type Error = S::Error;

    async fn make(&mut self, call: SinkCall<'_>) -> Result<Option<IdMatch>, S::Error> {
        call.make(self.0)
    }
}

/// A receiver whose summary and first error are kept. It gets the summary even if the decoder returns an error.
#[derive(Debug)]
pub(super) struct Tap<R, E> {
    receiver: R,
    /// `Retry-After` in milliseconds.
    ///
    /// The head may say when to ask again although a fault says so too. The longer wait becomes the back-off of the fault,
    /// so that every receiver of the fault gets it.
    retry_after_ms: Option<u32>,
    pub(super) summary: Option<Summary>,
    /// The first error of the sink.
    pub(super) error: Option<E>,
}

impl<R: Receiver> Tap<R, R::Error> {
    pub(super) fn new(receiver: R, retry_after: Option<Duration>) -> Self {
        let retry_after_ms =
            retry_after.map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
        Self {
            receiver,
            retry_after_ms,
            summary: None,
            error: None,
        }
    }

    /// Decodes the whole body. The error says what is wrong with the document, and with the connection if that is the cause.
    ///
    /// A connection that is cut after the end of a complete document does no harm.
    pub(super) async fn pump<T: Transport, O: Operation>(
        &mut self,
        body: &mut Body<'_, T>,
        decoder: &mut Decoder<&mut [u8], O>,
    ) -> Result<(), (Error, Option<TransportError>)> {
        let cause = loop {
            match body.next().await {
                Ok(Some(mut piece)) => {
                    (self.feed(decoder, &mut piece).await).map_err(|error| (error, None))?;
                }
                Ok(None) => break None,
                Err(cause) => break Some(cause),
            }
        };
        self.finish(decoder).await.map_err(|error| (error, cause))
    }

    /// Decodes a piece of the response.
    pub(super) async fn feed<S: AsMut<[u8]>, O: Operation>(
        &mut self,
        decoder: &mut Decoder<S, O>,
        piece: &mut &[u8],
    ) -> Result<(), Error> {
        while let Some(call) = decoder.next_call(piece)? {
            let made = self.make(call).await;
            self.settle(made, decoder);
        }
        Ok(())
    }

    /// Decodes the end of the response.
    pub(super) async fn finish<S: AsMut<[u8]>, O: Operation>(
        &mut self,
        decoder: &mut Decoder<S, O>,
    ) -> Result<(), Error> {
        while let Some(call) = decoder.finish_call()? {
            let made = self.make(call).await;
            self.settle(made, decoder);
        }
        Ok(())
    }

    /// Makes a call of the sink, with the longer wait.
    async fn make(&mut self, mut call: SinkCall<'_>) -> Result<Option<IdMatch>, R::Error> {
        match &mut call {
            SinkCall::Note(Event::Fault(fault)) => self.prolong(fault),
            SinkCall::End(summary) => {
                summary
                    .fault
                    .iter_mut()
                    .for_each(|fault| self.prolong(fault));
                self.summary = Some(*summary);
            }
            _ => {}
        }
        self.receiver.make(call).await
    }

    fn prolong(&self, fault: &mut Fault) {
        fault.back_off_ms = fault.back_off_ms.max(self.retry_after_ms);
    }

    /// Passes the result of a call to the decoder. An item that the sink cannot take does not end the response.
    fn settle<S: AsMut<[u8]>, O: Operation>(
        &mut self,
        made: Result<Option<IdMatch>, R::Error>,
        decoder: &mut Decoder<S, O>,
    ) {
        match made {
            Ok(Some(answer)) => decoder.compare_id(answer),
            Ok(None) => {}
            Err(error) => {
                decoder.reject_item();
                self.error.get_or_insert(error);
            }
        }
    }
}
