//! Items as Internet messages.

use std::io::Cursor;

use crate::common::{convert, convert_by, mail, utf16, Stream};
use exportitems_convert::{eml, maildir, mbox, plain, AddressMap, Item, WarningKind};

const ONE_PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The lines of the header block, unfolded.
fn head(eml: &str) -> String {
    let head = eml.split("\r\n\r\n").next().unwrap();
    head.replace("\r\n ", " ").replace("\r\n\t", " ")
}

fn has(eml: &str, line: &str) {
    assert!(
        head(eml).split("\r\n").any(|it| it == line),
        "no {line:?} in\n{eml}"
    );
}

#[test]
fn a_mail_is_rebuilt_from_properties() {
    let stream = mail("Grüße")
        .word(0x0017_0003, 2)
        .text(0x1042, "<0@example.test>")
        .named(0x0002_0329, "Keywords", &["red", "blue"])
        .named(0x0002_0386, "X-Custom", &["kept"])
        .named(0x0002_0386, "Content-Type", &["text/evil"])
        .text(0x1000, "Hello\r\nworld")
        .to("Ann", "ann@example.test")
        .recipient(
            2,
            Stream::default()
                .text(0x3001, "Bo, Jr.")
                .text(0x39FE, "bo@example.test"),
        )
        .recipient(3, Stream::default().text(0x39FE, "hidden@example.test"));
    let converted = convert(&stream);
    let eml = &converted.eml;
    for line in [
        "Date: Wed, 31 Mar 2010 21:14:04 +0000",
        "From: \"Pat Doe\" <pat@example.test>",
        "To: \"Ann\" <ann@example.test>",
        "Cc: \"Bo, Jr.\" <bo@example.test>",
        "Bcc: hidden@example.test",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
        "Message-ID: <1@example.test>",
        "In-Reply-To: <0@example.test>",
        "Importance: high",
        "Keywords: red, blue",
        "X-Custom: kept",
        "Content-Type: text/plain; charset=\"utf-8\"",
        "Content-Transfer-Encoding: quoted-printable",
    ] {
        has(eml, line);
    }
    assert!(eml.ends_with("\r\n\r\nHello\r\nworld=\r\n"), "{eml}");
    assert!(!eml.contains("evil"));
    assert_eq!(converted.warnings, []);
    assert_eq!(convert(&stream).eml, *eml, "two runs");
}

#[test]
fn original_headers_win_and_are_completed() {
    let block = "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from a\r\n\tby b; Mon, 1 Mar 2010 00:00:00 +0100\r\nSubject: as sent\r\nContent-Type: multipart/mixed;\r\n boundary=x\r\nMIME-Version: 1.0\r\nDKIM-Signature: v=1;\r\n b=abc\r\nnot a field\r\n\r\nBody: no";
    let stream = mail("as edited").text(0x007D, block).text(0x1000, "x");
    let eml = convert(&stream).eml;
    for line in [
        "Received: from a by b; Mon, 1 Mar 2010 00:00:00 +0100",
        "Subject: as sent",
        "DKIM-Signature: v=1; b=abc",
        "From: \"Pat Doe\" <pat@example.test>",
    ] {
        has(&eml, line);
    }
    for absent in [
        "as edited",
        "boundary",
        "Version 2.0",
        "Body:",
        "not a field",
    ] {
        assert!(!eml.contains(absent), "{absent} in\n{eml}");
    }
    assert_eq!(eml.matches("MIME-Version").count(), 1);
    let options = eml::Options {
        headers: eml::HeaderSource::Rebuilt,
        ..eml::Options::default()
    };
    has(&convert_by(&stream, &options).eml, "Subject: as edited");
}

#[test]
fn exchange_addresses_are_resolved_or_marked() {
    let dn = "/O=ORG/OU=X/CN=RECIPIENTS/CN=pdoe";
    let stream = Stream::default()
        .text(0x0042, "Pat")
        .text(0x0064, "EX")
        .text(0x0065, dn)
        .recipient(
            1,
            Stream::default()
                .text(0x3001, "Bo")
                .text(0x3002, "EX")
                .text(0x3003, dn)
                .text(0x39FE, "bo@example.test"),
        );
    let converted = convert(&stream);
    has(&converted.eml, "From: \"Pat\" <pdoe@unresolved.invalid>");
    has(&converted.eml, "To: \"Bo\" <bo@example.test>");
    has(
        &converted.eml,
        &format!("X-Exchange-DN: <pdoe@unresolved.invalid> {dn}"),
    );
    assert!(converted
        .warnings
        .iter()
        .any(|it| it.kind == WarningKind::UnresolvedAddress));

    let mut addresses = AddressMap::default();
    addresses.insert(&dn.to_lowercase(), "pat@example.test");
    let options = eml::Options {
        addresses,
        ..eml::Options::default()
    };
    let converted = convert_by(&stream, &options);
    has(&converted.eml, "From: \"Pat\" <pat@example.test>");
    assert_eq!(converted.warnings, []);
}

#[test]
fn inline_images_attachments_and_mails_have_their_places() {
    let image = Stream::default()
        .bytes(0x3701_0102, ONE_PIXEL)
        .text(0x3712, "pic@x")
        .text(0x370E, "image/png")
        .text(0x3707, "p.png");
    let hidden = Stream::default()
        .boolean(0x7FFE)
        .bytes(0x3701_0102, b"h")
        .text(0x3712, "unused");
    let stream = mail("all")
        .text(0x1000, "text")
        .bytes(0x1013_0102, b"<img src='cid:pic%40x'>")
        .word(0x3FDE_0003, 1251)
        .attachment(image)
        .attachment(hidden)
        .embedded("inner", mail("inner").text(0x1000, "in"))
        .attachment(Stream::default().word(0x3705_0003, 1).text(0x3707, "empty"));
    let converted = convert(&stream);
    let types: Vec<_> = converted
        .eml
        .lines()
        .filter_map(|line| {
            let value = line.strip_prefix("Content-Type: ")?;
            Some(value.split(';').next().unwrap())
        })
        .collect();
    assert_eq!(
        types,
        [
            "multipart/mixed",
            "multipart/related",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "image/png",
            "application/octet-stream",
            "message/rfc822",
            "text/plain",
        ]
    );
    assert!(converted
        .eml
        .contains("Content-Disposition: inline; filename=\"p.png\""));
    assert!(converted.eml.contains("charset=\"windows-1251\""));
    assert!(converted.eml.contains("name=\"inner.eml\""));
    let kinds: Vec<_> = converted.warnings.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [WarningKind::SkippedAttachment]);
}

#[test]
fn html_comes_out_of_rtf() {
    // Stored, not compressed: MELA.
    let rtf = br"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag64 <p>}caf\'e9{\*\htmltag72 </p>}}";
    let mut stored = u32::try_from(rtf.len() + 12)
        .unwrap()
        .to_le_bytes()
        .to_vec();
    stored.extend(u32::try_from(rtf.len()).unwrap().to_le_bytes());
    stored.extend(b"MELA\0\0\0\0");
    stored.extend(rtf);
    let converted = convert(&mail("rtf").bytes(0x1009_0102, &stored));
    assert!(converted
        .eml
        .contains("Content-Type: text/html; charset=\"utf-8\""));
    assert!(
        converted.eml.contains("<p>caf=C3=A9</p>"),
        "{}",
        converted.eml
    );
    assert_eq!(converted.warnings, []);

    // RAWSIZE says 4 GiB; what is there is written, as real RTF.
    let mut cut = [0xFF; 8].to_vec();
    cut.extend(b"MELA\0\0\0\0{\\rtf1 x");
    let converted = convert(&mail("rtf").bytes(0x1009_0102, &cut));
    assert!(converted.eml.contains("application/rtf"));
    assert!(converted
        .warnings
        .iter()
        .any(|it| it.kind == WarningKind::DamagedRtf));
}

#[test]
fn signed_mail_is_copied() {
    let entity = "Content-Type: multipart/signed; boundary=b\nSubject: injected\nMIME-Version: 1.0\n\n--b\nAny \x01 bytes  \n--b--\n";
    let inner = Stream::default()
        .bytes(0x3701_0102, entity.as_bytes())
        .text(0x370E, "multipart/signed");
    let stream = mail("signed").attachment(inner);
    // The first property is the class, so the later one does not count.
    let mut stream = Stream(stream.0);
    let class = Stream::default().text(0x001A, "IPM.Note.SMIME.MultipartSigned");
    stream.0.splice(0..0, class.0);
    let eml = convert(&stream).eml;
    assert!(
        eml.ends_with("\r\n\r\n--b\nAny \x01 bytes  \n--b--\n"),
        "{eml}"
    );
    assert!(!eml.contains("injected"));
    assert_eq!(eml.matches("MIME-Version").count(), 1);
}

/// CR, LF and NUL in every string that goes into a header.
#[test]
fn no_string_makes_a_header() {
    let evil = "x\r\nBcc: evil@example.test\r\n\r\nbody\0\nX-Evil: y";
    let mut stream = Stream::default();
    for id in [
        0x001A, 0x0037, 0x003D, 0x0E1D, 0x0042, 0x0064, 0x0065, 0x5D02, 0x0C1A, 0x0C1E, 0x0C1F,
        0x5D01, 0x1035, 0x1042, 0x1039, 0x0070, 0x1043, 0x1044, 0x1045, 0x5D05,
    ] {
        stream = stream.text(id, evil);
    }
    let block = "A: b\rBcc: evil\nX-Ok: c\0d\r\n\re\u{85}";
    let person = |stream: Stream| {
        [0x3001, 0x3002, 0x3003, 0x39FE]
            .iter()
            .fold(stream, |it, id| it.text(*id, evil))
    };
    let file = [0x3707, 0x3704, 0x370E, 0x3712, 0x3713, 0x3703, 0x370D]
        .iter()
        .fold(Stream::default(), |it, id| it.text(*id, evil))
        .bytes(0x3701_0102, b"data");
    let stream = stream
        .boolean(0x0029)
        .named(0x0002_0329, "Keywords", &[evil])
        .named(0x0002_0386, "X-A\r\nX-Evil", &["x"])
        .named(0x0002_0386, "X-B", &[evil])
        .text(0x1000, "x")
        .recipient(1, person(Stream::default()))
        .recipient(3, person(Stream::default()))
        .attachment(file);
    for stream in [stream.clone(), stream.text(0x007D, block)] {
        let eml = convert(&stream).eml;
        for line in eml.split("\r\n") {
            for name in ["X-Evil", "Bcc: evil", "body"] {
                assert!(!line.starts_with(name), "{line:?} in\n{eml}");
            }
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        }
    }
}

/// What is not signed or encrypted data is a mail as any other.
#[test]
fn a_class_alone_does_not_make_a_mail_encrypted() {
    let class = Stream::default().text(0x001A, "IPM.Note.SMIME");
    let of =
        |file: Stream| Stream([class.0.clone(), mail("x").text(0x1000, "text").0, file.0].concat());
    let eml = convert(&of(Stream::default().file("a.pdf", b"%PDF"))).eml;
    assert!(
        eml.contains("filename=\"a.pdf\"") && eml.contains("\r\ntext"),
        "{eml}"
    );
    for (name, data) in [
        (
            "x.bin",
            &b"0\x80\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03"[..],
        ),
        ("smime.p7m", b"any"),
    ] {
        let eml = convert(&of(Stream::default().file(name, data))).eml;
        assert!(head(&eml).contains("application/pkcs7-mime"), "{eml}");
    }
}

/// Code pages that a browser refuses, and those of UTF-16, which no 8-bit string has.
#[test]
fn code_pages_that_cannot_be() {
    for (page, kinds) in [
        (1200, &[][..]),
        (1201, &[]),
        (20_127, &[]),
        (50_225, &[WarningKind::UnknownCodePage]),
        (52_936, &[WarningKind::UnknownCodePage]),
    ] {
        let stream = Stream::default()
            .word(0x3FFD_0003, page)
            .bytes(0x0037_001E, b"caf\xE9\0");
        let converted = convert(&stream);
        has(&converted.eml, "Subject: =?utf-8?b?Y2Fmw6k=?=");
        let found: Vec<_> = converted.warnings.iter().map(|it| it.kind).collect();
        assert_eq!(found, kinds, "{page}");
    }
    let html = mail("x").word(0x3FDE_0003, 20_127);
    let eml = convert(&html.clone().bytes(0x1013_0102, b"caf\xE9")).eml;
    assert!(eml.contains("text/html; charset=\"windows-1252\""), "{eml}");
    let eml = convert(&html.bytes(0x1013_0102, b"cafe")).eml;
    assert!(eml.contains("text/html; charset=\"us-ascii\""), "{eml}");
}

#[test]
fn nesting_is_written_down_to_a_bound() {
    let mut message = mail("innermost");
    for level in 0..100 {
        message = mail(&format!("level {level}")).embedded("m", message);
    }
    let converted = convert(&message);
    assert_eq!(converted.eml.matches("message/rfc822").count(), 31);
    assert!(converted
        .warnings
        .iter()
        .any(|it| it.kind == WarningKind::TooDeep));
}

/// What precedes a cut is converted, and the item is partial.
#[test]
fn every_cut_is_converted() {
    let whole = mail("cut")
        .text(0x1000, "body")
        .to("Ann", "ann@example.test")
        .file("a.txt", b"abc");
    let payload = whole.payload();
    for len in 0..payload.len() {
        let mut file = Cursor::new(&payload[..len]);
        let item = Item::read(&mut file).unwrap();
        assert!(item.is_partial() && !item.warnings.is_empty(), "{len}");
        eml::write(&item, &mut file, &mut Vec::new(), &eml::Options::default()).unwrap();
    }
    // An unknown type, between the subject and the body.
    let foreign = Stream([mail("kept").0, vec![0x99, 0x09, 1, 0, 0, 0]].concat());
    let converted = convert(&foreign.text(0x1000, "lost"));
    has(&converted.eml, "Subject: kept");
    assert!(converted
        .warnings
        .iter()
        .any(|it| it.kind == WarningKind::NotUnderstood));
}

/// Bounded, and reported: a subject of 300 KB is no header.
#[test]
fn long_texts_are_cut() {
    let converted = convert(&mail(&"s".repeat(150_000)));
    assert!(head(&converted.eml).len() < 100_000);
    let [warning] = &converted.warnings[..] else {
        panic!("{:?}", converted.warnings);
    };
    assert!(warning.kind == WarningKind::Truncated && warning.kind.is_loss());
}

/// A value across many records, read back in the second pass.
#[test]
fn large_values_are_copied_from_the_file() {
    let data: Vec<u8> = (0..300_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let stream = mail("large").file("big.bin", &data).text(0x1000, "after");
    for sizes in [&[31_680][..], &[1, 7, 100_000], &[999]] {
        let mut file = Cursor::new(exportitems_testkit::payload_gen::frame(&stream.0, sizes));
        let item = Item::read(&mut file).unwrap();
        let mut out = Vec::new();
        let options = eml::Options::default();
        let is_there =
            exportitems_convert::copy_attachment(&item, &[0], &mut file, &mut out, &options)
                .unwrap();
        assert!(is_there && out == data);
    }
}

#[test]
fn mbox_maildir_and_text() {
    let stream = mail("x")
        .word(0x0E07_0003, 1)
        .word(0x1081_0003, 102)
        .time(0x0E06, 1_270_070_100)
        .text(0x1000, "From here\r\nto there")
        .file("a.txt", b"abc");
    let mut file = Cursor::new(stream.payload());
    let item = Item::read(&mut file).unwrap();
    let options = eml::Options::default();
    let mut out = Vec::new();
    mbox::append(&item, &mut file, &mut out, &options).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.starts_with("From pat@example.test Wed Mar 31 21:15:00 2010\n"),
        "{out}"
    );
    assert!(out.contains("\n>From here\n") && out.ends_with("\n\n") && !out.contains('\r'));

    let name = maildir::file_name(&item, "1");
    assert!(
        name.starts_with("1270070100.") && name.ends_with(":2,RS"),
        "{name}"
    );

    let mut text = Vec::new();
    plain::write(&item, &mut file, &mut text, &options).unwrap();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "From: Pat Doe <pat@example.test>\nDate: 2010-03-31T21:14:04Z\nSubject: x\nMessage-ID: <1@example.test>\nClass: IPM.Note\nAttachment: a.txt\n\nFrom here\nto there\n"
    );
}

#[test]
fn strings_of_any_type() {
    let stream = Stream::default()
        .word(0x3FFD_0003, 932)
        .bytes(0x0037_001E, b"\x83\x65\x83\x58\0")
        .bytes(0x0042_84E4, b"Jos\xE9\0")
        .bytes(0x5D02_001F, &utf16("jose@example.test"))
        .bytes(0x1000_FDE9, "Grüße".as_bytes());
    let converted = convert(&stream);
    has(&converted.eml, "Subject: =?utf-8?b?44OG44K5?=");
    has(
        &converted.eml,
        "From: =?utf-8?b?Sm9zw6k=?= <jose@example.test>",
    );
    assert!(converted.eml.contains("R3LDvMOfZQ=="), "{}", converted.eml);
    assert_eq!(converted.warnings, []);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, ..Default::default() })]

    /// Any content of a payload, and any damage to it.
    #[test]
    fn any_item_is_converted(
        item in exportitems_testkit::payload_gen::item(),
        sizes in exportitems_testkit::payload_gen::sizes(),
        damage in exportitems_testkit::payload_gen::damage(),
    ) {
        let payload = exportitems_testkit::payload_gen::frame(&item.stream().bytes, &sizes);
        exportitems_testkit::oracle::convert(&payload);
        exportitems_testkit::oracle::convert(&damage.apply(payload));
    }

    /// A mail with everything, damaged.
    #[test]
    fn any_damage_to_a_mail(damage in exportitems_testkit::payload_gen::damage()) {
        exportitems_testkit::oracle::convert(&damage.apply(crate::common::everything().payload()));
    }
}
