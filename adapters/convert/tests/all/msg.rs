//! Items as Outlook messages, read back by the compound file's library and by hand.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use exportitems::payload::{Place, PropertyTag};
use exportitems_convert::{eml, msg, Item, Property, Value, Warning};

use crate::common::{everything, mail, utf16, Stream};

/// The streams of a message, by their paths.
struct Msg {
    bytes: Vec<u8>,
    streams: BTreeMap<String, Vec<u8>>,
    warnings: Vec<Warning>,
}

fn convert(stream: &Stream) -> Msg {
    let mut file = Cursor::new(stream.payload());
    let item = Item::read(&mut file).unwrap();
    let mut out = Cursor::new(Vec::new());
    let warnings = msg::write(&item, &mut file, &mut out, &eml::Options::default()).unwrap();
    let bytes = out.into_inner();
    let mut compound = cfb::CompoundFile::open_strict(Cursor::new(&bytes)).unwrap();
    let paths: Vec<_> = compound
        .walk()
        .filter(cfb::Entry::is_stream)
        .map(|it| it.path().to_owned())
        .collect();
    let mut streams = BTreeMap::new();
    for path in paths {
        let mut bytes = Vec::new();
        compound
            .open_stream(&path)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        streams.insert(path.to_str().unwrap().replace('\\', "/"), bytes);
    }
    Msg {
        bytes,
        streams,
        warnings,
    }
}

impl Msg {
    /// The value of a row, after a header of that length.
    fn row(&self, storage: &str, header: usize, tag: u32) -> Option<u64> {
        let rows = &self.streams[&format!("{storage}/__properties_version1.0")][header..];
        assert_eq!(rows.len() % 16, 0);
        let row = rows.chunks(16).find(|row| row[..4] == tag.to_le_bytes())?;
        Some(u64::from_le_bytes(row[8..].try_into().unwrap()))
    }

    fn text(&self, path: &str) -> String {
        let units = self.streams[path]
            .chunks(2)
            .map(|it| u16::from_le_bytes([it[0], it[1]]));
        String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
    }
}

#[test]
fn properties_are_in_rows_and_streams() {
    let stream = mail("Gr\u{fc}\u{df}e")
        .word(0x0017_0003, 2)
        .bytes(0x0070_001E, b"Caf\xE9\0")
        .bytes(0x1013_0102, b"<p>")
        .bytes(0x4008_84E4, b"meta\0")
        .bytes(0x65E0_0102, b"own")
        .named(0x0002_0329, "Keywords", &["red", "blue"])
        .to("Ann", "ann@example.test")
        .file("a.txt", b"abc");
    let msg = convert(&stream);
    assert_eq!(msg.text("/__substg1.0_0037001F"), "Gr\u{fc}\u{df}e");
    assert_eq!(msg.row("", 32, 0x0037_001F), Some(5 * 2 + 2));
    assert_eq!(msg.text("/__substg1.0_0070001F"), "Caf\u{e9}");
    assert_eq!(msg.row("", 32, 0x0017_0003), Some(2));
    assert_eq!(msg.streams["/__substg1.0_10130102"], b"<p>");
    assert_eq!(msg.row("", 32, 0x1013_0102), Some(3));
    assert_eq!(msg.text("/__substg1.0_0E04001F"), "Ann");
    assert_eq!(msg.row("", 32, 0x0E1B_000B), Some(1));
    for left_out in [0x4008_001F, 0x65E0_0102] {
        assert_eq!(msg.row("", 32, left_out), None);
    }
    // PS_PUBLIC_STRINGS is 2, and a name is 1.
    assert_eq!(msg.row("", 32, 0x8000_101F), Some(8));
    assert_eq!(msg.streams["/__substg1.0_8000101F-00000001"], utf16("blue"));
    let entry = [0, 0, 0, 0, 2 << 1 | 1, 0, 0, 0];
    assert_eq!(
        msg.streams["/__nameid_version1.0/__substg1.0_00030102"],
        entry
    );
    assert_eq!(
        msg.row("/__recip_version1.0_#00000000", 8, 0x0C15_0003),
        Some(1)
    );
    let file = "/__attach_version1.0_#00000000";
    assert_eq!(msg.streams[&format!("{file}/__substg1.0_37010102")], b"abc");
    let header = &msg.streams["/__properties_version1.0"][..32];
    assert_eq!(header[8..24], [1, 0, 0, 0].repeat(4));
    assert_eq!(msg.warnings, []);
}

/// Half a surrogate pair and NULs within a text are kept; the terminator is not.
#[test]
fn utf_16_is_copied() {
    let units: [u16; 6] = [0x61, 0xD83D, 0, 0, 0x62, 0];
    let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    for len in 0..=bytes.len() {
        let msg = convert(&Stream::default().bytes(0x0037_001F, &bytes[..len]));
        let kept = match len / 2 {
            2..=4 => 2,
            units => units.min(5),
        };
        let found = &msg.streams["/__substg1.0_0037001F"];
        assert_eq!(found[..], bytes[..2 * kept], "{len}");
        assert_eq!(msg.row("", 32, 0x0037_001F), Some(2 * kept as u64 + 2));
    }
}

#[test]
fn embedded_messages_are_storages() {
    let msg = convert(&mail("outer").embedded("inner", mail("inner").file("b", b"b")));
    let attachment = "/__attach_version1.0_#00000000";
    assert_eq!(msg.row(attachment, 8, 0x3705_0003), Some(5));
    assert_eq!(msg.row(attachment, 8, 0x3701_000D), Some(0x1_FFFF_FFFF));
    let inner = format!("{attachment}/__substg1.0_3701000D");
    assert_eq!(msg.text(&format!("{inner}/__substg1.0_0037001F")), "inner");
    assert!(msg.row(&inner, 24, 0x340D_0003).is_some());
    assert!(!msg
        .streams
        .contains_key(&format!("{inner}/__nameid_version1.0/__substg1.0_00030102")));
}

#[test]
fn two_runs_give_the_same_bytes() {
    assert!(convert(&everything()).bytes == convert(&everything()).bytes);
}

/// The format ends at 2 GiB.
#[test]
fn what_is_too_large_is_refused() {
    let mut file = Cursor::new(mail("large").file("a", b"a").payload());
    let mut item = Item::read(&mut file).unwrap();
    item.message.attachments[0].properties.0.push(Property {
        tag: PropertyTag(0x3701_0102),
        name: None,
        value: Value::Placed(Place {
            len: 0x8000_0000,
            offset: 0,
            record_left: 0,
        }),
    });
    let mut out = Cursor::new(Vec::new());
    let written = msg::write(&item, &mut file, &mut out, &eml::Options::default());
    assert_eq!(
        written.unwrap_err().kind(),
        std::io::ErrorKind::FileTooLarge
    );
    assert_eq!(out.into_inner().len(), 0);
}
