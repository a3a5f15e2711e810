//! Where exported items go: the traits of a store, and the archive as one.

use exportitems::policy::Disposition;
use exportitems::{ItemId, Outcome, Sink};
use exportitems_engine::{Confirmation, ItemState};

use super::item::Item;
use crate::archive::{Archive, ArchiveError, ArchiveSink, Entry, ItemInfo};

/// A store of exported items. It says what it holds already, and makes a sink for each response.
///
/// [`Archive`] is one. `V` is the value that the caller gives with each item, such as its folder.
///
/// Several responses arrive at the same time, so a store is shared between threads. An item is in one response at a time.
pub trait Store<V>: Sync {
    /// What the store reports of an item.
    type Entry: Send;
    /// The error that ends a run, because the store accepts no more items.
    type Error: core::error::Error + Send + Sync + 'static;
    /// The sink for one response.
    type Sink<'s>: StoreSink<Error = Self::Error> + Send
    where
        Self: 's,
        V: 's;

    /// Returns what the store knows of an item.
    fn state(&self, item: &Item<'_, V>) -> ItemState;

    /// Returns the number of requests for an item in earlier runs. Of the items that failed before, those with the fewest
    /// are requested first.
    fn attempts(&self, item: &Item<'_, V>) -> u32 {
        let _ = item;
        0
    }

    /// Returns the last entry of an item.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn entry(&self, item: &Item<'_, V>) -> Result<Option<Self::Entry>, Self::Error> {
        let _ = item;
        Ok(None)
    }

    /// Returns whether an error only says that an earlier one has stopped the store. The run returns the earlier one.
    fn is_consequence(&self, error: &Self::Error) -> bool {
        let _ = error;
        false
    }

    /// Returns the sink for the response to a request for these items, in this order. `ids` are the ids of `items`.
    fn sink<'s>(&'s self, ids: &'s [ItemId<'s>], items: &[&'s Item<'s, V>]) -> Self::Sink<'s>;

    /// Returns the next outcome that has become durable, in the order of the outcomes of each item. With `wait`, waits for
    /// it, and returns `None` only if there is none.
    ///
    /// An item has one outcome for each request, by [`confirm`](StoreSink::confirm) or by `abort` and `failed` of the
    /// sink, except for refused items, which have theirs by `confirm` alone.
    ///
    /// # Errors
    /// If the store accepts no more items.
    fn published(&self, wait: bool) -> Result<Option<Published<Self::Entry>>, Self::Error>;
}

/// The sink of a [`Store`] for one response.
///
/// An item that is committed is complete, but only the end of the response shows to which item it belongs. So the store
/// keeps it as unconfirmed, until [`confirm`](Self::confirm) is called for each committed and each refused item.
/// [`Sink::end`] and [`Sink::compare_id`] are not called.
pub trait StoreSink: Sink {
    /// Decides about a committed or refused item, after the end of the response.
    ///
    /// Keep the item if it is [confirmed](Confirmation::Confirmed). Otherwise it is suspect: it will be requested again,
    /// and it is worth keeping only until an answer is confirmed.
    fn confirm(&mut self, outcome: &Outcome, confirmation: Confirmation);

    /// Receives what can be done about the next outcome, before `commit`, `abort` or `failed`.
    fn judge(&mut self, disposition: Disposition) {
        let _ = disposition;
    }

    /// Receives why there is no response, before `failed`.
    fn explain(&mut self, explanation: &str) {
        let _ = explanation;
    }

    /// Returns whether the current item cannot be stored, for a reason that does not concern other items. Its `commit`
    /// reports a failure then, and the item is not requested again.
    fn has_failed(&self) -> bool {
        false
    }

    /// Receives the outcome of an item that is requested again and not reported yet, because the server may be down.
    fn not_answered(&mut self, outcome: &Outcome) {
        let _ = outcome;
    }
}

/// An outcome that has become durable.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // stores make it
pub struct Published<E> {
    /// The requested id.
    pub id: String,
    /// Whether the store holds the item now, confirmed.
    pub is_done: bool,
    /// The number of bytes of its payload.
    pub bytes: u64,
    /// What the store reports of the item.
    pub entry: E,
}

impl<V> Store<V> for Archive
where
    ItemInfo: for<'v> From<&'v V>,
{
    type Entry = Entry;
    type Error = ArchiveError;
    type Sink<'s>
        = ArchiveSink<'s>
    where
        V: 's;

    fn state(&self, item: &Item<'_, V>) -> ItemState {
        Self::state(self, &item.wanted())
    }

    fn attempts(&self, item: &Item<'_, V>) -> u32 {
        Self::attempts(self, item.id.id)
    }

    fn entry(&self, item: &Item<'_, V>) -> Result<Option<Entry>, ArchiveError> {
        Self::entry(self, item.id.id)
    }

    fn is_consequence(&self, error: &ArchiveError) -> bool {
        matches!(error, ArchiveError::Stopped)
    }

    fn sink<'s>(&'s self, ids: &'s [ItemId<'s>], items: &[&'s Item<'s, V>]) -> ArchiveSink<'s> {
        let infos = items.iter().map(|item| (&item.value).into());
        let listed = items
            .iter()
            .map(|item| item.listed_change_key.map(str::to_owned));
        Self::sink(self, ids)
            .describe(infos.collect())
            .listed(listed.collect())
    }

    fn published(&self, wait: bool) -> Result<Option<Published<Entry>>, ArchiveError> {
        let entry = match wait {
            true => self.wait_published()?,
            false => Self::published(self)?,
        };
        Ok(entry.map(|entry| Published {
            id: entry.id.clone().unwrap_or_default(),
            is_done: entry.is_done() && entry.error.is_none(),
            bytes: entry.bytes,
            entry,
        }))
    }
}

impl StoreSink for ArchiveSink<'_> {
    fn confirm(&mut self, outcome: &Outcome, confirmation: Confirmation) {
        Self::confirm(self, outcome.index, confirmation);
    }

    fn judge(&mut self, disposition: Disposition) {
        self.judged(disposition);
    }

    fn explain(&mut self, explanation: &str) {
        Self::explain(self, explanation.to_owned());
    }

    fn has_failed(&self) -> bool {
        Self::has_failed(self)
    }

    fn not_answered(&mut self, outcome: &Outcome) {
        self.note_unanswered(outcome);
    }
}
