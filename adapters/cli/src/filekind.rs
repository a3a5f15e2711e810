//! Recognises kinds of files by their first bytes.

/// The number of leading bytes that [`seems`] needs, unless the file is shorter.
pub(crate) const HEAD: usize = 4096;

/// The header of the first record of every exported item. The record has a body of 8 bytes.
const PAYLOAD: [u8; 8] = [1, 0, 0, 0, 8, 0, 0, 0];

/// The signatures of file formats, and what [`seems`] returns for them.
const SIGNATURES: &[(&[u8], &str)] = &[
    (
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        "a compound file, such as an Outlook message (.msg) or an old Office document",
    ),
    (b"!BDN", "an Outlook data file (.pst or .ost)"),
    (b"\x78\x9F\x3E\x22", "a TNEF attachment (winmail.dat)"),
    (b"\x1F\x8B", "a gzip file; decompress it first"),
    (
        b"PK\x03\x04",
        "a zip file, such as an archive or an Excel workbook (.xlsx)",
    ),
    (b"PK\x05\x06", "an empty zip file"),
    (b"%PDF", "a PDF document"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 file; decompress it first"),
    (b"\xFD7zXZ\0", "an xz file; decompress it first"),
    (b"\x28\xB5\x2F\xFD", "a zstd file; decompress it first"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xFF\xD8\xFF", "a picture"),
    (b"GIF8", "a picture"),
    (b"MZ", "a program"),
    (b"\x7FELF", "a program"),
    (b"HTTP/", "an HTTP response with its headers"),
    (b"BEGIN:VCALENDAR", "an iCalendar file (.ics)"),
    (b"BEGIN:VCARD", "a contact (.vcf)"),
    (b"{\\rtf", "a Rich Text document"),
];

/// Names of header fields with which an Internet message may begin. A final `-` matches any rest.
const MAIL_FIELDS: &[&str] = &[
    "arc-",
    "authentication-results",
    "bcc",
    "cc",
    "content-",
    "date",
    "delivered-to",
    "dkim-",
    "from",
    "in-reply-to",
    "message-id",
    "mime-version",
    "received",
    "references",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "thread-",
    "to",
    "x-",
];

/// Describes a file that is not an exported item, or returns `None` if its first bytes are not recognised.
///
/// `head` holds the first [`HEAD`] bytes, or all of a shorter file.
pub(crate) fn seems(head: &[u8]) -> Option<&'static str> {
    if head.is_empty() {
        return Some("empty");
    }
    if let Some((_, kind)) = SIGNATURES.iter().find(|(start, _)| head.starts_with(start)) {
        return Some(kind);
    }
    if head.iter().all(|&byte| byte == 0) {
        return Some("a file of zero bytes, as a failed disk may leave it");
    }
    if PAYLOAD.starts_with(head) {
        return Some("an exported item that was cut in its first 8 bytes");
    }
    let same = head.iter().zip(PAYLOAD).filter(|&(&a, b)| a == b).count();
    if head.len() >= PAYLOAD.len() && (6..PAYLOAD.len()).contains(&same) {
        return Some("an exported item whose first bytes were altered");
    }
    of_text(head)
}

fn of_text(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return Some("text in UTF-16"),
        _ => {}
    }
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let text = match core::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end inside a character.
        Err(error) if error.error_len().is_none() => {
            core::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        // Mail and web pages may be in another encoding than UTF-8.
        Err(_) => return markup(&String::from_utf8_lossy(head)),
    };
    if let Some(kind) = markup(text) {
        return Some(kind);
    }
    let mut symbols = text.chars().filter(|c| !c.is_ascii_whitespace()).peekable();
    if symbols.peek().is_none() {
        return Some("a file of white space");
    }
    if symbols.clone().all(|c| c.is_ascii_hexdigit()) && symbols.clone().count() >= 16 {
        return Some("hexadecimal text");
    }
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    if symbols.clone().all(base64) && symbols.count() >= 16 {
        return Some("base64 text, the form of an item in a response; decode it first (base64 -d)");
    }
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0C');
    (!text.contains(control)).then_some("text")
}

fn markup(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    let lower: String = text
        .chars()
        .take(1024)
        .collect::<String>()
        .to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        return Some("an HTML page, such as a login form or the error page of a proxy");
    }
    if text.starts_with('<') {
        let html = ["<html", "<head", "<body", "<script", "<title"];
        return Some(
            if lower.contains(":envelope") || lower.contains("<envelope") {
                "a whole response in XML; use `exportitems decode`"
            } else if html.iter().any(|tag| lower.contains(tag)) {
                "an HTML page, such as a login form or the error page of a proxy"
            } else {
                "XML"
            },
        );
    }
    if text.starts_with(['{', '[']) {
        return Some("JSON");
    }
    if text.starts_with("From ") && text.contains("\nFrom: ") {
        return Some("a mailbox file (mbox)");
    }
    let first = lower.split(['\n', '\r']).next().unwrap_or_default();
    let (name, _) = first.split_once(':')?;
    let mail = |field: &str| name == field || field.ends_with('-') && name.starts_with(field);
    let field = MAIL_FIELDS.iter().any(|field| mail(field));
    field.then_some("an Internet message (.eml)")
}

#[cfg(test)]
mod tests {
    use super::seems;

    #[test]
    fn other_files_are_recognised() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "empty"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0", ".msg"),
            (b"!BDN\x12\x34\x56\x78", ".pst"),
            (b"\x1F\x8B\x08\0", "gzip"),
            (b"PK\x03\x04\x14\0", "zip"),
            (b"%PDF-1.7\n", "PDF"),
            (b"\r\n <!DOCTYPE html><html>", "HTML"),
            (b"<HTML><body>", "HTML"),
            (b"<!-- page --><html>", "HTML"),
            (b"<html><meta charset=latin1>\xE4", "HTML"),
            (
                b"<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"x\">",
                "decode",
            ),
            (b"\xEF\xBB\xBF<Envelope>", "decode"),
            (b"<?xml version=\"1.0\"?><a/>", "XML"),
            (b"{\"value\": []}", "JSON"),
            (b"Received: from a by b\r\nFrom: pat\r\n", ".eml"),
            (b"X-Mailer: x\r\n", ".eml"),
            (b"Subject: Gr\xFC\xDFe\r\n", ".eml"),
            (
                b"AQAAAAgAAAAAAAAAAQAAAAMAAAAYAAAA\r\nAQAAAA==\r\n",
                "base64",
            ),
            (b"0100000008000000000000000100000003", "hexadecimal"),
            (&[0; 99], "zero bytes"),
            (b"\0\0\0\0\x08\0\0\0\0\0\0\0\x01\0\0\0", "altered"),
            (b"\x01\0\0\0\x08\0\x10\0", "altered"),
            (b"\x01\0\0\0\x08", "cut"),
            (b"\xFF\xFEA\0", "UTF-16"),
            (b"Dear all,\n", "text"),
            (b" \n\t", "white space"),
        ];
        for (head, part) in cases {
            let kind = seems(head).unwrap_or_default();
            assert!(kind.contains(part), "{kind} for {head:?}");
        }
        assert_eq!(seems(b"\x02\x03\x04\x05\x06\x07\x08\x09\x0a\xF1"), None);
    }
}
