//! The conversion of items, for any payload.

use std::io::Cursor;

use exportitems_convert::{eml, mbox, msg, plain, Item, Summary};

use crate::payload_reference::judge;

/// Any bytes are converted without a panic, in the same way each time; no header has a line that is not its own; the
/// verdict is the check's.
pub fn convert(payload: &[u8]) {
    let mut file = Cursor::new(payload);
    let item = Item::read(&mut file).expect("memory can be read");
    assert_eq!(item.verdict, judge(payload));
    for headers in [eml::HeaderSource::Original, eml::HeaderSource::Rebuilt] {
        let options = eml::Options {
            headers,
            ..eml::Options::default()
        };
        let mut write = || {
            let mut out = Vec::new();
            let warnings = eml::write(&item, &mut file, &mut out, &options);
            (out, warnings.expect("memory can be read"))
        };
        let first = write();
        assert!(write() == first, "two runs differ");
        head(&first.0);
        let mut out = Vec::new();
        mbox::append(&item, &mut file, &mut out, &options).expect("memory can be read");
        assert!(out.starts_with(b"From ") && out.ends_with(b"\n"));
        plain::write(&item, &mut file, &mut out, &options).expect("memory can be read");
        let mut compound = Cursor::new(Vec::new());
        msg::write(&item, &mut file, &mut compound, &options).expect("memory can be written");
        Summary::of(&item, &mut file, &options).expect("memory can be read");
    }
}

/// Each line of the header block begins a field or continues one.
fn head(eml: &[u8]) {
    let end = eml.windows(4).position(|it| it == b"\r\n\r\n");
    let head = &eml[..end.expect("an empty line after the headers")];
    let head = String::from_utf8_lossy(head);
    for line in head.split("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(line.len() <= 998, "a line of {} bytes", line.len());
        let is_field = line.split_once(':').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|it| (b'!'..=b'~').contains(&it))
        });
        assert!(is_field || line.starts_with([' ', '\t']), "{line:?}");
    }
}
