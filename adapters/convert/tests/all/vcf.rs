//! Contacts and distribution lists as vCards.

use exportitems_convert::names::PSETID_ADDRESS;
use exportitems_convert::vcf;

use crate::common::{convert_to, utf16, Stream};
use crate::python::python;

/// Prints what vobject reads of a vCard.
const VOBJECT: &str = r#"
import sys, vobject
card = vobject.readOne(sys.stdin.buffer.read().decode())
print(card.n.value.family, card.n.value.given, sep="|")
print(card.adr.value.street, card.adr.value.city, card.adr.value.code, sep="|")
print(card.org.value, card.note.value, card.photo.value, card.email.value)
"#;

/// A one-off EntryID.
fn one_off(name: &str, address: &str) -> Vec<u8> {
    let mut id = vec![0; 4];
    id.extend([
        0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54,
        0x02, 0, 0, 1, 0x90,
    ]);
    id.extend([name, "SMTP", address].iter().flat_map(|it| utf16(it)));
    id
}

#[test]
fn a_contact() {
    let photo = Stream::default()
        .boolean(0x7FFF)
        .text(0x3707, "ContactPicture.jpg")
        .bytes(0x3701_0102, b"JPEG");
    let stream = Stream::default()
        .text(0x001A, "IPM.Contact")
        .text(0x3001, "Dr. Ann Müller")
        .text(0x3A11, "Müller")
        .text(0x3A06, "Ann")
        .text(0x3A16, "Example; Inc.")
        .text(0x3A18, "Sales")
        .text(0x3A08, "+49 30 1")
        .text(0x3A1C, "+49 170 2")
        .time(0x3A42, 315_532_800)
        .text(0x1000, "line 1\r\nline 2")
        .lid_text(PSETID_ADDRESS, 0x8045, "Hauptstr. 1")
        .lid_text(PSETID_ADDRESS, 0x8046, "Berlin")
        .lid_text(PSETID_ADDRESS, 0x8048, "10115")
        .lid_text(PSETID_ADDRESS, 0x8082, "EX")
        .lid_text(PSETID_ADDRESS, 0x8083, "/o=x/cn=ann")
        .lid_text(PSETID_ADDRESS, 0x8084, "ann@example.test")
        .attachment(photo);
    let converted = convert_to(&stream, vcf::write);
    let lines: Vec<_> = converted.eml.split_terminator("\r\n").collect();
    for line in [
        "VERSION:3.0",
        "FN:Dr. Ann Müller",
        "N:Müller;Ann;;;",
        "ORG:Example\\; Inc.;Sales",
        "TEL;TYPE=WORK,VOICE:+49 30 1",
        "TEL;TYPE=CELL,VOICE:+49 170 2",
        "ADR;TYPE=WORK:;;Hauptstr. 1;Berlin;;10115;",
        "EMAIL;TYPE=INTERNET:ann@example.test",
        "BDAY:1980-01-01",
        "NOTE:line 1\\nline 2",
        "PHOTO;ENCODING=b;TYPE=JPEG:SlBFRw==",
    ] {
        assert!(lines.contains(&line), "no {line:?} in {lines:#?}");
    }
    assert_eq!(converted.warnings, []);
    if let Some(read) = python(VOBJECT, converted.eml.as_bytes()) {
        assert_eq!(
            read.lines().collect::<Vec<_>>(),
            [
                "Müller|Ann",
                "Hauptstr. 1|Berlin|10115",
                "['Example; Inc.', 'Sales'] line 1",
                "line 2 b'JPEG' ann@example.test",
            ]
        );
    }
}

#[test]
fn a_distribution_list() {
    let members = [
        one_off("Ann", "ann@example.test"),
        one_off("Bo", "bo@example.test"),
    ];
    let mut value = 2_u32.to_le_bytes().to_vec();
    for member in &members {
        value.extend(u32::try_from(member.len()).unwrap().to_le_bytes());
        value.extend(member);
    }
    let stream = Stream::default()
        .text(0x001A, "IPM.DistList")
        .lid_text(PSETID_ADDRESS, 0x8053, "Team, all")
        .lid(PSETID_ADDRESS, 0x8054, 0x1102, &value);
    let converted = convert_to(&stream, vcf::write);
    for line in [
        "KIND:group",
        "FN:Team\\, all",
        "MEMBER:mailto:ann@example.test",
        "MEMBER:mailto:bo@example.test",
    ] {
        assert!(
            converted.eml.contains(line),
            "no {line:?} in\n{}",
            converted.eml
        );
    }
}

/// CR, LF and NUL in every string.
#[test]
fn no_string_makes_a_line() {
    let evil = "x\r\nEVIL:y\0\nEVIL:z";
    let mut stream = Stream::default()
        .text(0x001A, "IPM.Contact")
        .text(0x1000, evil);
    for id in 0x3A00..0x3A70 {
        stream = stream.text(id, evil);
    }
    for dispid in 0x8000..0x80F0 {
        stream = stream.lid_text(PSETID_ADDRESS, dispid, evil);
    }
    for line in convert_to(&stream, vcf::write).eml.split_terminator("\r\n") {
        assert!(!line.starts_with("EVIL"), "{line}");
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
}
