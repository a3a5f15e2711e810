//! The trait that receives items: the push side of the decoder.

use crate::ews::{Error, Event, IdMatch, Outcome, ResponseItemId, SinkCall, Summary};

/// Receives the items of a response.
///
/// For each message of the response, in order, either
/// - [`begin`](Sink::begin), any number of [`write`](Sink::write), then exactly one of
///   [`commit`](Sink::commit) and [`abort`](Sink::abort); or
/// - [`failed`](Sink::failed) alone, for a message without `ItemId` and data, or an item that was
///   requested and not answered.
///
/// Do not rely on what was written before `commit`: a server announces success before it has
/// produced the payload.
///
/// `commit` says that the payload is complete. Whose payload it is, is certain only with [`end`](Sink::end):
/// a server or proxy that leaves out or repeats a message shifts all messages after it, and only the number of
/// messages shows that. Ask [`Summary::confirms`] about each committed item then, and request the others again, each
/// alone. A caller who cannot undo a commit requests one item at a time, or compares ids.
///
/// A `begin` without the `commit` or `abort` of the item before it means that the decoder was
/// [reset](crate::Decoder::reset), or that its outcome was [pulled](crate::Decoder::next_event): discard what was
/// written of that item.
///
/// # Errors
/// An error from `begin`, `write` or `commit` fails this item with
/// [`ItemError::Write`](crate::ItemError::Write) and is returned from
/// [`Decoder::feed`](crate::Decoder::feed) at once; the next call continues, skips the rest of the item,
/// and gives it its `abort` (`failed` if `begin` itself failed). A `commit` that returns an error has not
/// committed: the sink must discard the item, and the summary counts it as failed.
pub trait Sink {
    /// What can go wrong in the sink.
    type Error;

    /// Compares the `ItemId` of the message at `index` with the id that was requested at this position.
    ///
    /// Called when the `ItemId` arrives, before [`begin`](Sink::begin), and for every message that has one: `index` may
    /// be beyond the number of requested items, and the item may have failed already.
    /// [`IdMatch::Other`] fails the item with [`ItemError::Contradiction`](crate::ItemError::Contradiction), and no
    /// data of it is written.
    ///
    /// Answer `Other` only for an id that is certainly another item's, such as one that was requested at another
    /// position: servers encode ids anew, so an id that differs may be the same item's.
    fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        let _ = (index, ids);
        IdMatch::Unknown
    }

    /// An item begins: at its `ItemId`, or at its first byte of data if that comes first.
    fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Self::Error>;

    /// Decoded bytes of the item that began last, never empty.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The item is whole. Keep it.
    fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error>;

    /// The item is not whole. Discard it.
    fn abort(&mut self, outcome: &Outcome);

    /// An item that never began failed.
    fn failed(&mut self, outcome: &Outcome);

    /// Everything else that the response says: versions, message starts, codes, texts, faults.
    fn note(&mut self, event: &Event<'_>) {
        let _ = event;
    }

    /// The response is over.
    fn end(&mut self, summary: &Summary) {
        let _ = summary;
    }
}

impl SinkCall<'_> {
    /// Makes the call. Returns the answer to [`CompareId`](Self::CompareId).
    pub fn make<K: Sink + ?Sized>(self, sink: &mut K) -> Result<Option<IdMatch>, K::Error> {
        match self {
            Self::CompareId(index, ids) => return Ok(Some(sink.compare_id(index, &ids))),
            Self::Begin(index, ids) => sink.begin(index, ids)?,
            Self::Write(bytes) => sink.write(bytes)?,
            Self::Commit(outcome) => sink.commit(&outcome)?,
            Self::Abort(outcome) => sink.abort(&outcome),
            Self::Failed(outcome) => sink.failed(&outcome),
            Self::Note(event) => sink.note(&event),
            Self::End(summary) => sink.end(&summary),
        }
        Ok(None)
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    type Error = S::Error;

    fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        (**self).compare_id(index, ids)
    }

    fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Self::Error> {
        (**self).begin(index, ids)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        (**self).write(bytes)
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error> {
        (**self).commit(outcome)
    }

    fn abort(&mut self, outcome: &Outcome) {
        (**self).abort(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        (**self).failed(outcome);
    }

    fn note(&mut self, event: &Event<'_>) {
        (**self).note(event);
    }

    fn end(&mut self, summary: &Summary) {
        (**self).end(summary);
    }
}

/// Reports to a sink that a request of `items` items has no response: [`failed`](Sink::failed) for each item, with
/// [`NotAnswered`](crate::ItemError::NotAnswered).
///
/// [`end`](Sink::end) is not called, since there is no response to summarise. For a response that was interrupted, use
/// [`Decoder::finish_into`](crate::Decoder::finish_into).
pub fn fail_all<K: Sink + ?Sized>(sink: &mut K, items: u32) {
    for index in 0..items {
        sink.failed(&Outcome::not_answered(index));
    }
}

/// Why [`Decoder::feed`](crate::Decoder::feed) stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FeedError<E> {
    /// The response is unusable from here on.
    Response(Error),
    /// The sink failed. The item is lost; the next call continues with the rest of the response.
    Sink(E),
}

/// The text leaves the cause to [`source`](core::error::Error::source).
impl<E> core::fmt::Display for FeedError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Response(_) => "the response cannot be decoded any further",
            Self::Sink(_) => "the sink could not keep the item",
        })
    }
}

impl<E: core::error::Error + 'static> core::error::Error for FeedError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Response(error) => Some(error),
            Self::Sink(error) => Some(error),
        }
    }
}
