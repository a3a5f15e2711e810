//! Errors of an archive. They concern the files of this machine, never the server.

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
    /// A line of the manifest is not an entry. An incomplete last line is not an error.
    Manifest {
        /// The number of the line, from 1.
        line: u64,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
    /// A newer program has written the manifest.
    Format {
        /// The version of the format.
        format: u32,
    },
    /// The seal cannot be read.
    Seal {
        /// Why it cannot be read.
        source: serde_json::Error,
    },
    /// The archive has no seal.
    NotSealed {
        /// The directory of the archive.
        dir: PathBuf,
    },
    /// The manifest was removed or replaced while it was in use.
    ManifestLost {
        /// The path of the manifest.
        path: PathBuf,
    },
    /// A link or a special file is where the archive has a file or directory of its own.
    NotOwn {
        /// The path.
        path: PathBuf,
        /// What should be there: `file` or `directory`.
        expected: &'static str,
    },
    /// An outcome does not match the bytes that were written before it, because the sink was not driven only by
    /// [`Decoder::feed`](exportitems::Decoder::feed).
    Mismatch {
        /// The index of the outcome.
        index: u32,
    },
    /// The operating system returned an error.
    Io {
        /// The action that failed, such as `write`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// An earlier error, which was returned at that time, stopped the archive.
    Stopped,
}

impl ArchiveError {
    /// Returns whether the error concerns one path only, so that other items can still be written.
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

    /// Returns the same error again, for another caller. An error that cannot be copied becomes
    /// [`Stopped`](Self::Stopped).
    pub(super) fn copy(&self) -> Self {
        match self {
            Self::Io {
                action,
                path,
                source,
            } => Self::Io {
                action,
                path: path.clone(),
                source: match source.raw_os_error() {
                    Some(code) => io::Error::from_raw_os_error(code),
                    None => io::Error::new(source.kind(), source.to_string()),
                },
            },
            Self::ManifestLost { path } => Self::ManifestLost { path: path.clone() },
            _ => Self::Stopped,
        }
    }

    /// Returns a function for `map_err` that adds the action and the path.
    pub(crate) fn io(
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
                "another process is using the archive {}; wait until it ends, or use another directory",
                display_path(dir)
            ),
            Self::Manifest { line, .. } => write!(
                f,
                "line {line} of manifest.jsonl is not an entry; remove the line, and its item is exported again"
            ),
            Self::Format { format } => write!(
                f,
                "the manifest has format {format}, which this version does not know; use the version that wrote it, or a newer one"
            ),
            Self::Seal { .. } => f.write_str(
                "seal.json is not a seal; restore it from a copy, or remove it and seal the archive again"
            ),
            Self::NotSealed { dir } => write!(
                f,
                "{} has no seal.json; `exportitems seal` writes it",
                display_path(dir)
            ),
            Self::ManifestLost { path } => write!(
                f,
                "{} was removed or replaced during the export; restore it, or export everything again into another directory",
                display_path(path)
            ),
            Self::NotOwn { path, expected } => write!(
                f,
                "{} is not a {expected} of the archive, and links are not followed; remove it",
                display_path(path)
            ),
            Self::Mismatch { index } => write!(
                f,
                "the outcome of item {index} does not match the bytes written before it; drive the sink only by Decoder::feed"
            ),
            Self::Io { action, path, .. } => write!(f, "cannot {action} {}", display_path(path)),
            Self::Stopped => f.write_str("the archive has stopped because of an earlier error; open it again"),
        }
    }
}

impl core::error::Error for ArchiveError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Manifest { source, .. } | Self::Seal { source } => Some(source),
            Self::Io { source, .. } => Some(source),
            Self::Locked { .. }
            | Self::Format { .. }
            | Self::NotSealed { .. }
            | Self::ManifestLost { .. }
            | Self::NotOwn { .. }
            | Self::Mismatch { .. }
            | Self::Stopped => None,
        }
    }
}
