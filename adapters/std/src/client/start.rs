//! Recognises a body by its first bytes.
//!
//! Servers and proxies send SOAP messages with the media types of plain text, of HTML or of binary data, and login pages
//! with that of XML. So the media type is ignored.

/// The kind of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// An XML document that may be a SOAP message, or whose root element is not within the inspected bytes.
    Xml,
    /// An XML document with another root element.
    OtherXml,
    /// An HTML page.
    Html,
    /// Compressed data, with the name of the coding.
    Coded(&'static str),
    /// Something else.
    Other,
    /// Only white space.
    Empty,
}

/// The elements that an HTML page may begin with, because the tags `html` and `head` are optional.
const HTML: [&[u8]; 8] = [
    b"html", b"head", b"title", b"meta", b"script", b"body", b"form", b"center",
];

impl Start {
    /// Returns the kind of a body with these first bytes, or `None` if more bytes are necessary. `is_all` means that there
    /// are no more.
    pub(super) fn of(bytes: &[u8], is_all: bool) -> Option<Self> {
        if let Some(coding) = coding(bytes) {
            return Some(Self::Coded(coding));
        }
        // The decoder has the best error for UTF-16.
        if bytes.starts_with(&[0xFE, 0xFF]) || bytes.starts_with(&[0xFF, 0xFE]) {
            return Some(Self::Xml);
        }
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = text.trim_ascii_start();
        let undecided = |what| is_all.then_some(what);
        match text {
            [] => undecided(Self::Empty),
            [b'<', ..] => match root(text) {
                Root::Name(name) => Some(Self::of_root(name)),
                Root::Doctype(name) if name.eq_ignore_ascii_case(b"html") => Some(Self::Html),
                // The decoder has an error for it.
                Root::Doctype(_) => Some(Self::Xml),
                Root::Unknown => undecided(Self::Xml),
                Root::None => Some(Self::Other),
            },
            // A signature of four bytes may be incomplete.
            _ if bytes.len() < 4 => undecided(Self::Other),
            _ => Some(Self::Other),
        }
    }

    fn of_root(name: &[u8]) -> Self {
        let local = name.rsplit(|&byte| byte == b':').next().unwrap_or(name);
        if local == b"Envelope" {
            Self::Xml
        } else if HTML.iter().any(|tag| tag.eq_ignore_ascii_case(name)) {
            Self::Html
        } else {
            Self::OtherXml
        }
    }
}

/// Returns the content coding whose signature the first bytes are. No text begins with one of these signatures.
fn coding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x1F, 0x8B, ..] => Some("gzip"),
        [0x1F, 0x9D, ..] => Some("compress"),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("zstd"),
        // RFC 1950 §2.2: method 8, a window size, and check bits that make the number a multiple of 31.
        [first @ (0x08 | 0x18 | 0x28 | 0x38 | 0x48 | 0x58 | 0x68 | 0x78), second, ..]
            if u16::from_be_bytes([*first, *second]) % 31 == 0 && !second.is_ascii_alphabetic() =>
        {
            Some("deflate")
        }
        _ => None,
    }
}

enum Root<'b> {
    /// The complete name of the root element.
    Name(&'b [u8]),
    /// The complete name in a document type declaration.
    Doctype(&'b [u8]),
    /// It is not within the inspected bytes.
    Unknown,
    /// There is none, so this is not XML.
    None,
}

/// Finds the root element of a document that begins with `<`. It may follow the XML declaration, processing instructions
/// and comments.
fn root(mut text: &[u8]) -> Root<'_> {
    const DOCTYPE: &[u8] = b"<!DOCTYPE";
    loop {
        text = text.trim_ascii_start();
        let end: &[u8] = match text {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', ..] => {
                let known = text.len().min(DOCTYPE.len());
                return match text[..known].eq_ignore_ascii_case(&DOCTYPE[..known]) {
                    true if known == DOCTYPE.len() => {
                        name(text[known..].trim_ascii_start()).map_or(Root::Unknown, Root::Doctype)
                    }
                    true => Root::Unknown,
                    false if b"<!--".starts_with(text) => Root::Unknown,
                    false => Root::None,
                };
            }
            [b'<', rest @ ..] => return name(rest).map_or(Root::Unknown, Root::Name),
            [] => return Root::Unknown,
            _ => return Root::None,
        };
        let inner = &text[2..];
        match inner.windows(end.len()).position(|window| window == end) {
            Some(at) => text = &inner[at + end.len()..],
            None => return Root::Unknown,
        }
    }
}

/// Returns the name at the front, if it is complete.
fn name(text: &[u8]) -> Option<&[u8]> {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/' | b'[');
    text.iter().position(is_end).map(|end| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_it_begins_with() {
        for (bytes, expected) in [
            (&b"<s:Envelope xmlns:s='x'>"[..], Start::Xml),
            (b"<Envelope/>", Start::Xml),
            (
                b"<?xml version='1.0'?>\r\n<!-- <html> -->\n<soap:Envelope\n>",
                Start::Xml,
            ),
            (b"\xEF\xBB\xBF\r\n <s:Envelope>", Start::Xml),
            (b"\xFF\xFE<\0", Start::Xml),
            (b"<?xml version='1.0'?><!DOCTYPE x [", Start::Xml),
            (b"<s:Env", Start::Xml),
            (b"<", Start::Xml),
            (b"<?xml version='1.0'?>", Start::Xml),
            (
                b"<?xml version='1.0'?><Error><Code>SlowDown</Code>",
                Start::OtherXml,
            ),
            (b"<!DOCTYPE html><html>", Start::Html),
            (b"<!doctype HTML PUBLIC", Start::Html),
            (
                b"<?xml version='1.0'?><!DOCTYPE html PUBLIC ''>",
                Start::Html,
            ),
            (b"<!-- page --><HTML lang=en>", Start::Html),
            (
                b"\r\n<html xmlns='http://www.w3.org/1999/xhtml'>",
                Start::Html,
            ),
            (b"<script>top.location = '/'</script>", Start::Html),
            (b"Service Unavailable", Start::Other),
            (b"{\"error\":1}", Start::Other),
            (b"<!ELEMENT", Start::Other),
            (b"\x1F\x8B\x08", Start::Coded("gzip")),
            (b"\x78\x9C\xED", Start::Coded("deflate")),
            (b"\x28\xB5\x2F\xFD", Start::Coded("zstd")),
            (b"xml", Start::Other),
            (b"x\x01", Start::Coded("deflate")),
            (b" \r\n\t", Start::Empty),
            (b"", Start::Empty),
        ] {
            let text = bytes.escape_ascii();
            assert_eq!(Start::of(bytes, true), Some(expected), "{text}");
            // With fewer bytes, the same or not known yet; the XML of a cut response is the decoder's.
            for len in 0..bytes.len() {
                let early = Start::of(&bytes[..len], false);
                assert!(
                    early.is_none() || early == Some(expected),
                    "{text} at {len}: {early:?}"
                );
            }
        }
    }
}
