//! Tests of `exportitems show` and `exportitems convert`.

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Output;

use common::server::Setup;
use common::{files, run, status, stderr, stdout};
use exportitems_emulator::payload;
use serde_json::Value;

/// A property of variable size.
fn property(tag: u32, value: &[u8]) -> Vec<u8> {
    let len = u32::try_from(value.len()).unwrap();
    [&tag.to_le_bytes()[..], &len.to_le_bytes(), value].concat()
}

/// A stream in records.
fn framed(stream: &[u8]) -> Vec<u8> {
    let len = u32::try_from(stream.len()).unwrap();
    let config: [&[u8]; 2] = [
        &[1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        &[2, 0, 0, 0],
    ];
    [config[0], config[1], &len.to_le_bytes(), stream].concat()
}

/// A mail of 2010-03-31 with a file in it, and a mail with another file.
fn mail() -> Vec<u8> {
    let marker = |tag: u32| tag.to_le_bytes().to_vec();
    let time = (1_270_070_044_u64 + 11_644_473_600) * 10_000_000;
    framed(
        &[
            property(0x001A_001E, b"IPM.Note\0"),
            property(0x0037_FDE9, "Grüße: \u{202e}a/b\r\nBcc: x\0".as_bytes()),
            [&0x0039_0040_u32.to_le_bytes()[..], &time.to_le_bytes()].concat(),
            property(0x5D02_001E, b"pat@example.test\0"),
            property(0x1000_001E, b"Hello\r\n\x1b[2Jthere\0"),
            [0x0E07_0003_u32.to_le_bytes(), 1_u32.to_le_bytes()].concat(),
            marker(0x4000_0003),
            property(0x3701_0102, b"one"),
            property(0x3707_001E, b"one.txt\0"),
            marker(0x400E_0003),
            marker(0x4000_0003),
            marker(0x4001_0003),
            property(0x0037_001E, b"inner\0"),
            marker(0x4000_0003),
            property(0x3701_0102, b"two\xFF"),
            marker(0x400E_0003),
            marker(0x4002_0003),
            marker(0x400E_0003),
        ]
        .concat(),
    )
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// The files of the output, without their folders.
    fn names(&self) -> Vec<String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        files(Path::new(&self.path("out")))
            .into_iter()
            .map(name)
            .collect()
    }
}

fn show(args: &[&str]) -> Output {
    run(&[&["show"], args].concat(), b"")
}

fn convert(folder: &Folder, to: &str, args: &[&str]) -> Output {
    let out = folder.path("out");
    run(
        &[&["convert", "--to", to, "--out", &out], args].concat(),
        b"",
    )
}

#[test]
fn an_item_is_shown() {
    let folder = Folder::new();
    let file = folder.write("item.fts", &mail());
    let output = show(&[&file]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let shown = stdout(&output);
    for line in [
        "From: pat@example.test",
        "Date: 2010-03-31T21:14:04Z",
        "Subject: Gr\u{fc}\u{df}e: \\u{202e}a/b  Bcc: x",
        "- body: text",
        "- 1: one.txt, no type, 3 bytes",
        "- 2: message, attachment-2",
        "    - 2.1: attachment-1, no type, 4 bytes",
    ] {
        assert!(
            shown.lines().any(|it| it == line),
            "no {line:?} in\n{shown}"
        );
    }
    let all = stdout(&show(&[&file, "--all"]));
    assert!(all.contains("0E070003 PidTagMessageFlags: 1\n"), "{all}");

    let output = show(&[&file, "--json", "--all"]);
    let shown: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(shown["attachments"][1]["message"]["subject"], "inner");
    assert_eq!(shown["integrity"], "whole");
    assert_eq!(shown["from"]["address"], "pat@example.test");
    let properties = shown["properties"]["message"].as_array().unwrap();
    assert_eq!(properties[2]["value"], "2010-03-31T21:14:04Z");
}

#[test]
fn a_redacted_item_has_no_values() {
    let folder = Folder::new();
    let file = folder.write("secret-name.fts", &mail());
    let output = show(&[&file, "--redact"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let shown = stdout(&output);
    for line in [
        "0037FDE9 PidTagSubject: 24 bytes",
        "00390040 PidTagClientSubmitTime: fixed size",
        "attachment 2",
        "            37010102 PidTagAttachDataBinary: 4 bytes",
    ] {
        assert!(
            shown.lines().any(|it| it == line),
            "no {line:?} in\n{shown}"
        );
    }
    for value in ["secret", "pat@", "2010", "one.txt", "inner", "Hello"] {
        assert!(!shown.contains(value), "{value} in\n{shown}");
    }
}

#[test]
fn parts_are_extracted() {
    let folder = Folder::new();
    let file = folder.write("item.fts", &mail());
    assert_eq!(show(&[&file, "--body"]).stdout, b"Hello\n[2Jthere\n");
    assert_eq!(show(&[&file, "--extract", "1"]).stdout, b"one");
    assert_eq!(show(&[&file, "--extract", "2.1"]).stdout, b"two\xFF");
    let message = stdout(&show(&[&file, "--extract", "2"]));
    assert!(message.starts_with("Subject: inner\r\n"), "{message}");
    for number in ["0", "3", "1.1", "x", "2.1.1", ""] {
        let output = show(&[&file, "--extract", number]);
        assert_eq!(status(&output), 2, "{number}");
        assert!(stderr(&output).contains("has no attachment"), "{number}");
    }
}

#[test]
fn what_is_not_whole_is_shown_and_not_converted() {
    let folder = Folder::new();
    let mail = mail();
    let cut = folder.write("cut.fts", &mail[..mail.len() - 5]);
    let output = show(&[&cut]);
    assert_eq!(status(&output), 1);
    assert!(stdout(&output).contains("note: the payload is not whole: broken at byte"));
    assert!(stdout(&output).contains("From: pat@example.test"));
    let output = convert(&folder, "eml", &[&cut]);
    assert_eq!(status(&output), 1);
    assert!(
        stdout(&output).contains("not converted: broken at byte"),
        "{}",
        stdout(&output)
    );

    let picture = folder.write("picture", b"\xff\xd8\xff\xe0 a picture");
    let output = show(&[&picture]);
    assert_eq!(status(&output), 1);
    assert!(stderr(&output).contains("not an exported item; it seems to be a picture"));
    assert_eq!(status(&convert(&folder, "eml", &[&picture])), 1);
    assert_eq!(folder.names(), [""; 0]);

    // What is not understood ends the item: what precedes it is converted, as partial.
    let foreign = [property(0x0037_001E, b"kept\0"), vec![0; 6]].concat();
    let foreign = folder.write("foreign.fts", &framed(&foreign));
    let output = convert(&folder, "eml", &[&foreign, "--json"]);
    assert_eq!(status(&output), 1);
    let line: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(line["status"], "partial");
    assert_eq!(line["warnings"][0]["kind"], "not_understood");

    for path in ["/no/such/file", "/dev/null"] {
        assert_eq!(status(&show(&[path])), 4);
        assert_eq!(status(&convert(&folder, "eml", &[path])), 4);
    }
}

#[test]
fn items_are_converted_once() {
    let folder = Folder::new();
    let file = folder.write("item.fts", &mail());
    let output = convert(&folder, "eml", &[&file]);
    assert_eq!(status(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let names = folder.names();
    let [name] = &names[..] else {
        panic!("{names:?}");
    };
    assert!(
        name.starts_with("2010-03-31 Gr\u{fc}\u{df}e_ _a_b  Bcc_ x ["),
        "{name}"
    );
    let path = Path::new(&folder.path("out")).join(name);
    let message = std::fs::read_to_string(&path).unwrap();
    assert!(
        message.contains("\r\nFrom: pat@example.test\r\n"),
        "{message}"
    );
    assert!(!message.contains("\nBcc"));
    let modified = path.metadata().unwrap().modified().unwrap();
    let seconds = modified
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert_eq!(seconds, 1_270_070_044);

    std::fs::write(&path, "edited").unwrap();
    let output = convert(&folder, "eml", &[&file]);
    assert_eq!(status(&output), 0);
    assert!(
        stdout(&output).contains("converted before"),
        "{}",
        stdout(&output)
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "edited");

    convert(&folder, "text", &[&file]);
    let text = folder
        .names()
        .into_iter()
        .find(|it| !it.ends_with("].eml"))
        .unwrap();
    let text = std::fs::read_to_string(Path::new(&folder.path("out")).join(text)).unwrap();
    assert!(text.starts_with("From: pat@example.test\n"), "{text}");
}

#[test]
fn a_maildir_keeps_the_flags_that_its_user_set() {
    let folder = Folder::new();
    let file = folder.write("item.fts", &mail());
    assert_eq!(status(&convert(&folder, "maildir", &[&file])), 0);
    let [name] = &folder.names()[..] else {
        panic!("one file");
    };
    assert!(
        name.starts_with("1270070044.") && name.ends_with(":2,S"),
        "{name}"
    );
    let cur = Path::new(&folder.path("out")).join("cur");
    let flagged = name.replace(":2,S", ":2,FS");
    std::fs::rename(cur.join(name), cur.join(&flagged)).unwrap();
    let output = convert(&folder, "maildir", &[&file, "--json"]);
    let line: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(line["status"], "present");
    assert_eq!(folder.names(), [flagged]);
}

#[test]
fn an_mbox_has_all_items() {
    let folder = Folder::new();
    let other = framed(&property(0x1000_001E, b"From here\0"));
    let files = [
        folder.write("1.fts", &mail()),
        folder.write("2.fts", &other),
    ];
    for _ in 0..2 {
        let output = convert(&folder, "mbox", &[&files[0], &files[1]]);
        assert_eq!(status(&output), 0);
        assert_eq!(folder.names(), ["items.mbox", "mbox.jsonl"]);
        let mbox = std::fs::read_to_string(folder.path("out/items.mbox")).unwrap();
        assert_eq!(mbox.matches("\nFrom ").count() + 1, 2, "{mbox}");
        assert!(mbox.contains("\n>From here"), "{mbox}");
    }
}

/// Kills runs after some of their items, and expects the bytes of a run that was not disturbed.
#[test]
fn a_killed_run_is_continued() {
    let folder = Folder::new();
    let items: Vec<_> = (0..60)
        .map(|seed| folder.write(&format!("{seed}.fts"), &payload(seed, 9_000).unwrap()))
        .collect();
    // Kills a run when it has printed so many lines, and returns whether it had ended before.
    let run = |to: &str, out: &str, lines: usize| {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_exportitems"))
            .args(["convert", "--to", to, "--out", out])
            .args(&items)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_killed = (&mut output).take(lines).count() == lines;
        if is_killed {
            child.kill().unwrap();
        }
        child.wait().unwrap().success()
    };
    let contents = |out: &str| {
        let mut names = files(Path::new(out));
        names.retain(|name| name != Path::new("mbox.jsonl"));
        let read = |name| (std::fs::read(Path::new(out).join(&name)).unwrap(), name);
        names.into_iter().map(read).collect::<Vec<_>>()
    };
    for to in ["mbox", "eml", "maildir"] {
        let undisturbed = folder.path(&format!("undisturbed {to}"));
        assert!(run(to, &undisturbed, usize::MAX));
        let killed = folder.path(&format!("killed {to}"));
        for lines in [0, 1, 10, 25, 40, 55, 60] {
            run(to, &killed, lines);
        }
        assert!(run(to, &killed, usize::MAX));
        assert!(contents(&killed) == contents(&undisturbed), "{to}");
    }
}

#[test]
fn addresses_come_from_a_file() {
    let folder = Folder::new();
    let stream = [
        property(0x0064_001E, b"EX\0"),
        property(0x0065_001E, b"/o=ORG/cn=pat\0"),
    ];
    let file = folder.write("item.fts", &framed(&stream.concat()));
    let map = folder.write("map", b"/O=org/CN=Pat\tpat@example.test\r\n\n");
    let shown = stdout(&show(&[&file, "--addresses", &map]));
    assert!(shown.contains("From: pat@example.test\n"), "{shown}");
    let shown = stdout(&show(&[&file]));
    assert!(shown.contains("From: pat@unresolved.invalid\n"), "{shown}");
    let bad = folder.write("bad", b"pat@example.test\n");
    let output = show(&[&file, "--addresses", &bad]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("bad, line 1"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_outlook_message_is_a_compound_file() {
    let folder = Folder::new();
    let file = folder.write("item.fts", &mail());
    let output = convert(&folder, "msg", &[&file]);
    assert_eq!(status(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let [name] = &folder.names()[..] else {
        panic!("one file");
    };
    let message = std::fs::read(Path::new(&folder.path("out")).join(name)).unwrap();
    assert!(message.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"));
}

/// What the manifest does not call done, or what differs from it, is not converted.
#[test]
fn an_archive_is_listed_and_converted() {
    let scenario = "[[item]]\nindex = 3\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    let setup = Setup::new(scenario, &[5_000; 4]);
    assert_eq!(status(&setup.export(&["--json"])), 1);
    let out = setup.path("out");
    let out = out.to_str().unwrap();
    let output = show(&[out]);
    assert_eq!(status(&output), 1);
    let listed = stdout(&output);
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert!(listed.contains(&format!("{}: not in the archive; refused", setup.id(3))));
    let output = show(&[out, &setup.id(1), "--json"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let shown: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(shown["id"], setup.id(1).as_str());
    assert_eq!(status(&show(&[out, "other"])), 2);
    assert_eq!(status(&show(&[out, "--body"])), 2);

    // One item is suspect, and another one was altered.
    let manifest = setup.path("out/manifest.jsonl");
    let lines = std::fs::read_to_string(&manifest).unwrap();
    let mut changed = String::new();
    for line in lines.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if line["id"] == setup.id(0).as_str() {
            line["suspect"] = true.into();
        }
        if line["id"] == setup.id(1).as_str() {
            let file = setup.path("out").join(line["file"].as_str().unwrap());
            std::fs::write(file, payload(9, 5_000).unwrap()).unwrap();
        }
        changed += &line.to_string();
        changed.push('\n');
    }
    std::fs::write(&manifest, changed).unwrap();
    let folder = Folder::new();
    let output = convert(&folder, "eml", &[out, "--json"]);
    assert_eq!(status(&output), 1);
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |at: usize| {
        lines
            .iter()
            .find(|it| it["item"] == setup.id(at).as_str())
            .unwrap()
    };
    assert_eq!(of(2)["status"], "whole", "{lines:?}");
    for (at, why) in [
        (0, "suspect"),
        (1, "differs from the manifest"),
        (3, "not in the archive"),
    ] {
        assert_eq!(of(at)["status"], "refused", "{lines:?}");
        assert!(of(at)["error"].as_str().unwrap().contains(why), "{lines:?}");
    }
    assert_eq!(folder.names().len(), 1);
}

/// Gives each item of an archive a folder.
fn put_into_folders(manifest: &Path, folders: &[(&str, Option<&str>)]) {
    let lines = std::fs::read_to_string(manifest).unwrap();
    let lines = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        // Records of the archive itself have no index.
        let Some(index) = line["index"].as_u64() else {
            return line.to_string() + "\n";
        };
        let at = usize::try_from(index).unwrap();
        let (folder, distinguished) = folders[at];
        line["item"] = serde_json::json!({ "folder": folder });
        if let Some(distinguished) = distinguished {
            line["item"]["distinguished_folder"] = distinguished.into();
        }
        format!("{line}\n")
    });
    let lines: String = lines.collect();
    std::fs::write(manifest, lines).unwrap();
}

/// Where files are, without their names; each once.
fn directories(out: &str) -> Vec<String> {
    let relative = |path: PathBuf| {
        let above = path.parent().unwrap().to_str().unwrap();
        above.replace('\\', "/")
    };
    let mut found: Vec<_> = files(Path::new(out)).into_iter().map(relative).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn folders_are_kept() {
    let setup = Setup::new("", &[5_000; 4]);
    assert_eq!(status(&setup.export(&[])), 0);
    let out = setup.path("out");
    put_into_folders(
        &out.join("manifest.jsonl"),
        &[
            ("Posteingang", Some("inbox")),
            ("Gesendete Elemente", Some("sentitems")),
            ("Gesendete Elemente/2025\\/26: B\u{fc}ro", None),
            ("Posteingang", Some("inbox")),
        ],
    );
    let out = out.to_str().unwrap();
    for jobs in ["1", "3"] {
        let folder = Folder::new();
        for (again, expected) in [
            (false, "4 converted\n"),
            (true, "0 converted, 4 converted before\n"),
        ] {
            let output = convert(&folder, "eml", &[out, "--jobs", jobs]);
            assert_eq!(status(&output), 0, "{}", stderr(&output));
            assert!(
                stdout(&output).ends_with(expected),
                "{again} {}",
                stdout(&output)
            );
        }
        assert_eq!(
            directories(&folder.path("out")),
            [
                "",
                "Gesendete Elemente",
                "Gesendete Elemente/2025%2F26%3A B\u{fc}ro",
                "Posteingang",
            ]
        );
        let listed = std::fs::read_to_string(folder.path("out/folders.tsv")).unwrap();
        assert!(
            listed.contains(
                "Elemente/2025%2F26%3A B\u{fc}ro\tGesendete Elemente/2025\\/26: B\u{fc}ro\n"
            ),
            "{listed}"
        );

        let folder = Folder::new();
        assert_eq!(
            status(&convert(&folder, "maildir", &[out, "--jobs", jobs])),
            0
        );
        assert_eq!(
            directories(&folder.path("out")),
            [
                "",
                ".Sent",
                ".Sent.2025%2F26: B&APw-ro",
                ".Sent.2025%2F26: B&APw-ro/cur",
                ".Sent/cur",
                "cur",
            ]
        );
        let folder = Folder::new();
        assert_eq!(status(&convert(&folder, "mbox", &[out, "--jobs", jobs])), 0);
        let inbox = std::fs::read_to_string(folder.path("out/Posteingang.mbox")).unwrap();
        assert_eq!(inbox.matches("\nFrom ").count() + 1, 2, "{inbox}");
        let deep = folder.path("out/Gesendete Elemente/2025%2F26%3A B\u{fc}ro.mbox");
        assert!(Path::new(&deep).is_file());
    }
}

#[test]
fn an_export_also_converts() {
    let scenario = "[[item]]\nindex = 2\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    let setup = Setup::new(scenario, &[5_000; 3]);
    let output = setup.export(&["--also", "eml", "--also", "ics"]);
    assert_eq!(status(&output), 1, "{}", stderr(&output));
    let shown = stdout(&output);
    assert!(shown.contains("2 converted into "), "{shown}");
    assert!(
        shown.contains("0 converted, 2 of another kind into "),
        "{shown}"
    );
    assert_eq!(files(&setup.path("out/eml")).len(), 2);
    let again = setup.export(&["--also", "eml"]);
    assert!(
        stdout(&again).contains("0 converted, 2 converted before into "),
        "{}",
        stdout(&again)
    );
}

#[test]
fn an_item_is_found_by_its_id() {
    let setup = Setup::new("", &[5_000; 2]);
    assert_eq!(status(&setup.export(&[])), 0);
    let out = setup.path("out");
    let by_option = show(&[&setup.id(1), "--dir", out.to_str().unwrap()]);
    assert_eq!(status(&by_option), 0, "{}", stderr(&by_option));
    let here = common::command(&["show", &setup.id(1)])
        .current_dir(&out)
        .output()
        .unwrap();
    assert_eq!(status(&here), 0, "{}", stderr(&here));
    let first_line = |output: &Output| stdout(output).lines().nth(1).map(str::to_owned);
    assert_eq!(first_line(&here), first_line(&by_option));
    let output = show(&["no-such-id", "--dir", out.to_str().unwrap()]);
    assert_eq!(status(&output), 2);
    let output = show(&["no-such-file"]);
    assert_eq!(status(&output), 4);
    assert!(stderr(&output).contains("--dir"), "{}", stderr(&output));
}

#[test]
fn other_kinds_are_skipped_or_refused() {
    let folder = Folder::new();
    let file = folder.write("item.fts", &mail());
    let output = convert(&folder, "ics", &[&file]);
    assert_eq!(status(&output), 1);
    assert!(
        stdout(&output).contains("not converted: ipm.note is not an appointment"),
        "{}",
        stdout(&output)
    );
    let contact = framed(
        &[
            property(0x001A_001E, b"IPM.Contact\0"),
            property(0x3001_001E, b"Ann\0"),
        ]
        .concat(),
    );
    let contact = folder.write("contact.fts", &contact);
    assert_eq!(status(&convert(&folder, "vcf", &[&contact])), 0);
    let [name] = &folder.names()[..] else {
        panic!("one file");
    };
    let card = std::fs::read_to_string(Path::new(&folder.path("out")).join(name)).unwrap();
    assert!(card.contains("\r\nFN:Ann\r\n"), "{card}");
}
