//! From the body into the sink, listening to what the sink is told.

use exportitems::{Decoder, Event, FeedError, ItemIds, Outcome, Sink, Summary};

use super::body::Body;
use super::error::TransportError;

/// A sink that remembers the summary, which a decoder tells its sink even where it returns an error.
pub(super) struct Tap<'s, S: Sink + ?Sized> {
    sink: &'s mut S,
    pub(super) summary: Option<Summary>,
    /// The first error of the sink.
    pub(super) error: Option<S::Error>,
}

impl<'s, S: Sink + ?Sized> Tap<'s, S> {
    pub(super) fn new(sink: &'s mut S) -> Self {
        Self {
            sink,
            summary: None,
            error: None,
        }
    }

    /// Decodes the whole body; an error says what is wrong with the document, and with the connection
    /// if that is why.
    ///
    /// A connection that is cut behind the end of a whole document has done no harm.
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

    /// Goes on after errors of the sink: an item that it cannot take is not its neighbours' fault.
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

    fn begin(&mut self, index: u32, ids: ItemIds<'_>) -> Result<(), S::Error> {
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
        self.sink.note(event);
    }

    fn end(&mut self, summary: &Summary) {
        self.summary = Some(*summary);
        self.sink.end(summary);
    }
}
