//! The command `list`, against an emulated mailbox.

mod common;

use common::{run, status, stderr, stdout};
use exportitems_emulator::{Emulator, Scenario};
use serde_json::Value;

const MAILBOX: &str = r#"
    [[mailboxes]]
    address = "pat@example.test"
    [[mailboxes.folder]]
    path = "Inbox"
    items = 600
    associated = 2
    sizes = [300, 5000]
    [[mailboxes.folder.item]]
    subject = "Reset \u001b[2J & <done>"
    class = "IPM.Note.SMIME"
    received = "2025-02-03T04:05:06Z"
    [[mailboxes.folder]]
    path = "Inbox/2025\\/26"
    items = 1
    [[mailboxes.folder]]
    path = "Group"
    sync = false
    items = 3
    [[mailboxes.folder]]
    path = "Unread"
    search = true
    [[mailboxes]]
    address = "kim@example.test"
    [[mailboxes.folder]]
    path = "Inbox"
    items = 2
"#;

fn start(more: &str) -> Emulator {
    let scenario = Scenario::from_toml(&format!("{MAILBOX}\n{more}")).unwrap();
    Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// Lists with these options. Returns the status, the lines, and the messages.
fn list(emulator: &Emulator, options: &[&str]) -> (i32, Vec<String>, String) {
    let url = emulator.url();
    let output = run(&[&["list", "--url", &url][..], options].concat(), b"");
    let lines = stdout(&output);
    let lines = lines.lines().map(str::to_owned).collect();
    (status(&output), lines, stderr(&output))
}

#[test]
fn every_item_has_a_line_that_export_reads() {
    let emulator = start("");
    let (status, lines, messages) = list(&emulator, &["--associated"]);
    assert_eq!(status, 0, "{messages}");
    assert!(messages.contains("607 items in 14 folders"), "{messages}");
    let mut listed: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    listed.sort_by_key(|line| line["id"].to_string());
    let mut entries = emulator.items("pat@example.test");
    entries.sort_by_key(|entry| format!("{:?}", entry.id));
    assert_eq!(listed.len(), entries.len());
    for (line, entry) in listed.iter().zip(&entries) {
        assert_eq!(line["id"], entry.id.as_str());
        assert_eq!(line["change_key"], entry.change_key.as_str());
        assert_eq!(line["folder"], entry.folder.as_str());
        assert_eq!(line["item_class"], entry.properties.class.as_str());
        assert_eq!(
            line["subject"],
            entry.properties.subject.replace('\u{1b}', "\u{fffd}")
        );
        assert_eq!(line["associated"], entry.properties.associated);
        assert_eq!(line["size"], entry.properties.size);
        let received = line["received"].as_str().unwrap().parse();
        assert_eq!(received.ok(), Some(entry.properties.received));
    }
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')));

    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("mail");
    let out = out.to_str().unwrap();
    let inbox: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("2025"))
        .cloned()
        .collect();
    for ids in [
        inbox.join("\n"),
        list(&emulator, &["--tsv", "--folder", "Group"])
            .1
            .join("\n"),
    ] {
        let url = emulator.url();
        let export = ["export", "--url", &url, "--ids", "-", "--out", out];
        let output = run(&export, ids.as_bytes());
        assert_eq!(common::status(&output), 0, "{}", stderr(&output));
    }
    let manifest = std::fs::read_to_string(dir.path().join("mail/manifest.jsonl")).unwrap();
    assert!(
        manifest.contains(r#""folder":"Inbox/2025\\/26""#),
        "{manifest}"
    );
    assert!(
        manifest.contains(r#""item_class":"IPM.Note.SMIME""#),
        "{manifest}"
    );
}

#[test]
fn folders_and_filters_are_chosen() {
    let emulator = start("");
    let count = |options: &[&str]| {
        let (status, lines, messages) = list(&emulator, options);
        assert_eq!(status, 0, "{messages}");
        lines.len()
    };
    assert_eq!(count(&["--folder", "inbox"]), 601);
    assert_eq!(count(&["--folder", "INBOX", "--recursive"]), 602);
    assert_eq!(
        count(&["--folder", r"Inbox/2025\/26", "--folder", "Group"]),
        4
    );
    assert_eq!(count(&["--since", "2025-01-01"]), 1);
    assert_eq!(
        count(&["--class", "ipm.note.smime", "--folder", "inbox"]),
        1
    );
    assert_eq!(count(&["--folder", "recoverableitemspurges"]), 0);
    assert_eq!(count(&["--mailbox", "kim@example.test"]), 2);
    assert_eq!(
        count(&["--impersonate", "PrimarySmtpAddress:kim@example.test"]),
        2
    );
    assert_eq!(count(&["--folders"]), 14);
    let requests = emulator.requests();
    let anchors = requests
        .iter()
        .filter(|it| it.header("x-anchormailbox") == Some("kim@example.test"));
    assert!(anchors.count() > 20);
}

#[test]
fn mistakes_and_refusals_have_a_status_and_a_reason() {
    let emulator = start("");
    for (options, expected, says) in [
        (&["--folder", "Nowhere"][..], 2, "no folder Nowhere"),
        (&["--since", "yesterday"], 2, "2026-01-31"),
        (&["--mailbox", "kim"], 2, "SMTP address"),
        (
            &["--mailbox", "who@example.test"],
            3,
            "ErrorNonExistentMailbox",
        ),
        (&["--archive"], 3, "ErrorFolderNotFound"),
    ] {
        let (status, lines, messages) = list(&emulator, options);
        assert_eq!(status, expected, "{options:?}: {messages}");
        assert!(messages.contains(says) && lines.is_empty(), "{messages}");
    }
    let denied = r#"
        [[request]]
        operation = "SyncFolderItems"
        answer = { listing = { error = { code = "ErrorAccessDenied" } } }
        [[request]]
        operation = "FindItem"
        answer = { listing = { error = { code = "ErrorAccessDenied" } } }"#;
    let (status, lines, messages) = list(&start(denied), &[]);
    assert_eq!((status, lines.len()), (1, 605), "{messages}");
    assert!(messages.contains("ErrorAccessDenied"), "{messages}");
    let busy = "[[request]]\ntimes = 9\nanswer = { http = { status = 503 } }";
    let (status, _, messages) = list(&start(busy), &["--retry-for", "0"]);
    assert_eq!(status, 3, "{messages}");
}
