//! Runs of whole base64 groups: a short loop without a reachable panic.

use crate::bytes::symbol;

/// Decodes groups of four symbols into three bytes each, up to the first group that is not four symbols of
/// the alphabet, or until either slice has no whole group left. Moves `input` forward, and returns what is left
/// of `out`.
#[cfg(target_pointer_width = "64")]
pub(crate) fn decode<'o>(input: &mut &[u8], mut out: &'o mut [u8]) -> &'o mut [u8] {
    while let Some((mut block, after)) = input.split_at_checked(BLOCK) {
        out = decode_block(&mut block, out);
        let left = block.len();
        *input = input.get(BLOCK.wrapping_sub(left)..).unwrap_or_default();
        if left == 0 || out.len() < GROUPS {
            fetch(after.get(BLOCK..).unwrap_or_default());
        }
        if left > 0 {
            return out;
        }
    }
    decode_block(input, out)
}

/// The same in a row: to a small core, all memory is near.
#[cfg(not(target_pointer_width = "64"))]
pub(crate) use decode_block as decode;

/// Symbols that are decoded at a time.
#[cfg(target_pointer_width = "64")]
const BLOCK: usize = 1024;

/// Lets the next block of memory come while others are decoded, by reading a byte of each line of a cache.
///
/// A symbol is so many instructions that processors do not look far ahead by themselves, and at each page of memory
/// that is in no cache they stop until it is there.
#[cfg(target_pointer_width = "64")]
fn fetch(memory: &[u8]) {
    const LINE: usize = 64;
    let lines = memory.iter().step_by(LINE).take(BLOCK / LINE);
    core::hint::black_box(lines.fold(0, |all, byte| all | byte));
}

/// Bytes that four groups make.
const GROUPS: usize = 12;

pub(crate) fn decode_block<'o>(input: &mut &[u8], mut out: &'o mut [u8]) -> &'o mut [u8] {
    let mut rest = *input;
    // Four groups at a step: one test for all, and three whole words to store. The room is checked after them,
    // lest compilers work out by division how often it will do.
    while let Some((symbols, after)) = rest.split_first_chunk() {
        let Some(decoded) = four_groups(symbols).filter(|_| out.len() >= GROUPS) else {
            break;
        };
        let Some((bytes, room)) = out.split_first_chunk_mut() else {
            return &mut [];
        };
        *bytes = decoded;
        (rest, out) = (after, room);
    }
    // Fewer than four are left.
    while let Some((symbols, after)) = rest.split_first_chunk() {
        let bits = group(symbols);
        if bits < 0 || out.len() < 3 {
            break;
        }
        let Some(([x, y, z], room)) = out.split_first_chunk_mut() else {
            return &mut [];
        };
        [_, *x, *y, *z] = bits.to_be_bytes();
        (rest, out) = (after, room);
    }
    *input = rest;
    out
}

/// The 24 bits of a group; negative if one of its bytes is not a symbol.
#[allow(clippy::inline_always)] // at opt-level s a call would take as long as the group itself
#[inline(always)]
fn group(&[a, b, c, d]: &[u8; 4]) -> i32 {
    let bits = i32::from(symbol(a)).rotate_left(6) | i32::from(symbol(b));
    let bits = bits.rotate_left(6) | i32::from(symbol(c));
    bits.rotate_left(6) | i32::from(symbol(d))
}

#[allow(clippy::inline_always)] // as above
#[inline(always)]
fn four_groups(symbols: &[u8; 16]) -> Option<[u8; GROUPS]> {
    let &[a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3] = symbols;
    let a = group(&[a0, a1, a2, a3]);
    let b = group(&[b0, b1, b2, b3]);
    let c = group(&[c0, c1, c2, c3]);
    let d = group(&[d0, d1, d2, d3]);
    if a | b | c | d < 0 {
        return None;
    }
    let [x0, x1, x2, x3] = (a << 8 | b >> 16).to_be_bytes();
    let [y0, y1, y2, y3] = (b << 16 | c >> 8).to_be_bytes();
    let [z0, z1, z2, z3] = (c << 24 | d).to_be_bytes();
    Some([x0, x1, x2, x3, y0, y1, y2, y3, z0, z1, z2, z3])
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::decode;

    /// The specification, one group at a time.
    fn naive(input: &[u8], room: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for group in input.chunks_exact(4) {
            let mut bits = 0_u32;
            for &symbol in group {
                let value = match symbol {
                    b'A'..=b'Z' => symbol - b'A',
                    b'a'..=b'z' => symbol - b'a' + 26,
                    b'0'..=b'9' => symbol - b'0' + 52,
                    b'+' => 62,
                    b'/' => 63,
                    _ => return out,
                };
                bits = bits << 6 | u32::from(value);
            }
            if out.len() + 3 > room {
                return out;
            }
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        out
    }

    fn check(input: &[u8], room: usize) {
        let mut out = std::vec![0; room];
        let mut rest = input;
        let left = decode(&mut rest, &mut out).len();
        let written = room - left;
        assert_eq!((input.len() - rest.len()) * 3, written * 4);
        assert_eq!(&out[..written], naive(input, room), "{input:?} in {room}");
    }

    #[test]
    fn agrees_with_the_naive_decoder() {
        let alphabet = b"AZaz09+/QmxK";
        for len in 0..40 {
            let good: Vec<u8> = (0..len).map(|i| alphabet[i * 7 % alphabet.len()]).collect();
            for room in 0..32 {
                check(&good, room);
            }
            for at in 0..len {
                for bad in [b'=', b'<', b'\n', 0, 0x80, 0xff, b'-', b'_'] {
                    let mut input = good.clone();
                    input[at] = bad;
                    check(&input, 32);
                }
            }
        }
        for symbol in 0..=u8::MAX {
            check(&[symbol; 12], 9);
        }
    }

    /// As many symbols as are decoded at a time, and more.
    #[test]
    fn agrees_with_the_naive_decoder_over_blocks() {
        let good: Vec<u8> = b"AZaz09+/QmxK".iter().copied().cycle().take(3072).collect();
        for room in [0, 700, 767, 768, 769, 780, 1536, 2303, 2304, 4000] {
            check(&good, room);
            for at in [0, 1020, 1023, 1024, 1040, 2047, 2048, 3071] {
                let mut input = good.clone();
                input[at] = b'=';
                check(&input, room);
            }
        }
    }
}
