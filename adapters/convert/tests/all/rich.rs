//! The rich items of the emulator, converted, and compared with what should be in them.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use exportitems_convert::{eml, ics, msg, vcf, Item, Summary};
use exportitems_emulator::{payload, rich_items, RichItem};
use mail_parser::MimeHeaders as _;

use crate::python::ran;

/// Writes an item in every form that it has.
fn write(item: &RichItem, folder: &Path) {
    let options = eml::Options::default();
    let mut file = Cursor::new(payload(item.seed, item.size).unwrap());
    let read = Item::read(&mut file).unwrap();
    let mut out = Vec::new();
    let mut warnings = read.warnings.clone();
    warnings.extend(eml::write(&read, &mut file, &mut out, &options).unwrap());
    let put = |extension: &str, bytes: &[u8]| {
        fs::write(folder.join(format!("{}.{extension}", item.name)), bytes).unwrap();
    };
    put("eml", &out);
    let partial = read.is_partial() || warnings.iter().any(|it| it.kind.is_loss());
    let warnings: Vec<_> = warnings
        .iter()
        .map(|it| format!("{:?}", it.kind.as_str()))
        .collect();
    let facts = format!(
        "{{\"partial\": {partial}, \"warnings\": [{}]}}",
        warnings.join(", ")
    );
    put("facts.json", facts.as_bytes());
    put("json", item.expected.as_bytes());
    // extract-msg takes minutes for these items.
    if !matches!(item.name, "deep" | "many_recipients" | "long_subject") {
        let mut out = Cursor::new(Vec::new());
        msg::write(&read, &mut file, &mut out, &options).unwrap();
        put("msg", &out.into_inner());
    }
    let mut out = Vec::new();
    if ics::is_calendar(&read.message) {
        ics::write(&read, &mut file, &mut out, &options).unwrap();
        put("ics", &out);
    } else if vcf::is_contact(&read.message) {
        vcf::write(&read, &mut file, &mut out, &options).unwrap();
        put("vcf", &out);
    }
}

/// Writes all items into a folder.
fn folder() -> (tempfile::TempDir, usize) {
    let folder = tempfile::tempdir().unwrap();
    let items = rich_items();
    for item in &items {
        write(item, folder.path());
    }
    (folder, items.len())
}

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

#[test]
fn readers_that_are_not_ours_find_what_is_in_rich_items() {
    let (folder, count) = folder();
    let script = format!("{TESTS}/judge.py");
    let judge = Command::new("python3")
        .arg(script)
        .arg(folder.path())
        .output();
    if let Some(read) = ran(judge, &[]) {
        assert!(
            read.ends_with(&format!("{count} items, 0 differences\n")),
            "{read}"
        );
    }
    let script = format!("{TESTS}/node/judge.mjs");
    let judge = Command::new("node").arg(script).arg(folder.path()).output();
    if let Some(read) = ran(judge, &[]) {
        assert!(read.ends_with(" items, 0 differences\n"), "{read}");
    }
    mu(folder.path(), count);
}

/// maildir-utils indexes every mail.
fn mu(folder: &Path, count: usize) {
    let mail = folder.join("mail");
    for name in ["cur", "new", "tmp"] {
        fs::create_dir_all(mail.join(name)).unwrap();
    }
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "eml") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            fs::copy(&path, mail.join("cur").join(format!("{name}:2,S"))).unwrap();
        }
    }
    let run = |args: &[&str]| {
        let done = Command::new("mu")
            .args(args)
            .env("MUHOME", folder.join("mu"))
            .output();
        ran(done, &[])
    };
    let Some(_) = run(&["init", "--maildir", mail.to_str().unwrap()]) else {
        return;
    };
    run(&["index", "--quiet"]);
    let found = run(&["find", "--fields", "l", "--include-related=no", ""]).unwrap_or_default();
    assert_eq!(found.lines().count(), count, "{found}");
}

/// mail-parser reads every mail, with its subject and its attachments.
#[test]
fn mail_parser_finds_what_is_in_rich_items() {
    let options = eml::Options::default();
    for item in rich_items() {
        let mut file = Cursor::new(payload(item.seed, item.size).unwrap());
        let read = Item::read(&mut file).unwrap();
        let summary = Summary::of(&read, &mut file, &options).unwrap();
        let mut out = Vec::new();
        eml::write(&read, &mut file, &mut out, &options).unwrap();
        let message = mail_parser::MessageParser::default().parse(&out).unwrap();
        if item.name != "received" && summary.subject.as_ref().is_some_and(|it| it.len() < 500) {
            assert_eq!(
                message.subject(),
                summary.subject.as_deref(),
                "{}",
                item.name
            );
        }
        if item.name == "inline_picture" {
            let attachment = message.attachment(0).unwrap();
            assert_eq!(attachment.attachment_name(), Some("pic.png"));
            assert!(attachment.contents().starts_with(b"\x89PNG"));
            assert_eq!(message.attachment_count(), 3);
        }
        let recipients = message.to().map_or(0, |it| it.iter().count());
        if item.name == "many_recipients" {
            assert_eq!(recipients, 100_000);
        }
    }
}
