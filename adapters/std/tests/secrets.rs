//! No secret is left in the memory of a process whose client is dropped.
//!
//! The server knows the secrets, so the client runs in another process: this program again, with only its test `client`.
//! Secrets reach that process in a masked form, and it searches its memory for what they are without the mask.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
use exportitems_std::client::{Application, Client, Credentials, Proxy};
use exportitems_testkit::sink::Checked;
use md4::{Digest as _, Md4};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use zeroize::Zeroizing;

const USER: &str = r"CONTOSO\pat";
const PASSWORD: &str = "pässwörd-of-pat-0123456789";
const TOKEN: &str = "token-of-pat-0123456789-abcdefghijkl";
const SECRET: &str = "secret-of-an-application-0123456789";
const MASK: u8 = 0xA5;

fn masked(bytes: &[u8]) -> String {
    let bytes = bytes.iter().map(|byte| format!("{:02x}", byte ^ MASK));
    bytes.collect::<Vec<_>>().concat()
}

/// The bytes of a masked text, still masked.
fn unhexed(text: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

// --- the process that is searched ---

/// Runs a client as the standard input says, drops it, and reports which secrets are left.
#[test]
#[ignore = "the other test runs it in a process of its own"]
fn client() {
    let stdin = std::io::stdin();
    let mut lines = stdin.lines().map(Result::unwrap);
    let mut next = || lines.next().expect("a line");
    let (kind, url, ca, extra) = (next(), next(), next(), next());
    let secret = {
        let mut bytes = Zeroizing::new(unhexed(&next()));
        bytes.iter_mut().for_each(|byte| *byte ^= MASK);
        Zeroizing::new(String::from_utf8(bytes.to_vec()).unwrap())
    };
    // A positive control: the search finds what is kept.
    let kept = (kind == "kept").then(|| secret.to_string());
    let mut builder = Client::builder(&url);
    if !ca.is_empty() {
        builder = builder.ca_file(ca);
    }
    let credentials = match &*kind {
        "password" => Credentials::password(USER, &secret).unwrap(),
        "basic" => Credentials::basic("pat", &secret).unwrap(),
        "application" => {
            let (url, ca) = extra.split_once(' ').unwrap();
            let endpoint = Client::builder(url).ca_file(ca).build().unwrap();
            let application = Application::new("app", &secret, "scope");
            Credentials::application(endpoint, application).unwrap()
        }
        "proxy" => {
            let url = Zeroizing::new(extra.replace("//", &format!("//pat:{}@", &*secret)));
            builder = builder.proxy(Some(Proxy::parse(&url).unwrap()));
            Credentials::bearer("none-is-needed").unwrap()
        }
        _ => Credentials::bearer(&secret).unwrap(),
    };
    drop(secret);
    {
        let mut client = builder.credentials(credentials).build().unwrap();
        let id = item_id(DEFAULT_MAILBOX, 1, 1_000);
        let items = [ItemId::new(&id)];
        let headers = RequestHeaders::new();
        let answer = client.export(&headers, &items, &mut Checked::default(), Options::new());
        assert_eq!(answer.unwrap().summary.ok, 1);
    }
    println!("\nexported");
    let needles: Vec<_> = lines.map(|line| unhexed(&line)).collect();
    for (number, needle) in needles.iter().enumerate() {
        if is_in_memory(needle) {
            println!("left {number}");
        }
    }
    drop(kept);
}

/// Whether the bytes that `needle` masks are anywhere in the memory of this process.
fn is_in_memory(needle: &[u8]) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut piece = vec![0; 1 << 20];
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [mut at, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        while at < end {
            let len = piece.len().min(usize::try_from(end - at).unwrap());
            let Ok(read @ 1..) = memory.read_at(&mut piece[..len], at) else {
                break;
            };
            let mut windows = piece[..read].windows(needle.len());
            if windows.any(|it| it[0] == needle[0] ^ MASK && is_masked_by(it, needle)) {
                return true;
            }
            // A secret may be at the border of two pieces.
            at += match read < len || len < piece.len() {
                true => read as u64,
                false => (read - needle.len()) as u64,
            };
        }
    }
    false
}

fn is_masked_by(bytes: &[u8], needle: &[u8]) -> bool {
    bytes
        .iter()
        .zip(needle)
        .all(|(byte, masked)| byte ^ MASK == *masked)
}

// --- the process with the server ---

/// Runs the client, and returns which needles are left in its memory.
fn left(
    kind: &str,
    emulator: &Emulator,
    extra: &str,
    secret: &str,
    needles: impl FnOnce() -> Vec<Vec<u8>>,
) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let ca = match emulator.ca_pem() {
        Some(pem) => {
            std::fs::write(dir.path().join("ca.pem"), pem).unwrap();
            dir.path().join("ca.pem").display().to_string()
        }
        None => String::new(),
    };
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "client", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let url = emulator.url();
    writeln!(
        stdin,
        "{kind}\n{url}\n{ca}\n{extra}\n{}",
        masked(secret.as_bytes())
    )
    .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let exported = lines.any(|line| line.unwrap() == "exported");
    assert!(exported, "{kind}: the client has failed");
    let needles = needles();
    for needle in &needles {
        writeln!(stdin, "{}", masked(needle)).unwrap();
    }
    drop(stdin);
    let lines: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(process.wait().unwrap().success(), "{kind}: {lines:?}");
    let left = lines.iter().filter_map(|line| line.strip_prefix("left "));
    left.map(|number| {
        String::from_utf8_lossy(&needles[number.parse::<usize>().unwrap()]).into_owned()
    })
    .collect()
}

fn emulator(scenario: &str) -> Emulator {
    let scenario = Scenario::from_toml(scenario).unwrap();
    Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// What followed `scheme` in the requests, in base64 and decoded.
fn shown(emulator: &Emulator, scheme: &str) -> Vec<Vec<u8>> {
    let requests = emulator.requests();
    let fields = requests.iter().filter_map(|it| it.header("authorization"));
    let tokens = fields.filter_map(|field| field.strip_prefix(scheme));
    let tokens = tokens.flat_map(|token| {
        [
            token.as_bytes().to_vec(),
            BASE64_STANDARD.decode(token).unwrap_or_default(),
        ]
    });
    tokens.filter(|token| !token.is_empty()).collect()
}

#[test]
fn nothing_is_left_of_a_login() {
    let text = |text: &str| text.as_bytes().to_vec();
    let server = emulator("auth = { bearer = { token = 'token-of-pat-0123456789-abcdefghijkl' } }");
    let found = left("kept", &server, "", TOKEN, || vec![text(TOKEN)]);
    assert_eq!(found, [TOKEN], "the search finds nothing");
    let found = left("token", &server, "", TOKEN, || vec![text(TOKEN)]);
    assert_eq!(found, [""; 0]);

    for tls in [false, true] {
        let server = emulator(&format!(
            "tls = {tls}\n[auth.windows]\nuser = 'CONTOSO\\pat'\npassword = '{PASSWORD}'\n"
        ));
        let found = left("password", &server, "", PASSWORD, || {
            let wide: Vec<_> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let hash = Md4::digest(&wide).to_vec();
            // Of the last message: the NT response and its proof (MS-NLMP 2.2.1.3).
            let mut needles = shown(&server, "NTLM ");
            let message = needles.pop().unwrap();
            let field = |at: usize| u16::from_le_bytes([message[at], message[at + 1]]).into();
            let (len, offset): (usize, usize) = (field(20), field(24));
            let response = message[offset..offset + len].to_vec();
            let base64 = needles.pop().unwrap();
            vec![
                text(PASSWORD),
                wide,
                hash,
                response[..16].to_vec(),
                response,
                message,
                base64,
            ]
        });
        assert_eq!(found, [""; 0], "tls: {tls}");
    }

    let server = emulator(&format!(
        "tls = true\nauth = {{ basic = {{ user = 'pat', password = '{PASSWORD}' }} }}"
    ));
    let found = left("basic", &server, "", PASSWORD, || {
        let shown = shown(&server, "Basic ");
        assert_eq!(shown.len(), 2);
        [&shown[..], &[text(PASSWORD)]].concat()
    });
    assert_eq!(found, [""; 0]);

    let server = emulator(&format!(
        "[proxy]\nuser = 'pat'\npassword = '{SECRET}'\nscheme = 'Basic'"
    ));
    let proxy = server.proxy_url().unwrap();
    let found = left("proxy", &server, &proxy, SECRET, || {
        vec![
            text(SECRET),
            BASE64_STANDARD.encode(format!("pat:{SECRET}")).into_bytes(),
        ]
    });
    assert_eq!(found, [""; 0]);
}

/// A token endpoint, with TLS or without; its URL and the file of its certificate.
fn token_endpoint(tls: bool, dir: &Path) -> String {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let ca = dir.join("endpoint.pem");
    std::fs::write(&ca, certified.cert.pem()).unwrap();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.into())
            .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            if tls {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                give_token(&mut StreamOwned::new(connection, socket));
            } else {
                give_token(&mut socket);
            }
        }
    });
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{address}/token {}", ca.display())
}

fn give_token(stream: &mut (impl Read + Write)) {
    let _ = stream.read(&mut [0; 4096]);
    let body = format!(r#"{{"access_token":"{TOKEN}","expires_in":3599}}"#);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all((head + &body).as_bytes());
    let _ = stream.flush();
}

#[test]
fn nothing_is_left_of_an_application() {
    for tls in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let endpoint = token_endpoint(tls, dir.path());
        let server = emulator(&format!(
            "tls = true\nauth = {{ bearer = {{ token = '{TOKEN}' }} }}"
        ));
        let needles = [SECRET, TOKEN].map(|text| text.as_bytes().to_vec());
        let found = left("application", &server, &endpoint, SECRET, || {
            needles.to_vec()
        });
        assert_eq!(found, [""; 0], "tls: {tls}");
    }
}
