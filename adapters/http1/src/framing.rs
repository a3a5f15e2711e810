//! The length of the body, and whether the connection stays open (RFC 9112 §6.3, §9.3).

use crate::error::ErrorKind;
use crate::grammar::{decimal, same, trim};

/// How the end of a response's body is known.
///
/// Exhaustive: RFC 9112 §6.3 defines no other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Framing {
    /// There is no body: status 204 or 304.
    Empty,
    /// The body has this number of bytes.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// The body ends with the connection.
    ///
    /// A lost connection looks the same. The core's decoder distinguishes the two: it knows whether the document is
    /// complete.
    UntilClose,
}

/// The parts of a complete response head that concern the body and the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub(crate) status: u16,
    /// [`KEEP_ALIVE`] and [`CODED`]. Two `bool`s would make the head larger.
    pub(crate) flags: u8,
    pub(crate) body: Body,
    /// Length of the body in bytes: 0 for chunks, `u64::MAX` for a body that ends with the connection.
    pub(crate) length: u64,
    /// Length in bytes of the head and of the interim responses before it.
    pub(crate) len: u32,
}

pub(crate) const KEEP_ALIVE: u8 = 1;
pub(crate) const CODED: u8 = 2;

/// [`Framing`] without the length, so that a head is smaller than three `u64`s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Empty,
    Length,
    Chunked,
    UntilClose,
}

impl ResponseHead {
    /// Returns the status code, 200 to 999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns whether `Content-Encoding` names a coding other than `identity`. The bytes of such a body are neither
    /// XML nor text.
    #[must_use]
    pub const fn is_coded(&self) -> bool {
        self.flags & CODED != 0
    }

    /// Returns how the end of the body is known.
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

/// A word that this crate knows: the name of a field, or an element of its list.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) enum Word {
    // The fields that decide how a body is read: its length, its coding, and whether the connection stays open.
    ContentLength,
    TransferEncoding,
    ContentEncoding,
    Connection,
    Host,
    /// An empty element (RFC 9110 §5.6.1.2), or `identity`, which means no coding (RFC 2616 §3.6; later RFCs dropped
    /// it).
    Nothing,
    Chunked,
    Close,
    KeepAlive,
    Other,
}

impl Word {
    // Two arrays, since the compiler would pad an array of pairs.
    const NAMES: [&'static str; 10] = [
        "Content-Length",
        "Transfer-Encoding",
        "Content-Encoding",
        "Connection",
        "Host",
        "",
        "identity",
        "chunked",
        "close",
        "keep-alive",
    ];
    const WORDS: [Self; 10] = [
        Self::ContentLength,
        Self::TransferEncoding,
        Self::ContentEncoding,
        Self::Connection,
        Self::Host,
        Self::Nothing,
        Self::Nothing,
        Self::Chunked,
        Self::Close,
        Self::KeepAlive,
    ];

    #[inline(never)]
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut words = Self::NAMES.iter().zip(&Self::WORDS);
        words
            .find(|(name, _)| same(text, name.as_bytes()))
            .map_or(Self::Other, |(_, &word)| word)
    }

    /// Returns whether this is a field that decides how a body is read.
    pub(crate) fn is_framing_field(self) -> bool {
        self <= Self::Connection
    }
}

/// The head of a response while its lines are being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathered {
    pub(crate) head: ResponseHead,
    is_1_0: bool,
    transfer: Transfer,
    close: bool,
}

/// What `Transfer-Encoding` has named so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Transfer {
    /// There is no such field.
    Absent,
    /// Only `identity` and empty elements.
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

    /// Adds the elements of the list of a [framing field](Word::is_framing_field).
    pub(crate) fn add(&mut self, field: Word, value: &[u8]) -> Result<(), ErrorKind> {
        let mut elements = value.split(|&byte| byte == b',');
        elements.try_for_each(|value| self.add_element(field, trim(value)))
    }

    #[inline(never)] // inlined, it makes the loop spill what it changes
    fn add_element(&mut self, field: Word, value: &[u8]) -> Result<(), ErrorKind> {
        match (field, Word::of(value)) {
            // `Content-Length` is not a list, so no element may be empty. RFC 9110 §8.6 permits a list of equal
            // values, since some proxies join equal fields.
            (Word::ContentLength, _) => {
                let length = decimal(value).ok_or(ErrorKind::ContentLength)?;
                if self.head.body == Body::Length && self.head.length != length {
                    return Err(ErrorKind::ContentLengthsDiffer);
                }
                self.head.body = Body::Length;
                self.head.length = length;
            }
            (Word::Connection, Word::Close) => self.close = true,
            (Word::Connection, Word::KeepAlive) => self.head.flags |= KEEP_ALIVE,
            (Word::ContentEncoding, Word::Nothing) => {}
            (Word::ContentEncoding, _) => self.head.flags |= CODED,
            // RFC 9112 §6.1: in HTTP/1.0, this field means that the framing is faulty.
            (Word::TransferEncoding, _) if self.is_1_0 => {
                return Err(ErrorKind::TransferEncoding);
            }
            (Word::TransferEncoding, Word::Nothing) => {
                self.transfer = self.transfer.max(Transfer::Nothing);
            }
            // RFC 9112 §6.1: `chunked` must not be applied twice.
            (Word::TransferEncoding, Word::Chunked) if self.transfer != Transfer::Chunked => {
                self.transfer = Transfer::Chunked;
            }
            // The request has no `TE` field, so it accepts no other coding.
            (Word::TransferEncoding, _) => return Err(ErrorKind::TransferEncoding),
            _ => {}
        }
        Ok(())
    }

    /// Applies RFC 9112 §6.3, except the rules for HEAD and CONNECT, which are never sent.
    ///
    /// A message with two lengths is refused even if its status forbids a body: its sender frames wrongly.
    /// If another reader could see another end of the body, the connection is not reused. There are two such cases:
    /// - A 204 or 304 declares a body, which the server may send in spite of the status.
    /// - `Transfer-Encoding` does not name `chunked`. RFC 9112 §6.3 then reads until the connection ends.
    pub(crate) fn finish(&mut self) -> Result<(), ErrorKind> {
        let head = &mut self.head;
        let mut is_unambiguous = self.transfer != Transfer::Nothing;
        if self.transfer == Transfer::Chunked {
            if head.body == Body::Length {
                return Err(ErrorKind::TwoLengths);
            }
            head.body = Body::Chunked;
            head.length = 0;
        }
        if matches!(head.status, 204 | 304) {
            let declares_none = head.body == Body::UntilClose || head.length == 0;
            is_unambiguous = declares_none && self.transfer == Transfer::Absent;
            head.body = Body::Empty;
            head.length = 0;
        }
        // RFC 9112 §9.3.
        if !is_unambiguous || self.close || head.body == Body::UntilClose {
            head.flags &= !KEEP_ALIVE;
        }
        Ok(())
    }
}
