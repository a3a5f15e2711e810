//! Tests of `exportitems encode`.

mod common;

use std::path::Path;
use std::process::Command;

use common::{data, have, run, status, stderr, stdout};

/// The ids of the published request.
const IDS: &str = "AAMkAGYzZjZmRiUsidkC+NAAAAY89GAAA=\n\
                   AAMkAGYzZjZmRiUsidkC+NAAAAY89FAAA=\n\
                   AAMkAGYzZjZmRiUsidkC+NAAAAY87NAAA=\n";

fn encode(args: &[&str], ids: &str) -> String {
    let args = [&["encode", "--ids", "-"], args].concat();
    let output = run(&args, ids.as_bytes());
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

/// Returns the canonical form of a document (Canonical XML), with fixed namespace prefixes.
fn canonical(document: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("document.xml");
    std::fs::write(&file, document).unwrap();
    let output = xmllint(&["--noblanks", "--exc-c14n"], &file);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // `--noblanks` keeps white space before the first element. No value here contains white space.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("> <", "><")
        .replace("soap:", "s:")
        .replace(":soap", ":s")
}

fn xmllint(args: &[&str], file: &Path) -> std::process::Output {
    Command::new("xmllint")
        .args(args)
        .arg(file)
        .output()
        .unwrap()
}

#[test]
fn the_published_request() {
    let Some(file) = data::path("samples/exportitems-page/01_request_http-ns.xml") else {
        return;
    };
    if !have("xmllint") {
        return;
    }
    let published = std::fs::read_to_string(file).unwrap();
    let ours = encode(&["--server-version", "Exchange2010_SP1"], IDS);
    assert_eq!(canonical(&ours), canonical(&published));
}

/// Microsoft's schema of Exchange SE.
#[test]
fn the_schema_knows_the_request() {
    let Some(schema) = data::path("xsd/messages.patched.xsd") else {
        return;
    };
    if !have("xmllint") {
        return;
    }
    let request = encode(&[], "A&<>\"'=\tck\nBBB=\n");
    let body = request.find("<m:ExportItems>").unwrap()..request.find("</s:Body>").unwrap();
    let namespaces = "<m:ExportItems \
        xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
        xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">";
    let body = request[body].replacen("<m:ExportItems>", namespaces, 1);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("body.xml");
    std::fs::write(&file, body).unwrap();
    let output = xmllint(&["--noout", "--schema", schema.to_str().unwrap()], &file);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn every_option_has_its_header() {
    let request = encode(
        &[
            "--impersonate",
            "PrimarySmtpAddress:user@example.com",
            "--mailbox-culture",
            "de-DE",
            "--management-role",
            "UserRoles:MailboxSearch",
            "--management-role",
            "ApplicationRoles:LegalHold",
            "--server-version",
            "Exchange2016",
        ],
        "AAA=\tCK\n",
    );
    for part in [
        r#"<t:RequestServerVersion Version="Exchange2016"/>"#,
        "<t:ConnectingSID><t:PrimarySmtpAddress>user@example.com</t:PrimarySmtpAddress>",
        "<t:MailboxCulture>de-DE</t:MailboxCulture>",
        "<t:UserRoles><t:Role>MailboxSearch</t:Role></t:UserRoles>",
        "<t:ApplicationRoles><t:Role>LegalHold</t:Role></t:ApplicationRoles>",
        r#"<t:ItemId Id="AAA=" ChangeKey="CK"/>"#,
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
    assert!(request.ends_with("</s:Envelope>\n"), "{request}");
}

#[test]
fn a_repeated_id_is_sent_once_and_noted() {
    let output = run(
        &["encode", "--ids", "-"],
        b"AAA=\r\n# again\r\n\r\nAAA=\r\n",
    );
    assert_eq!(status(&output), 0);
    assert_eq!(stdout(&output).matches("<t:ItemId ").count(), 1);
    assert_eq!(
        stderr(&output),
        "exportitems: note: standard input: line 4 repeats the id of line 1; \
         the item is exported once\n"
    );
}

#[test]
fn what_is_wrong_is_named() {
    for (args, ids, code, says) in [
        (
            &["--ids", "-"][..],
            "AAA=\nBB B\n",
            2,
            "standard input: line 2: ' '",
        ),
        (&["--ids", "-"], "", 2, "no ids"),
        (&["--ids", "/no/such/file"], "", 4, "/no/such/file: "),
        (&[], "", 2, "--ids <FILE>"),
        (
            &["--ids", "-", "--server-version", "Exchange2007"],
            "A\n",
            2,
            "Exchange2010_SP1 or later",
        ),
        (
            &["--ids", "-", "--server-version", "V2018_01_08"],
            "A\n",
            2,
            "Exchange2013_SP1",
        ),
        (
            &["--ids", "-", "--impersonate", "a@b"],
            "A\n",
            2,
            "KIND:VALUE",
        ),
        (
            &["--ids", "-", "--impersonate", "SID:"],
            "A\n",
            2,
            "ExchangeImpersonation is empty",
        ),
        (
            &["--ids", "-", "--management-role", "X"],
            "A\n",
            2,
            "KIND:ROLE",
        ),
        (
            &["--ids", "-", "--mailbox-culture", "d/e"],
            "A\n",
            2,
            "language tag",
        ),
        (
            &[
                "--ids",
                "-",
                "--server-version",
                "Exchange2010_SP2",
                "--management-role",
                "UserRoles:X",
            ],
            "A\n",
            2,
            "Exchange2013 or later",
        ),
    ] {
        let output = run(&[&["encode"], args].concat(), ids.as_bytes());
        assert_eq!(status(&output), code, "{args:?}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(says),
            "{args:?}: {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "");
    }
}
