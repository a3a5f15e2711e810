//! Rules that a change of the code could break unseen, each by the change that it was.

use exportitems::{
    Decoder, Discard, ErrorKind, Event, ItemError, OperationName, Options, ResponseCode,
    ResponseOutcome, Verdict,
};
use exportitems_testkit::run::{Reported, Setup, Value};

use crate::support::{
    data, envelope, good, message, refused, response, run, run_as, Findings, PAYLOAD,
};

/// One `Value` of `MessageXml`.
fn value(name: &str, text: &str) -> String {
    format!("<t:Value Name=\"{name}\">{text}</t:Value>")
}

/// A refusal with these values.
fn with_values(values: &str) -> String {
    response(&refused(&format!("<m:MessageXml>{values}</m:MessageXml>")))
}

#[test]
fn the_longest_wait_of_an_item_counts() {
    for values in [["5000", "70"], ["70", "5000"]] {
        let values = values
            .map(|wait| value("BackOffMilliseconds", wait))
            .concat();
        assert_eq!(
            run(with_values(&values)).outcome().back_off_ms,
            Some(5000),
            "{values}"
        );
    }
}

#[test]
fn a_value_longer_than_the_scratch_comes_in_pieces_of_which_one_is_the_last() {
    let long = "0123456789".repeat(100);
    let run = run(with_values(&(value("Long", &long) + &value("Short", "x"))));
    let mut texts = Vec::new();
    let mut text = String::new();
    for reported in &run.reported {
        if let Reported::MessageXml(name, piece, last) = reported {
            text += piece;
            if *last {
                texts.push((name.as_str(), std::mem::take(&mut text)));
            }
        }
    }
    assert_eq!(texts, [("Long", long), ("Short", "x".to_owned())]);
    assert_eq!(text, "", "pieces after the last one");
}

#[test]
fn a_replaced_character_of_a_value_is_reported() {
    for (text, replaced) in [("plain", false), ("a&#0;b", true), ("a\u{1}b", true)] {
        let run = run(with_values(&value("Name", text)));
        assert_eq!(run.outcome().text_replaced, replaced, "{text:?}");
    }
}

#[test]
fn the_first_inner_code_counts() {
    let codes = value("InnerErrorResponseCode", "ErrorMailboxMoveInProgress")
        + &value("InnerErrorResponseCode", "ErrorItemNotFound");
    let inner = run(with_values(&codes)).outcome().inner_code;
    assert_eq!(inner, Some(ResponseCode::ErrorMailboxMoveInProgress));
}

/// 38 bytes, the length of the longest code, are read as a value; a longer text is none.
#[test]
fn a_value_longer_than_any_code_is_not_read() {
    for (zeros, wait) in [(34, Some(5000)), (35, None), (1000, None)] {
        let text = "0".repeat(zeros) + "5000";
        let outcome = run(with_values(&value("BackOffMilliseconds", &text))).outcome();
        assert_eq!(outcome.back_off_ms, wait, "{zeros} zeros");
    }
    for (len, code) in [(38, Some(ResponseCode::Other)), (39, None)] {
        let values = value("InnerErrorResponseCode", &"x".repeat(len));
        assert_eq!(
            run(with_values(&values)).outcome().inner_code,
            code,
            "{len}"
        );
    }
}

#[test]
fn a_comment_ends_at_the_last_of_many_hyphens_and_an_instruction_at_the_last_question_mark() {
    for markup in [
        "<!-- a --->",
        "<!------>",
        "<?x ??>",
        "<?x ???>",
        "<!-- > -> - -->",
        "<?x > ? >?>",
    ] {
        let run = run(response(&(markup.to_owned() + &good())));
        assert_eq!((run.errors(), run.kind()), (vec![None], None), "{markup}");
    }
}

#[test]
fn numbers_of_the_server_version_are_trimmed() {
    let document = response(&good()).replace(
        "<s:Body>",
        "<s:Header><h:ServerVersionInfo MajorVersion=' 15 ' MinorVersion='\t2\n' MajorBuildNumber='1 5'/></s:Header><s:Body>",
    );
    let run = run(document);
    let version = run.reported.iter().find_map(|reported| match reported {
        Reported::ServerVersion(numbers, _) => Some(*numbers),
        _ => None,
    });
    assert_eq!(version, Some([Some(15), Some(2), None, None]));
}

/// 256, counted from the root; the constant itself is not used.
#[test]
fn elements_nest_256_deep_and_no_deeper() {
    // Envelope, Body, ExportItemsResponse, ResponseMessages, the message.
    for (inner, kind) in [(251, None), (252, Some(ErrorKind::TooDeep))] {
        let nested = "<x>".repeat(inner) + &"</x>".repeat(inner);
        assert_eq!(run(response(&refused(&nested))).kind(), kind, "{inner}");
    }
}

#[test]
fn an_equals_sign_by_reference_begins_a_marker_too() {
    for equals in ["&#61;", "&#x3D;", "="] {
        // After base64, after something else, and after half a marker.
        for before in ["", "!", "=== Trunc"] {
            let marker = format!("{before}{equals}== Truncated Data ===");
            let run = run(response(&data(&(PAYLOAD[..40].to_owned() + &marker))));
            assert_eq!(run.errors(), [Some(ItemError::Truncated)], "{marker}");
        }
    }
}

#[test]
fn the_length_of_an_id_that_is_left_out_is_its_own() {
    for len in [600_usize, 601, 5000] {
        let document = response(&good().replace("AAMk", &"A".repeat(len)));
        let setup = Setup {
            scratch: 512,
            ..Setup::default()
        };
        let run = run_as(document, setup);
        let id = run.reported.iter().find_map(|reported| match reported {
            Reported::ItemId(id, _) => Some(id.clone()),
            _ => None,
        });
        assert_eq!(id, Some(Value::Omitted(len as u64)));
    }
}

#[test]
fn the_length_of_an_id_that_is_not_utf8_is_its_own() {
    let mut document = response(&good()).into_bytes();
    let id = (document.windows(4).position(|it| it == b"AAMk")).expect("an id");
    document[id + 1] = 0xff;
    let ids = Reported::ItemId(Value::Omitted(4), Value::Text("CQ".to_owned()));
    let run = run(document);
    assert!(run.reported.contains(&ids), "{:?}", run.reported);
}

#[test]
fn a_code_of_a_fault_is_what_is_after_the_first_colon() {
    for (text, code) in [
        ("a:ErrorServerBusy", Some(ResponseCode::ErrorServerBusy)),
        ("ErrorServerBusy", Some(ResponseCode::ErrorServerBusy)),
        ("a:b:ErrorServerBusy", None),
        ("ErrorServerBusy:a", None),
    ] {
        let run = run(envelope(&format!(
            "<s:Fault><faultcode>{text}</faultcode><faultstring>x</faultstring></s:Fault>"
        )));
        let fault = run.reported.iter().find_map(|reported| match reported {
            Reported::Fault(fault) => Some(*fault),
            _ => None,
        });
        assert_eq!(fault.and_then(|fault| fault.code), code, "{text}");
    }
}

#[test]
fn the_first_of_two_faults_counts() {
    let first = "<s:Fault><faultcode>s:Client</faultcode><faultstring>x</faultstring><detail>\
        <e:ResponseCode>ErrorServerBusy</e:ResponseCode><t:MessageXml>\
        <t:Value Name=\"BackOffMilliseconds\">70</t:Value>\
        <t:Value Name=\"InnerErrorResponseCode\">ErrorItemNotFound</t:Value></t:MessageXml></detail></s:Fault>";
    let second = "<s:Fault><faultcode>a:ErrorTimeoutExpired</faultcode><faultstring>y</faultstring></s:Fault>";
    let reported = run(envelope(&(first.to_owned() + second))).reported;
    let faults: Vec<_> = (reported.iter())
        .filter_map(|reported| match reported {
            Reported::Fault(it) => {
                Some((it.code, it.inner_code, it.back_off_ms, it.is_senders_fault))
            }
            _ => None,
        })
        .collect();
    let busy = Some(ResponseCode::ErrorServerBusy);
    let not_found = Some(ResponseCode::ErrorItemNotFound);
    assert_eq!(faults, [(busy, not_found, Some(70), true); 2]);
}

#[test]
fn a_rejected_item_fails_where_it_was_rejected() {
    let document = response(&(good() + &good()));
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new());
    let mut input = document.as_bytes();
    let (mut rejected, mut outcomes) = (None, Vec::new());
    while let Some(event) = decoder.next_event(&mut input).expect("a sound document") {
        if let Event::Outcome(outcome) = event {
            outcomes.push((outcome.error, outcome.offset));
        }
        if matches!(event, Event::Data(_)) && rejected.is_none() {
            decoder.reject_item();
            rejected = Some(decoder.offset());
        }
    }
    while let Some(event) = decoder.finish().expect("a sound end") {
        if let Event::Outcome(outcome) = event {
            outcomes.push((outcome.error, outcome.offset));
        }
    }
    let rejected = rejected.expect("data");
    assert_eq!(outcomes[0], (Some(ItemError::Write), rejected));
    assert_eq!(outcomes[1].0, None);
    assert!(rejected < outcomes[1].1);
}

/// Records that end cleanly, with an atom that is unknown.
const FRAMED: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAAABAAUAAAB2YWx1ZQ==";

/// A payload whose records end cleanly and of which a part is unknown may be cut all the same.
#[test]
fn a_framed_item_before_the_marker_is_suspect() {
    for (payload, verdict, suspect) in [(PAYLOAD, Verdict::Whole, 0), (FRAMED, Verdict::Framed, 1)]
    {
        let run = run(response(
            &(data(payload) + &good() + "=== Truncated Data ==="),
        ));
        let first = *run.outcomes().next().expect("an outcome");
        assert_eq!((first.integrity, first.error), (Some(verdict), None));
        assert_eq!(run.errors(), [None, Some(ItemError::Truncated)]);
        let summary = run.summary();
        assert_eq!((summary.ok, summary.suspect), (1, suspect), "{verdict}");
        assert_eq!(summary.response, ResponseOutcome::Truncated);
    }
}

#[test]
fn one_byte_after_the_document_makes_a_framed_last_item_suspect() {
    for (payload, after, suspect) in [
        (FRAMED, "", 0),
        (FRAMED, "x", 1),
        (FRAMED, "\n", 0),
        (PAYLOAD, "x", 0),
    ] {
        let summary = run(response(&data(payload)) + after).summary();
        assert_eq!((summary.ok, summary.suspect), (1, suspect), "{after:?}");
    }
}

/// With another count than expected the id decides, but not for the last item.
#[test]
fn one_byte_after_the_document_outweighs_the_right_id() {
    let setup = Setup {
        items: Some(2),
        compare_ids: true,
        ..Setup::default()
    };
    for (payload, after, suspect) in [(FRAMED, "", 0), (FRAMED, "x", 1), (PAYLOAD, "x", 0)] {
        let document = response(&data(payload).replace("AAMk", "D")) + after;
        let summary = run_as(document, setup).summary();
        assert_eq!((summary.ok, summary.suspect), (1, suspect), "{after:?}");
    }
}

#[test]
fn a_character_of_four_bytes_by_reference_fits_wherever_it_comes() {
    for before in 0..70 {
        let before = "a".repeat(before);
        let text = format!("{before}&#x1F4E7;&#x10FFFF;b");
        let content = format!("<m:MessageText>{text}</m:MessageText>");
        let run = run(response(&refused(&content)));
        assert_eq!(run.text(), format!("{before}\u{1f4e7}\u{10ffff}b"));
    }
}

/// XML 1.0, production 2.
#[test]
fn the_limits_of_what_a_character_is() {
    for (reference, char) in [
        ("&#x20;", ' '),
        ("&#x1F;", '\u{fffd}'),
        ("&#xD7FF;", '\u{d7ff}'),
        ("&#xD800;", '\u{fffd}'),
        ("&#xE000;", '\u{e000}'),
        ("&#xFFFC;", '\u{fffc}'),
        ("&#xFFFE;", '\u{fffd}'),
        ("&#xFFFF;", '\u{fffd}'),
        ("&#x10000;", '\u{10000}'),
        ("&#x10FFFF;", '\u{10ffff}'),
    ] {
        let content = format!("<m:MessageText>a{reference}b</m:MessageText>");
        let run = run(response(&refused(&content)));
        assert_eq!(run.text(), format!("a{char}b"), "{reference}");
        assert_eq!(
            run.outcome().text_replaced,
            char == '\u{fffd}',
            "{reference}"
        );
    }
}

/// R251: `m:ExportItemsResponse` counts in the body alone, and what follows it is another operation's.
#[test]
fn the_answer_is_the_element_of_the_body() {
    let whole = response(&good());
    let from = whole.find("<m:ExportItemsResponse>").expect("an answer");
    let to = whole.find("</s:Body>").expect("a body's end");
    let answer = &whole[from..to];
    for document in [
        envelope(&answer.replace("ExportItemsResponse>", "exportItemsResponse>")),
        envelope(&answer.replace("ExportItemsResponse>", "ExportItemsResponses>")),
        envelope(&format!("<x>{answer}</x>")),
        format!("<s:Envelope>{answer}</s:Envelope>"),
        format!("<s:Envelope><s:Header>{answer}</s:Header><s:Body/></s:Envelope>"),
        whole.replace("Body>", "Corpus>"),
        answer.to_owned(),
    ] {
        let run = run(&document);
        assert_eq!(run.errors(), [], "{document}");
        assert_eq!(
            run.summary().response,
            ResponseOutcome::NotSoap,
            "{document}"
        );
    }
    assert_eq!(run(&whole).errors(), [None]);
    let followed = run(envelope(&(answer.to_owned() + "<x/>")));
    assert_eq!(
        followed.kind(),
        Some(ErrorKind::UnexpectedOperation(OperationName::ExportItems))
    );
}

#[test]
fn a_value_that_is_cut_off_is_reported_as_far_as_it_came() {
    let whole = with_values(&value("Name", "half"));
    let cut = whole.find("half").expect("a value") + "half".len();
    let run = run(&whole[..cut]);
    let half = Reported::MessageXml("Name".to_owned(), "half".to_owned(), false);
    assert!(run.reported.contains(&half), "{:?}", run.reported);
}

#[test]
fn an_attribute_that_is_cut_off_is_no_text() {
    let whole = with_values(&value("half", "text"));
    let cut = whole.find("half").expect("a name") + "half".len();
    let run = run(&whole[..cut]);
    let is_value = |it: &Reported| matches!(it, Reported::MessageXml(..));
    assert!(!run.reported.iter().any(is_value), "{:?}", run.reported);
}

/// Neither the sink nor the caller has all of it.
#[test]
fn an_item_of_which_a_sink_has_a_part_fails_where_the_caller_goes_on() {
    let document = response(&good());
    let middle = document.find(PAYLOAD).expect("data") + 20;
    let (mut fed, mut pulled) = document.as_bytes().split_at(middle);
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new());
    (decoder.feed(&mut fed, &mut Discard)).expect("a sound beginning");
    let mut outcomes = Vec::new();
    while let Some(event) = decoder.next_event(&mut pulled).expect("a sound document") {
        assert!(!matches!(event, Event::Data(_)), "data of the item");
    }
    while let Some(event) = decoder.finish().expect("a sound end") {
        if let Event::Outcome(outcome) = event {
            outcomes.push((outcome.error, outcome.offset));
        }
    }
    assert_eq!(outcomes, [(Some(ItemError::Write), middle as u64)]);
}

#[test]
fn the_first_of_two_response_codes_counts_and_the_second_contradicts_it() {
    let code = |code: &str| format!("<m:ResponseCode>{code}</m:ResponseCode>");
    let rest = format!("<t:ItemId Id=\"AAMk\"/><m:Data>{PAYLOAD}</m:Data>");
    let (good, bad) = (code("NoError"), code("ErrorItemNotFound"));
    for (codes, first) in [
        (good.clone() + &bad, ResponseCode::NoError),
        (bad + &good, ResponseCode::ErrorItemNotFound),
    ] {
        let outcome = run(response(&message("Success", &(codes + &rest)))).outcome();
        assert_eq!(outcome.code, Some(first));
        assert_eq!(outcome.error, Some(ItemError::Contradiction), "{first}");
    }
}

#[test]
fn an_item_with_the_id_of_another_fails_at_the_end_of_its_ids() {
    let ids = "<t:ItemId Id=\"B\" ChangeKey=\"CQ\"/>";
    let document = response(&good().replace("AAMk", "B"));
    let end = document.find(ids).expect("ids") + ids.len();
    let setup = Setup {
        compare_ids: true,
        ..Setup::default()
    };
    let outcome = run_as(document, setup).outcome();
    let failed = (outcome.error, outcome.offset);
    assert_eq!(failed, (Some(ItemError::Contradiction), end as u64));
}
