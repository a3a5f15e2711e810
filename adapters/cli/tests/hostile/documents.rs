//! Short documents: foreign ones, and unusual and broken responses.

use crate::common::{json, response, run, stderr, FAULT};
use crate::expect::{
    body, data, expect, found, good, message, refused, DTD, ENCODING, END, ENTITY, MARKER, MARKUP,
    NAME, NOT_SOAP, OPERATION, PAYLOAD, TAG, TEXT, TOO_DEEP, TRUNCATED,
};

/// Documents that are not answers to ExportItems, or not SOAP.
#[test]
fn foreign_documents() {
    for (document, row) in [
        (
            &b"{\"error\":{\"code\":\"ErrorItemNotFound\"}}"[..],
            NOT_SOAP,
        ),
        (b"Service Unavailable", NOT_SOAP),
        (
            b"<html><body>Server Error in '/EWS' Application.</body></html>",
            NOT_SOAP,
        ),
        (b"<?xml version=\"1.0\"?><Autodiscover/>", NOT_SOAP),
        (
            b"<ExportItemsResponse><ResponseMessages/></ExportItemsResponse>",
            NOT_SOAP,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n<s:Envelope/>", NOT_SOAP),
        (b"\x1f\x8b\x08\0\0\0\0\0", NOT_SOAP),
        (b"\0\0\0\0", ENCODING),
        (b"\x80\xfe\xa7", NOT_SOAP),
        (b"<!DOCTYPE html><html></html>", DTD),
        (b"\xff\xfe<\0s\0", ENCODING),
        (b"\xfe\xff\0<\0s", ENCODING),
        (b"\0<\0s\0:", ENCODING),
        (b"</s:Envelope>", TAG),
        (b"<1>", MARKUP),
        (b"&nbsp;", ENTITY),
        (b"<s:Envelope/>", OPERATION),
        (body("").as_bytes(), OPERATION),
        (body("<m:GetItemResponse/>").as_bytes(), OPERATION),
        (body("<m:ExportItems/>").as_bytes(), OPERATION),
    ] {
        expect(document, &[], &format!("3 not-soap{row}"));
        let row = format!("3 not-soap not-answered not-answered{row}");
        expect(document, &["--items", "2"], &row);
    }
    for document in [
        "",
        " ",
        "\u{feff}",
        "<?xml version='1.0'?>",
        "<",
        "<s:Envelope",
        "<!-- ",
    ] {
        expect(document, &[], &format!("3 cut{END}"));
    }
}

#[test]
fn random_bytes() {
    // xorshift64, from any seed.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    for len in 1..40 {
        let document: Vec<u8> = (0..len).map(|_| byte()).collect();
        let output = run(&["decode", "--json"], &document);
        assert!(found(&output, "random").starts_with("3 "), "{document:?}");
    }
}

/// Unusual forms of XML that are accepted.
#[test]
fn good_xml() {
    let whole = response(&good());
    for document in [
        format!("\u{feff}{whole}"),
        whole.replace("utf-8", "UTF-8"),
        whole.replace("?>", "?><!-- c --><?p i?>\n"),
        format!("{whole}\r\n<!-- c -->"),
        response(&data(&format!(
            "<!-- c --><![CDATA[{}]]><?p i?>{}",
            &PAYLOAD[..9],
            &PAYLOAD[9..]
        ))),
        response(&data(&PAYLOAD.replace('B', "&#66;").replace('I', "&#x49;"))),
        response(&data(
            &PAYLOAD
                .chars()
                .flat_map(|symbol| [symbol, '\n'])
                .collect::<String>(),
        )),
        whole
            .replace("<s:", "<")
            .replace("</s:", "</")
            .replace("xmlns:s=", "xmlns="),
        whole
            .replace("<m:", "<a:")
            .replace("</m:", "</a:")
            .replace("xmlns:m=", "xmlns:a="),
        whole.replace("http:", "https:"),
        whole.replace("<s:Body>", "<s:Header/><s:Body>"),
        whole.replace(
            "<s:Body>",
            "<s:Header><h:ServerVersionInfo/></s:Header><s:Body>",
        ),
    ] {
        expect(&document, &[], "0 complete whole");
    }
    // Nothing is parsed after the end of the document.
    for trailing in [
        "text",
        "<x/>",
        "=== Trunc",
        "\0",
        "\x1a",
        "<!DOCTYPE html>",
        &whole,
    ] {
        expect(format!("{whole}{trailing}"), &[], "0 complete whole");
    }
    // An element of any name among the messages takes a position.
    for foreign in [
        "<x:Y xmlns:x='urn:x'><m:Data>?</m:Data></x:Y>",
        "<x>text</x>",
    ] {
        let document = response(&format!("{foreign}{}", good()));
        expect(&document, &[], "1 complete contradiction whole");
    }
}

/// XML that is not well-formed or not supported.
#[test]
fn bad_xml() {
    let whole = response(&good());
    let between = |content: &str| response(&(good() + content + &good()));
    for (document, row) in [
        (
            whole.replace("utf-8", "utf-16"),
            format!("3 not-soap{ENCODING}"),
        ),
        (
            whole.replace("?>", "?><!DOCTYPE x [<!ENTITY y 'z'>]>"),
            format!("3 not-soap{DTD}"),
        ),
        (format!(" {whole}"), format!("3 not-soap{MARKUP}")),
        (format!("text{whole}"), format!("3 not-soap{NOT_SOAP}")),
        (between("text"), format!("3 malformed malformed{TEXT}")),
        (between("&nbsp;"), format!("3 malformed malformed{ENTITY}")),
        (
            between("<a b=c/>"),
            format!("3 malformed malformed{MARKUP}"),
        ),
        (
            between("<a></b>"),
            format!("3 malformed whole malformed{TAG}"),
        ),
        (
            between(&"<a>".repeat(1_000)),
            format!("3 malformed whole malformed{TOO_DEEP}"),
        ),
        (
            between(&format!("<{}/>", "n".repeat(1_000))),
            format!("3 malformed malformed{NAME}"),
        ),
        (
            whole.replace("</m:Data>", "</t:Data>"),
            format!("3 malformed malformed{TAG}"),
        ),
        (
            format!("{whole}{MARKER}"),
            format!("3 truncated truncated{TRUNCATED}"),
        ),
        (between(MARKER), format!("3 truncated truncated{TRUNCATED}")),
    ] {
        expect(&document, &[], &row);
    }
}

/// Characters that XML does not allow, in a message and in Data.
#[test]
fn illegal_characters() {
    for bytes in [&b"&#0;"[..], b"&#x1F;", b"\x01", b"\xff", b"\xe2\x82"] {
        let with = |document: String| {
            let (before, after) = document.split_once("HERE").expect("a place");
            [before.as_bytes(), bytes, after.as_bytes()].concat()
        };
        let message = with(response(
            &(refused("<m:MessageText>a HERE</m:MessageText>") + &good()),
        ));
        let output = run(&["decode", "--json"], &message);
        assert_eq!(found(&output, "text"), "1 complete refused whole");
        let said = json(&output).0[0]["message"]
            .as_str()
            .expect("a message")
            .to_owned();
        assert!(said.starts_with("a \u{fffd}"), "{said:?}");
        expect(
            with(response(&(data("QUJDHERE") + &good()))),
            &[],
            "1 complete base64 whole",
        );
    }
}

/// Unusual forms of SOAP and EWS responses.
#[test]
fn messages() {
    let payload = format!("<m:Data>{PAYLOAD}</m:Data>");
    let code = |code: &str| format!("<m:ResponseCode>{code}</m:ResponseCode>");
    for (class, content, outcome) in [
        ("Success", code("NoError") + &payload, "whole"),
        ("Success", payload.clone(), "whole"),
        ("Success", payload.clone() + &code("NoError"), "whole"),
        ("Success", code("NoError"), "missing-data"),
        ("Success", code("NoError") + "<m:Data/>", "empty-data"),
        (
            "Success",
            code("NoError") + "<m:Data> <!-- --> </m:Data>",
            "empty-data",
        ),
        (
            "Success",
            code("NoError") + &payload + &payload,
            "duplicate",
        ),
        (
            "Success",
            code("ErrorItemNotFound") + &payload,
            "contradiction",
        ),
        ("Success", code("ErrorItemNotFound"), "contradiction"),
        ("Error", code("NoError"), "contradiction"),
        ("Error", code("ErrorItemNotFound"), "refused"),
        ("Error", code("ErrorOfTomorrow"), "refused"),
        ("Error", code("ErrorItemNotFound") + &payload, "refused"),
        ("Warning", code("ErrorBatchProcessingStopped"), "refused"),
        ("Warning", code("NoError") + &payload, "contradiction"),
        ("Failure", code("NoError") + &payload, "contradiction"),
    ] {
        let document = response(&(message(class, &content) + &good()));
        let exit = i32::from(outcome != "whole");
        expect(document, &[], &format!("{exit} complete {outcome} whole"));
    }
    let two = response(&(good() + &good()));
    for (items, row) in [
        ("0", "1 complete unrequested unrequested"),
        ("1", "1 complete whole unrequested"),
        ("2", "0 complete whole whole"),
        ("4", "1 complete whole whole not-answered not-answered"),
    ] {
        expect(&two, &["--items", items], row);
    }
    let no_code = "<s:Fault><faultcode>s:Server</faultcode><faultstring/>DETAIL</s:Fault>";
    for fault in [
        FAULT.to_owned(),
        body(&no_code.replace("DETAIL", "")),
        body(&no_code.replace("DETAIL", "<detail>  </detail>")),
        body(&no_code.replace("DETAIL", "<detail><e:Line>1</e:Line></detail>")),
    ] {
        expect(&fault, &[], "3 fault");
        expect(
            &fault,
            &["--items", "2"],
            "3 fault not-answered not-answered",
        );
    }
}

/// Unusual and broken contents of Data, with every policy of the payload check.
#[test]
fn payloads() {
    // `AA==`; a record that is cut; a property that is cut at the end of a record; opaque bytes; an unknown atom.
    for (text, [require, accept, report, off]) in [
        (PAYLOAD, ["whole", "whole", "whole", "unchecked"]),
        ("AA==", ["payload", "payload", "broken", "unchecked"]),
        (
            "AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAgEJEAUAAAB2YQ==",
            ["payload", "payload", "broken", "unchecked"],
        ),
        (
            "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAgEJEAUAAAA=",
            ["payload", "payload", "broken", "unchecked"],
        ),
        (
            "T3BhcXVlIHBheWxvYWQ=",
            ["payload", "unknown", "unknown", "unchecked"],
        ),
        (
            "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAA/w8JEAUAAAA=",
            ["payload", "framed", "framed", "unchecked"],
        ),
    ] {
        for (integrity, outcome) in [
            ("require", require),
            ("accept", accept),
            ("report", report),
            ("off", off),
        ] {
            let exit = i32::from(outcome == "payload");
            expect(
                response(&data(text)),
                &["--integrity", integrity],
                &format!("{exit} complete {outcome}"),
            );
        }
    }
    for text in [
        "QUJD!",
        "QU-_",
        "QUJDQQ==QUJD",
        "QUI=A",
        "QUJDQ",
        "QUJDQQ",
        "QUJDQR==",
        "QUJD\u{a0}",
        "QUJD<x/>",
    ] {
        expect(
            response(&(data(text) + &good())),
            &[],
            "1 complete base64 whole",
        );
    }
    for cut in [0, 1, 2, 3, 4, 20] {
        let text = format!("{}{MARKER}", &PAYLOAD[..cut]);
        expect(
            response(&(good() + &data(&text) + &good())),
            &[],
            "1 complete whole truncated whole",
        );
    }
    // Items before the marker are suspect if the payload check cannot prove them whole.
    let opaque = response(&(data("T3BhcXVlIHBheWxvYWQ=") + &good() + &good())) + MARKER;
    let output = run(&["decode", "--json"], opaque.as_bytes());
    assert_eq!(json(&output).1["suspect"], 1);
    assert_eq!(
        found(&output, "suspect"),
        format!("3 truncated unknown whole truncated{TRUNCATED}")
    );
}

/// A good response is cut at every byte. The cut item is never ok, and the item before it always is.
#[test]
fn cut_at_every_byte() {
    let document = response(&(good() + &good()));
    let starts: Vec<_> = document
        .match_indices("<m:ExportItemsResponseMessage ")
        .collect();
    let tag = "<m:ExportItemsResponseMessage ResponseClass=\"Success\">".len();
    for cut in 0..document.len() {
        let begun = starts.iter().filter(|(at, _)| cut >= at + tag).count();
        let items = ["", " cut", " whole cut"][begun];
        expect(&document[..cut], &[], &format!("3 cut{items}{END}"));
    }
}

/// The name of a refused encoding is printed.
#[test]
fn encodings_are_named() {
    let document = response(&good()).replace("utf-8", "Shift_JIS");
    let output = run(&["decode"], document.as_bytes());
    let said = stderr(&output);
    assert!(said.contains("the encoding is Shift_JIS;"), "{said}");
}

/// Large documents. Sizes beyond the memory are in `tests/tests/all/scale.rs`.
#[test]
fn large() {
    let refusals = 20_000;
    let row = format!("1 complete{}", " refused".repeat(refusals));
    expect(response(&refused("").repeat(refusals)), &[], &row);
    let nested = response(&(good() + &"<x>".repeat(100_000)));
    let row = format!("3 malformed whole malformed{TOO_DEEP}");
    expect(nested, &[], &row);
    let mib = "0123456789abcdef".repeat(1 << 16);
    expect(
        response(&good().replace("AAMk", &mib)),
        &[],
        "0 complete whole",
    );
    expect(
        response(&good().replace("Success", &mib)),
        &[],
        "1 complete contradiction",
    );
    let text = refused(&format!("<m:MessageText>{mib}</m:MessageText>"));
    expect(response(&(text + &good())), &[], "1 complete refused whole");
}
