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

/// Decodes blocks of whole groups. Moves `input` forward, and returns what is left of `out`.
pub(super) fn decode<'o>(input: &mut &[u8], out: &'o mut [u8]) -> &'o mut [u8] {
    if input.len() < SHORTEST * 4 || out.len() < SHORTEST * 3 {
        return out;
    }
    let room = (out.len() / 3).min(input.len() / 4);
    let near = input.get(..room.min(NEAR) * 4).unwrap_or(input);
    let end = memchr3(b'<', b'\n', b'\r', near);
    let mut todo = Todo { input, out };
    if let Some(end) = end {
        todo.block(end / 4);
        return todo.out;
    }
    let (mut size, mut left) = (NEAR.min(room), room);
    while todo.block(size) {
        left -= size;
        size = (size * 2).min(left);
    }
    while size >= SHORTEST {
        size = (size / 2).min(left);
        if todo.block(size) {
            left -= size;
        }
    }
    todo.out
}

struct Todo<'t, 'i, 'o> {
    input: &'t mut &'i [u8],
    out: &'o mut [u8],
}

impl Todo<'_, '_, '_> {
    /// Decodes the next `groups`; `false` if they are too few or not all whole.
    fn block(&mut self, groups: usize) -> bool {
        let (Some((symbols, rest)), true) =
            (self.input.split_at_checked(groups * 4), groups >= SHORTEST)
        else {
            return false;
        };
        let bytes = self.out.get_mut(..groups * 3).unwrap_or_default();
        if STANDARD.decode_slice(symbols, bytes) != Ok(groups * 3) {
            return false;
        }
        *self.input = rest;
        let out = core::mem::take(&mut self.out);
        self.out = out.get_mut(groups * 3..).unwrap_or_default();
        true
    }
}
