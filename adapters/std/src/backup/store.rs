//! The archive as a store of listed versions.

use exportitems::ItemId;
use exportitems_engine::ItemState;

use crate::archive::{Archive, ArchiveError, ArchiveSink, Entry};
use crate::export::{Item, Published, Store};
use crate::list::ListedItem;

/// An archive that holds an item only if it holds the listed version.
///
/// Items are requested without their `ChangeKey`s, so the server answers with its current versions.
#[derive(Clone, Copy, Debug)]
pub struct ListedVersions<'a>(&'a Archive);

impl<'a> ListedVersions<'a> {
    /// Makes the store.
    #[must_use]
    pub const fn new(archive: &'a Archive) -> Self {
        Self(archive)
    }

    /// Returns the items of a list for an [`Exporter`](crate::Exporter) with this store.
    pub fn items(list: &[ListedItem]) -> impl Iterator<Item = Item<'_, &ListedItem>> {
        list.iter()
            .map(|item| Item::new(ItemId::new(&item.id), item).size(item.info.size))
    }
}

impl<'v> Store<&'v ListedItem> for ListedVersions<'_> {
    type Entry = Entry;
    type Error = ArchiveError;
    type Sink<'s>
        = ArchiveSink<'s>
    where
        Self: 's,
        &'v ListedItem: 's;

    fn state(&self, item: &Item<'_, &'v ListedItem>) -> ItemState {
        self.0.state(&ItemId {
            id: item.id.id,
            change_key: item.value.change_key.as_deref(),
        })
    }

    fn attempts(&self, item: &Item<'_, &'v ListedItem>) -> u32 {
        self.0.attempts(item.id.id)
    }

    fn entry(&self, item: &Item<'_, &'v ListedItem>) -> Result<Option<Entry>, ArchiveError> {
        self.0.entry(item.id.id)
    }

    fn is_consequence(&self, error: &ArchiveError) -> bool {
        matches!(error, ArchiveError::Stopped)
    }

    fn sink<'s>(
        &'s self,
        ids: &'s [ItemId<'s>],
        items: &[&'s Item<'s, &'v ListedItem>],
    ) -> ArchiveSink<'s> {
        let infos = items.iter().map(|item| item.value.info.clone());
        let keys = items.iter().map(|item| item.value.change_key.clone());
        let sink = self.0.sink(ids).describe(infos.collect());
        sink.listed(keys.collect())
    }

    fn published(&self, wait: bool) -> Result<Option<Published<Entry>>, ArchiveError> {
        <Archive as Store<()>>::published(self.0, wait)
    }
}
