//! Options, credentials and headers of an export.

use std::path::Path;

use exportitems_std::archive::display_path;

use crate::common::server::Setup;
use crate::common::{command, run, status, stderr, stdout};

#[test]
fn credentials_come_from_the_environment_or_a_file() {
    let basic = Setup::new(
        "auth = { basic = { user = 'pat', password = 'p w' } }",
        &[5_000],
    );
    std::fs::write(basic.path("password"), "p w\r\n").unwrap();
    let file = basic.path("password");
    let user = ["--user", "pat", "--auth", "basic"];
    let with_file = [&user[..], &["--password-file", file.to_str().unwrap()]].concat();
    let output = basic.export(&with_file);
    assert_eq!(status(&output), 0, "{}", stderr(&output));

    let url = basic.emulator.url();
    let ids = basic.path("ids");
    let other = basic.path("other");
    let export = |args: &[&str], env: &[(&str, &str)]| {
        command(&["export", "--url", &url])
            .args([Path::new("--ids"), &ids, Path::new("--out"), &other])
            .args(args)
            .envs(env.iter().copied())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    };
    let output = export(&user, &[("EXPORTITEMS_PASSWORD", "wrong")]);
    assert_eq!(status(&output), 3);
    assert!(
        stderr(&output).contains("the user or the password is wrong"),
        "{}",
        stderr(&output)
    );
    assert!(!stderr(&output).contains("wrong\""));
    let output = export(&user, &[("EXPORTITEMS_PASSWORD", "p w")]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let output = export(&["--bearer-env", "NO_SUCH_VARIABLE"], &[]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("no environment variable"));

    let bearer = Setup::new("auth = { bearer = { token = 'T.o-k' } }", &[5_000]);
    std::fs::write(bearer.path("token"), "T.o-k\n").unwrap();
    let file = bearer.path("token");
    let output = bearer.export(&["--bearer-file", file.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
}

#[test]
fn the_options_are_in_the_request() {
    let setup = Setup::new("", &[5_000]);
    let output = setup.export(&[
        "--impersonate",
        "PrimarySmtpAddress:user@example.com",
        "--anchor-mailbox",
        "user@example.com",
        "--server-version",
        "Exchange2010_SP2",
        "--mailbox-culture",
        "de-DE",
        "--public-folder-mailbox",
        "folders@example.com",
        "--header",
        "X-Other: some value",
        "--header",
        "User-Agent: tester",
    ]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let requests = setup.emulator.requests();
    let asked = format!("{requests:?}");
    for part in [
        "user@example.com",
        "Exchange2010_SP2",
        "de-DE",
        "x-anchormailbox",
        "x-publicfoldermailbox",
        "folders@example.com",
        "x-other",
        "some value",
        "tester",
    ] {
        assert!(
            asked.to_lowercase().contains(&part.to_lowercase()),
            "{part} is not in {asked}"
        );
    }
}

/// The value of a refused header may be a secret, so it is not printed.
#[test]
fn a_header_does_not_carry_credentials() {
    let setup = Setup::new("", &[5_000]);
    for header in [
        "Authorization: Basic s3cret",
        "Cookie: s3cret",
        "X: Bearer s3cret",
        "s3cret",
        "Host: s3cret",
    ] {
        let output = setup.export(&["--header", header]);
        assert_eq!(status(&output), 2, "{header}");
        assert!(
            stderr(&output).contains("--header: "),
            "{}",
            stderr(&output)
        );
        assert!(!stderr(&output).contains("s3cret"), "{}", stderr(&output));
    }
    assert!(setup.emulator.requests().is_empty());
}

#[test]
fn wrong_usage_and_local_trouble() {
    let setup = Setup::new("", &[5_000]);
    let file = setup.path("ids");
    let file = file.to_str().unwrap();
    let below = format!("{file}/out");
    let shown = display_path(below.as_ref());
    let url = setup.emulator.url();
    for (args, code, says) in [
        (
            &["--url", "ftp://x/", "--ids", file, "--out", "x"][..],
            2,
            "begin with https://",
        ),
        (
            &["--url", "http://u:p@x/", "--ids", file, "--out", "x"],
            2,
            "user or password",
        ),
        (&["--url", &url, "--ids", file], 2, "--out <DIR>"),
        (&["--url", &url, "--ids", file, "--out", &below], 4, &shown),
        (
            &["--url", &url, "--ids", "/no/such", "--out", "x"],
            4,
            "/no/such",
        ),
        (
            &[
                "--url",
                &url,
                "--ids",
                file,
                "--out",
                "x",
                "--batch-size",
                "0",
            ],
            2,
            "--batch-size",
        ),
        (
            &[
                "--url",
                "https://127.0.0.1:1/",
                "--ids",
                file,
                "--out",
                "x",
                "--ca-file",
                "/no/ca",
            ],
            4,
            "/no/ca",
        ),
        (
            &[
                "--url",
                "http://example.com/",
                "--ids",
                file,
                "--out",
                "x",
                "--bearer-file",
                file,
            ],
            2,
            "--allow-plaintext-credentials",
        ),
    ] {
        let output = run(&[&["export"], args].concat(), b"");
        assert_eq!(status(&output), code, "{args:?}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(says),
            "{args:?}: {}",
            stderr(&output)
        );
    }
    assert!(setup.emulator.requests().is_empty());
}

/// The window is closed for an hour or more, or open for an hour or more.
#[test]
fn requests_are_sent_only_in_the_window() {
    let setup = Setup::new("", &[5_000; 2]);
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 3600;
    let window = |from: u64, to: u64| format!("{}:00-{}:00", (now + from) % 24, (now + to) % 24);
    let export = |window: &str| {
        let output = command(&["export", "--url", &setup.emulator.url(), "--window", window])
            .env("TZ", "UTC")
            .args([Path::new("--ids"), &setup.path("ids")])
            .args([Path::new("--out"), &setup.path("out")])
            .arg("--exit-after-window")
            .output()
            .unwrap();
        (status(&output), stderr(&output))
    };
    let (code, printed) = export(&window(2, 4));
    assert_eq!(code, 5, "{printed}");
    assert!(
        printed.contains("the window has closed: 0 of 2 items"),
        "{printed}"
    );
    assert!(setup.emulator.requests().is_empty());
    let (code, printed) = export(&window(22, 2));
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = export("8-20");
    assert_eq!(code, 2);
    assert!(printed.contains("such as 20:00-06:00"), "{printed}");
}

/// Half a megabyte over four connections, at 200 kB a second.
#[test]
fn the_rate_is_limited_over_all_connections() {
    let setup = Setup::new("", &[50_000; 10]);
    let began = std::time::Instant::now();
    let output = setup.export(&["--limit-rate", "200000", "--batch-size", "1"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(setup.exported().len(), 10);
    // Each connection may be ahead by one piece.
    assert!(began.elapsed().as_millis() > 1_200, "{:?}", began.elapsed());
}

/// In text, an export prints a line per failure, and with -v one per item.
#[test]
fn what_is_printed_can_be_chosen() {
    let refused = "[[item]]\nindex = 1\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    for (options, items, notes) in [
        (&[][..], 1, true),
        (&["-v"], 3, true),
        (&["--quiet"], 1, false),
    ] {
        let setup = Setup::new(refused, &[5_000; 3]);
        let output = setup.export(options);
        assert_eq!(status(&output), 1);
        let printed = stdout(&output);
        let about_items = printed.lines().filter(|line| !line.starts_with("missing"));
        // The last line is the summary.
        assert_eq!(about_items.count(), items + 1, "{options:?}: {printed}");
        assert!(printed.contains("ErrorItemNotFound"), "{printed}");
        let again = stderr(&setup.export(options));
        assert_eq!(again.contains("note: "), notes, "{again}");
    }
}
