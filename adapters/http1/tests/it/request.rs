//! The request head, read back by httparse.

use exportitems_http1::{HeadEncoder, RequestError, RequestHead};
use proptest::prelude::*;

fn encode(head: RequestHead<'_>, piece: usize) -> Vec<u8> {
    let mut encoder = HeadEncoder::new(head);
    let len = encoder.encoded_len();
    let mut out = vec![0; piece];
    let mut written = Vec::new();
    loop {
        match encoder.write(&mut out) {
            0 => break,
            n => written.extend_from_slice(&out[..n]),
        }
    }
    assert_eq!(written.len(), len);
    assert_eq!(
        encoder.encoded_len(),
        len,
        "the length is the head's, not the rest's"
    );
    written
}

fn head<'h>(headers: &'h [&'h [(&'h str, &'h str)]]) -> RequestHead<'h> {
    let (target, host) = ("/EWS/Exchange.asmx", "mail.contoso.com:8443");
    RequestHead::new(target, host, headers, 1_234_567_890).unwrap()
}

#[test]
fn a_head_is_the_same_in_any_output() {
    let headers = [
        ("Content-Type", "text/xml; charset=utf-8"),
        ("X-AnchorMailbox", "a@b.example"),
        ("X-Empty", ""),
    ];
    let expected = "POST /EWS/Exchange.asmx HTTP/1.1\r\n\
        Host: mail.contoso.com:8443\r\n\
        Content-Length: 1234567890\r\n\
        Content-Type: text/xml; charset=utf-8\r\n\
        X-AnchorMailbox: a@b.example\r\n\
        X-Empty: \r\n\r\n";
    for piece in 1..=expected.len() + 1 {
        let groups = [&headers[..]];
        let written = encode(head(&groups), piece);
        assert_eq!(String::from_utf8(written).unwrap(), expected, "{piece}");
    }
    // The groups do not matter.
    let [first, second, third] = headers.each_ref().map(core::slice::from_ref);
    let groups: [&[&[_]]; 5] = [
        &[first, second, third],
        &[&[], first, &headers[1..]],
        &[&headers[..2], &[], &[], third],
        &[&headers, &[]],
        &[&[], &[], &headers],
    ];
    for groups in groups {
        assert_eq!(
            String::from_utf8(encode(head(groups), 7)).unwrap(),
            expected
        );
    }
    for (length, digits) in [(0, "0"), (10, "10"), (u64::MAX, "18446744073709551615")] {
        let head = RequestHead::new("/", "a", &[], length).unwrap();
        let expected = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {digits}\r\n\r\n");
        assert_eq!(String::from_utf8(encode(head, 7)).unwrap(), expected);
    }
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let target = |target| RequestHead::new(target, "a", &[], 0).err();
    for bad in [
        "",
        "x",
        "*",
        "http://a/",
        "/ HTTP/1.1\r\nX: y",
        "/a b",
        "/\0",
        "/\u{e4}",
        "/a#b",
    ] {
        assert_eq!(target(bad), Some(RequestError::Target), "{bad:?}");
    }
    assert_eq!(target("/EWS/Exchange.asmx?a=%20&b"), None);

    let host = |host| RequestHead::new("/", host, &[], 0).err();
    for bad in [
        "",
        "a b",
        "a\r\nX: y",
        "a/b",
        "user@a",
        "a\t",
        "\u{e4}.example",
        "a\0",
    ] {
        assert_eq!(host(bad), Some(RequestError::Host), "{bad:?}");
    }
    for good in ["mail.contoso.com", "192.0.2.1:80", "[2001:db8::1]:443"] {
        assert_eq!(host(good), None, "{good:?}");
    }

    let header = |name, value| {
        let groups: [&[_]; 3] = [&[("A", "b")], &[], &[(name, value)]];
        RequestHead::new("/", "a", &groups, 0).err()
    };
    for bad in ["", "A B", "A:", "A\r\nB", "\u{e4}", "A\0", " A"] {
        assert_eq!(
            header(bad, ""),
            Some(RequestError::HeaderName(1)),
            "{bad:?}"
        );
    }
    for bad in ["a\r\nB: c", "a\rb", "a\nb", "a\0b", "\x7f", " a", "a\t"] {
        assert_eq!(
            header("A", bad),
            Some(RequestError::HeaderValue(1)),
            "{bad:?}"
        );
    }
    for reserved in ["host", "CONTENT-LENGTH", "Transfer-Encoding"] {
        assert_eq!(
            header(reserved, "1"),
            Some(RequestError::ReservedHeader(1)),
            "{reserved:?}"
        );
    }
    assert_eq!(header("A", "b \t c\u{e4}"), None);
}

proptest! {
    /// Arbitrary text never makes a head that is read as something other than its parts.
    #[test]
    fn headers_cannot_be_injected(
        target in "/?[ -~\r\n\u{0}\u{e4}]{0,6}",
        host in "[a-z:\r\n /@]{0,6}",
        headers in prop::collection::vec(("[A-Za-z: \r\n-]{0,4}", "[ -~\r\n\t\u{0}\u{e4}]{0,4}"), 0..4),
        content_length: u64,
    ) {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let groups = [&headers[..]];
        let Ok(head) = RequestHead::new(&target, &host, &groups, content_length) else {
            return Ok(());
        };
        let encoded = encode(head, 16);
        let mut slots = [httparse::EMPTY_HEADER; 8];
        let mut request = httparse::Request::new(&mut slots);
        prop_assert_eq!(request.parse(&encoded), Ok(httparse::Status::Complete(encoded.len())));
        prop_assert_eq!(request.method, Some("POST"));
        prop_assert_eq!(request.path, Some(target.as_str()));
        let length = content_length.to_string();
        let expected: Vec<(&str, &[u8])> = [("Host", host.as_str()), ("Content-Length", &length)]
            .into_iter()
            .chain(headers.iter().copied())
            .map(|(name, value)| (name, value.as_bytes()))
            .collect();
        let read: Vec<(&str, &[u8])> =
            request.headers.iter().map(|header| (header.name, header.value)).collect();
        prop_assert_eq!(read, expected);
    }
}
