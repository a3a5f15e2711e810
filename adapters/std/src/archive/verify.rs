//! Compares an archive with its manifest.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::ArchiveError;
use super::manifest::{self, Entry, Status, MANIFEST};
use super::name::{hex, is_file_by_index, Key, ITEMS};
use super::place;

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
    /// A file that the manifest does not list.
    ///
    /// This is not reported while a process writes to the archive, because its newest files have no entry yet.
    WithoutEntry {
        /// The path of the file, relative to the archive.
        path: &'a Path,
    },
}

/// Reads every payload of the archive in `dir`. Reports each item in the order of the manifest, and then the files that
/// the manifest does not list.
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
    let path = dir.join(MANIFEST);
    place::own_file(&path)?;
    let open = || File::open(&path).map_err(ArchiveError::io("open", &path));

    // The last line of an item counts. The manifest is read twice, so that not all lines have to be in memory.
    let first = open()?;
    let is_written = matches!(first.try_lock_shared(), Err(TryLockError::WouldBlock));
    let mut last = HashMap::new();
    let len = manifest::read(&first, &path, |entry, offset| {
        let holds = entry.status == Status::Ok;
        last.extend(entry.subject().map(|subject| (subject, (offset, holds))));
        Ok(())
    })?;
    drop(first);

    let mut buffer = vec![0; 64 * 1024];
    manifest::read(open()?.take(len), &path, |entry, offset| {
        let line = entry.subject().and_then(|subject| last.get(&subject));
        if line.is_some_and(|&(last, _)| last == offset) {
            report(match entry.status {
                Status::Ok => Finding::Payload {
                    entry: &entry,
                    state: file_state(dir, &entry, &mut buffer),
                },
                Status::Failed => Finding::Failed { entry: &entry },
            });
        }
        Ok(())
    })?;

    if is_written {
        return Ok(());
    }
    let is_named = |file: &str| {
        let subject = Key::of_file(file).unwrap_or_else(|| Key::of(file));
        last.get(&subject).is_some_and(|&(_, holds)| holds)
    };
    without_entry(dir, is_named, |path| report(Finding::WithoutEntry { path }))
}

/// Returns the state of an entry's file.
pub(super) fn file_state(dir: &Path, entry: &Entry, buffer: &mut [u8]) -> FileState {
    let name = entry.file.as_deref().filter(|file| match &entry.id {
        Some(id) => Key::of(id).file() == *file,
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
