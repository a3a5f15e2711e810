//! Creates and opens the files and directories of the archive.
//!
//! They are private to the user, and links are not followed.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::error::ArchiveError;

/// Creates a directory and its missing parents. On Unix only the user can read them.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates a directory as [`create_directory`] does, and makes the names of the new directories durable.
pub(crate) fn create_archive(path: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
    create_directory(path)?;
    for parent in missing.iter().filter_map(|new| new.parent()) {
        let parent = match parent.as_os_str().is_empty() {
            true => Path::new("."),
            false => parent,
        };
        match sync_directory(parent) {
            // A directory without read permission cannot be synced.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Returns options that create files which only the user can read, on Unix.
pub(crate) fn private() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates the directory if it does not exist. A link to a directory is an error.
pub(crate) fn own_directory(path: &Path) -> Result<(), ArchiveError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(not_own(path, "directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_directory(path).map_err(ArchiveError::io("create", path))
        }
        Err(error) => Err(ArchiveError::io("read", path)(error)),
    }
}

/// Returns the metadata of a regular file, or `None` if there is no file. A link or a special file is an error.
pub(crate) fn own_file(path: &Path) -> Result<Option<Metadata>, ArchiveError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found)),
        Ok(_) => Err(not_own(path, "file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ArchiveError::io("read", path)(error)),
    }
}

/// Replaces a file durably, so that a kill leaves the old or the new contents. A link is an error.
pub(crate) fn replace_file(path: &Path, contents: &[u8]) -> Result<(), ArchiveError> {
    own_file(path)?;
    let temporary = path.with_extension("tmp");
    // A killed process may have left one.
    if own_file(&temporary)?.is_some() {
        fs::remove_file(&temporary).map_err(ArchiveError::io("remove", &temporary))?;
    }
    private()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(contents)?;
            file.sync_data()
        })
        .map_err(ArchiveError::io("write", &temporary))?;
    fs::rename(&temporary, path).map_err(ArchiveError::io("replace", path))?;
    let directory = path.parent().unwrap_or(path);
    sync_directory(directory).map_err(ArchiveError::io("sync", directory))
}

fn not_own(path: &Path, expected: &'static str) -> ArchiveError {
    ArchiveError::NotOwn {
        path: path.to_owned(),
        expected,
    }
}

/// Makes the names in a directory durable. On Windows this does nothing, because directories cannot be synced there.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// Returns whether `path` still is the name of the open `file`.
pub(super) fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    let named = match fs::symlink_metadata(path) {
        Ok(named) => named,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let open = file.metadata()?;
    #[cfg(unix)]
    let same = {
        use std::os::unix::fs::MetadataExt as _;
        (named.dev(), named.ino()) == (open.dev(), open.ino())
    };
    // On other systems an open file cannot be replaced, or its replacement has another length.
    #[cfg(not(unix))]
    let same = named.is_file() && named.len() == open.len();
    Ok(same)
}

/// Reads at this offset, and leaves the position of the file to the thread that appends.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
    #[cfg(not(any(unix, windows)))]
    {
        use std::io::{Read as _, Seek as _, SeekFrom};
        let mut file = file;
        file.seek(SeekFrom::Start(offset))?;
        file.read(buffer)
    }
}
