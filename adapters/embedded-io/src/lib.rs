//! ExportItems over any connected [`embedded_io`] or [`embedded_io_async`] stream; `no_std`, no allocator, no `unsafe`.
//!
//! The caller brings the connection, one buffer for what is sent and received, and a [`Decoder`] with its scratch;
//! [`exportitems_http1`] does the framing.
//!
//! - [`Client::export`] blocks, into a [`Sink`](exportitems::Sink).
//! - [`Client::export_async`] waits on any executor, into an [`AsyncSink`], whose futures hold the server back.
//!
//! Both are loops around the same machines, which do no I/O. Whom a retry is worth is for the caller to judge, from the
//! [`Error`], the outcomes and the [`Summary`](exportitems::Summary).
//!
//! # A response to another request
//! A server or a proxy may send a response that no request waits for: a second one, or a late `408`. These clients own
//! no socket and cannot look whether bytes are waiting before they send, so they
//! - keep a connection only after a whole answer, with no byte after it in the same `read`, and
//! - refuse a response that echoes the `client-request-id` of another request
//!   ([`Error::OtherRequest`], [`Server::client_request_id`]).
//!
//! What they cannot notice is a waiting response without an echo, such as a proxy's own page. It has no items of
//! yours, so it can fail an export, and not more; a whole ExportItems response without an echo would be taken for the
//! answer. Where that matters, make a new connection for every request.
//!
//! # One export
//! ```
//! use exportitems::{Decoder, ExportItems, ItemId, ResponseItemId, Options, Outcome, Sink};
//! use exportitems_embedded_io::{Authorization, Client, Server};
//!
//! /// Counts the bytes of the items that are whole.
//! struct Bytes(u64);
//!
//! impl Sink for Bytes {
//!     type Error = core::convert::Infallible;
//!
//!     fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
//!         Ok(())
//!     }
//!
//!     fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
//!         Ok(())
//!     }
//!
//!     fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error> {
//!         self.0 += outcome.bytes;
//!         Ok(())
//!     }
//!
//!     fn abort(&mut self, _: &Outcome) {}
//!
//!     fn failed(&mut self, _: &Outcome) {}
//! }
//!
//! # mod peer {
//! #     pub struct Stream(pub &'static [u8]);
//! #     impl embedded_io::ErrorType for Stream { type Error = core::convert::Infallible; }
//! #     impl embedded_io::Read for Stream {
//! #         fn read(&mut self, out: &mut [u8]) -> Result<usize, Self::Error> { self.0.read(out) }
//! #     }
//! #     impl embedded_io::Write for Stream {
//! #         fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> { Ok(bytes.len()) }
//! #         fn flush(&mut self) -> Result<(), Self::Error> { Ok(()) }
//! #     }
//! # }
//! # let text = concat!("HTTP/1.1 200 OK\r\nContent-Length: 439\r\n\r\n",
//! #     r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>"#,
//! #     r#"<m:ExportItemsResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">"#,
//! #     r#"<m:ResponseMessages><m:ExportItemsResponseMessage ResponseClass="Success">"#,
//! #     r#"<m:ResponseCode>NoError</m:ResponseCode><m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data>"#,
//! #     r#"</m:ExportItemsResponseMessage></m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"#);
//! # let stream = peer::Stream(text.as_bytes());
//! // `stream` is connected to the server, through TLS.
//! let mut secret = [0; 64];
//! let server = Server::new("mail.contoso.com")
//!     .authorization(Authorization::basic("CONTOSO\\backup", "correct horse", &mut secret)?);
//! let mut buffer = [0; 1024];
//! let mut client = Client::new(stream, server, &mut buffer);
//!
//! let items = [ItemId::new("AAMkAGYz+NAA=")];
//! let mut decoder: Decoder = Decoder::new(Options::new().items(1));
//! let mut bytes = Bytes(0);
//! let summary = client.export(&ExportItems::new(&items), &mut decoder, &mut bytes)?;
//!
//! assert_eq!((summary.ok, bytes.0), (1, 32));
//! assert!(client.can_export());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # More examples
//! In [`examples`](https://docs.rs/crate/exportitems-embedded-io/latest/source/examples/); all but the last run anywhere,
//! with `cargo run --example`:
//!
//! | example | shows |
//! |---|---|
//! | `tcp` | a std `TcpStream`, and a table of outcomes |
//! | `tokio` | async, and a slow reader that holds the server back |
//! | `flash` | a sink of flash pages: erase before write, commit record |
//! | `uart` | the core alone on a wire, without HTTP, 16 bytes at a time |
//! | `small` | 8 KiB of RAM, checked when it is compiled |
//! | `embassy_net` | embassy-net's `TcpSocket`, and a limit on the time; compiled only |
//!
//! [`Decoder`]: exportitems::Decoder
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
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::string_slice, clippy::unwrap_used)
)]

#[cfg(test)]
extern crate std;

mod asynchronous;
mod authorization;
mod blocking;
mod client;
mod error;
mod exchange;
mod request_id;
mod server;
mod sink;

pub use authorization::{Authorization, CredentialsError};
pub use client::Client;
pub use error::{Error, Status};
pub use exchange::MIN_BUFFER;
pub use server::Server;
pub use sink::AsyncSink;
