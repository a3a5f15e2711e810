//! The character classes of RFC 9110 that requests, heads and trailers share.
//!
//! Functions with many callers are `inline(never)`: the compiler would inline them even when it optimises for size.

/// A set of ASCII characters, with one bit for each.
pub(crate) struct Class([u32; 4]);

/// `tchar` (RFC 9110 §5.6.2).
pub(crate) static TOKEN: Class = Class::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// `uri-host [ ":" port ]` (RFC 9110 §7.2): unreserved, percent-encoded, sub-delims and the
/// brackets of an IPv6 address.
pub(crate) static HOST: Class = Class::alphanumeric_and(b"-._~%!$&'()*+,;=:[]");

/// `origin-form` (RFC 9112 §3.2.1), relaxed to all visible characters except `#`, which starts a fragment.
pub(crate) static TARGET: Class = Class::alphanumeric_and(b"!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

impl Class {
    const fn alphanumeric_and(mut others: &[u8]) -> Self {
        let mut set = 0_u128;
        let mut byte = 0_u8;
        while byte < 128 {
            if byte.is_ascii_alphanumeric() {
                set |= 1 << byte;
            }
            byte += 1;
        }
        while let [byte, rest @ ..] = others {
            set |= 1 << *byte;
            others = rest;
        }
        #[allow(clippy::cast_possible_truncation)] // each cast takes a quarter of the set
        Self([
            set as u32,
            (set >> 32) as u32,
            (set >> 64) as u32,
            (set >> 96) as u32,
        ])
    }

    #[inline(never)]
    pub(crate) fn contains(&self, byte: u8) -> bool {
        let word = self.0.get(usize::from(byte / 32));
        word.is_some_and(|word| word >> (byte % 32) & 1 == 1)
    }

    /// Returns whether `text` is not empty and consists of these characters only.
    #[inline(never)]
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        !text.is_empty() && text.iter().all(|&byte| self.contains(byte))
    }
}

/// The characters of a bearer token before its padding (RFC 6750 §2.1).
pub(crate) static BEARER: Class = Class::alphanumeric_and(b"-._~+/");

/// Returns whether a field line can contain `byte`: `field-vchar`, `obs-text`, SP and HTAB (RFC 9110 §5.5).
pub(crate) const fn is_text_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=0x7e | 0x80..)
}

/// Returns whether `text` contains no control character except HTAB.
pub(crate) fn is_text(text: &[u8]) -> bool {
    text.iter().all(|&byte| is_text_byte(byte))
}

/// Returns whether `byte` is SP or HTAB, the optional white space of RFC 9110 §5.6.3.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Removes optional white space at both ends.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let Some((&first, rest)) = value.split_first() {
        if !is_space(first) {
            break;
        }
        value = rest;
    }
    trim_end(value)
}

/// Removes optional white space at the end.
#[inline(never)]
pub(crate) fn trim_end(mut value: &[u8]) -> &[u8] {
    while let Some((&last, rest)) = value.split_last() {
        if !is_space(last) {
            break;
        }
        value = rest;
    }
    value
}

/// Removes the `=` at the end of base64.
pub(crate) fn trim_padding(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_suffix(b"=") {
        text = rest;
    }
    text
}

/// Returns the elements of a list (RFC 9110 §5.6.1) without the empty ones, which §5.6.1.2 requires to be ignored.
pub(crate) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let elements = list.split(|&byte| byte == b',').map(trim);
    elements.filter(|element| !element.is_empty())
}

/// Returns whether two names are equal, ignoring case (RFC 9110 §5.1).
#[inline(never)]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Parses `1*DIGIT`. Returns `None` for anything else, and for a number that does not fit into a `u64`.
#[inline(never)]
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Not `checked_mul`: with 64 bits it is a function call on 32-bit targets.
        if number > u64::MAX / 10 {
            return None;
        }
        number.wrapping_mul(10).checked_add(u64::from(digit))
    })
}
