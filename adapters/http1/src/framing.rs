//! How long the body is, and whether the connection lives on (RFC 9112 §6.3, §9.3).

use crate::error::ErrorKind;
use crate::field::Field;
use crate::grammar::{decimal, elements, same, trim};

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
    pub(crate) coded: bool,
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

    /// Whether `Content-Encoding` names a coding, `identity` aside: the body's bytes then are neither XML nor text.
    #[must_use]
    pub const fn is_coded(&self) -> bool {
        self.coded
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

/// The fields without which a body cannot be read: its length, its coding, and whether the connection lives on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FramingField {
    ContentLength,
    TransferEncoding,
    ContentEncoding,
    Connection,
}

impl FramingField {
    const NAMES: [(&'static str, Self); 4] = [
        ("Content-Length", Self::ContentLength),
        ("Transfer-Encoding", Self::TransferEncoding),
        ("Content-Encoding", Self::ContentEncoding),
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
    transfer: Transfer,
    close: bool,
}

/// What `Transfer-Encoding` has named so far.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Transfer {
    /// There is no such field.
    Absent,
    /// Nothing, or `identity` only.
    Identity,
    Chunked,
}

impl Gathered {
    pub(crate) const fn new(status: u16, minor_version: u8) -> Self {
        Self {
            head: ResponseHead {
                status,
                keep_alive: minor_version >= 1,
                coded: false,
                body: Body::UntilClose,
                length: u64::MAX,
                len: 0,
            },
            is_1_0: minor_version == 0,
            transfer: Transfer::Absent,
            close: false,
        }
    }

    pub(crate) fn add(&mut self, field: FramingField, value: &[u8]) -> Result<(), ErrorKind> {
        match field {
            // Not a list by its grammar, so no element of it may be empty; but a list of equal values is what a
            // careless proxy makes of equal fields (RFC 9110 §8.6).
            FramingField::ContentLength => {
                for value in value.split(|&byte| byte == b',').map(trim) {
                    let length = decimal(value).ok_or(ErrorKind::ContentLength)?;
                    if self.head.body == Body::Length && self.head.length != length {
                        return Err(ErrorKind::ContentLengthsDiffer);
                    }
                    self.head.body = Body::Length;
                    self.head.length = length;
                }
            }
            FramingField::TransferEncoding => {
                if self.transfer == Transfer::Absent {
                    self.transfer = Transfer::Identity;
                }
                for coding in elements(value) {
                    // `identity` is no coding (RFC 2616 §3.6; later RFCs dropped its name). We offer no other
                    // (no TE field), and chunked must not be applied twice (RFC 9112 §6.1).
                    if same(coding, b"identity") {
                        continue;
                    }
                    if self.transfer == Transfer::Chunked || !same(coding, b"chunked") {
                        return Err(ErrorKind::TransferEncoding);
                    }
                    self.transfer = Transfer::Chunked;
                }
            }
            FramingField::ContentEncoding => {
                self.head.coded |= elements(value).any(|coding| !same(coding, b"identity"));
            }
            FramingField::Connection => {
                for option in elements(value) {
                    self.close |= same(option, b"close");
                    self.head.keep_alive |= same(option, b"keep-alive");
                }
            }
        }
        Ok(())
    }

    /// RFC 9112 §6.3, without the rules for HEAD and CONNECT, which we never send.
    ///
    /// A message with two lengths, or with `Transfer-Encoding` in HTTP/1.0, is refused even where
    /// the status says that there is no body: it comes from something that frames wrongly.
    /// Where other readers may see another end of the body, the connection carries no further request:
    /// a body that is declared and must not be there may come all the same, and without `chunked` a
    /// `Transfer-Encoding` makes RFC 9112 §6.3 read until the close.
    pub(crate) fn finish(&self, len: u32) -> Result<ResponseHead, ErrorKind> {
        let mut head = self.head;
        head.len = len;
        if self.transfer != Transfer::Absent && self.is_1_0 {
            return Err(ErrorKind::TransferEncoding);
        }
        if self.transfer == Transfer::Chunked {
            if head.body == Body::Length {
                return Err(ErrorKind::TwoLengths);
            }
            (head.body, head.length) = (Body::Chunked, 0);
        }
        let mut is_clear = head.body != Body::UntilClose && self.transfer != Transfer::Identity;
        if matches!(head.status, 204 | 304) {
            let declared = head.body == Body::Length && head.length > 0;
            is_clear = !declared && self.transfer == Transfer::Absent;
            (head.body, head.length) = (Body::Empty, 0);
        }
        // RFC 9112 §9.3.
        head.keep_alive &= is_clear && !self.close;
        Ok(head)
    }
}
