//! Proxies, and compressed responses.

use std::io::Write as _;

use exportitems::policy::Disposition;
use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_emulator::{item_id, Emulator, LoginResult, Scenario, DEFAULT_MAILBOX};
use exportitems_std::client::{
    Answer, Client, ClientBuilder, ClientError, Credentials, Proxy, ProxyProblem, TransportError,
};
use flate2::write::GzEncoder;

use crate::server::{answer, response, Notes, Server};

fn start(scenario: &str) -> (Emulator, tempfile::TempDir) {
    let scenario = Scenario::from_toml(scenario).unwrap();
    let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let pem = emulator.ca_pem().unwrap_or_default();
    std::fs::write(dir.path().join("ca.pem"), pem).unwrap();
    (emulator, dir)
}

fn export(builder: ClientBuilder, size: u64) -> Result<(Answer, Notes), ClientError> {
    let id = item_id(DEFAULT_MAILBOX, 1, size);
    let items = [ItemId::new(&id)];
    let mut notes = Notes::default();
    let mut client = builder.build().unwrap();
    let answer = client.export(&RequestHeaders::new(), &items, &mut notes, Options::new())?;
    Ok((answer, notes))
}

#[test]
fn a_login_is_bound_to_the_server_and_not_to_the_proxy() {
    let (emulator, dir) = start(
        "tls = true\n[proxy]\nuser = 'pat'\npassword = 'p@ss'\n\
         [auth.windows]\nuser = 'A\\u'\npassword = 'w'\nextended-protection = 'require'",
    );
    let proxy = emulator.proxy_url().unwrap().replace("//", "//pat:p%40ss@");
    let builder = Client::builder(&emulator.url())
        .ca_file(dir.path().join("ca.pem"))
        .credentials(Credentials::password(r"A\u", "w").unwrap())
        .proxy(Some(Proxy::parse(&proxy).unwrap()));
    assert_eq!(export(builder, 1_000).unwrap().0.summary.ok, 1);
    let results: Vec<_> = emulator.logins().iter().map(|login| login.result).collect();
    assert_eq!(results, [LoginResult::Accepted]);
    let tunnels = emulator.tunnels();
    assert_eq!(tunnels.len(), 1);
    assert_eq!(
        (tunnels[0].target.as_str(), tunnels[0].status),
        (&*emulator.address().to_string(), 200)
    );
    let shown = emulator.requests();
    assert!(shown
        .iter()
        .all(|it| it.header("proxy-authorization").is_none()));
}

#[test]
fn what_a_proxy_refuses_is_named() {
    for (rule, user, says, disposition) in [
        (
            "user = 'pat'",
            "",
            "it requires a user and a password (407); it offers Basic",
            Disposition::Auth,
        ),
        (
            "user = 'pat'",
            "pat:s3cret@",
            "it refuses the user or the password (407)",
            Disposition::Auth,
        ),
        (
            "user = 'pat'\nscheme = 'NTLM'",
            "",
            "a login that this client does not support; it offers NTLM",
            Disposition::Auth,
        ),
        (
            "status = 403",
            "",
            "does not allow connections to this server",
            Disposition::Permanent,
        ),
        (
            "status = 503",
            "",
            "answers HTTP 503",
            Disposition::Transient,
        ),
    ] {
        let (emulator, dir) = start(&format!("tls = true\n[proxy]\n{rule}"));
        let proxy = emulator
            .proxy_url()
            .unwrap()
            .replace("//", &format!("//{user}"));
        let builder = Client::builder(&emulator.url())
            .ca_file(dir.path().join("ca.pem"))
            .proxy(Some(Proxy::parse(&proxy).unwrap()));
        let error = export(builder, 1_000).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(says) && text.contains("no connection through the proxy"),
            "{text}"
        );
        assert!(!text.contains("s3cret") && !text.contains("cGF0"), "{text}");
        assert_eq!(error.disposition(), disposition, "{text}");
        assert!(emulator.requests().is_empty());
        assert_eq!(emulator.tunnels().len(), 1);
    }
}

#[test]
fn what_is_no_proxy_is_named() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nothing = closed.local_addr().unwrap().to_string();
    drop(closed);
    let other = Server::start(vec![vec![b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()]]);
    let other = other.address.to_string();
    for (proxy, is_expected) in [
        (
            nothing,
            (|it| matches!(it, ProxyProblem::Connect(_))) as fn(&ProxyProblem) -> bool,
        ),
        (other, |it| matches!(it, ProxyProblem::NotHttp)),
        ("proxy.invalid:3128".to_owned(), |it| {
            matches!(it, ProxyProblem::Resolve(_))
        }),
    ] {
        let builder = Client::builder("https://mail.example.com/");
        let builder = builder.proxy(Some(Proxy::parse(&proxy).unwrap()));
        match export(builder, 1_000) {
            Err(ClientError::Transport(TransportError::Proxy { problem, .. })) => {
                assert!(is_expected(&problem), "{problem:?}");
            }
            other => panic!("{proxy}: {:?}", other.err()),
        }
    }
}

#[test]
fn responses_are_compressed_where_that_is_asked_for() {
    let (emulator, _dir) = start("");
    for (gzip, asked) in [(false, "identity"), (true, "gzip")] {
        let builder = Client::builder(&emulator.url()).gzip(gzip);
        let (answer, notes) = export(builder, 200_000).unwrap();
        assert_eq!(answer.summary.ok, 1);
        assert_eq!(notes.committed.len(), 1);
        let requests = emulator.requests();
        assert_eq!(
            requests.last().unwrap().header("accept-encoding"),
            Some(asked)
        );
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A response of these bytes, in the coding.
fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let fields = format!("Content-Type: text/xml\r\nContent-Encoding: {coding}\r\n");
    let mut bytes = response(200, &fields, &"x".repeat(body.len()));
    bytes.truncate(bytes.len() - body.len());
    bytes.extend_from_slice(body);
    bytes
}

/// The limits of items bound what a compressed response expands to.
#[test]
fn compressed_data_expand_within_the_limits() {
    const LIMIT: u64 = 1 << 20;
    // A thousand times as large as what is sent.
    let end = "</s:Body>";
    let bomb = packed(&answer(1).replace(end, &format!("{}{end}", " ".repeat(16 << 20))));
    let data = "A".repeat(1_398_104); // of 1 MiB
    let full = answer(1).replace("AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=", &data);
    for (body, is_good) in [(bomb, false), (packed(&full), true)] {
        let server = Server::start(vec![vec![coded("gzip", &body)]]);
        let builder = Client::builder(&format!("http://{}/", server.address)).gzip(true);
        let mut client = builder.build().unwrap();
        let options = Options::new().max_item_bytes(LIMIT);
        let options = options.integrity(exportitems::IntegrityPolicy::Off);
        let result = client.export(
            &RequestHeaders::new(),
            &[ItemId::new("a")],
            &mut Notes::default(),
            options,
        );
        match result {
            Ok(_) => assert!(is_good),
            Err(error) => {
                let text = exportitems_std::error_chain(&error);
                assert!(!is_good, "{text}");
                // Half as much again, 64 KiB for the message and 1 MiB.
                assert!(text.contains("more than 2686976 bytes"), "{text}");
            }
        }
    }
}

#[test]
fn the_end_of_compressed_data_is_demanded() {
    let whole = packed(&answer(1));
    let text = answer(1);
    let (first, second) = text.split_at(100);
    let members = [packed(first), packed(second)].concat();
    let mut wrong = whole.clone();
    let at = wrong.len() - 6;
    wrong[at] ^= 1;
    let garbage = [&whole[..], b"junk"].concat();
    for (name, body, is_good) in [
        ("whole", whole.clone(), true),
        ("two members", members, true),
        ("no trailer", whole[..whole.len() - 8].to_vec(), false),
        ("half a trailer", whole[..whole.len() - 3].to_vec(), false),
        ("half", whole[..whole.len() / 2].to_vec(), false),
        ("a wrong checksum", wrong, false),
        ("bytes after the end", garbage, false),
    ] {
        for coding in ["gzip", "X-GZIP"] {
            let server = Server::start(vec![vec![coded(coding, &body)]]);
            let builder = Client::builder(&format!("http://{}/", server.address)).gzip(true);
            let result = export(builder, 1_000);
            match result {
                Ok((answer, _)) => assert!(is_good && answer.summary.items == 1, "{name}"),
                Err(error) => {
                    assert!(!is_good, "{name}: {error}");
                    assert_eq!(
                        error.disposition(),
                        Disposition::Transient,
                        "{name}: {error}"
                    );
                }
            }
        }
    }
    // Another coding is refused, as without gzip.
    let server = Server::start(vec![vec![coded("br", &whole)]]);
    let builder = Client::builder(&format!("http://{}/", server.address)).gzip(true);
    assert!(export(builder, 1_000).is_err());
}
