//! The command logs in as on-premises Exchange wants it.

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use common::server::Setup;
use common::{status, stderr, stdout};
use exportitems_emulator::LoginResult;

const PASSWORD: &str = "pässwörd \u{1f511}";

/// A server with this `[auth.windows]`.
fn setup(user: &str, options: &str) -> Setup {
    let scenario =
        format!("tls = true\n[auth.windows]\nuser = '{user}'\npassword = '{PASSWORD}'\n{options}");
    let setup = Setup::new(&scenario, &[300, 70_000, 1_000]);
    std::fs::write(setup.path("password"), PASSWORD).unwrap();
    std::fs::write(setup.path("wrong"), "s3cret-pass").unwrap();
    setup
}

/// Exports one item a request; what was printed, and the exit status.
fn export(setup: &Setup, user: &str, password: &str, args: &[&str]) -> (String, i32) {
    let (password, ca) = (setup.path(password), setup.path("ca.pem"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (password, ca) = (text(&password), text(&ca));
    let all = [
        &["--user", user, "--password-file", &password][..],
        &["--ca-file", &ca, "--batch-size", "1", "--connections", "1"],
        args,
    ];
    let output = setup.export(&all.concat());
    let printed = stdout(&output) + &stderr(&output);
    assert!(
        !printed.contains(PASSWORD) && !printed.contains("s3cret-pass"),
        "{printed}"
    );
    (printed, status(&output))
}

fn results(setup: &Setup) -> Vec<LoginResult> {
    let logins = setup.emulator.logins();
    logins.iter().map(|login| login.result).collect()
}

#[test]
fn a_login_serves_all_requests_of_a_run() {
    for user in [r"CONTOSO\jörg", "jörg@contoso.com"] {
        let setup = setup(user, "extended-protection = 'require'\naffinity = true");
        let (printed, code) = export(&setup, user, "password", &[]);
        assert_eq!(code, 0, "{printed}");
        assert_eq!(setup.exported(), [0, 1, 2]);
        assert_eq!(results(&setup), [LoginResult::Accepted]);
        let manifest = std::fs::read_to_string(setup.path("out/manifest.jsonl")).unwrap();
        assert!(!manifest.contains(PASSWORD));
    }
}

#[test]
fn a_refused_login_costs_one_try_and_names_its_causes() {
    let setup = setup(r"CONTOSO\pat", "extended-protection = 'require'");
    for (password, args, result, says) in [
        (
            "wrong",
            &[][..],
            LoginResult::WrongPassword,
            "password is wrong",
        ),
        (
            "wrong",
            &[],
            LoginResult::WrongPassword,
            "channel binding does not match",
        ),
        (
            "wrong",
            &[],
            LoginResult::WrongPassword,
            "give --channel-binding off",
        ),
        (
            "wrong",
            &["--auth", "ntlm"],
            LoginResult::WrongPassword,
            "the login by NTLM was refused",
        ),
        (
            "wrong",
            &["--auth", "negotiate"],
            LoginResult::WrongPassword,
            "the login by Negotiate was refused",
        ),
        (
            "password",
            &["--channel-binding", "off"],
            LoginResult::NoBinding,
            "requires a channel binding (Extended Protection), which is turned off here",
        ),
    ] {
        let before = results(&setup).len();
        let (printed, code) = export(&setup, r"CONTOSO\pat", password, args);
        assert_eq!(code, 3, "{printed}");
        assert!(printed.contains(says), "{printed}");
        assert!(
            printed.contains("the server offers Negotiate, NTLM"),
            "{printed}"
        );
        assert_eq!(results(&setup)[before..], [result], "{args:?}");
    }
}

#[test]
fn how_to_log_in_can_be_chosen() {
    for (auth, offers, code, says) in [
        ("auto", "'basic', 'negotiate'", 0, ""),
        ("negotiate", "'ntlm', 'negotiate'", 0, ""),
        ("ntlm", "'ntlm', 'negotiate'", 0, ""),
        (
            "auto",
            "'basic'",
            3,
            "give --auth basic if this server may have the password",
        ),
        ("ntlm", "'negotiate'", 3, "leave --auth out"),
        ("basic", "'ntlm'", 3, "leave --auth basic out"),
        ("bearer", "'ntlm'", 2, "--auth bearer sends an access token"),
    ] {
        let setup = setup(r"CONTOSO\pat", &format!("offers = [{offers}]"));
        let (printed, found) = export(&setup, r"CONTOSO\pat", "password", &["--auth", auth]);
        assert_eq!(found, code, "{auth} {offers}: {printed}");
        assert!(printed.contains(says), "{auth} {offers}: {printed}");
        let expected = if code == 0 {
            &[LoginResult::Accepted][..]
        } else {
            &[]
        };
        assert_eq!(results(&setup), expected);
    }
    let setup = setup(r"CONTOSO\pat", "");
    for auth in ["basic", "ntlm", "negotiate", "bearer"] {
        let output = setup.export(&["--auth", auth]);
        assert_eq!(status(&output), 2);
        assert!(stderr(&output).contains("need"), "{}", stderr(&output));
    }
    std::fs::write(setup.path("empty"), "\r\n").unwrap();
    let empty = setup.path("empty");
    let empty = empty.to_str().unwrap();
    for (args, says) in [
        (
            &["--auth", "negotiate", "--bearer-file", empty][..],
            "do not send access tokens",
        ),
        (&["--auth", "bearer", "--user", "pat"], "--token-command"),
        (
            &["--user", "pat", "--password-file", empty],
            "the password is empty",
        ),
    ] {
        let output = setup.export(args);
        assert_eq!(status(&output), 2);
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
    assert_eq!(results(&setup), []);
}

/// Servers also throttle by 401: credentials that have worked rest for five minutes before they are tried once more.
#[test]
fn a_refusal_after_a_success_is_waited_for() {
    let setup = Setup::new(
        "auth = { basic = { user = 'pat', password = 's3cret-pass' } }\n\
         [[request]]\nanswer = 'normal'\n\
         [[request]]\ntimes = 9\n\
         answer = { http = { status = 401, headers = { WWW-Authenticate = 'Basic realm=\"x\"' }, body = '' } }",
        &[300, 70_000, 1_000],
    );
    std::fs::write(setup.path("wrong"), "s3cret-pass").unwrap();
    let password = setup.path("wrong");
    let password = [
        "--user",
        "pat",
        "--password-file",
        password.to_str().unwrap(),
    ];
    let (ids, out) = (setup.path("ids"), setup.path("out"));
    let mut export = common::command(&["export", "--url", &setup.emulator.url()])
        .args([Path::new("--ids"), &ids, Path::new("--out"), &out])
        .args(password)
        .args(["--auth", "basic", "--batch-size", "1", "--connections", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(export.stderr.take().unwrap()).lines();
    let line = lines.next().expect("a line").unwrap();
    assert!(line.contains("waiting 300 s: HTTP 401"), "{line}");
    assert_eq!(setup.emulator.requests().len(), 2);
    export.kill().unwrap();
    export.wait().unwrap();

    // Credentials that have not worked in this run are not tried again.
    let args = ["--auth", "basic", "--batch-size", "1"];
    let output = setup.export(&[&password[..], &args].concat());
    assert_eq!(status(&output), 3, "{}", stderr(&output));
    assert_eq!(setup.emulator.requests().len(), 3);
}
