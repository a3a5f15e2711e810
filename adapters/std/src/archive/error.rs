//! What goes wrong in an archive: this machine's files, never the server.

use core::fmt;
use std::io;
use std::path::PathBuf;

/// The archive cannot be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Another process has the archive open.
    Locked {
        /// The directory of the archive.
        dir: PathBuf,
    },
    /// A line of the manifest, other than a torn last one, is no entry.
    Manifest {
        /// Its number, from 1.
        line: u64,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
    /// The operating system refused.
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// An earlier error, reported then, stopped the archive.
    Stopped,
}

impl ArchiveError {
    /// For `map_err`: this action on this path.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { dir } => write!(
                f,
                "another process is writing the archive {}; wait for it or use another directory",
                dir.display()
            ),
            Self::Manifest { line, source } => write!(
                f,
                "manifest.jsonl, line {line}: not an entry ({source}); remove the line, its item is exported again"
            ),
            Self::Io {
                action,
                path,
                source,
            } => write!(f, "cannot {action} {}: {source}", path.display()),
            Self::Stopped => f.write_str("the archive stopped at an earlier error"),
        }
    }
}

impl core::error::Error for ArchiveError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Manifest { source, .. } => Some(source),
            Self::Io { source, .. } => Some(source),
            Self::Locked { .. } | Self::Stopped => None,
        }
    }
}
