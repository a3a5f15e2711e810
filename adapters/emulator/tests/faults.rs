//! Tests of faults that concern whole responses and connections.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use common::{between, data, envelope, export, id, post, start, Response, XML};
use exportitems_emulator::{payload, Emulator};

const SIZE: u64 = 600;

fn ids(count: u64) -> Vec<String> {
    (0..count).map(|seed| id(seed, SIZE)).collect()
}

/// Exports four items with the faults `items`, and returns a description of the payloads: their seeds, or `x` for an
/// item that was not requested and `-` for a message without data.
fn arrived(items: &str) -> (String, Response) {
    let emulator = start(&format!(
        "[[request]]\nanswer = {{ items = {{ {items} }} }}"
    ));
    let ids = ids(4);
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let response = export(&emulator, &ids);
    assert!(response.complete);
    let text = response.text();
    let whose = text
        .split("ResponseMessage ResponseClass=")
        .skip(1)
        .map(|message| {
            if !message.contains("<m:Data>") {
                return '-';
            }
            let bytes = data(message);
            let seed = (0..4).find(|&seed| payload(seed, SIZE).unwrap() == bytes);
            seed.and_then(|seed| char::from_digit(seed.try_into().unwrap(), 10))
                .unwrap_or('x')
        });
    let whose = whose.collect();
    (whose, response)
}

#[test]
fn messages_are_left_out_repeated_moved_and_inserted() {
    for (items, expected) in [
        ("", "0123"),
        ("drop = [1]", "023"),
        ("drop = [0, 3, 9]", "12"),
        ("repeat = [1]", "01123"),
        ("repeat = [3], drop = [0]", "1233"),
        ("order = \"reversed\"", "3210"),
        ("order = \"rotated\"", "1230"),
        ("order = \"rotated\", drop = [0, 1, 2, 3]", ""),
        (
            "insert = [{ before = 0, message = \"other-item\" }]",
            "x0123",
        ),
        (
            "insert = [{ before = 2, message = \"upload-items\" }]",
            "01-23",
        ),
        ("insert = [{ before = 9, message = \"refusal\" }]", "0123-"),
        (
            "drop = [2], insert = [{ before = 2, message = \"other-item\" }]",
            "01x3",
        ),
        ("omit = 2, extra = 1", "01x"),
    ] {
        assert_eq!(arrived(items).0, expected, "{items}");
    }
    let mut orders = std::collections::HashSet::new();
    for seed in 0..200 {
        let (order, _) = arrived(&format!("order = {{ shuffled = {seed} }}"));
        assert_eq!(
            order,
            arrived(&format!("order = {{ shuffled = {seed} }}")).0
        );
        orders.insert(order);
    }
    assert_eq!(orders.len(), 24, "all orders of four messages");
    let (_, response) = arrived("insert = [{ before = 0, message = \"upload-items\" }]");
    assert!(response
        .text()
        .contains("<m:UploadItemsResponseMessage ResponseClass=\"Success\">"));
}

#[test]
fn an_item_can_be_answered_by_a_message_of_another_type() {
    let emulator = start("[[item]]\nindex = 1\nanswer = \"upload-items\"");
    let ids = ids(3);
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let text = export(&emulator, &ids).text();
    assert_eq!(text.matches("<m:ExportItemsResponseMessage ").count(), 2);
    assert_eq!(text.matches("<m:UploadItemsResponseMessage ").count(), 1);
}

#[test]
fn ids_are_spelled_as_scripted() {
    let asked = id(7, SIZE);
    let answered = |scenario: &str| {
        let response = export(&start(scenario), &[&asked]);
        let message = &response.messages()[0];
        assert_eq!(data(message), payload(7, SIZE).unwrap(), "{scenario}");
        message
            .contains("<m:ItemId ")
            .then(|| between(message, " Id=\"", "\""))
    };
    let as_asked = Some(asked.clone());
    for by in ["[[item]]\n", "[[request]]\nanswer.items."] {
        let with = |spelling: &str| answered(&format!("{by}answered-id = \"{spelling}\""));
        assert_eq!(with("as-asked"), as_asked);
        assert_eq!(with("omitted"), None);
        let recoded = with("recoded").unwrap();
        assert!(recoded.starts_with("AQMk"), "{recoded}");
        let unknown = with("unknown").unwrap();
        assert!(unknown.starts_with("AAMk") && unknown != asked, "{unknown}");
        // Each of these requests contains the item.
        for id in [recoded, unknown] {
            let again = export(&start(""), &[&id]);
            assert_eq!(data(&again.messages()[0]), payload(7, SIZE).unwrap());
        }
    }
    assert_eq!(answered("recode-ids = false"), as_asked);
    // The rule of the item takes precedence over that of the response.
    let both =
        "[[request]]\nanswer.items.answered-id = \"omitted\"\n[[item]]\nanswered-id = \"as-asked\"";
    assert_eq!(answered(both), as_asked);
}

#[test]
fn bytes_follow_the_root() {
    let whole = arrived("").1.text();
    for (after, expected) in [
        ("\"html-page\"", "<html><head>"),
        ("\"nuls\"", "\0\0\0\0"),
        ("\"ctrl-z\"", "\u{1a}"),
        ("\"second-response\"", whole.as_str()),
        ("{ text = \"a<b\" }", "a<b"),
    ] {
        let (_, response) = arrived(&format!("after-root = {after}"));
        let text = response.text();
        let rest = text.strip_prefix(&whole).unwrap();
        assert!(rest.starts_with(expected), "{after}: {rest}");
    }
    let (_, response) = arrived("marker-after-root = true, after-root = \"ctrl-z\"");
    assert!(response
        .text()
        .ends_with("</s:Envelope>=== Truncated Data ===\u{1a}"));
}

#[test]
fn media_types_and_codings_are_as_scripted() {
    let kind = |response: &Response| {
        let mut lines = response.head.lines();
        let line = lines.find_map(|line| line.strip_prefix("content-type: "));
        line.map(str::to_owned)
    };
    let (_, response) = arrived("content-type = \"text/html; charset=utf-8\"");
    assert_eq!(kind(&response).as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(kind(&arrived("content-type = \"\"").1), None);
    assert_eq!(
        kind(&arrived("").1).as_deref(),
        Some("text/xml; charset=utf-8")
    );

    let whole = arrived("").1.body;
    let ids = ids(4);
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    for framing in ["chunked", "content-length"] {
        for (coding, declared) in [
            ("gzip", Some("gzip")),
            ("gzip-undeclared", None),
            ("deflate", Some("deflate")),
            ("identity", Some("identity")),
        ] {
            let emulator = start(&format!(
                "framing = \"{framing}\"\n[[request]]\nanswer.items.coding = \"{coding}\""
            ));
            let response = export(&emulator, &ids);
            assert!(response.complete);
            let says = |coding| {
                response
                    .head
                    .contains(&format!("\r\ncontent-encoding: {coding}"))
            };
            assert_eq!(says(declared.unwrap_or("")), declared.is_some(), "{coding}");
            let mut text = Vec::new();
            let body = &response.body[..];
            match coding {
                "identity" => text.extend_from_slice(body),
                "deflate" => {
                    flate2::read::ZlibDecoder::new(body)
                        .read_to_end(&mut text)
                        .unwrap();
                }
                _ => {
                    flate2::read::GzDecoder::new(body)
                        .read_to_end(&mut text)
                        .unwrap();
                }
            }
            assert!(text == whole, "{coding}");
        }
    }
}

#[test]
fn the_request_id_is_echoed_rightly_wrongly_or_not() {
    let body = envelope(&[(&id(1, SIZE), "")]);
    for (echo, plain, wanted) in [
        ("as-asked", None, Some("4711")),
        ("always", Some("4711"), Some("4711")),
        ("never", None, None),
        (
            "wrong",
            Some("00000000-0000-4000-8000-00000000000b"),
            Some("00000000-0000-4000-8000-00000000000b"),
        ),
    ] {
        let emulator = start(&format!(
            "[[request]]\ntimes = 2\nclient-request-id = \"{echo}\""
        ));
        for (more, expected) in [("", plain), ("return-client-request-id: true\r\n", wanted)] {
            let headers = format!("{XML}client-request-id: 4711\r\n{more}");
            let head = post(&emulator, &headers, &body).unwrap().head;
            let line = head
                .lines()
                .find_map(|line| line.strip_prefix("client-request-id: "));
            assert_eq!(line, expected, "{echo}");
        }
    }
}

#[test]
fn a_fault_can_ask_for_a_later_time_in_its_head_too() {
    let emulator = start(
        "[[request]]\nanswer = { fault = { code = \"ErrorServerBusy\", back-off-ms = 100, headers = { Retry-After = \"7\" } } }",
    );
    let response = post(&emulator, XML, &envelope(&[(&id(1, SIZE), "")])).unwrap();
    assert!(
        response.head.contains("\r\nretry-after: 7\r\n"),
        "{}",
        response.head
    );
    assert!(response.text().contains("BackOffMilliseconds\">100<"));
}

#[test]
fn an_item_can_fail_every_request_that_names_it() {
    let ids = ids(3);
    let poisoned = &ids[1];
    for (failure, status) in [
        (
            "{ fault = { code = \"ErrorInternalServerError\" } }",
            Some(500),
        ),
        (
            "{ http = { status = 504, body = \"<h1>Gateway Time-out</h1>\" } }",
            Some(504),
        ),
        ("{ page = \"server-error\" }", Some(500)),
        ("\"hang-up\"", None),
    ] {
        let emulator = start(&format!(
            "[[item]]\nid = \"{poisoned}\"\nanswer = {{ fails-request = {failure} }}"
        ));
        let with = |ids: &[&str]| {
            let ids: Vec<_> = ids.iter().map(|id| (*id, "")).collect();
            post(&emulator, XML, &envelope(&ids)).map(|response| response.status)
        };
        for _ in 0..2 {
            assert_eq!(with(&[&ids[0], poisoned, &ids[2]]), status, "{failure}");
            assert_eq!(with(&[poisoned]), status, "{failure}");
            assert_eq!(with(&[&ids[0], &ids[2]]), Some(200), "{failure}");
        }
    }
}

#[test]
fn a_rule_can_be_for_large_requests_only() {
    let emulator = start(
        "[[request]]\ntimes = 2\nmore-than = 1\nanswer = { fault = { code = \"ErrorTimeoutExpired\" } }",
    );
    let ids = ids(2);
    let status = |ids: &[&str]| export(&emulator, ids).status;
    assert_eq!(status(&[&ids[0]]), 200);
    assert_eq!(status(&[&ids[0], &ids[1]]), 500);
    assert_eq!(status(&[&ids[0]]), 200);
    assert_eq!(status(&[&ids[0], &ids[1]]), 500);
    assert_eq!(status(&[&ids[0], &ids[1]]), 200);
}

/// Sends a request on `stream`, and keeps the stream open.
fn send(stream: &mut TcpStream, body: &str) {
    let length = body.len();
    write!(
        stream,
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: a\r\n{XML}Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
}

/// Reads until the received bytes end with `end`.
fn read_until(stream: &mut TcpStream, end: &[u8]) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

fn connect(emulator: &Emulator) -> TcpStream {
    TcpStream::connect(emulator.address()).unwrap()
}

const END: &[u8] = b"\r\n0\r\n\r\n";

#[test]
fn bytes_follow_a_response_on_its_connection() {
    let body = envelope(&[(&id(1, SIZE), "")]);
    let emulator =
        start("[[request]]\npush = \"second-response\"\n[[request]]\npush = { text = \"\\r\\n\" }");
    let mut stream = connect(&emulator);
    send(&mut stream, &body);
    let [first, second] = [0, 1].map(|_| read_until(&mut stream, END));
    let of = |response: &str| {
        BASE64_STANDARD
            .decode(between(response, "<m:Data>", "<"))
            .unwrap()
    };
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n") && second.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(of(&first), payload(1, SIZE).unwrap());
    assert_eq!(of(&first), of(&second));
    // The connection can still be used.
    send(&mut stream, &body);
    read_until(&mut stream, END);
    assert_eq!(read_until(&mut stream, b"\n"), "\r\n");
    send(&mut stream, &body);
    assert!(read_until(&mut stream, END).starts_with("HTTP/1.1 200 OK\r\n"));
    let connections: Vec<_> = emulator
        .requests()
        .iter()
        .map(|seen| seen.connection)
        .collect();
    assert_eq!(connections, [0, 0, 0]);
}

/// The bytes arrive after the client has sent its next request, and before the response to it.
#[test]
fn bytes_can_follow_after_the_next_request() {
    let body = envelope(&[(&id(1, SIZE), "")]);
    let emulator = start("[[request]]\npush = { text = \"stray\" }\npush-after-ms = 1");
    let mut stream = connect(&emulator);
    send(&mut stream, &body);
    send(&mut stream, &body);
    read_until(&mut stream, END);
    let second = read_until(&mut stream, END);
    assert!(second.starts_with("strayHTTP/1.1 200 OK\r\n"), "{second}");
}

#[test]
fn a_connection_ends_unannounced() {
    let body = envelope(&[(&id(1, SIZE), "")]);
    let emulator = start("[[request]]\npush = \"late-408\"\n[[request]]\nclose = true");
    for pushed in ["HTTP/1.1 408 Request Timeout\r\n", ""] {
        let mut stream = connect(&emulator);
        send(&mut stream, &body);
        let response = read_until(&mut stream, END);
        assert!(
            !response.to_ascii_lowercase().contains("connection:"),
            "{response}"
        );
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert!(
            rest.starts_with(pushed) && rest.is_empty() == pushed.is_empty(),
            "{rest}"
        );
    }
    let connections: Vec<_> = emulator
        .requests()
        .iter()
        .map(|seen| seen.connection)
        .collect();
    assert_eq!(connections, [0, 1]);
}

/// Requests that http.sys refuses before IIS sees them. The tests of `head` cover other cases.
#[test]
fn bad_requests_are_refused_before_iis_sees_them() {
    let emulator = start("auth = { bearer = { token = \"t\" } }");
    let good =
        format!("POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: a\r\n{XML}Content-Length: 3\r\n\r\n<a>");
    for (request, status, says) in [
        (
            good.replace("Host: a\r\n", ""),
            400,
            "The request hostname is invalid.",
        ),
        (
            good.replace("Host: a", "Host: a\r\nHost: b"),
            400,
            "hostname is invalid",
        ),
        (
            good.replace("Host: a", "Host: http://a"),
            400,
            "hostname is invalid",
        ),
        (
            good.replace("Host: a", "Host : a"),
            400,
            "invalid header name",
        ),
        (
            good.replace("Length: 3", "Length: 3\r\nTransfer-Encoding: chunked"),
            400,
            "badly formed",
        ),
        (
            good.replace("Length: 3", "Length: x"),
            400,
            "invalid content length",
        ),
        (
            good.replace("Content-Length: 3\r\n", ""),
            411,
            "must be chunked or have a content length",
        ),
        (
            good.replace("Content-Length: 3", "Transfer-Encoding: gzip"),
            501,
            "not supported",
        ),
        (good.replace("HTTP/1.1", "HTTP/3.0"), 505, "not supported"),
        (good.replace("POST", "P@ST"), 400, "verb is invalid"),
        (
            good.replace("Content-Length: 3", "Transfer-Encoding: chunked")
                .replace("<a>", "x\r\n"),
            400,
            "chunk length",
        ),
    ] {
        let mut stream = connect(&emulator);
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}\n{response}"
        );
        assert!(
            response.contains("\r\nserver: Microsoft-HTTPAPI/2.0\r\n"),
            "{response}"
        );
        assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
        assert!(response.contains(says), "{request}\n{response}");
        let seen = emulator.requests().pop().unwrap();
        assert_eq!((seen.status, seen.export_items), (Some(status), None));
    }
    // HTTP/1.0 requires no Host, only a length.
    let old = good.replace("1.1", "1.0").replace("Host: a\r\n", "");
    let mut stream = connect(&emulator);
    stream.write_all(old.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
}

#[test]
fn a_body_comes_in_chunks_and_after_100_continue() {
    let emulator = start("");
    let body = envelope(&[(&id(1, SIZE), "")]);
    let (front, back) = body.split_at(100);
    let mut stream = connect(&emulator);
    write!(
        stream,
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: a\r\n{XML}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    )
    .unwrap();
    assert_eq!(
        read_until(&mut stream, b"\r\n\r\n"),
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    write!(
        stream,
        "{:x};extension=1\r\n{front}\r\n{:X}\r\n{back}\r\n0\r\nTrailer: 1\r\n\r\n",
        front.len(),
        back.len()
    )
    .unwrap();
    let response = read_until(&mut stream, END);
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    // The connection can be used for the next request.
    send(&mut stream, &body);
    assert!(read_until(&mut stream, END).starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_request_that_is_too_large_is_refused_at_its_head() {
    let emulator = start("");
    let head = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: a\r\n{XML}Content-Length: 67108865\r\n\r\n"
    );
    let mut stream = connect(&emulator);
    stream.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    // The server reads until the client closes its side.
    let response = {
        let mut byte = [0];
        while !response.ends_with("\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            response.push(char::from(byte[0]));
        }
        response
    };
    assert!(response.starts_with("HTTP/1.1 507 "), "{response}");
    assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
}

#[test]
fn a_status_without_a_body_has_no_length_of_its_own() {
    for (status, headers, says) in [
        (204, "", false),
        (304, "", false),
        (
            204,
            "headers = { Content-Length = \"5\" }, body = \"hello\"",
            true,
        ),
        (403, "", true),
    ] {
        let emulator = start(&format!(
            "[[request]]\nanswer = {{ http = {{ status = {status}, {headers} }} }}"
        ));
        let mut stream = connect(&emulator);
        send(&mut stream, &envelope(&[(&id(1, SIZE), "")]));
        let head = read_until(&mut stream, b"\r\n\r\n");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(head.contains("content-length"), says, "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
}
