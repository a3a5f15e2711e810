//! Why a restore ends early.

use core::fmt;
use std::io;
use std::path::PathBuf;

use crate::archive::{display_path, ArchiveError};
use crate::client::ClientError;
use crate::list::ListError;

/// A restore could not be continued. The items after the last outcome were not processed.
#[derive(Debug)]
#[non_exhaustive]
pub enum RestoreError {
    /// The folders of the mailbox could not be listed or created, or the copies of an item not be counted.
    List(ListError),
    /// There was no usable response.
    Client(ClientError),
    /// The manifest cannot be read.
    Archive(ArchiveError),
    /// The log of the restore cannot be read or written.
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(error) => error.fmt(f),
            Self::Client(error) => error.fmt(f),
            Self::Archive(error) => error.fmt(f),
            Self::Log { path, .. } => {
                write!(
                    f,
                    "cannot keep the log of the restore in {}",
                    display_path(path)
                )
            }
        }
    }
}

impl core::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within.
        match self {
            Self::List(error) => error.source(),
            Self::Client(error) => error.source(),
            Self::Archive(error) => error.source(),
            Self::Log { source, .. } => Some(source),
        }
    }
}

impl From<ListError> for RestoreError {
    fn from(error: ListError) -> Self {
        Self::List(error)
    }
}

impl From<ArchiveError> for RestoreError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}
