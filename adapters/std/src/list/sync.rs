//! The changes of a folder, by `SyncFolderItems`.

use super::answer::Kind;
use super::folder::Folder;
use super::item::ListedItem;
use super::request::sync_folder_items;
use super::{ListError, Lister};

/// The `ResponseCode` for a state that is too old, or of another folder.
const INVALID_STATE: &str = "ErrorInvalidSyncStateData";

/// A change of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The item is new in the folder, or has changed.
    Exists(ListedItem),
    /// Only whether the item is read has changed. The item has no properties here.
    ReadFlag(ListedItem),
    /// The item is no longer in the folder: it was deleted, or moved, which gives it another id.
    Deleted {
        /// The `Id`.
        id: String,
    },
}

/// The next changes of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The changes in order.
    pub changes: Vec<Change>,
    /// The state after these changes. It is opaque, and can be kept for years.
    pub state: String,
    /// Whether these were the last changes when the server answered.
    pub is_last: bool,
    /// Whether the server did not accept the given state, so that these changes begin with the first item again.
    pub from_start: bool,
}

impl Lister<'_> {
    /// Returns the next changes of a folder since `state`, 512 at most. Without a state, all items are new.
    ///
    /// A list is complete when an answer has no changes. Items that are created, moved or deleted meanwhile are in later
    /// answers.
    ///
    /// # Errors
    /// [`ListError`]. Public folders and the mailboxes of groups cannot be synced; use [`find`](Self::find) for them.
    pub fn changes(
        &mut self,
        folder: &Folder,
        state: Option<&str>,
        associated: bool,
    ) -> Result<Changes, ListError> {
        let request = sync_folder_items(&folder.id, state, associated);
        let message = match (self.one("SyncFolderItems", &request, &folder.path), state) {
            (Err(ListError::Refused { refusal, .. }), Some(_)) if refusal.code == INVALID_STATE => {
                let changes = self.changes(folder, None, associated)?;
                return Ok(Changes {
                    from_start: true,
                    ..changes
                });
            }
            (message, _) => message?,
        };
        let is_last = message.is_last != Some(false);
        let known = (!associated).then_some(false);
        let change = |entry: super::Entry| match entry.kind {
            Kind::Delete => Change::Deleted { id: entry.id },
            Kind::ReadFlagChange => Change::ReadFlag(ListedItem::new(entry, folder, known)),
            _ => Change::Exists(ListedItem::new(entry, folder, known)),
        };
        let changes: Vec<_> = message.entries.into_iter().map(change).collect();
        let next = message.sync_state.filter(|next| !next.is_empty());
        match next {
            // A server that has nothing more may return the same state (exchangelib, folders/collections.py).
            Some(next) if is_last || changes.is_empty() || state != Some(next.as_str()) => {
                Ok(Changes {
                    is_last: is_last || state == Some(next.as_str()),
                    changes,
                    state: next,
                    from_start: state.is_none(),
                })
            }
            _ => Err(ListError::Stuck {
                folder: folder.path.clone(),
            }),
        }
    }
}
