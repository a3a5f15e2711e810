//! protocol.md §6, "Incremental XML decoder", the lines about XML: a test for each, in their order.

use exportitems::{ErrorKind, ItemError, ResponseOutcome, MAX_DEPTH, MAX_NAME_LEN};
use exportitems_testkit::run::{Reported, Value};

use crate::support::{data, good, refused, response, run, Findings, PAYLOAD};

/// "UTF-8 only: a UTF-16 BOM or another declared encoding is a typed error"
#[test]
fn utf_8_only() {
    let utf_16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = format!("\u{feff}{}", response(&good()));
        text.encode_utf16().flat_map(order).collect()
    };
    let declared = |encoding: &str| {
        format!(
            "<?xml version='1.0' encoding='{encoding}'?>{}",
            response(&good())
        )
        .into_bytes()
    };
    for document in [
        utf_16(u16::to_le_bytes),
        utf_16(u16::to_be_bytes),
        utf_16(u16::to_be_bytes)[2..].to_vec(),
        declared("utf-16"),
        declared("iso-8859-2"),
        declared(""),
        b"\xef\xbbx".to_vec(),
    ] {
        let run = run(document);
        assert_eq!(run.kind(), Some(ErrorKind::Encoding));
        assert_eq!(run.summary().response, ResponseOutcome::NotSoap);
    }
    for encoding in [
        "utf-8",
        "UTF-8",
        "Utf-8",
        "utf8",
        "UTF8",
        "us-ascii",
        "US-ASCII",
        "Windows-1252",
        "ISO-8859-1",
    ] {
        assert_eq!(run(declared(encoding)).errors(), [None]);
    }
}

/// "invalid UTF-8 in a text field is replaced and flagged, in Data an error; text handed out in pieces is never
/// cut inside a character"
#[test]
fn invalid_utf_8() {
    let with = |document: String, bytes: &[u8]| -> Vec<u8> {
        let (before, after) = document.split_once("HERE").expect("a place");
        [before.as_bytes(), bytes, after.as_bytes()].concat()
    };
    let text = |bytes: &[u8]| {
        let document = response(&refused("<m:MessageText>HERE</m:MessageText>"));
        let run = run(with(document, bytes));
        (run.text(), run.outcome().text_replaced)
    };
    assert_eq!(text(b"a\xffb"), ("a\u{fffd}b".to_owned(), true));
    assert_eq!(text(b"\xe2\x82"), ("\u{fffd}".to_owned(), true));
    // Longer than any scratch but one, characters of every length: pieces are `&str`, so none is cut.
    let wide = "a\u{e4}\u{20ac}\u{1f4e7}".repeat(100);
    assert_eq!(text(wide.as_bytes()), (wide, false));

    let run = run(with(response(&data("QUJDHERE")), b"\xc3\xa4"));
    assert_eq!(run.errors(), [Some(ItemError::Base64)]);
}

/// "Any chunk boundary (1 byte at a time), bounded memory": [`run`] tries all sizes up to 64 and five scratches;
/// here is a document with everything that a boundary can fall into.
#[test]
fn any_chunk_boundary() {
    let everything = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\" ?><!-- c --><?p i?>\n{}<!----><?p?>\r\n",
        response(&format!(
            "{}<!-- -- -->{}{}",
            data(&format!("<![CDATA[{}]]>&#x{:X};\r\n{}", &PAYLOAD[..9], PAYLOAD.as_bytes()[9], &PAYLOAD[10..])),
            refused("<m:MessageText>&lt;&#65;\u{20ac}<![CDATA[]]]]>&amp;</m:MessageText>"),
            "<m:ExportItemsResponseMessage\tResponseClass\n=\r'Success' ><m:Data /></m:ExportItemsResponseMessage >",
        ))
    );
    let run = run(&everything);
    assert_eq!(
        run.errors(),
        [None, Some(ItemError::Refused), Some(ItemError::EmptyData)]
    );
    assert_eq!(run.text(), "<A\u{20ac}]]&");
    assert_eq!(run.summary().response, ResponseOutcome::Complete);
}

/// "no recursion, depth/attribute/name limits"
#[test]
fn limits() {
    let nested = |depth: usize| {
        let (open, close) = ("<x>".repeat(depth), "</x>".repeat(depth));
        let item = good().replace("<m:Data>", &format!("{open}{close}<m:Data>"));
        run(response(&(item + &good())))
    };
    // Envelope to ExportItemsResponseMessage are five.
    assert_eq!(nested(MAX_DEPTH as usize - 5).errors(), [None, None]);
    assert_eq!(
        nested(MAX_DEPTH as usize - 4).kind(),
        Some(ErrorKind::TooDeep)
    );

    let named = |tag: String| {
        let item = good().replace("<m:Data>", &format!("<{tag}/><m:Data>"));
        run(response(&(item + &good())))
    };
    let name = |len| "n".repeat(len);
    assert_eq!(named(name(MAX_NAME_LEN)).errors(), [None, None]);
    let too_long = name(MAX_NAME_LEN + 1);
    assert_eq!(named(too_long.clone()).kind(), Some(ErrorKind::NameTooLong));
    assert_eq!(
        named(format!("x {too_long}=''")).kind(),
        Some(ErrorKind::NameTooLong)
    );

    // Any number of attributes of any length.
    let attributes = format!(" a='{}'", "v".repeat(3000)).repeat(20);
    assert_eq!(named(format!("x{attributes}")).errors(), [None, None]);
}

/// "BOM; XML declaration; comments, PIs, CDATA; reject DTD"
#[test]
fn markup() {
    for prolog in [
        "\u{feff}",
        "<?xml version='1.0'?>",
        "\u{feff}<?xml version='1.0' encoding='utf-8' standalone='yes'?>\r\n",
        "<!-- a --><?b c?> \n",
        "\t\n",
    ] {
        assert_eq!(run(prolog.to_owned() + &response(&good())).errors(), [None]);
    }
    for dtd in [
        "<!DOCTYPE s:Envelope>",
        "<!DOCTYPE x SYSTEM 'y' [<!ENTITY z 'zz'>]>",
        "<!doctype html>",
    ] {
        let run = run(dtd.to_owned() + &response(&good()));
        assert_eq!(run.kind(), Some(ErrorKind::Dtd));
    }
    assert_eq!(
        run(" <?xml version='1.0'?>").kind(),
        Some(ErrorKind::UnexpectedByte)
    );
}

/// "entities `lt gt amp quot apos` and numeric; illegal charrefs tolerated (U+FFFD + flag) in text, error in Data"
#[test]
fn references() {
    let text = |text: &str| {
        let run = run(response(&refused(&format!(
            "<m:MessageText>{text}</m:MessageText>"
        ))));
        (run.text(), run.outcome().text_replaced, run.kind())
    };
    assert_eq!(
        text("&lt;&gt;&amp;&quot;&apos;&#955;&#x3BB;&#x1F4E7;"),
        ("<>&\"'\u{3bb}\u{3bb}\u{1f4e7}".to_owned(), false, None)
    );
    for illegal in [
        "&#0;",
        "&#x1F;",
        "&#xFFFF;",
        "&#xD800;",
        "&#x110000;",
        "&#99999999999;",
    ] {
        assert_eq!(
            text(illegal),
            ("\u{fffd}".to_owned(), true, None),
            "{illegal}"
        );
        let run = run(response(&(data(illegal) + &good())));
        assert_eq!(run.errors(), [Some(ItemError::Base64), None], "{illegal}");
    }
    for unknown in [
        "&nbsp;",
        "&;",
        "&#;",
        "&#x;",
        "&lt",
        "& ",
        "&LT;",
        "&#x41",
        "&toolong;",
    ] {
        assert_eq!(text(unknown).2, Some(ErrorKind::UnknownEntity), "{unknown}");
    }
}

/// References in attribute values, where they mean something and where not.
#[test]
fn references_in_attributes() {
    let ids = |value: &str| {
        let run = run(response(&good().replace("AAMk", value)));
        let id = run.reported.iter().find_map(|reported| match reported {
            Reported::ItemId(Value::Text(id), _) => Some(id.clone()),
            _ => None,
        });
        (id, run.kind())
    };
    let reported = |id: &str| (Some(id.to_owned()), None);
    assert_eq!(ids("&lt;&#x41;&apos;>'"), reported("<A'>'"));
    assert_eq!(ids("&#0;"), reported("\u{fffd}"));
    assert_eq!(ids("&nbsp;"), (None, Some(ErrorKind::UnknownEntity)));
    assert_eq!(ids("<"), (None, Some(ErrorKind::UnexpectedByte)));
    let class = good().replace("\"Success\"", "'&#83;uccess' x='&amp;&#1;'");
    assert_eq!(run(response(&class)).errors(), [None]);
    let foreign = response(&(good() + "<x y='&nbsp;'/>"));
    assert_eq!(run(foreign).kind(), Some(ErrorKind::UnknownEntity));
    let declaration = "<?xml version='&#49;.0' encoding='&#117;tf-8'?>".to_owned();
    assert_eq!(run(declaration + &response(&good())).errors(), [None]);
    assert_eq!(
        run("<?xml version='1.0'?x>").kind(),
        Some(ErrorKind::UnexpectedByte)
    );
}

/// "Text that is not white space, where no text belongs (between messages, after the root), is reported, never
/// ignored: that is where the truncation marker may stand." After the root, the summary does so.
#[test]
fn stray_text() {
    let whole = response(&good());
    for (before, kind) in [
        ("<s:Envelope", ErrorKind::NotSoap),
        ("<s:Body", ErrorKind::UnexpectedText),
        ("<m:ExportItemsResponse>", ErrorKind::UnexpectedText),
        ("<m:ResponseMessages>", ErrorKind::UnexpectedText),
        ("<m:ExportItemsResponseMessage ", ErrorKind::UnexpectedText),
        ("<m:Data>", ErrorKind::UnexpectedText),
        ("</m:ExportItemsResponseMessage>", ErrorKind::UnexpectedText),
        ("</m:ResponseMessages>", ErrorKind::UnexpectedText),
        ("</m:ExportItemsResponse>", ErrorKind::UnexpectedText),
        ("</s:Body>", ErrorKind::UnexpectedText),
        ("</s:Envelope>", ErrorKind::UnexpectedText),
    ] {
        for text in ["x", "&#65;", "<![CDATA[x]]>", "==", "\u{1}", "\u{a0}"] {
            let run = run(whole.replacen(before, &format!("{text}{before}"), 1));
            assert_eq!(run.kind(), Some(kind), "{text:?} before {before}");
            assert_eq!(run.committed(), []);
        }
        let run = run(whole.replacen(before, &format!("=== Truncated Data ==={before}"), 1));
        assert_eq!(run.kind(), Some(ErrorKind::Truncated), "before {before}");
        assert_eq!(run.summary().response, ResponseOutcome::Truncated);
        assert_eq!(run.committed(), []);
    }
    assert_eq!(run(whole.clone() + "x").kind(), None);
    let run = run(whole + "\n=== Truncated Data ===");
    assert_eq!(run.kind(), Some(ErrorKind::Truncated));
}

/// Bytes that a declared encoding of one byte has beyond ASCII are replaced in texts, and spoil nothing.
#[test]
fn other_encodings_are_read_as_far_as_they_are_ascii() {
    for encoding in ["windows-1252", "iso-8859-1", "us-ascii"] {
        let items = refused("<m:MessageText>HERE</m:MessageText>") + &good();
        let document = format!(
            "<?xml version='1.0' encoding='{encoding}'?>{}",
            response(&items)
        );
        let (before, after) = document.split_once("HERE").expect("a place");
        let run = run([before.as_bytes(), b"Gr\xf6\xdfe", after.as_bytes()].concat());
        assert_eq!(run.errors(), [Some(ItemError::Refused), None]);
        assert_eq!(run.text(), "Gr\u{fffd}\u{fffd}e");
        let replaced: Vec<bool> = run
            .outcomes()
            .map(|outcome| outcome.text_replaced)
            .collect();
        assert_eq!(replaced, [true, false]);
    }
}

/// A processing instruction's target may have any length.
#[test]
fn targets_have_no_limit() {
    for len in [1, 63, 64, 65, 66, 255, 256, 1000] {
        let target = "t".repeat(len);
        for rest in ["", " ", " a='b' ?x>"] {
            let instruction = format!("<?{target}{rest}?>");
            let document = format!(
                "{instruction}{}",
                response(&(instruction.clone() + &good()))
            );
            assert_eq!(run(document).errors(), [None], "{len}");
        }
    }
    let declaration = format!("<?xml{} ?>{}", "l".repeat(100), response(&good()));
    assert_eq!(run(declaration).errors(), [None]);
}

/// The documentation of core's `response::xml` lists what passes although it is not well-formed: each of it does.
#[test]
fn what_passes_although_it_is_not_well_formed() {
    let whole = response(&good());
    let in_item =
        |content: &str| response(&good().replace("<m:Data>", &format!("{content}<m:Data>")));
    let with_tag = |tag: &str| {
        whole.replace(
            "<m:ResponseMessages>",
            &format!("<m:ResponseMessages {tag}>"),
        )
    };
    for document in [
        in_item("<x>\0\u{1}\u{fffe}</x>"),
        in_item("<x y='&#0;\u{1}'>&#xffff;</x>"),
        in_item("<:a/><b:/><c:d:e/><:/>\u{d7}<\u{d7}/>").replacen('\u{d7}', "", 1),
        in_item("<undeclared:x/>"),
        with_tag("a='1'b='2'"),
        with_tag("a='1' a='1'"),
        with_tag("xmlns:m='u' xmlns:m='u'"),
        in_item("<!-- -- --><!-----><!---->"),
        in_item("<x>]]></x>"),
        in_item("<?XML?><?xMl a?><?1?><?-?><?.?><?p!x?>"),
        format!("<!-- c --><?xml version='1.0'?>{whole}"),
        format!("<?xml?>{whole}"),
        format!("<?xml encoding='utf8' x='' version='9'encoding=\"us-ascii\" ?>{whole}"),
        format!("<![CDATA[ \n]]>&#32;&#x9;{whole}"),
        in_item("<![CDATA[ ]]>&#10;"),
    ] {
        assert_eq!(run(&document).errors(), [None], "{document}");
    }
    let not_utf8 = in_item("<x>HERE</x>");
    let (before, after) = not_utf8.split_once("HERE").expect("a place");
    let bytes = [before.as_bytes(), b"\xff\xc3", after.as_bytes()].concat();
    assert_eq!(run(bytes).errors(), [None]);
    let twice = format!("<?xml encoding='utf-8' encoding='utf-16'?>{whole}");
    assert_eq!(run(twice).kind(), Some(ErrorKind::Encoding));
}
