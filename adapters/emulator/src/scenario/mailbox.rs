//! The mailboxes of a scenario, and how they change.

use jiff::Timestamp;
use serde::Deserialize;

use super::ScenarioError;
use crate::id::is_guid;

/// A mailbox: `[[mailboxes]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MailboxRule {
    /// The SMTP address.
    pub address: String,
    /// The GUID in ids. The default is that of the scenario for the first mailbox, and derived from the address for others.
    pub guid: Option<String>,
    /// The `ResponseCode` for all requests for the mailbox, such as `ErrorAccessDenied`.
    pub refuse: Option<String>,
    /// Folders beside the default ones, or properties of default folders: `[[mailboxes.folder]]`.
    #[serde(default, rename = "folder")]
    pub folders: Vec<FolderRule>,
}

/// A folder: `[[mailboxes.folder]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FolderRule {
    /// The display names from the top down, separated by `/`. In a name, `\/` is a slash and `\\` a backslash. Missing
    /// parents are created.
    pub path: String,
    /// The well-known folder in which the path begins.
    #[serde(default = "msgfolderroot")]
    pub within: String,
    /// The `FolderClass`. The default is that of the default folder, or `IPF.Note`.
    pub class: Option<String>,
    /// The name of a well-known folder, whose display name becomes that of `path`.
    pub distinguished: Option<String>,
    /// Whether this is a search folder, which shows the items of all other folders.
    #[serde(default)]
    pub search: bool,
    /// Whether `SyncFolderItems` is allowed.
    #[serde(default = "yes")]
    pub sync: bool,
    /// The number of generated items.
    #[serde(default)]
    pub items: u64,
    /// The number of generated items that are folder associated information.
    #[serde(default)]
    pub associated: u64,
    /// The sizes of the generated items in bytes, in turn.
    #[serde(default = "sizes")]
    pub sizes: Vec<u64>,
    /// Items with given properties, before the generated ones: `[[mailboxes.folder.item]]`.
    #[serde(default, rename = "item")]
    pub list: Vec<MailboxItem>,
}

/// An item: `[[mailboxes.folder.item]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct MailboxItem {
    /// `ItemClass`.
    pub class: String,
    /// `Subject`.
    pub subject: String,
    /// `DateTimeReceived`.
    pub received: Timestamp,
    /// The size of the payload in bytes. `Size` has the same value.
    pub size: u64,
    /// Whether the item is folder associated information.
    pub associated: bool,
    /// `IsRead`.
    pub read: bool,
    /// The name of the element, such as `Person`. The default depends on the class.
    pub element: Option<String>,
}

impl Default for MailboxItem {
    fn default() -> Self {
        Self {
            class: "IPM.Note".to_owned(),
            subject: String::new(),
            received: START,
            size: 1_000,
            associated: false,
            read: false,
            element: None,
        }
    }
}

/// `DateTimeReceived` of the first generated item: 2024-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::constant(1_704_067_200, 0);

fn msgfolderroot() -> String {
    "msgfolderroot".to_owned()
}

fn yes() -> bool {
    true
}

fn sizes() -> Vec<u64> {
    vec![1_000]
}

/// A change of a mailbox at a given time: `[[change]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChangeRule {
    /// The change is made after the response to this many requests that reached EWS.
    pub after: u64,
    /// The address of the mailbox. The default is the first one.
    pub mailbox: Option<String>,
    /// The change.
    pub change: Change,
}

/// A change of a mailbox. A change of folders or items that do not exist has no effect.
///
/// Folders are given by their paths below `msgfolderroot`, as in [`FolderRule::path`], or by the names of well-known
/// folders. Items are given by their positions in a folder, oldest first, from 0.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Change {
    /// New items.
    Create {
        /// The folder.
        folder: String,
        /// The number of new items.
        #[serde(default = "one")]
        items: u64,
        /// The size of each in bytes.
        #[serde(default = "size")]
        size: u64,
    },
    /// New contents of items, which give them other change keys.
    Update(ItemRange),
    /// Changes whether items are read. Their change keys change too.
    Read(ItemRange),
    /// Items move to another folder, where they have other ids.
    Move {
        /// The items.
        #[serde(rename = "from")]
        range: ItemRange,
        /// The folder to which they move.
        to: String,
    },
    /// Items are deleted.
    Delete(ItemRange),
    /// A new folder.
    CreateFolder {
        /// Its path. Missing parents are created.
        folder: String,
    },
    /// Another display name.
    RenameFolder {
        /// The folder.
        folder: String,
        /// The new name, not a path.
        name: String,
    },
    /// A folder is deleted with its items and the folders in it.
    DeleteFolder {
        /// The folder.
        folder: String,
    },
}

/// Items of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ItemRange {
    /// The folder.
    pub folder: String,
    /// The position of the first item.
    #[serde(default)]
    pub item: usize,
    /// The number of items.
    #[serde(default = "one_item")]
    pub items: usize,
}

fn one() -> u64 {
    1
}

fn one_item() -> usize {
    1
}

fn size() -> u64 {
    1_000
}

/// Limits for each user, like those of a throttling policy: `throttling`.
///
/// A user is the `Authorization` header of a request, or the mailbox that it impersonates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Throttling {
    /// The number of requests that are answered at the same time, `EwsMaxConcurrency`. Others are answered with
    /// `ErrorExceededConnectionCount`.
    pub connections: usize,
    /// The number of requests that are answered at once before the user has to wait.
    pub burst: u32,
    /// The time in which the user may send one more request, in milliseconds. Requests beyond the limit are answered with
    /// `ErrorServerBusy` and the time to wait. 0 means that there is no limit.
    pub recharge_ms: u32,
}

impl Default for Throttling {
    fn default() -> Self {
        Self {
            connections: 27,
            burst: 100,
            recharge_ms: 0,
        }
    }
}

/// Checks the rules that the types do not express.
pub(super) fn validate(mailboxes: &[MailboxRule]) -> Result<(), ScenarioError> {
    let invalid = |at: String, wrong: &'static str| Err(ScenarioError::Invalid { at, wrong });
    for (i, mailbox) in mailboxes.iter().enumerate() {
        if mailbox.guid.as_ref().is_some_and(|guid| !is_guid(guid)) {
            return invalid(format!("mailbox {i}: guid"), "is not a GUID");
        }
        let same = |other: &MailboxRule| other.address.eq_ignore_ascii_case(&mailbox.address);
        if mailboxes[..i].iter().any(same) {
            return invalid(format!("mailbox {i}: address"), "occurs twice");
        }
        for (j, folder) in mailbox.folders.iter().enumerate() {
            let sizes = folder.list.iter().map(|item| item.size);
            let mut sizes = sizes.chain(folder.sizes.iter().copied());
            if folder.sizes.is_empty() || sizes.any(|size| !(256..1 << 48).contains(&size)) {
                let at = format!("mailbox {i}: folder {j}: size");
                return invalid(at, "is not 256 to 281474976710655");
            }
        }
    }
    Ok(())
}
