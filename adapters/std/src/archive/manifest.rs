//! The manifest: what became of which item, one JSON line per outcome.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::ArchiveError;
use super::name::Key;

/// The manifest's name, below the archive's directory.
pub(super) const MANIFEST: &str = "manifest.jsonl";

/// One outcome of one item, a line of the manifest.
///
/// The last entry of an id is the one that counts.
/// A reader skips fields that it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Whether the archive holds the item.
    pub status: Status,
    /// Position in the request, from 0.
    pub index: u32,
    /// `Id` that was asked for; absent where a response was decoded without its request, and for a
    /// message that nobody asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `Id` of the answer, which may be written in another way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_id: Option<String>,
    /// `ChangeKey` of the answer: the version of the item that was exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_key: Option<String>,
    /// The payload, relative to the archive's directory, with `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Bytes of payload; of an item that failed, those that had arrived.
    pub bytes: u64,
    /// SHA-256 of the payload in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What the payload says about its own integrity, [`Verdict::as_str`](exportitems::Verdict::as_str).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
    /// The server truncated the response behind this item, and its integrity is not `whole`: it is kept,
    /// but counts as not done.
    #[serde(skip_serializing_if = "core::ops::Not::not", default)]
    pub suspect: bool,
    /// `ResponseClass`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// `ResponseCode`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why the item is not there, [`ItemError::as_str`](exportitems::ItemError::as_str).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// [`Texts::message`](crate::Texts::message), in the server's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `BackOffMilliseconds`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_off_ms: Option<u32>,
    /// How often the item has been asked for, this time included, over all runs.
    pub attempts: u32,
    /// When, by RFC 3339, in UTC.
    pub time: String,
}

/// Bytes of a text that are kept at most; a server may send any number.
pub const MESSAGE_LIMIT: usize = 1024;

/// Whether the archive holds an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The item is whole and durable.
    Ok,
    /// It is not there; [`Entry::error`] says why.
    Failed,
}

impl Entry {
    /// Whether there is nothing left to do for the item.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.status == Status::Ok && !self.suspect
    }

    /// What the entry speaks about; `None` for a message that nobody asked for.
    pub(super) fn subject(&self) -> Option<Key> {
        match (&self.id, &self.file) {
            (Some(id), _) => Some(Key::of(id)),
            (None, Some(file)) => Some(Key::of(file)),
            (None, None) => None,
        }
    }

    /// The line, with its end.
    pub(super) fn write_to(&self, lines: &mut Vec<u8>) -> io::Result<()> {
        serde_json::to_writer(&mut *lines, self)?;
        lines.push(b'\n');
        Ok(())
    }
}

/// Reads all whole lines, and returns how many bytes they take.
///
/// A last line without its end is what a kill or a power cut in the middle of a write leaves: it is not
/// read, and its item counts as not done.
pub(super) fn read(
    manifest: impl Read,
    path: &Path,
    mut entry: impl FnMut(Entry) -> Result<(), ArchiveError>,
) -> Result<u64, ArchiveError> {
    let mut manifest = BufReader::new(manifest);
    let (mut line, mut len) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        manifest
            .read_until(b'\n', &mut line)
            .map_err(ArchiveError::io("read", path))?;
        if line.last() != Some(&b'\n') {
            break;
        }
        let parsed = serde_json::from_slice(&line).map_err(|source| ArchiveError::Manifest {
            line: number,
            source,
        })?;
        entry(parsed)?;
        len += line.len() as u64;
    }
    Ok(len)
}

/// Cuts a torn last line off, so that the next one begins a line.
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
