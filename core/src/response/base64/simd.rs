//! Whole groups of base64 by the vector kernels of `base64-turbo`.
//!
//! The engine decodes a slice whole or not at all, and does not say where it stopped. So it is given what is
//! likely to be whole: up to the next markup or line end where that is near, else blocks that double for as long
//! as all is well, and are halved from there on. What is shorter than a block is left to the scalar kernel, which
//! finds the place to the byte.

use base64_turbo::STANDARD;
use memchr::memchr3;

/// How far the end of the data is looked for, in groups; the first block is as long.
const NEAR: usize = 256;

/// The shortest block that is worth a call, in groups.
const SHORTEST: usize = 6;

/// Decodes blocks of whole groups. Returns how many groups, and what is left of both slices.
pub(super) fn decode<'i, 'o>(
    input: &'i [u8],
    out: &'o mut [u8],
) -> (usize, &'i [u8], &'o mut [u8]) {
    let room = (out.len() / 3).min(input.len() / 4);
    let near = input.get(..room.min(NEAR) * 4).unwrap_or(input);
    let mut todo = Todo {
        input,
        out,
        done: 0,
    };
    if let Some(end) = memchr3(b'<', b'\n', b'\r', near) {
        todo.block(end / 4);
    } else {
        let mut size = NEAR.min(room);
        while todo.block(size) {
            size = (size * 2).min(room - todo.done);
        }
        while size >= SHORTEST {
            size = (size / 2).min(room - todo.done);
            todo.block(size);
        }
    }
    (todo.done, todo.input, todo.out)
}

struct Todo<'i, 'o> {
    input: &'i [u8],
    out: &'o mut [u8],
    done: usize,
}

impl Todo<'_, '_> {
    /// Decodes the next `groups`; `false` if they are too few or not all whole.
    fn block(&mut self, groups: usize) -> bool {
        let symbols = self.input.get(..groups * 4).unwrap_or_default();
        let bytes = self.out.get_mut(..groups * 3).unwrap_or_default();
        if groups < SHORTEST || STANDARD.decode_slice(symbols, bytes) != Ok(groups * 3) {
            return false;
        }
        self.done += groups;
        self.input = self.input.get(groups * 4..).unwrap_or_default();
        self.out = core::mem::take(&mut self.out)
            .get_mut(groups * 3..)
            .unwrap_or_default();
        true
    }
}
