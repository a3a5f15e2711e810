//! How long the body is, and whether the connection lives on (RFC 9112 §6.3, §9.3).

use crate::error::ErrorKind;
use crate::field::Field;
use crate::grammar::{decimal, same, trim};

/// How the end of a response's body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body: status 204 or 304.
    Empty,
    /// So many bytes.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// All bytes until the connection ends.
    ///
    /// A cut cannot be told from the end here; the core's decoder can, from the document.
    UntilClose,
}

/// A whole response head, as far as it concerns the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) keep_alive: bool,
    pub(crate) body: Body,
    /// Bytes of the body, as far as they are known: 0 of chunks, all there can be until the close.
    pub(crate) length: u64,
    /// Bytes of the head and of the interim responses before it.
    pub(crate) len: u32,
}

/// [`Framing`] without the length, so that a head does not take the room of three `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Empty,
    Length,
    Chunked,
    UntilClose,
}

impl ResponseHead {
    /// The status code, 200 to 999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// How the end of the body is known.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        match self.body {
            Body::Empty => Framing::Empty,
            Body::Length => Framing::Length(self.length),
            Body::Chunked => Framing::Chunked,
            Body::UntilClose => Framing::UntilClose,
        }
    }
}

/// The fields that say how long the body is, and whether the connection lives on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FramingField {
    ContentLength,
    TransferEncoding,
    Connection,
}

impl FramingField {
    const NAMES: [(&'static str, Self); 3] = [
        ("Content-Length", Self::ContentLength),
        ("Transfer-Encoding", Self::TransferEncoding),
        ("Connection", Self::Connection),
    ];

    pub(crate) fn named(field: &Field<'_>) -> Option<Self> {
        let mut names = Self::NAMES.iter();
        names
            .find(|(name, _)| field.is(name))
            .map(|&(_, known)| known)
    }
}

/// The head of a response as it is gathered from its lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathered {
    pub(crate) head: ResponseHead,
    is_1_0: bool,
    chunked: bool,
    close: bool,
}

impl Gathered {
    pub(crate) const fn new(status: u16, minor_version: u8) -> Self {
        Self {
            head: ResponseHead {
                status,
                keep_alive: minor_version >= 1,
                body: Body::UntilClose,
                length: u64::MAX,
                len: 0,
            },
            is_1_0: minor_version == 0,
            chunked: false,
            close: false,
        }
    }

    pub(crate) fn add(&mut self, field: FramingField, value: &[u8]) -> Result<(), ErrorKind> {
        for value in value.split(|&byte| byte == b',') {
            let value = trim(value);
            match field {
                // A list of equal values is what a careless proxy makes of equal fields
                // (RFC 9110 §8.6).
                FramingField::ContentLength => {
                    let length = decimal(value).ok_or(ErrorKind::ContentLength)?;
                    if self.head.body == Body::Length && self.head.length != length {
                        return Err(ErrorKind::ContentLengthsDiffer);
                    }
                    self.head.body = Body::Length;
                    self.head.length = length;
                }
                // We offer no other coding (no TE field), and chunked must not be applied twice
                // (RFC 9112 §6.1).
                FramingField::TransferEncoding => {
                    if self.chunked || !same(value, b"chunked") {
                        return Err(ErrorKind::TransferEncoding);
                    }
                    self.chunked = true;
                }
                FramingField::Connection => {
                    self.close |= same(value, b"close");
                    self.head.keep_alive |= same(value, b"keep-alive");
                }
            }
        }
        Ok(())
    }

    /// RFC 9112 §6.3, without the rules for HEAD and CONNECT, which we never send.
    ///
    /// A message with two lengths, or with `Transfer-Encoding` in HTTP/1.0, is refused even where
    /// the status says that there is no body: it comes from something that frames wrongly.
    pub(crate) fn finish(&self, len: u32) -> Result<ResponseHead, ErrorKind> {
        let ResponseHead {
            status,
            keep_alive,
            mut body,
            mut length,
            ..
        } = self.head;
        if self.chunked {
            if body == Body::Length {
                return Err(ErrorKind::TwoLengths);
            }
            if self.is_1_0 {
                return Err(ErrorKind::TransferEncoding);
            }
            (body, length) = (Body::Chunked, 0);
        }
        if matches!(status, 204 | 304) {
            (body, length) = (Body::Empty, 0);
        }
        Ok(ResponseHead {
            status,
            // RFC 9112 §9.3.
            keep_alive: keep_alive && !self.close && body != Body::UntilClose,
            body,
            length,
            len,
        })
    }
}
