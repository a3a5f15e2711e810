//! Bodies in compressed RTF, [MS-OXRTFCP], and the HTML or text that is encapsulated in them, [MS-OXRTFEX].
//!
//! Both are streams: nothing of the size of a body is held.
//!
//! [MS-OXRTFCP]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxrtfcp/
//! [MS-OXRTFEX]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxrtfex/

use std::collections::HashMap;
use std::io::{self, Read, Write};

use encoding_rs::{Encoding, WINDOWS_1252};

use crate::text;

/// What the dictionary holds at first, [MS-OXRTFCP] section 2.1.2.1.
const PREFIX: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
/// Groups within groups that are followed; deeper ones are read as part of the last.
const MAX_GROUPS: usize = 4096;
/// Fonts that are kept.
const MAX_FONTS: usize = 4096;

/// What a body in RTF is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// HTML is encapsulated.
    Html,
    /// Plain text is encapsulated.
    Text,
    /// RTF that was written as such.
    Rtf,
}

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

/// What the RTF of a compressed body is, by its first tokens.
pub(crate) fn kind(input: &mut dyn Read) -> io::Result<Kind> {
    /// The first bytes of what is written.
    struct Start(Vec<u8>);
    impl Write for Start {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() >= 1024 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut start = Start(Vec::new());
    match decompress(input, &mut start) {
        Err(error) if error.kind() != io::ErrorKind::WriteZero => return Err(error),
        _ => {}
    }
    let has = |word: &[u8]| {
        (start.0.windows(word.len() + 1))
            .any(|it| it.starts_with(word) && !it.last().is_some_and(u8::is_ascii_alphanumeric))
    };
    Ok(match () {
        () if has(b"\\fromhtml1") || has(b"\\fromhtml") => Kind::Html,
        () if has(b"\\fromtext") => Kind::Text,
        () => Kind::Rtf,
    })
}

/// Fills the buffer as far as the input allows.
pub(crate) fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest)? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}

/// Bytes one by one, with their checksum.
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

/// The checksum of one more byte: CRC-32 without its two inversions, [MS-OXRTFCP] section 2.1.3.2.
pub(crate) fn crc(crc: u32, byte: u8) -> u32 {
    let mut crc = crc ^ u32::from(byte);
    for _ in 0..8 {
        crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    }
    crc
}

/// Writes the HTML or text that is encapsulated in the RTF that is written to it, in UTF-8.
pub(crate) struct Decapsulator<'a> {
    out: &'a mut dyn Write,
    is_html: bool,
    group: Group,
    outer: Vec<Group>,
    /// Open groups beyond those that are followed.
    deeper: usize,
    fonts: HashMap<i32, &'static Encoding>,
    /// The font that the font table describes.
    font: i32,
    default_font: i32,
    ansi: &'static Encoding,
    /// Bytes of text that are not decoded yet.
    pending: Vec<u8>,
    high_surrogate: Option<u16>,
    /// Characters to skip after a `\u`.
    skip: u32,
    /// Bytes to skip after a `\bin`.
    binary: u32,
    token: Token,
    /// The control word.
    word: Vec<u8>,
    /// Its number.
    number: Option<i32>,
    is_negative: bool,
}

/// What applies up to the end of a group.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // each is switched by itself
struct Group {
    /// Between `\htmlrtf` and `\htmlrtf0`: for readers of RTF only.
    is_for_rtf: bool,
    /// A destination that is not text.
    is_ignored: bool,
    is_tag: bool,
    is_font_table: bool,
    /// `\*` came: an unknown destination is ignored.
    is_optional: bool,
    unicode_skip: u32,
    encoding: &'static Encoding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Text,
    Backslash,
    Word,
    Number,
    /// `\'`, with the first digit if it came.
    Hex(Option<u8>),
}

impl<'a> Decapsulator<'a> {
    pub(crate) fn new(kind: Kind, out: &'a mut dyn Write) -> Self {
        Self {
            out,
            is_html: kind == Kind::Html,
            group: Group {
                is_for_rtf: false,
                is_ignored: false,
                is_tag: false,
                is_font_table: false,
                is_optional: false,
                unicode_skip: 1,
                encoding: WINDOWS_1252,
            },
            outer: Vec::new(),
            deeper: 0,
            fonts: HashMap::new(),
            font: 0,
            default_font: 0,
            ansi: WINDOWS_1252,
            pending: Vec::new(),
            high_surrogate: None,
            skip: 0,
            binary: 0,
            token: Token::Text,
            word: Vec::new(),
            number: None,
            is_negative: false,
        }
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if matches!(self.token, Token::Word | Token::Number) {
            self.control_word()?;
        }
        self.flush_text()
    }

    fn byte(&mut self, byte: u8) -> io::Result<()> {
        if self.binary > 0 {
            self.binary -= 1;
            return Ok(());
        }
        match self.token {
            Token::Text => match byte {
                b'\\' => self.token = Token::Backslash,
                b'{' => self.open()?,
                b'}' => self.close()?,
                b'\r' | b'\n' => {}
                _ => self.text(byte)?,
            },
            Token::Backslash if byte.is_ascii_alphabetic() => {
                self.word.clear();
                self.word.push(byte);
                self.number = None;
                self.is_negative = false;
                self.token = Token::Word;
            }
            Token::Backslash => {
                self.token = Token::Text;
                self.symbol(byte)?;
            }
            Token::Word if byte.is_ascii_alphabetic() => {
                if self.word.len() < 32 {
                    self.word.push(byte);
                }
            }
            Token::Word if byte == b'-' => {
                self.is_negative = true;
                self.token = Token::Number;
            }
            Token::Word | Token::Number if byte.is_ascii_digit() => {
                self.token = Token::Number;
                let digit = i32::from(byte - b'0');
                let number = self.number.unwrap_or(0).saturating_mul(10);
                self.number = Some(number.saturating_add(digit));
            }
            Token::Word | Token::Number => {
                self.token = Token::Text;
                self.control_word()?;
                if byte != b' ' {
                    return self.byte(byte);
                }
            }
            Token::Hex(first) => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    self.token = Token::Text;
                    return self.byte(byte);
                };
                #[allow(clippy::cast_possible_truncation)] // a digit
                let digit = digit as u8;
                match first {
                    None => self.token = Token::Hex(Some(digit)),
                    Some(first) => {
                        self.token = Token::Text;
                        self.text(first << 4 | digit)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        self.skip = 0;
        self.flush_text()?;
        if self.outer.len() < MAX_GROUPS {
            self.outer.push(self.group);
        } else {
            self.deeper += 1;
        }
        self.group.is_optional = false;
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.skip = 0;
        self.flush_text()?;
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if let Some(group) = self.outer.pop() {
            self.group = group;
        }
        Ok(())
    }

    /// A backslash and one character.
    fn symbol(&mut self, byte: u8) -> io::Result<()> {
        match byte {
            b'\'' => self.token = Token::Hex(None),
            b'*' => self.group.is_optional = true,
            b'{' | b'}' | b'\\' => self.text(byte)?,
            b'~' => self.character(if self.is_html { "&nbsp;" } else { "\u{A0}" })?,
            b'_' => self.character(if self.is_html { "&shy;" } else { "\u{AD}" })?,
            b'\r' | b'\n' => self.character("\r\n")?,
            _ => {}
        }
        Ok(())
    }

    fn control_word(&mut self) -> io::Result<()> {
        let number = self
            .number
            .map(|it| if self.is_negative { -it } else { it });
        let word = std::mem::take(&mut self.word);
        let is_optional = std::mem::take(&mut self.group.is_optional);
        match &word[..] {
            b"htmltag" if is_optional => {
                self.flush_text()?;
                self.group.is_tag = true;
            }
            b"fonttbl" => {
                self.group.is_font_table = true;
                self.group.is_ignored = true;
            }
            _ if is_optional => self.group.is_ignored = true,
            b"colortbl" | b"stylesheet" | b"info" | b"pict" | b"mhtmltag" | b"object"
            | b"header" | b"footer" | b"footnote" => self.group.is_ignored = true,
            b"htmlrtf" => {
                self.flush_text()?;
                self.group.is_for_rtf = number != Some(0);
            }
            b"par" | b"line" => self.character("\r\n")?,
            b"tab" => self.character("\t")?,
            b"lquote" => self.character("\u{2018}")?,
            b"rquote" => self.character("\u{2019}")?,
            b"ldblquote" => self.character("\u{201C}")?,
            b"rdblquote" => self.character("\u{201D}")?,
            b"bullet" => self.character("\u{2022}")?,
            b"endash" => self.character("\u{2013}")?,
            b"emdash" => self.character("\u{2014}")?,
            b"u" => self.unicode(number.unwrap_or(0))?,
            b"uc" => {
                let skip = number.and_then(|it| it.try_into().ok());
                self.group.unicode_skip = skip.unwrap_or(1);
            }
            b"bin" => self.binary = number.and_then(|it| it.try_into().ok()).unwrap_or(0),
            b"ansicpg" => {
                let code_page = number.and_then(|it| it.try_into().ok());
                if let Some(encoding) = code_page.and_then(text::encoding) {
                    self.ansi = encoding;
                    self.group.encoding = encoding;
                }
            }
            b"deff" => self.default_font = number.unwrap_or(0),
            b"plain" => self.use_font(self.default_font)?,
            b"f" if self.group.is_font_table => self.font = number.unwrap_or(0),
            b"f" => self.use_font(number.unwrap_or(0))?,
            b"fcharset" if self.group.is_font_table => {
                let encoding = charset_of_font(number.unwrap_or(0)).unwrap_or(self.ansi);
                if self.fonts.len() < MAX_FONTS {
                    self.fonts.entry(self.font).or_insert(encoding);
                }
            }
            _ => {}
        }
        self.word = word;
        Ok(())
    }

    fn use_font(&mut self, font: i32) -> io::Result<()> {
        self.flush_text()?;
        self.group.encoding = self.fonts.get(&font).copied().unwrap_or(self.ansi);
        Ok(())
    }

    fn is_shown(&self) -> bool {
        !self.group.is_for_rtf && !self.group.is_ignored
    }

    /// A byte of text, in the code page that applies.
    fn text(&mut self, byte: u8) -> io::Result<()> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        if self.is_shown() {
            self.pending.push(byte);
            // No second byte of a character is below 0x30.
            if self.pending.len() > 4096 && byte < 0x30 {
                self.flush_text()?;
            }
        }
        Ok(())
    }

    /// A character that a control word means.
    fn character(&mut self, text: &str) -> io::Result<()> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        if !self.is_shown() {
            return Ok(());
        }
        self.flush_text()?;
        self.out.write_all(text.as_bytes())
    }

    /// `\uN`, a UTF-16 unit as a signed number.
    fn unicode(&mut self, number: i32) -> io::Result<()> {
        self.skip = self.group.unicode_skip;
        if !self.is_shown() {
            return Ok(());
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the lower half
        let unit = number as u16;
        if !self.pending.is_empty() {
            self.flush_text()?;
        }
        let units = match self.high_surrogate.take() {
            None if (0xD800..0xDC00).contains(&unit) => {
                self.high_surrogate = Some(unit);
                return Ok(());
            }
            None => vec![unit],
            Some(high) => vec![high, unit],
        };
        let text = String::from_utf16_lossy(&units);
        self.out.write_all(text.as_bytes())
    }

    fn flush_text(&mut self) -> io::Result<()> {
        if self.high_surrogate.is_some() && !self.pending.is_empty() {
            self.high_surrogate = None;
            self.out.write_all("\u{FFFD}".as_bytes())?;
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let encoding = if self.group.is_tag {
            self.ansi
        } else {
            self.group.encoding
        };
        let (text, _) = encoding.decode_without_bom_handling(&self.pending);
        self.out.write_all(text.as_bytes())?;
        self.pending.clear();
        Ok(())
    }
}

impl Write for Decapsulator<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            self.byte(byte)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The code page of a font's character set, as `\fcharset` numbers them.
fn charset_of_font(charset: i32) -> Option<&'static Encoding> {
    text::encoding(match charset {
        0 => 1252,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{decompress, kind, Decapsulator, Kind};

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

    fn decapsulated(kind: Kind, rtf: &[u8]) -> String {
        let mut results = [usize::MAX, 1].map(|size| {
            let mut out = Vec::new();
            let mut decapsulator = Decapsulator::new(kind, &mut out);
            for piece in rtf.chunks(size.min(rtf.len().max(1))) {
                decapsulator.write_all(piece).unwrap();
            }
            decapsulator.finish().unwrap();
            String::from_utf8(out).unwrap()
        });
        assert_eq!(results[0], results[1]);
        std::mem::take(&mut results[0])
    }

    #[test]
    fn html_comes_out_as_it_went_in() {
        let rtf = br"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fnil\fcharset128 MS Gothic;}{\f2\fcharset204 Arial Cyr;}}
{\colortbl;\red0\green0\blue0;}{\*\generator Riched20}\uc1\pard\plain\deftab360 \f0\fs24
{\*\htmltag18 <html>}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 a \'e4\~b \{c\}\htmlrtf \par}\htmlrtf0
{\*\mhtmltag84 <img src=x>}{\*\htmltag84 <img src='cid:1\'e4'>}{\f1 \'83\'65\'83X}{\f2 \'ff}\u-10179 ?\u-8704 ?{\*\htmltag72 \par }{\pict\bin4 }}{{}{\*\htmltag241 </html>}}";
        assert_eq!(
            decapsulated(Kind::Html, rtf),
            "<html><p>a ä&nbsp;b {c}<img src='cid:1ä'>テスя😀\r\n</html>"
        );
    }

    #[test]
    fn text_comes_out() {
        let rtf = br"{\rtf1\ansi\ansicpg1251\fromtext\deff0{\fonttbl{\f0\fnil;}}\pard one\par two\tab\'ff\endash\u8364 E!\line\~}";
        assert_eq!(
            decapsulated(Kind::Text, rtf),
            "one\r\ntwo\tя\u{2013}€!\r\n\u{A0}"
        );
    }

    #[test]
    fn groups_without_end() {
        let mut rtf = vec![b'{'; 100_000];
        rtf.extend(b"\\htmlrtf x\\htmlrtf0 y");
        rtf.extend(vec![b'}'; 100_010]);
        rtf.extend(b"\\u99999999999 ?\\bin-5 \\f-1 z\\");
        assert!(decapsulated(Kind::Html, &rtf).ends_with('z'));
    }
}
