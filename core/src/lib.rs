//! EWS `ExportItems`, streaming, without an allocator.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

#[cfg(test)]
extern crate std;

mod code;
pub mod policy;
mod request;
mod response;

pub use code::ResponseCode;
pub use request::{
    Encoder, ExchangeImpersonation, ExportItems, ItemId, ManagementRole, RequestError,
    RequestField, RequestServerVersion,
};
pub use response::{
    Attribute, Decoder, Error, ErrorKind, Event, Fault, FeedError, ItemError, ItemIds, Options,
    Outcome, Response, ResponseClass, ScratchTooSmall, ServerVersion, Sink, Summary, MAX_DEPTH,
    MAX_NAME_LEN, MIN_SCRATCH,
};
