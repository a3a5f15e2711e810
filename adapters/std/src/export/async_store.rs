//! The traits of a store whose calls may wait, and the blocking store as one.

use core::future::{ready, Future};

use exportitems::policy::Disposition;
use exportitems::{Event, IdMatch, ItemId, Outcome, ResponseItemId, Summary};
use exportitems_engine::{Confirmation, ItemState};

use super::item::Item;
use super::store::{Published, Store, StoreSink};
use crate::client::AsyncSink;

/// A [`Store`] whose calls may wait, such as one over the network. The futures are `Send`.
pub trait AsyncStore<V>: Sync {
    /// What the store reports of an item.
    type Entry: Send;
    /// The error that ends a run, because the store accepts no more items.
    type Error: core::error::Error + Send + Sync + 'static;
    /// The sink for one response.
    type Sink<'s>: AsyncStoreSink<Error = Self::Error>
    where
        Self: 's,
        V: 's;

    /// See [`Store::state`].
    fn state(&self, item: &Item<'_, V>) -> ItemState;

    /// See [`Store::attempts`].
    fn attempts(&self, item: &Item<'_, V>) -> u32 {
        let _ = item;
        0
    }

    /// See [`Store::entry`].
    ///
    /// # Errors
    /// If the store cannot be read.
    fn entry(
        &self,
        item: &Item<'_, V>,
    ) -> impl Future<Output = Result<Option<Self::Entry>, Self::Error>> + Send {
        let _ = item;
        ready(Ok(None))
    }

    /// See [`Store::is_consequence`].
    fn is_consequence(&self, error: &Self::Error) -> bool {
        let _ = error;
        false
    }

    /// See [`Store::sink`].
    fn sink<'s>(&'s self, ids: &'s [ItemId<'s>], items: &[&'s Item<'s, V>]) -> Self::Sink<'s>;

    /// Returns the next outcome that has become durable, without waiting. See [`Store::published`].
    ///
    /// # Errors
    /// If the store accepts no more items.
    fn published(&self) -> Result<Option<Published<Self::Entry>>, Self::Error>;

    /// Waits for the next outcome to become durable. Returns `None` if there is none.
    ///
    /// # Errors
    /// If the store accepts no more items.
    fn wait_published(
        &self,
    ) -> impl Future<Output = Result<Option<Published<Self::Entry>>, Self::Error>> + Send;
}

/// The sink of an [`AsyncStore`] for one response. See [`StoreSink`].
pub trait AsyncStoreSink: AsyncSink {
    /// See [`StoreSink::confirm`].
    fn confirm(
        &mut self,
        outcome: &Outcome,
        confirmation: Confirmation,
    ) -> impl Future<Output = ()> + Send;

    /// See [`StoreSink::judge`].
    fn judge(&mut self, disposition: Disposition) {
        let _ = disposition;
    }

    /// See [`StoreSink::explain`].
    fn explain(&mut self, explanation: &str) {
        let _ = explanation;
    }

    /// See [`StoreSink::has_failed`].
    fn has_failed(&self) -> bool {
        false
    }

    /// See [`StoreSink::not_answered`].
    fn not_answered(&mut self, outcome: &Outcome) {
        let _ = outcome;
    }
}

/// A blocking [`Store`] as an async one. Its futures are ready when they are polled first.
///
/// In an async runtime it blocks a thread for the time of each call, which for an [`Archive`](crate::Archive) is that of a
/// write to the disk.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)] // a wrapper
pub struct BlockingStore<'a, S: ?Sized>(pub &'a S);

/// The sink of a [`BlockingStore`].
#[derive(Debug)]
#[non_exhaustive]
pub struct BlockingStoreSink<K>(K);

impl<V, S> AsyncStore<V> for BlockingStore<'_, S>
where
    S: Store<V> + ?Sized,
{
    type Entry = S::Entry;
    type Error = S::Error;
    type Sink<'s>
        = BlockingStoreSink<S::Sink<'s>>
    where
        Self: 's,
        V: 's;

    fn state(&self, item: &Item<'_, V>) -> ItemState {
        self.0.state(item)
    }

    fn attempts(&self, item: &Item<'_, V>) -> u32 {
        self.0.attempts(item)
    }

    fn entry(
        &self,
        item: &Item<'_, V>,
    ) -> impl Future<Output = Result<Option<S::Entry>, S::Error>> + Send {
        ready(self.0.entry(item))
    }

    fn is_consequence(&self, error: &S::Error) -> bool {
        self.0.is_consequence(error)
    }

    fn sink<'s>(&'s self, ids: &'s [ItemId<'s>], items: &[&'s Item<'s, V>]) -> Self::Sink<'s> {
        BlockingStoreSink(self.0.sink(ids, items))
    }

    fn published(&self) -> Result<Option<Published<S::Entry>>, S::Error> {
        self.0.published(false)
    }

    fn wait_published(
        &self,
    ) -> impl Future<Output = Result<Option<Published<S::Entry>>, S::Error>> + Send {
        ready(self.0.published(true))
    }
}

impl<K: StoreSink<Error: Send> + Send> AsyncSink for BlockingStoreSink<K> {
    type Error = K::Error;

    async fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        self.0.compare_id(index, ids)
    }

    async fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), K::Error> {
        self.0.begin(index, ids)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), K::Error> {
        self.0.write(bytes)
    }

    async fn commit(&mut self, outcome: &Outcome) -> Result<(), K::Error> {
        self.0.commit(outcome)
    }

    async fn abort(&mut self, outcome: &Outcome) {
        self.0.abort(outcome);
    }

    async fn failed(&mut self, outcome: &Outcome) {
        self.0.failed(outcome);
    }

    async fn note(&mut self, event: &Event<'_>) {
        self.0.note(event);
    }

    async fn end(&mut self, summary: &Summary) {
        self.0.end(summary);
    }
}

impl<K: StoreSink<Error: Send> + Send> AsyncStoreSink for BlockingStoreSink<K> {
    async fn confirm(&mut self, outcome: &Outcome, confirmation: Confirmation) {
        self.0.confirm(outcome, confirmation);
    }

    fn judge(&mut self, disposition: Disposition) {
        self.0.judge(disposition);
    }

    fn explain(&mut self, explanation: &str) {
        self.0.explain(explanation);
    }

    fn has_failed(&self) -> bool {
        self.0.has_failed()
    }

    fn not_answered(&mut self, outcome: &Outcome) {
        self.0.not_answered(outcome);
    }
}
