//! The command `backup`, against emulated mailboxes.

mod common;

use std::path::Path;

use common::{files, run, status, stderr, stdout};
use exportitems_emulator::{Change, Emulator, ItemRange, Scenario};

const MAILBOX: &str = r#"
    [[mailboxes]]
    address = "pat@example.test"
    [[mailboxes.folder]]
    path = "Inbox"
    items = 60
    sizes = [300]
    [[mailboxes.folder]]
    path = "Projects/2025\\/26"
    items = 5
    sizes = [300]
    [[mailboxes]]
    address = "kim@example.test"
    [[mailboxes.folder]]
    path = "Inbox"
    items = 4
    [[mailboxes]]
    address = "sam@example.test"
    refuse = "ErrorAccessDenied"
"#;

fn start(more: &str) -> Emulator {
    let scenario = Scenario::from_toml(&format!("{MAILBOX}\n{more}")).unwrap();
    Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// Runs a backup into `dir`. Returns the status, the lines, and the messages.
fn backup(emulator: &Emulator, dir: &Path, options: &[&str]) -> (i32, Vec<String>, String) {
    let (url, out) = (emulator.url(), dir.to_str().unwrap());
    let arguments = [&["backup", "--url", &url, "--out", out][..], options].concat();
    let output = run(&arguments, b"");
    let lines = stdout(&output);
    let lines = lines.lines().map(str::to_owned).collect();
    (status(&output), lines, stderr(&output))
}

/// The numbers of ids in all requests for items so far.
fn requested(emulator: &Emulator) -> usize {
    let requests = emulator.requests();
    let exports = requests.iter().filter_map(|it| it.export_items.as_ref());
    exports.map(|export| export.ids.len()).sum()
}

/// Whether a line of the table has these cells.
fn has_row(lines: &[String], cells: &str) -> bool {
    let mut lines = lines
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.any(|line| line == cells)
}

fn payloads(dir: &Path) -> usize {
    let is_payload = |path: &&std::path::PathBuf| path.extension().is_some_and(|it| it == "fts");
    files(dir).iter().filter(is_payload).count()
}

#[test]
fn the_second_night_brings_what_changed() {
    let emulator = start("");
    let dir = tempfile::tempdir().unwrap();
    let (status, lines, messages) = backup(&emulator, dir.path(), &[]);
    assert_eq!(status, 0, "{messages}");
    assert!(has_row(&lines, "60 60 0 0 0 Inbox"), "{lines:?}");
    assert!(has_row(&lines, r"5 5 0 0 0 Projects/2025\/26"), "{lines:?}");
    assert!(has_row(&lines, "65 65 0 0 0 all folders"), "{lines:?}");
    assert_eq!((requested(&emulator), payloads(dir.path())), (65, 65));
    let verify = run(&["verify", dir.path().to_str().unwrap()], b"");
    assert_eq!(common::status(&verify), 0, "{}", stderr(&verify));

    let range = |item, items| ItemRange {
        folder: "Inbox".to_owned(),
        item,
        items,
    };
    emulator.change("pat@example.test", &Change::Update(range(0, 3)));
    emulator.change("pat@example.test", &Change::Delete(range(10, 2)));
    emulator.change("pat@example.test", &Change::Read(range(20, 2)));
    let (status, lines, messages) = backup(&emulator, dir.path(), &[]);
    assert_eq!(status, 0, "{messages}");
    assert!(has_row(&lines, "58 58 0 0 0 Inbox"), "{lines:?}");
    assert_eq!((requested(&emulator), payloads(dir.path())), (68, 68));

    emulator.change("pat@example.test", &Change::Update(range(0, 3)));
    let options = ["--keep-versions", "1", "--read-state", "--json"];
    let (status, lines, messages) = backup(&emulator, dir.path(), &options);
    assert_eq!(status, 0, "{messages}");
    let row = lines
        .iter()
        .find(|line| line.contains(r#""folder":"Inbox""#))
        .unwrap();
    assert!(
        row.contains(r#""archived":58,"failed":0,"changed":0,"difference":0"#),
        "{row}"
    );
    assert_eq!((requested(&emulator), payloads(dir.path())), (71, 65));
}

#[test]
fn many_mailboxes_have_a_directory_each() {
    let emulator = start("");
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("mailboxes.csv");
    let csv = "\u{feff}\"Name\",\"PrimarySmtpAddress\"\n\"Pat\",\"Pat@example.test\"\n\"Kim\",\"kim@example.test\"\n\"Sam\",\"sam@example.test\"\n";
    std::fs::write(&list, csv).unwrap();
    let out = dir.path().join("out");
    let list = ["--mailboxes", list.to_str().unwrap(), "--impersonation"];
    let (status, lines, messages) = backup(&emulator, &out, &list);
    assert_eq!(status, 3, "{messages}");
    assert!(
        messages.contains("sam@example.test: ") && messages.contains("ErrorAccessDenied"),
        "{messages}"
    );
    assert!(has_row(&lines, "65 65 0 0 0 all folders") && has_row(&lines, "4 4 0 0 0 all folders"));
    assert_eq!(payloads(&out.join("pat@example.test")), 65);
    assert_eq!(payloads(&out.join("kim@example.test")), 4);
    for request in emulator.requests() {
        let anchor = request.header("x-anchormailbox").unwrap().to_owned();
        let call = request.call.and_then(|call| call.impersonation);
        let impersonated = request
            .export_items
            .and_then(|it| it.impersonation)
            .or(call);
        assert_eq!(impersonated.unwrap().1, anchor);
    }
}

#[test]
fn a_plan_estimates_and_keeps_nothing() {
    let emulator = start("");
    let dir = tempfile::tempdir().unwrap();
    let (status, lines, messages) = backup(&emulator, dir.path(), &["--plan"]);
    assert_eq!(status, 0, "{messages}");
    assert!(
        lines
            .iter()
            .any(|line| line.trim_start().starts_with("60 ") && line.ends_with("0  Inbox")),
        "{lines:?}"
    );
    assert!(
        lines.last().unwrap().contains("nights of 10 hours"),
        "{lines:?}"
    );
    assert_eq!((requested(&emulator), payloads(dir.path())), (40, 0));
}

#[test]
fn what_is_left_has_a_reason_and_a_status() {
    let refused = r#"
        [[item]]
        index = 3
        times = 1
        answer = { error = { code = "ErrorItemCorrupt" } }"#;
    let emulator = start(refused);
    let dir = tempfile::tempdir().unwrap();
    let (status, lines, messages) = backup(&emulator, dir.path(), &["--connections", "1"]);
    assert_eq!(status, 1, "{messages}");
    assert!(has_row(&lines, "60 59 1 0 0 Inbox"), "{lines:?}");
    assert!(
        messages.contains("failed: ErrorItemCorrupt: Inbox: Item "),
        "{messages}"
    );

    let gone = "[[request]]\noperation = \"ExportItems\"\ntimes = 99\nanswer = { http = { status = 503 } }";
    let emulator = start(gone);
    let dir = tempfile::tempdir().unwrap();
    let (status, _, messages) = backup(&emulator, dir.path(), &["--retry-for", "0"]);
    assert_eq!(status, 3, "{messages}");
    // The list is kept, so the next run requests the items only.
    let emulator = start("");
    let (status, lines, messages) = backup(&emulator, dir.path(), &[]);
    assert_eq!(status, 0, "{messages}");
    assert!(has_row(&lines, "65 65 0 0 0 all folders"), "{lines:?}");

    for options in [
        &["--keep-versions", "0"][..],
        &["--mailbox", "pat"],
        &["--mailboxes", "/nowhere"],
    ] {
        let (status, _, messages) = backup(&emulator, dir.path(), options);
        assert!(matches!(status, 2 | 4), "{options:?}: {messages}");
    }
}

/// The inbox is the Maildir itself, and a version that was replaced is not a mail of its own.
#[test]
fn a_backup_also_converts() {
    let emulator = start("");
    let dir = tempfile::tempdir().unwrap();
    let also = ["--also", "maildir"];
    let (status, lines, messages) = backup(&emulator, dir.path(), &also);
    assert_eq!(status, 0, "{messages}");
    let last = lines.last().unwrap();
    assert!(last.starts_with("65 converted into "), "{lines:?}");
    let maildir = dir.path().join("maildir");
    assert_eq!(files(&maildir.join("cur")).len(), 60);
    assert_eq!(files(&maildir.join(".Projects.2025%2F26/cur")).len(), 5);
    let (_, lines, _) = backup(&emulator, dir.path(), &also);
    let last = lines.last().unwrap();
    assert!(
        last.starts_with("0 converted, 65 converted before into "),
        "{lines:?}"
    );
}
