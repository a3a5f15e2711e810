//! pyspnego, an NTLM server of other authors, accepts and refuses as Exchange does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use exportitems_ntlm::{Authenticate, Challenge, ChannelBinding, Login, NtHash, User, NEGOTIATE};

#[path = "../../../tests/src/data.rs"]
mod data;

/// The users that the server knows, as pyspnego's file has them.
const USERS: &str = "CONTOSO:alice:pässwörd \u{1f511}\n\
    CONTOSO:jörg:Password\n\
    :bob@contoso.com:Password\n\
    CONTOSO:empty:\n";
/// The hash of the server's certificate.
const CERTIFICATE: [u8; 48] = [0xc5; 48];

/// Whether there is a Python with pyspnego; CI must have one.
fn is_here() -> bool {
    let python = Command::new("python3")
        .args(["-c", "import spnego"])
        .output();
    let here = python.is_ok_and(|output| output.status.success());
    if !here {
        data::skip_without("python3 has no pyspnego");
    }
    here
}

struct Server {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    /// `name` makes the file of users the test's own.
    fn start(name: &str) -> Self {
        let users = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.users"));
        std::fs::write(&users, USERS).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/ntlm_acceptor.py");
        let mut process = Command::new("python3")
            .arg(script)
            .env("NTLM_USER_FILE", &users)
            .env("PYTHONUTF8", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: process.stdin.take().unwrap(),
            output: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    fn step(&mut self, message: &[u8]) -> String {
        self.ask(&format!("step {}", hex(message)))
    }

    /// The challenge of a new connection.
    fn challenge(&mut self, protocol: &str, policy: &str) -> Vec<u8> {
        let command = format!("new {protocol} {policy} {}", hex(&CERTIFICATE));
        assert_eq!(self.ask(&command), "ready");
        let answer = self.step(&NEGOTIATE);
        let challenge = answer.strip_prefix("challenge ").expect(&answer);
        (0..challenge.len() / 2)
            .map(|at| u8::from_str_radix(&challenge[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn answer(message: &[u8], user: &str, password: &str, binding: Option<ChannelBinding>) -> Vec<u8> {
    let challenge = Challenge::read(message).unwrap();
    let login = Login {
        user: User::parse(user).unwrap(),
        hash: &NtHash::from_password(password),
        host: "mail.contoso.com",
        binding,
        nonce: *b"\x01\x02\x03\x04\x05\x06\x07\x08",
    };
    let answer = Authenticate::new(&challenge, &login).unwrap();
    let mut buffer = vec![0; answer.len()];
    answer.write(&mut buffer).unwrap().to_vec()
}

fn right() -> ChannelBinding {
    ChannelBinding::tls_server_end_point(&CERTIFICATE)
}

#[test]
fn bindings() {
    if !is_here() {
        return;
    }
    let mut server = Server::start("bindings");
    let wrong = Some(ChannelBinding::tls_server_end_point(&[0xc4; 48]));
    let other_hash = Some(ChannelBinding::tls_server_end_point(&CERTIFICATE[..32]));
    let zero = Some(ChannelBinding::from_bytes([0; 16]));
    let accepted = r"accepted CONTOSO\jörg";
    for (policy, binding, expected) in [
        ("require", Some(right()), accepted),
        ("require", wrong, "refused BadBindingsError"),
        ("require", other_hash, "refused BadBindingsError"),
        ("require", None, "refused BindingRequired"),
        ("require", zero, "refused BindingRequired"),
        ("allow", Some(right()), accepted),
        ("allow", wrong, "refused BadBindingsError"),
        ("allow", None, accepted),
        ("allow", zero, accepted),
    ] {
        // Under `Negotiate` the messages are the same, not wrapped in SPNEGO.
        for protocol in ["ntlm", "negotiate"] {
            let challenge = server.challenge(protocol, policy);
            let message = answer(&challenge, r"CONTOSO\jörg", "Password", binding);
            assert_eq!(server.step(&message), expected, "{policy} {binding:?}");
        }
    }
}

#[test]
fn names_and_passwords() {
    if !is_here() {
        return;
    }
    let mut server = Server::start("names");
    let refused = "refused InvalidTokenError";
    for (user, password, expected) in [
        (
            r"CONTOSO\alice",
            "pässwörd \u{1f511}",
            r"accepted CONTOSO\alice",
        ),
        (
            r"CONTOSO\ALICE",
            "pässwörd \u{1f511}",
            r"accepted CONTOSO\ALICE",
        ),
        (r"CONTOSO\JÖRG", "Password", r"accepted CONTOSO\JÖRG"),
        (r"contoso\jörg", "Password", r"accepted contoso\jörg"),
        ("bob@contoso.com", "Password", "accepted bob@contoso.com"),
        (r"CONTOSO\empty", "", r"accepted CONTOSO\empty"),
        (r"CONTOSO\alice", "passwörd \u{1f511}", refused),
        (r"CONTOSO\alice", "pa\u{308}sswörd \u{1f511}", refused), // not normalised
        (r"CONTOSO\alice", "pässwörd \u{1f511} ", refused),       // not trimmed
        (r"CONTOSO\alice", "", refused),
        ("bob@contoso.com", "password", refused),
    ] {
        let challenge = server.challenge("ntlm", "require");
        let message = answer(&challenge, user, password, Some(right()));
        assert_eq!(server.step(&message), expected, "{user} {password}");
    }
}

/// A man in the middle who changes what only the MIC covers.
#[test]
fn changed_messages() {
    if !is_here() {
        return;
    }
    let mut server = Server::start("changed");
    let refused = "refused InvalidTokenError";
    // Version and target name of the challenge.
    for at in [48, 56] {
        let mut challenge = server.challenge("ntlm", "require");
        challenge[at] ^= 1;
        let message = answer(&challenge, r"CONTOSO\jörg", "Password", Some(right()));
        assert_eq!(server.step(&message), refused, "byte {at} of the challenge");
    }
    // Flags, version, MIC, proof and binding of the answer.
    let len = {
        let challenge = server.challenge("ntlm", "require");
        answer(&challenge, r"CONTOSO\jörg", "Password", Some(right())).len()
    };
    for at in [61, 64, 72, 87, len - 1] {
        let challenge = server.challenge("ntlm", "require");
        let mut message = answer(&challenge, r"CONTOSO\jörg", "Password", Some(right()));
        message[at] ^= 1;
        assert_eq!(server.step(&message), refused, "byte {at} of the answer");
    }
}
