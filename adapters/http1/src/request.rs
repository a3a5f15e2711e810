//! The head of a request.

use crate::error::RequestError;
use crate::framing::Word;
use crate::grammar::{is_text, trim, HOST, TARGET, TOKEN};

/// The head of a `POST` request. Its parts have been checked.
///
/// The checks prevent header injection: no value can contain a line end.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    target: &'a str,
    host: &'a str,
    headers: &'a [&'a [(&'a str, &'a str)]],
    content_length: u64,
}

impl<'a> RequestHead<'a> {
    /// Checks the parts of a request head and returns it.
    ///
    /// - `target`: a path with an optional query.
    /// - `host`: a name or address with an optional port.
    /// - `headers`: groups of names and values, which are sent in this order after `Host` and `Content-Length`.
    ///   In groups, optional fields and fields of a caller need no copy: [`Option::as_slice`] is a group too.
    ///   If a field is `Expect: 100-continue`, wait for [`HeadEvent::Interim(100)`](crate::HeadEvent::Interim) before you
    ///   send the body, but send it after a timeout as well (RFC 9110 §10.1.1).
    /// - `content_length`: the length in bytes of the body that follows.
    ///
    /// # Errors
    ///
    /// Returns an error if a part contains something that cannot be sent.
    pub fn new(
        target: &'a str,
        host: &'a str,
        headers: &'a [&'a [(&'a str, &'a str)]],
        content_length: u64,
    ) -> Result<Self, RequestError> {
        if !target.starts_with('/') || !TARGET.matches(target.as_bytes()) {
            return Err(RequestError::Target);
        }
        if !HOST.matches(host.as_bytes()) {
            return Err(RequestError::Host);
        }
        // Not `enumerate`, which panics when it counts more fields than a number holds. There is no memory for so many, but
        // the compiler does not know.
        let mut next = 0_usize;
        for (name, value) in headers.iter().copied().flatten() {
            let index = next;
            next = next.wrapping_add(1);
            let (name, value) = (name.as_bytes(), value.as_bytes());
            if !TOKEN.matches(name) {
                return Err(RequestError::HeaderName(index));
            }
            // The encoder writes these, and a second one would frame the request in another way.
            if matches!(
                Word::of(name),
                Word::Host | Word::ContentLength | Word::TransferEncoding
            ) {
                return Err(RequestError::ReservedHeader(index));
            }
            // RFC 9110 §5.5: no control character, no white space at either end.
            if !is_text(value) || trim(value).len() < value.len() {
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

/// An encoder that writes a [`RequestHead`], any number of bytes at a time.
#[derive(Clone, Debug)]
pub struct HeadEncoder<'a> {
    head: RequestHead<'a>,
    content_length: Decimal,
    /// The piece being written, and how many of its bytes have been.
    piece: usize,
    written: usize,
}

impl<'a> HeadEncoder<'a> {
    /// Returns an encoder at the first byte of `head`.
    #[must_use]
    pub fn new(head: RequestHead<'a>) -> Self {
        Self {
            head,
            content_length: Decimal::new(head.content_length),
            piece: 0,
            written: 0,
        }
    }

    /// Returns the length in bytes of the head, without the body.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let (mut len, mut index): (usize, usize) = (0, 0);
        while let Some(piece) = self.piece(index) {
            len = len.saturating_add(piece.len());
            index = index.wrapping_add(1);
        }
        len
    }

    /// Writes the next bytes to the front of `out` and returns how many. 0 means that the head is complete, or that
    /// `out` is empty.
    pub fn write(&mut self, out: &mut [u8]) -> usize {
        let mut written: usize = 0;
        for slot in out {
            let Some(byte) = self.next_byte() else {
                break;
            };
            *slot = byte;
            written = written.wrapping_add(1);
        }
        written
    }

    #[inline(never)] // inlined, it makes the loop of `write` spill its registers
    fn next_byte(&mut self) -> Option<u8> {
        loop {
            if let Some(&byte) = self.piece(self.piece)?.get(self.written) {
                self.written = self.written.wrapping_add(1);
                return Some(byte);
            }
            self.piece = self.piece.wrapping_add(1);
            self.written = 0;
        }
    }

    /// Returns one of the pieces that make up the head. Pieces with an even index are constant, the others are the
    /// caller's.
    fn piece(&self, index: usize) -> Option<&[u8]> {
        let RequestHead {
            target,
            host,
            headers,
            ..
        } = self.head;
        let (ours, theirs): (&str, &[u8]) = match index / 2 {
            0 => ("POST ", target.as_bytes()),
            1 => (" HTTP/1.1\r\nHost: ", host.as_bytes()),
            2 => ("\r\nContent-Length: ", self.content_length.digits()),
            pair => match nth(headers, pair.wrapping_sub(3) / 2) {
                Ok((name, _)) if pair % 2 == 1 => ("\r\n", name.as_bytes()),
                Ok((_, value)) => (": ", value.as_bytes()),
                Err(0) if pair % 2 == 1 => ("\r\n\r\n", b""),
                Err(_) => return None,
            },
        };
        Some(if index % 2 == 0 {
            ours.as_bytes()
        } else {
            theirs
        })
    }
}

/// Returns the field at `index` of all groups together, or how far the index is after the last field.
fn nth<'a>(
    headers: &[&'a [(&'a str, &'a str)]],
    mut index: usize,
) -> Result<(&'a str, &'a str), usize> {
    for group in headers {
        match group.get(index) {
            Some(field) => return Ok(*field),
            None => index = index.wrapping_sub(group.len()),
        }
    }
    Err(index)
}

/// A number's decimal digits, at the end of the array.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    digits: [u8; 20],
    unused: usize,
}

impl Decimal {
    /// Converts by subtraction: on 32-bit targets a 64-bit division is 900 bytes of code, and `pow` is larger than the
    /// loop.
    fn new(mut number: u64) -> Self {
        let mut place = 20_u8;
        let digits = core::array::from_fn(|_| {
            place = place.wrapping_sub(1);
            let one = (0..place).fold(1_u64, |power, _| power.wrapping_mul(10));
            let mut digit = b'0';
            while number >= one {
                number = number.wrapping_sub(one);
                digit = digit.wrapping_add(1);
            }
            digit
        });
        let zeros = digits.iter().take_while(|&&digit| digit == b'0');
        Self {
            unused: zeros.count().min(19),
            digits,
        }
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(self.unused..).unwrap_or_default()
    }
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
