//! The async sink.

use exportitems::{Event, IdMatch, Outcome, ResponseItemId, SinkCall, Summary};

/// An async [`Sink`](exportitems::Sink) with back-pressure: while one of its futures waits, nothing is received.
///
/// Its methods are called in the same order as those of `Sink`, and their errors have the same effect.
/// The futures need not be `Send`: an executor on a microcontroller has one thread.
///
/// # Cancel safety
/// If the future of an export is dropped, the future of the sink's current method is dropped too, and no further method
/// is called. The item that began last gets neither `commit` nor `abort`.
/// Only an item whose `commit` has returned `Ok` is committed; discard any other.
#[allow(async_fn_in_trait)] // no `Send` bound: see above
pub trait AsyncSink {
    /// The error of the sink.
    type Error;

    /// Compares the `ItemId` of the message at `index` with the id that was requested at this position; see
    /// [`Sink::compare_id`](exportitems::Sink::compare_id).
    async fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        let _ = (index, ids);
        IdMatch::Unknown
    }

    /// Begins an item, at its `ItemId` or at its first byte of data.
    async fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Self::Error>;

    /// Stores decoded bytes of the item that began last. They are never empty.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Keeps the item: it is complete.
    async fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error>;

    /// Discards the item: it is incomplete.
    async fn abort(&mut self, outcome: &Outcome);

    /// Reports an item that failed before it began.
    async fn failed(&mut self, outcome: &Outcome);

    /// Receives all other events: versions, message starts, codes, texts, faults.
    async fn note(&mut self, event: &Event<'_>) {
        let _ = event;
    }

    /// Receives the summary at the end of the response.
    async fn end(&mut self, summary: &Summary) {
        let _ = summary;
    }
}

/// Makes a call of a sink. Returns the answer to [`SinkCall::CompareId`].
pub(crate) async fn make<K: AsyncSink + ?Sized>(
    call: SinkCall<'_>,
    sink: &mut K,
) -> Result<Option<IdMatch>, K::Error> {
    match call {
        SinkCall::CompareId(index, ids) => return Ok(Some(sink.compare_id(index, &ids).await)),
        SinkCall::Begin(index, ids) => sink.begin(index, ids).await?,
        SinkCall::Write(bytes) => sink.write(bytes).await?,
        SinkCall::Commit(outcome) => sink.commit(&outcome).await?,
        SinkCall::Abort(outcome) => sink.abort(&outcome).await,
        SinkCall::Failed(outcome) => sink.failed(&outcome).await,
        SinkCall::Note(event) => sink.note(&event).await,
        SinkCall::End(summary) => sink.end(&summary).await,
    }
    Ok(None)
}
