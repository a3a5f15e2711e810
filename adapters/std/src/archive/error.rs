//! What goes wrong in an archive: this machine's files, never the server.

use core::fmt;
use std::io;
use std::path::PathBuf;

use super::name::display_path;

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
    /// The manifest was removed or replaced while it was in use.
    ManifestLost {
        /// Where it was.
        path: PathBuf,
    },
    /// A link or a special file is where the archive has a file or directory of its own.
    NotOwn {
        /// The path.
        path: PathBuf,
        /// What belongs there: `file` or `directory`.
        expected: &'static str,
    },
    /// An outcome does not belong to the bytes that were written before it: the sink was not driven by
    /// [`Decoder::feed`](exportitems::Decoder::feed) alone.
    Mismatch {
        /// The index of the outcome.
        index: u32,
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
    /// Whether the error is about one path, and other items can still be written.
    pub(super) fn concerns_one_item(&self) -> bool {
        use io::ErrorKind as Kind;
        match self {
            Self::NotOwn { .. } => true,
            Self::Io { source, .. } => matches!(
                source.kind(),
                Kind::AlreadyExists
                    | Kind::DirectoryNotEmpty
                    | Kind::InvalidFilename
                    | Kind::IsADirectory
                    | Kind::NotADirectory
                    | Kind::PermissionDenied
            ),
            _ => false,
        }
    }

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
                display_path(dir)
            ),
            Self::Manifest { line, .. } => write!(
                f,
                "line {line} of manifest.jsonl is not an entry; remove the line, and its item is exported again"
            ),
            Self::ManifestLost { path } => write!(
                f,
                "{} was removed or replaced during the export; restore it, or export everything again into another directory",
                display_path(path)
            ),
            Self::NotOwn { path, expected } => write!(
                f,
                "{} is not a {expected} of the archive; links are not followed: remove it",
                display_path(path)
            ),
            Self::Mismatch { index } => write!(
                f,
                "the outcome of item {index} does not belong to the bytes written before it; drive the sink by Decoder::feed alone"
            ),
            Self::Io { action, path, .. } => write!(f, "cannot {action} {}", display_path(path)),
            Self::Stopped => f.write_str("the archive stopped at an earlier error"),
        }
    }
}

impl core::error::Error for ArchiveError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Manifest { source, .. } => Some(source),
            Self::Io { source, .. } => Some(source),
            Self::Locked { .. }
            | Self::ManifestLost { .. }
            | Self::NotOwn { .. }
            | Self::Mismatch { .. }
            | Self::Stopped => None,
        }
    }
}
