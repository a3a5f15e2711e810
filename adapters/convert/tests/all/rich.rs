//! The rich items of the emulator, converted, and compared with what should be in them.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use exportitems_convert::{eml, ics, msg, vcf, Item};
use exportitems_emulator::{payload, rich_items, RichItem};

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
    // extract-msg takes minutes for what nobody reads with it.
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

#[test]
fn every_rich_item_is_as_expected() {
    let folder = tempfile::tempdir().unwrap();
    let items = rich_items();
    for item in &items {
        write(item, folder.path());
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judge.py");
    let judge = Command::new("python3")
        .arg(script)
        .arg(folder.path())
        .output();
    let Some(read) = ran(judge, &[]) else {
        return;
    };
    assert!(
        read.ends_with(&format!("{} items, 0 differences\n", items.len())),
        "{read}"
    );
}
