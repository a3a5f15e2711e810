//! `ItemId` and `FolderId`, by which requests name items and folders.

/// An item of a mailbox, by the ids that `FindItem` or `SyncFolderItems` returned for it.
///
/// Source: [ItemId](https://learn.microsoft.com/exchange/client-developer/web-service-reference/itemid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ItemId<'a> {
    /// `Id`: opaque, case-sensitive, never empty.
    pub id: &'a str,
    /// `ChangeKey`: the request is for this version of the item only. `None` requests the current version.
    pub change_key: Option<&'a str>,
}

impl<'a> ItemId<'a> {
    /// The current version of an item.
    #[must_use]
    pub const fn new(id: &'a str) -> Self {
        Self {
            id,
            change_key: None,
        }
    }
}

/// A folder of a mailbox, by the ids that `FindFolder` or `GetFolder` returned for it.
///
/// Source: [ParentFolderId](https://learn.microsoft.com/exchange/client-developer/web-service-reference/parentfolderid).
#[cfg(feature = "upload")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FolderId<'a> {
    /// `Id`: opaque, case-sensitive, never empty.
    pub id: &'a str,
    /// `ChangeKey`: the version of the folder. `None` means the current version.
    pub change_key: Option<&'a str>,
}

#[cfg(feature = "upload")]
impl<'a> FolderId<'a> {
    /// The current version of a folder.
    #[must_use]
    pub const fn new(id: &'a str) -> Self {
        Self {
            id,
            change_key: None,
        }
    }
}
