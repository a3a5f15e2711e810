//! Bytes → base64 (RFC 4648 §4), any number of bytes at a time on either side.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD: u8 = b'=';

/// The length of `bytes` bytes in base64, with padding; `None` beyond 64 bits.
pub(super) const fn encoded_len(bytes: u64) -> Option<u64> {
    bytes.div_ceil(3).checked_mul(4)
}

/// Encodes data of known length.
#[derive(Clone, Debug)]
pub(super) struct Base64Encoder {
    /// Bytes that are still to come.
    left: u64,
    /// The bytes of an incomplete group, in the order of the data.
    bytes: [u8; 3],
    /// How many of `bytes` there are: 3 at most between two steps.
    held: u8,
    /// The last symbols of a group that did not fit into the output, as the end of the array.
    symbols: [u8; 4],
    /// How many of `symbols` are still to be written.
    ready: u8,
}

impl Base64Encoder {
    pub(super) const fn new(len: u64) -> Self {
        Self {
            left: len,
            bytes: [0; 3],
            held: 0,
            symbols: [0; 4],
            ready: 0,
        }
    }

    /// How many bytes are still to come.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// Whether everything has been written.
    pub(super) const fn is_done(&self) -> bool {
        self.left == 0 && self.held == 0 && self.ready == 0
    }

    /// Encodes from the front of `input`, which is moved forward, to the front of `out`, until one of them or the data end.
    /// Returns how many bytes it wrote.
    pub(super) fn encode(&mut self, input: &mut &[u8], out: &mut [u8]) -> usize {
        let size = out.len();
        let mut room = out;
        loop {
            room = self.flush(room);
            if room.is_empty() {
                break;
            }
            if self.held == 0 {
                room = self.groups(input, room);
            }
            self.fill(input);
            if !self.close_group() {
                break;
            }
        }
        size.wrapping_sub(room.len())
    }

    /// Writes symbols that are ready, and returns what is left of `out`.
    fn flush<'o>(&mut self, out: &'o mut [u8]) -> &'o mut [u8] {
        let start = self.symbols.len().saturating_sub(usize::from(self.ready));
        let ready = self.symbols.get(start..).unwrap_or_default();
        let len = ready.len().min(out.len());
        for (to, from) in out.iter_mut().zip(ready) {
            *to = *from;
        }
        self.ready = self.ready.wrapping_sub(u8::try_from(len).unwrap_or(0));
        out.get_mut(len..).unwrap_or_default()
    }

    /// Encodes whole groups, and returns what is left of `out`.
    fn groups<'o>(&mut self, input: &mut &[u8], out: &'o mut [u8]) -> &'o mut [u8] {
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX);
        let before = input.len();
        let (mut data, _) = (input.split_at_checked(allowed)).unwrap_or((*input, &[]));
        let start = data.len();
        let room = encode(&mut data, out);
        let taken = start.wrapping_sub(data.len());
        *input = input.get(taken..).unwrap_or_default();
        self.left = self
            .left
            .wrapping_sub(before.wrapping_sub(input.len()) as u64);
        room
    }

    /// Takes the bytes of the next group, as far as they are there.
    fn fill(&mut self, input: &mut &[u8]) {
        while let (Some(slot), Some((&byte, rest)), 1..) = (
            self.bytes.get_mut(usize::from(self.held)),
            input.split_first(),
            self.left,
        ) {
            *slot = byte;
            *input = rest;
            self.held = self.held.wrapping_add(1);
            self.left = self.left.wrapping_sub(1);
        }
    }

    /// Turns the bytes of a group into symbols, if they are complete or the last ones; otherwise returns `false`.
    fn close_group(&mut self) -> bool {
        let [a, b, c] = self.bytes;
        let (group, symbols) = match (self.held, self.left) {
            (3, _) => ([a, b, c], 4),
            (2, 0) => ([a, b, 0], 3),
            (1, 0) => ([a, 0, 0], 2),
            _ => return false,
        };
        self.symbols = group_of(group);
        for pad in self.symbols.iter_mut().skip(symbols) {
            *pad = PAD;
        }
        (self.held, self.ready) = (0, 4);
        true
    }
}

/// Encodes groups of three bytes into four symbols each, until either slice has no whole group left. Moves `input`
/// forward, and returns what is left of `out`.
fn encode<'o>(input: &mut &[u8], mut out: &'o mut [u8]) -> &'o mut [u8] {
    let mut rest = *input;
    // Four groups at a step: whole words to load and to store.
    while let Some((bytes, after)) = rest.split_first_chunk() {
        if out.len() < FOUR_GROUPS {
            break;
        }
        let Some((symbols, room)) = out.split_first_chunk_mut() else {
            return &mut [];
        };
        *symbols = four_groups(bytes);
        (rest, out) = (after, room);
    }
    while let Some((bytes, after)) = rest.split_first_chunk() {
        if out.len() < 4 {
            break;
        }
        let Some((symbols, room)) = out.split_first_chunk_mut() else {
            return &mut [];
        };
        *symbols = group_of(*bytes);
        (rest, out) = (after, room);
    }
    *input = rest;
    out
}

/// Symbols that four groups make.
const FOUR_GROUPS: usize = 16;

#[allow(clippy::inline_always)] // at opt-level s a call would take as long as the group itself
#[inline(always)]
fn group_of([a, b, c]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, a, b, c]);
    [
        symbol(bits >> 18),
        symbol(bits >> 12),
        symbol(bits >> 6),
        symbol(bits),
    ]
}

#[allow(clippy::inline_always)] // as above
#[inline(always)]
fn four_groups(&[a, b, c, d, e, f, g, h, i, j, k, l]: &[u8; 12]) -> [u8; FOUR_GROUPS] {
    let [s0, s1, s2, s3] = group_of([a, b, c]);
    let [s4, s5, s6, s7] = group_of([d, e, f]);
    let [s8, s9, s10, s11] = group_of([g, h, i]);
    let [s12, s13, s14, s15] = group_of([j, k, l]);
    [
        s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15,
    ]
}

/// The symbol of the lowest six bits.
#[allow(clippy::indexing_slicing)] // the table has an entry for all six bits
#[inline]
fn symbol(bits: u32) -> u8 {
    ALPHABET[(bits & 63) as usize]
}

#[cfg(test)]
mod tests {
    use super::{encoded_len, Base64Encoder};
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    /// The specification, one bit at a time.
    fn naive(data: &[u8]) -> String {
        let alphabet: Vec<char> = ('A'..='Z')
            .chain('a'..='z')
            .chain('0'..='9')
            .chain(['+', '/'])
            .collect();
        let bits: Vec<bool> = (data.iter())
            .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1))
            .collect();
        let mut text: String = bits
            .chunks(6)
            .map(|six| {
                let value = (0..6).fold(0, |value, at| {
                    value << 1 | usize::from(six.get(at) == Some(&true))
                });
                alphabet[value]
            })
            .collect();
        while text.len() % 4 != 0 {
            text.push('=');
        }
        text
    }

    fn in_pieces(data: &[u8], piece: usize, size: usize) -> String {
        let mut encoder = Base64Encoder::new(data.len() as u64);
        let (mut text, mut out) = (Vec::new(), vec![0; size]);
        let mut pieces = data.chunks(piece);
        let mut input: &[u8] = &[];
        while !encoder.is_done() {
            let written = encoder.encode(&mut input, &mut out);
            text.extend_from_slice(&out[..written]);
            if written < size && !encoder.is_done() {
                assert!(input.is_empty());
                input = pieces.next().expect("data, which the encoder still wants");
            }
        }
        assert_eq!(encoder.encode(&mut &[1, 2, 3][..], &mut out), 0);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn agrees_with_the_naive_encoder_in_pieces_of_every_size() {
        for len in 0..60 {
            let data: Vec<u8> = (0..len).map(|i: u8| i.wrapping_mul(151) ^ 0x5a).collect();
            let expected = naive(&data);
            assert_eq!(encoded_len(u64::from(len)), Some(expected.len() as u64));
            for piece in 1..=usize::from(len) + 1 {
                for size in 1..=expected.len() + 1 {
                    assert_eq!(in_pieces(&data, piece, size), expected, "{piece} {size}");
                }
            }
        }
    }

    #[test]
    fn every_byte_has_its_symbols() {
        for byte in 0..=u8::MAX {
            let data = [byte, !byte, byte.rotate_left(3)];
            assert_eq!(in_pieces(&data, 3, 4), naive(&data));
        }
    }

    #[test]
    fn a_length_beyond_64_bits_is_none() {
        assert_eq!(encoded_len(u64::MAX / 4 * 3), Some(u64::MAX - 3));
        assert_eq!(encoded_len(u64::MAX), None);
    }
}
