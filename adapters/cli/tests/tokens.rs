//! Access tokens that a command prints, and that an application requests.
#![cfg(unix)]

mod common;

use common::server::{Scripted, Setup};
use common::{status, stderr, stdout};

fn setup() -> Setup {
    Setup::new("auth = { bearer = { token = 't0ken' } }", &[300, 5_000])
}

#[test]
fn a_command_prints_a_token() {
    for command in [
        "echo t0ken",
        "printf '%s' \"t0ken\"",
        r#"sh -c 'echo "{\"access_token\":\"t0ken\",\"expires_in\":3600}"'"#,
        r#"echo '{"accessToken":"t0ken","expires_on":4102444800,"tokenType":"Bearer"}'"#,
        r#"echo '{"access_token":"t0ken","expires_in":"3600"}'"#,
        r#"echo '{"accessToken":"t0ken","expiresOn":"2026-11-28 01:02:03.000000"}'"#,
    ] {
        let setup = setup();
        let output = setup.export(&["--token-command", command, "--auth", "bearer"]);
        assert_eq!(
            status(&output),
            0,
            "{command}: {}",
            stdout(&output) + &stderr(&output)
        );
        assert_eq!(setup.exported(), [0, 1]);
    }
}

#[test]
fn a_command_runs_again_before_its_token_expires_and_after_a_401() {
    for (first, calls) in [
        (r#"{"access_token":"old","expires_in":3600}"#, 2),
        // It expires at once; the token after it does not.
        (r#"{"access_token":"old","expires_in":1}"#, 2),
        (r#"{"access_token":"t0ken","expires_in":60}"#, 1),
        ("old", 2),
    ] {
        let setup = setup();
        std::fs::write(setup.path("next"), first).unwrap();
        let next = setup.path("next");
        let next = next.display();
        let command = format!(
            "sh -c 'cat {next}; echo t0ken > {next}; echo call >> {}'",
            setup.path("calls").display()
        );
        let output = setup.export(&["--token-command", &command]);
        assert_eq!(status(&output), 0, "{}", stdout(&output) + &stderr(&output));
        let made = std::fs::read_to_string(setup.path("calls")).unwrap();
        assert_eq!(made.lines().count(), calls, "{first}");
    }
    let setup = setup();
    let output = setup.export(&["--token-command", "echo wr0ng"]);
    assert_eq!(status(&output), 3);
    let printed = stdout(&output) + &stderr(&output);
    assert!(
        printed.contains("there is no new one") && !printed.contains("wr0ng"),
        "{printed}"
    );
}

#[test]
fn a_command_that_gives_no_token_is_named() {
    for (command, code, says) in [
        ("", 2, "the command is empty"),
        ("echo 'a", 2, "a quotation mark is not closed"),
        (
            "no-such-program-here",
            4,
            "cannot start no-such-program-here",
        ),
        ("false", 4, "false failed (exit status: 1)"),
        ("true", 4, "the token is empty"),
        ("echo s3cret token", 4, "a bearer token cannot have"),
        (
            r#"echo '{"token":"s3cret"}'"#,
            4,
            "the JSON contains no access token",
        ),
    ] {
        let setup = setup();
        let output = setup.export(&["--token-command", command]);
        let printed = stdout(&output) + &stderr(&output);
        assert_eq!(status(&output), code, "{command}: {printed}");
        assert!(printed.contains(says), "{command}: {printed}");
        assert!(!printed.contains("s3cret"), "{printed}");
        assert!(setup.emulator.requests().is_empty());
    }
}

fn json(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[test]
fn an_application_requests_its_token() {
    let authority = Scripted::new(|_, form| {
        assert_eq!(
            form,
            "grant_type=client_credentials&client_id=app&client_secret=s3cret%26%2B&scope=https%3A%2F%2F\
             outlook.office365.com%2F.default"
        );
        json(
            "200 OK",
            r#"{"token_type":"Bearer","expires_in":"3599","access_token":"t0ken"}"#,
        )
    });
    let setup = setup();
    std::fs::write(setup.path("secret"), "s3cret&+\n").unwrap();
    let file = setup.path("secret");
    let base = authority.url.replace("/EWS/Exchange.asmx", "");
    let args = |authority: &str| {
        let file = file.to_str().unwrap();
        let args = [
            "--tenant",
            "contoso.com",
            "--client-id",
            "app",
            "--client-secret-file",
            file,
            "--authority",
            authority,
        ];
        args.map(str::to_owned)
    };
    let export = |setup: &Setup, authority: &str| {
        let args = args(authority);
        setup.export(&args.each_ref().map(String::as_str))
    };
    let output = export(&setup, &base);
    assert_eq!(status(&output), 0, "{}", stdout(&output) + &stderr(&output));
    assert_eq!(setup.exported(), [0, 1]);

    let refusal = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: x"}"#;
    for (answer, code, says) in [
        (
            json("401 Unauthorized", refusal),
            3,
            "invalid_client: AADSTS7000215: Invalid client secret provided.",
        ),
        (
            json("404 Not Found", "<html>"),
            3,
            "HTTP 404 without a token",
        ),
    ] {
        let authority = Scripted::new(move |_, _| answer.clone());
        let base = authority.url.replace("/EWS/Exchange.asmx", "");
        let output = export(&setup, &base);
        let printed = stdout(&output) + &stderr(&output);
        assert_eq!(status(&output), code, "{printed}");
        assert!(
            printed.contains(says) && !printed.contains("s3cret"),
            "{printed}"
        );
    }
    let output = export(&setup, "http://login.example.com");
    assert!(
        stderr(&output).contains("in plain text"),
        "{}",
        stderr(&output)
    );
}
