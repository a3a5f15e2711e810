//! What a client can do about a failure.

use core::fmt;

/// What became of an item or a request, sorted by what a client can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Disposition {
    /// It is exported.
    Done,
    /// Asking again will not help: the item is gone, damaged or not what the caller takes it for.
    Permanent,
    /// The caller is not allowed to. The credentials or the rights have to be changed first.
    Auth,
    /// The server is busy: wait, then ask for the same.
    Throttled,
    /// It may be over in a moment.
    Transient,
    /// The server gave up while it wrote the item.
    ///
    /// Microsoft [calls it transient](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-export-items-by-using-ews-in-exchange)
    /// too, but for hours: back off exponentially, and ask support after eight.
    Truncated,
    /// The request is refused as it is: its version, its size or its shape. See [`Relief`].
    UnsupportedVersion,
}

impl Disposition {
    /// The name in the command's JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Permanent => "permanent",
            Self::Auth => "auth",
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Truncated => "truncated",
            Self::UnsupportedVersion => "version",
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the next request should do differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Relief {
    /// Ask for fewer items at once.
    FewerItems,
    /// Keep fewer connections open.
    FewerConnections,
    /// Ask in an older version.
    OlderVersion,
}
