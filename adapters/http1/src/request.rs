//! The head of a request.

use crate::error::RequestError;
use crate::grammar::{is_space, is_text_byte, is_token_byte};

/// A checked head of a `POST` request.
///
/// The checks make header injection impossible: no value can end its line.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    target: &'a str,
    host: &'a str,
    headers: &'a [(&'a str, &'a str)],
    content_length: u64,
}

impl<'a> RequestHead<'a> {
    /// A request for `target`, a path with an optional query, on `host`, a name or address with an
    /// optional port, with `content_length` bytes of body to follow.
    ///
    /// `headers` are names and values as they go out, in their order; `Host` and `Content-Length`
    /// are added.
    /// With `Expect: 100-continue` among them, wait for
    /// [`HeadEvent::Interim(100)`](crate::HeadEvent::Interim) before the body, but not for ever
    /// (RFC 9110 §10.1.1).
    ///
    /// # Errors
    ///
    /// What a header or another part holds cannot be sent.
    pub fn new(
        target: &'a str,
        host: &'a str,
        headers: &'a [(&'a str, &'a str)],
        content_length: u64,
    ) -> Result<Self, RequestError> {
        if !is_origin_form(target) {
            return Err(RequestError::Target);
        }
        if host.is_empty() || !host.bytes().all(is_host_byte) {
            return Err(RequestError::Host);
        }
        for (index, (name, value)) in headers.iter().enumerate() {
            if name.is_empty() || !name.bytes().all(is_token_byte) {
                return Err(RequestError::HeaderName(index));
            }
            if RESERVED
                .iter()
                .any(|reserved| name.eq_ignore_ascii_case(reserved))
            {
                return Err(RequestError::ReservedHeader(index));
            }
            if !is_field_value(value.as_bytes()) {
                return Err(RequestError::HeaderValue(index));
            }
        }
        Ok(Self {
            target,
            host,
            headers,
            content_length,
        })
    }
}

/// The fields that frame the request or say whom it is for.
const RESERVED: [&str; 3] = ["Host", "Content-Length", "Transfer-Encoding"];

/// `origin-form` (RFC 9112 §3.2.1), as far as it matters: no byte that ends the request line or
/// starts a fragment.
fn is_origin_form(target: &str) -> bool {
    target.starts_with('/')
        && target
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2): unreserved, percent-encoded, sub-delims and the
/// brackets of an IPv6 address.
const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%' | b'!')
        || matches!(
            byte,
            b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
        || matches!(byte, b':' | b'[' | b']')
}

/// `field-value` (RFC 9110 §5.5): no control character, no white space at either end.
fn is_field_value(value: &[u8]) -> bool {
    let has_outer_space = [value.first(), value.last()]
        .into_iter()
        .flatten()
        .any(|&byte| is_space(byte));
    !has_outer_space && value.iter().all(|&byte| is_text_byte(byte))
}

/// Writes a [`RequestHead`], a part at a time.
#[derive(Clone, Debug)]
pub struct HeadEncoder<'a> {
    head: RequestHead<'a>,
    content_length: Decimal,
    /// The piece being written, and how much of it has been.
    piece: usize,
    written: usize,
}

impl<'a> HeadEncoder<'a> {
    /// An encoder at the first byte of `head`.
    #[must_use]
    pub fn new(head: RequestHead<'a>) -> Self {
        Self {
            head,
            content_length: Decimal::new(head.content_length),
            piece: 0,
            written: 0,
        }
    }

    /// Bytes of the whole head; the body comes on top.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        (0..)
            .map_while(|index| self.piece(index))
            .map(<[u8]>::len)
            .sum()
    }

    /// Writes the next bytes to the front of `out` and says how many; 0 means that the head is
    /// written (or that `out` is empty).
    pub fn write(&mut self, out: &mut [u8]) -> usize {
        let mut total = 0;
        while let (Some(piece), Some(free)) = (self.piece(self.piece), out.get_mut(total..)) {
            let bytes = piece.get(self.written..).unwrap_or_default();
            let mut copied = 0;
            for (slot, &byte) in free.iter_mut().zip(bytes) {
                *slot = byte;
                copied += 1;
            }
            total += copied;
            if copied < bytes.len() {
                self.written += copied;
                break;
            }
            self.piece += 1;
            self.written = 0;
        }
        total
    }

    /// The pieces that, one after the other, are the head.
    fn piece(&self, index: usize) -> Option<&[u8]> {
        let RequestHead {
            target,
            host,
            headers,
            ..
        } = self.head;
        let start: [&[u8]; 6] = [
            b"POST ",
            target.as_bytes(),
            b" HTTP/1.1\r\nHost: ",
            host.as_bytes(),
            b"\r\nContent-Length: ",
            self.content_length.digits(),
        ];
        let Some(index) = index.checked_sub(start.len()) else {
            return start.get(index).copied();
        };
        let Some((name, value)) = headers.get(index / 4) else {
            return (index == headers.len() * 4).then_some(b"\r\n\r\n");
        };
        Some(match index % 4 {
            0 => b"\r\n",
            1 => name.as_bytes(),
            2 => b": ",
            _ => value.as_bytes(),
        })
    }
}

/// A number's decimal digits, at the end of the array.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    digits: [u8; 20],
    unused: usize,
}

impl Decimal {
    fn new(mut number: u64) -> Self {
        let mut this = Self {
            digits: [b'0'; 20],
            unused: 20,
        };
        for slot in this.digits.iter_mut().rev() {
            let digit;
            (number, digit) = divided_by_ten(number);
            *slot = b'0' + digit;
            this.unused -= 1;
            if number == 0 {
                break;
            }
        }
        this
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(self.unused..).unwrap_or_default()
    }
}

/// Quotient and rest, a bit at a time: the 64-bit division of a 32-bit machine is 900 bytes of code.
fn divided_by_ten(mut number: u64) -> (u64, u8) {
    let mut rest = 0;
    for _ in 0..u64::BITS {
        rest = rest << 1 | (number >> 63) as u8;
        number <<= 1;
        if rest >= 10 {
            rest -= 10;
            number |= 1; // of the quotient, which comes in from below
        }
    }
    (number, rest)
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn decimal_digits_are_those_of_the_standard_library() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        let around = powers.flat_map(|it| [it - 1, it, it.saturating_add(1), it.saturating_mul(7)]);
        for number in around.chain([u64::MAX - 1, u64::MAX]) {
            let text = std::format!("{number}");
            assert_eq!(Decimal::new(number).digits(), text.as_bytes());
        }
    }
}
