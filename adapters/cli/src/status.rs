//! How the command ends.

use std::io;
use std::process::ExitCode;

use exportitems::RequestError;
use exportitems_std::{error_chain, ArchiveError};

/// The exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nothing is left to do.
    Exported = 0,
    /// Items failed for reasons of their own, or are suspect.
    ItemsFailed = 1,
    /// The command was used wrongly.
    Usage = 2,
    /// Something is left for lack of a usable response.
    Response = 3,
    /// A local file, folder or stream could not be read or written.
    Local = 4,
    /// Ctrl-C or another signal ended the command; 128 and the number of SIGINT, as shells say it.
    Interrupted = 130,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why the command could not do what it was asked: what, where and what to do next.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage.
    Usage(String),
    /// The other side, or the way to it.
    Response(String),
    /// A local file, folder or stream.
    Local(String),
    /// The reader of the standard output closed it, and needs no message.
    OutputClosed,
    /// Ctrl-C at a prompt.
    Interrupted,
    /// Wrong usage, with a message that is printed already.
    Explained,
}

impl Failure {
    /// `what` could not be read or written.
    pub(crate) fn local(what: &str, error: &io::Error) -> Self {
        Self::Local(format!("{what}: {error}"))
    }

    pub(crate) const fn status(&self) -> Status {
        match self {
            Self::Usage(_) | Self::Explained => Status::Usage,
            Self::Response(_) => Status::Response,
            Self::Local(_) | Self::OutputClosed => Status::Local,
            Self::Interrupted => Status::Interrupted,
        }
    }

    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Response(message) | Self::Local(message) => Some(message),
            Self::OutputClosed | Self::Interrupted | Self::Explained => None,
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self::Local(error_chain(&error))
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::Usage(error_chain(&error))
    }
}
