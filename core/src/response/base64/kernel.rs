//! Whole groups of base64, as many as stand in a row: a short loop without a reachable panic.

/// The value of each symbol (RFC 4648 §4), −1 for every other byte.
#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap
)] // at compile time
const VALUES: [i8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [-1; 256];
    let mut value = 0;
    while value < alphabet.len() {
        values[alphabet[value] as usize] = value as i8;
        value += 1;
    }
    values
};

#[allow(clippy::indexing_slicing)] // the table has an entry for every byte
fn lookup(symbol: u8) -> i8 {
    VALUES[usize::from(symbol)]
}

/// The value of a symbol of the alphabet.
pub(super) fn value(symbol: u8) -> Option<u8> {
    u8::try_from(lookup(symbol)).ok()
}

/// Decodes groups of four symbols into three bytes each, up to the first group that is not four symbols of
/// the alphabet, or until either slice has no whole group left. Returns the number of groups.
pub(super) fn decode(input: &[u8], out: &mut [u8]) -> usize {
    // Four groups at a step: one test for all, and three whole words to store.
    let mut groups = 0;
    for (symbols, bytes) in input.chunks_exact(16).zip(out.chunks_exact_mut(12)) {
        let (Ok(symbols), Ok(bytes)) = (<&[u8; 16]>::try_from(symbols), bytes.try_into()) else {
            break;
        };
        let Some(decoded) = four_groups(symbols) else {
            break;
        };
        let bytes: &mut [u8; 12] = bytes;
        *bytes = decoded;
        groups += 4;
    }
    let input = input.get(groups * 4..).unwrap_or_default();
    let out = out.get_mut(groups * 3..).unwrap_or_default();
    for (symbols, bytes) in input.chunks_exact(4).zip(out.chunks_exact_mut(3)) {
        let (&[a, b, c, d], [x, y, z]) = (symbols, bytes) else {
            break;
        };
        let bits = group([a, b, c, d]);
        if bits < 0 {
            break;
        }
        [_, *x, *y, *z] = bits.to_be_bytes();
        groups += 1;
    }
    groups
}

/// The 24 bits of a group; negative if one of its symbols is none, wherever it stands.
fn group(symbols: [u8; 4]) -> i32 {
    let [a, b, c, d] = symbols.map(|symbol| i32::from(lookup(symbol)));
    a << 18 | b << 12 | c << 6 | d
}

fn four_groups(symbols: &[u8; 16]) -> Option<[u8; 12]> {
    let &[a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3] = symbols;
    let a = group([a0, a1, a2, a3]);
    let b = group([b0, b1, b2, b3]);
    let c = group([c0, c1, c2, c3]);
    let d = group([d0, d1, d2, d3]);
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
        let groups = decode(input, &mut out);
        assert_eq!(
            &out[..groups * 3],
            naive(input, room),
            "{input:?} in {room}"
        );
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
}
