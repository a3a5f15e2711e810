//! Character and entity references.

use super::word::Word;

/// The effect of a byte on a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    More,
    /// The reference is complete.
    Done,
    /// This is not a reference.
    Refused,
}

impl Word {
    /// Takes the next byte of a reference.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    pub(crate) fn take_reference(&mut self, byte: u8) -> Step {
        match (byte, self.prefix, self.len) {
            (b'#', 0, 0) => self.prefix = 10,
            (b'x', 10, 0) => self.prefix = 16,
            (b';', 0, 1..) => {
                // The five predefined entities (XML 1.0 §4.6).
                let char = match self.value {
                    LT => b'<',
                    GT => b'>',
                    AMP => b'&',
                    QUOT => b'"',
                    APOS => b'\'',
                    _ => return Step::Refused,
                };
                self.value = u32::from(char);
                return Step::Done;
            }
            (b';', 1.., 1..) => return Step::Done,
            (b'a'..=b'z', 0, 0..=3) => {
                self.value = self.value << 8 | u32::from(byte);
                self.len = self.len.wrapping_add(1);
            }
            (_, 1.., _) => {
                let digit = match byte {
                    b'0'..=b'9' => byte - b'0',
                    b'A'..=b'F' | b'a'..=b'f' => (byte | 0x20).wrapping_sub(b'a').wrapping_add(10),
                    _ => u8::MAX,
                };
                let digit = u32::from(digit);
                if digit >= self.prefix {
                    return Step::Refused;
                }
                let value = self.value.wrapping_mul(self.prefix).wrapping_add(digit);
                self.value = value.min(BEYOND);
                self.len = 1;
            }
            _ => return Step::Refused,
        }
        Step::More
    }

    /// Returns the character that a reference means; `None` for a number that is not a character of XML 1.0 (§2.2).
    ///
    /// Exchange writes such references: it does not strip control characters from texts.
    pub(crate) fn char(self) -> Option<char> {
        char::from_u32(self.value).filter(|&char| {
            matches!(
                char,
                '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..
            )
        })
    }
}

/// The first number beyond all characters; it represents all larger ones.
const BEYOND: u32 = char::MAX as u32 + 1;

const LT: u32 = u32::from_be_bytes(*b"\0\0lt");
const GT: u32 = u32::from_be_bytes(*b"\0\0gt");
const AMP: u32 = u32::from_be_bytes(*b"\0amp");
const QUOT: u32 = u32::from_be_bytes(*b"quot");
const APOS: u32 = u32::from_be_bytes(*b"apos");

#[cfg(test)]
mod tests {
    use super::{Step, Word};

    /// `Err`: how far it came.
    fn run(text: &str) -> Result<Option<char>, Step> {
        let mut reference = Word::REFERENCE;
        for byte in text.bytes() {
            match reference.take_reference(byte) {
                Step::More => {}
                Step::Done => return Ok(reference.char()),
                Step::Refused => return Err(Step::Refused),
            }
        }
        Err(Step::More)
    }

    #[test]
    fn references() {
        let table = [
            ("lt;", Ok(Some('<'))),
            ("gt;", Ok(Some('>'))),
            ("amp;", Ok(Some('&'))),
            ("quot;", Ok(Some('"'))),
            ("apos;", Ok(Some('\''))),
            ("#65;", Ok(Some('A'))),
            ("#x41;", Ok(Some('A'))),
            ("#xD;", Ok(Some('\r'))),
            ("#x20AC;", Ok(Some('\u{20AC}'))),
            ("#x1f4e7;", Ok(Some('\u{1F4E7}'))),
            ("#0000000000000000065;", Ok(Some('A'))),
            ("#0;", Ok(None)),
            ("#x1F;", Ok(None)),
            ("#xD800;", Ok(None)),
            ("#xFFFE;", Ok(None)),
            ("#x110000;", Ok(None)),
            ("#99999999999999999999;", Ok(None)),
            (";", Err(Step::Refused)),
            ("#;", Err(Step::Refused)),
            ("#x;", Err(Step::Refused)),
            ("#xg", Err(Step::Refused)),
            ("#X41;", Err(Step::Refused)),
            ("nbsp;", Err(Step::Refused)),
            ("quote", Err(Step::Refused)),
            ("LT;", Err(Step::Refused)),
            ("a b", Err(Step::Refused)),
            ("am", Err(Step::More)),
        ];
        for (text, expected) in table {
            assert_eq!(run(text), expected, "&{text}");
        }
    }
}
