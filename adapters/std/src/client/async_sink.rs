//! The async sink, and its calls for the events of a decoder.

use core::future::Future;
use core::time::Duration;

use exportitems::{Decoder, Event, IdMatch, Operation, Outcome, ResponseItemId, Summary};

use super::tap::{Received, Receiver, RetryAfter};

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

/// Calls the methods of an async sink for the events of a decoder, and keeps the summary and the first error of the sink.
#[derive(Debug)]
pub struct AsyncTap<'s, K: AsyncSink + ?Sized> {
    sink: &'s mut K,
    retry_after: RetryAfter,
    /// The index of the current message.
    index: u32,
    /// Whether `begin` was called for the current item.
    begun: bool,
    summary: Option<Summary>,
    error: Option<K::Error>,
}

impl<'s, K: AsyncSink + ?Sized> AsyncTap<'s, K> {
    /// Returns the tap for one response. `retry_after` is the field of its HTTP head: a fault gets the longer wait.
    pub fn new(sink: &'s mut K, retry_after: Option<Duration>) -> Self {
        Self {
            sink,
            retry_after: RetryAfter::new(retry_after),
            index: 0,
            begun: false,
            summary: None,
            error: None,
        }
    }

    /// Decodes a piece of the response. Errors of the sink fail its current item and do not end the response.
    ///
    /// # Errors
    /// The response cannot be decoded any further.
    pub async fn feed<S: AsMut<[u8]>, O: Operation>(
        &mut self,
        decoder: &mut Decoder<S, O>,
        piece: &mut &[u8],
    ) -> Result<(), exportitems::Error> {
        while let Some((event, wanted)) = decoder.next_event_and_item(piece)? {
            let mut answer = None;
            let has_failed = self.deliver(event, wanted, &mut answer).await;
            if let Some(answer) = answer {
                decoder.compare_id(answer);
            }
            if has_failed {
                decoder.reject_item();
            }
        }
        Ok(())
    }

    /// Decodes the end of the response.
    ///
    /// # Errors
    /// The response is incomplete, or could not be decoded.
    pub async fn finish<S: AsMut<[u8]>, O: Operation>(
        &mut self,
        decoder: &mut Decoder<S, O>,
    ) -> Result<(), exportitems::Error> {
        while let Some(event) = decoder.finish()? {
            // No item begins after the end of the input.
            if self.deliver(event, None, &mut None).await {
                decoder.reject_item();
            }
        }
        Ok(())
    }

    /// Returns the summary, once there is one, and the first error of the sink.
    pub fn into_parts(self) -> (Option<Summary>, Option<K::Error>) {
        (self.summary, self.error)
    }

    /// Passes an event to the sink. `wanted` is the item that may begin with its ids. Returns whether the sink failed.
    async fn deliver(
        &mut self,
        event: Event<'_>,
        wanted: Option<u32>,
        answer: &mut Option<IdMatch>,
    ) -> bool {
        let result = match event {
            Event::ItemId(ids) => {
                let id_match = self.sink.compare_id(self.index, &ids).await;
                *answer = Some(id_match);
                match wanted {
                    Some(_) if id_match != IdMatch::Other => self.begin(ids).await,
                    _ => Ok(()),
                }
            }
            // The decoder returns data of wanted items only, so `wanted` need not be checked.
            Event::Data(bytes) => match self.begin(ResponseItemId::default()).await {
                Ok(()) => self.sink.write(bytes).await,
                failed => failed,
            },
            Event::Outcome(outcome) => match (core::mem::take(&mut self.begun), outcome.error) {
                (true, None) => self.sink.commit(&outcome).await,
                (true, Some(_)) => {
                    self.sink.abort(&outcome).await;
                    Ok(())
                }
                (false, _) => {
                    self.sink.failed(&outcome).await;
                    Ok(())
                }
            },
            Event::End(mut summary) => {
                summary.fault = summary
                    .fault
                    .map(|fault| self.retry_after.applied_to(fault));
                self.summary = Some(summary);
                self.sink.end(&summary).await;
                Ok(())
            }
            Event::Fault(fault) => {
                let fault = Event::Fault(self.retry_after.applied_to(fault));
                self.sink.note(&fault).await;
                Ok(())
            }
            note => {
                if let Event::MessageStart { index, .. } = note {
                    self.index = index;
                }
                self.sink.note(&note).await;
                Ok(())
            }
        };
        result
            .map_err(|error| self.error.get_or_insert(error))
            .is_err()
    }

    async fn begin(&mut self, ids: ResponseItemId<'_>) -> Result<(), K::Error> {
        if !self.begun {
            self.sink.begin(self.index, ids).await?;
            self.begun = true;
        }
        Ok(())
    }
}

impl<K> Receiver for AsyncTap<'_, K>
where
    K: AsyncSink + ?Sized,
    K::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    async fn feed<O: Operation>(
        &mut self,
        decoder: &mut Decoder<&mut [u8], O>,
        piece: &mut &[u8],
    ) -> Result<(), exportitems::Error> {
        self.feed(decoder, piece).await
    }

    async fn finish<O: Operation>(
        &mut self,
        decoder: &mut Decoder<&mut [u8], O>,
    ) -> Result<(), exportitems::Error> {
        self.finish(decoder).await
    }

    fn received(self) -> Received {
        Received {
            summary: self.summary,
            error: self.error.map(Into::into),
        }
    }
}
