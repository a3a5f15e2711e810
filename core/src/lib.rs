//! EWS [ExportItems](https://learn.microsoft.com/exchange/client-developer/web-service-reference/exportitems-operation),
//! as a stream: complete mailbox items from Microsoft Exchange, in memory of the caller.
//!
//! `no_std`, no allocator, no I/O, no clock, no `unsafe`, no panic. The transport is the caller's.
//!
//! - [`ExportItems`] describes a request; its [`Encoder`] writes it into slices of any size.
//! - [`Decoder`] takes the response as it arrives, in pieces of any size, and returns [`Event`]s (pull) or
//!   calls a [`Sink`] (push). Memory does not depend on the size of an item.
//! - `UploadItems`, with the feature `upload`, puts items back: its encoder takes their data in pieces of any size, and a
//!   [`Decoder`] for that operation reads the response.
//! - [`PayloadCheck`] distinguishes a complete payload from a truncated one, and [`PayloadReader`] reads the properties in it.
//! - [`policy`] decides when to repeat a request, and how.
//!
//! # An item is complete when its outcome says so
//! Exchange announces `Success` before it reads the item, and hides errors that occur afterwards: a short
//! payload in a well-formed response. So success is a commit at the end: everything that arrives before an item's
//! [`Outcome`] is provisional.
//!
//! ```
//! use exportitems::{Decoder, ExportItems, ItemId, Options, SliceSink};
//!
//! let ids = [ItemId::new("AAMkAGYz+1=")];
//! let mut request = [0; 1024];
//! let length = ExportItems::new(&ids).encoder()?.write(&mut request);
//! # let send = |_: &[u8]| b"<Envelope><Body><ExportItemsResponse><ResponseMessages>\
//! #     <ExportItemsResponseMessage ResponseClass='Success'><ResponseCode>NoError</ResponseCode>\
//! #     <Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</Data></ExportItemsResponseMessage>\
//! #     </ResponseMessages></ExportItemsResponse></Body></Envelope>".chunks(100);
//!
//! let mut memory = [0; 1024];
//! let mut sink = SliceSink::new(&mut memory);
//! let mut decoder: Decoder = Decoder::new(Options::new().items(1));
//! for mut piece in send(&request[..length]) {
//!     decoder.feed(&mut piece, &mut sink)?;
//! }
//! assert_eq!(decoder.finish_into(&mut sink)?.ok, 1);
//! assert_eq!(sink.committed().len(), 32);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//! All are off by default, and add to the API without changing it.
//!
//! | feature | what it adds |
//! |---|---|
//! | `simd` | base64 by AVX-512, AVX2 or NEON, detected at run time; needs Rust 1.93 |
//! | `std` | with `simd`: detection for the search for markup too |
//! | `upload` | `UploadItems`, which puts items back |
//! | `heapless` | `OutcomeTable` and `OwnedItemId`: copies of outcomes and ids without a heap |
//! | `embedded-io` | `WriteSink`: a sink that writes to an `embedded_io::Write` |
//! | `serde` | `Serialize` for the public types |
//! | `defmt` | `Format` for the public types |
//!
//! # Life cycle
//! The same by pull, in small pieces, with a connection that is cut:
//! ```
//! use exportitems::{Decoder, Event, ExportItems, ItemError, ItemId, Options};
//!
//! // The request, 16 bytes at a time.
//! let ids = [ItemId::new("AAMkAGYz+1="), ItemId::new("AAMkAGYz+2=")];
//! let mut request = ExportItems::new(&ids).encoder()?;
//! let (mut sent, mut buffer) = (Vec::new(), [0; 16]);
//! let length = request.encoded_len(); // Content-Length, known beforehand
//! while let n @ 1.. = request.write(&mut buffer) {
//!     sent.extend_from_slice(&buffer[..n]);
//! }
//! assert_eq!(sent.len() as u64, length);
//!
//! // The response: one item, then the connection is cut.
//! let response = br#"<?xml version="1.0" encoding="utf-8"?><s:Envelope
//! xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:ExportItemsResponse
//! xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><m:ResponseMessages>
//! <m:ExportItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>
//! <m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data></m:ExportItemsResponseMessage>
//! <m:ExportItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>
//! <m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIA"#;
//!
//! let mut decoder: Decoder = Decoder::new(Options::new().items(2));
//! let mut outcomes = Vec::new();
//! let mut note = |event: Event<'_>| {
//!     if let Event::Outcome(outcome) = event {
//!         outcomes.push((outcome.index, outcome.bytes, outcome.error));
//!     }
//! };
//! for mut piece in response.chunks(10) {
//!     while let Some(event) = decoder.next_event(&mut piece)? {
//!         note(event);
//!     }
//! }
//! let error = loop {
//!     match decoder.finish() {
//!         Ok(Some(event)) => note(event),
//!         Ok(None) => panic!("the response is not complete"),
//!         Err(error) => break error,
//!     }
//! };
//! assert_eq!(outcomes, [(0, 32, None), (1, 21, Some(ItemError::Cut))]);
//! assert_eq!(error.offset, response.len() as u64);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
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

#[cfg(test)]
extern crate std;

mod bytes;
mod decoder;
mod ews;
mod export_items;
#[cfg(feature = "heapless")]
mod heapless;
mod offset;
pub mod payload;
pub mod policy;
#[cfg(feature = "upload")]
mod upload_items;
mod xml;

#[cfg(feature = "heapless")]
pub use self::heapless::{OutcomeTable, OwnedItemId};
pub use decoder::{Decoder, ScratchTooSmall, MIN_SCRATCH};
#[cfg(feature = "upload")]
pub use ews::FolderId;
pub use ews::{
    Attribute, Error, ErrorKind, Event, ExchangeImpersonation, Fault, IdMatch, IntegrityPolicy,
    ItemError, ItemId, ManagementRole, Operation, OperationName, Options, Outcome, RequestError,
    RequestField, RequestHeaders, RequestServerVersion, ResponseClass, ResponseCode,
    ResponseItemId, ResponseOutcome, ServerVersion, SinkCall, Summary, VersionError, CONTENT_TYPE,
    ENDPOINT_PATH, MAX_DEPTH,
};
pub use export_items::{
    fail_all, Discard, Encoder, ExportItems, ExportItemsOperation, FeedError, Sink, SliceFull,
    SliceSink, Tee,
};
#[cfg(feature = "embedded-io")]
pub use export_items::{WriteError, WriteSink};
pub use payload::{BrokenReason, PayloadCheck, PayloadEvent, PayloadReader, Verdict};
#[cfg(feature = "upload")]
pub use upload_items::{
    CreateAction, UploadEncoder, UploadItem, UploadItems, UploadItemsOperation, WantedData,
};
pub use xml::MAX_NAME_LEN;

/// The example of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
