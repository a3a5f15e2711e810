//! What HTTP servers do.

use std::error::Error as _;
use std::time::Duration;

use exportitems::policy::Disposition;
use exportitems::{ItemId, Options, RequestHeaders, ResponseOutcome};
use exportitems_std::client::{
    Answer, BuildError, Client, ClientBuilder, ClientError, Credentials, Phase, SentCredentials,
    StatusError, StatusKind, TransportError,
};

use crate::server::{answer, response, soap, Notes, Server};

const ITEMS: [ItemId<'_>; 2] = [ItemId::new("first"), ItemId::new("second")];

fn client(server: &Server, options: impl Fn(ClientBuilder) -> ClientBuilder) -> Client {
    let builder = Client::builder(&server.url()).read_timeout(Duration::from_secs(10));
    options(builder).build().unwrap()
}

fn export(client: &mut Client) -> (Result<Answer, ClientError>, Notes) {
    let mut notes = Notes::default();
    let request = RequestHeaders::new();
    let result = client.export(&request, &ITEMS, &mut notes, Options::new());
    (result, notes)
}

/// The error of a client that meets this response.
fn status_error(headers: &str, status: u16, body: &str) -> StatusError {
    let server = Server::start(vec![vec![response(status, headers, body)]]);
    let (result, notes) = export(&mut client(&server, |builder| builder));
    assert!(!notes.ended, "the sink hears of SOAP only");
    match result.unwrap_err() {
        ClientError::Status(error) => *error,
        error => panic!("{error}"),
    }
}

#[test]
fn one_connection_carries_many_requests() {
    let good = soap(200, &answer(2));
    let server = Server::start(vec![vec![good.clone(), good.clone(), good]]);
    let mut client = client(&server, |builder| builder);
    for _ in 0..3 {
        let (result, notes) = export(&mut client);
        let answer = result.unwrap();
        assert_eq!((answer.summary.ok, answer.status), (2, 200));
        assert_eq!(notes.committed.len(), 2);
        assert_eq!(notes.committed[1].1.len(), 32);
    }
    let requests: Vec<_> = server.requests.try_iter().collect();
    assert_eq!(requests.len(), 3);
}

#[test]
fn the_request_says_what_exchange_wants_to_know() {
    let good = response(
        200,
        "Content-Type: text/xml\r\nSet-Cookie: exchangecookie=6b1c; path=/\r\nrequest-id: r\r\n\
         X-FEServer: FE1\r\nX-CalculatedBETarget: be1.example.com\r\n",
        &answer(2),
    );
    let server = Server::start(vec![vec![good.clone(), good]]);
    let mut client = client(&server, |builder| {
        builder
            .credentials(Credentials::basic("Aladdin", "open sesame").unwrap())
            .anchor_mailbox("user@example.com")
            .header("X-PublicFolderMailbox", "folders@example.com")
            .user_agent("backup/7")
    });
    let first = export(&mut client).0.unwrap().diagnostics;
    let second = export(&mut client).0.unwrap().diagnostics;

    let request = server.requests.recv().unwrap();
    for line in [
        "POST /EWS/Exchange.asmx HTTP/1.1\r\n",
        "Content-Type: text/xml; charset=utf-8\r\n",
        "Accept: text/xml\r\n",
        "Accept-Encoding: identity\r\n",
        "SOAPAction: \"http://schemas.microsoft.com/exchange/services/2006/messages/ExportItems\"\r\n",
        &format!("client-request-id: {}\r\n", first.client_request_id),
        "return-client-request-id: true\r\n",
        "X-AnchorMailbox: user@example.com\r\n",
        "X-PublicFolderMailbox: folders@example.com\r\n",
        "User-Agent: backup/7\r\n",
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
        "<t:ItemId Id=\"second\"/>",
    ] {
        assert!(request.contains(line), "{line}\n{request}");
    }
    assert!(!request.contains("Cookie"));
    let request = server.requests.recv().unwrap();
    assert!(request.contains("\r\nCookie: exchangecookie=6b1c\r\n"));
    assert!(request.contains(&second.client_request_id));
    assert_ne!(first.client_request_id, second.client_request_id);
    assert_eq!(
        first.to_string(),
        format!(
            "client-request-id {}, request-id r, X-FEServer FE1, X-CalculatedBETarget be1.example.com",
            first.client_request_id
        )
    );
}

#[test]
fn a_kept_connection_that_is_closed_is_replaced_once() {
    let good = soap(200, &answer(2));
    // The first connection ends after one response, the third before any.
    let server = Server::start(vec![vec![good.clone()], vec![good], vec![vec![]]]);
    let mut client = client(&server, |builder| builder);
    export(&mut client).0.unwrap();
    export(&mut client).0.unwrap();
    // A fresh connection that ends without a word is an error.
    let error = export(&mut client).0.unwrap_err();
    assert!(
        matches!(
            &error,
            ClientError::Transport(TransportError::Http(_) | TransportError::Read(_))
        ),
        "{error}"
    );
}

#[test]
fn a_cut_leaves_the_items_before_it() {
    let mut cut = soap(200, &answer(2));
    cut.truncate(cut.len() - 120); // inside the second item's data
    let server = Server::start(vec![vec![cut]]);
    let (result, notes) = export(&mut client(&server, |builder| builder));
    let ClientError::Response(error) = result.unwrap_err() else {
        panic!("not a cut response")
    };
    assert_eq!(error.answer.summary.response, ResponseOutcome::Cut);
    assert!(matches!(error.cause, Some(TransportError::Http(_))));
    assert!(error.source().is_some());
    assert!(error.to_string().contains("1 of 2 items are whole"));
    assert_eq!(notes.committed.len(), 1);
    assert_eq!(notes.failed, [(1, "cut")]);
}

#[test]
fn an_encoding_that_cannot_be_read_is_named() {
    let document = format!("<?xml version='1.0' encoding='Shift_JIS'?>{}", answer(2));
    let server = Server::start(vec![vec![soap(200, &document)]]);
    let (result, _) = export(&mut client(&server, |builder| builder));
    let ClientError::Response(error) = result.unwrap_err() else {
        panic!("not a response")
    };
    assert_eq!(error.encoding.as_deref(), Some("Shift_JIS"));
    let text = exportitems_std::error_chain(&error);
    assert!(
        text.contains("in the encoding Shift_JIS: not UTF-8 (at byte 39);"),
        "{text}"
    );
}

#[test]
fn a_silent_server_is_not_waited_for_forever() {
    // Two lengths: nothing at all, and half a response.
    for head in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 9999\r\n\r\n<s:Envelope>",
    ] {
        let server = Server::start(vec![vec![head.to_vec(), vec![]]]);
        let mut client = client(&server, |builder| {
            builder.read_timeout(Duration::from_millis(50))
        });
        let error = match export(&mut client).0.unwrap_err() {
            ClientError::Transport(error) => error,
            ClientError::Response(error) => error.cause.unwrap(),
            error => panic!("{error}"),
        };
        assert!(
            matches!(
                error,
                TransportError::Timeout {
                    phase: Phase::Read,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn a_fault_is_an_answer_with_any_status() {
    let fault = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
         <faultcode>a:ErrorServerBusy</faultcode><faultstring>busy</faultstring></s:Fault></s:Body></s:Envelope>";
    for status in [200, 500, 503] {
        let server = Server::start(vec![vec![soap(status, fault)]]);
        let (result, notes) = export(&mut client(&server, |builder| builder));
        let answer = result.unwrap();
        assert_eq!(answer.summary.response, ResponseOutcome::Fault);
        assert_eq!(answer.status, status);
        assert!(notes.fault);
        assert_eq!(notes.failed, [(0, "not-answered"), (1, "not-answered")]);
    }
}

#[test]
fn pages_instead_of_soap() {
    let html = "Content-Type: text/html\r\n";
    let page = "<html><head><title>Runtime Error</title></head></html>";
    let error = status_error(html, 500, page);
    assert_eq!(error.kind, StatusKind::Other);
    assert_eq!(error.line.as_deref(), Some("Runtime Error"));

    // By content, not by status or type: a page with a good one, and text that calls itself XML.
    let error = status_error(html, 200, page);
    assert_eq!((error.status, error.kind), (200, StatusKind::Page));
    let xml = "Content-Type: text/xml\r\n";
    let error = status_error(xml, 200, " oops");
    assert_eq!(error.line.as_deref(), Some("oops"));
    let error = status_error(xml, 200, "");
    assert_eq!((error.line, error.kind), (None, StatusKind::Empty));
    let login = "<!DOCTYPE html><html><head><title>Outlook</title></head><body>\
         <form action='/owa/auth.owa'></form></body></html>";
    for types in [html, xml, ""] {
        let error = status_error(types, 200, login);
        assert_eq!(error.kind, StatusKind::LoginPage);
        assert_eq!(error.disposition(), Disposition::Auth);
    }
    // XML that is not SOAP, as object stores and gateways send it. The status explains more.
    let other = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>";
    let error = status_error("Content-Type: text/xml\r\nRetry-After: 7\r\n", 503, other);
    assert_eq!(error.kind, StatusKind::Throttled);
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(error.line.as_deref(), Some("SlowDown"));
}

#[test]
fn statuses_say_what_to_do() {
    let challenge = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n\
         WWW-Authenticate: Basic realm=\"x\"\r\nx-ms-diagnostics: 2000003;reason=\"expired\"\r\n";
    let error = status_error(challenge, 401, "");
    let schemes = ["Negotiate", "NTLM", "Basic"].map(str::to_owned).to_vec();
    let sent = SentCredentials::Nothing;
    assert_eq!(error.kind, StatusKind::Unauthorized { schemes, sent });
    assert!(error.to_string().contains("2000003"));

    let outage = "Location: /ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx\r\n";
    assert_eq!(status_error(outage, 302, "").kind, StatusKind::Outage);
    let error = status_error("Location: https://elsewhere.example.com/\r\n", 302, "");
    assert_eq!(error.kind, StatusKind::Redirect);
    assert!(error.to_string().contains("https://elsewhere.example.com/"));

    let error = status_error("Retry-After: 7\r\n", 503, "Busy");
    assert_eq!(error.kind, StatusKind::Throttled);
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));

    let gzip = "Content-Type: text/xml\r\nContent-Encoding: gzip\r\n";
    let coding = "gzip".to_owned();
    assert_eq!(
        status_error(gzip, 200, "\x1f").kind,
        StatusKind::ContentEncoding { coding }
    );
    for (status, kind) in [
        (403, StatusKind::Forbidden),
        (404, StatusKind::NotFound),
        (429, StatusKind::Throttled),
        (456, StatusKind::Locked),
        (507, StatusKind::TooLarge),
    ] {
        assert_eq!(status_error("", status, "").kind, kind);
    }
}

/// protocol.md §6, "Policy layer": "Diagnostics: request-id, client-request-id, X-FEServer, X-CalculatedBETarget,
/// x-ms-diagnostics, server version; never log Ids/payload by default."
///
/// Nothing is logged here. The errors contain what a log would contain. The server's version is in the body, and the
/// command prints it in its summary.
#[test]
fn diagnostics_without_ids() {
    let fields = "Content-Type: text/xml\r\nrequest-id: r1\r\nX-FEServer: FE1\r\n\
         X-CalculatedBETarget: be1.example.com\r\nx-ms-diagnostics: 2000003;reason=\"expired\"\r\n";
    let expected = "request-id r1, X-FEServer FE1, X-CalculatedBETarget be1.example.com, \
         x-ms-diagnostics 2000003;reason=\"expired\"";
    let mut body = answer(2);
    body.truncate(body.len() - 200);
    let server = Server::start(vec![vec![response(200, fields, &body)]]);
    let (result, notes) = export(&mut client(&server, |builder| builder));
    assert_eq!(notes.committed.len(), 1);
    let error = result.unwrap_err();
    let ClientError::Response(response) = &error else {
        panic!("{error}");
    };
    let diagnostics = &response.answer.diagnostics;
    let all = format!(
        "client-request-id {}, {expected}",
        diagnostics.client_request_id
    );
    assert_eq!(diagnostics.to_string(), all);
    for text in [error.to_string(), status_error(fields, 401, "").to_string()] {
        assert!(text.contains(expected), "{text}");
        for item in ["first", "second", "answered", "AQAAAAgA"] {
            assert!(!text.contains(item), "{text}");
        }
    }
}

#[test]
fn credentials_stay_secret() {
    let secret = "open sesame";
    let credentials = || Credentials::basic("Aladdin", secret).unwrap();
    let builder = Client::builder("http://mail.example.com/").credentials(credentials());
    let error = builder.clone().build().unwrap_err();
    assert!(
        matches!(&error, BuildError::PlaintextCredentials { host } if host == "mail.example.com")
    );
    let client = builder.allow_plaintext_credentials(true).build().unwrap();
    let mut bare = Client::builder("http://mail.example.com/").build().unwrap();
    assert!(bare.set_credentials(credentials()).is_err());
    let https = Client::builder("https://mail.example.com/").credentials(credentials());
    for text in [format!("{client:?}{error:?}{error}"), format!("{https:?}")] {
        for part in [secret, "QWxhZGRpbjpvcGVuIHNlc2FtZQ"] {
            assert!(!text.contains(part), "{text}");
        }
    }
}

#[test]
fn options_are_checked_when_they_are_given() {
    let url = "http://127.0.0.1/";
    let bad = Client::builder(url).anchor_mailbox("a\r\nX: y").build();
    assert!(matches!(bad, Err(BuildError::Header(_))));
    let bad = Client::builder(url).read_timeout(Duration::ZERO).build();
    assert!(matches!(bad, Err(BuildError::ZeroTimeout)));
    let bad = Client::builder("https://localhost/").ca_file("/nonexistent");
    assert!(matches!(bad.build(), Err(BuildError::CaFile { .. })));
    let empty = tempfile::NamedTempFile::new().unwrap();
    let bad = Client::builder("https://localhost/").ca_file(empty.path());
    let error = bad.build().unwrap_err();
    assert!(
        matches!(&error, BuildError::CaFile { source: None, .. }),
        "{error}"
    );
}
