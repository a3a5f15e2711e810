//! Errors that end a run. They come from this machine or from the caller, never from the server.

use core::fmt;

use crate::archive::ArchiveError;
use crate::client::ClientError;

/// A run cannot start or continue.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError<E = ArchiveError> {
    /// An item or a header cannot be put into a request.
    Request(ClientError),
    /// The store failed.
    Store(E),
}

impl<E: fmt::Display> fmt::Display for ExportError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl From<ArchiveError> for ExportError {
    fn from(error: ArchiveError) -> Self {
        Self::Store(error)
    }
}

impl<E: core::error::Error> core::error::Error for ExportError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within, so the chain continues with that error's cause.
        match self {
            Self::Request(error) => error.source(),
            Self::Store(error) => error.source(),
        }
    }
}
