//! The async sink.

use core::future::Future;
use core::time::Duration;

use exportitems::{
    Decoder, Error, Event, IdMatch, Operation, Outcome, ResponseItemId, SinkCall, Summary,
};

use super::tap::{Receiver, Tap};

/// An async [`Sink`](exportitems::Sink) with back-pressure: while one of its futures waits, nothing is received.
///
/// Its methods are called in the same order as those of `Sink`, and their errors have the same effect.
/// The futures are `Send`, so that a task may move between threads.
///
/// # Cancel safety
/// If the future of an export is dropped, the future of the sink's current method is dropped too, and no further method
/// is called. The item that began last gets neither `commit` nor `abort`.
/// Only an item whose `commit` has returned `Ok` is committed; discard any other.
pub trait AsyncSink: Send {
    /// The error of the sink.
    type Error: Send;

    /// Compares the `ItemId` of the message at `index` with the id that was requested at this position; see
    /// [`Sink::compare_id`](exportitems::Sink::compare_id).
    fn compare_id(
        &mut self,
        index: u32,
        ids: &ResponseItemId<'_>,
    ) -> impl Future<Output = IdMatch> + Send {
        let _ = (index, ids);
        async { IdMatch::Unknown }
    }

    /// Begins an item, at its `ItemId` or at its first byte of data.
    fn begin(
        &mut self,
        index: u32,
        ids: ResponseItemId<'_>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Stores decoded bytes of the item that began last. They are never empty.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Keeps the item: it is complete.
    fn commit(&mut self, outcome: &Outcome)
        -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Discards the item: it is incomplete.
    fn abort(&mut self, outcome: &Outcome) -> impl Future<Output = ()> + Send;

    /// Reports an item that failed before it began.
    fn failed(&mut self, outcome: &Outcome) -> impl Future<Output = ()> + Send;

    /// Receives all other events: versions, message starts, codes, texts, faults.
    fn note(&mut self, event: &Event<'_>) -> impl Future<Output = ()> + Send {
        let _ = event;
        async {}
    }

    /// Receives the summary at the end of the response.
    fn end(&mut self, summary: &Summary) -> impl Future<Output = ()> + Send {
        let _ = summary;
        async {}
    }
}

/// An async sink, with its summary and its first error.
#[derive(Debug)]
pub struct AsyncTap<'s, K: AsyncSink + ?Sized>(Tap<Async<'s, K>, K::Error>);

impl<'s, K> AsyncTap<'s, K>
where
    K: AsyncSink + ?Sized,
{
    /// Returns the tap for one response. `retry_after` is the field of its HTTP head: a fault gets the longer wait.
    pub fn new(sink: &'s mut K, retry_after: Option<Duration>) -> Self {
        Self(Tap::new(Async(sink), retry_after))
    }

    /// Decodes a piece of the response. Errors of the sink fail its current item and do not end the response.
    ///
    /// # Errors
    /// The response cannot be decoded any further.
    pub async fn feed<S: AsMut<[u8]>, O: Operation>(
        &mut self,
        decoder: &mut Decoder<S, O>,
        piece: &mut &[u8],
    ) -> Result<(), Error> {
        self.0.feed(decoder, piece).await
    }

    /// Decodes the end of the response.
    ///
    /// # Errors
    /// The response is incomplete, or could not be decoded.
    pub async fn finish<S: AsMut<[u8]>, O: Operation>(
        &mut self,
        decoder: &mut Decoder<S, O>,
    ) -> Result<(), Error> {
        self.0.finish(decoder).await
    }

    /// Returns the summary, once there is one, and the first error of the sink.
    pub fn into_parts(self) -> (Option<Summary>, Option<K::Error>) {
        (self.0.summary, self.0.error)
    }
}

/// The receiver of an async sink.
#[derive(Debug)]
pub(super) struct Async<'s, K: ?Sized>(pub(super) &'s mut K);

impl<K> Receiver for Async<'_, K>
where
    K: AsyncSink + ?Sized,
{
    type Error = K::Error;

    async fn make(&mut self, call: SinkCall<'_>) -> Result<Option<IdMatch>, K::Error> {
        match call {
            SinkCall::CompareId(index, ids) => {
                return Ok(Some(self.0.compare_id(index, &ids).await));
            }
            SinkCall::Begin(index, ids) => self.0.begin(index, ids).await?,
            SinkCall::Write(bytes) => self.0.write(bytes).await?,
            SinkCall::Commit(outcome) => self.0.commit(&outcome).await?,
            SinkCall::Abort(outcome) => self.0.abort(&outcome).await,
            SinkCall::Failed(outcome) => self.0.failed(&outcome).await,
            SinkCall::Note(event) => self.0.note(&event).await,
            SinkCall::End(summary) => self.0.end(&summary).await,
        }
        Ok(None)
    }
}
