//! HTTP/1.1 framing for one `POST` request and its response, sans-IO, without an allocator.
//!
//! EWS is one request and one response at a time, and every EWS request is a `POST`; this crate is
//! that much of HTTP ([RFC 9110], [RFC 9112]) and no more.
//! It does no I/O: the caller moves bytes between a connection and these machines.
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
//!   The head is read a line at a time, in a scratch buffer that the caller lends, so the buffer
//!   bounds a line and not the head: Exchange Online answers with heads of 1.4 KB whose longest line
//!   is 300 bytes.
//!   The body needs no buffer at all: its data are slices of the caller's input.
//! - **Strictness.**
//!   Line ends are CRLF; bare CR, bare LF and control characters are refused; so
//!   is every message with two lengths ([RFC 9112 §6.3]).
//!   A folded field is read as one line, empty elements of lists are ignored and `identity` codings count as none,
//!   since RFC 9110 and RFC 9112 require that or no reader differs.
//!   What a lenient reader would guess at, this one reports as an [`Error`] with its offset.
//! - **Limits.** [`HEAD_LIMIT`], [`CHUNK_EXTRA_LIMIT`] and the scratch; a peer cannot make a
//!   machine loop or count without end.
//! - **No dependency.**
//!   `httparse` wants the whole head in one buffer and a slot for each header at once, and its 1.10
//!   leaves a reachable panic in a bare-metal link.
//!   It judges this crate in the tests instead, within hyper.
//!
//! # One exchange
//!
//! ```
//! use exportitems_http1::{BodyDecoder, HeadDecoder, HeadEncoder, HeadEvent, RequestHead};
//!
//! // The request: `write` fills any output, `encoded_len` is known beforehand.
//! let body = b"<soap/>";
//! let headers = [("Content-Type", "text/xml; charset=utf-8")];
//! let head = RequestHead::new("/EWS/Exchange.asmx", "mail.contoso.com", &headers, body.len() as u64)?;
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
//! assert!(sent.starts_with(b"POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: mail.contoso.com\r\n"));
//!
//! // The response, as the reads of a socket deliver it.
//! let mut reads = [
//!     &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nrequest-"[..],
//!     b"id: 7\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<soa",
//!     b"p\r\n2\r\n/>\r\n0\r\n\r\n",
//! ]
//! .into_iter();
//! let mut input: &[u8] = b"";
//!
//! // The head: events until `Head`, a new read whenever the input is used up.
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
//!             None => decoder.finish()?, // the connection ended: says where
//!         },
//!     }
//! };
//! assert_eq!(head.status(), 200);
//! assert_eq!(request_id.as_deref(), Some(&b"7"[..]));
//!
//! // The body: slices of the input, without a copy.
//! let mut decoder = BodyDecoder::new(&head);
//! let mut received = Vec::new();
//! while !decoder.is_complete() {
//!     match decoder.next(&mut input)? {
//!         Some(data) => received.extend_from_slice(data),
//!         None => match reads.next() {
//!             Some(read) => input = read,
//!             None => decoder.finish()?, // the end of a body without a length, or a cut
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
