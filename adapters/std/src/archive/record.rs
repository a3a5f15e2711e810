//! The lines of the manifest that are not outcomes of items.

use serde::{Deserialize, Serialize};

/// A line of the manifest that is not the outcome of an item.
///
/// In JSON its field `type` says which one it is. Outcomes have no such field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Record {
    /// From here on, the lines are chained. This is the first line, unless an older program began the manifest.
    Archive {
        /// The version of the format.
        format: u32,
        /// The program and its version.
        program: String,
    },
    /// A run has begun.
    Run(RunRecord),
    /// The run has connected to a server.
    Server {
        /// The URL of the endpoint, without credentials.
        url: String,
        /// The SHA-256 of the server's certificate in hexadecimal, if the connection uses TLS.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        certificate: Option<String>,
    },
    /// The run has ended by itself. This is missing if the process was killed.
    End(EndRecord),
    /// The number of items in a folder, at the end of a backup.
    Folder(FolderRecord),
    /// The server has deleted the item, or moved it, which gives it another id. The archive keeps what it holds.
    Deleted {
        /// The `Id` as it was requested.
        id: String,
    },
    /// The file of an older version was removed, because only a certain number of versions is kept.
    Removed {
        /// The path of the file relative to the archive's directory.
        file: String,
    },
}

/// Who ran a program, where, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// The program and its version, such as `exportitems 0.1.0`.
    pub program: String,
    /// The name of the user of the operating system.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// The name of the computer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// The arguments. They must not contain secrets.
    pub arguments: Vec<String>,
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EndRecord {
    /// The number of items that the run has exported.
    pub exported: u64,
    /// The number of bytes of their payloads.
    pub bytes: u64,
    /// The number of requested items that the archive does not hold.
    pub missing: u64,
}

/// A folder of the mailbox, and the number of its items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FolderRecord {
    /// The path of the folder, see [`folder_path`](super::folder_path).
    pub folder: String,
    /// The `Id` of the `FolderId`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub folder_id: Option<String>,
    /// The `FolderClass`, such as `IPF.Note`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub folder_class: Option<String>,
    /// The `DistinguishedFolderId` of a well-known folder, such as `inbox`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distinguished_folder: Option<String>,
    /// The number of items that the server counts.
    pub on_server: u64,
    /// The number of those that the archive holds.
    pub archived: u64,
    /// The number of those that failed, each with a reason.
    pub failed: u64,
    /// The number of those that were created, changed or deleted while the folder was listed.
    pub changed: u64,
}

/// A [`Record`] and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timed {
    /// The time in UTC, in the format of RFC 3339.
    pub time: String,
    /// The record.
    #[serde(flatten)]
    pub record: Record,
}

impl Timed {
    pub(super) fn now(record: Record) -> Self {
        Self {
            time: now(),
            record,
        }
    }
}

/// Returns the time in UTC, in the format of RFC 3339.
pub(super) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
