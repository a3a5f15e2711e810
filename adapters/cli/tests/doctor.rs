//! `exportitems doctor`: each broken set-up ends in the right advice.

mod common;

use std::path::{Path, PathBuf};

use common::server::Setup;
use common::tls::{listen, Identity};
use common::{command, status, stderr, stdout};
use exportitems_emulator::LoginResult;
use rcgen::{date_time_ymd, BasicConstraints, IsCa};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const USER: &str = r"CONTOSO\pat";
const PASSWORD: &str = "s3cret-pässwörd";
const WINDOWS: &str =
    "[auth.windows]\nuser = 'CONTOSO\\pat'\npassword = 's3cret-pässwörd'\nextended-protection = 'require'\n";
/// The end of a head with this body.
const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 56\r\n\r\n\
    <html><form><input type=\"password\" name=\"p\"></form></html>";

/// What the command printed as text, without its client-request-ids.
struct Transcript {
    text: String,
    lines: Vec<Value>,
    conclusion: Value,
    code: i32,
}

/// Runs the command once for a person and once for a program, without a proxy of the environment.
fn doctor(url: &str, args: &[&str]) -> Transcript {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("password"), PASSWORD).unwrap();
    let run = |format: &[&str]| {
        let output = command(&["doctor", "--url", url])
            .args(args)
            .args(format)
            .current_dir(&dir)
            .env_remove("https_proxy")
            .env_remove("HTTPS_PROXY")
            .output()
            .unwrap();
        let printed = stdout(&output) + &stderr(&output);
        assert!(!printed.contains(PASSWORD), "{printed}");
        (status(&output), printed)
    };
    let (code, text) = run(&[]);
    println!("{text}");
    let (json_code, json) = run(&["--json"]);
    assert_eq!(code, json_code, "{text}{json}");
    let mut lines: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let conclusion = lines.pop().expect("a summary")["summary"].take();
    assert_eq!(conclusion["would_work"], code == 0, "{json}");
    Transcript {
        text,
        lines,
        conclusion,
        code,
    }
}

impl Transcript {
    /// The last line for a person.
    fn last(&self) -> &str {
        self.text.lines().last().unwrap()
    }

    fn step(&self, name: &str) -> &Value {
        let mut steps = self.lines.iter();
        steps
            .find(|line| line["step"] == name)
            .expect("such a step")
    }

    /// This step failed, alone and last, and the last line gives this advice.
    fn fails(&self, step: &str, advice: &[&str]) {
        assert_eq!(self.code, 3, "{}", self.text);
        assert_eq!(self.conclusion["failed_step"], step, "{}", self.text);
        let failed = self.lines.iter().filter(|it| it["verdict"] == "failed");
        assert_eq!(failed.count(), 1, "{}", self.text);
        assert!(self.last().starts_with("An export would not work: "));
        for part in advice {
            assert!(self.last().contains(part), "{part:?} in {}", self.text);
            let json = self.conclusion["advice"].as_str().unwrap();
            assert!(json.contains(part), "{json}");
        }
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A server with these options, and the arguments with which its certificate is trusted.
fn server(scenario: &str) -> (Setup, String) {
    let setup = Setup::new(&format!("tls = true\n{scenario}"), &[300]);
    let ca = text(&setup.path("ca.pem"));
    (setup, ca)
}

const LOGIN: [&str; 4] = ["--user", USER, "--password-file", "password"];

fn with<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

#[test]
fn what_works() {
    let (setup, ca) = server(WINDOWS);
    let found = doctor(&setup.emulator.url(), &with(&[&LOGIN, &["--ca-file", &ca]]));
    assert_eq!(found.code, 0, "{}", found.text);
    assert_eq!(found.last(), "An export would work.");
    let steps: Vec<_> = found
        .lines
        .iter()
        .map(|it| it["step"].as_str().unwrap())
        .collect();
    let expected = [
        "name",
        "connection",
        "certificate",
        "TLS",
        "offers",
        "login",
        "EWS",
        "ExportItems",
    ];
    assert_eq!(steps, expected);
    let digest = Sha256::digest(setup.emulator.certificate().unwrap());
    let hex: Vec<_> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    assert_eq!(found.step("certificate")["sha256"], hex.as_str());
    assert!(found.text.contains(&hex), "{}", found.text);
    assert!(found
        .text
        .contains("accepted by NTLM, bound to the server's certificate"));
    // Once for each of the two runs.
    let logins = setup.emulator.logins();
    let results: Vec<_> = logins.iter().map(|login| login.result).collect();
    assert_eq!(results, [LoginResult::Accepted; 2]);

    let setup = Setup::new("", &[300]);
    let found = doctor(&setup.emulator.url(), &[]);
    assert_eq!(found.code, 0, "{}", found.text);
    assert!(found.text.contains("requires no login"), "{}", found.text);
}

#[test]
fn servers_that_are_not_reached() {
    let found = doctor("https://mail.invalid/", &["--proxy", "none"]);
    found.fails("name", &["check its name in the URL"]);

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let found = doctor(&format!("https://{address}/"), &[]);
    found.fails(
        "connection",
        &[
            "nothing listens on that port",
            "check the host and the port",
        ],
    );

    let setup = Setup::new("", &[300]);
    let found = doctor(&setup.emulator.url().replace("http:", "https:"), &[]);
    found.fails("TLS", &["correct the port, or use http://"]);

    let (setup, _) = server("");
    let found = doctor(&setup.emulator.url().replace("https:", "http:"), &[]);
    found.fails("HTTP", &["begin the URL with https://"]);

    let (setup, _) = server("[proxy]\nuser = 'pat'\npassword = 'x'");
    let proxy = setup.emulator.proxy_url().unwrap();
    let found = doctor("https://mail.example.test/", &["--proxy", &proxy]);
    found.fails("proxy", &["https_proxy=http://USER:PASSWORD@HOST:PORT"]);
}

#[test]
fn certificates_that_are_refused() {
    let (setup, _) = server("");
    let found = doctor(&setup.emulator.url(), &[]);
    found.fails(
        "certificate",
        &[
            "--ca-file",
            "--trust-certificate",
            "exportitems emulator CA",
        ],
    );
    let sha256 = found.step("certificate")["sha256"].as_str().unwrap();
    // It is printed so that this can be done.
    let trusted = doctor(&setup.emulator.url(), &["--trust-certificate", sha256]);
    assert_eq!(trusted.code, 0, "{}", trusted.text);

    let names = &["127.0.0.1"][..];
    let authority =
        |it: &mut rcgen::CertificateParams| it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let expired = |it: &mut rcgen::CertificateParams| {
        it.not_before = date_time_ymd(2020, 1, 1);
        it.not_after = date_time_ymd(2021, 1, 1);
    };
    for (identity, is_trusted, advice) in [
        (
            Identity::new(names, |_| ()),
            false,
            &["self-signed certificate", "--trust-certificate"][..],
        ),
        (
            Identity::new(names, authority),
            true,
            &["--trust-certificate"],
        ),
        (
            Identity::new(&["mail.example.test"], |_| ()),
            true,
            &["use one of its names"],
        ),
        (
            Identity::new(names, expired),
            true,
            &["renew the certificate"],
        ),
    ] {
        let url = identity.serve(&[], PAGE);
        let file = text(&identity.file("certificate.pem"));
        let args = if is_trusted {
            &["--ca-file", &file][..]
        } else {
            &[]
        };
        let found = doctor(&url, args);
        found.fails("certificate", advice);
        assert!(found.step("certificate")["sha256"].is_string());
    }

    let (server, client) = (Identity::new(names, |_| ()), Identity::new(&[], |_| ()));
    let url = server.serve(&[&client], PAGE);
    let file = text(&server.file("certificate.pem"));
    let found = doctor(&url, &["--ca-file", &file]);
    found.fails("TLS", &["--client-certificate and --client-key"]);

    // A server of TLS 1.1 answers with the alert protocol_version.
    let old = listen(|mut socket| {
        use std::io::{Read as _, Write as _};
        let _ = socket.read(&mut [0; 4096])?;
        socket.write_all(&[21, 3, 2, 0, 2, 2, 70])?;
        let _ = socket.read(&mut [0; 4096]);
        Ok(())
    });
    doctor(&old, &[]).fails("TLS", &["enable TLS 1.2"]);
}

#[test]
fn logins_that_are_refused() {
    let (setup, ca) = server(WINDOWS);
    let (url, ca) = (setup.emulator.url(), ["--ca-file", &ca[..]]);
    let wrong = setup.path("wrong");
    std::fs::write(&wrong, "other").unwrap();
    let wrong = text(&wrong);
    let wrong = ["--user", USER, "--password-file", &wrong];
    let results = || {
        let logins = setup.emulator.logins();
        logins.iter().map(|login| login.result).collect::<Vec<_>>()
    };

    doctor(&url, &ca).fails("login", &["give --user"]);
    assert!(results().is_empty());
    let found = doctor(&url, &with(&[&wrong, &ca]));
    found.fails(
        "login",
        &["check --user", "if a proxy intentionally ends TLS"],
    );
    for cause in [
        "the user or the password is wrong",
        "the channel binding does not match",
    ] {
        assert!(found.text.contains(cause), "{}", found.text);
    }
    assert_eq!(results(), [LoginResult::WrongPassword; 2]);
    let found = doctor(&url, &with(&[&wrong, &ca, &["--try-without-binding"]]));
    assert_eq!(found.code, 3);
    assert!(
        found.text.contains("refused without a channel binding too"),
        "{}",
        found.text
    );
    assert_eq!(results().len(), 6);

    let found = doctor(&url, &with(&[&LOGIN, &ca, &["--auth", "basic"]]));
    found.fails("login", &["leave --auth basic out"]);
    let (basic, its_ca) = server("[auth.windows]\nuser = 'x'\npassword = 'x'\noffers = ['basic']");
    let args = with(&[&LOGIN, &["--ca-file", &its_ca]]);
    doctor(&basic.emulator.url(), &args).fails(
        "login",
        &["give --auth basic if this server may have the password"],
    );
}

/// A proxy whose authority is trusted ends TLS with a certificate of its own.
#[test]
fn a_man_in_the_middle() {
    for (policy, without_binding) in [("require", "refused"), ("allow", "accepted")] {
        let (setup, _) = server(&WINDOWS.replace("require", policy));
        let proxy = Identity::new(&["127.0.0.1"], |params| {
            let name = &mut params.distinguished_name;
            name.push(rcgen::DnType::CommonName, "Example Inspection");
        });
        let address = setup.emulator.url();
        let address = address.split('/').nth(2).unwrap().parse().unwrap();
        let url = proxy.inspect(address, setup.emulator.ca_pem().unwrap());
        let file = text(&proxy.file("certificate.pem"));
        let args = with(&[&LOGIN, &["--ca-file", &file, "--try-without-binding"]]);
        let found = doctor(&url, &args);
        found.fails("login", &["Example Inspection", "--channel-binding off"]);
        let says = format!("login is {without_binding} without a channel binding");
        assert!(found.text.contains(&says), "{}", found.text);
        // Who does not trust the proxy's authority is not inspected.
        let found = doctor(&url, &LOGIN);
        found.fails("certificate", &["a proxy that inspects TLS"]);
    }
}

#[test]
fn what_answers_in_place_of_ews() {
    let setup = Setup::new("", &[300]);
    let url = setup.emulator.url().replace("/EWS/", "/owa/");
    doctor(&url, &[]).fails("EWS", &["its path is /EWS/Exchange.asmx"]);

    let identity = Identity::new(&["127.0.0.1"], |_| ());
    let file = text(&identity.file("certificate.pem"));
    let trust = ["--ca-file", &file[..]];
    let url = identity.serve(&[], PAGE);
    doctor(&url, &trust).fails("EWS", &["gateway to let /EWS pass"]);
    let url = identity.serve(&[], b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    doctor(&url, &trust).fails("EWS", &["EwsEnabled has to be true"]);
}

/// The file of a token with these claims, encoded by the caller.
fn token(setup: &Setup, claims: &str) -> PathBuf {
    let path = setup.path("token");
    std::fs::write(&path, format!("e30.{claims}.c2ln")).unwrap();
    path
}

#[test]
fn access_tokens() {
    // {"exp":1700000000,"appid":"my-app","tid":"my-tenant","aud":"https://outlook.office365.com","roles":["full_access_as_app"]}
    const EXPIRED: &str = "eyJleHAiOjE3MDAwMDAwMDAsImFwcGlkIjoibXktYXBwIiwidGlkIjoibXktdGVuYW50IiwiYXVkIjoiaHR0cHM6Ly9vdXRsb29rLm9mZmljZTM2NS5jb20iLCJyb2xlcyI6WyJmdWxsX2FjY2Vzc19hc19hcHAiXX0";
    // {"exp":9000000000,"appid":"my-app","aud":"https://graph.microsoft.com"}
    const GRAPH: &str = "eyJleHAiOjkwMDAwMDAwMDAsImFwcGlkIjoibXktYXBwIiwiYXVkIjoiaHR0cHM6Ly9ncmFwaC5taWNyb3NvZnQuY29tIn0";
    let setup = Setup::new("auth = { bearer = { token = 'right' } }", &[300]);
    let url = setup.emulator.url();
    let file = text(&token(&setup, EXPIRED));
    let found = doctor(&url, &["--bearer-file", &file]);
    found.fails("token", &["request a new one"]);
    assert_eq!(found.step("token")["app_id"], "my-app");
    assert!(found.text.contains("tenant my-tenant"), "{}", found.text);
    assert!(
        found.text.contains("roles full_access_as_app"),
        "{}",
        found.text
    );
    assert!(
        found.text.contains("expires on 2023-11-14 22:13 UTC"),
        "{}",
        found.text
    );
    assert!(!found.text.contains(EXPIRED));
    // An expired token is not sent.
    let requests = setup.emulator.requests();
    assert!(requests
        .iter()
        .all(|request| request.header("authorization").is_none()));

    let file = text(&token(&setup, GRAPH));
    let found = doctor(&url, &["--bearer-file", &file]);
    found.fails(
        "login",
        &[
            "write a new token to the file of --bearer-file",
            "the token is not for Exchange",
        ],
    );
    assert!(
        found.text.contains("the token is not for Exchange"),
        "{}",
        found.text
    );
    let found = doctor(&url, &["--bearer-file", "missing"]);
    found.fails("credentials", &["give the name of a file"]);
}

#[test]
fn rights() {
    let refusal = |code: &str| {
        let fault = format!("[[request]]\ntimes = 4\nanswer = {{ fault = {{ code = '{code}' }} }}");
        Setup::new(&fault, &[300])
    };
    for (code, advice) in [
        ("ErrorImpersonateUserDenied", "ApplicationImpersonation"),
        ("ErrorNonPrimarySmtpAddress", "must not be an alias"),
        ("ErrorNonExistentMailbox", "must not be an alias"),
        ("ErrorAccessDenied", "EwsAllowedAppIDs"),
        ("ErrorServerBusy", "run the command again later"),
    ] {
        let setup = refusal(code);
        let found = doctor(&setup.emulator.url(), &["--mailbox", "bob@example.com"]);
        found.fails("ExportItems", &[advice]);
        let requests = setup.emulator.requests();
        let anchored = requests
            .iter()
            .filter(|it| it.header("x-anchormailbox") == Some("bob@example.com"));
        assert_eq!(anchored.count(), requests.len());
    }
}
