//! Passes a body to a sink, and keeps the summary and the first error of the sink.

use core::time::Duration;

use exportitems::{
    Decoder, Event, Fault, FeedError, IdMatch, Operation, Outcome, ResponseItemId, Sink, Summary,
};

use super::body::Body;
use super::error::TransportError;
use super::transport::Transport;

/// Takes the body of a response into a sink.
pub(super) trait Receiver {
    /// Decodes a piece of the body. Errors of the sink do not end the response.
    async fn feed<O: Operation>(
        &mut self,
        decoder: &mut Decoder<&mut [u8], O>,
        piece: &mut &[u8],
    ) -> Result<(), exportitems::Error>;

    /// Decodes the end of the body.
    async fn finish<O: Operation>(
        &mut self,
        decoder: &mut Decoder<&mut [u8], O>,
    ) -> Result<(), exportitems::Error>;

    /// Returns what the response contained.
    fn received(self) -> Received;
}

/// What a response contained.
pub(super) struct Received {
    pub(super) summary: Option<Summary>,
    /// The first error of the sink.
    pub(super) error: Option<Box<dyn core::error::Error + Send + Sync>>,
}

/// Decodes the whole body. The error says what is wrong with the document, and with the connection if that is the cause.
///
/// A connection that is cut after the end of a complete document does no harm.
pub(super) async fn pump<T: Transport, O: Operation>(
    body: &mut Body<'_, T>,
    decoder: &mut Decoder<&mut [u8], O>,
    receiver: &mut impl Receiver,
) -> Result<(), (exportitems::Error, Option<TransportError>)> {
    let cause = loop {
        match body.next().await {
            Ok(Some(mut piece)) => receiver
                .feed(decoder, &mut piece)
                .await
                .map_err(|error| (error, None))?,
            Ok(None) => break None,
            Err(cause) => break Some(cause),
        }
    };
    receiver
        .finish(decoder)
        .await
        .map_err(|error| (error, cause))
}

/// `Retry-After` in milliseconds.
///
/// The head may say when to ask again although a fault says so too. The longer wait becomes the back-off of the fault, so
/// that every receiver of the fault gets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryAfter(Option<u32>);

impl RetryAfter {
    pub(super) fn new(wait: Option<Duration>) -> Self {
        Self(wait.map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)))
    }

    pub(super) fn applied_to(self, mut fault: Fault) -> Fault {
        fault.back_off_ms = fault.back_off_ms.max(self.0);
        fault
    }
}

/// A sink whose summary and first error are kept. A decoder passes the summary to its sink even if it returns an error.
pub(super) struct Tap<'s, S: Sink + ?Sized> {
    sink: &'s mut S,
    retry_after: RetryAfter,
    summary: Option<Summary>,
    /// The first error of the sink.
    error: Option<S::Error>,
}

impl<'s, S: Sink + ?Sized> Tap<'s, S> {
    pub(super) fn new(sink: &'s mut S, retry_after: Option<Duration>) -> Self {
        Self {
            sink,
            retry_after: RetryAfter::new(retry_after),
            summary: None,
            error: None,
        }
    }

    /// Continues after errors of the sink, because they concern only one item.
    fn despite_itself(
        &mut self,
        mut step: impl FnMut(&mut Self) -> Result<(), FeedError<S::Error>>,
    ) -> Result<(), exportitems::Error> {
        loop {
            match step(self) {
                Ok(()) => return Ok(()),
                Err(FeedError::Sink(error)) => {
                    self.error.get_or_insert(error);
                }
                Err(FeedError::Response(error)) => return Err(error),
            }
        }
    }
}

impl<S> Receiver for Tap<'_, S>
where
    S: Sink + ?Sized,
    S::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    async fn feed<O: Operation>(
        &mut self,
        decoder: &mut Decoder<&mut [u8], O>,
        piece: &mut &[u8],
    ) -> Result<(), exportitems::Error> {
        self.despite_itself(|tap| decoder.feed(piece, tap))
    }

    async fn finish<O: Operation>(
        &mut self,
        decoder: &mut Decoder<&mut [u8], O>,
    ) -> Result<(), exportitems::Error> {
        self.despite_itself(|tap| decoder.finish_into(tap).map(drop))
    }

    fn received(self) -> Received {
        Received {
            summary: self.summary,
            error: self.error.map(Into::into),
        }
    }
}

impl<S: Sink + ?Sized> Sink for Tap<'_, S> {
    type Error = S::Error;

    fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        self.sink.compare_id(index, ids)
    }

    fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), S::Error> {
        self.sink.begin(index, ids)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.sink.write(bytes)
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), S::Error> {
        self.sink.commit(outcome)
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.sink.abort(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.sink.failed(outcome);
    }

    fn note(&mut self, event: &Event<'_>) {
        match *event {
            Event::Fault(fault) => self
                .sink
                .note(&Event::Fault(self.retry_after.applied_to(fault))),
            _ => self.sink.note(event),
        }
    }

    fn end(&mut self, summary: &Summary) {
        let mut summary = *summary;
        summary.fault = summary
            .fault
            .map(|fault| self.retry_after.applied_to(fault));
        self.summary = Some(summary);
        self.sink.end(&summary);
    }
}
