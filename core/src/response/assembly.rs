//! What is being put together in the caller's scratch.

use super::base64::is_space;

/// A token under assembly: the bytes `base..end` of the scratch, of which `start..end` are still to be told.
///
/// INVARIANT: `base <= start <= end <= scratch.len()` for the one scratch that all calls are given.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Assembly {
    base: usize,
    start: usize,
    end: usize,
    /// Bytes of the whole token, held or not.
    total: u64,
}

/// A stretch of the scratch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn of(self, scratch: &[u8]) -> &[u8] {
        scratch.get(self.start..self.end).unwrap_or_default()
    }

    /// The text of a span that is known to be UTF-8.
    pub(super) fn text(self, scratch: &[u8]) -> &str {
        core::str::from_utf8(self.of(scratch)).unwrap_or_default()
    }
}

/// Longest piece of text, so that a text that is all replacements still takes linear time.
const LONGEST_PIECE: usize = 256;

/// A piece of text that ends between characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Span),
    /// Bytes that are no text, to be told as one U+FFFD.
    Replacement,
}

impl Assembly {
    pub(super) const fn new() -> Self {
        Self {
            base: 0,
            start: 0,
            end: 0,
            total: 0,
        }
    }

    /// Begins a token behind the first `base` bytes of the scratch.
    pub(super) fn begin(&mut self, base: usize) {
        *self = Self {
            base,
            start: base,
            end: base,
            total: 0,
        };
    }

    /// Appends as many bytes as there is room for, and says how many.
    #[inline(never)] // for its size: this is where all texts come by
    pub(super) fn push(&mut self, bytes: &[u8], scratch: &mut [u8]) -> usize {
        let room = scratch.get_mut(self.end..).unwrap_or_default();
        let n = bytes.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..n), bytes.get(..n)) {
            to.copy_from_slice(from);
        }
        self.end += n;
        self.total = self.total.saturating_add(n as u64);
        n
    }

    /// Appends all bytes if there is room for them; only counts them if not.
    pub(super) fn push_or_count(&mut self, bytes: &[u8], scratch: &mut [u8]) {
        let n = self.push(bytes, scratch);
        let left = bytes.len() - n;
        self.total = self.total.saturating_add(left as u64);
    }

    /// Appends the bytes of a token, each run of white space in it as one space.
    pub(super) fn push_token(&mut self, bytes: &[u8], scratch: &mut [u8]) {
        for &byte in bytes {
            let last = self.held().of(scratch).last();
            match (is_space(byte), last) {
                (false, _) => self.push_or_count(&[byte], scratch),
                (true, None | Some(b' ')) => {}
                (true, Some(_)) => self.push_or_count(b" ", scratch),
            }
        }
    }

    pub(super) const fn has_room(&self, bytes: usize, scratch: &[u8]) -> bool {
        scratch.len() - self.end >= bytes
    }

    /// Length of the whole token in bytes.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// The token, if it is whole.
    pub(super) fn whole(&self) -> Option<Span> {
        let held = Span {
            start: self.base,
            end: self.end,
        };
        ((held.end - held.start) as u64 == self.total).then_some(held)
    }

    /// What is held and not told.
    pub(super) const fn held(&self) -> Span {
        Span {
            start: self.start,
            end: self.end,
        }
    }

    /// The token without surrounding white space, as far as it is held and is UTF-8.
    pub(super) fn trimmed(&self, scratch: &[u8]) -> Span {
        let held = self.held().of(scratch);
        let ahead = held.len() - held.trim_ascii_start().len();
        let start = self.start + ahead;
        let text = held.trim_ascii();
        let (valid, _) = split_valid(text);
        Span {
            start,
            end: start + valid,
        }
    }

    /// Tells the next piece of text. `None`: all that can be told has been, and there is room again.
    ///
    /// A character that is not whole yet stays, unless this is the `last` of the text.
    pub(super) fn piece(&mut self, last: bool, scratch: &mut [u8]) -> Option<Piece> {
        let held = self.held().of(scratch);
        let chunk = held.get(..LONGEST_PIECE).unwrap_or(held);
        let (valid, invalid) = split_valid(chunk);
        let (valid, chunk) = chunk.split_at_checked(valid).unwrap_or_default();
        let invalid = chunk.get(..invalid).unwrap_or(chunk);
        // Control characters are not legal in XML 1.0 either (§2.2).
        let legal = valid.iter().position(|&b| is_illegal(b));
        let text = legal.unwrap_or(valid.len());
        if text > 0 {
            let span = Span {
                start: self.start,
                end: self.start + text,
            };
            self.start = span.end;
            return Some(Piece::Text(span));
        }
        if legal.is_some() {
            self.start += 1;
            return Some(Piece::Replacement);
        }
        let at_end = self.start + invalid.len() == self.end;
        if invalid.is_empty() || (at_end && !last && is_prefix(invalid)) {
            self.compact(scratch);
            return None;
        }
        self.start += invalid.len();
        Some(Piece::Replacement)
    }

    /// Moves what is held, at most the three bytes of a character that is not whole, to the front.
    fn compact(&mut self, scratch: &mut [u8]) {
        let (from, to) = (self.start..self.end, self.base..);
        for (from, to) in from.zip(to) {
            if let Some(byte) = scratch.get(from).copied() {
                scratch
                    .get_mut(to)
                    .into_iter()
                    .for_each(|slot| *slot = byte);
            }
        }
        self.end = self.base + (self.end - self.start);
        self.start = self.base;
    }
}

/// How many bytes of text these begin with, and how many bytes that are none follow.
fn split_valid(bytes: &[u8]) -> (usize, usize) {
    match core::str::from_utf8(bytes) {
        Ok(text) => (text.len(), 0),
        Err(error) => {
            let valid = error.valid_up_to();
            (valid, error.error_len().unwrap_or(bytes.len() - valid))
        }
    }
}

fn is_illegal(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// Whether these bytes, which are no character, may become one when more come.
fn is_prefix(bytes: &[u8]) -> bool {
    matches!(
        core::str::from_utf8(bytes),
        Err(error) if error.error_len().is_none()
    )
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;
    use std::vec::Vec;

    use super::{Assembly, Piece};

    /// All of `text` through a scratch of `size` bytes, fed `step` bytes at a time.
    fn through(text: &[u8], size: usize, step: usize) -> String {
        let mut scratch: Vec<u8> = std::vec![0; size];
        let mut assembly = Assembly::new();
        assembly.begin(0);
        let mut out = String::new();
        let mut drain = |assembly: &mut Assembly, last, scratch: &mut Vec<u8>| {
            while let Some(piece) = assembly.piece(last, scratch) {
                match piece {
                    Piece::Text(span) => out.push_str(span.text(scratch)),
                    Piece::Replacement => out.push('\u{FFFD}'),
                }
            }
        };
        for mut bytes in text.chunks(step) {
            while !bytes.is_empty() {
                let n = assembly.push(bytes, &mut scratch);
                bytes = &bytes[n..];
                if !assembly.has_room(1, &scratch) {
                    drain(&mut assembly, false, &mut scratch);
                }
            }
        }
        drain(&mut assembly, true, &mut scratch);
        out
    }

    #[test]
    fn pieces_join_to_the_lossy_text() {
        let texts: [&[u8]; 7] = [
            b"",
            b"plain",
            "gr\u{fc}\u{df}e \u{20ac} \u{1f4e7}".as_bytes(),
            b"bad \xff\xfe here",
            b"cut \xf0\x9f\x93",
            b"\xe2\x82 short",
            b"\xf0\x9f\x93\xa7\xf0\x9f\x93\xa7\xc3",
        ];
        for text in texts {
            for size in 4..20 {
                for step in 1..8 {
                    assert_eq!(
                        through(text, size, step),
                        String::from_utf8_lossy(text),
                        "{text:?} in {size} by {step}"
                    );
                }
            }
        }
        assert_eq!(through(b"a\0b\x1fc\n", 4, 1), "a\u{FFFD}b\u{FFFD}c\n");
    }
}
