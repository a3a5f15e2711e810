//! The manifest, which has one JSON line per outcome.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use exportitems::policy::Disposition;
use exportitems::ItemError;

use serde::{Deserialize, Serialize};

use super::error::ArchiveError;
use super::info::ItemInfo;
use super::name::Key;
use super::place;

/// The file name of the manifest in the archive's directory.
pub(super) const MANIFEST: &str = "manifest.jsonl";

/// The largest number of bytes in a line. An entry has about 700; only an id can be long.
const LINE_LIMIT: usize = 1024 * 1024;

/// A line of the manifest: one outcome of one item.
///
/// If an id has several entries, the last one counts.
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
        let permanent = self.disposition.as_deref() == Some(Disposition::Permanent.as_str());
        let refused = self.class.is_some() && self.error.is_some();
        // Errors of the disk and the archive can be repaired by the user.
        let ours = self.error.as_deref() == Some(ItemError::Write.as_str());
        permanent && refused && !ours
    }

    /// Returns the key of the item that the entry is about.
    pub(super) fn subject(&self) -> Option<Key> {
        match (&self.id, &self.file) {
            (Some(id), _) => Some(Key::of(id)),
            (None, Some(file)) => Some(Key::of(file)),
            (None, None) => None,
        }
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

    /// Appends the line with its line end.
    pub(super) fn write_to(&self, lines: &mut Vec<u8>) -> io::Result<()> {
        let start = lines.len();
        serde_json::to_writer(&mut *lines, self)?;
        lines.push(b'\n');
        if lines.len() - start > LINE_LIMIT {
            return Err(too_long());
        }
        Ok(())
    }
}

fn too_long() -> io::Error {
    let text = format!("a line is longer than {LINE_LIMIT} bytes");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Reads all complete lines with their offsets, and returns the number of bytes that they take.
///
/// A kill or a power cut during a write can leave a last line without a line end. That line is ignored, so its item
/// does not count as done.
pub(super) fn read(
    manifest: impl Read,
    path: &Path,
    mut entry: impl FnMut(Entry, u64) -> Result<(), ArchiveError>,
) -> Result<u64, ArchiveError> {
    let mut manifest = BufReader::with_capacity(64 * 1024, manifest);
    let (mut line, mut len) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        manifest
            .by_ref()
            .take(LINE_LIMIT as u64)
            .read_until(b'\n', &mut line)
            .map_err(ArchiveError::io("read", path))?;
        let not_an_entry = |source| ArchiveError::Manifest {
            line: number,
            source,
        };
        if line.last() != Some(&b'\n') {
            if line.len() == LINE_LIMIT {
                return Err(not_an_entry(serde_json::Error::io(too_long())));
            }
            break;
        }
        entry(serde_json::from_slice(&line).map_err(not_an_entry)?, len)?;
        len += line.len() as u64;
    }
    Ok(len)
}

/// Reads the line at this offset.
pub(super) fn read_line(manifest: &File, path: &Path, offset: u64) -> Result<Entry, ArchiveError> {
    let (mut line, mut buffer) = (Vec::new(), [0; 1024]);
    let error = |error| ArchiveError::io("read", path)(error);
    loop {
        let from = offset + line.len() as u64;
        let read = place::read_at(manifest, &mut buffer, from).map_err(error)?;
        let end = buffer[..read].iter().position(|&byte| byte == b'\n');
        line.extend_from_slice(&buffer[..end.unwrap_or(read)]);
        if end.is_some() {
            return serde_json::from_slice(&line).map_err(|source| error(source.into()));
        }
        if read == 0 || line.len() > LINE_LIMIT {
            return Err(error(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// Removes an incomplete last line, so that the next entry begins a new line.
pub(super) fn repair(manifest: &File, whole: u64, path: &Path) -> Result<(), ArchiveError> {
    let len = manifest
        .metadata()
        .map_err(ArchiveError::io("read", path))?
        .len();
    if len == whole {
        return Ok(());
    }
    manifest
        .set_len(whole)
        .and_then(|()| manifest.sync_data())
        .map_err(ArchiveError::io("repair", path))
}
