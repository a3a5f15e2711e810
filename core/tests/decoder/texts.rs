//! Texts, names and ids.

use std::time::{Duration, Instant};

use exportitems::{Attribute, Decoder, ErrorKind, Event, ResponseCode, MIN_SCRATCH};

use super::{data, document, options, run, run_in};

/// Invariant 5: the work of a call is bounded by what it consumes, not by the length of its input.
#[test]
fn a_long_text_in_one_input_takes_linear_time() {
    let text = "x".repeat(1 << 20);
    for text in [text.clone(), format!("<![CDATA[{text}]]>")] {
        let message = format!(
            "<m:ExportItemsResponseMessage ResponseClass=\"Error\"><m:MessageText>{text}</m:MessageText>\
             </m:ExportItemsResponseMessage>"
        );
        let document = document(&message);
        let start = Instant::now();
        let reported = run_in(&document, options(), document.len(), 64);
        assert_eq!(reported.texts.len(), 1 << 20);
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{:?}",
            start.elapsed()
        );
    }
}

/// Invariant 1: how much of an interrupted text is emitted depends on the document alone.
#[test]
fn an_interrupted_text_is_emitted_as_far_as_it_arrived() {
    let text = "0123456789".repeat(13);
    let message = |inner: &str| {
        let open = "<s:Envelope><s:Body><m:ExportItemsResponse><m:ResponseMessages>\
             <m:ExportItemsResponseMessage ResponseClass=\"Error\">";
        run(&format!("{open}{inner}"), options()).texts
    };
    for end in [
        "",
        "<",
        "&",
        "&nbsp;",
        "<!--",
        "</",
        "</m:x>",
        "<x>",
        "<m:a b='c'",
    ] {
        let reported = message(&format!("<m:MessageText>{text}{end}"));
        assert_eq!(reported, text, "{end}");
    }
    assert_eq!(
        message("<m:MessageText>a\u{20ac}\u{0}b"),
        "a\u{20ac}\u{fffd}b"
    );
    assert_eq!(message("<m:MessageText a='bcd"), "");
    assert_eq!(message("<m:MessageText a='bcd'"), "");
    assert_eq!(message("<m:MessageXml><t:Value Name='bcd'"), "");
}

#[test]
fn the_detail_of_a_fault_goes_before_its_faultcode() {
    let busy = "<e:ResponseCode>ErrorServerBusy</e:ResponseCode>";
    let cases = [
        (
            "a:ErrorInternalServerError",
            busy,
            Some(ResponseCode::ErrorServerBusy),
        ),
        ("soap:Client", busy, Some(ResponseCode::ErrorServerBusy)),
        ("a:ErrorServerBusy", "", Some(ResponseCode::ErrorServerBusy)),
        (
            "a:ErrorServerBusy",
            "<e:ResponseCode>ErrorNew</e:ResponseCode>",
            Some(ResponseCode::Other),
        ),
        ("soap:Client", "", None),
        // Its first 64 bytes end in another code.
        (&format!("{}:ErrorInvalidIdEmpty", "p".repeat(49)), "", None),
    ];
    for (faultcode, detail, code) in cases {
        let reported = run(
            &format!(
                "<s:Envelope><s:Body><s:Fault><faultcode>{faultcode}</faultcode>\
                 <detail>{detail}</detail></s:Fault></s:Body></s:Envelope>"
            ),
            options(),
        );
        let fault = reported.summary.expect("an end").fault.expect("a fault");
        assert_eq!(fault.code, code, "{faultcode} {detail}");
    }
}

/// A code or a number counts only if it is held as a whole, in a scratch of any size.
#[test]
fn short_texts_do_not_depend_on_the_scratch() {
    let spaces = " ".repeat(200);
    let message = |code: &str, back_off: &str| {
        let message = format!(
            "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>{code}</m:ResponseCode>\
             <m:MessageXml><t:Value Name=\"BackOffMilliseconds\">{back_off}</t:Value></m:MessageXml>\
             <m:Data>QUJD</m:Data></m:ExportItemsResponseMessage>"
        );
        let reported = run(&document(&message), options());
        (reported.outcomes[0].code, reported.outcomes[0].back_off_ms)
    };
    let other = Some(ResponseCode::Other);
    assert_eq!(
        message("NoError", "5000"),
        (Some(ResponseCode::NoError), Some(5000))
    );
    assert_eq!(
        message(&format!("{spaces}NoError\n{spaces}"), " 5 "),
        (Some(ResponseCode::NoError), Some(5))
    );
    assert_eq!(message(&format!("NoError{spaces}But"), "").0, other);
    assert_eq!(message("NoError&#0;", "").0, other);
    assert_eq!(message(&format!("{}NoError", "x".repeat(600)), "").0, other);
    assert_eq!(message("", &format!("{spaces}5000")), (other, None));
    assert_eq!(
        message("", &format!("5{}", "0".repeat(30))).1,
        Some(u32::MAX)
    );
}

/// An id that is not UTF-8 is left out with its length, and the item continues; such a code is unknown.
#[test]
fn what_is_not_utf_8_is_left_out() {
    let message =
        "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>No?Error \
         </m:ResponseCode><t:ItemId Id=\"AA?A\" ChangeKey=\"K\"/></m:ExportItemsResponseMessage>";
    let mut document = document(message).into_bytes();
    for byte in &mut document {
        if *byte == b'?' {
            *byte = 0xFF;
        }
    }
    let mut decoder = Decoder::<[u8; 512]>::new(options());
    let mut input = &document[..];
    let (mut ids, mut codes) = (0, 0);
    while let Some(event) = decoder.next_event(&mut input).unwrap() {
        match event {
            Event::ItemId(reported) => {
                assert_eq!(reported.id, Attribute::Omitted { len: 4 });
                assert_eq!(reported.change_key, Attribute::Value("K"));
                ids += 1;
            }
            Event::ResponseCode { code, text } => {
                assert_eq!((code, text), (ResponseCode::Other, "No"));
                codes += 1;
            }
            _ => {}
        }
    }
    assert_eq!((ids, codes), (1, 1));
}

/// An id that does not fit after the one before it is left out with its length, and hides no other.
#[test]
fn an_id_that_does_not_fit_is_left_out() {
    let (id, key, long) = ("I".repeat(40), "K".repeat(25), "L".repeat(100));
    let omitted = |len| Attribute::Omitted { len };
    for (ids, (reported_id, reported_key)) in [
        (
            [("Id", "I"), ("ChangeKey", &*long)],
            (Attribute::Value("I"), omitted(100)),
        ),
        (
            [("Id", &long), ("ChangeKey", "K")],
            (omitted(100), Attribute::Value("K")),
        ),
        (
            [("Id", &id), ("ChangeKey", &key)],
            (Attribute::Value(&id), omitted(25)),
        ),
        (
            [("Id", &long), ("ChangeKey", &key)],
            (omitted(100), Attribute::Value(&key)),
        ),
        (
            [("Id", &long), ("ChangeKey", &long)],
            (omitted(100), omitted(100)),
        ),
    ] {
        let ids = ids
            .map(|(name, value)| format!(" {name}=\"{value}\""))
            .concat();
        let document = document(&format!(
            "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ItemId{ids}/>\
             </m:ExportItemsResponseMessage>"
        ));
        let mut decoder = Decoder::with_scratch(options(), [0; MIN_SCRATCH]).expect("enough");
        let mut input = document.as_bytes();
        let mut count = 0;
        while let Some(event) = decoder.next_event(&mut input).unwrap() {
            if let Event::ItemId(reported) = event {
                assert_eq!(
                    (reported.id, reported.change_key),
                    (reported_id, reported_key),
                    "{ids}"
                );
                count += 1;
            }
        }
        assert_eq!(count, 1);
    }
}

#[test]
fn a_long_name_of_a_value_is_no_text() {
    let message = format!(
        "<m:ExportItemsResponseMessage ResponseClass=\"Error\"><m:MessageXml>\
         <t:Value Name=\"{}\">value</t:Value></m:MessageXml></m:ExportItemsResponseMessage>",
        "N".repeat(600),
    );
    assert_eq!(run(&document(&message), options()).texts, "value");
}

/// A replacement after a fault is not in a text of the fault: it is noted for the message without an outcome.
#[test]
fn an_illegal_character_after_a_fault_is_not_part_of_it() {
    let message = document(&data("QUJD"));
    for (after, replaced) in [
        ("<s:Fault/>&#1;", true),
        ("<s:Fault/>x", false),
        ("<s:Fault><faultstring>&#1;</faultstring></s:Fault>", false),
    ] {
        let reported = run(
            &message.replace("</s:Body>", &format!("{after}</s:Body>")),
            options(),
        );
        assert_eq!(reported.outcomes[0].text_replaced, replaced, "{after}");
    }
}

/// XML 1.0 §2.6: a processing instruction has a target. Readers differ on where one without it ends.
#[test]
fn an_instruction_without_a_target_is_refused() {
    for instruction in ["<?>?>", "<??>", "<? x?>"] {
        let reported = run(&document(instruction), options());
        let kind = reported.error.map(|error| error.kind);
        assert_eq!(kind, Some(ErrorKind::UnexpectedByte), "{instruction}");
    }
}
