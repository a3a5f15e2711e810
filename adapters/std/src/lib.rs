//! Exports Exchange items over TCP and TLS, blocking, into a resumable archive.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod archive;
pub mod client;
mod export;

pub use archive::{Archive, ArchiveError, ArchiveSink};
pub use client::{Client, ClientError};
pub use export::{ExportError, Exporter, Progress, Report, Stop};
