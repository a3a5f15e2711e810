//! The async sink.

use exportitems::{Event, IdMatch, Outcome, ResponseItemId, Summary};

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

/// Calls the methods of a sink for the events of a [`Decoder`](exportitems::Decoder).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivery {
    /// The index of the current message.
    index: u32,
    /// Whether `begin` was called for the current item.
    begun: bool,
    /// The result of `compare_id`, to pass to the decoder after the event.
    pub(crate) id_match: Option<IdMatch>,
}

impl Delivery {
    /// Passes an event to the sink. `wanted` is the item that may begin with its ids.
    ///
    /// After an error, the caller rejects the item, and the decoder returns no more of its data.
    pub(crate) async fn deliver<K: AsyncSink + ?Sized>(
        &mut self,
        event: Event<'_>,
        wanted: Option<u32>,
        sink: &mut K,
    ) -> Result<(), K::Error> {
        match event {
            Event::ItemId(ids) => {
                let answer = sink.compare_id(self.index, &ids).await;
                self.id_match = Some(answer);
                match wanted {
                    Some(_) if answer != IdMatch::Other => self.begin(ids, sink).await,
                    _ => Ok(()),
                }
            }
            // The decoder returns data of wanted items only, so `wanted` need not be checked.
            Event::Data(bytes) => {
                self.begin(ResponseItemId::default(), sink).await?;
                sink.write(bytes).await
            }
            Event::Outcome(outcome) => match (core::mem::take(&mut self.begun), outcome.error) {
                (true, None) => sink.commit(&outcome).await,
                (true, Some(_)) => {
                    sink.abort(&outcome).await;
                    Ok(())
                }
                (false, _) => {
                    sink.failed(&outcome).await;
                    Ok(())
                }
            },
            Event::End(summary) => {
                sink.end(&summary).await;
                Ok(())
            }
            note => {
                if let Event::MessageStart { index, .. } = note {
                    self.index = index;
                }
                sink.note(&note).await;
                Ok(())
            }
        }
    }

    async fn begin<K: AsyncSink + ?Sized>(
        &mut self,
        ids: ResponseItemId<'_>,
        sink: &mut K,
    ) -> Result<(), K::Error> {
        if !self.begun {
            sink.begin(self.index, ids).await?;
            self.begun = true;
        }
        Ok(())
    }
}
