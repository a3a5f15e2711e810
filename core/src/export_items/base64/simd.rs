//! Whole groups of base64 by the vector kernels of `base64-turbo`.
//!
//! The engine decodes a slice whole or not at all, and does not say where it stopped. So it is given what is
//! likely to be whole: up to the next markup where that is near, else blocks that double for as long
//! as all is well, and are halved from there on. Lines are packed into a block of their own. What is shorter than
//! a block is left to the scalar kernel, which finds the place to the byte.

use base64_turbo::STANDARD;
use memchr::memchr2;

/// How far the end of the data is looked for, in groups; the first block is as long.
const NEAR: usize = 256;

/// The shortest block that is worth a call, in groups.
const SHORTEST: usize = 6;

/// Decodes blocks of whole groups, and the ends of lines among them. Moves `input` forward, and returns what is left
/// of `out`.
pub(crate) fn decode<'o>(input: &mut &[u8], out: &'o mut [u8]) -> &'o mut [u8] {
    let mut todo = Todo { input, out };
    loop {
        // Before anything is divided: most pieces of a slow connection are short.
        if todo.input.len() < SHORTEST * 4 || todo.out.len() < SHORTEST * 3 {
            break;
        }
        let room = (todo.out.len() / 3).min(todo.input.len() / 4);
        let near = todo.input.get(..room.min(NEAR) * 4).unwrap_or_default();
        let Some(end) = memchr2(b'<', b'\n', near) else {
            todo.blocks(room);
            break;
        };
        if near.get(end) == Some(&b'<') {
            todo.block(end / 4);
            break;
        }
        if !todo.lines(end) {
            break;
        }
    }
    todo.out
}

struct Todo<'t, 'i, 'o> {
    input: &'t mut &'i [u8],
    out: &'o mut [u8],
}

impl Todo<'_, '_, '_> {
    /// Decodes blocks without looking for their end, of `room` groups at most.
    fn blocks(&mut self, room: usize) {
        let (mut size, mut left) = (NEAR.min(room), room);
        while self.block(size) {
            left -= size;
            size = (size * 2).min(left);
        }
        while size >= SHORTEST {
            size = (size / 2).min(left);
            if self.block(size) {
                left -= size;
            }
        }
    }

    /// Decodes the next `groups`; `false` if they are too few or not all whole.
    fn block(&mut self, groups: usize) -> bool {
        let (Some((symbols, rest)), true) =
            (self.input.split_at_checked(groups * 4), groups >= SHORTEST)
        else {
            return false;
        };
        if !self.put(symbols) {
            return false;
        }
        *self.input = rest;
        true
    }

    /// Decodes the next line, whose line feed is at `end`, and the following ones of the same length, as many as fit,
    /// as one block; `false` if they are too short or not all whole.
    fn lines(&mut self, end: usize) -> bool {
        let lines = *self.input;
        let carriage_return = lines.get(..end).is_some_and(|line| line.ends_with(b"\r"));
        let line = end - usize::from(carriage_return);
        let Some(ending) = lines.get(line..=end).filter(|_| line >= SHORTEST * 4) else {
            return false;
        };
        let room = self.out.len() / 3 * 4;
        let mut block = [0; NEAR * 4];
        let (mut packed, mut taken) = (0, 0);
        for (to, from) in block
            .chunks_exact_mut(line)
            .zip(lines.chunks_exact(end + 1))
        {
            let (symbols, after) = from.split_at(line);
            if after != ending || packed + line > room {
                break;
            }
            to.copy_from_slice(symbols);
            packed += line;
            taken += from.len();
        }
        // Symbols of a group that continues in the next line stay in the input, and so does the line's end.
        let over = packed % 4;
        if over > 0 {
            taken -= over + ending.len();
        }
        let symbols = block.get(..packed - over).unwrap_or_default();
        if symbols.is_empty() || !self.put(symbols) {
            return false;
        }
        *self.input = lines.get(taken..).unwrap_or_default();
        true
    }

    /// Decodes whole groups to the front of the output; `false` if they are not all whole.
    fn put(&mut self, symbols: &[u8]) -> bool {
        let len = symbols.len() / 4 * 3;
        let bytes = self.out.get_mut(..len).unwrap_or_default();
        if STANDARD.decode_slice(symbols, bytes) != Ok(len) {
            return false;
        }
        let out = core::mem::take(&mut self.out);
        self.out = out.get_mut(len..).unwrap_or_default();
        true
    }
}
