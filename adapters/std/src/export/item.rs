//! The items of a run.

use exportitems::ItemId;

use crate::archive::ItemInfo;

/// An item to export.
///
/// `V` is a value of the caller, which the exporter passes to the [`Store`](super::Store) with each response and to each
/// event, unread. An [`Archive`](crate::Archive) takes `()` and [`ItemInfo`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Item<'a, V = ()> {
    /// The id to request. Without a `ChangeKey`, the server returns the version that it has now.
    pub id: ItemId<'a>,
    /// The `ChangeKey` of the version that is wanted, if it is not to be requested. A store is asked for this version.
    pub listed_change_key: Option<&'a str>,
    /// The number of bytes that the payload is expected to have. A list of a mailbox has about this size.
    pub size: Option<u64>,
    /// The value of the caller.
    pub value: V,
}

impl<'a, V> Item<'a, V> {
    /// Makes an item of unknown size.
    pub const fn new(id: ItemId<'a>, value: V) -> Self {
        Self {
            id,
            listed_change_key: None,
            size: None,
            value,
        }
    }

    /// Sets the `ChangeKey` of the version that is wanted, for an item that is requested without one.
    #[must_use]
    pub fn listed_change_key(mut self, change_key: Option<&'a str>) -> Self {
        self.listed_change_key = change_key;
        self
    }

    /// Returns the id with the `ChangeKey` of the version that is wanted, if it is known.
    #[must_use]
    pub fn wanted(&self) -> ItemId<'a> {
        ItemId {
            change_key: self.listed_change_key.or(self.id.change_key),
            ..self.id
        }
    }

    /// Sets the number of bytes that the payload is expected to have.
    #[must_use]
    pub fn size(mut self, size: Option<u64>) -> Self {
        self.size = size;
        self
    }
}

impl<'a> From<ItemId<'a>> for Item<'a> {
    fn from(id: ItemId<'a>) -> Self {
        Self::new(id, ())
    }
}

impl<'a> From<&ItemId<'a>> for Item<'a> {
    fn from(id: &ItemId<'a>) -> Self {
        Self::new(*id, ())
    }
}

/// The item of a list, whose size is known from it.
impl<'a> From<(ItemId<'a>, ItemInfo)> for Item<'a, ItemInfo> {
    fn from((id, info): (ItemId<'a>, ItemInfo)) -> Self {
        let size = info.size;
        Self::new(id, info).size(size)
    }
}
