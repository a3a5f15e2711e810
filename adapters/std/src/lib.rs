//! Exports Exchange items over TCP and TLS, blocking, into a resumable archive.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod archive;
pub mod client;

pub use archive::{Archive, ArchiveError, ArchiveSink};
pub use client::{Client, ClientError};
