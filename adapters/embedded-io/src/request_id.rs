//! `client-request-id`: shows which request a response answers.

use exportitems_http1::Field;

/// The id of a request, as Exchange echoes it: a GUID in text form.
///
/// Source: [Instrumenting client requests](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/instrumenting-client-requests-for-ews-and-rest-in-exchange).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestId(pub(crate) [u8; 16]);

impl RequestId {
    pub(crate) const NAME: &'static str = "client-request-id";
    const LEN: usize = 36;

    /// Changes this id to that of the next request on the same connection.
    pub(crate) fn advance(&mut self) {
        for byte in self.0.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }

    /// Returns the text form: hexadecimal digits in groups of 8, 4, 4, 4 and 12, with hyphens between.
    pub(crate) fn text(&self) -> [u8; Self::LEN] {
        let mut digits: usize = 0;
        core::array::from_fn(|place| {
            if matches!(place, 8 | 13 | 18 | 23) {
                return b'-';
            }
            let byte = self.0.get(digits / 2).copied().unwrap_or_default();
            let digit = if digits.is_multiple_of(2) {
                byte >> 4
            } else {
                byte & 15
            };
            digits = digits.wrapping_add(1);
            digit.wrapping_add(if digit < 10 { b'0' } else { b'a' - 10 })
        })
    }

    /// Returns whether a response with this field answers another request. An empty value is ignored.
    pub(crate) fn is_not(&self, field: &Field<'_>) -> bool {
        field.is(Self::NAME) && !field.value.is_empty() && !field.has(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, RequestId};

    #[test]
    fn an_id_is_a_guid_and_the_next_one_is_another() {
        let mut id =
            RequestId(*b"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\xff\xff");
        assert_eq!(&id.text(), b"01234567-89ab-cdef-fedc-ba987654ffff");
        let is_not = |id: RequestId, name, value| id.is_not(&Field { name, value });
        let name = "Client-Request-Id";
        assert!(!is_not(id, name, b"01234567-89AB-CDEF-FEDC-BA987654FFFF"));
        assert!(!is_not(id, name, b""));
        assert!(!is_not(id, "request-id", b"01234567"));
        let before = id.text();
        id.advance();
        assert_eq!(&id.text(), b"01234567-89ab-cdef-fedc-ba9876550000");
        assert!(is_not(id, name, &before));
        assert!(is_not(id, name, b"01234567-89ab-cdef-fedc-ba98765500"));
        let mut last = RequestId([0xff; 16]);
        last.advance();
        assert_eq!(last.0, [0; 16]);
    }
}
