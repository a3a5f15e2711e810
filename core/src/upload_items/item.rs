//! An item to upload.

use crate::ews::{FolderId, ItemId};

/// An item to upload: where it goes, and how long its data are.
///
/// The data are not part of it: the [encoder](super::UploadEncoder) takes them piece by piece.
///
/// Source: `UploadItemType`, [MS-OXWSBTRF 3.1.4.2.3.5](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsbtrf/).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct UploadItem<'a> {
    /// Whether a new item is made, or one is replaced.
    pub create_action: CreateAction<'a>,
    /// Whether the item is folder-associated information, which clients do not show among the items of a folder.
    pub is_associated: bool,
    /// The folder of the item. A distinguished name is not allowed here.
    pub parent_folder_id: FolderId<'a>,
    /// Length of the data in bytes, before they are encoded by base64.
    pub data_len: u64,
}

impl<'a> UploadItem<'a> {
    /// A new item, which is not associated, with `data_len` bytes of data.
    #[must_use]
    pub const fn new(parent_folder_id: FolderId<'a>, data_len: u64) -> Self {
        Self {
            create_action: CreateAction::CreateNew,
            is_associated: false,
            parent_folder_id,
            data_len,
        }
    }
}

/// What an upload does with an item of the mailbox.
///
/// Source: `CreateActionType`, [MS-OXWSBTRF 3.1.4.2.4.1](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsbtrf/).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum CreateAction<'a> {
    /// Makes a new item, even if the folder has an equal one. Two uploads make two items.
    CreateNew,
    /// Replaces this item. If it is not in the folder, the server answers `ErrorItemNotFound` (R231).
    Update(ItemId<'a>),
    /// Replaces this item, or makes a new one if it is not in the folder (R235).
    UpdateOrCreate(ItemId<'a>),
}

impl CreateAction<'_> {
    /// The text on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateNew => "CreateNew",
            Self::Update(_) => "Update",
            Self::UpdateOrCreate(_) => "UpdateOrCreate",
        }
    }
}
