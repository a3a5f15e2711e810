//! Tests of the content of responses.

mod common;
#[path = "../../../tests/src/data.rs"]
mod data;
mod schema;

use common::{between, data, envelope, export, id, post, start, XML};
use exportitems_emulator::{change_key, item_id, payload};
use schema::validate;

const STYLES: [&str; 4] = ["2010", "2016", "online", "docs"];
const MARKER: &str = "=== Truncated Data ===";

#[test]
fn a_batch_answers_every_id_in_order() {
    let foreign = item_id("9e19abe1-8917-428e-b47e-36596ca98043", 1, 1_000);
    let (one, two) = (id(1, 1_000), id(2, 300_001));
    let key = |key: &str| format!(r#" ChangeKey="{key}""#);
    let ids = [
        (one.as_str(), key(&change_key(1))),
        (one.as_str(), key(&change_key(2))),
        (one.as_str(), key("")),
        (foreign.as_str(), String::new()),
        ("AAMkAGY=", String::new()),
        ("", String::new()),
        (two.as_str(), String::new()),
    ];
    let ids: Vec<_> = ids.iter().map(|(id, key)| (*id, key.as_str())).collect();
    for style in STYLES {
        let emulator = start(&format!("style = \"{style}\""));
        let response = post(&emulator, XML, &envelope(&ids)).unwrap();
        assert_eq!((response.status, response.complete), (200, true));
        assert_eq!(
            response.codes(),
            [
                "NoError",
                "ErrorInvalidChangeKey",
                "ErrorInvalidChangeKey",
                "ErrorNonExistentMailbox",
                "ErrorInvalidIdMalformed",
                "ErrorInvalidIdEmpty",
                "NoError"
            ],
            "{style}"
        );
        let messages = response.messages();
        assert!(data(&messages[0]) == payload(1, 1_000).unwrap(), "{style}");
        assert!(
            data(&messages[6]) == payload(2, 300_001).unwrap(),
            "{style}"
        );
        assert!(messages[3].contains(
            r#"<t:Value Name="MailboxGuid">9e19abe1-8917-428e-b47e-36596ca98043</t:Value>"#
        ));
        let answered = between(&messages[0], "Id=\"", "\"");
        assert_ne!(answered, one);
        assert_eq!(between(&messages[0], "ChangeKey=\"", "\""), change_key(1));
        // The other spelling identifies the same item.
        let again = export(&emulator, &[&answered]);
        assert!(data(&again.messages()[0]) == payload(1, 1_000).unwrap());
        validate(&between(&response.text(), "<s:Body", "</s:Body>"));
    }
}

/// A recorded response of another operation, with the name of the operation replaced.
fn recorded(file: &str, operation: &str) -> Option<String> {
    let text = data::text(&format!("samples/recorded/{file}"))?;
    Some(text.replace(operation, "ExportItems"))
}

#[test]
fn heads_are_those_of_recorded_responses() {
    let cases = [
        (
            r#"style = "online"
            version = { build = [15, 20, 3370, 16], schema = "V2018_01_08" }"#,
            "004_200_GetFolder_NoError.http",
            "GetFolder",
        ),
        (
            r#"style = "2016"
            version = { build = [15, 2, 1748, 10], schema = "V2017_07_11" }"#,
            "014_200_NoError.http",
            "FindFolder",
        ),
    ];
    for (scenario, file, operation) in cases {
        let Some(recorded) = recorded(file, operation) else {
            return;
        };
        let text = export(&start(scenario), &[&id(1, 1_000)]).text();
        let (head, _) = text.split_once("<m:ExportItemsResponseMessage ").unwrap();
        assert!(recorded.contains(&format!("\n{head}<")), "{head}");
    }
}

#[test]
fn a_refusal_is_that_of_a_recorded_response() {
    let file = "010_200_DeleteItem_ErrorItemNotFound.http";
    let Some(recorded) = recorded(file, "DeleteItem") else {
        return;
    };
    let scenario = "[[item]]\nindex = 0\nanswer = { error = { code = \"ErrorItemNotFound\" } }";
    let refusal = export(&start(scenario), &[&id(1, 1_000)])
        .messages()
        .remove(0);
    assert!(recorded.contains(&refusal), "{refusal}");
}

#[test]
fn a_refusal_with_every_detail_is_valid_too() {
    let emulator = start(
        r#"
        [[item]]
        answer = { error = { code = "ErrorServerBusy", back-off-ms = 5000, inner-code = "ErrorNotEnoughMemory" } }
        "#,
    );
    let response = export(&emulator, &[&id(1, 1_000)]);
    let message = &response.messages()[0];
    assert!(
        message.contains(r#"<t:Value Name="BackOffMilliseconds">5000</t:Value>"#),
        "{message}"
    );
    assert!(message.contains(r#"<t:Value Name="InnerErrorResponseCode">ErrorNotEnoughMemory<"#));
    validate(&between(&response.text(), "<s:Body", "</s:Body>"));
}

#[test]
fn a_code_that_stops_the_batch_stops_it() {
    let emulator =
        start("[[item]]\nindex = 1\nanswer = { error = { code = \"ErrorADUnavailable\" } }");
    let item = id(1, 1_000);
    let response = export(&emulator, &[item.as_str(); 4]);
    let stopped = "ErrorBatchProcessingStopped";
    assert_eq!(
        response.codes(),
        ["NoError", "ErrorADUnavailable", stopped, stopped]
    );
    let class = |i: usize| between(&response.messages()[i], "ResponseClass=\"", "\"");
    assert_eq!(
        [class(0), class(1), class(2)],
        ["Success", "Error", "Warning"]
    );
}

#[test]
fn the_marker_stands_in_its_places() {
    let items = [id(1, 3_000), id(2, 3_000)];
    let items = [items[0].as_str(), items[1].as_str()];
    let with = |place: &str| {
        let answer = format!("marker = {{ place = \"{place}\", at = 401 }}");
        start(&format!("[[item]]\nindex = 0\nanswer = {{ {answer} }}"))
    };

    let response = export(&with("in-data"), &items);
    let [first, second] = &response.messages()[..] else {
        panic!("{response:?}")
    };
    let text = between(first, "<m:Data>", "</m:Data>");
    assert_eq!(
        (text.len(), text.ends_with(MARKER)),
        (401 + MARKER.len(), true)
    );
    assert!(data(second) == payload(2, 3_000).unwrap());
    assert!(response.complete && response.text().ends_with("</s:Envelope>"));

    let response = export(&with("instead-of-end-tags"), &items);
    assert!(response.complete && response.text().ends_with(MARKER));
    assert_eq!(response.messages().len(), 1);

    let response = export(&with("between-messages"), &items);
    let between_messages = format!("</m:ExportItemsResponseMessage>{MARKER}<m:ExportItemsRe");
    assert!(response.text().contains(&between_messages));
    assert_eq!(
        data(&response.messages()[0]),
        payload(1, 3_000).unwrap()[..300]
    );

    let emulator = start("[[request]]\nanswer = { items = { marker-after-root = true } }");
    let response = export(&emulator, &items);
    assert!(response.complete && response.text().ends_with(&format!("</s:Envelope>{MARKER}")));
    assert!(export(&emulator, &items).text().ends_with("</s:Envelope>"));
}

#[test]
fn silent_cuts_leave_a_front_of_the_payload_in_perfect_xml() {
    let cut = |place: &str, at: &str| {
        let answer = format!("silent-cut = {{ place = \"{place}\", at = {at} }}");
        let emulator = start(&format!("[[item]]\nanswer = {{ {answer} }}"));
        data(&export(&emulator, &[&id(3, 100_000)]).messages()[0])
    };
    let whole = payload(3, 100_000).unwrap();
    for at in ["0.5", "10000", "0.0"] {
        let bytes = cut("between-records", at);
        assert!(bytes.len() < whole.len() && whole.starts_with(&bytes));
        assert!(is_whole_records(&bytes), "{at}");
        let bytes = cut("in-record", &bytes.len().to_string());
        assert!(
            whole.starts_with(&bytes) && !is_whole_records(&bytes),
            "{at}"
        );
    }
    assert_eq!(cut("in-record", "0.5").len(), 50_000);
}

fn is_whole_records(mut rest: &[u8]) -> bool {
    while let Some(length) = rest.get(4..8) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        match rest.get(8 + length..) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

#[test]
fn odd_data_is_written_as_scripted() {
    let text = |answer: &str| {
        let emulator = start(&format!("[[item]]\nanswer = \"{answer}\""));
        export(&emulator, &[&id(4, 999)]).messages()[0].clone()
    };
    let good = between(&text("whole"), "<m:Data>", "</m:Data>");
    assert!(text("placeholder").ends_with("<m:Data>AA==</m:Data>"));
    assert!(text("empty-data").ends_with("<m:Data></m:Data>"));
    assert!(!text("no-data").contains("Data"));
    assert!(text("cdata").ends_with(&format!("<m:Data><![CDATA[{good}]]></m:Data>")));
    let commented = between(&text("comment"), "<m:Data>", "</m:Data>");
    let (before, after) = commented.split_once("<!-- half of it -->").unwrap();
    assert_eq!([before, after].concat(), good);
}

#[test]
fn rules_are_used_as_often_as_they_say() {
    let item = id(1, 1_000);
    let emulator = start(&format!(
        r#"
        [[request]]
        times = 2
        answer = {{ fault = {{ code = "ErrorServerBusy", back-off-ms = 700 }} }}
        [[request]]
        answer = {{ items = {{ omit = 1, extra = 2 }} }}

        [[item]]
        id = "{item}"
        times = 3
        answer = {{ error = {{ code = "ErrorNotInvented", message = "no" }} }}
        "#
    ));
    for _ in 0..2 {
        assert_eq!(export(&emulator, &[&item]).status, 500);
    }
    let other = id(2, 1_000);
    let response = export(&emulator, &[&item, &other, &item]);
    assert_eq!(
        response.codes(),
        ["ErrorNotInvented", "NoError", "NoError", "NoError"]
    );
    let response = export(&emulator, &[&item, &item, &item]);
    assert_eq!(
        response.codes(),
        ["ErrorNotInvented", "ErrorNotInvented", "NoError"]
    );
}

#[test]
fn throttling_has_its_shapes() {
    let item = id(1, 1_000);
    let emulator = start(
        r#"
        [[request]]
        answer = { fault = { code = "ErrorServerBusy", back-off-ms = 297749 } }
        [[request]]
        answer = { fault = { code = "ErrorServerBusy", back-off-ms = 0, status = 200 } }
        [[request]]
        answer = { fault = { code = "ErrorInternalServerError", inner-code = "ErrorServerBusy", status = 200 } }
        [[request]]
        answer = { http = { status = 503, headers = { Retry-After = "3" } } }
        [[request]]
        answer = "hang-up"
        [[request]]
        answer = { page = "generic-error" }
        [[request]]
        answer = { page = "server-error" }
        [[request]]
        answer = { http = { status = 403, body = "<html>Forbidden</html>" } }
        "#,
    );
    let next = || post(&emulator, XML, &envelope(&[(&item, "")]));
    let busy = next().unwrap();
    assert_eq!((busy.status, busy.complete), (500, true));
    assert!(busy.head.contains("content-type: text/xml; charset=utf-8"));
    let text = busy.text();
    assert!(
        text.contains(">a:ErrorServerBusy</faultcode>") && !text.contains("Header"),
        "{text}"
    );
    assert!(
        text.contains(r#"<t:Value Name="BackOffMilliseconds">297749</t:Value>"#),
        "{text}"
    );
    assert_eq!(next().unwrap().status, 200);
    assert!(next()
        .unwrap()
        .text()
        .contains(r#""InnerErrorResponseCode">ErrorServerBusy<"#));
    let unavailable = next().unwrap();
    assert_eq!(unavailable.status, 503);
    assert!(
        unavailable.head.contains("\r\nretry-after: 3"),
        "{}",
        unavailable.head
    );
    assert!(next().is_none());
    let moved = next().unwrap();
    assert_eq!(moved.status, 302);
    assert!(moved
        .head
        .contains("location: /ews/genericerrorpage.htm?aspxerrorpath="));
    let error = next().unwrap();
    assert!(error.text().contains("Server Error in '/EWS' Application."));
    assert!(error.head.contains("content-type: text/html"));
    assert_eq!(next().unwrap().status, 403);
    assert_eq!(next().unwrap().codes(), ["NoError"]);
}
