//! Whole groups of base64, as many as stand in a row.

/// Not a symbol of the alphabet.
const NONE: u8 = 0xff;

/// The value of each symbol (RFC 4648 §4), [`NONE`] for every other byte.
#[allow(clippy::indexing_slicing)] // evaluated at compile time
const VALUES: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        values[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    values
};

#[allow(clippy::indexing_slicing)] // the table has an entry for every byte
fn lookup(symbol: u8) -> u8 {
    VALUES[usize::from(symbol)]
}

/// The value of a symbol of the alphabet.
pub(super) fn value(symbol: u8) -> Option<u8> {
    Some(lookup(symbol)).filter(|&value| value != NONE)
}

/// Decodes groups of four symbols into three bytes each, up to the first group that is not four symbols of
/// the alphabet, or until either slice has no whole group left. Returns the number of groups.
pub(super) fn decode(input: &[u8], out: &mut [u8]) -> usize {
    let mut groups = 0;
    // Eight symbols at a step: one test for all eight, and six bytes in one store.
    for (symbols, bytes) in input.chunks_exact(8).zip(out.chunks_exact_mut(6)) {
        let &[a, b, c, d, e, f, g, h] = symbols else {
            break;
        };
        let [a, b, c, d, e, f, g, h] = [a, b, c, d, e, f, g, h].map(lookup);
        if a | b | c | d | e | f | g | h == NONE {
            break;
        }
        let word = |x: u8, shift: u32| u64::from(x) << shift;
        let bits = word(a, 58)
            | word(b, 52)
            | word(c, 46)
            | word(d, 40)
            | word(e, 34)
            | word(f, 28)
            | word(g, 22)
            | word(h, 16);
        let [b0, b1, b2, b3, b4, b5, _, _] = bits.to_be_bytes();
        if let [o0, o1, o2, o3, o4, o5] = bytes {
            [*o0, *o1, *o2, *o3, *o4, *o5] = [b0, b1, b2, b3, b4, b5];
        }
        groups += 2;
    }
    let input = input.get(groups * 4..).unwrap_or_default();
    let out = out.get_mut(groups * 3..).unwrap_or_default();
    for (symbols, bytes) in input.chunks_exact(4).zip(out.chunks_exact_mut(3)) {
        let (&[a, b, c, d], [o0, o1, o2]) = (symbols, bytes) else {
            break;
        };
        let [a, b, c, d] = [a, b, c, d].map(lookup);
        if a | b | c | d == NONE {
            break;
        }
        [*o0, *o1, *o2] = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
        groups += 1;
    }
    groups
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
