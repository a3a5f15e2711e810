//! The fonts of an RTF document, which say in which code page its bytes are.

use std::collections::HashMap;

use encoding_rs::Encoding;

use crate::text;

/// The maximum number of fonts that are kept.
const MAX_FONTS: usize = 4096;

/// The encodings of the fonts, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Fonts {
    encodings: HashMap<i32, &'static Encoding>,
    /// The font that the font table describes.
    described: i32,
}

impl Fonts {
    /// Handles `\f` in the font table.
    pub(super) fn describe(&mut self, font: i32) {
        self.described = font;
    }

    /// Handles `\fcharset`; `ansi` is the encoding of the document.
    pub(super) fn charset(&mut self, charset: i32, ansi: &'static Encoding) {
        self.set(charset_of_font(charset).unwrap_or(ansi));
    }

    /// Handles `\cpg`, which takes precedence over `\fcharset`.
    pub(super) fn code_page(&mut self, code_page: i32) {
        let encoding = code_page.try_into().ok().and_then(text::encoding);
        if let Some(encoding) = encoding {
            self.encodings.remove(&self.described);
            self.set(encoding);
        }
    }

    /// Returns the encoding of a font, if the table has it.
    pub(super) fn encoding(&self, font: i32) -> Option<&'static Encoding> {
        self.encodings.get(&font).copied()
    }

    /// Sets the encoding of the described font, unless it has one.
    fn set(&mut self, encoding: &'static Encoding) {
        if self.encodings.len() < MAX_FONTS {
            self.encodings.entry(self.described).or_insert(encoding);
        }
    }
}

/// Returns the encoding of a character set by its number in `\fcharset`.
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
