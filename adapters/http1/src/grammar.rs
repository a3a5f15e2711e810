//! The character classes of RFC 9110 that requests, heads and trailers share.

/// `tchar` (RFC 9110 §5.6.2).
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// What a field line may hold: `field-vchar`, `obs-text`, SP and HTAB (RFC 9110 §5.5).
pub(crate) const fn is_text_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=0x7e | 0x80..)
}

/// SP or HTAB, the optional white space of RFC 9110 §5.6.3.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the optional white space around it.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let Some((&first, rest)) = value.split_first() {
        if !is_space(first) {
            break;
        }
        value = rest;
    }
    while let Some((&last, rest)) = value.split_last() {
        if !is_space(last) {
            break;
        }
        value = rest;
    }
    value
}

/// `1*DIGIT`, or `None` for anything else and for what a `u64` cannot hold.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
