//! Compares an archive with its manifest.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::entry::{Entry, Status};
use super::error::ArchiveError;
use super::inventory::{Inventory, Listed};
use super::line::{Line, Text};
use super::manifest::{self, Complete, Link};
use super::name::{hex, is_file_by_index, Key, ITEMS};

/// The state of an archived payload.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileState {
    /// The file has the size and the SHA-256 of its entry.
    Intact,
    /// The file does not exist.
    Missing,
    /// The file has another size.
    Resized {
        /// The size of the file in bytes.
        found: u64,
    },
    /// The file has the right size, but another SHA-256.
    Altered,
    /// The name in the entry is not the one that belongs to its id. The file was not opened.
    Misnamed,
    /// A link, a directory or a special file is in the place of the file or its directory. It was not opened.
    NotAFile,
    /// The file cannot be read.
    Unreadable(io::Error),
}

/// A result of [`verify`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Finding<'a> {
    /// A payload that the manifest lists. The entry says whether it is suspect.
    Payload {
        /// The last entry of the item.
        entry: &'a Entry,
        /// The state of its file.
        state: FileState,
    },
    /// An item that failed and has no file.
    Failed {
        /// The last entry of the item.
        entry: &'a Entry,
    },
    /// A payload of an older version, which is kept.
    Older {
        /// The last entry of the version.
        entry: &'a Entry,
        /// The state of its file.
        state: FileState,
    },
    /// A line of the manifest does not contain the hash of the line before it, so the manifest was edited.
    Unchained {
        /// The number of the line, from 1.
        line: u64,
    },
    /// A file that the manifest does not list.
    ///
    /// This is not reported while a process writes to the archive, because its newest files have no entry yet.
    WithoutEntry {
        /// The path of the file, relative to the archive.
        path: &'a Path,
    },
}

/// Checks the chain of the manifest, and reads every payload of the archive in `dir`.
///
/// Reports lines that are not chained, then each item and each older version in the order of the manifest, and then the
/// files that the manifest does not list. The chain begins at the first line that has a hash, because older programs
/// wrote none.
///
/// The archive may come from an untrusted source, so this opens only the manifest and regular files at their expected
/// paths in `dir`. It changes nothing.
/// Another process may write to the archive meanwhile. Items without a line are then ignored.
///
/// # Errors
/// If the manifest cannot be read.
pub fn verify(
    dir: impl AsRef<Path>,
    mut report: impl FnMut(Finding<'_>),
) -> Result<(), ArchiveError> {
    let dir = dir.as_ref();
    let mut chain = Chain::default();
    let inventory = Inventory::open_with(dir.to_owned(), |complete, line| {
        if !chain.accepts(complete, line) {
            report(Finding::Unchained {
                line: complete.number,
            });
        }
    })?;
    let mut buffer = vec![0; 64 * 1024];
    inventory.each(|listed| match listed {
        Listed::Item { entry, .. } => report(match entry.status {
            Status::Ok => Finding::Payload {
                entry,
                state: file_state(dir, entry, &mut buffer),
            },
            Status::Failed => Finding::Failed { entry },
        }),
        Listed::Older { entry } => report(Finding::Older {
            entry,
            state: file_state(dir, entry, &mut buffer),
        }),
        Listed::Record(_) => {}
    })?;
    if inventory.is_written() {
        return Ok(());
    }
    let is_listed = |file: &str| inventory.lists(file);
    without_entry(dir, is_listed, |path| {
        report(Finding::WithoutEntry { path });
    })
}

/// Follows the chain of lines.
#[derive(Default)]
struct Chain {
    /// The hash of the last line.
    last: Link,
    has_begun: bool,
}

impl Chain {
    /// Returns whether the line contains the hash of the line before it.
    fn accepts(&mut self, complete: &Complete<'_>, line: &Line<'_>) -> bool {
        let prev = line.prev.as_ref().map(Text::as_str);
        let is_next = match prev {
            Some(prev) => prev == hex(&self.last),
            None => !self.has_begun,
        };
        self.has_begun |= prev.is_some();
        self.last = manifest::link(complete.bytes);
        is_next
    }
}

/// Returns the state of an entry's file.
pub(crate) fn file_state(dir: &Path, entry: &Entry, buffer: &mut [u8]) -> FileState {
    let name = entry.file.as_deref().filter(|file| match &entry.id {
        Some(id) => Key::of(id).version(file).is_some(),
        None => is_file_by_index(file),
    });
    let Some(name) = name else {
        return FileState::Misnamed;
    };
    let path = dir.join(name);
    match regular_file_size(dir, name, &path) {
        Ok(Some(found)) if found != entry.bytes => FileState::Resized { found },
        Ok(Some(_)) => match digest(&path, entry.bytes, buffer) {
            Ok(digest) if entry.sha256.as_ref() == Some(&digest) => FileState::Intact,
            Ok(_) => FileState::Altered,
            Err(error) => FileState::Unreadable(error),
        },
        Ok(None) => FileState::NotAFile,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Missing,
        Err(error) => FileState::Unreadable(error),
    }
}

/// Returns the size of a regular file, or `None` if it is another kind of file or a link leads to it.
fn regular_file_size(dir: &Path, name: &str, path: &Path) -> io::Result<Option<u64>> {
    let above = Path::new(name).ancestors().skip(1);
    for directory in above.filter(|above| !above.as_os_str().is_empty()) {
        if !fs::symlink_metadata(dir.join(directory))?.is_dir() {
            return Ok(None);
        }
    }
    let found = fs::symlink_metadata(path)?;
    Ok(found.is_file().then_some(found.len()))
}

/// Returns the SHA-256 of a file of this size.
fn digest(path: &Path, len: u64, buffer: &mut [u8]) -> io::Result<String> {
    // Reading is limited, in case the file grows meanwhile.
    let mut file = File::open(path)?.take(len.saturating_add(1));
    let mut digest = Sha256::new();
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(hex(&digest.finalize())),
            Ok(read) => digest.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reports the files that the manifest does not list.
fn without_entry(
    dir: &Path,
    is_named: impl Fn(&str) -> bool,
    mut report: impl FnMut(&Path),
) -> Result<(), ArchiveError> {
    let mut directories = vec![ITEMS.to_owned()];
    while let Some(directory) = directories.pop() {
        let full = dir.join(&directory);
        if !fs::symlink_metadata(&full).is_ok_and(|found| found.is_dir()) {
            continue;
        }
        for entry in fs::read_dir(&full).map_err(ArchiveError::io("read", &full))? {
            let entry = entry.map_err(ArchiveError::io("read", &full))?;
            let kind = entry.file_type().map_err(ArchiveError::io("read", &full))?;
            let name = entry.file_name();
            // A name that is not Unicode is not the name of a payload.
            let ascii = name.to_str().map(|name| format!("{directory}/{name}"));
            match ascii {
                Some(shard) if directory == ITEMS && kind.is_dir() && is_shard(&name) => {
                    directories.push(shard);
                }
                Some(file) if is_named(&file) => {}
                _ => report(&Path::new(&directory).join(name)),
            }
        }
    }
    Ok(())
}

/// Returns whether this is the name of one of the 256 directories.
fn is_shard(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.len() == 2 && name.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
