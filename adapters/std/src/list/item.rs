//! An item in a list.

use super::answer::Entry;
use super::folder::Folder;
use crate::archive::ItemInfo;

/// An item in a list of its mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedItem {
    /// The `Id` of its `ItemId`.
    pub id: String,
    /// The `ChangeKey`, which changes with the content of the item.
    pub change_key: Option<String>,
    /// The properties of the item and of its folder.
    pub info: ItemInfo,
}

impl ListedItem {
    pub(super) fn new(entry: Entry, folder: &Folder, associated: Option<bool>) -> Self {
        let info = ItemInfo {
            associated: entry.associated.or(associated),
            item_class: entry.class,
            subject: entry.name,
            received: entry.received,
            size: entry.size,
            ..folder.info()
        };
        Self {
            id: entry.id,
            change_key: entry.change_key,
            info,
        }
    }
}
