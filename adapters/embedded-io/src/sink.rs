//! Where items go when going there takes waiting.

use exportitems::{Event, IdMatch, Outcome, ResponseItemId, Summary};

/// [`Sink`](exportitems::Sink) with back-pressure: while one of its futures waits, nothing is received.
///
/// The same calls come in the same order, and the same holds of errors.
/// The futures need not be `Send`: an executor of a microcontroller has one thread.
///
/// # Cancel safety
/// When the future of an export is dropped, so is that of the sink's method that was waiting, and nothing
/// more is called: the item that began last gets neither `commit` nor `abort`.
/// Only an item whose `commit` has returned `Ok` is committed; discard any other.
#[allow(async_fn_in_trait)] // no `Send` bound: see above
pub trait AsyncSink {
    /// What can go wrong in the sink.
    type Error;

    /// Compares the `ItemId` of the message at `index` with the id that was requested at this position, as
    /// [`Sink::compare_id`](exportitems::Sink::compare_id) does.
    async fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        let _ = (index, ids);
        IdMatch::Unknown
    }

    /// An item begins: at its `ItemId`, or at its first byte of data if that comes first.
    async fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Self::Error>;

    /// Decoded bytes of the item that began last, never empty.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The item is whole. Keep it.
    async fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error>;

    /// The item is not whole. Discard it.
    async fn abort(&mut self, outcome: &Outcome);

    /// An item that never began failed.
    async fn failed(&mut self, outcome: &Outcome);

    /// Everything else that the response says: versions, message starts, codes, texts, faults.
    async fn note(&mut self, event: &Event<'_>) {
        let _ = event;
    }

    /// The response is over.
    async fn end(&mut self, summary: &Summary) {
        let _ = summary;
    }
}

/// Which of a sink's methods is next: what a [`Decoder`](exportitems::Decoder) keeps to itself when it is pulled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivery {
    /// The message under way.
    index: u32,
    /// The sink knows that it began.
    begun: bool,
    /// How its ids compare, which the decoder is to learn after the event.
    pub(crate) id_match: Option<IdMatch>,
}

impl Delivery {
    /// Tells the sink of an event. `wanted`: the item that may begin with its ids.
    /// An error costs the item: the caller rejects it, and the decoder hands out no more of it.
    pub(crate) async fn tell<K: AsyncSink + ?Sized>(
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
            // Data comes only if it is wanted, though this may be the last of it.
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
