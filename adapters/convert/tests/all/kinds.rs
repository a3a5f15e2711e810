//! Reports, OLE objects, calendar items and contacts as Internet messages and Outlook messages.

use std::io::{Cursor, Read as _, Write as _};

use exportitems_convert::names::PSETID_APPOINTMENT;
use exportitems_convert::{eml, msg, vcf, Item, WarningKind};

use crate::common::{convert, convert_to, mail, Stream};
use crate::python::{python, SCRIPT};

/// Prints the blocks of a report's part for programs.
const REPORT: &str = r#"
import email, email.policy, sys
message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
print(message.get_content_type(), message.get_param("report-type"))
for part in message.iter_parts():
    assert not part.defects, part.defects
    print(part.get_content_type())
    if part.get_content_type() == "message/delivery-status":
        for block in part.get_payload():
            print(*(f"{name}={value}" for name, value in block.items()), sep="|")
"#;

fn of_class(class: &str, rest: Stream) -> Stream {
    let mut stream = Stream::default().text(0x001A, class);
    stream.0.extend(rest.0);
    stream
}

#[test]
fn a_report_of_failed_delivery() {
    let recipient = Stream::default()
        .text(0x3001, "Nobody")
        .text(0x39FE, "nobody@example.test")
        .word(0x0C20_0003, 511)
        .text(
            0x0C1B,
            "<b.example.test #5.1.1 smtp;550 5.1.1 no such user>\r\nEVIL: x",
        );
    let stream = of_class("REPORT.IPM.Note.NDR", mail("Undeliverable"))
        .text(0x1001, "It could not be delivered.")
        .text(0x6820, "b.example.test")
        .time(0x0032, 1_270_070_044)
        .recipient(1, recipient)
        .embedded("hello", mail("hello").text(0x1000, "hi"));
    let converted = convert(&stream);
    let Some(read) = python(REPORT, converted.eml.as_bytes()) else {
        return;
    };
    assert_eq!(
        read.lines().collect::<Vec<_>>(),
        [
            "multipart/report delivery-status",
            "text/plain",
            "message/delivery-status",
            "Reporting-MTA=dns; b.example.test|Arrival-Date=Wed, 31 Mar 2010 21:14:04 +0000",
            "Final-Recipient=rfc822; nobody@example.test|Action=failed|Status=5.1.1|Diagnostic-Code=smtp;550 5.1.1 no such user>  EVIL: x",
            "message/rfc822",
        ]
    );
}

#[test]
fn a_receipt() {
    let stream =
        of_class("REPORT.IPM.Note.IPNRN", mail("Read: hello")).text(0x1046, "<0@example.test>");
    let eml = convert(&stream).eml;
    for line in [
        "report-type=\"disposition-notification\"",
        "Content-Type: message/disposition-notification\r\n",
        "\r\nFinal-Recipient: rfc822; pat@example.test\r\n",
        "\r\nOriginal-Message-ID: <0@example.test>\r\n",
        "\r\nDisposition: manual-action/MDN-sent-automatically; displayed\r\n",
    ] {
        assert!(eml.contains(line), "no {line:?} in\n{eml}");
    }
}

#[test]
fn recipients_that_are_missing_have_names() {
    let stream = mail("old")
        .text(0x0E04, "Ann Lee; bo@example.test")
        .text(0x0E03, "Team");
    let converted = convert(&stream);
    assert!(
        converted
            .eml
            .contains("\r\nTo: \"Ann Lee\" <Ann-Lee@unresolved.invalid>, bo@example.test\r\n"),
        "{}",
        converted.eml
    );
    assert!(converted
        .eml
        .contains("\r\nCc: \"Team\" <Team@unresolved.invalid>\r\n"));
    let there = convert(&stream.to("Cy", "cy@example.test")).eml;
    assert!(
        !there.contains("Ann Lee") && !there.contains("Team"),
        "{there}"
    );
}

/// A compound file with a file that the packager of Windows has put into it.
fn package(data: &[u8]) -> Vec<u8> {
    let mut native = Vec::new();
    native.extend([2, 0]);
    native.extend(b"Bericht.txt\0C:\\Users\\x\\Bericht.txt\0");
    native.extend([0, 0, 3, 0]);
    native.extend(6_u32.to_le_bytes());
    native.extend(b"C:\\tmp");
    native.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    native.extend(data);
    let mut bytes = u32::try_from(native.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(native);
    compound("\x01Ole10Native", &bytes)
}

fn compound(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.set_storage_clsid("/", uuid()).unwrap();
    file.create_storage("/inner").unwrap();
    file.create_stream(format!("/{name}"))
        .unwrap()
        .write_all(bytes)
        .unwrap();
    file.flush().unwrap();
    file.into_inner().into_inner()
}

fn uuid() -> uuid::Uuid {
    uuid::Uuid::from_u128(0x0003_000C_0000_0000_C000_0000_0000_0046)
}

/// A mail with an OLE object.
fn with_object(object: &[u8]) -> Stream {
    let inner = Stream::default()
        .word(0x3705_0003, 6)
        .text(0x3001, "Packager Shell Object")
        .bytes(0x3701_000D, object);
    mail("object").attachment(inner)
}

#[test]
fn an_ole_object_becomes_the_file_in_it() {
    // Longer than what is held, so that it is read from the records of the file.
    let long = vec![b'a'; 200_000];
    for data in [&b"Zahlen"[..], &long] {
        let eml = convert(&with_object(&package(data))).eml;
        if let Some(read) = python(SCRIPT, eml.as_bytes()) {
            let expected = format!(
                "part text/plain Bericht.txt {}\n",
                String::from_utf8_lossy(data)
            );
            assert!(read.ends_with(&expected), "{}", &read[..500]);
        }
        let pdf = convert(&with_object(&compound("CONTENTS", data))).eml;
        assert!(pdf.contains("name=\"Packager Shell Object\""), "{pdf}");
    }
    // What is no compound file, or one without a known file, stays as it is.
    let other = compound("other", b"x");
    let broken = package(b"x")[..700].to_vec();
    for object in [&b"no compound file"[..], &other, &broken] {
        let converted = convert(&with_object(object));
        assert!(converted.eml.contains("Content-Transfer-Encoding: base64"));
        assert_eq!(converted.warnings, []);
    }
}

#[test]
fn an_ole_object_is_a_storage_in_an_outlook_message() {
    for data in [vec![b'a'; 10], vec![b'b'; 200_000]] {
        let mut file = Cursor::new(with_object(&package(&data)).payload());
        let item = Item::read(&mut file).unwrap();
        let mut out = Cursor::new(Vec::new());
        let warnings = msg::write(&item, &mut file, &mut out, &eml::Options::default()).unwrap();
        assert_eq!(warnings, []);
        let mut written = cfb::CompoundFile::open_strict(out).unwrap();
        let storage = "/__attach_version1.0_#00000000/__substg1.0_3701000D";
        assert_eq!(*written.entry(storage).unwrap().clsid(), uuid());
        assert!(written.is_storage(format!("{storage}/inner")));
        let mut native = Vec::new();
        let path = format!("{storage}/\x01Ole10Native");
        written
            .open_stream(path)
            .unwrap()
            .read_to_end(&mut native)
            .unwrap();
        assert!(native.ends_with(&data));
    }
    let msg = |object: &[u8]| {
        let mut file = Cursor::new(with_object(object).payload());
        let item = Item::read(&mut file).unwrap();
        let mut out = Cursor::new(Vec::new());
        msg::write(&item, &mut file, &mut out, &eml::Options::default()).unwrap();
        cfb::CompoundFile::open_strict(out).unwrap()
    };
    assert!(
        msg(b"no compound file").is_stream("/__attach_version1.0_#00000000/__substg1.0_37010102")
    );
}

#[test]
fn calendar_items_and_contacts_have_a_part_for_programs() {
    let request = of_class("IPM.Schedule.Meeting.Request", mail("Meeting"))
        .text(0x1000, "Agenda")
        .lid_time(PSETID_APPOINTMENT, 0x820D, 1_772_442_000)
        .to("Ann", "ann@example.test");
    let converted = convert(&request);
    let Some(read) = python(SCRIPT, converted.eml.as_bytes()) else {
        return;
    };
    assert!(read.contains("part multipart/alternative"), "{read}");
    assert!(read.contains("METHOD:REQUEST\\r\\nBEGIN:VEVENT"), "{read}");
    assert!(converted
        .eml
        .contains("text/calendar; charset=\"utf-8\"; method=\"REQUEST\""));
    let contact = of_class("IPM.Contact", Stream::default().text(0x3001, "Ann"));
    let read = python(SCRIPT, convert(&contact).eml.as_bytes()).unwrap_or_default();
    assert!(read.contains("part text/vcard contact.vcf"), "{read}");
    assert!(read.contains("FN:Ann"), "{read}");
}

#[test]
fn a_cut_object_is_a_loss() {
    let mut object = package(&vec![b'a'; 100_000]);
    object.truncate(60_000);
    let converted = convert(&with_object(&object));
    let kinds: Vec<_> = converted.warnings.iter().map(|it| it.kind).collect();
    assert!(
        kinds.is_empty() || kinds == [WarningKind::SkippedAttachment],
        "{kinds:?}"
    );
}

/// In a mail, the attachments of a contact are parts; a vCard has none.
#[test]
fn attachments_of_a_contact() {
    for class in ["IPM.Contact", "IPM.DistList"] {
        let contact = of_class(class, Stream::default().file("a.txt", b"a"));
        assert_eq!(convert(&contact).warnings, [], "{class}");
        let card = convert_to(&contact, vcf::write);
        let kinds: Vec<_> = card.warnings.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [WarningKind::SkippedAttachment]);
    }
}
