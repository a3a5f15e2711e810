//! The command logs in to an independent server: pyspnego with TLS by Python.

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use common::{command, have, status, stderr, stdout};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The users that the server knows, as pyspnego's file has them.
const USERS: &str = "CONTOSO:alice:pässwörd \u{1f511}\n:bob@contoso.com:Password\n";
const ALICE: (&str, &str) = (r"CONTOSO\alice", "pässwörd \u{1f511}");
const BOB: (&str, &str) = ("bob@contoso.com", "Password");

/// Whether there is a Python with pyspnego, and openssl; CI must have both.
fn is_here() -> bool {
    let python = Command::new("python3")
        .args(["-c", "import spnego, cryptography"])
        .output();
    let here = python.is_ok_and(|output| output.status.success());
    assert!(
        here || std::env::var("CI").as_deref() != Ok("true"),
        "python3 has no pyspnego"
    );
    if !here {
        println!("skipped: python3 has no pyspnego");
    }
    here && have("openssl")
}

/// A certificate of this kind for 127.0.0.1, and its key.
fn certificate(dir: &Path, options: &[&str]) -> (PathBuf, PathBuf) {
    let (certificate, key) = (dir.join("certificate.pem"), dir.join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1,IP:0.0.0.0"])
        .args(options)
        .args([Path::new("-out"), &certificate, Path::new("-keyout"), &key])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", stderr(&made));
    (certificate, key)
}

struct Server {
    process: Child,
    port: String,
    log: Receiver<Value>,
    dir: tempfile::TempDir,
    sha256: String,
}

impl Server {
    fn start(options: &[&str], policy: &str, offers: &str, affinity: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = certificate(dir.path(), options);
        let der = Command::new("openssl")
            .args(["x509", "-outform", "DER", "-in"])
            .arg(&certificate)
            .output()
            .unwrap();
        let digest = Sha256::digest(&der.stdout);
        let sha256: Vec<_> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(dir.path().join("users"), USERS).unwrap();
        std::fs::write(dir.path().join("ids"), "AAMkAD0=\nAAMkAD1=\n").unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/ntlm_server.py");
        let mut process = Command::new("python3")
            .arg(script)
            .args([&certificate, &key])
            .args([policy, offers, affinity])
            .env("NTLM_USER_FILE", dir.path().join("users"))
            .env("PYTHONUTF8", "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().expect("a port").unwrap();
        let (send, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self {
            process,
            port,
            log,
            dir,
            sha256: sha256.concat(),
        }
    }

    fn simple(policy: &str) -> Self {
        Self::start(&["-newkey", "rsa:2048"], policy, "Negotiate,NTLM", "no")
    }

    /// Exports each item by a request of its own; the exit status, and what was printed.
    fn export(&self, login: (&str, &str), args: &[&str]) -> (i32, String) {
        let url = format!("https://127.0.0.1:{}/", self.port);
        let args = [&["--proxy", "none"], args].concat();
        self.export_by(&url, login, &args, &[])
    }

    /// As [`export`](Self::export), from this URL and with these variables.
    fn export_by(
        &self,
        url: &str,
        (user, password): (&str, &str),
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> (i32, String) {
        let path = |name: &str| self.dir.path().join(name);
        let _ = std::fs::remove_dir_all(path("out"));
        std::fs::write(path("password"), password).unwrap();
        let output = command(&["export", "--retry-for", "0", "--user", user, "--url", url])
            .args(["--trust-certificate", &self.sha256])
            .args([Path::new("--password-file"), &path("password")])
            .args([
                Path::new("--ids"),
                &path("ids"),
                Path::new("--out"),
                &path("out"),
            ])
            .args(args)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let printed = stdout(&output) + &stderr(&output);
        assert!(!printed.contains(password), "{printed}");
        (status(&output), printed)
    }

    /// What came of the next `count` requests, and whether they had a body.
    fn legs(&self, count: usize) -> Vec<(String, bool)> {
        (0..count)
            .map(|_| {
                let line = self
                    .log
                    .recv_timeout(Duration::from_secs(30))
                    .expect("a request");
                let result = line["result"].as_str().unwrap().to_owned();
                (result, line["body"] != 0)
            })
            .collect()
    }

    fn no_more(&self) {
        assert!(self.log.try_recv().is_err(), "one try more");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn legs(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
    let legs = expected.iter();
    legs.map(|(result, body)| ((*result).to_owned(), *body))
        .collect()
}

#[test]
fn right_logins() {
    if !is_here() {
        return;
    }
    let whole = legs(&[
        ("asked", false),
        ("challenged", false),
        ("accepted", true),
        ("served", true),
    ]);
    for (policy, offers, affinity, user) in [
        ("require", "Negotiate,NTLM", "no", ALICE),
        ("require", "Negotiate,NTLM", "yes", BOB),
        ("allow", "NTLM", "yes", ALICE),
        ("none", "Negotiate,Basic realm=\"x\"", "no", BOB),
    ] {
        let server = Server::start(&["-newkey", "rsa:2048"], policy, offers, affinity);
        let (code, printed) = server.export(user, &["--batch-size", "1", "--connections", "1"]);
        assert_eq!(code, 0, "{policy} {offers}: {printed}");
        assert_eq!(server.legs(4), whole, "{policy} {offers}");
        server.no_more();
        // Without the request that asks.
        let auth = if offers == "NTLM" {
            "ntlm"
        } else {
            "negotiate"
        };
        let (code, printed) = server.export(
            user,
            &["--batch-size", "1", "--connections", "1", "--auth", auth],
        );
        assert_eq!(code, 0, "{policy} {offers}: {printed}");
        assert_eq!(server.legs(3), whole[1..], "{policy} {offers}");
        server.no_more();
    }
}

#[test]
fn a_wrong_password_or_binding_costs_one_try() {
    if !is_here() {
        return;
    }
    for (policy, user, args, expected) in [
        (
            "require",
            (ALICE.0, "passwort"),
            &[][..],
            Some("refused InvalidTokenError"),
        ),
        (
            "none",
            (ALICE.0, "Pässwörd \u{1f511}"),
            &[],
            Some("refused InvalidTokenError"),
        ),
        (
            "require",
            BOB,
            &["--channel-binding", "off"],
            Some("refused BindingRequired"),
        ),
        ("allow", BOB, &["--channel-binding", "off"], None),
        ("none", BOB, &["--channel-binding", "off"], None),
    ] {
        let server = Server::simple(policy);
        let args = [args, &["--batch-size", "1", "--connections", "1"]].concat();
        let (code, printed) = server.export(user, &args);
        let Some(expected) = expected else {
            assert_eq!(code, 0, "{policy} {args:?}: {printed}");
            continue;
        };
        assert_eq!(code, 3, "{policy} {args:?}: {printed}");
        assert!(
            printed.contains("password is wrong") && printed.contains("channel binding"),
            "{printed}"
        );
        let whole = [("asked", false), ("challenged", false), (expected, true)];
        assert_eq!(server.legs(3), legs(&whole), "{policy} {args:?}");
        server.no_more();
    }
}

/// Debian's tinyproxy, which makes tunnels to any port.
struct Proxy {
    process: Child,
    address: String,
    _dir: tempfile::TempDir,
}

impl Proxy {
    /// `options` are lines of its configuration.
    fn start(options: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let configuration = dir.path().join("tinyproxy.conf");
        let text = format!(
            "Port {}\nListen 127.0.0.1\nTimeout 60\n{options}",
            address.port()
        );
        std::fs::write(&configuration, text).unwrap();
        let process = Command::new("tinyproxy")
            .arg("-d")
            .arg("-c")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if std::net::TcpStream::connect(address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            process,
            address: address.to_string(),
            _dir: dir,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// NTLM with its binding goes through a tunnel of a proxy of other authors.
#[test]
fn logins_through_a_proxy() {
    if !is_here() || !have("tinyproxy") {
        return;
    }
    let whole = legs(&[
        ("asked", false),
        ("challenged", false),
        ("accepted", true),
        ("served", true),
    ]);
    let batch = ["--batch-size", "1", "--connections", "1"];
    let server = Server::start(&["-newkey", "rsa:2048"], "require", "Negotiate,NTLM", "yes");
    let proxy = Proxy::start("");
    let url = format!("https://127.0.0.1:{}/", server.port);
    let args = [&["--proxy", &proxy.address][..], &batch].concat();
    let (code, printed) = server.export_by(&url, ALICE, &args, &[]);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(server.legs(4), whole);
    let (code, printed) = server.export_by(&url, (ALICE.0, "other-pw"), &args, &[]);
    assert_eq!(code, 3, "{printed}");
    assert_eq!(server.legs(3)[2].0, "refused InvalidTokenError");
    server.no_more();

    // The proxy of the environment is not used for 127.0.0.1. Linux connects to 0.0.0.0 on this machine, too.
    let proxy = Proxy::start("BasicAuth pat proxy-pw\n");
    let url = format!("https://0.0.0.0:{}/", server.port);
    for (user, expected) in [("pat:proxy-pw@", 0), ("", 3), ("pat:wrong@", 3)] {
        let variable = format!("http://{user}{}", proxy.address);
        let variables = [("https_proxy", variable.as_str()), ("no_proxy", "")];
        let (code, printed) = server.export_by(&url, ALICE, &batch, &variables);
        assert_eq!(code, expected, "{user}: {printed}");
        assert!(!printed.contains("proxy-pw"), "{printed}");
        match code {
            0 => assert_eq!(server.legs(4), whole),
            _ => assert!(
                printed.contains("407") || printed.contains("401"),
                "{printed}"
            ),
        }
        server.no_more();
    }
}

#[test]
fn a_large_body_goes_with_the_last_leg_alone() {
    if !is_here() {
        return;
    }
    let server = Server::simple("require");
    let ids: Vec<_> = (0..2_000).map(|it| format!("AAMk{it:0500}\n")).collect();
    std::fs::write(server.dir.path().join("ids"), ids.concat()).unwrap();
    let args = ["--batch-size", "2000", "--integrity", "off"];
    let (code, printed) = server.export(ALICE, &args);
    assert_eq!(code, 0, "{printed}");
    let expected = legs(&[("asked", false), ("challenged", false), ("accepted", true)]);
    assert_eq!(server.legs(3), expected);
    server.no_more();
}

/// What Python's cryptography makes of the certificate is what the command makes of it.
#[test]
fn certificates_of_every_signature() {
    if !is_here() {
        return;
    }
    let pss = |hash: &'static str| {
        vec![
            "-newkey",
            "rsa:2048",
            hash,
            "-sigopt",
            "rsa_padding_mode:pss",
            "-sigopt",
            "rsa_pss_saltlen:digest",
        ]
    };
    let ec =
        |curve: &'static str, hash: &'static str| vec!["-newkey", "ec", "-pkeyopt", curve, hash];
    for options in [
        vec!["-newkey", "rsa:2048", "-sha256"],
        vec!["-newkey", "rsa:2048", "-sha384"],
        vec!["-newkey", "rsa:2048", "-sha512"],
        vec!["-newkey", "rsa:2048", "-sha224"],
        vec!["-newkey", "rsa:2048", "-sha1"],
        vec!["-newkey", "rsa:2048", "-md5"],
        ec("ec_paramgen_curve:P-256", "-sha256"),
        ec("ec_paramgen_curve:P-384", "-sha384"),
        ec("ec_paramgen_curve:P-256", "-sha1"),
        pss("-sha256"),
        pss("-sha384"),
        pss("-sha1"),
        vec!["-newkey", "ed25519"],
    ] {
        // Its signature has no hash: the binding is left out.
        let policy = if options.contains(&"ed25519") {
            "allow"
        } else {
            "require"
        };
        let server = Server::start(&options, policy, "NTLM", "no");
        let (code, printed) = server.export(BOB, &["--auth", "ntlm"]);
        assert_eq!(code, 0, "{options:?}: {printed}");
        assert_eq!(server.legs(2)[1].0, "accepted", "{options:?}");
    }
}
