//! Group 8: items that were made to break a reader.

use super::super::stream::{len32, Stream, END_ATTACH, END_EMBED, NEW_ATTACH, START_EMBED};

/// Line ends and NULs in every text that goes into a header.
pub(super) fn line_ends(it: &mut Stream) {
    const EVIL: &str = "x\r\nBcc: evil@example.test\r\n\r\n<body>\0\nX-Evil: y";
    it.string(0x001A, "IPM.Note");
    for id in [
        0x0037, 0x0042, 0x0065, 0x5D02, 0x0C1A, 0x5D01, 0x1035, 0x1042, 0x1039, 0x0070,
    ] {
        it.string(id, EVIL);
    }
    it.string(0x1000, "Hello\r\n");
    it.at(0x0039, 1_772_442_000);
    it.to(EVIL, EVIL);
    it.attach(1, |it| {
        for id in [0x3707, 0x370E, 0x3712, 0x3713] {
            it.string(id, EVIL);
        }
        it.binary(0x3701, b"data");
    });
}

pub(super) fn long_subject(it: &mut Stream) {
    it.string(0x001A, "IPM.Note");
    it.headers(&"Betreff ".repeat(1_310_720));
    it.string(0x1000, "Hello\r\n");
    it.to("Ann", "ann@example.test");
}

/// Compressed RTF that states 4 GiB, and has none.
pub(super) fn rtf_of_4_gib(it: &mut Stream) {
    it.mail("RTF of 4 GiB");
    it.binary(
        0x1009,
        &[&len32(12)[..], &[0xFF; 4], b"LZFu", &[0; 4]].concat(),
    );
}

pub(super) fn deep(it: &mut Stream) {
    const LEVELS: usize = 300;
    it.mail("Deep");
    for level in 1..=LEVELS {
        it.marker(NEW_ATTACH);
        it.int(0x0E21, 0);
        it.int(0x3705, 5);
        it.marker(START_EMBED);
        it.string(0x0037, &format!("Level {level}"));
    }
    for _ in 0..LEVELS {
        it.marker(END_EMBED);
        it.marker(END_ATTACH);
    }
}

pub(super) fn many_recipients(it: &mut Stream) {
    it.string(0x001A, "IPM.Note");
    it.headers("Many recipients");
    it.string(0x1000, "Hello\r\n");
    for number in 0..100_000 {
        it.addressee(1, |it| {
            it.string(0x39FE, &format!("u{number}@example.test"));
        });
    }
}
