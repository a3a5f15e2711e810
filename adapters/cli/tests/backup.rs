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

/// One mailbox needs more connections than its share as soon as the other needs none. The server allows four requests at
/// a time, for the only user.
#[test]
fn parallel_mailboxes_share_the_connections() {
    let slow = "[throttling]\nconnections = 4\n[[item]]\ndelay-ms = 40";
    let emulator = start(slow);
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("mailboxes.txt");
    std::fs::write(&list, "pat@example.test\nkim@example.test\n").unwrap();
    let out = dir.path().join("out");
    let list = list.to_str().unwrap();
    let options = ["--mailboxes", list, "--parallel", "8", "--batch-size", "2"];
    let (status, _, messages) = backup(&emulator, &out, &options);
    assert_eq!(status, 0, "{messages}");
    assert!(
        messages.contains("all mailboxes: 35 requests"),
        "{messages}"
    );
    let requests = emulator.requests();
    assert!(requests.iter().all(|it| it.status == Some(200)));
    let exports = requests.iter().filter(|it| it.export_items.is_some());
    let of_pat = exports.filter(|it| it.header("x-anchormailbox") == Some("pat@example.test"));
    let connections: std::collections::HashSet<_> = of_pat.map(|it| it.connection).collect();
    assert!(connections.len() >= 3, "{connections:?}");
}

#[test]
fn a_backup_obeys_the_window_and_the_rate() {
    let emulator = start("");
    let dir = tempfile::tempdir().unwrap();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 3600;
    let within = |from: u64, to: u64| {
        let window = format!("{}:00-{}:00", (now + from) % 24, (now + to) % 24);
        let (url, out) = (emulator.url(), dir.path().to_str().unwrap());
        let output = common::command(&["backup", "--url", &url, "--out", out])
            .args(["--window", &window, "--exit-after-window"])
            .args(["--limit-rate", "10k"])
            .env("TZ", "UTC")
            .output()
            .unwrap();
        (status(&output), stderr(&output))
    };
    let (status, messages) = within(2, 4);
    assert_eq!(status, 5, "{messages}");
    let expected = "the window has closed: 0 of 0 listed items are stored in ";
    assert!(messages.contains(expected), "{messages}");
    assert!(emulator.requests().is_empty());

    // 65 items of 300 bytes take 1.9 seconds, of which a tenth may come at once.
    let began = std::time::Instant::now();
    let (status, messages) = within(22, 2);
    assert_eq!(status, 0, "{messages}");
    assert!(began.elapsed().as_millis() > 1_600, "{:?}", began.elapsed());
}

/// Starts a backup that handles signals.
#[cfg(target_os = "linux")]
fn started(emulator: &Emulator, dir: &Path, options: &[&str]) -> std::process::Child {
    common::signalled(&["backup", "--url", &emulator.url(), "--out"])
        .arg(dir)
        .args(options)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

#[cfg(target_os = "linux")]
fn signal(child: &std::process::Child, signal: &str) {
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Reads messages up to one that contains `text`.
#[cfg(target_os = "linux")]
fn read_until(messages: &mut impl std::io::BufRead, text: &str) -> String {
    let mut printed = String::new();
    while !printed.contains(text) {
        assert!(messages.read_line(&mut printed).unwrap() > 0, "{printed}");
    }
    printed
}

/// The first signal stores the responses on the wire, and the next run requests the rest.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_backup_is_resumed() {
    let emulator = start("[[item]]\nindex = 2\ntimes = 1\ndelay-ms = 1500");
    let dir = tempfile::tempdir().unwrap();
    let child = started(
        &emulator,
        dir.path(),
        &["--connections", "1", "--batch-size", "3"],
    );
    let manifest = dir.path().join("manifest.jsonl");
    while !std::fs::read_to_string(&manifest).is_ok_and(|it| it.contains(r#""status":"ok""#)) {}
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    let messages = stderr(&output);
    assert_eq!(status(&output), 130, "{messages}");
    let expected = "interrupted: 3 of 65 listed items are stored in ";
    assert!(messages.contains(expected), "{messages}");
    assert!(
        messages.contains("run the same command again to resume"),
        "{messages}"
    );
    assert_eq!(stdout(&output), "");
    let (status, lines, messages) = backup(&emulator, dir.path(), &[]);
    assert_eq!(status, 0, "{messages}");
    assert!(has_row(&lines, "65 65 0 0 0 all folders"), "{lines:?}");
    assert_eq!(requested(&emulator), 65);
}

/// The second signal ends a backup whose server does not answer.
#[cfg(target_os = "linux")]
#[test]
fn a_backup_that_is_interrupted_twice_stops_at_once() {
    use std::io::{BufReader, Read as _};
    let emulator = start("[[item]]\nindex = 3\ntimes = 1\ndelay-ms = 100000");
    let dir = tempfile::tempdir().unwrap();
    let mut child = started(&emulator, dir.path(), &["--connections", "1"]);
    let manifest = dir.path().join("manifest.jsonl");
    let stored = || {
        let lines = std::fs::read_to_string(&manifest).unwrap_or_default();
        lines.matches(r#""status":"ok""#).count()
    };
    while stored() < 2 {}
    let mut messages = BufReader::new(child.stderr.take().unwrap());
    signal(&child, "-INT");
    read_until(&mut messages, "press Ctrl-C again to stop at once");
    signal(&child, "-INT");
    let mut printed = String::new();
    messages.read_to_string(&mut printed).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(
        printed.contains("stopped: 2 items were stored in "),
        "{printed}"
    );
    assert!(printed.contains("run the same command again"), "{printed}");
    // Dropping the server would wait for an answer that no client reads.
    core::mem::forget(emulator);
}

/// A backup that waits for the server, here for its first list, is interrupted too.
#[cfg(target_os = "linux")]
#[test]
fn a_backup_that_waits_is_interrupted() {
    use std::io::{BufReader, Read as _};
    let busy =
        "[[request]]\noperation = \"GetFolder\"\ntimes = 99\nanswer = { http = { status = 503 } }";
    let emulator = start(busy);
    let dir = tempfile::tempdir().unwrap();
    let mut child = started(&emulator, dir.path(), &[]);
    let mut messages = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut messages, "waiting ");
    signal(&child, "-INT");
    let mut printed = String::new();
    messages.read_to_string(&mut printed).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{printed}");
    assert!(
        printed.contains("interrupted: 0 of 0 listed items"),
        "{printed}"
    );
}
