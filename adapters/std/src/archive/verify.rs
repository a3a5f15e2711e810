//! Reads an archive again, and compares it with its manifest.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::ArchiveError;
use super::manifest::{self, Entry, Status, MANIFEST};
use super::name::hex;

/// What became of an archived payload since.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileState {
    /// The file has the size and the SHA-256 of its entry.
    Intact,
    /// There is no such file.
    Missing,
    /// It has another size, in bytes.
    Resized {
        /// The size it has.
        found: u64,
    },
    /// It has the size but not the SHA-256.
    Altered,
    /// It cannot be read.
    Unreadable(io::Error),
}

/// Reads every payload of the archive in `dir` and tells, for each entry that counts, the state of its file.
///
/// It changes nothing, and does not mind a process that writes meanwhile: what has no line yet is not judged.
///
/// # Errors
/// Where the manifest cannot be read.
pub fn verify(
    dir: impl AsRef<Path>,
    mut tell: impl FnMut(&Entry, FileState),
) -> Result<(), ArchiveError> {
    let dir = dir.as_ref();
    let path = dir.join(MANIFEST);
    let open = || File::open(&path).map_err(ArchiveError::io("open", &path));

    // The last line of an item counts. The lines are read twice, so that not all of them are held.
    let (mut last, mut number) = (HashMap::new(), 0_u64);
    manifest::read(open()?, &path, |entry| {
        last.extend(entry.subject().map(|subject| (subject, number)));
        number += 1;
        Ok(())
    })?;
    let (lines, mut number, mut buffer) = (number, 0, vec![0; 64 * 1024]);
    manifest::read(open()?, &path, |entry| {
        let counts = entry.subject().and_then(|subject| last.get(&subject)) == Some(&number);
        number += 1;
        if counts && number <= lines && entry.status == Status::Ok {
            tell(&entry, judge(dir, &entry, &mut buffer));
        }
        Ok(())
    })?;
    Ok(())
}

fn judge(dir: &Path, entry: &Entry, buffer: &mut [u8]) -> FileState {
    let Some(file) = &entry.file else {
        return FileState::Missing;
    };
    match digest(&dir.join(file), buffer) {
        Ok((found, _)) if found != entry.bytes => FileState::Resized { found },
        Ok((_, digest)) if entry.sha256.as_ref() != Some(&digest) => FileState::Altered,
        Ok(_) => FileState::Intact,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Missing,
        Err(error) => FileState::Unreadable(error),
    }
}

/// Size and SHA-256 of a file.
fn digest(path: &Path, buffer: &mut [u8]) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut len, mut digest) = (0, Sha256::new());
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok((len, hex(&digest.finalize()))),
            Ok(read) => {
                digest.update(&buffer[..read]);
                len += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
