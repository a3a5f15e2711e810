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
    /// A cut looks like the end here; the core's decoder knows them apart by the document.
    UntilClose,
}

/// A whole response head, as far as it concerns the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub(crate) status: u16,
    /// [`KEEP_ALIVE`], [`CODED`]: two `bool`s would make a head larger.
    pub(crate) flags: u8,
    pub(crate) body: Body,
    /// Bytes of the body, as far as they are known: 0 of chunks, all there can be until the close.
    pub(crate) length: u64,
    /// Bytes of the head and of the interim responses before it.
    pub(crate) len: u32,
}

pub(crate) const KEEP_ALIVE: u8 = 1;
pub(crate) const CODED: u8 = 2;

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
        self.flags & CODED != 0
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
    /// No coding.
    Nothing,
    Chunked,
}

impl Gathered {
    pub(crate) const fn new(status: u16, minor_version: u8) -> Self {
        Self {
            head: ResponseHead {
                status,
                flags: if minor_version >= 1 { KEEP_ALIVE } else { 0 },
                body: Body::UntilClose,
                length: u64::MAX,
                len: 0,
            },
            is_1_0: minor_version == 0,
            transfer: Transfer::Absent,
            close: false,
        }
    }

    /// Takes a field's list in, element by element.
    pub(crate) fn add(&mut self, field: FramingField, value: &[u8]) -> Result<(), ErrorKind> {
        for value in value.split(|&byte| byte == b',') {
            let value = trim(value);
            match (field, Word::of(value)) {
                // Not a list by its grammar, so no element of it may be empty; but a list of equal values is what a
                // careless proxy makes of equal fields (RFC 9110 §8.6).
                (FramingField::ContentLength, _) => {
                    let length = decimal(value).ok_or(ErrorKind::ContentLength)?;
                    if self.head.body == Body::Length && self.head.length != length {
                        return Err(ErrorKind::ContentLengthsDiffer);
                    }
                    self.head.body = Body::Length;
                    self.head.length = length;
                }
                (FramingField::Connection, Word::Close) => self.close = true,
                (FramingField::Connection, Word::KeepAlive) => self.head.flags |= KEEP_ALIVE,
                (FramingField::Connection, _) => {}
                (FramingField::ContentEncoding, Word::Nothing) => {}
                (FramingField::ContentEncoding, _) => self.head.flags |= CODED,
                // In HTTP/1.0 a mark of faulty framing (RFC 9112 §6.1).
                (FramingField::TransferEncoding, _) if self.is_1_0 => {
                    return Err(ErrorKind::TransferEncoding);
                }
                (FramingField::TransferEncoding, Word::Nothing) => {
                    if self.transfer == Transfer::Absent {
                        self.transfer = Transfer::Nothing;
                    }
                }
                // Not to be applied twice (RFC 9112 §6.1).
                (FramingField::TransferEncoding, Word::Chunked)
                    if self.transfer != Transfer::Chunked =>
                {
                    self.transfer = Transfer::Chunked;
                }
                // We offer no other coding (no TE field).
                (FramingField::TransferEncoding, _) => return Err(ErrorKind::TransferEncoding),
            }
        }
        Ok(())
    }

    /// RFC 9112 §6.3, without the rules for HEAD and CONNECT, which we never send.
    ///
    /// A message with two lengths is refused even where the status says that there is no body: it comes from
    /// something that frames wrongly.
    /// Where other readers may see another end of the body, the connection carries no further request:
    /// a body that is declared and must not be there may come all the same, and without `chunked` a
    /// `Transfer-Encoding` makes RFC 9112 §6.3 read until the close.
    pub(crate) fn finish(&self, len: u32) -> Result<ResponseHead, ErrorKind> {
        let mut head = self.head;
        head.len = len;
        let mut is_clear = self.transfer != Transfer::Nothing;
        if self.transfer == Transfer::Chunked {
            if head.body == Body::Length {
                return Err(ErrorKind::TwoLengths);
            }
            (head.body, head.length) = (Body::Chunked, 0);
        }
        if matches!(head.status, 204 | 304) {
            let declares_none = head.body == Body::UntilClose || head.length == 0;
            is_clear = declares_none && self.transfer == Transfer::Absent;
            (head.body, head.length) = (Body::Empty, 0);
        }
        // RFC 9112 §9.3.
        if !is_clear || self.close || head.body == Body::UntilClose {
            head.flags &= !KEEP_ALIVE;
        }
        Ok(head)
    }
}

/// What an element of a framing field's list can be.
#[derive(Clone, Copy, Debug)]
enum Word {
    /// No element (RFC 9110 §5.6.1.2), or `identity`, which is no coding (RFC 2616 §3.6; later RFCs dropped it).
    Nothing,
    Chunked,
    Close,
    KeepAlive,
    Other,
}

impl Word {
    const NAMES: [(&'static str, Self); 5] = [
        ("", Self::Nothing),
        ("identity", Self::Nothing),
        ("chunked", Self::Chunked),
        ("close", Self::Close),
        ("keep-alive", Self::KeepAlive),
    ];

    fn of(value: &[u8]) -> Self {
        let mut names = Self::NAMES.iter();
        names
            .find(|(name, _)| same(value, name.as_bytes()))
            .map_or(Self::Other, |&(_, word)| word)
    }
}
