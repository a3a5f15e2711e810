//! The manifest: what became of which item, one JSON line per outcome.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use exportitems::policy::Disposition;
use exportitems::ItemError;

use serde::{Deserialize, Serialize};

use super::error::ArchiveError;
use super::name::Key;
use super::place;

/// The manifest's name, below the archive's directory.
pub(super) const MANIFEST: &str = "manifest.jsonl";

/// Bytes of a line at most. An entry has about 700; only an id can be long.
const LINE_LIMIT: usize = 1024 * 1024;

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
    /// `Id` that was requested; absent where a response was decoded without its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `Id` of the answer, which may be written in another way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_id: Option<String>,
    /// `ChangeKey` of the answer: the version of the item that was exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_key: Option<String>,
    /// `ChangeKey` of the request, where it is not that of the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requested_change_key: Option<String>,
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
    /// The payload is kept, but counts as not done: its response has not confirmed that it is whole and of
    /// this item.
    ///
    /// While a response arrives, each item of it that only its end can confirm has such a line; another one
    /// follows at that end. If [`error`](Self::error) is present too, it is what the last attempt ended in.
    #[serde(skip_serializing_if = "core::ops::Not::not", default)]
    pub suspect: bool,
    /// `ResponseClass`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// `ResponseCode`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why the last attempt failed, [`ItemError::as_str`](exportitems::ItemError::as_str).
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
    /// Its payload is durable.
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

    /// Whether the server has refused the item for good, so that another request would end the same way.
    #[must_use]
    pub fn is_permanent_failure(&self) -> bool {
        let permanent = self.disposition.as_deref() == Some(Disposition::Permanent.as_str());
        let refused = self.class.is_some() && self.error.is_some();
        // A disk or an archive in disorder is for the user to repair.
        let ours = self.error.as_deref() == Some(ItemError::Write.as_str());
        permanent && refused && !ours
    }

    /// The item that the entry is about.
    pub(super) fn subject(&self) -> Option<Key> {
        match (&self.id, &self.file) {
            (Some(id), _) => Some(Key::of(id)),
            (None, Some(file)) => Some(Key::of(file)),
            (None, None) => None,
        }
    }

    /// Takes back what the outcome promised: the payload could not be kept.
    pub(super) fn lose_payload(&mut self, error: &ArchiveError) {
        self.status = Status::Failed;
        self.suspect = false;
        self.file = None;
        self.sha256 = None;
        self.error = Some(ItemError::Write.as_str().to_owned());
        self.disposition = Some(Disposition::Permanent.as_str().to_owned());
        self.message = Some(crate::error_chain(error));
    }

    /// The line, with its end.
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

/// Reads all whole lines, each with the offset where it begins, and returns how many bytes they take.
///
/// A last line without its end is what a kill or a power cut in the middle of a write leaves: it is not
/// read, and its item counts as not done.
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

/// Reads the line that begins at this offset.
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
