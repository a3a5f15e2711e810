//! A payload until its file has its final name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::ArchiveError;
use super::place;
use super::writer::Writer;

/// A payload under its temporary name. Unless it is published, dropping it removes the file.
#[derive(Debug)]
pub(super) struct Temporary {
    state: State,
    path: PathBuf,
}

#[derive(Debug)]
enum State {
    /// Bytes are being written.
    Writing(Writer),
    /// All bytes are written, but not durable.
    Written(File),
    /// The file is durable and closed.
    Synced,
    /// An error, which was returned at that time, has ended the file.
    Lost,
    /// The file has its final name.
    Published,
}

impl Temporary {
    pub(super) fn create(path: PathBuf) -> Result<Self, ArchiveError> {
        let file = place::private()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(ArchiveError::io("create", &path))?;
        Ok(Self {
            state: State::Writing(Writer::new(file)),
            path,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        match &mut self.state {
            State::Writing(writer) => writer
                .write(bytes)
                .map_err(ArchiveError::io("write", &self.path)),
            _ => Err(ArchiveError::Stopped),
        }
    }

    /// Writes the remaining bytes, and returns the SHA-256 of the payload. An error concerns only this item.
    pub(super) fn finish(&mut self) -> Result<[u8; 32], ArchiveError> {
        match core::mem::replace(&mut self.state, State::Lost) {
            State::Writing(writer) => {
                let (file, digest) = writer
                    .finish()
                    .map_err(ArchiveError::io("write", &self.path))?;
                self.state = State::Written(file);
                Ok(digest)
            }
            _ => Err(ArchiveError::Stopped),
        }
    }

    /// Makes the bytes durable, and closes the file.
    pub(super) fn sync(&mut self) -> Result<(), ArchiveError> {
        match &self.state {
            State::Written(file) => file
                .sync_data()
                .map_err(ArchiveError::io("sync", &self.path))?,
            State::Synced => {}
            _ => return Err(ArchiveError::Stopped),
        }
        self.state = State::Synced;
        Ok(())
    }

    /// Gives the file its final name.
    pub(super) fn publish(mut self, target: &Path) -> Result<(), ArchiveError> {
        fs::rename(&self.path, target).map_err(ArchiveError::io("replace", target))?;
        self.state = State::Published;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Windows removes a file only after it is closed.
        match core::mem::replace(&mut self.state, State::Lost) {
            State::Writing(writer) => writer.abandon(),
            State::Written(file) => drop(file),
            State::Synced | State::Lost => {}
            State::Published => return,
        }
        // A file that cannot be removed now is removed when the archive is opened again.
        let _ = fs::remove_file(&self.path);
    }
}
