//! Reads a file line by line, in the encodings that editors and shells write.

use std::io::{BufRead, BufReader, Cursor, Read};

use super::{filekind, IdsError, LONGEST_LINE};
use crate::textfile;

/// A reader of lines that end with LF, CR LF or CR. It holds one line at a time.
pub(super) struct Lines<'a> {
    input: Box<dyn BufRead + 'a>,
    line: Vec<u8>,
    number: u64,
    /// Whether the last line ended with CR, so that an LF may follow.
    ended_with_cr: bool,
    /// The kind of file that it seems to be, by its first bytes.
    kind: Option<&'static str>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(mut input: impl Read + 'a) -> Result<Self, IdsError> {
        let mut head = Vec::new();
        (&mut input)
            .take(filekind::HEAD as u64)
            .read_to_end(&mut head)
            .map_err(IdsError::Read)?;
        let kind = filekind::seems(&head);
        let input: Box<dyn BufRead + 'a> = match *head {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
                input.read_to_end(&mut head).map_err(IdsError::Read)?;
                let text = textfile::decode(&head).map_err(|error| IdsError::NotText {
                    line: error.lines + 1,
                    kind: Some("UTF-16 that is cut or damaged"),
                })?;
                Box::new(Cursor::new(text.into_owned().into_bytes()))
            }
            _ => {
                let head = match head.strip_prefix(b"\xEF\xBB\xBF") {
                    Some(rest) => rest.to_vec(),
                    None => head,
                };
                Box::new(BufReader::new(Cursor::new(head).chain(input)))
            }
        };
        Ok(Self {
            input,
            line: Vec::new(),
            number: 0,
            ended_with_cr: false,
            kind,
        })
    }

    /// Returns the number of the next line, from 1, and its text without the line end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &str)>, IdsError> {
        self.line.clear();
        self.number += 1;
        let number = self.number;
        let mut last = false;
        loop {
            let mut bytes = self.input.fill_buf().map_err(IdsError::Read)?;
            if bytes.is_empty() {
                last = true;
                break;
            }
            let mut used = 0;
            if core::mem::take(&mut self.ended_with_cr) && bytes[0] == b'\n' {
                used = 1;
                bytes = &bytes[1..];
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let text = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + text.len() > LONGEST_LINE {
                return Err(IdsError::TooLong { line: number });
            }
            self.line.extend_from_slice(text);
            used += text.len();
            if let Some(end) = end {
                self.ended_with_cr = bytes[end] == b'\r';
                self.input.consume(used + 1);
                break;
            }
            self.input.consume(used);
        }
        if last && self.line.is_empty() {
            return Ok(None);
        }
        match core::str::from_utf8(&self.line) {
            // UTF-16 without a byte order mark, and some binary files, are valid UTF-8.
            Ok(text) if text.contains('\0') => Err(self.not_text(number)),
            Ok(text) => Ok(Some((number, text))),
            Err(_) => Err(self.not_text(number)),
        }
    }

    fn not_text(&self, line: u64) -> IdsError {
        let every_second = |bytes: &[u8]| {
            let zeros = |at| bytes.iter().skip(at).step_by(2).all(|&byte| byte == 0);
            bytes.len() > 2 && (zeros(0) || zeros(1))
        };
        let kind = match self.kind {
            // The first bytes are valid text, so the file is in another encoding, or damaged later.
            Some("text") | None if every_second(&self.line) => {
                Some("UTF-16 without a byte order mark; save it as UTF-8")
            }
            Some(kind) if kind.contains("text") => None,
            kind => kind,
        };
        IdsError::NotText { line, kind }
    }
}
