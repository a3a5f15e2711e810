//! The seal of an archive: its totals, and the hash of its manifest.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::entry::Status;
use super::error::ArchiveError;
use super::inventory::{Inventory, Listed};
use super::manifest;
use super::name::hex;
use super::place;
use super::record::now;

/// The file name of the seal in the archive's directory.
const SEAL: &str = "seal.json";

/// The largest size of a seal in bytes.
const LIMIT: u64 = 64 * 1024;

/// The state of an archive at one time.
///
/// The manifest lists the SHA-256 of every payload. So a copy of this file, or a signature of it, that is kept elsewhere
/// shows every later change of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seal {
    /// The time in UTC, in the format of RFC 3339.
    pub time: String,
    /// The program and its version.
    pub program: String,
    /// The number of items and bytes.
    pub totals: Totals,
    /// The number of lines of the manifest.
    pub lines: u64,
    /// The number of bytes of the manifest.
    pub manifest_bytes: u64,
    /// The SHA-256 of the manifest's last line with its line end, in hexadecimal: the head of the chain.
    pub head: String,
    /// The SHA-256 of the manifest in hexadecimal.
    pub manifest_sha256: String,
}

/// The number of items and bytes in an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Items whose latest payload is confirmed.
    pub items: u64,
    /// Older versions of items.
    pub older_versions: u64,
    /// Items with a payload that no response has confirmed.
    pub suspect: u64,
    /// Items that failed and have no file.
    pub failed: u64,
    /// The bytes of all payloads.
    pub bytes: u64,
}

/// A result of [`verify_seal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealState {
    /// The manifest is the sealed one.
    Intact,
    /// The sealed lines are unchanged, and others follow them.
    Continued {
        /// The number of lines after the sealed ones.
        lines: u64,
    },
    /// The manifest is not the sealed one.
    Altered,
}

/// Writes the seal of the archive in `dir`, and replaces an older one.
///
/// This reads only the manifest. [`verify`](super::verify) compares the payloads with it.
///
/// # Errors
/// [`ArchiveError::Locked`] if another process writes to the archive, and other errors if the manifest cannot be read or
/// the seal cannot be written.
pub fn seal(dir: impl AsRef<Path>) -> Result<Seal, ArchiveError> {
    let dir = dir.as_ref();
    let mut digest = Sha256::new();
    let mut lines = 0;
    let mut head = manifest::Link::default();
    let mut manifest_bytes = 0;
    let inventory = Inventory::open_with(dir.to_owned(), |complete, _| {
        digest.update(complete.bytes);
        lines = complete.number;
        head = manifest::link(complete.bytes);
        manifest_bytes += complete.bytes.len() as u64;
    })?;
    if inventory.is_written() {
        return Err(ArchiveError::Locked {
            dir: dir.to_owned(),
        });
    }
    let seal = Seal {
        time: now(),
        program: super::PROGRAM.to_owned(),
        totals: totals(&inventory)?,
        lines,
        manifest_bytes,
        head: hex(&head),
        manifest_sha256: hex(&digest.finalize()),
    };
    let mut text =
        serde_json::to_vec_pretty(&seal).map_err(|source| ArchiveError::Seal { source })?;
    text.push(b'\n');
    place::replace_file(&dir.join(SEAL), &text)?;
    Ok(seal)
}

/// Compares the manifest of the archive in `dir` with its seal.
///
/// Together with [`verify`](super::verify), which compares the payloads with the manifest, this shows every item that was
/// altered, removed or added since, even if the manifest was edited consistently. The seal itself must be compared with a
/// copy or a signature that is kept elsewhere.
///
/// # Errors
/// [`ArchiveError::NotSealed`] if there is no seal, and other errors if a file cannot be read.
pub fn verify_seal(dir: impl AsRef<Path>) -> Result<(Seal, SealState), ArchiveError> {
    let dir = dir.as_ref();
    let path = dir.join(SEAL);
    if place::own_file(&path)?.is_none() {
        return Err(ArchiveError::NotSealed {
            dir: dir.to_owned(),
        });
    }
    let mut text = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(LIMIT).read_to_end(&mut text))
        .map_err(ArchiveError::io("read", &path))?;
    let seal: Seal =
        serde_json::from_slice(&text).map_err(|source| ArchiveError::Seal { source })?;

    let mut digest = Sha256::new();
    let (mut sealed, mut lines, mut bytes) = (None, 0, 0);
    let mut head = manifest::Link::default();
    let inventory = Inventory::open_with(dir.to_owned(), |complete, _| {
        digest.update(complete.bytes);
        lines = complete.number;
        bytes += complete.bytes.len() as u64;
        if lines == seal.lines {
            sealed = Some((bytes, hex(&digest.clone().finalize())));
            head = manifest::link(complete.bytes);
        }
    })?;
    let sealed = match seal.lines {
        0 => Some((0, hex(&Sha256::digest([])))),
        _ => sealed,
    };
    let is_sealed = sealed == Some((seal.manifest_bytes, seal.manifest_sha256.clone()))
        && hex(&head) == seal.head;
    let state = match lines.saturating_sub(seal.lines) {
        _ if !is_sealed => SealState::Altered,
        0 if totals(&inventory)? == seal.totals => SealState::Intact,
        0 => SealState::Altered,
        lines => SealState::Continued { lines },
    };
    Ok((seal, state))
}

fn totals(inventory: &Inventory) -> Result<Totals, ArchiveError> {
    let mut totals = Totals::default();
    inventory.each(|listed| {
        let (entry, count) = match listed {
            Listed::Item { entry, .. } if entry.status == Status::Failed => {
                totals.failed += 1;
                return;
            }
            Listed::Item { entry, .. } if entry.suspect => (entry, &mut totals.suspect),
            Listed::Item { entry, .. } => (entry, &mut totals.items),
            Listed::Older { entry } => (entry, &mut totals.older_versions),
            Listed::Record(_) => return,
        };
        *count += 1;
        totals.bytes += entry.bytes;
    })?;
    Ok(totals)
}
