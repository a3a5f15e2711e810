//! Strict base64 as a stream: symbols across any split, XML white space, padding, and where it went wrong.

mod kernel;
#[cfg(feature = "simd")]
mod simd;

use crate::bytes::{is_space, skip_space, symbol};
use crate::ews::response::Marker;

/// Base64 as `xs:base64Binary` allows it
/// ([XML Schema Part 2 §3.2.16](https://www.w3.org/TR/xmlschema-2/#base64Binary)): white space anywhere,
/// padding required, unused bits zero.
///
/// After the first `=`, only the rest of the padding may follow, or the truncation marker, which consists
/// of base64 symbols, equals signs and spaces, so that lenient decoders accept it as data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base64 {
    /// The symbols of an incomplete group, six bits each, after a leading 1 that shows how many there are.
    bits: u32,
    /// The padding, which may be the beginning of the truncation marker.
    marker: Marker,
    /// There was something that is not base64: only the marker is of interest from then on.
    broken: bool,
}

/// Why [`Base64::decode`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The input is used up.
    Input,
    /// There is no room for another group.
    Output,
    /// The next byte is neither white space nor part of base64.
    Byte,
}

/// How the stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Cleanly, with these last bytes, of which there are `len`.
    Clean { bytes: [u8; 2], len: u8 },
    /// With the truncation marker.
    Truncated,
    /// With something that is not base64, in the middle of a group, with wrong padding or with bits left over.
    Invalid,
}

/// [`Base64::bits`] between groups.
const NO_SYMBOL: u32 = 1;

impl Base64 {
    pub(crate) const fn new() -> Self {
        Self {
            bits: NO_SYMBOL,
            marker: Marker::new(),
            broken: false,
        }
    }

    /// Decodes from the front of `input`, which is moved forward, to the front of `out`, until something stops it.
    /// Says how many bytes it wrote, and what stopped it.
    pub(crate) fn decode(&mut self, input: &mut &[u8], out: &mut [u8]) -> (usize, Stop) {
        let size = out.len();
        let mut room = out;
        let stop = loop {
            if self.bits == NO_SYMBOL && !self.marker.has_begun() {
                room = groups(input, room);
            }
            let Some((&byte, rest)) = input.split_first() else {
                break Stop::Input;
            };
            if room.len() < 3 {
                break Stop::Output;
            }
            match u32::try_from(symbol(byte)) {
                Ok(value) if !self.marker.has_begun() => {
                    if let Some(group) = self.symbol(value) {
                        room = put(group, room);
                    }
                }
                _ if is_space(byte) => {
                    *input = skip_space(rest);
                    continue;
                }
                _ if self.marker.push(byte) => {}
                _ => break Stop::Byte,
            }
            *input = rest;
        };
        (size.wrapping_sub(room.len()), stop)
    }

    /// Takes one symbol by its value; `Some`: it completes a group.
    fn symbol(&mut self, value: u32) -> Option<[u8; 3]> {
        self.bits = self.bits << 6 | value;
        let [one, a, b, c] = self.bits.to_be_bytes();
        if one == 0 {
            return None;
        }
        self.bits = NO_SYMBOL;
        Some([a, b, c])
    }

    /// Gives up decoding: from here on, the truncation marker is looked for in what comes.
    pub(crate) fn search(&mut self, input: &[u8]) {
        self.broken = true;
        for &byte in input.iter().filter(|&&byte| !is_space(byte)) {
            self.marker.search(byte);
        }
    }

    /// Whether decoding has been given up.
    pub(crate) const fn is_broken(self) -> bool {
        self.broken
    }

    /// Whether the truncation marker is complete.
    pub(crate) const fn is_truncated(self) -> bool {
        self.marker.is_complete()
    }

    /// Judges the end: the marker first, then the padding.
    pub(crate) fn finish(self) -> End {
        if self.marker.is_complete() {
            return End::Truncated;
        }
        if self.broken {
            return End::Invalid;
        }
        let (len, bits) = match (self.bits, self.marker.len()) {
            (NO_SYMBOL, 0) => (0, 0),
            (0x1000..=0x1FFF, 2) => (1, self.bits << 20),
            (0x4_0000..=0x7_FFFF, 1) => (2, self.bits << 14),
            // Half a marker, too: it has three equals signs, which pad no group.
            _ => return End::Invalid,
        };
        // RFC 4648 §3.5: the bits that no byte uses must be zero.
        if bits << (8 * len) != 0 {
            return End::Invalid;
        }
        let [a, b, ..] = bits.to_be_bytes();
        End::Clean { bytes: [a, b], len }
    }
}

/// Decodes whole groups up to the first that is not four symbols of the alphabet, or until either slice has
/// no whole group left. Returns what is left of `out`.
fn groups<'o>(input: &mut &[u8], out: &'o mut [u8]) -> &'o mut [u8] {
    #[cfg(feature = "simd")]
    let out = match simd::decode(input, out) {
        full @ ([] | [_] | [_, _]) => return full,
        out => out,
    };
    kernel::decode(input, out)
}

/// Writes a group to the front of `room`, and returns what is left of it.
fn put(group: [u8; 3], room: &mut [u8]) -> &mut [u8] {
    let Some((bytes, rest)) = room.split_first_chunk_mut() else {
        return &mut [];
    };
    *bytes = group;
    rest
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::{Base64, End, Stop};

    /// Decodes `input` in slices of `step` bytes with `room` bytes of output at a time.
    fn through(input: &[u8], step: usize, room: usize) -> (Vec<u8>, Result<End, usize>) {
        let mut stream = Base64::new();
        let mut out = Vec::new();
        let mut window = std::vec![0; room];
        let mut at = 0;
        while at < input.len() {
            let slice = &input[at..input.len().min(at + step)];
            let mut rest = slice;
            let (written, stop) = stream.decode(&mut rest, &mut window);
            out.extend_from_slice(&window[..written]);
            at += slice.len() - rest.len();
            if stop == Stop::Byte {
                return (out, Err(at));
            }
        }
        let end = stream.finish();
        if let End::Clean { bytes, len } = end {
            out.extend_from_slice(&bytes[..usize::from(len)]);
        }
        (out, Ok(end))
    }

    #[test]
    fn strictness_under_every_split() {
        // What each document decodes to; `None`: it is not strict base64.
        let table: [(&[u8], Option<&[u8]>); 20] = [
            (b"", Some(b"")),
            (b"QQ==", Some(b"A")),
            (b"QUI=", Some(b"AB")),
            (b"QUJD", Some(b"ABC")),
            (b" Q\r\nU JD\tQQ =\n= ", Some(b"ABCA")),
            (
                b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=",
                Some(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            ),
            (b"QR==", None),
            (b"QUJ=", None),
            (b"QUI", None),
            (b"QQ=", None),
            (b"QQ", None),
            (b"Q", None),
            (b"Q===", None),
            (b"====", None),
            (b"QQ===", None),
            (b"QUI==", None),
            (b"QQ==QQ==", None),
            (b"QU-D", None),
            (b"QU\x80D", None),
            (b"QQ=\0=", None),
        ];
        for (input, expected) in table {
            for step in 1..=input.len().max(1) {
                for room in 3..9 {
                    let decoded = match through(input, step, room) {
                        (out, Ok(End::Clean { .. })) => Some(out),
                        (_, Ok(End::Invalid) | Err(_)) => None,
                        (_, end) => panic!("{input:?}: {end:?}"),
                    };
                    assert_eq!(
                        decoded.as_deref(),
                        expected,
                        "{input:?} by {step} in {room}"
                    );
                }
            }
        }
    }

    /// Lines of every kind, whole and with a byte that is not base64.
    #[test]
    fn lines_make_no_difference() {
        let text: Vec<u8> = (0..4000_u32)
            .map(|i| b"AZaz09+/"[(i * i % 31 % 8) as usize])
            .collect();
        let flat = through(&text, text.len(), 3000).0;
        for line in (1..30)
            .chain(70..80)
            .chain([340, 512, 1020, 1023, 1024, 1025])
        {
            for ending in ["\n", "\r\n", "\n    "] {
                let mut lines = Vec::new();
                for line in text.chunks(line) {
                    lines.extend_from_slice(line);
                    lines.extend_from_slice(ending.as_bytes());
                }
                for (step, room) in [
                    (lines.len(), 3000),
                    (lines.len(), 100),
                    (511, 384),
                    (100, 3000),
                ] {
                    let decoded = through(&lines, step, room).0;
                    assert!(decoded == flat, "lines of {line} by {step} in {room}");
                }
                for at in [0, 75, 76, 77, 1000, lines.len() - 1] {
                    let mut lines = lines.clone();
                    lines[at] = b'-';
                    let before = lines[..at]
                        .iter()
                        .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
                        .count();
                    let (decoded, stopped) = through(&lines, lines.len(), 3000);
                    assert_eq!(stopped, Err(at), "lines of {line}");
                    assert!(
                        decoded == flat[..before / 4 * 3],
                        "lines of {line} up to {at}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_marker_is_found_at_every_phase() {
        for data in ["", "Q", "QU", "QUJ", "QUJD", "QUI=", "QQ=="] {
            let mut input = data.as_bytes().to_vec();
            input.extend_from_slice(b"=== Truncated Data ===");
            for step in 1..=input.len() {
                assert_eq!(through(&input, step, 6).1, Ok(End::Truncated), "{data}");
            }
            input.truncate(input.len() - 1);
            assert_eq!(through(&input, 5, 6).1, Ok(End::Invalid), "{data}");
        }
    }
}
