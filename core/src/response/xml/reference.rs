//! Character and entity references.

/// A reference under way, behind its `&`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    /// 10 behind `#`, 16 behind `#x`, 0 in a name.
    radix: u8,
    /// How many letters of a name; whether there is a digit of a number.
    len: u8,
    /// The letters, the last one lowest; the number, as far as it can be a character's.
    value: u32,
}

/// What a byte did to a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    More,
    /// It stands for this character.
    Char(char),
    /// It stands for a number that is no character of XML 1.0 (§2.2).
    ///
    /// Exchange writes such references: it does not strip control characters from texts.
    Illegal,
    /// It is no reference.
    Refused,
}

impl Reference {
    pub(super) const fn new() -> Self {
        Self {
            radix: 0,
            len: 0,
            value: 0,
        }
    }

    pub(super) fn push(&mut self, byte: u8) -> Step {
        match (byte, self.radix, self.len) {
            (b'#', 0, 0) => self.radix = 10,
            (b'x', 10, 0) => self.radix = 16,
            (b';', 0, 1..) => return named(self.value),
            (b';', 1.., 1..) => return numbered(self.value),
            (b'a'..=b'z', 0, 0..=3) => {
                self.value = self.value << 8 | u32::from(byte);
                self.len += 1;
            }
            (_, 1.., _) => {
                let digit = match byte {
                    b'0'..=b'9' => byte - b'0',
                    b'a'..=b'f' => byte - b'a' + 10,
                    b'A'..=b'F' => byte - b'A' + 10,
                    _ => self.radix,
                };
                if digit >= self.radix {
                    return Step::Refused;
                }
                let value = self.value * u32::from(self.radix) + u32::from(digit);
                self.value = value.min(BEYOND);
                self.len = 1;
            }
            _ => return Step::Refused,
        }
        Step::More
    }
}

/// The first number that is no character's, for all that follow.
const BEYOND: u32 = char::MAX as u32 + 1;

/// The five predefined entities (XML 1.0 §4.6).
fn named(name: u32) -> Step {
    match &name.to_be_bytes() {
        b"\0\0lt" => Step::Char('<'),
        b"\0\0gt" => Step::Char('>'),
        b"\0amp" => Step::Char('&'),
        b"quot" => Step::Char('"'),
        b"apos" => Step::Char('\''),
        _ => Step::Refused,
    }
}

fn numbered(value: u32) -> Step {
    match char::from_u32(value) {
        Some('\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..) => {
            char::from_u32(value).map_or(Step::Illegal, Step::Char)
        }
        _ => Step::Illegal,
    }
}

#[cfg(test)]
mod tests {
    use super::{Reference, Step};

    fn run(text: &str) -> Step {
        let mut reference = Reference::new();
        for byte in text.bytes() {
            match reference.push(byte) {
                Step::More => {}
                end => return end,
            }
        }
        Step::More
    }

    #[test]
    fn references() {
        let table = [
            ("lt;", Step::Char('<')),
            ("gt;", Step::Char('>')),
            ("amp;", Step::Char('&')),
            ("quot;", Step::Char('"')),
            ("apos;", Step::Char('\'')),
            ("#65;", Step::Char('A')),
            ("#x41;", Step::Char('A')),
            ("#xD;", Step::Char('\r')),
            ("#x20AC;", Step::Char('\u{20AC}')),
            ("#x1f4e7;", Step::Char('\u{1F4E7}')),
            ("#0000000000000000065;", Step::Char('A')),
            ("#0;", Step::Illegal),
            ("#x1F;", Step::Illegal),
            ("#xD800;", Step::Illegal),
            ("#xFFFE;", Step::Illegal),
            ("#x110000;", Step::Illegal),
            ("#99999999999999999999;", Step::Illegal),
            (";", Step::Refused),
            ("#;", Step::Refused),
            ("#x;", Step::Refused),
            ("#xg", Step::Refused),
            ("#X41;", Step::Refused),
            ("nbsp;", Step::Refused),
            ("quote", Step::Refused),
            ("LT;", Step::Refused),
            ("a b", Step::Refused),
            ("am", Step::More),
        ];
        for (text, expected) in table {
            assert_eq!(run(text), expected, "&{text}");
        }
    }
}
