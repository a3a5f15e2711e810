//! How long the body is, and whether the connection lives on (RFC 9112 §6.3, §9.3).

use crate::error::ErrorKind;
use crate::field::Field;
use crate::grammar::{decimal, trim};

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
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    /// Bytes of the head and of the interim responses before it.
    pub(crate) len: u64,
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
        self.framing
    }
}

/// What the fields of a head say about the body and the connection, gathered as they pass by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gathered {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

impl Gathered {
    /// Whether [`add`](Self::add) looks at fields of this name.
    pub(crate) fn concerns(name: &str) -> bool {
        ["Content-Length", "Transfer-Encoding", "Connection"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    }

    pub(crate) fn add(&mut self, field: &Field<'_>) -> Result<(), ErrorKind> {
        if field.is("Content-Length") {
            // A list of equal values is what a careless proxy makes of equal fields
            // (RFC 9110 §8.6).
            for value in field.value.split(|&byte| byte == b',') {
                let length = decimal(trim(value)).ok_or(ErrorKind::ContentLength)?;
                if *self.length.get_or_insert(length) != length {
                    return Err(ErrorKind::ContentLengthsDiffer);
                }
            }
        } else if field.is("Transfer-Encoding") {
            // We offer no other coding (no TE field), and chunked must not be applied twice
            // (RFC 9112 §6.1).
            if self.chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                return Err(ErrorKind::TransferEncoding);
            }
            self.chunked = true;
        } else if field.is("Connection") {
            for option in field.value.split(|&byte| byte == b',') {
                self.close |= trim(option).eq_ignore_ascii_case(b"close");
                self.keep_alive |= trim(option).eq_ignore_ascii_case(b"keep-alive");
            }
        }
        Ok(())
    }

    /// RFC 9112 §6.3, without the rules for HEAD and CONNECT, which we never send.
    ///
    /// A message with two lengths, or with `Transfer-Encoding` in HTTP/1.0, is refused even where
    /// the status says that there is no body: it comes from something that frames wrongly.
    pub(crate) fn framing(&self, status: u16, minor_version: u8) -> Result<Framing, ErrorKind> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(ErrorKind::TwoLengths),
            (true, None) if minor_version == 0 => Err(ErrorKind::TransferEncoding),
            _ if matches!(status, 204 | 304) => Ok(Framing::Empty),
            (true, None) => Ok(Framing::Chunked),
            (false, Some(length)) => Ok(Framing::Length(length)),
            (false, None) => Ok(Framing::UntilClose),
        }
    }

    /// Whether the server keeps the connection after this response (RFC 9112 §9.3).
    pub(crate) fn keep_alive(&self, minor_version: u8) -> bool {
        !self.close && (minor_version >= 1 || self.keep_alive)
    }
}
