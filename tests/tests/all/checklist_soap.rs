//! protocol.md §6, "Incremental XML decoder", the lines about SOAP and EWS: a test for each, in their order.

use exportitems::{
    ErrorKind, ItemError, OperationName, ResponseClass, ResponseCode, ResponseOutcome,
};
use exportitems_testkit::run::{Reported, Value};

use crate::support::{
    data, envelope, good, message, refused, response, run, run_for, Findings, PAYLOAD,
};

/// "Bind by exact element path and local name, never by prefix (declarations on any element, default namespace,
/// same prefix rebound, prefixes s/soap/soap11/SOAP; both http:// and https:// URIs occur in documents)"
#[test]
fn prefixes() {
    let document = response(&good());
    for (soap, messages, types) in [
        ("s:", "m:", "t:"),
        ("soap:", "", ""),
        ("soap11:", "a:", "a:"),
        ("SOAP:", "ns0:", "ns1:"),
        ("", "", ""),
    ] {
        let document = document
            .replace("<s:", &format!("<{soap}"))
            .replace("</s:", &format!("</{soap}"))
            .replace("<m:", &format!("<{messages}"))
            .replace("</m:", &format!("</{messages}"))
            .replace("<t:", &format!("<{types}"))
            .replace("xmlns:s=\"http://", "xmlns=\"https://");
        assert_eq!(run(document).errors(), [None]);
    }
    // An end tag has its start tag's prefix.
    assert_eq!(
        run(document.replace("</m:Data>", "</t:Data>")).kind(),
        Some(ErrorKind::MismatchedEndTag)
    );
}

/// "unknown elements and attributes skipped; element order not relied on beyond what is needed for streaming; Data
/// before ItemId must not crash"
#[test]
fn unknown_elements_and_order() {
    let foreign = "<x:Y xmlns:x='urn:x' ResponseClass='Error'><m:Data>?</m:Data>text<m:ResponseCode>ErrorItemNotFound\
                   </m:ResponseCode><x/></x:Y>";
    let content = [
        &format!("<m:Data>{PAYLOAD}</m:Data>"),
        "<t:ItemId x='y' ChangeKey='CK' Id='ID' x:Id='z'/>",
        "<m:ResponseCode x='y'>NoError</m:ResponseCode>",
        foreign,
    ];
    for first in 0..content.len() {
        let mut content = content;
        content.rotate_left(first);
        let run = run(response(&message("Success", &content.concat())));
        assert_eq!(run.errors(), [None]);
        let ids = Reported::ItemId(Value::Text("ID".to_owned()), Value::Text("CK".to_owned()));
        assert!(run.reported.contains(&ids));
    }
    // The same names elsewhere are other elements.
    let elsewhere = response(&good()).replace("m:ResponseMessages", "m:Messages");
    assert_eq!(run(elsewhere).errors(), []);
}

/// "Envelope with or without Header; ServerVersionInfo attributes all optional; Body containing Fault or
/// ExportItemsResponse or something else (typed "unexpected operation response")"
#[test]
fn envelope_header_and_body() {
    let with_header = |header: &str| {
        let document = response(&good());
        let (before, after) = document.split_once("<s:Body>").expect("a body");
        let run = run(format!("{before}{header}<s:Body>{after}"));
        assert_eq!(run.errors(), [None], "{header}");
        run.reported
            .into_iter()
            .find_map(|reported| match reported {
                Reported::ServerVersion(numbers, version) => Some((numbers, version)),
                _ => None,
            })
    };
    assert_eq!(with_header(""), None);
    assert_eq!(with_header("<s:Header/>"), None);
    assert_eq!(
        with_header("<s:Header><h:ServerVersionInfo/></s:Header>"),
        Some(([None; 4], Value::Absent))
    );
    assert_eq!(
        with_header(
            "<s:Header><x/><t:ServerVersionInfo MajorVersion='15' MinorBuildNumber='99999999999' MinorVersion='x' \
             Version='V2017_07_11'/></s:Header>"
        ),
        Some((
            [Some(15), None, None, Some(u32::MAX)],
            Value::Text("V2017_07_11".to_owned())
        ))
    );
    for body in ["<m:GetItemResponse/>", "", "<x/>"] {
        let run = run(envelope(body));
        assert_eq!(
            run.kind(),
            Some(ErrorKind::UnexpectedOperation(OperationName::ExportItems)),
            "{body}"
        );
        assert_eq!(run.summary().response, ResponseOutcome::NotSoap);
    }
}

/// "Response messages by position; ResponseClass × ResponseCode kept separately; class/code contradictions surfaced
/// (Success+Error code, Error+NoError, Success without Data/ItemId, Data on Error)"
#[test]
#[allow(clippy::too_many_lines)] // a table
fn class_and_code() {
    let payload = format!("<m:Data>{PAYLOAD}</m:Data>");
    let code = |code: &str| format!("<m:ResponseCode>{code}</m:ResponseCode>");
    let cases = [
        ("Success", code("NoError"), &*payload, None),
        // BTRF R170 wants an ItemId there; position is the key, so the item is good without.
        ("Success", String::new(), &payload, None),
        ("Success", code("NoError"), "", Some(ItemError::MissingData)),
        (
            "Success",
            code("ErrorItemNotFound"),
            &payload,
            Some(ItemError::Contradiction),
        ),
        (
            "Success",
            code("ErrorItemNotFound"),
            "",
            Some(ItemError::Contradiction),
        ),
        (
            "Success",
            code("NoError") + &code("ErrorItemNotFound"),
            &payload,
            Some(ItemError::Contradiction),
        ),
        (
            "Success",
            code("NoError") + &code("NoError"),
            &payload,
            None,
        ),
        (
            "Success",
            code(""),
            &payload,
            Some(ItemError::Contradiction),
        ),
        ("Error", code("NoError"), "", Some(ItemError::Contradiction)),
        (
            "Error",
            code("ErrorItemNotFound"),
            "",
            Some(ItemError::Refused),
        ),
        (
            "Error",
            code("ErrorItemNotFound"),
            &payload,
            Some(ItemError::Refused),
        ),
        ("Error", String::new(), &payload, Some(ItemError::Refused)),
        (
            "Warning",
            code("ErrorBatchProcessingStopped"),
            "",
            Some(ItemError::Refused),
        ),
        (
            "Warning",
            code("NoError"),
            &payload,
            Some(ItemError::Contradiction),
        ),
        (
            "Failure",
            code("NoError"),
            &payload,
            Some(ItemError::Contradiction),
        ),
        (
            "success",
            code("NoError"),
            &payload,
            Some(ItemError::Contradiction),
        ),
        (
            " Success",
            code("NoError"),
            &payload,
            Some(ItemError::Contradiction),
        ),
    ];
    for (class, code, payload, error) in cases {
        let neighbours = (good(), good());
        let messages = format!(
            "{}{}{}",
            neighbours.0,
            message(class, &(code.clone() + payload)),
            neighbours.1
        );
        let run = run(response(&messages));
        assert_eq!(
            run.errors(),
            [None, error, None],
            "{class} {code} {payload}"
        );
        let outcome = run.outcomes().nth(1).expect("the second");
        assert_eq!(outcome.index, 1);
        assert_eq!(
            outcome.class.map(ResponseClass::as_str),
            Some(class)
                .filter(|&class| class != "Failure" && class != "success" && class != " Success")
        );
    }
}

/// "fewer/more messages than requested; duplicate Data/ItemId; empty Data"
#[test]
fn counts_and_duplicates() {
    let two = response(&(good() + &good()));
    let not_answered = Some(ItemError::NotAnswered);
    let unrequested = Some(ItemError::Unrequested);
    assert_eq!(run_for(0, &two).errors(), [unrequested, unrequested]);
    assert_eq!(run_for(1, &two).errors(), [None, unrequested]);
    assert_eq!(run_for(2, &two).errors(), [None, None]);
    assert_eq!(
        run_for(4, &two).errors(),
        [None, None, not_answered, not_answered]
    );
    assert_eq!(
        run_for(4, &two).summary().response,
        ResponseOutcome::Complete
    );

    let duplicate = good().replace("<m:Data>", "<m:Data/><m:Data>");
    assert_eq!(
        run(response(&duplicate)).errors(),
        [Some(ItemError::Duplicate)]
    );
    let duplicate = good().replace("</m:Data>", "</m:Data><m:Data/>");
    assert_eq!(
        run(response(&duplicate)).errors(),
        [Some(ItemError::Duplicate)]
    );

    // A message has one id: which of two is the item's cannot be known.
    let ids = good().replace("<t:ItemId ", "<t:ItemId Id='first'/><t:ItemId ");
    let run_ids = run(response(&ids));
    assert_eq!(run_ids.errors(), [Some(ItemError::Contradiction)]);
    let reported: Vec<_> = (run_ids.reported.iter())
        .filter(|reported| matches!(reported, Reported::ItemId(..)))
        .collect();
    assert_eq!(
        reported,
        [&Reported::ItemId(
            Value::Text("first".to_owned()),
            Value::Absent
        )]
    );

    for empty in ["", " \r\n", "<!-- -->", "<![CDATA[]]>", "&#32;"] {
        assert_eq!(
            run(response(&data(empty))).errors(),
            [Some(ItemError::EmptyData)]
        );
    }
    let short = good().replace(&format!("<m:Data>{PAYLOAD}</m:Data>"), "<m:Data/>");
    assert_eq!(run(response(&short)).errors(), [Some(ItemError::EmptyData)]);
}

/// "ResponseCode unknown values kept as text; MessageText bounded copy"
#[test]
fn unknown_codes_and_long_texts() {
    let long = "Access is denied. ".repeat(1000);
    let unknown = refused(&format!("<m:MessageText>{long}</m:MessageText>"))
        .replace("ErrorItemNotFound", " ErrorOfTomorrow\r\n");
    let run = run(response(&unknown));
    assert_eq!(run.outcome().code, Some(ResponseCode::Other));
    assert!(run.reported.contains(&Reported::ResponseCode(
        ResponseCode::Other,
        "ErrorOfTomorrow".to_owned()
    )));
    assert_eq!(run.text(), long);
}

/// `DescriptiveLinkKey` is an `xs:int` (Messages.xsd); what is none is left out, and costs nothing.
#[test]
fn descriptive_link_keys() {
    for (text, key) in [
        ("0", Some(0)),
        (" 17\n", Some(17)),
        ("-5", Some(-5)),
        ("2147483647", Some(i32::MAX)),
        ("2147483648", None),
        ("many", None),
        ("", None),
    ] {
        let element = format!("<m:DescriptiveLinkKey>{text}</m:DescriptiveLinkKey>");
        let run = run(response(&refused(&element)));
        assert_eq!(run.errors(), [Some(ItemError::Refused)]);
        let reported = run.reported.iter().find_map(|reported| match reported {
            Reported::DescriptiveLinkKey(key) => Some(*key),
            _ => None,
        });
        assert_eq!(reported, key, "{text}");
    }
}

/// "MessageXml in m/t/e namespace: Value pairs (BackOffMilliseconds, InnerError*, MailboxGuid) and direct tags;
/// numbers clamped"
#[test]
fn message_xml() {
    for prefix in ["m", "t", "e"] {
        let xml = format!(
            "<{prefix}:MessageXml><t:Value Name=\"BackOffMilliseconds\">297749</t:Value>\
             <t:Value Name=\"InnerErrorResponseCode\">ErrorServerBusy</t:Value>\
             <t:Value Name=\"MailboxGuid\">ef7a&amp;</t:Value><t:Value Name=\"Policy\"/>\
             <t:LineNumber>1</t:LineNumber><t:FieldURI FieldURI=\"item:Id\"/></{prefix}:MessageXml>"
        );
        let run = run(response(&refused(&xml)));
        assert_eq!(run.outcome().back_off_ms, Some(297_749));
        assert_eq!(
            run.outcome().inner_code,
            Some(ResponseCode::ErrorServerBusy)
        );
        assert_eq!(
            run.values(),
            [
                ("BackOffMilliseconds", "297749"),
                ("InnerErrorResponseCode", "ErrorServerBusy"),
                ("MailboxGuid", "ef7a&"),
                ("Policy", ""),
                ("LineNumber", "1"),
                ("FieldURI", ""),
            ]
        );
    }
    for (text, number) in [
        ("0", Some(0)),
        (" 5000\n", Some(5000)),
        ("4294967295", Some(u32::MAX)),
        ("99999999999999999999", Some(u32::MAX)),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
    ] {
        let xml = format!(
            "<m:MessageXml><t:Value Name='BackOffMilliseconds'>{text}</t:Value></m:MessageXml>"
        );
        assert_eq!(
            run(response(&refused(&xml))).outcome().back_off_ms,
            number,
            "{text}"
        );
    }
}

/// "Fault: QName faultcode with local prefix, localised faultstring, detail optional/empty/whitespace-padded, 2007 form
/// (Line/Position), HTTP-status independent"
#[test]
fn faults() {
    let of_2010 = "<s:Fault><faultcode xmlns:a=\"urn:t\">a:ErrorInvalidServerVersion</faultcode>\
                   <faultstring xml:lang=\"de-DE\">Die angegebene Serverversion ist ung\u{fc}ltig.</faultstring>\
                   <detail><e:ResponseCode xmlns:e=\"urn:e\">ErrorInvalidServerVersion</e:ResponseCode>\
                   <e:Message xmlns:e=\"urn:e\">Ung\u{fc}ltig.</e:Message></detail></s:Fault>";
    let run_2010 = run_for(2, envelope(of_2010));
    let not_answered = Some(ItemError::NotAnswered);
    assert_eq!(run_2010.errors(), [not_answered, not_answered]);
    let (summary, error) = run_2010.end();
    assert_eq!((summary.response, error), (ResponseOutcome::Fault, None));
    let fault = summary.fault.expect("a fault");
    assert_eq!(fault.code, Some(ResponseCode::ErrorInvalidServerVersion));
    for reported in [
        Reported::FaultCode("ErrorInvalidServerVersion".to_owned()),
        Reported::FaultString("Die angegebene Serverversion ist ung\u{fc}ltig.".to_owned()),
        Reported::MessageText("Ung\u{fc}ltig.".to_owned()),
        Reported::Fault(fault),
    ] {
        assert!(run_2010.reported.contains(&reported), "{reported:?}");
    }

    let of_2007 = "<soap11:Fault><faultcode>soap11:Client</faultcode><faultstring/><detail>\n \
                   <e:ResponseCode>\n ErrorSchemaValidation\n</e:ResponseCode>\n<e:Message/><e:Line>1</e:Line>\
                   <e:Position>630</e:Position></detail></soap11:Fault>";
    let fault = run(envelope(of_2007)).summary().fault.expect("a fault");
    assert_eq!(fault.code, Some(ResponseCode::ErrorSchemaValidation));

    for detail in [
        "",
        "<detail/>",
        "<detail>  </detail>",
        "<detail><x/></detail>",
    ] {
        let document = envelope(&format!(
            "<s:Fault><faultcode>s:Server</faultcode>{detail}</s:Fault>"
        ));
        let (summary, error) = run(document).end();
        assert_eq!((summary.response, error), (ResponseOutcome::Fault, None));
        assert_eq!(summary.fault.expect("a fault").code, None);
    }
}

/// "After `</s:Envelope>` nothing is lexed: the truncation marker is typed; other bytes than white space are counted and
/// reported as a warning. EOF before it = incomplete, listing which items were complete."
#[test]
fn the_end() {
    let whole = response(&(good() + &good()));
    let cut = Some(ItemError::Cut);
    let ends: [(&[u8], u64); 16] = [
        (b"", 0),
        (b"\n", 0),
        (b" \t\r\n", 0),
        (b"<!-- c -->", 8),
        (b"<!--", 4),
        (b"<!DOCTYPE html>&nbsp;", 20),
        (b"<x/>\n</x>", 8),
        (b"\0\0", 2),
        (b"\x1a", 1),
        (b"\xff\xfe", 2),
        (b"\n0\r\n\r\n", 1),
        (b"=", 1),
        (b"=== Truncated", 12),
        (b"=== Truncated Data ==", 18),
        (b"== Truncated Data ===", 18),
        (b"=== truncated data ===", 19),
    ];
    for (trailing, bytes) in ends {
        let run = run_for(2, [whole.as_bytes(), trailing].concat());
        assert_eq!((run.errors(), run.error), (vec![None, None], None));
        let summary = run.summary();
        assert_eq!(summary.response, ResponseOutcome::Complete);
        assert_eq!((summary.trailing, summary.suspect), (bytes, 0));
    }
    let second = run(whole.clone() + &whole);
    assert_eq!(second.errors(), [None, None]);
    assert_eq!(second.summary().messages, 2);
    for before in [
        "",
        "\n",
        "x",
        "=",
        "=== Trunc",
        "<html>=== Truncated Dat",
        "\0",
    ] {
        for after in ["", "x", "<p>"] {
            let run = run([&whole, before, "=== Truncated\n Data ===", after].concat());
            assert_eq!(run.kind(), Some(ErrorKind::Truncated), "{before}");
            assert_eq!(run.errors(), [None, Some(ItemError::Truncated)], "{before}");
            let offset = run.error.map(|error| error.offset);
            // Equals signs before it are taken for its own.
            let begins = whole.len() + before.trim_end_matches('=').len();
            assert_eq!(offset, Some(begins as u64), "{before}");
            let counted = before.trim().replace(' ', "").len();
            assert_eq!(run.summary().trailing, counted as u64, "{before}");
        }
    }
    let run = run_for(3, &whole[..whole.len() - 1]);
    assert_eq!(run.kind(), Some(ErrorKind::UnexpectedEnd));
    assert_eq!(run.summary().response, ResponseOutcome::Cut);
    assert_eq!(run.errors(), [None, cut, Some(ItemError::NotAnswered)]);
}

/// A fault of SOAP 1.2 says the same one level deeper.
#[test]
fn faults_of_soap_1_2() {
    let fault = |code: &str, detail: &str| {
        envelope(&format!(
            "<env:Fault><env:Code>{code}</env:Code><env:Reason><env:Text xml:lang='de'>Besch\u{e4}ftigt.</env:Text>\
             </env:Reason><env:Node/><env:Role>r</env:Role>{detail}</env:Fault>"
        ))
    };
    let value = |code: &str| format!("<env:Value>{code}</env:Value>");
    let subcode = |code: &str| format!("<env:Subcode>{}</env:Subcode>", value(code));
    let busy = "<env:Detail><e:ResponseCode>ErrorServerBusy</e:ResponseCode><e:Message>m</e:Message>\
                <t:MessageXml><t:Value Name='BackOffMilliseconds'>700</t:Value></t:MessageXml></env:Detail>";
    let found = run_for(2, fault(&value("env:Receiver"), busy));
    let not_answered = Some(ItemError::NotAnswered);
    assert_eq!(found.errors(), [not_answered, not_answered]);
    let summary = found.summary();
    let reported = summary.fault.expect("a fault");
    assert_eq!(summary.response, ResponseOutcome::Fault);
    assert_eq!(reported.code, Some(ResponseCode::ErrorServerBusy));
    assert_eq!(
        (reported.back_off_ms, reported.is_senders_fault),
        (Some(700), false)
    );
    for expected in [
        Reported::FaultCode("Receiver".to_owned()),
        Reported::FaultString("Besch\u{e4}ftigt.".to_owned()),
        Reported::MessageText("m".to_owned()),
        Reported::Fault(reported),
    ] {
        assert!(found.reported.contains(&expected), "{expected:?}");
    }
    // The code in a subcode, where there is no detail.
    let code = value("env:Sender") + &subcode("a:ErrorSchemaValidation");
    let reported = run(fault(&code, "")).summary().fault.expect("a fault");
    assert_eq!(reported.code, Some(ResponseCode::ErrorSchemaValidation));
    // Subcodes in subcodes, deeper than anything of the path.
    let deep = (0..9).fold(String::new(), |inner, n| {
        format!(
            "<env:Subcode>{}{inner}</env:Subcode>",
            value(&format!("x:C{n}"))
        )
    });
    let run = run(fault(&(value("env:Sender") + &deep), busy));
    assert_eq!(run.error, None);
    let reported = run.summary().fault.expect("a fault");
    assert_eq!(reported.code, Some(ResponseCode::ErrorServerBusy));
    assert!(reported.is_senders_fault);
}

/// "Where detail precedes faultcode, JSON code and disposition agree": the last code that is emitted is the one that counts.
#[test]
fn a_fault_code_does_not_follow_a_response_code() {
    let code = "<faultcode>s:Client</faultcode>";
    let detail = "<detail><e:ResponseCode>ErrorServerBusy</e:ResponseCode></detail>";
    for (fault, expected) in [
        ([code, detail].concat(), vec!["Client", "ErrorServerBusy"]),
        ([detail, code].concat(), vec!["ErrorServerBusy"]),
    ] {
        let run = run(envelope(&format!("<s:Fault>{fault}</s:Fault>")));
        let codes = run.reported.iter().filter_map(|reported| match reported {
            Reported::FaultCode(text) | Reported::ResponseCode(_, text) => Some(text.as_str()),
            _ => None,
        });
        assert!(codes.eq(expected));
        let reported = run.summary().fault.expect("a fault");
        assert_eq!(reported.code, Some(ResponseCode::ErrorServerBusy));
    }
}
