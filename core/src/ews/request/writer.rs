//! Writes a request, any number of bytes at a time.

use super::envelope::{Document, Parts};
use super::error::{RequestError, RequestField};
use super::headers::RequestHeaders;
use super::version::RequestServerVersion;

/// Writes one request, any number of bytes at a time.
#[derive(Clone, Debug)]
pub(crate) struct Writer<'a, D: Document<'a>> {
    parts: Parts<'a, D>,
    /// The bytes to write next: markup, an escape, or text.
    run: &'a [u8],
    /// The text after `run`; `None` while `run` is the text.
    text: Option<&'a [u8]>,
    /// Length of the whole request.
    len: u64,
}

impl<'a, D: Document<'a>> Writer<'a, D> {
    /// Checks the headers and items of a request, and starts to write it.
    pub(crate) fn new(
        headers: &RequestHeaders<'a>,
        items: &'a [D::Item],
    ) -> Result<Self, RequestError> {
        if let Some(role) = headers.management_role {
            let version = headers.server_version;
            if version < RequestServerVersion::Exchange2013 {
                return Err(RequestError::ManagementRole { version });
            }
            if role.user_roles.is_empty() && role.application_roles.is_empty() {
                return Err(RequestError::Empty {
                    field: RequestField::ManagementRole,
                });
            }
        }
        if let Some(language) = headers.mailbox_culture {
            check_language(language)?;
        }
        let mut len: u64 = 0;
        for part in Parts::<D>::new(headers, items) {
            let text = match part.field {
                Some(field) => checked_len(part.text.as_bytes(), field)?,
                None => part.text.len(),
            };
            len = len.wrapping_add(part.markup.len().wrapping_add(text) as u64);
        }
        Ok(Self {
            parts: Parts::<D>::new(headers, items),
            run: &[],
            text: None,
            len,
        })
    }

    /// Length of the whole request in bytes, at any position.
    pub(crate) const fn encoded_len(&self) -> u64 {
        self.len
    }

    /// Whether everything has been written.
    pub(crate) const fn is_done(&self) -> bool {
        self.run.is_empty() && matches!(self.text, None | Some([])) && self.parts.is_done()
    }

    /// The entry whose data come next; they are not part of what [`write`](Self::write) writes.
    #[cfg(feature = "upload")]
    pub(crate) fn data(&self) -> Option<usize> {
        match (self.run, self.text) {
            ([], None | Some([])) => self.parts.data(),
            _ => None,
        }
    }

    /// Continues after the data of an entry.
    #[cfg(feature = "upload")]
    pub(crate) fn skip_data(&mut self) {
        if let (Some(_), Some(part)) = (self.data(), self.parts.next()) {
            self.run = part.markup.as_bytes();
            self.text = Some(&[]);
        }
    }

    /// Writes what comes next and returns how many bytes that was.
    ///
    /// `out` is filled while there is something to fill it with, so fewer bytes, and 0 for an `out`
    /// that is not empty, mean that the request is done or that data come next.
    pub(crate) fn write(&mut self, out: &mut [u8]) -> usize {
        let mut written: usize = 0;
        while let Some(free @ [_, ..]) = out.get_mut(written..) {
            // The bits of a byte that are checked, so that one loop serves both: all for text, none for markup.
            let mask = if self.text.is_none() { u8::MAX } else { 0 };
            let mut copied: usize = 0;
            for (slot, &byte) in free.iter_mut().zip(self.run) {
                if needs_escape(byte & mask) {
                    break;
                }
                *slot = byte;
                copied = copied.wrapping_add(1);
            }
            self.run = self.run.get(copied..).unwrap_or_default();
            written = written.wrapping_add(copied);
            if copied == 0 && !self.advance() {
                break;
            }
        }
        written
    }

    /// Continues after a run that has ended, or at a byte that needs an escape; `false` at the end of the request.
    fn advance(&mut self) -> bool {
        match (self.run.split_first(), self.text.take()) {
            (Some((&byte, rest)), _) => {
                self.run = escape(byte).as_bytes();
                self.text = Some(rest);
            }
            (None, Some(text)) => self.run = text,
            #[cfg(feature = "upload")]
            (None, None) if self.parts.data().is_some() => return false,
            (None, None) => match self.parts.next() {
                Some(part) => {
                    self.run = part.markup.as_bytes();
                    self.text = Some(part.text.as_bytes());
                }
                None => return false,
            },
        }
        true
    }
}

/// Whether a byte must be escaped (XML 1.0 §2.4); one rule for attributes and text, which is more
/// than either needs.
const fn needs_escape(byte: u8) -> bool {
    matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')
}

/// How such a byte is written.
const fn escape(byte: u8) -> &'static str {
    match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        _ => "&apos;",
    }
}

/// The length of a text after escaping, if XML can contain it.
fn checked_len(text: &[u8], field: RequestField) -> Result<usize, RequestError> {
    if text.is_empty() {
        return Err(RequestError::Empty { field });
    }
    let mut len = text.len();
    for (offset, &byte) in text.iter().enumerate() {
        if needs_escape(byte) {
            len = len.wrapping_add(escape(byte).len().wrapping_sub(1));
        }
        let character = match byte {
            ..=0x1f => char::from(byte),
            // U+FFFE and U+FFFF in UTF-8.
            0xef => match text.get(offset.wrapping_add(1)..) {
                Some([0xbf, 0xbe, ..]) => '\u{fffe}',
                Some([0xbf, 0xbf, ..]) => '\u{ffff}',
                _ => continue,
            },
            _ => continue,
        };
        return Err(RequestError::Character {
            field,
            offset,
            character,
        });
    }
    Ok(len)
}

/// `[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*`, which is `xs:language` (XML Schema part 2, §3.3.3).
fn check_language(text: &str) -> Result<(), RequestError> {
    let mut subtag = 0;
    let mut first = true;
    for (offset, byte) in text.bytes().enumerate() {
        let fits = match byte {
            b'-' => subtag > 0,
            b'0'..=b'9' => !first && subtag < 8,
            b'A'..=b'Z' | b'a'..=b'z' => subtag < 8,
            _ => false,
        };
        if !fits {
            return Err(RequestError::MailboxCulture { offset });
        }
        if byte == b'-' {
            first = false;
            subtag = 0;
        } else {
            subtag += 1;
        }
    }
    if subtag == 0 {
        return Err(RequestError::MailboxCulture { offset: text.len() });
    }
    Ok(())
}
