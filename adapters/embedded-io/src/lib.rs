//! ExportItems and UploadItems over any connected [`embedded_io`] or [`embedded_io_async`] stream; `no_std`, no allocator,
//! no `unsafe`.
//!
//! The caller provides the connection, one buffer for sending and receiving, and a [`Decoder`] with its scratch.
//! [`exportitems_http1`] does the framing.
//!
//! - [`Client::export`] blocks and writes to a [`Sink`](exportitems::Sink).
//! - [`Client::export_async`] runs on any executor and writes to an [`AsyncSink`]. While the sink waits, nothing is
//!   received, so a slow sink slows the server down.
//!
//! - `Client::upload` and `Client::upload_async`, with the feature `upload`, put items back; see [Uploads](#uploads).
//!
//! The clients do not retry: see [Retries](#retries).
//!
//! # Features
//! - `upload`: UploadItems. Without it, a firmware that exports has the same size to the byte.
//! - `defmt`: `defmt::Format` for the error types; see [Logging](#logging).
//!
//! # One export
//! ```
//! use exportitems::{Decoder, ExportItems, ItemId, ResponseItemId, Options, Outcome, Sink};
//! use exportitems_embedded_io::{Authorization, Client, Server};
//!
//! /// Counts the bytes of the complete items.
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
//! # Retries
//! [`exportitems::policy`] decides whether an item is requested again, and how long to wait. It learns from the result
//! of the export and from the outcome of each item. Here the server is busy at first:
//!
//! ```
//! use exportitems::policy::{Endpoint, Limits, Policy, Retry};
//! use exportitems::{Decoder, Discard, ExportItems, ItemId, Options};
//! use exportitems::{OutcomeTable, RequestHeaders, Tee};
//! use exportitems_embedded_io::{Client, Error, Server};
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
//! # let mut responses = [
//! #     "HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n",
//! #     concat!("HTTP/1.1 200 OK\r\nContent-Length: 439\r\n\r\n",
//! #     r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>"#,
//! #     r#"<m:ExportItemsResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">"#,
//! #     r#"<m:ResponseMessages><m:ExportItemsResponseMessage ResponseClass="Success">"#,
//! #     r#"<m:ResponseCode>NoError</m:ResponseCode><m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data>"#,
//! #     r#"</m:ExportItemsResponseMessage></m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"#),
//! # ].into_iter();
//! # let mut connect = || peer::Stream(responses.next().unwrap().as_bytes());
//! # let (elapsed_ms, random) = (0, || 0);
//! # let mut waits = Vec::new();
//! # let mut sleep_ms = |wait: u32| waits.push(wait);
//! let policy = Policy::DEFAULT;
//! let mut endpoint = Endpoint::new(Limits::default());
//! let items = [ItemId::new("AAMkAGYz+NAA=")];
//! let mut retry = Retry::new(); // one for each item
//! let mut buffer = [0; 1024];
//! let mut decoder: Decoder = Decoder::new(Options::new());
//!
//! let exported = loop {
//!     let mut attempt = endpoint.attempt(items.len());
//!     let version = attempt.version();
//!     let request = ExportItems::new(&items)
//!         .headers(RequestHeaders::new().server_version(version));
//!     let server = Server::new("mail.contoso.com");
//!     let mut client = Client::new(connect(), server, &mut buffer);
//!     let mut sink = Tee::new(Discard, OutcomeTable::<1>::new());
//!     decoder.reset(Options::new().items(1));
//!
//!     // What the policy learns from the response as a whole.
//!     match client.export(&request, &mut decoder, &mut sink) {
//!         Ok(summary) => {
//!             summary.fault.iter().for_each(|fault| attempt.fault(fault));
//!         }
//!         Err(Error::Status(status)) => {
//!             let seconds = status.retry_after;
//!             let seconds = seconds.and_then(|it| it.try_into().ok());
//!             attempt.http(status.code, seconds, None);
//!         }
//!         Err(Error::Transport(_) | Error::Http(_)) => attempt.cut(),
//!         Err(_) => {}
//!     }
//!     // What it learns from each item. Without outcomes, nothing was sent.
//!     let Some(outcome) = sink.observer.outcomes().first() else {
//!         break false;
//!     };
//!     if outcome.error.is_none() {
//!         break true;
//!     }
//!     let advice = attempt.item(outcome);
//!     let item = policy.next(&mut retry, advice, elapsed_ms, random());
//!     let server = endpoint.end(&policy, attempt, elapsed_ms, random());
//!     let (Some(item), Some(server)) = (item, server) else {
//!         break false; // another attempt would not help
//!     };
//!     sleep_ms(item.max(server));
//! };
//! assert!(exported);
//! # assert_eq!(waits, [5000]);
//! ```
//!
//! # NTLM
//! [`Client::log_in`] makes the first part of the handshake of [`exportitems_ntlm`]. The last message goes with the next
//! export, so the body is sent once. Only a firmware that calls it contains NTLM.
//!
//! ```no_run
//! # fn run<T: embedded_io::Read + embedded_io::Write>(
//! #     stream: T,
//! #     certificate_hash: &[u8],
//! #     random: impl Fn() -> [u8; 8],
//! # ) -> Result<(), Box<dyn std::error::Error>>
//! # where
//! #     T::Error: core::error::Error + 'static,
//! # {
//! use exportitems_embedded_io::{Client, Server};
//! use exportitems_ntlm::{ChannelBinding, Login, NtHash, User};
//!
//! let (mut buffer, mut memory) = ([0; 1024], [0; 1024]);
//! let login = Login {
//!     user: User::parse("CONTOSO\\backup")?,
//!     hash: &NtHash::from_password("correct horse"),
//!     host: "mail.contoso.com",
//!     binding: Some(ChannelBinding::tls_server_end_point(certificate_hash)),
//!     nonce: random(), // new for each connection
//! };
//! let mut client = Client::new(stream, Server::new("mail.contoso.com"), &mut buffer);
//! client.log_in(&login, &mut memory)?;
//! // `client.export(…)` sends the last message.
//! # Ok(())
//! # }
//! ```
//!
//! # Uploads
//! With the feature `upload`. The bytes of the items are read while the request is sent, from any `embedded_io::Read`:
//!
#![cfg_attr(feature = "upload", doc = "```no_run")]
#![cfg_attr(not(feature = "upload"), doc = "```text")]
//! # fn run<T, R>(stream: T, flash: &mut R) -> Result<(), exportitems_embedded_io::UploadError<T::Error, R::Error>>
//! # where
//! #     T: embedded_io::Read + embedded_io::Write,
//! #     R: embedded_io::Read,
//! # {
//! use exportitems::{Decoder, Discard, FolderId, Options, UploadItem, UploadItems};
//! use exportitems_embedded_io::{Client, Server};
//!
//! // Two items of these lengths, which follow each other in `flash`.
//! let folder = FolderId::new("AAMkAGYz+NAA=");
//! let items = [UploadItem::new(folder, 1_532), UploadItem::new(folder, 48_201)];
//! let mut buffer = [0; 1024];
//! let mut client = Client::new(stream, Server::new("mail.contoso.com"), &mut buffer);
//! let mut decoder = Decoder::<[u8; 256], _>::for_operation(Options::new().items(2));
//! let summary = client.upload(&UploadItems::new(&items), flash, &mut decoder, &mut Discard)?;
//! assert_eq!(summary.ok, 2);
//! # Ok(())
//! # }
//! ```
//!
//! A server does not recognise an item that it already has. After a cut, look for the items before you send them again.
//!
//! # Logging
//! With the feature `defmt`, the errors can be logged if the transport's error can:
//!
#![cfg_attr(feature = "defmt", doc = "```no_run")]
#![cfg_attr(not(feature = "defmt"), doc = "```text")]
//! fn log<E: defmt::Format>(error: &exportitems_embedded_io::Error<E>) {
//!     defmt::error!("export failed: {}", error);
//! }
//! ```
//!
//! # A response to another request
//! A server or a proxy can send a response that no request waits for: a second one, or a late `408`. These clients do
//! not own a socket, so they cannot check before a request whether bytes are waiting. Therefore they
//! - keep a connection only after a complete response, with no byte after it in the same `read`, and
//! - refuse a response that echoes the `client-request-id` of another request
//!   ([`Error::OtherRequest`], [`Server::client_request_id`]).
//!
//! They cannot detect a waiting response without an echo. If it is a proxy's own page, the export fails. If it is a
//! complete ExportItems response, it is taken for the response to the request. To rule that out, make a new connection
//! for every request.
//!
//! # More examples
//! In [`examples`](https://docs.rs/crate/exportitems-embedded-io/latest/source/examples/). Run them with
//! `cargo run --example`; `embassy_net` can only be compiled, since it needs a network.
//!
//! | example | shows |
//! |---|---|
//! | `tcp` | a `TcpStream` of std, and a table of outcomes |
//! | `tokio` | async, and a slow reader that slows the server down |
//! | `flash` | a sink that writes flash pages: erase before write, commit record |
//! | `uart` | the core on a serial line, without HTTP, 16 bytes at a time |
//! | `upload` | an item that is put back from flash memory |
//! | `small` | 8 KiB of RAM, checked at compile time |
//! | `embassy_net` | embassy-net's `TcpSocket`, and a time limit |
//!
//! [`Decoder`]: exportitems::Decoder
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
// Every public type is `#[non_exhaustive]`, or says why it is exhaustive.
#![deny(clippy::exhaustive_enums, clippy::exhaustive_structs)]
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
mod login;
mod request_id;
mod server;
mod sink;
#[cfg(feature = "upload")]
mod upload;

pub use authorization::{Authorization, CredentialsError};
pub use client::Client;
pub use error::{Error, Status};
pub use exchange::MIN_BUFFER;
pub use login::LoginError;
pub use server::Server;
pub use sink::AsyncSink;
#[cfg(feature = "upload")]
pub use upload::UploadError;
