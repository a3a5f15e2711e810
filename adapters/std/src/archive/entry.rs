//! The outcome of an item, as the manifest keeps it.

use exportitems::policy::Disposition;
use exportitems::ItemError;
use serde::{Deserialize, Serialize};

use super::error::ArchiveError;
use super::info::ItemInfo;
use super::line::is_permanent_failure;

/// An entry of the manifest: one outcome of one item.
///
/// If an id has several entries, the last one counts. Earlier ones may list files with older versions of the item.
/// A reader ignores fields that it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Whether the archive holds the item.
    pub status: Status,
    /// The position in the request, from 0.
    pub index: u32,
    /// The requested `Id`. It is absent if a response was decoded without its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The answered `Id`, which may have another spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_id: Option<String>,
    /// The answered `ChangeKey`, which identifies the exported version of the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_key: Option<String>,
    /// The requested `ChangeKey`, if it differs from the answered one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requested_change_key: Option<String>,
    /// The properties of the item in its mailbox, if its request came with them or an earlier entry has them.
    #[serde(skip_serializing_if = "ItemInfo::is_empty", default)]
    pub item: ItemInfo,
    /// The path of the payload relative to the archive's directory, with `/` as separator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The size of the payload in bytes. For a failed item, the number of bytes that arrived.
    pub bytes: u64,
    /// The SHA-256 of the payload in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The result of the payload check, [`Verdict::as_str`](exportitems::Verdict::as_str).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
    /// Whether the payload is kept although its response has not confirmed that it is whole and of this item. Such an
    /// item does not count as done.
    ///
    /// While a response arrives, each item that only the end of the response can confirm has such an entry. Another
    /// entry follows at the end. If [`error`](Self::error) is present too, it is the error of the last attempt.
    #[serde(skip_serializing_if = "core::ops::Not::not", default)]
    pub suspect: bool,
    /// The `ResponseClass` of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The `ResponseCode` of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The error of the last attempt, [`ItemError::as_str`](exportitems::ItemError::as_str).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether another request can help, [`Disposition::as_str`](exportitems::policy::Disposition::as_str).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// The server's message, [`Texts::message`](crate::Texts::message).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The wait that the server asks for, `BackOffMilliseconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_off_ms: Option<u32>,
    /// The number of requests for the item in all runs, including this one.
    pub attempts: u32,
    /// The time of the outcome in UTC, in the format of RFC 3339.
    pub time: String,
}

/// The largest number of bytes of a text that are kept. A server may send any number.
pub const MESSAGE_LIMIT: usize = 1024;

/// Whether the archive holds an item.
///
/// This enum is deliberately exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The payload is durable.
    Ok,
    /// The archive does not hold the item; [`Entry::error`] says why.
    Failed,
}

impl Entry {
    /// Returns whether the archive holds the item and its response has confirmed it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.status == Status::Ok && !self.suspect
    }

    /// Returns whether the server has refused the item permanently, so that another request would fail in the same way.
    #[must_use]
    pub fn is_permanent_failure(&self) -> bool {
        is_permanent_failure(
            self.class.is_some(),
            self.error.as_deref(),
            self.disposition.as_deref(),
        )
    }

    /// Changes the entry to a failure, because the payload could not be kept.
    pub(super) fn lose_payload(&mut self, error: &ArchiveError) {
        self.status = Status::Failed;
        self.suspect = false;
        self.file = None;
        self.sha256 = None;
        self.error = Some(ItemError::Write.as_str().to_owned());
        self.disposition = Some(Disposition::Permanent.as_str().to_owned());
        self.message = Some(crate::error_chain(error));
    }
}
