//! The class of each byte, in base64 and in XML, in one table.

/// The value of a symbol of base64 (RFC 4648 §4); negative for every other byte.
#[allow(clippy::indexing_slicing)] // the table has an entry for every byte
#[inline]
pub(crate) fn symbol(byte: u8) -> i8 {
    CLASSES[usize::from(byte)]
}

/// White space of XML 1.0 §2.3.
pub(crate) fn is_space(byte: u8) -> bool {
    symbol(byte) == SPACE
}

/// Returns `text` without the white space at its start.
#[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
pub(crate) fn skip_space(mut text: &[u8]) -> &[u8] {
    while let Some((_, rest)) = text.split_first().filter(|(&byte, _)| is_space(byte)) {
        text = rest;
    }
    text
}

/// Whether a byte may begin a name: a letter, `_`, `:`, or a part of a character beyond ASCII
/// (XML 1.0 §2.3; characters beyond ASCII are not distinguished).
pub(crate) const fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':' | 0x80..)
}

/// Whether a byte may be part of a name.
pub(crate) fn is_name(byte: u8) -> bool {
    is_alphanumeric(byte) || symbol(byte) == NAME
}

/// Whether a byte is a letter or digit of ASCII.
#[allow(clippy::cast_sign_loss)] // negative ones become large
#[inline]
pub(crate) fn is_alphanumeric(byte: u8) -> bool {
    (symbol(byte) as u8) < PLUS
}

/// A byte that may be part of a name and is neither a letter nor a digit.
const NAME: i8 = -1;
const SPACE: i8 = -2;
const OTHER: i8 = -3;

/// The first symbol that is neither letter nor digit; `/` is the other.
const PLUS: u8 = 62;

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap
)] // at compile time
const CLASSES: [i8; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b' ' | b'\t' | b'\r' | b'\n' => SPACE,
            b'-' | b'.' => NAME,
            byte if starts_name(byte) => NAME,
            _ => OTHER,
        };
        byte += 1;
    }
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut value = 0;
    while value < alphabet.len() {
        classes[alphabet[value] as usize] = value as i8;
        value += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use super::{is_alphanumeric, is_name, is_space, starts_name};

    #[test]
    fn every_byte_is_what_the_standards_say() {
        for byte in 0..=u8::MAX {
            let name = starts_name(byte) || byte.is_ascii_digit() || b"-.".contains(&byte);
            assert_eq!(is_name(byte), name, "{byte:#x}");
            assert_eq!(
                is_alphanumeric(byte),
                byte.is_ascii_alphanumeric(),
                "{byte:#x}"
            );
            assert_eq!(is_space(byte), b" \t\r\n".contains(&byte), "{byte:#x}");
        }
    }
}
