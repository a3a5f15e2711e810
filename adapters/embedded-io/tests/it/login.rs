//! Logins by NTLM, judged by the emulator and by scripted peers; the blocking and the async client must agree.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::net::TcpStream;

use crate::peer::{self, http, soap, Peer, WHOLE};
use embedded_io_adapters::std::FromStd;
use embedded_io_adapters::tokio_1::FromTokio;
use exportitems::{Decoder, Discard, ExportItems, ItemId, Options, Summary};
use exportitems_embedded_io::{Client, Error, LoginError, Server, MIN_BUFFER};
use exportitems_emulator::{item_id, Emulator, LoginResult, Scenario, DEFAULT_MAILBOX};
use exportitems_ntlm::{ChallengeError, ChannelBinding, Login, NtHash, TokenError, User};

const USER: &str = r"CONTOSO\jörg";
const PASSWORD: &str = "pässwörd \u{1f511}";

type Exported = Result<Summary, Error<std::io::Error>>;

fn login(hash: &NtHash) -> Login<'_> {
    Login {
        user: User::parse(USER).unwrap(),
        hash,
        host: "localhost",
        binding: None,
        nonce: *b"8 random",
    }
}

/// Sizes of the caller's memory.
#[derive(Clone, Copy)]
struct Sizes {
    buffer: usize,
    memory: usize,
}

const ENOUGH: Sizes = Sizes {
    buffer: 1024,
    memory: 1024,
};

fn emulator(options: &str) -> Emulator {
    let scenario = format!("[auth.windows]\nuser = '{USER}'\npassword = '{PASSWORD}'\n{options}");
    let scenario = Scenario::from_toml(&scenario).unwrap();
    Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// Logs in, and exports the same item twice over one connection. Returns the results of the exports that were made.
fn blocking(emulator: &Emulator, password: &str, sizes: Sizes) -> Vec<Exported> {
    let (mut buffer, mut memory) = (vec![0; sizes.buffer], vec![0; sizes.memory]);
    let hash = NtHash::from_password(password);
    let id = item_id(DEFAULT_MAILBOX, 1, 3_000);
    let (items, mut decoder) = (
        [ItemId::new(&id)],
        Decoder::<[u8; 256]>::new(Options::new()),
    );
    let stream = FromStd::new(TcpStream::connect(emulator.address()).unwrap());
    let mut client = Client::new(stream, Server::new("localhost"), &mut buffer);
    if let Err(error) = client.log_in(&login(&hash), &mut memory) {
        return vec![Err(error)];
    }
    let mut results = Vec::new();
    while results.len() < 2 && client.can_export() {
        decoder.reset(Options::new().items(1));
        results.push(client.export(&ExportItems::new(&items), &mut decoder, &mut Discard));
    }
    results
}

fn asynchronous(emulator: &Emulator, password: &str, sizes: Sizes) -> Vec<Exported> {
    let (mut buffer, mut memory) = (vec![0; sizes.buffer], vec![0; sizes.memory]);
    let hash = NtHash::from_password(password);
    let id = item_id(DEFAULT_MAILBOX, 1, 3_000);
    let (items, mut decoder) = (
        [ItemId::new(&id)],
        Decoder::<[u8; 256]>::new(Options::new()),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(emulator.address());
        let stream = FromTokio::new(stream.await.unwrap());
        let mut client = Client::new(stream, Server::new("localhost"), &mut buffer);
        if let Err(error) = client.log_in_async(&login(&hash), &mut memory).await {
            return vec![Err(error)];
        }
        let mut results = Vec::new();
        while results.len() < 2 && client.can_export() {
            decoder.reset(Options::new().items(1));
            let mut sink = peer::Slow::default();
            let request = ExportItems::new(&items);
            results.push(client.export_async(&request, &mut decoder, &mut sink).await);
        }
        results
    })
}

/// What a server with these options has seen of both clients: the results of the logins, and of each request whether it
/// has `Authorization`, whether it has a body, and its status.
fn seen(
    options: &str,
    password: &str,
    sizes: Sizes,
    check: impl Fn(&[Exported]),
) -> (Vec<LoginResult>, Vec<(bool, bool, u16)>) {
    let [first, second] = [blocking, asynchronous].map(|export| {
        let emulator = emulator(options);
        check(&export(&emulator, password, sizes));
        let logins = emulator.logins().iter().map(|it| it.result).collect();
        let legs = emulator.requests().into_iter().map(|request| {
            let has_body = request.header("content-length").unwrap() != "0";
            let authorization = request.header("authorization").is_some();
            (authorization, has_body, request.status.unwrap())
        });
        (logins, legs.collect())
    });
    assert_eq!(first, second);
    first
}

fn two_exports(results: &[Exported]) {
    assert!(
        matches!(results, [Ok(one), Ok(two)] if one.ok == 1 && two.ok == 1),
        "{results:?}"
    );
}

#[test]
fn only_the_last_leg_has_the_body_and_a_connection_logs_in_once() {
    let (first, last, next) = ((true, false, 401), (true, true, 200), (false, true, 200));
    for offers in [
        "['ntlm']",
        "['negotiate', 'ntlm']",
        "['kerberos', 'ntlm', 'basic']",
    ] {
        let options = format!("offers = {offers}");
        let (logins, legs) = seen(&options, PASSWORD, ENOUGH, two_exports);
        assert_eq!(logins, [LoginResult::Accepted], "{offers}");
        assert_eq!(legs, [first, last, next], "{offers}");
    }
    // Negotiate takes the same messages.
    let (logins, legs) = seen("offers = ['negotiate']", PASSWORD, ENOUGH, two_exports);
    assert_eq!(logins, [LoginResult::Accepted]);
    assert_eq!(legs, [first, first, last, next]);
}

#[test]
fn a_wrong_password_is_tried_once() {
    let check = |results: &[Exported]| {
        let [Err(error @ Error::Status(status))] = results else {
            panic!("{results:?}")
        };
        assert_eq!(status.code, 401);
        assert!(error.to_string().contains("check the user"), "{error}");
    };
    let (logins, legs) = seen("", "passwort", ENOUGH, check);
    assert_eq!(logins, [LoginResult::WrongPassword]);
    assert_eq!(legs, [(true, false, 401), (true, true, 401)]);
}

/// Neither counts as an attempt: the server receives no credentials.
#[test]
fn a_server_that_does_not_continue_the_handshake_gets_no_credentials() {
    for (options, expected) in [
        ("offers = ['kerberos']", Some(LoginError::NotOffered)),
        ("offers = ['basic']", Some(LoginError::NotOffered)),
        ("close = true", None), // the connection breaks
    ] {
        let check = |results: &[Exported]| {
            let as_expected = match results {
                [Err(Error::Login(error))] => Some(*error) == expected,
                [Err(Error::Transport(_) | Error::Http(_))] => expected.is_none(),
                _ => false,
            };
            assert!(as_expected, "{options}: {results:?}");
        };
        let (logins, legs) = seen(options, PASSWORD, ENOUGH, check);
        assert_eq!(logins, [], "{options}");
        assert!(
            legs.iter().all(|leg| *leg == (true, false, 401)),
            "{options}"
        );
    }
}

#[test]
fn memory_that_is_too_small_is_named_before_credentials_are_sent() {
    let needed = |sizes| -> Option<LoginError> {
        let mut found = None;
        let (logins, _) = seen("", PASSWORD, sizes, |results| {
            if let [Err(Error::Login(_))] = results {
                return;
            }
            two_exports(results);
        });
        let results = blocking(&emulator(""), PASSWORD, sizes);
        if let [Err(Error::Login(error))] = results[..] {
            assert_eq!(logins, []);
            found = Some(error);
        }
        found
    };
    // Each error names a size; the last one is enough.
    let mut sizes = Sizes {
        buffer: MIN_BUFFER,
        memory: 0,
    };
    let mut steps = 0;
    while let Some(error) = needed(sizes) {
        let LoginError::MemoryTooSmall { needed } = error else {
            panic!("{error}")
        };
        assert!(needed > sizes.memory, "{needed}");
        sizes.memory = needed;
        steps += 1;
    }
    assert!(sizes.memory < 1024 && steps == 3, "{}", sizes.memory);

    // A message that is longer than the client's buffer.
    let hash = NtHash::from_password(PASSWORD);
    let host = "x".repeat(200);
    let login = Login {
        host: &host,
        ..login(&hash)
    };
    let (mut buffer, mut memory) = ([0; MIN_BUFFER], [0; 2048]);
    let peer = Peer::new(&challenge());
    let mut client = Client::new(peer, Server::new("x"), &mut buffer);
    let result = client.log_in(&login, &mut memory);
    let Err(Error::Login(LoginError::BufferTooSmall { needed })) = result else {
        panic!("{result:?}")
    };
    assert!(needed > MIN_BUFFER && !client.can_export());
    assert_eq!(requests(&client.into_transport().sent), 1);
}

// --- scripted peers ---

const CHALLENGE: &str =
    "NTLM TlRMTVNTUAACAAAABgAGADgAAAAFgokiASNFZ4mrze8AAAAAAAAAACoAKgA+AAAACgB8TwAAAA9DAE8ATgACAAYA\
                         QwBPAE4AAQAMAE0AQQBJAEwAMAAxAAcACAAAgOaJxGDcAQAAAAA=";

/// Logs in and exports with both clients. Returns the result, what was sent, and whether the connection can be used.
fn play(responses: &[u8]) -> (Result<Summary, Error<peer::Broken>>, Vec<u8>, bool) {
    let hash = NtHash::from_password(PASSWORD);
    let (items, mut decoder) = ([ItemId::new("A")], Decoder::<[u8; 64]>::new(Options::new()));
    let peer = || {
        let mut peer = Peer::new(responses);
        peer.most = 1; // so that the next response is not read with this one
        peer
    };
    let (mut buffer, mut memory) = ([0; 1024], [0; 1024]);
    let mut client = Client::new(peer(), Server::new("localhost"), &mut buffer);
    let result = client.log_in(&login(&hash), &mut memory).and_then(|()| {
        decoder.reset(Options::new().items(1));
        client.export(&ExportItems::new(&items), &mut decoder, &mut Discard)
    });
    let first = (result, client.can_export(), client.into_transport().sent);

    let (mut buffer, mut memory) = ([0; 1024], [0; 1024]);
    let mut client = Client::new(peer(), Server::new("localhost"), &mut buffer);
    let result = to_the_end(async {
        client.log_in_async(&login(&hash), &mut memory).await?;
        decoder.reset(Options::new().items(1));
        let mut sink = peer::Slow::default();
        let request = ExportItems::new(&items);
        client.export_async(&request, &mut decoder, &mut sink).await
    });
    let second = (result, client.can_export(), client.into_transport().sent);
    assert_eq!(first, second);
    (first.0, first.2, first.1)
}

fn to_the_end<F: Future>(future: F) -> F::Output {
    let (mut future, mut context) = (pin!(future), Context::from_waker(Waker::noop()));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn challenge() -> Vec<u8> {
    http(401, &format!("WWW-Authenticate: {CHALLENGE}\r\n"), "<html>")
}

fn requests(sent: &[u8]) -> usize {
    let text = String::from_utf8_lossy(sent);
    text.matches("POST ").count()
}

#[test]
fn a_challenge_cut_at_any_byte_gets_no_answer() {
    let good = [challenge(), http(200, "", &soap(&[Some(WHOLE)]))].concat();
    let (result, sent, ready) = play(&good);
    assert_eq!((result.unwrap().ok, requests(&sent), ready), (1, 2, true));
    for len in 0..challenge().len() {
        let (result, sent, ready) = play(&good[..len]);
        assert!(matches!(result, Err(Error::Http(_))), "{len}: {result:?}");
        assert_eq!((requests(&sent), ready), (1, false), "{len}");
    }
}

#[test]
fn responses_that_are_no_challenge() {
    let field = |value: &str| http(401, &format!("WWW-Authenticate: {value}\r\n"), "");
    let long = format!("NTLM {}", "A".repeat(1024));
    let login_errors = [
        (field("NTLM"), LoginError::NotOffered),
        (field("Basic realm=x"), LoginError::NotOffered),
        (http(401, "", ""), LoginError::NotOffered),
        (field("NTLM A==="), LoginError::Token(TokenError::NotBase64)),
        (
            field("NTLM QUJD"),
            LoginError::Challenge(ChallengeError::Cut),
        ),
        (field(&long), LoginError::ChallengeTooLong),
    ];
    for (response, expected) in login_errors {
        let (result, sent, ready) = play(&response);
        assert_eq!(result, Err(Error::Login(expected)));
        assert_eq!((requests(&sent), ready), (1, false), "{expected}");
    }
    for status in [301, 403, 404, 407, 503] {
        let (result, sent, ready) = play(&http(status, "Retry-After: 7\r\n", ""));
        let Err(Error::Status(found)) = result else {
            panic!("{result:?}")
        };
        assert_eq!((found.code, found.retry_after), (status, Some(7)));
        assert_eq!((requests(&sent), ready), (1, false));
    }
    let other = http(
        401,
        &format!("WWW-Authenticate: {CHALLENGE}\r\nclient-request-id: x\r\n"),
        "",
    );
    assert_eq!(play(&other).0, Err(Error::OtherRequest));
    // A body that is compressed is not read to its end, so the connection cannot be used.
    let coded = http(
        401,
        &format!("WWW-Authenticate: {CHALLENGE}\r\nContent-Encoding: gzip\r\n"),
        "x",
    );
    assert_eq!(play(&coded).0, Err(Error::Login(LoginError::Closed)));
}

#[test]
fn a_server_that_needs_no_login_gets_none() {
    for status in [200, 204, 400, 411, 415, 500] {
        let first = match status {
            204 => b"HTTP/1.1 204 x\r\n\r\n".to_vec(),
            _ => http(status, "", "?"),
        };
        let good = [first, http(200, "", &soap(&[Some(WHOLE)]))].concat();
        let (result, sent, ready) = play(&good);
        assert_eq!((result.unwrap().ok, ready), (1, true), "{status}");
        let sent = String::from_utf8(sent).unwrap();
        assert_eq!(sent.matches("Authorization: ").count(), 1, "{status}");
    }
}

/// The last message goes with one request only, and a connection has one login.
#[test]
fn a_connection_that_was_used_cannot_log_in() {
    let (hash, items) = (NtHash::from_password(PASSWORD), [ItemId::new("A")]);
    let (mut buffer, mut memories) = ([0; 1024], [[0; 1024]; 3]);
    let [first, second, third] = &mut memories;
    let answer = http(200, "", &soap(&[Some(WHOLE)]));
    let mut peer = Peer::new(&[challenge(), answer].concat());
    peer.most = 1;
    let mut client = Client::new(peer, Server::new("localhost"), &mut buffer);
    client.log_in(&login(&hash), first).unwrap();
    assert_eq!(client.log_in(&login(&hash), second), Err(Error::Spent));
    // A request that is refused before it is sent leaves the login for the next one.
    let mut decoder = Decoder::<[u8; 64]>::new(Options::new());
    let refused = client.export(&ExportItems::new(&[]), &mut decoder, &mut Discard);
    assert!(matches!(refused, Err(Error::Request(_))), "{refused:?}");
    decoder.reset(Options::new().items(1));
    let exported = client.export(&ExportItems::new(&items), &mut decoder, &mut Discard);
    assert_eq!(exported.unwrap().ok, 1);
    assert_eq!(client.log_in(&login(&hash), third), Err(Error::Spent));
    let sent = String::from_utf8(client.into_transport().sent).unwrap();
    assert_eq!(sent.matches("Authorization: NTLM TlRMTVNTUAAD").count(), 1);
    assert_eq!(requests(sent.as_bytes()), 2);
}

#[test]
fn a_login_dropped_at_any_await_leaves_a_connection_that_cannot_be_used() {
    let hash = NtHash::from_password(PASSWORD);
    for polls in 0.. {
        let (mut buffer, mut memory) = ([0; 1024], [0; 1024]);
        let mut client = Client::new(Peer::new(&challenge()), Server::new("x"), &mut buffer);
        let mut context = Context::from_waker(Waker::noop());
        let result = {
            let login = login(&hash);
            let mut future = pin!(client.log_in_async(&login, &mut memory));
            (0..polls).find_map(|_| match future.as_mut().poll(&mut context) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            })
        };
        if let Some(result) = result {
            assert_eq!(result, Ok(()));
            assert!(polls > 5 && client.can_export());
            break;
        }
        assert_eq!(client.can_export(), polls == 0);
    }
}

#[test]
fn the_binding_is_in_the_last_message() {
    let hash = NtHash::from_password(PASSWORD);
    let binding = ChannelBinding::tls_server_end_point(&[7; 32]);
    for (expected, binding) in [(false, None), (true, Some(binding))] {
        let (mut buffer, mut memory) = ([0; 1024], [0; 1024]);
        let answer = http(200, "", &soap(&[Some(WHOLE)]));
        let mut peer = Peer::new(&[challenge(), answer].concat());
        peer.most = 1;
        let mut client = Client::new(peer, Server::new("localhost"), &mut buffer);
        let login = Login {
            binding,
            ..login(&hash)
        };
        client.log_in(&login, &mut memory).unwrap();
        let mut decoder = Decoder::<[u8; 64]>::new(Options::new().items(1));
        let items = [ItemId::new("A")];
        client
            .export(&ExportItems::new(&items), &mut decoder, &mut Discard)
            .unwrap();
        let sent = String::from_utf8(client.into_transport().sent).unwrap();
        let token = sent.split("NTLM ").nth(2).unwrap();
        let token = token.split_once("\r\n").unwrap().0;
        let mut message = [0; 1024];
        let message = exportitems_ntlm::read_token(token, &mut message).unwrap();
        let found = message
            .windows(16)
            .any(|bytes| bytes == ChannelBinding::tls_server_end_point(&[7; 32]).as_bytes());
        assert_eq!(found, expected);
    }
}
