//! Compressed RTF, [MS-OXRTFCP].
//!
//! [MS-OXRTFCP]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxrtfcp/

use std::io::{self, Read, Write};

/// The initial content of the dictionary, [MS-OXRTFCP] section 2.1.2.1.
const PREFIX: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Decompresses a body and writes it; `Some` says what is wrong with it. What precedes the damage is written.
pub(crate) fn decompress(
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> io::Result<Option<&'static str>> {
    let mut header = [0; 16];
    let filled = fill(input, &mut header)?;
    if filled < header.len() {
        return Ok(Some("shorter than its header"));
    }
    let [s0, s1, s2, s3, _, _, _, _, m0, m1, m2, m3, c0, c1, c2, c3] = header;
    let [size, crc] = [[s0, s1, s2, s3], [c0, c1, c2, c3]].map(u32::from_le_bytes);
    // The size counts the twelve bytes of the header after itself.
    let mut input = Bytes::new(input, size.saturating_sub(12));
    match &[m0, m1, m2, m3] {
        b"MELA" => {
            while let Some(byte) = input.next()? {
                out.write_all(&[byte])?;
            }
            return Ok((input.left > 0).then_some("shorter than it says"));
        }
        b"LZFu" => {}
        _ => return Ok(Some("neither compressed nor stored")),
    }
    let mut ring = [0_u8; 4096];
    for (place, byte) in ring.iter_mut().zip(PREFIX) {
        *place = *byte;
    }
    let mut at = PREFIX.len();
    let mut put = |ring: &mut [u8; 4096], at: &mut usize, byte: u8| {
        if let Some(place) = ring.get_mut(*at) {
            *place = byte;
        }
        *at = (*at + 1) % 4096;
        out.write_all(&[byte])
    };
    while let Some(control) = input.next()? {
        for bit in 0..8 {
            let Some(first) = input.next()? else {
                return Ok(Some("cut"));
            };
            if control >> bit & 1 == 0 {
                put(&mut ring, &mut at, first)?;
                continue;
            }
            let Some(second) = input.next()? else {
                return Ok(Some("cut"));
            };
            let word = usize::from(u16::from_be_bytes([first, second]));
            let (offset, length) = (word >> 4, (word & 0xF) + 2);
            if offset == at {
                while input.next()?.is_some() {} // they belong to the checksum
                return Ok((input.crc != crc).then_some("its checksum is wrong"));
            }
            for step in 0..length {
                let byte = ring.get((offset + step) % 4096).copied().unwrap_or(0);
                put(&mut ring, &mut at, byte)?;
            }
        }
    }
    Ok(Some("cut"))
}

/// Fills the buffer as far as the input allows.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest)? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}

/// Reads bytes one by one, and computes their checksum.
struct Bytes<'a> {
    input: &'a mut dyn Read,
    left: u32,
    buffer: [u8; 4096],
    at: usize,
    filled: usize,
    crc: u32,
}

impl<'a> Bytes<'a> {
    fn new(input: &'a mut dyn Read, left: u32) -> Self {
        Self {
            input,
            left,
            buffer: [0; 4096],
            at: 0,
            filled: 0,
            crc: 0,
        }
    }

    fn next(&mut self) -> io::Result<Option<u8>> {
        if self.left == 0 {
            return Ok(None);
        }
        if self.at == self.filled {
            self.filled = self.input.read(&mut self.buffer)?;
            self.at = 0;
        }
        let Some(&byte) = self
            .buffer
            .get(..self.filled)
            .and_then(|it| it.get(self.at))
        else {
            return Ok(None);
        };
        self.at += 1;
        self.left -= 1;
        self.crc = crc(self.crc, byte);
        Ok(Some(byte))
    }
}

/// Adds a byte to a checksum: CRC-32 without its two inversions, [MS-OXRTFCP] section 2.1.3.2.
pub(crate) fn crc(crc: u32, byte: u8) -> u32 {
    let mut crc = crc ^ u32::from(byte);
    for _ in 0..8 {
        crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::decompress;
    use crate::rtf::{kind, Kind};

    /// The example of [MS-OXRTFCP] section 3.1.
    const EXAMPLE: [u8; 49] = [
        0x2D, 0, 0, 0, 0x2B, 0, 0, 0, 0x4C, 0x5A, 0x46, 0x75, 0xF1, 0xC5, 0xC7, 0xA7, 0x03, 0,
        0x0A, 0, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0A, 0xF3, 0x20, 0x68,
        0x65, 0x6C, 0x09, 0, 0x20, 0x62, 0x77, 0x05, 0xB0, 0x6C, 0x64, 0x7D, 0x0A, 0x80, 0x0F,
        0xA0,
    ];

    #[test]
    fn the_specifications_example() {
        let mut out = Vec::new();
        assert_eq!(decompress(&mut &EXAMPLE[..], &mut out).unwrap(), None);
        assert_eq!(out, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        assert_eq!(kind(&mut &EXAMPLE[..]).unwrap(), Kind::Rtf);
    }

    #[test]
    fn only_a_control_word_says_what_is_encapsulated() {
        for (rtf, expected) in [
            (r"{\rtf1\ansi\fromhtml1 \deff0", Kind::Html),
            (r"{\rtf1\ansi\fromtext\deff0", Kind::Text),
            (r"{\rtf1\ansi{\fonttbl;}\fromhtml", Kind::Html),
            (r"{\rtf1\ansi the word \\fromhtml1", Kind::Rtf),
            (r"{\rtf1\ansi\fromhtmlx \'", Kind::Rtf),
            (r"{\rtf1\", Kind::Rtf),
        ] {
            let size = u32::try_from(rtf.len()).unwrap() + 12;
            let stored = [
                &size.to_le_bytes()[..],
                b"\0\0\0\0MELA\0\0\0\0",
                rtf.as_bytes(),
            ];
            let found = kind(&mut &stored.concat()[..]).unwrap();
            assert_eq!(found, expected, "{rtf}");
        }
    }

    #[test]
    fn damage_is_reported_and_never_a_panic() {
        for len in 0..EXAMPLE.len() {
            let wrong = decompress(&mut &EXAMPLE[..len], &mut Vec::new()).unwrap();
            assert!(wrong.is_some(), "{len}");
        }
        for at in 0..EXAMPLE.len() {
            for flip in [1, 0x80, 0xFF] {
                let mut damaged = EXAMPLE;
                damaged[at] ^= flip;
                let mut out = Vec::new();
                let wrong = decompress(&mut &damaged[..], &mut out).unwrap();
                assert!(out.len() <= 18 * damaged.len());
                // RAWSIZE is not looked at, and a longer COMPSIZE is that of a file with a tail.
                assert!(wrong.is_some() || at < 8, "{at} {flip}");
            }
        }
    }
}
