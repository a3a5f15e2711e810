//! HTML and text that are encapsulated in RTF, [MS-OXRTFEX].
//!
//! [MS-OXRTFEX]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxrtfex/

use std::io::{self, Write};

use encoding_rs::{Encoding, WINDOWS_1252};

use super::font::Fonts;
use super::Kind;
use crate::text;

/// The maximum depth of groups; deeper ones are read as a part of the last.
const MAX_GROUPS: usize = 4096;

/// Writes the HTML or text that is encapsulated in the RTF that is written to it, or else the text of the RTF, in
/// UTF-8.
pub(crate) struct Decapsulator<'a> {
    out: &'a mut dyn Write,
    is_html: bool,
    group: Group,
    outer: Vec<Group>,
    /// The number of open groups beyond that depth.
    deeper: usize,
    fonts: Fonts,
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

/// The state that ends with a group.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // each is switched by itself
struct Group {
    /// Between `\htmlrtf` and `\htmlrtf0`: only for readers of RTF.
    is_for_rtf: bool,
    /// A destination that is not text.
    is_ignored: bool,
    is_tag: bool,
    is_font_table: bool,
    /// After `\*`: an unknown destination is ignored.
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
    /// `\'`, with the first digit if it was read.
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
            fonts: Fonts::default(),
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

    /// Handles a backslash and one character.
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
            b"cell" if !self.is_html => self.character("\t")?,
            b"row" | b"page" | b"sect" if !self.is_html => self.character("\r\n")?,
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
            b"f" if self.group.is_font_table => self.fonts.describe(number.unwrap_or(0)),
            b"f" => self.use_font(number.unwrap_or(0))?,
            b"fcharset" if self.group.is_font_table => {
                self.fonts.charset(number.unwrap_or(0), self.ansi);
            }
            b"cpg" if self.group.is_font_table => self.fonts.code_page(number.unwrap_or(0)),
            _ => {}
        }
        self.word = word;
        Ok(())
    }

    fn use_font(&mut self, font: i32) -> io::Result<()> {
        self.flush_text()?;
        self.group.encoding = self.fonts.encoding(font).unwrap_or(self.ansi);
        Ok(())
    }

    fn is_shown(&self) -> bool {
        !self.group.is_for_rtf && !self.group.is_ignored
    }

    /// Adds a byte of text, in the code page of the font.
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

    /// Writes the character of a control word.
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

    /// Handles `\uN`, a UTF-16 unit as a signed number.
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Decapsulator, Kind};

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
    fn the_code_page_of_a_font_counts_more_than_its_character_set() {
        let rtf = br"{\rtf1\ansi\ansicpg1252\fromtext\deff0{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset0\cpg1251 B;}{\f2\cpg1253\fcharset0 C;}}\f0\'e4\f1\'e4\f2\'e4\f3\'e4}";
        assert_eq!(decapsulated(Kind::Text, rtf), "äдδä");
    }

    #[test]
    fn rtf_becomes_text() {
        let rtf = br"{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}{\*\generator Riched20;}{\info{\author Pat}}\pard One {\field{\*\fldinst HYPERLINK x}{\fldrslt link}}\par a\cell b\cell\row {\pict 00ff}end}";
        assert_eq!(decapsulated(Kind::Rtf, rtf), "One link\r\na\tb\t\r\nend");
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
