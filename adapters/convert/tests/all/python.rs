//! What Python's email module reads of our messages.

use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};

use crate::common::{convert, everything, mail, Stream};

/// Prints the parts of a message, and fails where Python sees a defect.
pub(crate) const SCRIPT: &str = r#"
import email, email.policy, hashlib, sys
message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
out = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n", closefd=False)
for name in ("From", "To", "Cc", "Bcc", "Subject", "Message-ID"):
    if message[name] is not None:
        print(name, message[name], file=out)
if message["Date"]:
    print("Date", message["Date"].datetime.isoformat(), file=out)
for part in message.walk():
    assert not part.defects, (part.get_content_type(), part.defects)
    for name, value in part.items():
        assert not value.defects, (name, value, value.defects)
    line = [part.get_content_type(), part.get_filename()]
    if not part.is_multipart():
        content = part.get_payload(decode=True)
        if part.get_content_maintype() == "text" and part.get_content_disposition() is None:
            line.append(repr(part.get_content()))
        else:
            line.append(content.decode("latin-1"))
    print("part", *line, file=out)
"#;

/// The lines that a script prints; `None` without Python or a module that it imports.
pub(crate) fn python(script: &str, input: &[u8]) -> Option<String> {
    let started = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let output = started.and_then(|mut child| {
        child.stdin.take().unwrap().write_all(input)?;
        child.wait_with_output()
    });
    ran(output, input)
}

/// The output of a program; `None` if it or a module of it is missing, which is an error in CI.
pub(crate) fn ran(output: io::Result<Output>, input: &[u8]) -> Option<String> {
    let (is_missing, errors) = match &output {
        Err(error) => (true, error.to_string()),
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            let is_missing = ["ModuleNotFoundError", "ERR_MODULE_NOT_FOUND"];
            let is_missing = is_missing.iter().any(|it| errors.contains(it));
            (is_missing, errors)
        }
    };
    if is_missing && std::env::var_os("CI").is_none() {
        eprintln!("skipped: {}", errors.lines().last().unwrap_or_default());
        return None;
    }
    let output = output.unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{shown}{errors}\n{}",
        String::from_utf8_lossy(input)
    );
    Some(shown.into_owned())
}

#[test]
fn a_mail_with_everything() {
    let Some(read) = python(SCRIPT, convert(&everything()).eml.as_bytes()) else {
        return;
    };
    let expected = [
        "From Pat Doe <pat@example.test>",
        "To Ann <ann@example.test>",
        "Cc Bo <bo@unresolved.invalid>",
        "Subject caf\u{e9}",
        "Message-ID <1@example.test>",
        "Date 2010-03-31T21:14:04+00:00",
        "part multipart/mixed None",
        "part multipart/related None",
        "part multipart/alternative None",
        "part text/plain None 'Hello\\nFrom here'",
        "part text/html None \"<p>Hello <img src='cid:pic@x'>\"",
        "part image/png Bild \u{e4}.png \u{89}PNG",
        "part message/rfc822 mail.eml",
        "part multipart/mixed None",
        "part text/html None '<p>caf\u{e9}\u{20ac}</p>'",
        "part text/plain b.txt b",
        "part text/plain attachment-3.txt https://example.test/x",
    ];
    assert_eq!(read.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn long_and_foreign_headers() {
    let subject = "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442} ".repeat(60);
    let name = "\u{5c71}\u{7530} \"Taro\", Jr.";
    let file = format!("{}.pdf", "\u{e4}rger ".repeat(20));
    let mut stream = mail(&subject).text(0x1000, "x");
    for _ in 0..50 {
        stream = stream.to(name, "taro@example.test");
    }
    let stream = stream
        .recipient(
            2,
            Stream::default()
                .text(0x3001, &"long ".repeat(300))
                .text(0x39FE, "a@b.test"),
        )
        .file(&file, b"x");
    let Some(read) = python(SCRIPT, convert(&stream).eml.as_bytes()) else {
        return;
    };
    assert!(
        read.contains(&format!("Subject {}\n", subject.trim_end())),
        "{read}"
    );
    assert_eq!(read.matches("taro@example.test").count(), 50);
    assert!(
        read.contains(&format!("part application/pdf {file} x")),
        "{read}"
    );
}
