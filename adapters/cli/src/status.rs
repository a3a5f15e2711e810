//! Exit statuses and errors of the command.

use std::io;
use std::process::ExitCode;

use exportitems::RequestError;
use exportitems_std::{error_chain, ArchiveError};

/// The exit status. Of two, the greater one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// Nothing is left to do.
    Exported = 0,
    /// Items failed for reasons of their own, or are suspect.
    ItemsFailed = 1,
    /// The command was used wrongly.
    Usage = 2,
    /// Items are missing because a response was unusable or absent.
    Response = 3,
    /// A local file, folder or stream could not be read or written.
    Local = 4,
    /// The window of `--exit-after-window` closed before all items were requested.
    WindowClosed = 5,
    /// Ctrl-C or another signal ended the command. As in shells, the status is 128 plus the number of SIGINT.
    Interrupted = 130,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why the command failed. The message says what happened, and what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command was used wrongly.
    Usage(String),
    /// The server, or the connection to it, failed.
    Response(String),
    /// The server refused the login.
    Login(String),
    /// A local file, folder or stream could not be read or written.
    Local(String),
    /// Another process works on the archive.
    Locked(String),
    /// The reader closed the standard output. No message is printed.
    OutputClosed,
    /// Ctrl-C was pressed at a prompt.
    Interrupted,
    /// The command was used wrongly, and the message is already printed.
    Explained,
}

impl Failure {
    /// Makes the error for a file, folder or stream that could not be read or written.
    pub(crate) fn local(what: &str, error: &io::Error) -> Self {
        Self::Local(format!("{what}: {error}"))
    }

    pub(crate) const fn status(&self) -> Status {
        match self {
            Self::Usage(_) | Self::Explained => Status::Usage,
            Self::Response(_) | Self::Login(_) => Status::Response,
            Self::Local(_) | Self::Locked(_) | Self::OutputClosed => Status::Local,
            Self::Interrupted => Status::Interrupted,
        }
    }

    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message)
            | Self::Response(message)
            | Self::Login(message)
            | Self::Local(message)
            | Self::Locked(message) => Some(message),
            Self::OutputClosed | Self::Interrupted | Self::Explained => None,
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        let text = error_chain(&error);
        match error {
            ArchiveError::Locked { .. } => Self::Locked(text),
            _ => Self::Local(text),
        }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::Usage(error_chain(&error))
    }
}
