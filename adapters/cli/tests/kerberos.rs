//! The command logs in with Kerberos tickets of a KDC of MIT's, to a server that MIT's library judges for.
#![cfg(all(feature = "kerberos", unix))]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use common::tls::Identity;
use common::{command, have, status, stderr, stdout};
use sha2::{Digest as _, Sha256};

/// The Python of the system, which has Debian's python3-gssapi.
const PYTHON: &str = "/usr/bin/python3";
const PASSWORD: &str = "s3cret-ticket";

fn is_here() -> bool {
    let python = Command::new(PYTHON).args(["-c", "import gssapi"]).output();
    let here = python.is_ok_and(|output| output.status.success());
    assert!(
        here || std::env::var("CI").as_deref() != Ok("true"),
        "{PYTHON} has no gssapi"
    );
    if !here {
        println!("skipped: {PYTHON} has no gssapi");
    }
    here && have("krb5kdc") && have("kdb5_util") && have("kadmin.local") && have("kinit")
}

/// A realm with the user alice and the server HTTP/localhost.
struct Realm {
    dir: tempfile::TempDir,
    kdc: Child,
}

impl Realm {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let path = dir.path().display();
        let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
        write(
            "krb5.conf",
            format!(
                "[libdefaults]\ndefault_realm = EXAMPLE.TEST\ndns_lookup_kdc = false\nrdns = false\n\
                 dns_canonicalize_hostname = false\n[realms]\nEXAMPLE.TEST = {{\n kdc = 127.0.0.1:{port}\n}}\n\
                 [domain_realm]\nlocalhost = EXAMPLE.TEST\n"
            ),
        );
        write(
            "kdc.conf",
            format!(
                "[kdcdefaults]\nkdc_listen = 127.0.0.1:{port}\nkdc_tcp_listen = 127.0.0.1:{port}\n[realms]\n\
                 EXAMPLE.TEST = {{\n database_name = {path}/principal\n key_stash_file = {path}/stash\n}}\n"
            ),
        );
        let this = |name: &str, args: &[&str]| {
            let output = environment(Command::new(name), dir.path())
                .args(args)
                .output()
                .unwrap();
            assert!(output.status.success(), "{name}: {}", stderr(&output));
        };
        this("kdb5_util", &["create", "-s", "-P", "master"]);
        this(
            "kadmin.local",
            &["-q", &format!("addprinc -pw {PASSWORD} alice")],
        );
        this("kadmin.local", &["-q", "addprinc -randkey HTTP/localhost"]);
        this(
            "kadmin.local",
            &["-q", &format!("ktadd -k {path}/keytab HTTP/localhost")],
        );
        let kdc = environment(Command::new("krb5kdc"), dir.path())
            .arg("-n")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let realm = Self { dir, kdc };
        realm.kinit();
        realm
    }

    /// Gets a ticket, as soon as the KDC answers.
    fn kinit(&self) {
        std::fs::write(self.dir.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        for _ in 0..100 {
            let password = std::fs::File::open(self.dir.path().join("password")).unwrap();
            let output = environment(Command::new("kinit"), self.dir.path())
                .arg("alice")
                .stdin(password)
                .output()
                .unwrap();
            if output.status.success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the KDC gives no ticket");
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        let _ = self.kdc.kill();
        let _ = self.kdc.wait();
    }
}

/// Adds the variables of the realm in `dir`.
fn environment(mut command: Command, dir: &Path) -> Command {
    command
        .env("KRB5_CONFIG", dir.join("krb5.conf"))
        .env("KRB5_KDC_PROFILE", dir.join("kdc.conf"))
        .env(
            "KRB5CCNAME",
            format!("FILE:{}", dir.join("tickets").display()),
        )
        .env("KRB5_KTNAME", dir.join("keytab"));
    command
}

/// A server whose logins have to be bound to this hash.
struct Server {
    process: Child,
    url: String,
    log: Receiver<String>,
}

impl Server {
    fn start(realm: &Realm, identity: &Identity, hash: &[u8]) -> Self {
        let hash: Vec<_> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/kerberos_server.py"
        );
        let mut process = environment(Command::new(PYTHON), realm.dir.path())
            .arg(script)
            .args([identity.file("certificate.pem"), identity.file("key.pem")])
            .arg(hash.concat())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().expect("a port").unwrap();
        let (send, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Self {
            process,
            url: format!("https://localhost:{port}/EWS/Exchange.asmx"),
            log,
        }
    }

    /// Exports two items, each by a request of its own; the exit status and what was printed.
    fn export(&self, realm: &Realm, identity: &Identity, args: &[&str]) -> (i32, String) {
        let path = |name: &str| -> PathBuf { realm.dir.path().join(name) };
        let _ = std::fs::remove_dir_all(path("out"));
        std::fs::write(path("ids"), "AAMkAD0=\nAAMkAD1=\n").unwrap();
        let command = command(&[
            "export",
            "--url",
            &self.url,
            "--retry-for",
            "0",
            "--proxy",
            "none",
        ]);
        let output = environment(command, realm.dir.path())
            .args([
                "--auth",
                "negotiate",
                "--batch-size",
                "1",
                "--connections",
                "1",
            ])
            .args([
                Path::new("--ids"),
                &path("ids"),
                Path::new("--out"),
                &path("out"),
            ])
            .args([Path::new("--ca-file"), &identity.file("certificate.pem")])
            .args(args)
            .output()
            .unwrap();
        (status(&output), stdout(&output) + &stderr(&output))
    }

    fn lines(&self, count: usize) -> Vec<String> {
        let line = |_| {
            self.log
                .recv_timeout(Duration::from_secs(30))
                .expect("a request")
        };
        (0..count).map(line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn tickets_of_a_cache() {
    if !is_here() {
        return;
    }
    let realm = Realm::new();
    let identity = Identity::new(&["localhost"], |_| ());
    let right = Server::start(&realm, &identity, &Sha256::digest(&identity.der));
    // Of the user who runs the command, and of a user by both spellings of the realm.
    for user in [
        None,
        Some("alice"),
        Some("alice@EXAMPLE.TEST"),
        Some("alice@example.test"),
    ] {
        let args = user.map_or(vec![], |user| vec!["--user", user]);
        let (code, printed) = right.export(&realm, &identity, &args);
        assert_eq!(code, 0, "{user:?}: {printed}");
        let lines = right.lines(3);
        assert_eq!(lines[0], "asked 0");
        assert!(
            lines[1].starts_with("accepted alice@EXAMPLE.TEST "),
            "{lines:?}"
        );
        assert!(
            lines[2].starts_with("served "),
            "the connection is logged in: {lines:?}"
        );
    }

    let wrong = Server::start(&realm, &identity, &[0; 32]);
    let (code, printed) = wrong.export(&realm, &identity, &[]);
    assert_eq!(code, 3, "{printed}");
    assert!(
        printed.contains("with a Kerberos ticket was refused"),
        "{printed}"
    );
    assert!(
        printed.contains("the channel binding does not match"),
        "{printed}"
    );
    let lines = wrong.lines(2);
    assert!(lines[1].starts_with("refused "), "{lines:?}");
    // MIT's library accepts a login without a binding.
    let (code, printed) = wrong.export(&realm, &identity, &["--channel-binding", "off"]);
    assert_eq!(code, 0, "{printed}");

    std::fs::remove_file(realm.dir.path().join("tickets")).unwrap();
    let (code, printed) = right.export(&realm, &identity, &[]);
    assert_eq!(code, 2, "{printed}");
    assert!(
        printed.contains("there is no Kerberos ticket") && printed.contains("kinit"),
        "{printed}"
    );
    // Without a ticket the password is used, which this server does not accept.
    let password = realm.dir.path().join("password");
    let args = [
        "--user",
        "alice",
        "--password-file",
        password.to_str().unwrap(),
    ];
    let (code, printed) = right.export(&realm, &identity, &args);
    assert_eq!(code, 3, "{printed}");
    assert!(
        printed.contains("the server may require a Kerberos ticket"),
        "{printed}"
    );
    assert!(!printed.contains(PASSWORD), "{printed}");
}
