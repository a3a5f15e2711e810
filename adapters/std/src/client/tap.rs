//! From the body into the sink, listening on the way.

use core::time::Duration;

use exportitems::{
    Decoder, Event, Fault, FeedError, IdMatch, Outcome, ResponseItemId, Sink, Summary,
};

use super::body::Body;
use super::error::TransportError;

/// A sink that remembers the summary, which a decoder gives its sink even where it returns an error.
///
/// The HTTP head may say when to ask again, beside a fault that says so too: the longer wait becomes the
/// fault's back-off, so that everyone who hears of the fault hears of it.
pub(super) struct Tap<'s, S: Sink + ?Sized> {
    sink: &'s mut S,
    /// `Retry-After` in milliseconds.
    retry_after_ms: Option<u32>,
    pub(super) summary: Option<Summary>,
    /// The first error of the sink.
    pub(super) error: Option<S::Error>,
}

impl<'s, S: Sink + ?Sized> Tap<'s, S> {
    pub(super) fn new(sink: &'s mut S, retry_after: Option<Duration>) -> Self {
        let retry_after_ms =
            retry_after.map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
        Self {
            sink,
            retry_after_ms,
            summary: None,
            error: None,
        }
    }

    /// Decodes the whole body; an error says what is wrong with the document, and with the connection
    /// if that is why.
    ///
    /// A connection that is cut after the end of a whole document has done no harm.
    pub(super) fn pump(
        &mut self,
        body: &mut Body<'_>,
        decoder: &mut Decoder<&mut [u8]>,
    ) -> Result<(), (exportitems::Error, Option<TransportError>)> {
        let cause = loop {
            match body.next() {
                Ok(Some(mut piece)) => self
                    .despite_itself(|tap| decoder.feed(&mut piece, tap))
                    .map_err(|error| (error, None))?,
                Ok(None) => break None,
                Err(cause) => break Some(cause),
            }
        };
        self.despite_itself(|tap| decoder.finish_into(tap).map(drop))
            .map_err(|error| (error, cause))
    }

    fn waiting(&self, mut fault: Fault) -> Fault {
        fault.back_off_ms = fault.back_off_ms.max(self.retry_after_ms);
        fault
    }

    /// Continues after errors of the sink: an item that it cannot take is not its neighbours' fault.
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
            Event::Fault(fault) => self.sink.note(&Event::Fault(self.waiting(fault))),
            _ => self.sink.note(event),
        }
    }

    fn end(&mut self, summary: &Summary) {
        let mut summary = *summary;
        summary.fault = summary.fault.map(|fault| self.waiting(fault));
        self.summary = Some(summary);
        self.sink.end(&summary);
    }
}
