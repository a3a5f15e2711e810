//! Errors that end a run. They come from this machine or from the caller, never from the server.

use core::fmt;

use crate::archive::ArchiveError;
use crate::client::ClientError;

/// A run cannot start or continue.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// An item or a header cannot be put into a request.
    Request(ClientError),
    /// The archive failed.
    Archive(ArchiveError),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Archive(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ExportError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within, so the chain continues with that error's cause.
        match self {
            Self::Request(error) => error.source(),
            Self::Archive(error) => error.source(),
        }
    }
}

impl From<ArchiveError> for ExportError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}
