//! Validation against Microsoft's schema. The test binary needs the module `data`.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Validates the element inside `s:Body` against Microsoft's schema.
pub(crate) fn validate(body: &str) {
    let Some(schema) = crate::data::path("xsd/messages.patched.xsd") else {
        return;
    };
    let xmllint = Command::new("xmllint")
        .args(["--noout", "--schema"])
        .arg(schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut xmllint) = xmllint else {
        crate::data::skip_without("no xmllint");
        return;
    };
    let element = body.split_once('>').unwrap().1.trim();
    xmllint
        .stdin
        .take()
        .unwrap()
        .write_all(element.as_bytes())
        .unwrap();
    let output = xmllint.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
