//! Large requests, and uploaded items.

use std::path::PathBuf;

use serde::Deserialize;

/// The limits of requests and uploaded items, and where these are kept: `uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Uploads {
    /// The largest body of a request in bytes. The default is `maxAllowedContentLength` of Exchange 2013 and later, 64 MiB.
    pub largest_request: u64,
    /// The answer to a larger request, before its body is read.
    pub too_large: TooLarge,
    /// The largest payload of an item in bytes. A larger one is refused with `ErrorMessageSizeExceeded`.
    pub largest_item: Option<u64>,
    /// The folder in which uploaded items and created folders are kept for the next start of the emulator. Without it, they
    /// are deleted when the emulator ends.
    pub store: Option<PathBuf>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            largest_request: 64 << 20,
            too_large: TooLarge::default(),
            largest_item: None,
            store: None,
        }
    }
}

/// The answer to a request that is too large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum TooLarge {
    /// Status 507, as in exchangelib issue 590.
    #[default]
    InsufficientStorage,
    /// Status 413, as IIS answers.
    ContentTooLarge,
    /// The connection is reset.
    Reset,
}
