//! One line per rule.

use super::oracle::{check, read};
use exportitems_http1::{
    BodyDecoder, Error, ErrorClass, ErrorKind, HeadDecoder, ResponseHead, CHUNK_EXTRA_LIMIT,
    HEAD_LIMIT,
};

/// Room for every line of the tables.
const SCRATCH: usize = 128;

/// Whether another request may follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Then {
    Reuse,
    Close,
}
use Then::{Close, Reuse};

#[rustfmt::skip]
const GOOD: &[(&str, u16, &str, Then)] = &[
    // The lengths of RFC 9112 §6.3.
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", Reuse),
    ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", Reuse),
    ("HTTP/1.1 200 \r\ncontent-length:5 \t\r\n\r\nhello", 200, "hello", Reuse),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", Reuse),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5, 05\r\n\r\nhello", 200, "hello", Reuse),
    ("HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", Close),
    ("HTTP/1.0 200 OK\r\n\r\n", 200, "", Close),
    ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", Reuse),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, "", Reuse),
    // A body that is declared and must not be there (RFC 9112 §6.3 rule 1) may come all the same.
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", Close),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 0, 0\r\n\r\n", 204, "", Reuse),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 18446744073709551615\r\n\r\n", 204, "", Close),
    ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204, "", Close),
    ("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: identity\r\n\r\n", 304, "", Close),
    ("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding:\r\nContent-Length: 0\r\n\r\n", 304, "", Close),
    ("HTTP/1.1 999 \u{fc}\r\nContent-Length: 2\r\n\r\nno", 999, "no", Reuse),
    // Chunks.
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n", 200, "abc0123456789", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0000000000000001 \t\r\na\r\n0\r\n\r\n", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b;c=\"d\"\r\na\r\n2 ; x\r\nbc\r\n0;last\r\n\r\n", 200, "abc", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nDigest: x\r\nEmpty:\r\n\r\n", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"x;y, \\\" 0\"\r\na\r\n0\r\n\r\n", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\n", 200, "", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding:chunked\r\n\r\n0\r\nA:: b\r\n\r\n", 200, "", Reuse),
    // A list, in one field or over several, with empty elements (RFC 9110 §5.3, §5.6.1).
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: ,, chunked\t\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: ,Identity,,chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", Reuse),
    // No coding is left: the body ends with the connection (RFC 9112 §6.3 rule 4).
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello", 200, "hello", Close),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nhello", 200, "hello", Close),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, ,identity\r\nConnection: keep-alive\r\n\r\nhello", 200, "hello", Close),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection:, ,\r\nConnection: ,close,\r\n\r\na", 200, "a", Close),
    // Content codings are the caller's.
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Encoding: , identity,\r\n\r\na", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Encoding:\r\n\r\na", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Encoding: gzip\r\n\r\na", 200, "a", Reuse),
    // Folded fields are one line (RFC 9112 §5.2).
    ("HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello", 200, "hello", Reuse),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n \r\n\t \r\n\r\nhello", 200, "hello", Reuse),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity,\r\n\tchunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive,\r\n  close\r\n\r\na", 200, "a", Close),
    ("HTTP/1.1 200 OK\r\nX: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nX:\r\n Content-Length: 9\r\n :\r\nContent-Length: 1\r\n\r\na", 200, "a", Reuse),
    ("HTTP/1.1 100 C\r\nA: b\r\n c\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n ", 200, " ", Reuse),
    // White space that begins the body is the body's.
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n \tx", 200, " \tx", Reuse),
    // What goes before.
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a", Reuse),
    ("HTTP/1.1 103 Hints\r\nContent-Length: 9\r\nConnection: close\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a", Reuse),
    // The connection's life (RFC 9112 §9.3).
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: upgrade , CLOSE\r\n\r\na", 200, "a", Close),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\nConnection: keep-alive\r\n\r\na", 200, "a", Close),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: closed\r\n\r\na", 200, "a", Reuse),
    ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a", Close),
    ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\na", 200, "a", Reuse),
    ("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\na", 200, "a", Close),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\n", 200, "a", Close),
    ("HTTP/1.1 204 No Content\r\n\r\nsmuggled", 204, "", Close),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n", 200, "", Close),
];

#[rustfmt::skip]
const BAD: &[(&str, ErrorKind, u64)] = &[
    ("", ErrorKind::Closed, 0),
    ("H", ErrorKind::Cut, 1),
    ("\r\nHTTP/1.1 200 OK\r\n\r\n", ErrorKind::StatusLine, 0),
    (" HTTP/1.1 200 OK\r\n\r\n", ErrorKind::StatusLine, 0),
    ("HTTP/2 200 OK\r\n\r\n", ErrorKind::StatusLine, 0),
    ("HTTP/1.2 200 OK\r\n\r\n", ErrorKind::StatusLine, 0),
    ("HTTP/1.1  200 OK\r\n\r\n", ErrorKind::StatusLine, 0),
    ("HTTP/1.1 20 OK\r\n\r\n", ErrorKind::StatusLine, 0),
    ("HTTP/1.1 2000 OK\r\n\r\n", ErrorKind::StatusLine, 0),
    ("HTTP/1.1 099 No\r\n\r\n", ErrorKind::StatusLine, 0),
    ("HTTP/1.1 None\r\n\r\n", ErrorKind::StatusLine, 0),
    ("<html>\r\n", ErrorKind::StatusLine, 0),
    ("HTTP/1.1 101 Switching Protocols\r\n\r\n", ErrorKind::Upgrade, 0),
    // Lines.
    ("HTTP/1.1 200 OK\n\n", ErrorKind::BareLf, 15),
    ("HTTP/1.1 200 OK\r\r\n", ErrorKind::BareCr, 16),
    ("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", ErrorKind::BareCr, 22),
    ("HTTP/1.1 200 OK\r\nA: b\n\r\n", ErrorKind::BareLf, 21),
    ("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", ErrorKind::ControlCharacter, 20),
    ("HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n", ErrorKind::ControlCharacter, 20),
    ("HTTP/1.1 200 OK\r\nA: b\r\n \0\r\n\r\n", ErrorKind::ControlCharacter, 24),
    ("HTTP/1.1 200 OK\r\nA: b\r\n \rc\r\n\r\n", ErrorKind::BareCr, 25),
    ("HTTP/1.1 200 OK\r\nA: b\r\n c\n\r\n", ErrorKind::BareLf, 25),
    ("HTTP/1.1 200 OK\r\nA\r\n : b\r\n\r\n", ErrorKind::FieldLine, 17),
    ("HTTP/1.1 200 OK\r\nA: b\r\n c", ErrorKind::Cut, 25),
    ("HTTP/1.1 200 OK\r\nA: b\r\n ", ErrorKind::Cut, 24),
    ("HTTP/1.1 200 OK\r\nA: b\r\n", ErrorKind::Cut, 23),
    ("HTTP/1.1 200 OK\r\nA: b\r\n \r\n", ErrorKind::Cut, 26),
    ("HTTP/1.1 200\r\n OK\r\n\r\n", ErrorKind::FieldLine, 14),
    ("HTTP/1.1 200 OK\r\n \r\n\r\n", ErrorKind::FieldLine, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n 5\r\n\r\nhello", ErrorKind::ContentLength, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", ErrorKind::TwoLengths, 66),
    ("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", ErrorKind::FieldLine, 17),
    ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", ErrorKind::FieldLine, 17),
    ("HTTP/1.1 200 OK\r\n: b\r\n\r\n", ErrorKind::FieldLine, 17),
    ("HTTP/1.1 200 OK\r\nA\r\n\r\n", ErrorKind::FieldLine, 17),
    ("HTTP/1.1 200 OK\r\nB\u{e4}r: a\r\n\r\n", ErrorKind::FieldLine, 17),
    ("HTTP/1.1 100 Continue\r\nA\r\n\r\n", ErrorKind::FieldLine, 23),
    // Lengths.
    ("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", ErrorKind::ContentLength, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", ErrorKind::ContentLength, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", ErrorKind::ContentLength, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello", ErrorKind::ContentLength, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\nhello", ErrorKind::ContentLength, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length:\r\nContent-Length: 5\r\n\r\nhello", ErrorKind::ContentLength, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5,\r\n\r\nhello", ErrorKind::ContentLength, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n", ErrorKind::ContentLength, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", ErrorKind::ContentLengthsDiffer, 36),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello", ErrorKind::ContentLengthsDiffer, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrorKind::TwoLengths, 64),
    ("HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", ErrorKind::TwoLengths, 64),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", ErrorKind::TransferEncoding, 17),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", ErrorKind::TransferEncoding, 17),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", ErrorKind::TransferEncoding, 17),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", ErrorKind::TransferEncoding, 45),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;a=b\r\n\r\n", ErrorKind::TransferEncoding, 17),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", ErrorKind::TransferEncoding, 17),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n", ErrorKind::TransferEncoding, 17),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity chunked\r\n\r\n", ErrorKind::TransferEncoding, 17),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n", ErrorKind::FieldLine, 17),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", ErrorKind::ControlCharacter, 36),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ErrorKind::TransferEncoding, 45),
    ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrorKind::TransferEncoding, 17),
    ("HTTP/1.0 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", ErrorKind::TransferEncoding, 17),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", ErrorKind::Cut, 42),
];

/// Chunked bodies; offsets count from the body.
#[rustfmt::skip]
const BAD_CHUNKS: &[(&str, ErrorKind, u64)] = &[
    ("", ErrorKind::Cut, 0),
    ("\r\n", ErrorKind::ChunkSize, 0),
    (" 1\r\na\r\n0\r\n\r\n", ErrorKind::ChunkSize, 0),
    (";a\r\n", ErrorKind::ChunkSize, 0),
    ("g\r\n", ErrorKind::ChunkSize, 0),
    ("+1\r\na\r\n", ErrorKind::ChunkSize, 0),
    ("0x1\r\na\r\n", ErrorKind::ChunkSize, 1),
    ("1 1\r\na\r\n", ErrorKind::ChunkSize, 2),
    ("1\na\r\n0\r\n\r\n", ErrorKind::BareLf, 1),
    ("1\ra\r\n0\r\n\r\n", ErrorKind::BareCr, 2),
    ("1;a\na\r\n0\r\n\r\n", ErrorKind::BareLf, 3),
    ("1;\0\r\na\r\n0\r\n\r\n", ErrorKind::ControlCharacter, 2),
    ("1;a\rb\r\na\r\n0\r\n\r\n", ErrorKind::BareCr, 4),
    ("10000000000000000\r\n", ErrorKind::ChunkSizeTooLong, 16),
    ("00000000000000001\r\na\r\n0\r\n\r\n", ErrorKind::ChunkSizeTooLong, 16),
    ("FFFFFFFFFFFFFFFF\r\na", ErrorKind::Cut, 19),
    ("1\r\nab\r\n0\r\n\r\n", ErrorKind::ChunkEnd, 4),
    ("1\r\na\n0\r\n\r\n", ErrorKind::ChunkEnd, 4),
    ("1\r\na\r0\r\n\r\n", ErrorKind::ChunkEnd, 5),
    ("1\r\na\r\n", ErrorKind::Cut, 6),
    ("1\r\na\r\n0\r\n", ErrorKind::Cut, 9),
    ("0\r\n\n", ErrorKind::BareLf, 3),
    ("0\r\n\rx", ErrorKind::BareCr, 4),
    ("0\r\n folded\r\n\r\n", ErrorKind::FieldLine, 3),
    ("0\r\n \r\n\r\n", ErrorKind::FieldLine, 3),
    ("0\r\nA: b\r\n \0\r\n\r\n", ErrorKind::ControlCharacter, 10),
    ("0\r\nA\r\n : b\r\n\r\n", ErrorKind::FieldLine, 4),
    ("0\r\nA : b\r\n\r\n", ErrorKind::FieldLine, 4),
    ("0\r\nA: b\r\n c", ErrorKind::Cut, 11),
    ("1;a=\"\r\n\"\r\na\r\n0\r\n\r\n", ErrorKind::Cut, 18),
    ("1;a=\"b\r\na\n0\r\n\r\n", ErrorKind::ChunkEnd, 9),
    ("0\r\nno colon\r\n\r\n", ErrorKind::FieldLine, 5),
    ("0\r\n: a\r\n\r\n", ErrorKind::FieldLine, 3),
    ("0\r\nA\r\n\r\n", ErrorKind::FieldLine, 4),
    ("0\r\nA: \0\r\n\r\n", ErrorKind::ControlCharacter, 6),
    ("0\r\nA: b\n\r\n", ErrorKind::BareLf, 7),
    ("0\r\nA: b\rc\r\n", ErrorKind::BareCr, 8),
];

/// Responses that hyper refuses or reads differently, each with the reason and the result of this crate.
#[rustfmt::skip]
pub(crate) const LENIENT: &[(&str, u16, &str, Then, &str)] = &[
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", Reuse,
        "hyper takes identity for a coding after chunked and reads until the close"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: , chunked\t,,\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", Reuse,
        "hyper looks at the last element alone, be it empty"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: ,\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a", Reuse,
        "hyper looks at the last element alone, be it empty"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nabc", 200, "a", Close,
        "hyper reads until the close, which RFC 2616 §4.4 requires only for codings other than identity"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\t\r\nD: e\r\n\r\n", 200, "", Reuse,
        "hyper joins folded lines in heads only"),
];

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Every response of the tables.
pub(crate) fn responses() -> impl Iterator<Item = Vec<u8>> {
    let good = GOOD.iter().map(|case| case.0.as_bytes().to_vec());
    let bad = BAD.iter().map(|case| case.0.as_bytes().to_vec());
    let chunks = BAD_CHUNKS
        .iter()
        .map(|case| [CHUNKED.as_bytes(), case.0.as_bytes()].concat());
    good.chain(bad).chain(chunks)
}

#[test]
fn good_responses_in_any_split() {
    let lenient = LENIENT
        .iter()
        .map(|&(response, status, body, then, _)| (response, status, body, then));
    for (response, status, body, then) in GOOD.iter().copied().chain(lenient) {
        let reading = check(response.as_bytes(), SCRATCH);
        let end = reading
            .end
            .unwrap_or_else(|error| panic!("{error}: {response:?}"));
        assert_eq!(reading.head.unwrap().0, status, "{response:?}");
        assert_eq!(String::from_utf8_lossy(&reading.body), body, "{response:?}");
        assert_eq!(end.can_reuse, then == Reuse, "{response:?}");
    }
}

#[test]
fn bad_responses_in_any_split() {
    for &(response, kind, offset) in BAD {
        let reading = check(response.as_bytes(), SCRATCH);
        assert_eq!(reading.end, Err(Error { kind, offset }), "{response:?}");
    }
    for &(chunks, kind, offset) in BAD_CHUNKS {
        let reading = check(&[CHUNKED.as_bytes(), chunks.as_bytes()].concat(), SCRATCH);
        let offset = CHUNKED.len() as u64 + offset;
        assert_eq!(reading.end, Err(Error { kind, offset }), "{chunks:?}");
    }
}

#[test]
fn a_head_says_whether_the_body_is_coded() {
    for (fields, coded) in [
        ("", false),
        ("Content-Encoding:\r\n", false),
        ("Content-Encoding: ,identity, ,\r\n", false),
        (
            "Content-Encoding: Identity\r\nContent-Encoding: Gzip\r\n",
            true,
        ),
        (
            "Content-Encoding: deflate\r\nContent-Encoding: identity\r\n",
            true,
        ),
        ("content-encoding:\r\n br\r\n", true),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let mut scratch = [0; SCRATCH];
        let mut decoder = HeadDecoder::new(&mut scratch);
        let mut input = response.as_bytes();
        let head = loop {
            match decoder.next(&mut input).unwrap() {
                Some(exportitems_http1::HeadEvent::Head(head)) => break head,
                Some(_) => {}
                None => panic!("the head is whole"),
            }
        };
        assert_eq!(head.is_coded(), coded, "{fields:?}");
    }
    let long = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {}gzip\r\n\r\n",
        ",".repeat(SCRATCH)
    );
    let reading = check(long.as_bytes(), SCRATCH);
    assert_eq!(
        reading.kind(),
        Some(ErrorKind::LineTooLong),
        "a coding is not overlooked"
    );
}

#[test]
fn fields_come_in_order_and_interim_ones_not() {
    let response = b"HTTP/1.1 100 Continue\r\nX: hidden\r\n\r\nHTTP/1.1 401 Unauthorized\r\n\
        WWW-Authenticate: Negotiate\r\nWww-Authenticate:NTLM  \r\nX-Empty:\r\nX-Obs: \xfc\r\n\r\n";
    let reading = check(response, SCRATCH);
    let fields: Vec<(&str, &[u8])> = reading
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_deref().unwrap()))
        .collect();
    let expected: &[(&str, &[u8])] = &[
        ("WWW-Authenticate", b"Negotiate"),
        ("Www-Authenticate", b"NTLM"),
        ("X-Empty", b""),
        ("X-Obs", b"\xfc"),
    ];
    assert_eq!(fields, expected);
    assert_eq!(reading.interim, [100]);
}

#[test]
fn a_folded_field_is_one_with_a_space_in_each_line_ends_place() {
    let response = b"HTTP/1.1 200 OK\r\nA: b \t\r\n\t  c\td\r\n\r\n"; // a body of a CRLF
    let folded =
        b"HTTP/1.1 200 OK\r\nA: b \t\r\n\t  c\td\r\n \r\n \te \r\nB:\r\n f\r\nC: g\r\n :h\r\n\r\n";
    let values = |response: &[u8]| -> Vec<String> {
        let fields = check(response, SCRATCH).fields.into_iter();
        let show = |(name, value): (String, Option<Vec<u8>>)| {
            format!("{name}={}", String::from_utf8(value.unwrap()).unwrap())
        };
        fields.map(show).collect()
    };
    assert_eq!(values(response), ["A=b c\td"]);
    assert_eq!(values(folded), ["A=b c\td e", "B=f", "C=g :h"]);
}

/// With a scratch of any size, a field is reported completely, or by its name, or refused. It is never misread.
#[test]
fn a_small_scratch_hides_values_but_never_changes_them() {
    let status = "HTTP/1.1 200 OK";
    let response = format!(
        "{status}\r\nX-A: 1\r\nSet-Cookie: {0}\r\nContent-Length: 1\r\n\r\na",
        "c".repeat(40)
    );
    let folded = response
        .replace("cccc", "cc\r\n c")
        .replace(": 1", ":\r\n 1");
    assert_ne!(folded, response);
    let tight = check(folded.as_bytes(), 63);
    for scratch in 0..SCRATCH {
        let reading = check(folded.as_bytes(), scratch);
        for (field, whole) in reading
            .fields
            .iter()
            .zip(&check(folded.as_bytes(), SCRATCH).fields)
        {
            assert_eq!(field.0, whole.0);
            assert!(field.1.is_none() || field.1 == whole.1, "{scratch}");
        }
    }
    assert!(tight.end.is_ok());
    let roomy = check(response.as_bytes(), SCRATCH);
    for scratch in 0..SCRATCH {
        let reading = check(response.as_bytes(), scratch);
        match reading.end {
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::LineTooLong);
                assert_eq!(error.kind.class(), ErrorClass::Limit);
                assert!(scratch < "Content-Length: 1".len());
            }
            Ok(_) => {
                assert_eq!(reading.body, b"a");
                for (small, large) in reading.fields.iter().zip(&roomy.fields) {
                    assert_eq!(small.0, large.0);
                    assert!(small.1.is_none() || small.1 == large.1);
                }
                let hidden = reading
                    .fields
                    .iter()
                    .filter(|field| field.1.is_none())
                    .count();
                assert_eq!(hidden, usize::from(scratch < "Set-Cookie: ".len() + 40));
            }
        }
    }
}

#[test]
fn a_head_has_a_limit_and_so_have_interim_responses() {
    let limit = HEAD_LIMIT as usize;
    let kind = |response: &[u8]| read([response], SCRATCH).kind();

    let field = format!("X: {}\r\n", "x".repeat(95));
    let endless = format!(
        "HTTP/1.1 200 OK\r\n{}",
        field.repeat(limit / field.len() + 1)
    );
    assert_eq!(kind(endless.as_bytes()), Some(ErrorKind::HeadTooLong));
    let line = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(limit));
    assert_eq!(kind(line.as_bytes()), Some(ErrorKind::HeadTooLong));
    let interim = "HTTP/1.1 102 Processing\r\n\r\n".repeat(limit / 27 + 1);
    assert_eq!(kind(interim.as_bytes()), Some(ErrorKind::HeadTooLong));

    let fitting = |len: usize| {
        let start = "HTTP/1.1 204 No Content\r\nX: ";
        format!("{start}{}\r\n\r\n", "x".repeat(len - start.len() - 4))
    };
    assert_eq!(kind(fitting(limit).as_bytes()), None);
    assert_eq!(
        kind(fitting(limit + 1).as_bytes()),
        Some(ErrorKind::HeadTooLong)
    );
}

#[test]
fn extensions_and_trailers_share_a_limit() {
    let limit = usize::from(CHUNK_EXTRA_LIMIT);
    let kind = |extension: usize, trailer: usize| {
        let extension = format!(";{}", "e".repeat(extension - 1));
        let trailer = format!("T:{}", "t".repeat(trailer - 2));
        let response = format!("{CHUNKED}1{extension}\r\na\r\n0\r\n{trailer}\r\n\r\n");
        read([response.as_bytes()], SCRATCH).kind()
    };
    assert_eq!(kind(limit - 2, 2), None);
    assert_eq!(kind(2, limit - 2), None);
    assert_eq!(kind(limit - 1, 2), Some(ErrorKind::ChunkExtraTooLong));
    assert_eq!(kind(limit + 1, 2), Some(ErrorKind::ChunkExtraTooLong));
    // Extensions of many chunks are counted together.
    let response = format!("{CHUNKED}{}", "1;e\r\na\r\n".repeat(limit / 2 + 1));
    assert_eq!(
        read([response.as_bytes()], SCRATCH).kind(),
        Some(ErrorKind::ChunkExtraTooLong)
    );
}

/// A body of `u64::MAX` bytes, which is fed in slices.
#[test]
fn the_largest_length_is_counted() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX);
    let reading = read([head.as_bytes(), b"abc"], SCRATCH);
    assert_eq!(reading.body, b"abc");
    assert_eq!(reading.kind(), Some(ErrorKind::Cut));
}

#[test]
fn data_are_slices_of_the_input() {
    let response = format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n");
    let mut input = response.as_bytes();
    let range = input.as_ptr_range();
    let mut scratch = [0; SCRATCH];
    let mut decoder = HeadDecoder::new(&mut scratch);
    let head = loop {
        match decoder.next(&mut input).unwrap() {
            Some(exportitems_http1::HeadEvent::Head(head)) => break head,
            Some(_) => {}
            None => panic!("the head is whole"),
        }
    };
    let data = BodyDecoder::new(&head).next(&mut input).unwrap().unwrap();
    assert_eq!(data, b"hello");
    assert!(range.contains(&data.as_ptr()));
}

#[test]
fn state_is_small_and_send() {
    fn is_send<T: Send + Sync>() {}
    is_send::<HeadDecoder<'static>>();
    is_send::<BodyDecoder>();
    is_send::<ResponseHead>();
    is_send::<exportitems_http1::HeadEncoder<'static>>();
    is_send::<Error>();
    assert!(size_of::<HeadDecoder<'static>>() <= 80);
    assert!(size_of::<BodyDecoder>() <= 24);
}
