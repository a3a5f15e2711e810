//! HTTP/1.1 framing for one `POST` request and its response: sans-IO, `no_std`, without an allocator.
//!
//! EWS sends one request at a time, and every request is a `POST`. This crate implements that part of HTTP
//! ([RFC 9110], [RFC 9112]).
//! It does no I/O: the caller moves bytes between a connection and the encoders and decoders of this crate.
//!
//! ```text
//!            write                     next                           next
//! RequestHead ────► HeadEncoder        HeadDecoder ──Head(ResponseHead)──► BodyDecoder ──► &[u8] …
//!                   then the body        │  ▲                                │
//!                                        └──┘ Field, FieldTooLong,           └─ finish, can_reuse
//!                                             Interim (100 Continue)
//! ```
//!
//! - **Memory.**
//!   The head is read a line at a time into a scratch buffer of the caller.
//!   The buffer has to hold the longest line, not the whole head: heads of Exchange Online have 1.4 KB, and their
//!   longest line has 300 bytes.
//!   The body needs no buffer: its data are slices of the caller's input.
//! - **Strictness.**
//!   Lines end with CRLF. Bare CR, bare LF, control characters and messages with two lengths
//!   ([RFC 9112 §6.3]) are refused.
//!   Folded fields are joined, empty list elements are ignored, and `identity` means no coding: the RFCs require it, or
//!   all readers agree on it.
//!   Everything else that a lenient reader would accept is an [`Error`] with its offset.
//! - **Limits.** [`HEAD_LIMIT`], [`CHUNK_EXTRA_LIMIT`] and the scratch limit how much a peer can make a decoder read.
//! - **No dependency.**
//!   `httparse` needs the whole head in one buffer and one slot for each header, and version 1.10 links reachable
//!   panics on bare metal. The tests compare this crate with it, through hyper.
//!
//! # Features
//! - `defmt`: `defmt::Format` for the error types.
//!
//! # A request and its response
//!
//! ```
//! use exportitems_http1::{BodyDecoder, HeadDecoder, HeadEncoder, HeadEvent, RequestHead};
//!
//! // The request. `write` fills outputs of any size, and `encoded_len` is known beforehand.
//! let body = b"<soap/>";
//! let headers: [&[_]; 1] = [&[("Content-Type", "text/xml; charset=utf-8")]];
//! let (path, host) = ("/EWS/Exchange.asmx", "mail.contoso.com");
//! let head = RequestHead::new(path, host, &headers, body.len() as u64)?;
//! let mut encoder = HeadEncoder::new(head);
//! let mut sent = Vec::new();
//! let len = encoder.encoded_len();
//! let mut out = [0; 16];
//! loop {
//!     match encoder.write(&mut out) {
//!         0 => break,
//!         n => sent.extend_from_slice(&out[..n]),
//!     }
//! }
//! assert_eq!(sent.len(), len);
//! sent.extend_from_slice(body);
//! assert!(sent.starts_with(b"POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: mail."));
//!
//! // The response, as it is read from a socket.
//! let mut reads = [
//!     &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nrequest-"[..],
//!     b"id: 7\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<soa",
//!     b"p\r\n2\r\n/>\r\n0\r\n\r\n",
//! ]
//! .into_iter();
//! let mut input: &[u8] = b"";
//!
//! // The head: read events until `Head`. Read from the socket when the input is used up.
//! let mut scratch = [0; 256];
//! let mut decoder = HeadDecoder::new(&mut scratch);
//! let mut request_id = None;
//! let head = loop {
//!     match decoder.next(&mut input)? {
//!         Some(HeadEvent::Field(field)) if field.is("request-id") => {
//!             request_id = Some(field.value.to_vec());
//!         }
//!         Some(HeadEvent::Head(head)) => break head,
//!         Some(_) => {}
//!         None => match reads.next() {
//!             Some(read) => input = read,
//!             None => decoder.finish()?, // an error: the connection ended inside the head
//!         },
//!     }
//! };
//! assert_eq!(head.status(), 200);
//! assert_eq!(request_id.as_deref(), Some(&b"7"[..]));
//!
//! // The body: slices of the input, not copied.
//! let mut decoder = BodyDecoder::new(&head);
//! let mut received = Vec::new();
//! while !decoder.is_complete() {
//!     match decoder.next(&mut input)? {
//!         Some(data) => received.extend_from_slice(data),
//!         None => match reads.next() {
//!             Some(read) => input = read,
//!             None => decoder.finish()?, // the end of a body without a length, or an error
//!         },
//!     }
//! }
//! assert_eq!(received, b"<soap/>");
//! assert!(decoder.can_reuse(input));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110
//! [RFC 9112]: https://www.rfc-editor.org/rfc/rfc9112
//! [RFC 9112 §6.3]: https://www.rfc-editor.org/rfc/rfc9112#section-6.3
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
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

#[cfg(test)]
extern crate std;

mod bearer;
mod body;
mod error;
mod field;
mod framing;
mod grammar;
mod head;
mod request;

pub use bearer::is_bearer_token;
pub use body::{BodyDecoder, CHUNK_EXTRA_LIMIT};
pub use error::{Error, ErrorClass, ErrorKind, RequestError};
pub use field::{Field, RetryAfter};
pub use framing::{Framing, ResponseHead};
pub use head::{HeadDecoder, HeadEvent, HEAD_LIMIT};
pub use request::{HeadEncoder, RequestHead};
