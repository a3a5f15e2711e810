//! Group 5 and 7: named properties, and properties of every type.

use super::super::stream::{utf16, Atom, Stream};
use super::build::{filetime, sized, COMMON, INTERNET_HEADERS, PUBLIC_STRINGS};

/// A GUID.
const GUID: [u8; 16] = *b"0123456789abcdef";

/// A value of each type of fixed size (MS-OXCDATA 2.11.1).
fn fixed_values() -> Vec<(u16, Vec<u8>)> {
    vec![
        (0x0002, 2_i16.to_le_bytes().to_vec()),
        (0x0003, 3_i32.to_le_bytes().to_vec()),
        (0x0004, 4.5_f32.to_le_bytes().to_vec()),
        (0x0005, 5.5_f64.to_le_bytes().to_vec()),
        (0x0006, 60_000_i64.to_le_bytes().to_vec()),
        (0x0007, 46_083.5_f64.to_le_bytes().to_vec()),
        (0x0014, 20_i64.to_le_bytes().to_vec()),
        (0x0040, filetime(1_772_442_000).to_vec()),
        (0x0048, GUID.to_vec()),
    ]
}

/// Named properties of every type, by number and by text.
pub(super) fn named_of_every_type(it: &mut Stream) {
    it.mail("Named properties");
    let mut values = fixed_values();
    values.push((0x000B, vec![1, 0]));
    values.push((0x001E, sized(b"eight\0")));
    values.push((0x001F, sized(&utf16("sixteen"))));
    values.push((0x0102, sized(b"binary")));
    for (number, (kind, value)) in (0_u16..).zip(values) {
        let dispid = 0x9000 + u32::from(number);
        let name = [&[0][..], &dispid.to_le_bytes()].concat();
        it.named_as(0x8100 + number, kind, COMMON, &name, &value);
        let name = [&[1][..], &utf16(&format!("Type{kind:04X}"))].concat();
        it.named_as(0x8200 + number, kind, PUBLIC_STRINGS, &name, &value);
    }
    let keywords = [
        &2_u32.to_le_bytes()[..],
        &sized(&utf16("rot")),
        &sized(&utf16("grün")),
    ];
    it.named(0x101F, PUBLIC_STRINGS, "Keywords", &keywords.concat());
    it.named(0x001F, INTERNET_HEADERS, "x-custom", &sized(&utf16("kept")));
}

/// The id 0x8000 is a header here, and something else in the next item.
pub(super) fn local_id_one(it: &mut Stream) {
    it.mail("Local id, one");
    let name = [&[1][..], &utf16("X-One")].concat();
    it.named_as(
        0x8000,
        0x001F,
        INTERNET_HEADERS,
        &name,
        &sized(&utf16("first")),
    );
}

pub(super) fn local_id_two(it: &mut Stream) {
    it.mail("Local id, two");
    let name = [&[1][..], &utf16("X-Two")].concat();
    it.named_as(
        0x8000,
        0x001F,
        INTERNET_HEADERS,
        &name,
        &sized(&utf16("second")),
    );
}

/// Each type, single and with several values, one of them with none; and MetaTagEcWarning.
pub(super) fn every_type(it: &mut Stream) {
    it.int(0x400F, 0x0004_0380); // MetaTagEcWarning
    it.mail("Every type");
    for (kind, value) in fixed_values() {
        it.fixed(kind, 0x6600 + kind, &value);
        let many = [&2_u32.to_le_bytes()[..], &value, &value].concat();
        it.fixed(0x1000 | kind, 0x6700 + kind, &many);
    }
    it.fixed(0x000A, 0x660A, &0x8004_0005_u32.to_le_bytes());
    it.fixed(0x000B, 0x660B, &[1, 0]);
    it.var(0x00FB, 0x66FB, &[1; 21]); // PtypServerId
    for (kind, id, value) in [
        (0x101E, 0x671E, &b"eight\0"[..]),
        (0x101F, 0x671F, &utf16("sixteen")),
        (0x1102, 0x6780, b"binary"),
    ] {
        let many = [&1_u32.to_le_bytes()[..], &sized(value)].concat();
        it.fixed(kind, id, &many);
    }
    it.fixed(0x1003, 0x6790, &0_u32.to_le_bytes());
}

/// A property of a type that does not exist; what precedes it is all that can be read.
pub(super) fn unknown_type(it: &mut Stream) {
    it.string(0x001A, "IPM.Note");
    it.headers("Unknown type");
    it.string(0x1000, "Before it\r\n");
    it.0.push(Atom::Fixed(vec![0x77, 0x07, 0x00, 0x66, 1, 2, 3, 4]));
    it.to("Ann", "ann@example.test");
}
