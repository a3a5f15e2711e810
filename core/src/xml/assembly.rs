//! The assembly of a token in the caller's scratch.

use crate::bytes::is_space;

/// A token that is being assembled: the bytes `base..end` of the scratch, of which `emitted..start` were emitted last and
/// `start..end` are still to be emitted.
///
/// A token takes [`LARGEST`] bytes of the scratch at most.
// INVARIANT: `base <= emitted <= start <= end <= scratch.len()` for the one scratch that all calls are given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Assembly {
    base: u16,
    emitted: u16,
    start: u16,
    end: u16,
    /// Bytes of the whole token, held or not; saturates.
    total: u32,
}

/// The largest position that a [`Span`] can have.
const LARGEST: usize = u16::MAX as usize;

/// A range of the scratch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u16,
    pub(crate) end: u16,
}

impl Span {
    /// The span of `len` bytes from `start`.
    fn new(start: u16, len: usize) -> Self {
        let len = u16::try_from(len).unwrap_or(u16::MAX);
        Self {
            start,
            end: start.saturating_add(len),
        }
    }

    /// Both ends in one word.
    pub(crate) const fn to_bits(self) -> u32 {
        (self.end as u32) << 16 | self.start as u32
    }

    /// The inverse of [`to_bits`](Self::to_bits).
    #[allow(clippy::cast_possible_truncation)] // the lower half
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self {
            start: bits as u16,
            end: (bits >> 16) as u16,
        }
    }

    #[inline(never)] // for its size, as below
    pub(crate) fn of(self, scratch: &[u8]) -> &[u8] {
        scratch
            .get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or_default()
    }

    /// The text of a span, if it is UTF-8.
    pub(crate) fn text(self, scratch: &[u8]) -> &str {
        core::str::from_utf8(self.of(scratch)).unwrap_or_default()
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// Longest piece of text, so that a text that consists of replacements still takes linear time.
const LONGEST_PIECE: usize = 256;

/// A piece of text that ends between characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text,
    /// Bytes that are not text, to be emitted as one U+FFFD.
    Replacement,
}

impl Assembly {
    pub(crate) const fn new() -> Self {
        Self {
            base: 0,
            emitted: 0,
            start: 0,
            end: 0,
            total: 0,
        }
    }

    /// Begins a token at `base` in the scratch.
    pub(crate) fn begin(&mut self, base: u16) {
        *self = Self {
            base,
            emitted: base,
            start: base,
            end: base,
            total: 0,
        };
    }

    /// Notes the length of what the scratch holds in place of a token.
    #[allow(clippy::cast_possible_truncation)] // it is that of decoded input
    pub(crate) fn hold(&mut self, len: usize) {
        self.total = len as u32;
    }

    /// Appends as many bytes as there is room for, and returns how many.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    pub(crate) fn push(&mut self, bytes: &[u8], scratch: &mut [u8]) -> usize {
        let before = self.end;
        let len = scratch.len().min(LARGEST);
        self.append(bytes, scratch.get_mut(..len).unwrap_or_default());
        let n = usize::from(self.end.wrapping_sub(before));
        self.count(n);
        n
    }

    /// Copies as many bytes as there is room for.
    #[cfg(not(target_pointer_width = "32"))]
    fn append(&mut self, bytes: &[u8], scratch: &mut [u8]) {
        let room = scratch.get_mut(usize::from(self.end)..).unwrap_or_default();
        let n = bytes.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..n), bytes.get(..n)) {
            to.copy_from_slice(from);
        }
        self.end = Span::new(self.end, n).end;
    }

    /// Copies as many bytes as there is room for, one by one: tokens are short, and `memcpy` takes 600 bytes of flash.
    #[cfg(target_pointer_width = "32")]
    fn append(&mut self, bytes: &[u8], scratch: &mut [u8]) {
        for &byte in bytes {
            let Some(slot) = scratch.get_mut(usize::from(self.end)) else {
                break;
            };
            *slot = byte;
            self.end = self.end.wrapping_add(1);
        }
    }

    /// Appends all bytes if there is room for them; only counts them if not.
    #[inline(never)] // for its size: all tokens pass here
    pub(crate) fn push_or_count(&mut self, bytes: &[u8], scratch: &mut [u8]) {
        let n = self.push(bytes, scratch);
        self.count(bytes.len().wrapping_sub(n));
    }

    #[allow(clippy::cast_possible_truncation)] // lengths of pieces of input are counted
    fn count(&mut self, n: usize) {
        self.total = self.total.saturating_add(n as u32);
    }

    /// Appends the bytes of a token, each run of white space in it as one space.
    pub(crate) fn push_token(&mut self, bytes: &[u8], scratch: &mut [u8]) {
        for &byte in bytes {
            let byte = if is_space(byte) { b' ' } else { byte };
            if byte != b' ' || !matches!(self.held().of(scratch), [] | [.., b' ']) {
                self.push_or_count(&[byte], scratch);
            }
        }
    }

    pub(crate) fn has_room(&self, bytes: usize, scratch: &[u8]) -> bool {
        scratch.len().min(LARGEST).wrapping_sub(self.end.into()) >= bytes
    }

    /// Length of the whole token in bytes; `u32::MAX` for longer ones too. Or the length that is [held](Self::hold).
    pub(crate) const fn total(&self) -> u32 {
        self.total
    }

    /// The token, if it is whole.
    pub(crate) fn whole(&self) -> Option<Span> {
        let held = Span {
            start: self.base,
            end: self.end,
        };
        (u32::from(self.end.wrapping_sub(self.base)) == self.total).then_some(held)
    }

    /// The bytes that are held and have not been emitted.
    pub(crate) const fn held(&self) -> Span {
        Span {
            start: self.start,
            end: self.end,
        }
    }

    /// The bytes that were emitted last.
    pub(crate) const fn emitted(&self) -> Span {
        Span {
            start: self.emitted,
            end: self.start,
        }
    }

    /// Removes the first `n` bytes of those that were emitted last.
    pub(crate) fn drop_emitted(&mut self, n: u16) {
        self.emitted = self.emitted.wrapping_add(n);
    }

    /// Emits a token of [`push_token`](Self::push_token) without a space at its end, up to the first byte that is not
    /// UTF-8.
    pub(crate) fn token(&mut self, scratch: &[u8]) {
        let held = self.held().of(scratch);
        let token = held.strip_suffix(b" ").unwrap_or(held);
        let valid = match core::str::from_utf8(token) {
            Ok(_) => token.len(),
            Err(error) => error.valid_up_to(),
        };
        self.emit(valid);
    }

    /// Emits the first `n` bytes that are held.
    fn emit(&mut self, n: usize) {
        self.emitted = self.start;
        self.start = Span::new(self.start, n).end;
    }

    /// Emits the next piece of text; `None` if there is none, in which case there is room again.
    ///
    /// An incomplete character is kept, unless this is the `last` of the text.
    pub(crate) fn piece(&mut self, last: bool, scratch: &mut [u8]) -> Option<Piece> {
        let held = self.held().of(scratch);
        let chunk = held.get(..LONGEST_PIECE).unwrap_or(held);
        #[cfg(target_pointer_width = "64")]
        if is_plain(chunk) {
            self.emit(chunk.len());
            return Some(Piece::Text);
        }
        // Control characters are not legal in XML 1.0 (§2.2). They are looked for first, so that bytes after one are not
        // validated again for each piece.
        let illegal = first_illegal(chunk);
        let legal = illegal.and_then(|n| chunk.get(..n)).unwrap_or(chunk);
        // The length of the text at the start, and of the bytes after it that are not text; `None` if more input may
        // complete them.
        let (text, invalid) = match core::str::from_utf8(legal) {
            Ok(_) => (legal.len(), illegal.map(|_| 1)),
            Err(error) => {
                let text = error.valid_up_to();
                let cut = illegal.map(|_| legal.len().saturating_sub(text));
                (text, error.error_len().or(cut))
            }
        };
        let replaced = invalid.unwrap_or(if last { chunk.len() } else { 0 });
        self.emit(if text > 0 { text } else { replaced });
        match (text, replaced) {
            (1.., _) => Some(Piece::Text),
            (0, 1..) => Some(Piece::Replacement),
            (0, 0) => {
                self.compact(scratch);
                None
            }
        }
    }

    /// Moves the held bytes to the front: at most the three bytes of an incomplete character.
    fn compact(&mut self, scratch: &mut [u8]) {
        let (from, to) = (self.start..self.end, self.base..self.end);
        for (from, to) in from.zip(to) {
            let byte = scratch.get(usize::from(from)).copied();
            if let (Some(byte), Some(slot)) = (byte, scratch.get_mut(usize::from(to))) {
                *slot = byte;
            }
        }
        self.end = self.base.wrapping_add(self.end.wrapping_sub(self.start));
        self.start = self.base;
        self.emitted = self.base;
    }
}

/// Whether a text is not empty and consists of ASCII without control characters, as most texts do: this takes no branch for
/// each byte to find out.
#[cfg(target_pointer_width = "64")]
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let above = |byte: u8| byte.wrapping_sub(b' ');
    let most = text.iter().fold(0, |most, &byte| above(byte).max(most));
    !text.is_empty() && most < above(0x80)
}

/// The position of the first byte that is not legal.
#[inline]
fn first_illegal(text: &[u8]) -> Option<usize> {
    // Most texts have no control characters at all, which takes no branch for each byte to find out.
    #[cfg(target_pointer_width = "64")]
    if text.iter().fold(u8::MAX, |least, &byte| least.min(byte)) >= b' ' {
        return None;
    }
    text.iter().position(|&byte| is_illegal(byte))
}

fn is_illegal(byte: u8) -> bool {
    byte < b' ' && !is_space(byte)
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
                    Piece::Text => out.push_str(assembly.emitted().text(scratch)),
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
        for step in 1..8 {
            assert_eq!(through(b"a\0b\x1fc\n", 4, step), "a\u{FFFD}b\u{FFFD}c\n");
            // The control character ends a character that is cut, which is one replacement.
            assert_eq!(
                through(b"\xe2\x82\x01x\xf0\x9f\x98\0", 8, step),
                "\u{FFFD}\u{FFFD}x\u{FFFD}\u{FFFD}"
            );
        }
    }
}
