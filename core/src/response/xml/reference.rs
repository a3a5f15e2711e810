//! Character and entity references.

/// A reference under way, behind its `&`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reference {
    form: Form,
    value: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Start,
    /// The bytes of the name, the last one lowest.
    Named,
    /// Behind `#`.
    Number,
    Decimal,
    /// Behind `#x`.
    HexadecimalStart,
    Hexadecimal,
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
            form: Form::Start,
            value: 0,
        }
    }

    pub(super) fn push(&mut self, byte: u8) -> Step {
        let (form, value) = match (self.form, byte) {
            (Form::Named, b';') => return named(self.value),
            (Form::Decimal | Form::Hexadecimal, b';') => return numbered(self.value),
            (Form::Start, b'#') => (Form::Number, 0),
            (Form::Number, b'x') => (Form::HexadecimalStart, 0),
            (Form::Start | Form::Named, b'a'..=b'z') if self.value >> 24 == 0 => {
                (Form::Named, self.value << 8 | u32::from(byte))
            }
            (Form::Number | Form::Decimal, b'0'..=b'9') => (
                Form::Decimal,
                (self.value.saturating_mul(10)).saturating_add(u32::from(byte - b'0')),
            ),
            (
                Form::HexadecimalStart | Form::Hexadecimal,
                b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F',
            ) => {
                let digit = match byte {
                    b'0'..=b'9' => byte - b'0',
                    _ => (byte | 0x20) - b'a' + 10,
                };
                (
                    Form::Hexadecimal,
                    (self.value.saturating_mul(16)).saturating_add(u32::from(digit)),
                )
            }
            _ => return Step::Refused,
        };
        *self = Self { form, value };
        Step::More
    }
}

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
