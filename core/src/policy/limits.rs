//! What a request should be like.

use crate::ews::RequestServerVersion;

/// How much to request from a server, and in which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Limits {
    /// Items in one request, at least 1.
    pub items: usize,
    /// Connections in use at the same time, at least 1.
    pub connections: usize,
    /// Version of the request.
    pub version: RequestServerVersion,
}

impl Default for Limits {
    /// 20 items, 4 connections, `Exchange2013_SP1`: well below the 100 items that Microsoft recommends
    /// as the most, since large items want small requests, and the 10 connections of Exchange 2010.
    fn default() -> Self {
        Self {
            items: 20,
            connections: 4,
            version: RequestServerVersion::default(),
        }
    }
}
