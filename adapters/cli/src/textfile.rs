//! Decodes text files in the encodings that editors and shells write.

use std::borrow::Cow;

/// The error for bytes that are neither UTF-8 nor UTF-16 with a byte order mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotText {
    /// The number of lines that end before the first invalid byte.
    pub(crate) lines: u64,
    /// Whether the file begins with the byte order mark of UTF-16.
    pub(crate) utf16: bool,
}

/// Decodes UTF-8, with or without a byte order mark, and UTF-16 with one, in either byte order.
///
/// PowerShell's `>` writes UTF-16, and editors on Windows write UTF-8 with a byte order mark.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, NotText> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, NotText> {
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => Err(NotText {
            lines: line_ends(&String::from_utf8_lossy(&bytes[..error.valid_up_to()])),
            utf16: false,
        }),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'static, str>, NotText> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    for character in char::decode_utf16(pairs.iter().copied().map(unit)) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(not_utf16(&text)),
        }
    }
    match odd {
        [] => Ok(Cow::Owned(text)),
        _ => Err(not_utf16(&text)),
    }
}

fn not_utf16(before: &str) -> NotText {
    NotText {
        lines: line_ends(before),
        utf16: true,
    }
}

fn line_ends(text: &str) -> u64 {
    // There is one line more than there are line ends.
    lines(text).count().saturating_sub(1) as u64
}

/// Splits a text into lines, which end with LF, CR LF or CR.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let after = &text[end..];
        rest = Some(after.strip_prefix("\r\n").unwrap_or(&after[1..]));
        Some(&text[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::{decode, lines, NotText};

    #[test]
    fn encodings() {
        let little: Vec<u8> = "\u{FEFF}ä\n😀"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = "\u{FEFF}ä\n😀"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for bytes in [
            "ä\n😀".as_bytes(),
            "\u{FEFF}ä\n😀".as_bytes(),
            &little,
            &big,
        ] {
            assert_eq!(decode(bytes).as_deref(), Ok("ä\n😀"), "{bytes:02X?}");
        }
        let wrong = |lines, utf16| Err(NotText { lines, utf16 });
        assert_eq!(decode(b"a\r\nb\rc\xFF\n"), wrong(2, false));
        assert_eq!(decode(&little[..little.len() - 1]), wrong(1, true));
        assert_eq!(decode(&little[..little.len() - 2]), wrong(1, true));
    }

    #[test]
    fn every_style_of_line_end() {
        let found: Vec<_> = lines("a\nb\r\nc\rd\n\re").collect();
        assert_eq!(found, ["a", "b", "c", "d", "", "e"]);
        assert_eq!(lines("").collect::<Vec<_>>(), [""]);
        assert_eq!(lines("a\r").collect::<Vec<_>>(), ["a", ""]);
    }
}
