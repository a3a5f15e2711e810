//! ExportItems and UploadItems over tokio: a client with an [`AsyncSink`], and a decoder for the response body of any HTTP client.
//!
//! - [`Client`] connects, logs in, exports, and uploads what [`AsyncReaders`] read. It has the options and the rules of [`exportitems_std::Client`]: TLS, NTLM
//!   with channel binding, Basic, Bearer, proxies, retries of stale connections.
//! - [`Exporter`] exports any number of items into a [`Store`], with batches, retries, several connections and resuming.
//! - [`decode_stream`] decodes a body that hyper, reqwest or axum has received.
//!
//! While the sink waits, nothing is received, so a slow sink slows the server down. There is one buffer and no channel.
//!
//! # Features
//! - `ring` (default): the crypto provider of TLS. Without it, the provider of the process is used, or the configuration
//!   that the caller gives.
//! - `simd` (default): vector kernels for base64, detected at run time.
//!
//! # Export
//! ```
//! # use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
//! use exportitems::{ItemId, Options, Outcome, RequestHeaders, ResponseItemId};
//! use exportitems_tokio::{AsyncSink, Client};
//!
//! /// Counts the bytes of the complete items.
//! struct Bytes(u64);
//!
//! impl AsyncSink for Bytes {
//!     type Error = std::convert::Infallible;
//!
//!     async fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
//!         Ok(())
//!     }
//!
//!     async fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
//!         Ok(())
//!     }
//!
//!     async fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error> {
//!         self.0 += outcome.bytes;
//!         Ok(())
//!     }
//!
//!     async fn abort(&mut self, _: &Outcome) {}
//!
//!     async fn failed(&mut self, _: &Outcome) {}
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse()?)?;
//! # let url = emulator.url();
//! # let ids = [item_id(DEFAULT_MAILBOX, 1, 1_000), item_id(DEFAULT_MAILBOX, 2, 50_000)];
//! let mut client = Client::new(exportitems_std::Client::builder(&url))?;
//! let items = ids.each_ref().map(|id| ItemId::new(id));
//! let mut bytes = Bytes(0);
//! let answer = client
//!     .export(&RequestHeaders::new(), &items, &mut bytes, Options::new())
//!     .await?;
//! assert_eq!((answer.summary.ok, bytes.0), (2, 51_000));
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod client;
mod connector;
mod export;
mod readers;
mod stream;
mod transport;

pub use client::Client;
pub use connector::{Stream, TcpConnector};
pub use export::{Exporter, Tokio};
pub use exportitems_std::client::{AsyncSink, UploadSource};
pub use exportitems_std::{AsyncStore as Store, AsyncStoreSink as StoreSink};
pub use readers::AsyncReaders;
pub use stream::{decode_stream, StreamError};
pub use transport::StreamTransport;
