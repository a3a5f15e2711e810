//! Kept connections, slow and early responses, and responses to other requests.

use std::io::{Read as _, Write as _};
use std::sync::mpsc;
use std::time::Duration;

use exportitems::policy::Disposition;
use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_std::client::{
    Answer, Client, ClientBuilder, ClientError, Phase, StatusKind, TransportError,
};
use exportitems_std::{Archive, Exporter, Stop};

use crate::server::{answer, client_request_id, read_request, response, serve, soap, Notes};

const ITEMS: [ItemId<'_>; 2] = [ItemId::new("first"), ItemId::new("second")];

fn client(url: &str, options: impl Fn(ClientBuilder) -> ClientBuilder) -> Client {
    let builder = Client::builder(url).read_timeout(Duration::from_secs(10));
    options(builder).build().unwrap()
}

fn export(client: &mut Client, items: &[ItemId<'_>]) -> (Result<Answer, ClientError>, Notes) {
    let mut notes = Notes::default();
    let request = RequestHeaders::new();
    let result = client.export(&request, items, &mut notes, Options::new());
    (result, notes)
}

fn transport(error: ClientError) -> TransportError {
    match error {
        ClientError::Transport(error) => error,
        ClientError::Response(error) => error.cause.expect("a cause"),
        error => panic!("{error}"),
    }
}

/// An answer that was not requested: it holds an item too many.
fn strange() -> String {
    answer(3)
}

#[test]
fn what_waits_on_a_kept_connection_spends_it() {
    let strays: [(&str, Vec<u8>); 5] = [
        ("a second response", soap(200, &strange())),
        ("a late 408", response(408, "Connection: close\r\n", "")),
        ("a stray byte", b"\n".to_vec()),
        ("zeros", vec![0; 9000]),
        ("the end of the stream", Vec::new()),
    ];
    // Sent in one piece with the end of the response, or once that has been read.
    for together in [true, false] {
        for (name, stray) in strays.clone() {
            let (go_on, wait) = mpsc::channel::<()>();
            let (done, pushed) = mpsc::channel();
            let (log, requests) = mpsc::channel();
            let url = serve(move |connection, mut stream| {
                let mut first = soap(200, &answer(2));
                if connection == 0 && together {
                    first.extend_from_slice(&stray);
                }
                let _ = read_request(&mut stream).map(|_| log.send(connection));
                stream.write_all(&first).unwrap();
                if connection > 0 {
                    return;
                }
                wait.recv().unwrap();
                if !together {
                    stream.write_all(&stray).unwrap();
                }
                if stray.is_empty() {
                    stream.shutdown(std::net::Shutdown::Both).unwrap();
                }
                done.send(stream).unwrap();
            });
            let mut client = client(&url, |builder| builder);
            export(&mut client, &ITEMS).0.unwrap();
            go_on.send(()).unwrap();
            let _open = pushed.recv().unwrap();
            let (result, notes) = export(&mut client, &ITEMS);
            let answer = result.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((answer.summary.ok, notes.committed.len()), (2, 2), "{name}");
            assert_eq!(requests.try_iter().collect::<Vec<_>>(), [0, 1], "{name}");
        }
    }
}

#[test]
fn a_response_before_the_request_is_no_answer() {
    let (sent, wait) = mpsc::channel();
    let url = serve(move |_, mut stream| {
        stream.write_all(&soap(200, &answer(2))).unwrap();
        sent.send(stream).unwrap();
    });
    // The response waits before the request goes out: the client connects, and then waits in the middle of
    // the long request.
    let mut client = client(&url, |builder| builder);
    let (result, notes) = export(&mut client, &many());
    let error = transport(result.unwrap_err());
    assert!(matches!(error, TransportError::Unasked), "{error}");
    assert!(!notes.ended && notes.committed.is_empty());
    drop(wait);
}

#[test]
fn the_answer_to_another_request_never_reaches_the_sink() {
    let echo = |id: &str, body: &str| {
        let headers = format!("Content-Type: text/xml\r\nclient-request-id: {id}\r\n");
        response(200, &headers, body)
    };
    // The answer to the second request is another one's, once.
    let (log, requests) = mpsc::channel();
    let mut earlier = None;
    let url = serve(move |connection, mut stream| {
        while let Some(request) = read_request(&mut stream) {
            let own = client_request_id(&request).to_owned();
            let answered = match (connection, earlier.replace(own.clone())) {
                (0, Some(earlier)) => echo(&earlier, &strange()),
                _ => echo(&format!("{{{}}}", own.to_uppercase()), &answer(2)),
            };
            log.send(connection).unwrap();
            stream.write_all(&answered).unwrap();
        }
    });
    let mut own = client(&url, |builder| builder);
    for _ in 0..2 {
        let (result, notes) = export(&mut own, &ITEMS);
        assert_eq!((result.unwrap().summary.ok, notes.committed.len()), (2, 2));
    }
    assert_eq!(requests.try_iter().collect::<Vec<_>>(), [0, 0, 1]);

    // Each time: it is an error that says so.
    let other = "11111111-2222-4333-8444-555555555555";
    let (log, requests) = mpsc::channel();
    let url = serve(move |connection, mut stream| {
        if read_request(&mut stream).is_some() {
            log.send(connection).unwrap();
            stream.write_all(&echo(other, &answer(2))).unwrap();
        }
    });
    let (result, notes) = export(&mut client(&url, |builder| builder), &ITEMS);
    let error = transport(result.unwrap_err());
    assert!(
        matches!(&error, TransportError::OtherAnswer { echoed, .. } if echoed == other),
        "{error}"
    );
    assert!(error.to_string().contains("belongs to another request"));
    assert!(!notes.ended && notes.committed.is_empty());
    assert_eq!(requests.try_iter().count(), 3, "a bounded number of times");
}

#[test]
fn a_408_on_a_kept_connection_is_about_its_idleness() {
    let url = serve(|connection, mut stream| {
        let late = response(
            408,
            "Content-Type: text/html\r\n",
            "<html>Request Timeout</html>",
        );
        let answers = match connection {
            0 => [soap(200, &answer(2)), late],
            _ => [soap(200, &answer(2)), soap(200, &answer(2))],
        };
        for answer in answers {
            if read_request(&mut stream).is_none() {
                break;
            }
            stream.write_all(&answer).unwrap();
        }
    });
    let mut own = client(&url, |builder| builder);
    export(&mut own, &ITEMS).0.unwrap();
    export(&mut own, &ITEMS).0.unwrap();

    // On a new one it is what it says.
    let url = serve(|_, mut stream| {
        if read_request(&mut stream).is_some() {
            stream.write_all(&response(408, "", "")).unwrap();
        }
    });
    let error = export(&mut client(&url, |builder| builder), &ITEMS)
        .0
        .unwrap_err();
    assert!(
        matches!(&error, ClientError::Status(error) if error.kind == StatusKind::RequestTimeout),
        "{error}"
    );
}

/// More than the buffers of two sockets hold.
pub(crate) fn many() -> Vec<ItemId<'static>> {
    let id = "AAMkAGYzNWUzYTk5LTU2M2MtNGQ1MS05MjY3LTUxOWE1MjRjZmRhYgBGAAAAAAA".repeat(4);
    vec![ItemId::new(id.leak()); 60_000]
}

#[test]
fn an_early_answer_is_read_while_the_request_is_sent() {
    let items = many();
    for (status, kind) in [(413, StatusKind::TooLarge), (503, StatusKind::Throttled)] {
        // The server reads the head only, and waits for the client to go.
        let url = serve(move |_, mut stream| {
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap();
            assert!(head[..read].starts_with(b"POST "));
            stream.write_all(&response(status, "", "no")).unwrap();
            // It stays open, with the rest of the request unread.
            std::mem::forget(stream);
        });
        let mut client = client(&url, |builder| {
            builder.write_timeout(Duration::from_secs(5))
        });
        let error = export(&mut client, &items).0.unwrap_err();
        let ClientError::Status(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.kind, kind);
    }
}

#[test]
fn an_interim_response_does_not_end_a_request() {
    let items = many();
    let url = serve(|_, mut stream| {
        let mut first = [0; 100];
        stream.read_exact(&mut first).unwrap();
        // Not asked for, and sent nevertheless by old servers.
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let mut rest = std::io::Read::chain(&first[..], &stream);
        let request = read_request_of_any_size(&mut rest);
        assert_eq!(request, 60_000);
        stream.write_all(&soap(200, &answer(2))).unwrap();
    });
    let mut own = client(&url, |builder| builder);
    let (result, notes) = export(&mut own, &items);
    assert_eq!(result.unwrap().summary.items, 60_000);
    assert_eq!(notes.committed.len(), 2);
}

/// Reads a request and counts its items; [`read_request`] looks through all of it for each piece.
pub(crate) fn read_request_of_any_size(stream: &mut impl std::io::Read) -> usize {
    let (mut items, mut tail, mut buffer) = (0, Vec::new(), [0; 16 * 1024]);
    while !tail.ends_with(b"</s:Envelope>") && !tail.ends_with(b"</soap:Envelope>") {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the request ends early");
        tail.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&tail).into_owned();
        items += text.matches("ItemId Id=").count();
        let cut = text.rfind('<').unwrap_or(0);
        // The last tag may be cut; whole ones were counted.
        tail = text.as_bytes()[cut..].to_vec();
        items -= usize::from(String::from_utf8_lossy(&tail).contains("ItemId Id="));
    }
    items
}

#[test]
fn a_server_that_takes_nothing_is_given_up() {
    let items = many();
    let url = serve(|_, stream| std::mem::forget(stream));
    let mut client = client(&url, |builder| {
        builder.write_timeout(Duration::from_millis(50))
    });
    let error = transport(export(&mut client, &items).0.unwrap_err());
    let phase = Phase::Write;
    assert!(
        matches!(&error, TransportError::Timeout { phase: at, .. } if *at == phase),
        "{error}"
    );
    assert!(
        error.to_string().ends_with("for 1 s"),
        "whole seconds: {error}"
    );
}

#[test]
fn a_response_has_a_lowest_rate() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000000\r\n\r\n<s:Envelope>";
    // A byte at a time, in the head or in the body.
    for quick in ["", head] {
        let url = serve(move |_, mut stream| {
            let _ = read_request(&mut stream);
            let _ = stream.write_all(quick.as_bytes());
            let _ = stream.set_nodelay(true);
            let _ = stream.set_read_timeout(Some(Duration::from_millis(5)));
            let slow = if quick.is_empty() { head } else { "" };
            for byte in slow.bytes().chain(std::iter::repeat_n(b' ', 300)) {
                // The pause is the wait for a byte that the client never sends.
                let gone = matches!(stream.read(&mut [0]), Ok(0));
                if gone || stream.write_all(&[byte]).is_err() {
                    break;
                }
            }
        });
        let mut client = client(&url, |builder| {
            builder
                .read_timeout(Duration::from_millis(100))
                .lowest_rate(1024, Duration::from_millis(1))
        });
        let error = transport(export(&mut client, &ITEMS).0.unwrap_err());
        assert!(
            matches!(&error, TransportError::TooSlow { bytes: 1..1024, .. }),
            "{error}"
        );
        assert_eq!(error.disposition(), Disposition::Transient);
    }
}

#[test]
fn another_service_is_named() {
    for (banner, tls) in [
        (&b"\x15\x03\x01\x00\x02\x02\x0a"[..], true),
        (b"SSH-2.0-OpenSSH_9.2\r\n", false),
        (b"220 mail.example.com ESMTP ready\r\n", false),
        (b"<html>an ancient server</html>\r\n", false),
    ] {
        let url = serve(move |_, mut stream| {
            stream.write_all(banner).unwrap();
            let _ = read_request(&mut stream);
        });
        let mut client = client(&url, |builder| builder);
        let error = transport(export(&mut client, &ITEMS).0.unwrap_err());
        assert!(
            matches!(error, TransportError::NotHttp { tls: found } if found == tls),
            "{error}"
        );
        assert_eq!(error.disposition(), Disposition::Permanent);
        assert_eq!(error.to_string().contains("https://"), tls, "{error}");
    }
}

#[test]
fn a_wait_beside_a_fault_is_kept() {
    let fault = |back_off: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
             <faultcode>a:ErrorServerBusy</faultcode><faultstring>busy</faultstring><detail>{back_off}</detail>\
             </s:Fault></s:Body></s:Envelope>"
        )
    };
    let back_off =
        "<t:MessageXml xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
         <t:Value Name=\"BackOffMilliseconds\">7000</t:Value></t:MessageXml>";
    for status in [500, 503, 429] {
        for (retry_after, back_off, expected) in [
            ("Retry-After: 30\r\n", "", Some(30_000)),
            ("Retry-After: 30\r\n", back_off, Some(30_000)),
            ("Retry-After: 3\r\n", back_off, Some(7_000)),
            ("", back_off, Some(7_000)),
            (
                "Retry-After: Sunday, 06-Nov-94 08:49:37 GMT\r\n",
                "",
                Some(0),
            ),
            ("Retry-After: Sun Nov  6 08:49:37 1994\r\n", "", Some(0)),
            ("Retry-After: soon\r\n", "", None),
            ("", "", None),
        ] {
            let headers = format!("Content-Type: text/xml\r\n{retry_after}");
            let answered = response(status, &headers, &fault(back_off));
            let url = serve(move |_, mut stream| {
                if read_request(&mut stream).is_some() {
                    stream.write_all(&answered).unwrap();
                }
            });
            let (result, notes) = export(&mut client(&url, |builder| builder), &ITEMS);
            let fault = result.unwrap().summary.fault.unwrap();
            assert_eq!(fault.back_off_ms, expected, "{status} {retry_after}");
            assert_eq!(notes.back_off_ms, expected, "the sink hears the same");
        }
    }
}

#[test]
fn an_export_waits_as_long_as_the_head_of_a_fault_asks() {
    let fault = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
         <faultcode>a:ErrorServerBusy</faultcode><faultstring>busy</faultstring></s:Fault></s:Body></s:Envelope>";
    let (log, requests) = mpsc::channel();
    let url = serve(move |_, mut stream| {
        while read_request(&mut stream).is_some() {
            log.send(()).unwrap();
            let headers = "Content-Type: text/xml\r\nRetry-After: 600\r\n";
            stream.write_all(&response(503, headers, fault)).unwrap();
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    let mut client = client(&url, |builder| builder);
    // Ten minutes are more than it may wait: it ends, and does not ask at once.
    let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .patience(Duration::from_secs(599))
        .run(&ITEMS, &mut |_| {})
        .unwrap();
    assert_eq!(report.missing, [0, 1]);
    assert!(
        matches!(report.stopped, Some(Stop::Answer(_))),
        "{report:?}"
    );
    assert_eq!(requests.try_iter().count(), 1);
}

#[test]
fn what_is_not_ews_is_asked_once() {
    let page = response(200, "Content-Type: text/html\r\n", "<html>It works!</html>");
    for answered in [page.clone(), response(200, "", ""), response(200, "", "OK")] {
        let (log, requests) = mpsc::channel();
        let url = serve(move |_, mut stream| {
            while read_request(&mut stream).is_some() {
                log.send(()).unwrap();
                stream.write_all(&answered).unwrap();
            }
        });
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::open(dir.path()).unwrap();
        let mut client = client(&url, |builder| builder);
        let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
            .run(&ITEMS, &mut |_| {})
            .unwrap();
        assert!(
            matches!(report.stopped, Some(Stop::Failure(_))),
            "{report:?}"
        );
        assert_eq!(requests.try_iter().count(), 1);
    }
    // Where EWS has answered before, it is an outage.
    let url = serve(move |connection, mut stream| {
        if read_request(&mut stream).is_some() {
            let good = soap(200, &answer(2));
            stream
                .write_all(if connection == 0 { &good } else { &page })
                .unwrap();
        }
    });
    let mut client = client(&url, |builder| builder);
    export(&mut client, &ITEMS).0.unwrap();
    let error = export(&mut client, &ITEMS).0.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Transient, "{error}");
}

#[test]
fn a_401_with_xml_in_its_body_is_the_web_servers() {
    for body in [answer(2), answer(0), "<x/>".to_owned()] {
        for types in ["Content-Type: text/xml; charset=utf-8\r\n", ""] {
            let headers = format!("{types}WWW-Authenticate: NTLM\r\n");
            let answered = response(401, &headers, &body);
            let url = serve(move |_, mut stream| {
                if read_request(&mut stream).is_some() {
                    stream.write_all(&answered).unwrap();
                }
            });
            let (result, notes) = export(&mut client(&url, |builder| builder), &ITEMS);
            let error = result.unwrap_err();
            assert_eq!(error.disposition(), Disposition::Auth);
            let ClientError::Status(error) = error else {
                panic!("{error}")
            };
            assert!(matches!(error.kind, StatusKind::Unauthorized { .. }));
            assert!(!notes.ended && notes.committed.is_empty());
        }
    }
}

#[test]
fn a_whole_response_is_one_under_any_type() {
    for types in [
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: application/octet-stream\r\n",
        "Content-Type: text/html\r\n",
        "Content-Type: text/xml,text/plain\r\n",
        "Content-Type:\r\n",
        "Content-Type: application/json\r\nContent-Encoding: identity\r\n",
        // A proxy that decompresses and does not say so.
        "Content-Type: text/xml\r\nContent-Encoding: gzip\r\n",
        "",
    ] {
        for prolog in [
            "",
            "\u{feff}\r\n",
            "<?xml version=\"1.0\"?>\n<!-- <html> -->\n",
        ] {
            let answered = response(200, types, &format!("{prolog}{}", answer(2)));
            let url = serve(move |_, mut stream| {
                if read_request(&mut stream).is_some() {
                    stream.write_all(&answered).unwrap();
                }
            });
            let (result, notes) = export(&mut client(&url, |builder| builder), &ITEMS);
            let answer = result.unwrap_or_else(|error| panic!("{types}: {error}"));
            assert_eq!(notes.committed.len(), 2, "{types}");
            let odd =
                types.contains(": text/xml\r") || types.is_empty() || types.ends_with(":\r\n");
            assert_eq!(answer.odd_content_type.is_none(), odd, "{types}");
        }
    }
}

#[test]
fn the_sink_compares_ids() {
    let url = serve(|_, mut stream| {
        if read_request(&mut stream).is_some() {
            stream.write_all(&soap(200, &answer(2))).unwrap();
        }
    });
    let mut notes = Notes {
        other: Some(1),
        ..Notes::default()
    };
    let request = RequestHeaders::new();
    let mut client = client(&url, |builder| builder);
    client
        .export(&request, &ITEMS, &mut notes, Options::new())
        .unwrap();
    assert_eq!(notes.committed.len(), 1);
    assert_eq!(notes.failed, [(1, "contradiction")]);
}

#[test]
fn a_wrong_url_connects_nowhere() {
    let (log, connections) = mpsc::channel();
    let url = serve(move |connection, _| log.send(connection).unwrap());
    let port = url
        .split([':', '/'])
        .nth(4)
        .unwrap()
        .parse::<u32>()
        .unwrap();
    // The port that a number above 65535 would be if its upper bits were dropped.
    let wrapped = format!("http://127.0.0.1:{}/", port + 65_536);
    for url in [wrapped.as_str(), "http://127.0.0.1:/", "127.0.0.1"] {
        assert!(Client::builder(url).build().is_err(), "{url}");
    }
    assert_eq!(connections.try_iter().count(), 0);
}
