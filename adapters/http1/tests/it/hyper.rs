//! Compares this crate with hyper on the same bytes.
//!
//! The rule: if this crate accepts a response, hyper accepts it and reads the same.
//! If this crate refuses one, hyper refuses it too, or the reason is in [`STRICTER`].
//! Responses of the kinds in [`table::LENIENT`] are excepted: hyper refuses them or reads them differently.
//!
//! The limits differ by design (hyper counts fields, this crate counts bytes), so generated responses stay far below
//! them.

use super::oracle::{read, Reading};
use super::table;
use bytes::Bytes;
use exportitems_http1::{ErrorKind, Framing};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Room for every generated line.
const SCRATCH: usize = 1024;

/// The errors for responses that hyper accepts, each with an example and the reason.
#[rustfmt::skip]
const STRICTER: &[(ErrorKind, &str, &str)] = &[
    (ErrorKind::BareLf, "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "a recipient may take a bare LF for a line end (RFC 9112 §2.2); no Exchange server writes one, and two views of a line end split responses"),
    (ErrorKind::StatusLine, "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "an empty line before a response is left over from wrong framing of the one before"),
    (ErrorKind::Upgrade, "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "no upgrade was requested"),
    (ErrorKind::TwoLengths, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "ought to be handled as an error (RFC 9112 §6.3 rule 3); hyper drops Content-Length"),
    (ErrorKind::TransferEncoding, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "a coding that was not offered and is not taken off would reach the parser; hyper hands it through"),
    (ErrorKind::ContentLength, "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n",
        "hyper looks at the length only where it is used"),
    (ErrorKind::ContentLengthsDiffer, "HTTP/1.1 304 Not Modified\r\nContent-Length: 1, 2\r\n\r\n",
        "hyper looks at the length only where it is used"),
    (ErrorKind::ControlCharacter, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0;\x01\r\n\r\n",
        "hyper skips an extension unseen"),
    (ErrorKind::ChunkSizeTooLong, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000\r\n\r\n",
        "hyper accepts any number of zeros"),
];

/// Returns status and body, or the error.
fn hyper_reads(response: &[u8]) -> Result<(u16, Vec<u8>), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, mut server) = tokio::io::duplex(1 << 20);
        let response = response.to_vec();
        let server = tokio::spawn(async move {
            // hyper refuses bytes that come before its request.
            let mut request = [0; 1024];
            assert!(server.read(&mut request).await.unwrap() > 0);
            // hyper may hang up on a bad response.
            let _ = server.write_all(&response).await;
            let _ = server.shutdown().await;
        });
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .allow_obsolete_multiline_headers_in_responses(true)
            .handshake::<_, Empty<Bytes>>(TokioIo::new(client))
            .await
            .map_err(|error| format!("{error:?}"))?;
        let connection = tokio::spawn(connection);
        let request = hyper::Request::post("/")
            .header("Host", "a")
            .body(Empty::new())
            .unwrap();
        let result = async {
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            Ok((status, body.to_vec()))
        }
        .await
        .map_err(|error: hyper::Error| format!("{error:?}"));
        drop(sender);
        connection.abort();
        server.await.unwrap();
        result
    })
}

/// Whether a response is of a kind of [`table::LENIENT`].
fn is_lenient(response: &[u8], ours: &Reading) -> bool {
    let Some((_, framing)) = ours.head else {
        return false;
    };
    let fields = ours.fields.iter();
    let mut codings = fields.filter(|(name, _)| name.eq_ignore_ascii_case("Transfer-Encoding"));
    let last = codings.next_back().and_then(|field| field.1.as_deref());
    match framing {
        Framing::Chunked => {
            let last = last.unwrap_or_default().rsplit(|&byte| byte == b',').next();
            let is_last = last
                .unwrap_or_default()
                .trim_ascii()
                .eq_ignore_ascii_case(b"chunked");
            let folds = |two: &[u8]| two == b"\r\n " || two == b"\r\n\t";
            let head = response.windows(4).position(|end| end == b"\r\n\r\n");
            !is_last || response[head.unwrap_or_default()..].windows(3).any(folds)
        }
        Framing::Length(_) => last.is_some(),
        Framing::Empty | Framing::UntilClose => false,
    }
}

/// Checks the rule for one response.
pub(crate) fn agree(response: &[u8]) -> Reading {
    let ours = read([response], SCRATCH);
    if is_lenient(response, &ours) {
        return ours;
    }
    let hypers = hyper_reads(response);
    let shown = response.escape_ascii();
    match (ours.end, hypers) {
        (Ok(_), Ok((status, body))) => {
            assert_eq!(ours.head.unwrap().0, status, "{shown}");
            assert_eq!(ours.body, body, "{shown}");
        }
        (Ok(_), Err(error)) => panic!("hyper refuses ({error}) what we accept: {shown}"),
        (Err(error), Ok(_)) => {
            let is_known = STRICTER.iter().any(|&(kind, _, _)| kind == error.kind);
            assert!(is_known, "we refuse ({error}) what hyper accepts: {shown}");
        }
        (Err(_), Err(_)) => {}
    }
    ours
}

#[test]
fn tables_agree() {
    for response in table::responses() {
        agree(&response);
    }
}

#[test]
fn each_leniency_has_a_witness() {
    for &(witness, status, body, _, why) in table::LENIENT {
        assert!(
            is_lenient(witness.as_bytes(), &read([witness.as_bytes()], SCRATCH)),
            "{why}"
        );
        let ours = Ok((status, body.as_bytes().to_vec()));
        assert_ne!(
            hyper_reads(witness.as_bytes()),
            ours,
            "hyper agrees: {witness:?}"
        );
    }
}

#[test]
fn each_strictness_has_a_witness() {
    for &(kind, witness, why) in STRICTER {
        assert_eq!(agree(witness.as_bytes()).kind(), Some(kind), "{why}");
        assert!(
            hyper_reads(witness.as_bytes()).is_ok(),
            "hyper refuses too: {witness:?}"
        );
    }
}

/// A well-formed response.
fn response() -> impl Strategy<Value = Vec<u8>> {
    let interim = prop::sample::select(vec![
        "",
        "",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 \r\n\r\n",
    ]);
    let version = prop::sample::select(vec!["1.1", "1.1", "1.1", "1.0"]);
    let status = prop::sample::select(vec![
        "200 OK",
        "200",
        "204 No Content",
        "304 ",
        "401 Unauthorized",
        "503 Busy",
    ]);
    let field = prop::sample::select(vec![
        "Content-Type: text/xml; charset=utf-8\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "WWW-Authenticate: NTLM\r\n",
        "X-Empty:\r\n",
        "Set-Cookie: a=b; path=/\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: ,\r\n",
        "Content-Length: 3\r\n",
        "X-Folded: a\r\n b\r\n",
        "Connection: ,\r\n\tclose\r\n",
    ]);
    let fields = prop::collection::vec(field, 0..3).prop_map(|fields| fields.concat());
    let head = (interim, version, status, fields).prop_map(|(interim, version, status, fields)| {
        format!("{interim}HTTP/{version} {status}\r\n{fields}")
    });
    (head, prop_oneof![until_close(), with_length(), chunked()])
        .prop_map(|(head, body)| [head.into_bytes(), body].concat())
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..20)
}

fn until_close() -> impl Strategy<Value = Vec<u8>> {
    data().prop_map(|data| [b"\r\n", &data[..]].concat())
}

fn with_length() -> impl Strategy<Value = Vec<u8>> {
    data().prop_map(|data| {
        let end = format!("Content-Length: {}\r\n\r\n", data.len());
        [end.as_bytes(), &data].concat()
    })
}

fn chunked() -> impl Strategy<Value = Vec<u8>> {
    let extension = || prop::sample::select(vec!["", "", " ", ";a", ";a=\"b\" ; c"]);
    let chunk = (data(), extension()).prop_filter("not the last", |chunk| !chunk.0.is_empty());
    let trailer = prop::sample::select(vec!["", "", "Digest: x\r\n", "A:\r\nB: c\r\n"]);
    (prop::collection::vec(chunk, 0..4), extension(), trailer).prop_map(
        |(chunks, last, trailer)| {
            let mut body = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
            for (data, extension) in chunks {
                body.extend_from_slice(format!("{:X}{extension}\r\n", data.len()).as_bytes());
                body.extend_from_slice(&data);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(format!("0{last}\r\n{trailer}\r\n").as_bytes());
            body
        },
    )
}

/// A change to a response: a position, the number of bytes to remove there, and the bytes to insert.
type Damage = (prop::sample::Index, usize, &'static str);

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = prop::sample::select(vec![
        "",
        "\r",
        "\n",
        "\r\n",
        "\0",
        "\x01",
        " ",
        "\t",
        ":",
        ";",
        ",",
        "0",
        "1",
        "f",
        "-",
        "+",
        "x",
        "\u{fc}",
        "\r\n ",
        "\r\n\r\n",
        "0\r\n\r\n",
        "\r\nContent-Length: 3",
        "\r\nContent-Length: 4",
        "\r\nTransfer-Encoding: chunked",
        "\r\nTransfer-Encoding: gzip",
        "\r\nTransfer-Encoding: identity",
        ", identity",
        "HTTP/1.1 200 OK\r\n\r\n",
        "00000000000000000",
        "ffffffffffffffffff",
    ]);
    let gone = prop_oneof![Just(0), Just(1), 0..9_usize, Just(usize::MAX)];
    (any::<prop::sample::Index>(), gone, bytes)
}

fn damaged(mut response: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for (place, gone, bytes) in damages {
        let start = place.index(response.len() + 1);
        let end = start.saturating_add(*gone).min(response.len());
        response.splice(start..end, bytes.bytes());
    }
    response
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn valid_responses_agree(response in response()) {
        agree(&response);
    }

    #[test]
    fn hostile_responses_agree(response in response(), damages in prop::collection::vec(damage(), 1..4)) {
        let response = damaged(response, &damages);
        let whole = agree(&response);
        prop_assert_eq!(read(response.chunks(1), SCRATCH), whole);
    }
}
