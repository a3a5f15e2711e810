//! The conversion of items, for any payload.

use std::io::Cursor;

use exportitems::payload::PropertyTag;
use exportitems_convert::{eml, ics, mbox, msg, plain, vcf, Item, Property, Summary, Value};

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
    content_lines(&item, &mut file);
}

/// As an appointment, a meeting, a task, a contact or a distribution list, an item becomes lines of 75 bytes, which begin
/// with a name or continue one.
fn content_lines(item: &Item, file: &mut Cursor<&[u8]>) {
    let mut out = Vec::new();
    let options = eml::Options::default();
    for class in [
        "ipm.appointment",
        "ipm.schedule.meeting.resp.pos",
        "ipm.task",
        "ipm.contact",
        "ipm.distlist",
    ] {
        let mut item = item.clone();
        let class = Property {
            tag: PropertyTag(0x001A_001E),
            name: None,
            value: Value::Bytes(class.as_bytes().into()),
        };
        item.message.properties.0.insert(0, class);
        let written = match ics::is_calendar(&item.message) {
            true => ics::write(&item, file, &mut out, &options),
            false => vcf::write(&item, file, &mut out, &options),
        };
        written.expect("memory can be read");
    }
    for line in out.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").expect("a line end");
        assert!(line.len() <= 75 && !line.contains(&b'\r') && !line.contains(&0));
        assert!(line
            .first()
            .is_some_and(|it| it.is_ascii_uppercase() || *it == b' '));
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
