//! Strings of a payload, in any code page.

use std::io::{self, Read, Write};

use encoding_rs::{CoderResult, Encoding, REPLACEMENT, UTF_16LE, UTF_8, WINDOWS_1252};
use exportitems::payload::PropertyTag;

/// The code page of UTF-16.
pub(crate) const UTF_16: u16 = 1200;
pub(crate) const UTF_8_CODE_PAGE: u16 = 65001;

/// Returns the encoding of a Windows code page, if it is known.
pub(crate) fn encoding(code_page: u16) -> Option<&'static Encoding> {
    match code_page {
        // One encoding in practice: US-ASCII, ISO 8859-1 and Windows-1252.
        20127 | 28591 => Some(WINDOWS_1252),
        UTF_16 => Some(UTF_16LE),
        UTF_8_CODE_PAGE => Some(UTF_8),
        // The encodings that browsers refuse to decode are not known here either.
        _ => codepage::to_encoding(code_page).filter(|it| *it != REPLACEMENT),
    }
}

/// Returns the name of a code page in a `charset` parameter.
pub(crate) fn charset(code_page: u16) -> String {
    match code_page {
        20127 => "us-ascii".to_owned(),
        50225 => "iso-2022-kr".to_owned(),
        50227 => "iso-2022-cn".to_owned(),
        52936 => "hz-gb-2312".to_owned(),
        65000 => "utf-7".to_owned(),
        28591..=28606 => format!("iso-8859-{}", code_page - 28590),
        _ => match encoding(code_page) {
            Some(encoding) => encoding.name().to_ascii_lowercase(),
            None => format!("cp{code_page:03}"),
        },
    }
}

/// Returns the code page of a string, by its type; `strings` is that of PtypString8. `None` for a property that is no
/// string.
pub(crate) fn code_page(tag: PropertyTag, strings: u16) -> Option<u16> {
    match tag.property_type() {
        0x001F | 0x101F => Some(UTF_16),
        0x001E | 0x101E => Some(strings),
        // 65000 and 65001 do not fit into the 15 bits.
        0xFDE8 => Some(65000),
        0xFDE9 => Some(UTF_8_CODE_PAGE),
        code_page @ 0x8000.. => Some(code_page & 0x7FFF),
        _ => None,
    }
}

/// Decodes bytes to UTF-8 and writes them, without the NULs at the end; returns whether some could not be decoded.
pub(crate) fn decode(
    bytes: &mut dyn Read,
    encoding: &'static Encoding,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let (mut input, mut output) = ([0; 4096], [0; 16 << 10]);
    let mut is_lossy = false;
    let mut nuls = 0;
    loop {
        let filled = bytes.read(&mut input)?;
        let is_last = filled == 0;
        let mut rest = input.get(..filled).unwrap_or_default();
        loop {
            let (result, read, written, had_errors) =
                decoder.decode_to_utf8(rest, &mut output, is_last);
            is_lossy |= had_errors;
            rest = rest.get(read..).unwrap_or_default();
            let mut text = output.get(..written).unwrap_or_default();
            // NULs at the end are the terminator; others become blanks.
            while let Some(end) = text.iter().position(|&byte| byte != 0) {
                nuls += end;
                for _ in 0..std::mem::take(&mut nuls) {
                    out.write_all(b" ")?;
                }
                text = text.get(end..).unwrap_or_default();
                let end = text.iter().position(|&byte| byte == 0);
                let (plain, after) = text.split_at(end.unwrap_or(text.len()));
                out.write_all(plain)?;
                text = after;
            }
            nuls += text.len();
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if is_last {
            return Ok(is_lossy);
        }
    }
}

/// Formats bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns a text in one line: control characters and line ends become blanks.
///
/// Every text of a header or a file name is passed through this function.
pub(crate) fn one_line(text: &str) -> String {
    let blank = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let text: String = text
        .chars()
        .map(|c| if blank(c) { ' ' } else { c })
        .collect();
    text.trim().to_owned()
}

/// Formats an address as a URI, RFC 6068.
pub(crate) fn mailto(address: &str) -> String {
    let mut uri = "mailto:".to_owned();
    for character in address.chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3F"),
            '#' => uri.push_str("%23"),
            '&' => uri.push_str("%26"),
            ' ' => uri.push_str("%20"),
            _ => uri.push(character),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use encoding_rs::{SHIFT_JIS, UTF_16LE};
    use exportitems::payload::PropertyTag;

    use super::{charset, code_page, decode, one_line};

    #[test]
    fn code_pages_of_types() {
        for (tag, expected) in [
            (0x0037_001F, Some(1200)),
            (0x0037_001E, Some(932)),
            (0x0037_84B0, Some(1200)),
            (0x0037_84E4, Some(1252)),
            (0x0037_FDE9, Some(65001)),
            (0x0037_0003, None),
        ] {
            assert_eq!(code_page(PropertyTag(tag), 932), expected, "{tag:08X}");
        }
        assert_eq!(charset(20866), "koi8-r");
        assert_eq!(charset(28592), "iso-8859-2");
        assert_eq!(charset(50220), "iso-2022-jp");
        assert_eq!(charset(850), "cp850");
        assert_eq!(charset(37), "cp037");
        assert_eq!(charset(52936), "hz-gb-2312");
    }

    #[test]
    fn decodes_and_drops_the_terminator() {
        let mut out = Vec::new();
        let lossy = decode(&mut &b"h\0i\0\0\0!\0\0\0\0\0"[..], UTF_16LE, &mut out).unwrap();
        assert_eq!((lossy, &out[..]), (false, &b"hi !"[..]));
        out.clear();
        let lossy = decode(&mut &b"\x83\x65\x83\x58\x83"[..], SHIFT_JIS, &mut out).unwrap();
        assert!(lossy && std::str::from_utf8(&out).unwrap().starts_with("テス"));
        assert_eq!(one_line("a\r\nBcc: x\0\u{85}\u{2028}b "), "a  Bcc: x   b");
    }
}
