//! The client against scripted peers: every cut, every await.

mod login;
mod peer;
mod upload;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use exportitems::{Decoder, ExportItems, ItemError, ItemId, Options, ResponseOutcome, Summary};
use exportitems_embedded_io::{Authorization, Client, Error, Server, MIN_BUFFER};
use peer::{http, soap, Call, Journal, Peer, Slow, WHOLE};

type Exported = Result<Summary, Error<peer::Broken>>;

const ITEMS: [ItemId<'static>; 3] = [ItemId::new("A"), ItemId::new("B"), ItemId::new("C")];
const REQUEST: ExportItems<'static> = ExportItems::new(&ITEMS);

fn server() -> Server<'static> {
    Server::new("mail.contoso.com")
}

fn decoder() -> Decoder<[u8; 64]> {
    Decoder::new(Options::new().items(3))
}

/// Returns the result, the calls of the sink, and whether the connection can be used again.
fn blocking(peer: Peer, mut sink: Journal) -> (Exported, Vec<Call>, bool) {
    let mut buffer = [0; MIN_BUFFER];
    let mut client = Client::new(peer, server(), &mut buffer);
    let result = client.export(&REQUEST, &mut decoder(), &mut sink);
    (result, sink.calls, client.can_export())
}

/// The same, with the export polled `polls` times and then dropped, if it is not done by then.
fn asynchronous(peer: Peer, sink: Journal, polls: usize) -> (Option<Exported>, Vec<Call>, bool) {
    let (mut buffer, mut sink, mut decoder) = ([0; MIN_BUFFER], Slow(sink), decoder());
    let mut client = Client::new(peer, server(), &mut buffer);
    let mut context = Context::from_waker(Waker::noop());
    let result = {
        let mut export = pin!(client.export_async(&REQUEST, &mut decoder, &mut sink));
        (0..polls).find_map(|_| match export.as_mut().poll(&mut context) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        })
    };
    (result, sink.0.calls, client.can_export())
}

/// Exports a response with both clients, which must agree.
fn export(response: &[u8]) -> (Exported, Vec<Call>, bool) {
    let blocking = blocking(Peer::new(response), Journal::default());
    let (result, calls, ready) = asynchronous(Peer::new(response), Journal::default(), usize::MAX);
    assert_eq!(
        (result.as_ref(), &calls, ready),
        (Some(&blocking.0), &blocking.1, blocking.2)
    );
    blocking
}

fn good() -> Vec<u8> {
    http(200, "", &soap(&[Some(WHOLE), None, Some(WHOLE)]))
}

#[test]
fn the_request_is_one_and_whole() {
    let (mut secret, mut buffer) = ([0; 64], [0; MIN_BUFFER]);
    let authorization = Authorization::basic("Aladdin", "open sesame", &mut secret).unwrap();
    let server = server()
        .authorization(authorization)
        .anchor_mailbox("a@contoso.com")
        .headers(&[("User-Agent", "firmware/1"), ("X-Empty", "")]);
    let mut client = Client::new(Peer::new(&good()), server, &mut buffer);
    client
        .export(&REQUEST, &mut decoder(), &mut Journal::default())
        .unwrap();

    let sent = String::from_utf8(client.into_transport().sent).unwrap();
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    let mut expected = vec![0; 4096];
    let len = REQUEST.encoder().unwrap().write(&mut expected);
    assert_eq!(body.as_bytes(), &expected[..len]);
    let expected = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: mail.contoso.com\r\nContent-Length: {len}\r\n\
         Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nContent-Type: text/xml; charset=utf-8\r\n\
         Accept-Encoding: identity\r\nclient-request-id: 00000000-0000-0000-0000-000000000000\r\n\
         return-client-request-id: true\r\nX-AnchorMailbox: a@contoso.com\r\n\
         User-Agent: firmware/1\r\nX-Empty: "
    );
    assert_eq!(head, expected);
}

#[test]
fn headers_that_http_cannot_send_are_refused_before_anything_is_sent() {
    for (name, value) in [("A\r\nB", ""), ("A", "b\r\nC: d"), ("Host", "x")] {
        let (headers, mut buffer) = ([("A", "b"), (name, value)], [0; MIN_BUFFER]);
        let server = server().headers(&headers);
        let mut client = Client::new(Peer::new(&good()), server, &mut buffer);
        let result = client.export(&REQUEST, &mut decoder(), &mut Journal::default());
        assert!(matches!(result, Err(Error::Header(_))), "{result:?}");
        assert!(client.can_export());
        assert_eq!(client.into_transport().sent, b"");
    }
}

#[test]
fn good_items_are_committed_and_the_connection_stays_open() {
    let (result, calls, ready) = export(&good());
    let summary = result.unwrap();
    assert_eq!(
        (summary.ok, summary.failed, summary.response),
        (2, 1, ResponseOutcome::Complete)
    );
    assert_eq!(
        calls,
        [
            Call::Begin(0),
            Call::Commit(0, 32),
            Call::Failed(1, ItemError::Refused),
            Call::Begin(2),
            Call::Commit(2, 32),
        ]
    );
    assert!(ready);
}

#[test]
fn a_cut_at_any_byte_gives_every_item_its_outcome_and_commits_no_cut_one() {
    let response = good();
    for len in 0..response.len() {
        let (result, calls, ready) = export(&response[..len]);
        assert!(matches!(result, Err(Error::Http(_))), "{len}: {result:?}");
        assert!(!ready);
        let outcomes: Vec<u32> = calls.iter().filter_map(Call::outcome).collect();
        assert_eq!(outcomes, [0, 1, 2], "{len}");
        assert!(!calls.contains(&Call::Commit(2, 32)), "{len}");
    }
}

#[test]
fn the_transports_own_error_comes_back() {
    let response = good();
    let mut peer = Peer::new(&response[..response.len() - 200]);
    peer.fails_at_end = true;
    let (result, calls, ready) = blocking(peer, Journal::default());
    assert_eq!(result, Err(Error::Transport(peer::Broken)));
    assert!(calls.contains(&Call::Commit(0, 32)) && !ready);
}

#[test]
fn a_fault_outweighs_the_status_and_a_status_other_bodies() {
    let fault = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault>\
         <faultcode>a:ErrorServerBusy</faultcode><faultstring>busy</faultstring>\
         </s:Fault></s:Body></s:Envelope>";
    let (result, calls, _) = export(&http(500, "", fault));
    assert_eq!(result.unwrap().response, ResponseOutcome::Fault);
    assert_eq!(calls.len(), 3);

    for body in ["", "<html><body>Unavailable</body></html>"] {
        let (result, calls, ready) = export(&http(503, "Retry-After: 120\r\n", body));
        let Err(Error::Status(status)) = result else {
            panic!("{result:?}")
        };
        assert_eq!((status.code, status.retry_after), (503, Some(120)));
        assert_eq!(calls.len(), 3);
        // Only a whole answer keeps the connection.
        assert!(!ready);
    }
    let (result, ..) = export(&http(200, "", "<html><body>It works!</body></html>"));
    assert!(matches!(result, Err(Error::Response(_))));
}

#[test]
fn a_spent_connection_sends_nothing() {
    let mut buffer = [0; MIN_BUFFER];
    let mut client = Client::new(Peer::new(b""), server(), &mut buffer);
    let mut sink = Journal::default();
    assert!(client.export(&REQUEST, &mut decoder(), &mut sink).is_err());
    let again = client.export(&REQUEST, &mut decoder(), &mut sink);
    assert_eq!(again, Err(Error::Spent));
}

#[test]
fn a_decoder_that_was_not_reset_is_refused() {
    let mut buffer = [0; MIN_BUFFER];
    let mut peer = Peer::new(&[good(), good()].concat());
    peer.most = 1; // so that the second response is not read with the first
    let (mut client, mut sink) = (Client::new(peer, server(), &mut buffer), Journal::default());
    let mut decoder = decoder();
    assert!(client.export(&REQUEST, &mut decoder, &mut sink).is_ok());
    assert!(client.can_export());
    let again = client.export(&REQUEST, &mut decoder, &mut sink);
    assert!(matches!(again, Err(Error::Response(_))), "{again:?}");
}

/// An export that receives no response must not report the result of an earlier response.
#[test]
fn a_decoder_that_was_not_reset_repeats_no_success() {
    let second = [
        http(200, "", ""),
        http(503, "", ""),
        http(204, "", ""),
        http(200, "Content-Encoding: gzip\r\n", "x"),
        b"HTTP/1.1 nonsense\r\n".to_vec(),
        Vec::new(),
    ];
    for second in second {
        let shown = second.escape_ascii().to_string();
        let mut buffer = [0; MIN_BUFFER];
        let mut peer = Peer::new(&[good(), second.clone()].concat());
        peer.most = 1;
        let (mut client, mut sink) = (Client::new(peer, server(), &mut buffer), Journal::default());
        let mut decoder = decoder();
        assert!(client.export(&REQUEST, &mut decoder, &mut sink).is_ok());
        let calls = sink.calls.len();
        let blocking = client.export(&REQUEST, &mut decoder, &mut sink);
        assert!(blocking.is_err(), "{shown}");
        assert_eq!(sink.calls.len(), calls, "{shown}");
        assert!(!client.can_export(), "{shown}");

        // The async client returns the same.
        let mut buffer = [0; MIN_BUFFER];
        let mut slow = Slow(Journal::default());
        let mut client = Client::new(Peer::new(&second), server(), &mut buffer);
        let mut context = Context::from_waker(Waker::noop());
        let mut export = pin!(client.export_async(&REQUEST, &mut decoder, &mut slow));
        let asynchronous = loop {
            if let Poll::Ready(result) = export.as_mut().poll(&mut context) {
                break result;
            }
        };
        assert_eq!(asynchronous, blocking, "{shown}");
    }
}

#[test]
fn a_response_to_another_request_is_refused() {
    let ours = "00000000-0000-0000-0000-000000000000";
    let other = "00000000-0000-0000-0000-000000000001";
    let body = soap(&[Some(WHOLE), Some(WHOLE), Some(WHOLE)]);
    let echo = |ids: &[&str]| -> String {
        let fields = ids.iter().map(|id| format!("Client-Request-Id: {id}\r\n"));
        fields.collect()
    };
    for ids in [&[][..], &[""], &[ours], &[ours, ours], &["", ours]] {
        let (result, _, ready) = export(&http(200, &echo(ids), &body));
        assert_eq!(result.unwrap().ok, 3, "{ids:?}");
        assert!(ready, "{ids:?}");
    }
    let long = "0".repeat(MIN_BUFFER);
    for ids in [
        &[other][..],
        &[ours, other],
        &[other, ours],
        &[&ours[1..]],
        &["x"],
        &[&long],
    ] {
        for status in [200, 408, 500] {
            let (result, calls, ready) = export(&http(status, &echo(ids), &body));
            assert_eq!(result, Err(Error::OtherRequest), "{ids:?}");
            let outcomes: Vec<u32> = calls.iter().filter_map(Call::outcome).collect();
            assert_eq!(
                (outcomes, calls.len()),
                (vec![0, 1, 2], 3),
                "{ids:?}: {calls:?}"
            );
            assert!(!ready);
        }
    }
}

/// The answer to the first request, sent twice, is not the answer to the second.
#[test]
fn the_requests_of_a_connection_have_ids_of_their_own() {
    let body = soap(&[Some(WHOLE), None, Some(WHOLE)]);
    let response = |id: &str| http(200, &format!("client-request-id: {id}\r\n"), &body);
    let (first, second) = (
        "11111111-1111-1111-1111-1111111111ff",
        "11111111-1111-1111-1111-111111111200",
    );
    for (echoed, expected) in [(second, true), (first, false)] {
        let mut guid = [0x11; 16];
        guid[15] = 0xff;
        let mut peer = Peer::new(&[response(first), response(echoed)].concat());
        peer.most = 1; // so that the second response is not read with the first
        let mut buffer = [0; MIN_BUFFER];
        let server = server().client_request_id(guid);
        let (mut client, mut sink) = (Client::new(peer, server, &mut buffer), Journal::default());
        for is_expected in [true, expected] {
            let result = client.export(&REQUEST, &mut decoder(), &mut sink);
            assert_eq!(result.is_ok(), is_expected, "{result:?}");
            assert_eq!(client.can_export(), is_expected);
        }
        let sent = String::from_utf8(client.into_transport().sent).unwrap();
        let ids = sent
            .lines()
            .filter_map(|line| line.strip_prefix("client-request-id: "));
        assert_eq!(ids.collect::<Vec<_>>(), [first, second]);
    }
}

#[test]
fn an_id_of_another_item_fails_its_item_only() {
    let with_id = |id: &str| {
        let ids = format!("<m:ItemId Id='{id}'/><m:Data>");
        let soap = soap(&[Some(WHOLE)]).replace("<m:Data>", &ids);
        let start = soap.find("<m:ExportItemsResponseMessage").unwrap();
        let end = soap.find("</m:ResponseMessages>").unwrap();
        soap[start..end].to_owned()
    };
    let messages = [with_id("A"), with_id("C"), with_id("B")].concat();
    let document = soap(&[]).replace(
        "</m:ResponseMessages>",
        &(messages + "</m:ResponseMessages>"),
    );
    let response = http(200, "", &document);
    for other_at in [None, Some(0), Some(1), Some(2), Some(3)] {
        let sink = || Journal {
            other_at,
            ..Journal::default()
        };
        let mut buffer = [0; MIN_BUFFER];
        let mut journal = sink();
        let mut client = Client::new(Peer::new(&response), server(), &mut buffer);
        let summary = client
            .export(&REQUEST, &mut decoder(), &mut journal)
            .unwrap();
        let compared = [
            (0, "A".to_owned()),
            (1, "C".to_owned()),
            (2, "B".to_owned()),
        ];
        assert_eq!(journal.compared, compared);
        let mut expected = Vec::new();
        for index in 0..3 {
            if other_at == Some(index) {
                expected.push(Call::Failed(index, ItemError::Contradiction));
            } else {
                expected.extend([Call::Begin(index), Call::Commit(index, 32)]);
            }
        }
        assert_eq!(journal.calls, expected, "{other_at:?}");
        assert_eq!(
            (summary.messages, summary.expected, summary.suspect),
            (3, Some(3), 0)
        );

        let (result, calls, _) = asynchronous(Peer::new(&response), sink(), usize::MAX);
        assert_eq!(
            (result, calls),
            (Some(Ok(summary)), expected),
            "{other_at:?}"
        );
    }
}

#[test]
fn a_coded_body_is_not_decoded() {
    let body = soap(&[Some(WHOLE), Some(WHOLE), Some(WHOLE)]);
    for fields in [
        "Content-Encoding: gzip\r\n",
        "Content-Encoding: identity, br\r\n",
    ] {
        let (result, calls, ready) = export(&http(200, fields, &body));
        assert_eq!((result, calls.len(), ready), (Err(Error::Coded), 3, false));
        let (result, ..) = export(&http(503, fields, &body));
        assert!(matches!(result, Err(Error::Status(status)) if status.code == 503));
    }
    for fields in [
        "Content-Encoding: identity\r\n",
        "Content-Encoding:\r\n",
        "Content-Encoding: ,\r\n",
    ] {
        let (result, _, ready) = export(&http(200, fields, &body));
        assert_eq!((result.unwrap().ok, ready), (3, true), "{fields}");
    }
}

/// The bytes that follow may be waiting or not: these clients cannot check.
#[test]
fn only_a_whole_answer_keeps_the_connection() {
    let whole = soap(&[Some(WHOLE), None, Some(WHOLE)]);
    let chunked = |body: &str| {
        let head = "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes()
    };
    for (response, expected) in [
        (http(200, "", &whole), true),
        (chunked(&whole), true),
        (http(200, "", &whole[..whole.len() - 1]), false),
        (chunked(&whole[..whole.len() - 20]), false),
        (http(200, "", ""), false),
        (http(401, "", ""), false),
        (b"HTTP/1.1 204 x\r\n\r\n".to_vec(), false),
        (http(204, "", &whole), false),
        (http(304, "", &whole), false),
    ] {
        let (result, _, ready) = export(&response);
        assert_eq!(
            (result.is_ok(), ready),
            (expected, expected),
            "{}",
            response.escape_ascii()
        );
    }
}

#[test]
fn a_buffer_that_is_too_small_is_refused() {
    let mut buffer = [0; MIN_BUFFER - 1];
    let mut client = Client::new(Peer::new(&good()), server(), &mut buffer);
    let result = client.export(&REQUEST, &mut decoder(), &mut Journal::default());
    assert_eq!(result, Err(Error::BufferTooSmall));
    assert!(client.can_export());
}

#[test]
fn a_sinks_error_costs_its_item_only() {
    for call in 0..3 {
        let sink = || Journal {
            fails_at: Some(call),
            ..Journal::default()
        };
        let (result, calls, _) = blocking(Peer::new(&good()), sink());
        let summary = result.unwrap();
        assert_eq!((summary.ok, summary.failed), (1, 2), "call {call}");
        assert!(calls.contains(&Call::Commit(2, 32)), "call {call}");

        let (_, calls_async, _) = asynchronous(Peer::new(&good()), sink(), usize::MAX);
        assert_eq!(calls_async, calls, "call {call}");
    }
}

/// The calls of a dropped export are the first calls of the full export, so it commits nothing else. The connection
/// cannot be used again.
#[test]
fn an_export_dropped_at_any_await_commits_nothing_that_did_not_happen() {
    let good = good();
    for response in [&good[..], &good[..good.len() - 200]] {
        let (_, whole, _) = asynchronous(Peer::new(response), Journal::default(), usize::MAX);
        for polls in 0.. {
            let (result, calls, ready) =
                asynchronous(Peer::new(response), Journal::default(), polls);
            assert!(whole.starts_with(&calls), "{polls}: {calls:?}");
            if let Some(result) = result {
                assert!(polls > 20, "{polls} awaits show little");
                assert_eq!(ready, result.is_ok());
                break;
            }
            // Before the first poll nothing has happened to the connection.
            assert_eq!(ready, polls == 0);
        }
    }
}
