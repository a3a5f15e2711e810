//! Tests of `exportitems export`, `demo` and `emulate` over sockets.

mod common;

use std::path::Path;

use common::server::{http, Scripted, Setup};
#[cfg(target_os = "linux")]
use common::signalled;
use common::{command, files, json, run, status, stderr, stdout};
use exportitems_emulator::{Emulator, Scenario};
use exportitems_std::archive::display_path;
use serde_json::json;

/// Sizes near the limits of records and buffers.
const SIZES: [u64; 9] = [
    256, 257, 1024, 8_192, 31_742, 31_743, 100_000, 1_000_003, 3_000_000,
];

#[test]
fn every_file_is_what_the_server_has() {
    for scenario in [
        "",
        "style = '2010'\nframing = 'content-length'",
        "style = 'online'",
        "style = 'docs'",
        "tls = true",
    ] {
        let setup = Setup::new(scenario, &SIZES);
        let ca = setup.path("ca.pem");
        let mut args = vec!["--json", "--batch-size", "4", "--connections", "1"];
        if scenario.starts_with("tls") {
            args.extend(["--ca-file", ca.to_str().unwrap()]);
        }
        let output = setup.export(&args);
        assert_eq!(status(&output), 0, "{scenario}: {}", stderr(&output));
        assert_eq!(setup.exported(), (0..SIZES.len()).collect::<Vec<_>>());

        let (items, summary) = json(&output);
        for (position, item) in items.iter().enumerate() {
            assert_eq!(item["index"], position);
            assert_eq!(item["status"], "ok");
            assert_eq!(item["item_id"], setup.id(position));
            assert_eq!(item["bytes"], SIZES[position]);
            assert_eq!(item["integrity"], "whole", "{item}");
            assert_eq!(item["disposition"], "done");
            assert_eq!(item["sha256"].as_str().unwrap().len(), 64);
        }
        assert_eq!(summary["items"], SIZES.len());
        assert_eq!(summary["response"], "complete");
        // Exchange 2010 accepts only its own version, which costs one more request to find out.
        let old = scenario.contains("2010") || scenario.contains("docs");
        let requests = if old { 4 } else { 3 };
        assert_eq!(setup.emulator.requests().len(), requests, "{scenario}");
    }
}

/// The connection is cut in the middle of the third of five items.
const CUT: &str = "[[item]]\nindex = 2\ntimes = 1\nanswer = { hang-up = { at = 0.5 } }";

#[test]
fn a_cut_costs_no_item() {
    for tls in ["", "tls = true\n"] {
        let setup = Setup::new(&[tls, CUT].concat(), &[50_000; 5]);
        let ca = setup.path("ca.pem");
        let mut args = vec!["--json", "--retry-for", "0"];
        if !tls.is_empty() {
            args.extend(["--ca-file", ca.to_str().unwrap()]);
        }
        let output = setup.export(&args);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        assert_eq!(setup.exported(), [0, 1, 2, 3, 4]);
        let (items, summary) = json(&output);
        assert_eq!(items.len(), 5, "{items:?}");
        assert_eq!((&summary["items"], &summary["ok"]), (&json!(5), &json!(5)));
        // The requests are for all items, the item in which the cut was, and the items after it.
        assert_eq!(setup.emulator.requests().len(), 3);

        let output = setup.export(&args);
        assert_eq!(status(&output), 0);
        assert!(stderr(&output).contains("holds 5 of 5 items already"));
        assert_eq!(setup.emulator.requests().len(), 3, "nothing is left");
    }
}

#[test]
fn with_patience_it_completes_by_itself() {
    let setup = Setup::new(CUT, &[50_000; 5]);
    let output = setup.export(&["--retry-for", "60"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(setup.exported(), [0, 1, 2, 3, 4]);
    let printed = stdout(&output);
    let last = printed.lines().last().unwrap();
    assert!(last.starts_with("5 of 5 items exported"), "{printed}");
    assert!(
        stderr(&output).contains("item 2: cut; requested again"),
        "{}",
        stderr(&output)
    );
}

/// For each way in which an export can fail: the exit status, the end of the response, and the exported items.
#[test]
fn every_class_of_failure_has_its_status() {
    let refused = "[[item]]\nindex = 1\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    let foreign = "[[item]]\nindex = 1\nanswer = { error = \
        { code = 'ErrorNonExistentMailbox', mailbox-guid = 'f3f6f699' } }";
    let marker =
        |place| format!("[[item]]\nindex = 1\nanswer = {{ marker = {{ place = '{place}' }} }}");
    let answer = |answer| format!("[[request]]\ntimes = 100\nanswer = {answer}");
    let html =
        "{ http = { status = 200, headers = { Content-Type = 'text/html' }, body = '<p>hi' } }";
    let cases: &[(&str, i32, &str, &[usize])] = &[
        (refused, 1, "complete", &[0, 2]),
        (foreign, 1, "complete", &[0, 2]),
        (
            "[[item]]\nindex = 1\nanswer = 'placeholder'",
            1,
            "complete",
            &[0, 2],
        ),
        (
            "[[item]]\nindex = 1\nanswer = 'no-data'",
            1,
            "complete",
            &[0, 2],
        ),
        (&marker("in-data"), 1, "complete", &[0, 2]),
        // The item after it is requested at once, because the server did not reach it.
        (&marker("instead-of-end-tags"), 3, "truncated", &[0, 2]),
        (
            &answer("{ fault = { code = 'ErrorServerBusy', back-off-ms = 5000 } }"),
            3,
            "fault",
            &[],
        ),
        (
            &answer("{ http = { status = 503, headers = { Retry-After = '3' } } }"),
            3,
            "not-soap",
            &[],
        ),
        (&answer("{ http = { status = 401 } }"), 3, "not-soap", &[]),
        (&answer(html), 3, "not-soap", &[]),
        (&answer("{ page = 'generic-error' }"), 3, "not-soap", &[]),
        (&answer("'hang-up'"), 3, "none", &[]),
    ];
    for &(scenario, code, ended, done) in cases {
        let setup = Setup::new(scenario, &[5_000; 3]);
        let output = setup.export(&["--json", "--retry-for", "0"]);
        let (items, summary) = json(&output);
        let case = format!("{scenario}: {summary} {items:?} {}", stderr(&output));
        assert_eq!(status(&output), code, "{case}");
        assert_eq!(summary["response"], ended, "{case}");
        assert_eq!(summary["ok"], done.len(), "{case}");
        assert_eq!(summary["failed"], 3 - done.len(), "{case}");
        assert_eq!(setup.exported(), done, "{case}");
        let positions: Vec<_> = items
            .iter()
            .map(|item| item["index"].as_u64().unwrap())
            .collect();
        let mut sorted = positions.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2], "{case}");
        if ended == "fault" {
            assert_eq!(summary["code"], "ErrorServerBusy", "{case}");
            assert_eq!(summary["back_off_ms"], 5000, "{case}");
            assert_eq!(summary["disposition"], "throttled", "{case}");
        }
        if scenario == foreign {
            let item = items.iter().find(|item| item["index"] == 1).unwrap();
            let message = item["message"].as_str().unwrap();
            assert!(message.ends_with("(MailboxGuid: f3f6f699)"), "{case}");
        }
        if scenario.contains("Retry-After") {
            assert_eq!(summary["back_off_ms"], 3000, "{case}");
            assert_eq!(summary["disposition"], "throttled", "{case}");
        }
        let said = stderr(&output);
        // A failure that concerns all items is printed once.
        let alike = matches!(ended, "not-soap" | "none" | "fault");
        let says = if alike {
            "nothing was exported: "
        } else {
            "missing: item"
        };
        assert_eq!(said.matches(says).count(), 1, "{case}");
        assert!(!alike || said.lines().count() == 1, "{case}");
        if alike {
            let output = setup.export(&["--retry-for", "0"]);
            assert_eq!(
                (status(&output), stdout(&output).as_str()),
                (3, ""),
                "{case}"
            );
            assert_eq!(stderr(&output).lines().count(), 1, "{case}");
        }
    }
}

#[test]
fn nobody_listens() {
    let mut setup = Setup::new("", &[5_000]);
    let url = setup.emulator.url();
    let other = Scenario::default();
    // The server has stopped, so nothing listens on its port.
    setup.emulator = Emulator::start(other, ([127, 0, 0, 1], 0).into()).unwrap();
    let output = setup.export_from(&url, &["--json"]);
    assert_eq!(status(&output), 3);
    let (items, summary) = json(&output);
    assert_eq!((items.len(), &summary["response"]), (0, &json!("none")));
    assert!(summary["error"]
        .as_str()
        .unwrap()
        .starts_with("cannot connect to 127.0.0.1:"));
    assert!(
        stderr(&output).starts_with("exportitems: nothing was requested: cannot connect to"),
        "{}",
        stderr(&output)
    );
    let output = setup.export_from(&url, &[]);
    assert_eq!((status(&output), stdout(&output).as_str()), (3, ""));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
}

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
fn an_untrusted_certificate_ends_it_at_once() {
    let setup = Setup::new("tls = true", &[5_000]);
    let output = setup.export(&["--retry-for", "60"]);
    assert_eq!(status(&output), 3);
    assert!(
        stderr(&output).contains("not issued by an authority that is trusted here")
            && stderr(&output).contains("--ca-file"),
        "{}",
        stderr(&output)
    );
    assert!(setup.exported().is_empty());
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

/// An export continues when the reader of its output goes away, because its result is the files.
#[test]
fn a_closed_output_does_not_end_an_export() {
    use std::process::Stdio;
    let setup = Setup::new("", &[5_000; 50]);
    let (ids, out) = (setup.path("ids"), setup.path("out"));
    let mut child = command(&["export", "--json", "--url", &setup.emulator.url()])
        .args([Path::new("--ids"), &ids, Path::new("--out"), &out])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(status(&output), 4);
    assert_eq!(stderr(&output), "");
    assert_eq!(setup.exported(), (0..50).collect::<Vec<_>>());
}

#[test]
fn the_demo_comes_out_as_planned() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("demo");
    let args = ["demo", "--items", "12", "--out", out.to_str().unwrap()];
    let output = run(&args, b"");
    assert_eq!(status(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let printed = stdout(&output);
    for part in [
        "item 4: failed, refused, ErrorItemNotFound",
        "item 8: failed, refused, ErrorInvalidChangeKey",
        "10 items exported",
        "byte for byte",
    ] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }
    assert_eq!(files(&out).len(), 11);
    // The demo refuses a directory that already holds items.
    assert_eq!(status(&run(&args, b"")), 2);
}

/// The commands that the demo prints at its end.
#[cfg(target_os = "linux")]
#[test]
fn the_emulator_serves_until_it_is_interrupted() {
    use std::io::{BufRead as _, BufReader};
    let dir = tempfile::tempdir().unwrap();
    let mut server = signalled(&["emulate", "--items", "3"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let lines: Vec<_> = lines.take(4).map(Result::unwrap).collect();
    let out = dir.path().to_str().unwrap();
    let args = ["export", "--url", &lines[0], "--ids", "-", "--out", out];
    let output = run(&args, lines[1..].join("\n").as_bytes());
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    // The items, the manifest and the report.
    assert_eq!(files(dir.path()).len(), 3 + 2);
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &server.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

/// The commands that the demo prints work when they are pasted.
#[cfg(unix)]
#[test]
fn the_lines_of_the_demo_work_when_pasted() {
    let dir = tempfile::tempdir().unwrap();
    // The commands must not use the file of an earlier server.
    std::fs::write(dir.path().join("url.txt"), "http://127.0.0.1:1/").unwrap();
    let demo = run(&["demo", "--items", "3"], b"");
    assert_eq!(status(&demo), 0, "{}", stderr(&demo));
    let printed = stdout(&demo);
    let after = printed.split("in a shell such as bash").nth(1).unwrap();
    let lines = after.lines().skip(1);
    let commands: Vec<_> = lines.map_while(|line| line.strip_prefix("  ")).collect();
    assert_eq!(commands.len(), 4, "{printed}");
    let script = commands.join("\n");
    let output = std::process::Command::new("sh")
        .args(["-ec", &script])
        .current_dir(&dir)
        .output()
        .unwrap();
    assert_eq!(status(&output), 0, "{script}\n{}", stderr(&output));
    assert!(
        stdout(&output).contains("10 of 10 items exported"),
        "{}",
        stdout(&output)
    );
    assert_eq!(files(&dir.path().join("mail")).len(), 10 + 2);
    assert!(printed.contains("in PowerShell"), "{printed}");
}

/// Ctrl-C in the middle of a demo and of an export.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_leaves_nothing_of_a_demo_and_says_how_to_resume_an_export() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Command, Stdio};
    let interrupt = |id: u32| {
        let sent = Command::new("kill")
            .args(["-INT", &id.to_string()])
            .status();
        assert!(sent.unwrap().success());
    };

    let temporary = tempfile::tempdir().unwrap();
    let mut demo = signalled(&["demo", "--items", "100000"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(demo.stdout.take().unwrap());
    let mut line = String::new();
    while line.trim().is_empty() || !line.starts_with("Exporting") {
        line.clear();
        stdout.read_line(&mut line).unwrap();
    }
    // Wait until the export has begun.
    while files(temporary.path()).len() < 3 {}
    interrupt(demo.id());
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);

    let slow = "[[item]]\nindex = 3\ntimes = 1\ndelay-ms = 100000\nanswer = 'whole'";
    let setup = Setup::new(slow, &[5_000; 5]);
    let mut export = signalled(&["export", "--json", "--url", &setup.emulator.url()])
        .args([Path::new("--ids"), &setup.path("ids")])
        .args([Path::new("--out"), &setup.path("out")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let manifest = setup.path("out/manifest.jsonl");
    let lines = || {
        let manifest = std::fs::read_to_string(&manifest).unwrap_or_default();
        manifest.matches(r#""status":"ok""#).count()
    };
    while lines() < 2 {}
    let mut messages = BufReader::new(export.stderr.take().unwrap());
    interrupt(export.id());
    let mut printed = String::new();
    while !printed.contains("press Ctrl-C again to stop at once") {
        assert!(messages.read_line(&mut printed).unwrap() > 0, "{printed}");
    }
    interrupt(export.id());
    messages.read_to_string(&mut printed).unwrap();
    assert_eq!(export.wait().unwrap().code(), Some(130));
    assert!(printed.contains("2 of 5 items are stored"), "{printed}");
    assert!(printed.contains("run the same command again"), "{printed}");
    assert_eq!(status(&setup.export(&[])), 0);
    assert_eq!(setup.exported(), [0, 1, 2, 3, 4]);
    // Dropping the server would wait for an answer that no client reads.
    core::mem::forget(setup.emulator);
}

/// The first signal stores the responses on the wire.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_export_finishes_its_requests() {
    use std::process::{Command, Stdio};
    let slow = "[[item]]\nindex = 2\ntimes = 1\ndelay-ms = 1500\nanswer = 'whole'";
    let setup = Setup::new(slow, &[5_000; 6]);
    let export = signalled(&["export", "--url", &setup.emulator.url()])
        .args([Path::new("--ids"), &setup.path("ids")])
        .args([Path::new("--out"), &setup.path("out")])
        .args(["--connections", "1", "--batch-size", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let manifest = setup.path("out/manifest.jsonl");
    let lines = || {
        let manifest = std::fs::read_to_string(&manifest).unwrap_or_default();
        manifest.matches(r#""status":"ok""#).count()
    };
    while lines() < 1 {}
    let kill = Command::new("kill")
        .args(["-TERM", &export.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let output = export.wait_with_output().unwrap();
    let printed = stderr(&output);
    assert_eq!(status(&output), 130, "{printed}");
    assert!(
        printed.contains("interrupted: 3 of 6 items are stored in"),
        "{printed}"
    );
    assert_eq!(setup.exported(), [0, 1, 2]);
    assert_eq!(status(&setup.export(&[])), 0);
    assert_eq!(setup.exported(), [0, 1, 2, 3, 4, 5]);
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

/// The output is a device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn an_output_on_a_full_disk_does_not_end_an_export() {
    use std::process::Stdio;
    let setup = Setup::new("", &[5_000; 30]);
    for (stdout, stderr, code) in [(true, false, 4), (false, true, 0), (true, true, 4)] {
        let full = || {
            Stdio::from(
                std::fs::File::options()
                    .write(true)
                    .open("/dev/full")
                    .unwrap(),
            )
        };
        let output = command(&["export", "--json", "--url", &setup.emulator.url()])
            .args([Path::new("--ids"), &setup.path("ids")])
            .args([Path::new("--out"), &setup.path("out")])
            .stdout(if stdout { full() } else { Stdio::piped() })
            .stderr(if stderr { full() } else { Stdio::piped() })
            .output()
            .unwrap();
        let case = format!("{stdout} {stderr}: {}", common::stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{case}");
        assert_eq!(setup.exported(), (0..30).collect::<Vec<_>>(), "{case}");
        std::fs::remove_dir_all(setup.path("out")).unwrap();
    }
}

/// When the disk becomes full during an export, each item of the manifest still has its line, and the summary follows.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_an_export_with_its_summary() {
    let setup = Setup::new("", &[300; 200]);
    let limited = "trap '' XFSZ; ulimit -f 60; exec \"$@\"";
    let output = std::process::Command::new("sh")
        .args(["-c", limited, "sh", env!("CARGO_BIN_EXE_exportitems")])
        .args(["export", "--json", "--url", &setup.emulator.url()])
        .args([Path::new("--ids"), &setup.path("ids")])
        .args([Path::new("--out"), &setup.path("out")])
        .output()
        .unwrap();
    assert_eq!(status(&output), 4, "{}", stderr(&output));
    let (items, summary) = json(&output);
    let ok = items.iter().filter(|item| item["status"] == "ok").count();
    assert_eq!(summary["ok"], ok);
    assert_eq!(summary["failed"], 200 - ok);
    assert!(
        summary["error"]
            .as_str()
            .unwrap()
            .contains("manifest.jsonl"),
        "{summary}"
    );
    let manifest = std::fs::read(setup.path("out/manifest.jsonl")).unwrap();
    let whole = manifest.split_inclusive(|&byte| byte == b'\n');
    let whole = whole.filter(|line| line.ends_with(b"\n"));
    let is_item = |line: &&[u8]| String::from_utf8_lossy(line).contains(r#""status":"ok""#);
    let whole = whole.filter(is_item).count();
    assert!(whole > 0);
    assert_eq!(ok, whole);
    let mut indices: Vec<_> = items
        .iter()
        .map(|item| item["index"].as_u64().unwrap())
        .collect();
    indices.sort_unstable();
    assert_eq!(indices, (0..200).collect::<Vec<_>>());
}

/// An export whose last response is cut after all of its items were refused.
#[test]
fn a_cut_after_refusals_is_status_3() {
    let refused = "[[item]]\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    let setup = Setup::new(refused, &[5_000; 3]);
    assert_eq!(status(&setup.export(&["--json"])), 1);
    let cut = Scripted::new(|_, _| {
        let message = "<m:ExportItemsResponseMessage ResponseClass=\"Error\"><m:ResponseCode>\
            ErrorItemNotFound</m:ResponseCode></m:ExportItemsResponseMessage>";
        let mut bytes = http(&common::response(&message.repeat(3)));
        bytes.truncate(bytes.len() - 10);
        bytes
    });
    // Items that were refused permanently are not requested again, but they are still printed.
    let output = setup.export_from(&cut.url, &["--json"]);
    let (items, summary) = json(&output);
    assert_eq!(
        (status(&output), &summary["response"]),
        (1, &json!("complete"))
    );
    let refused =
        |item: &serde_json::Value| item["error"] == "refused" && item["disposition"] == "permanent";
    assert!(items.len() == 3 && items.iter().all(refused), "{items:?}");
    assert_eq!(setup.emulator.requests().len(), 1);
    let output = setup.export_from(&cut.url, &[]);
    assert_eq!(status(&output), 1);
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("--retry-failed"), "{said}");

    let output = setup.export_from(&cut.url, &["--json", "--retry-failed"]);
    let (items, summary) = json(&output);
    assert_eq!(
        (status(&output), &summary["response"]),
        (3, &json!("cut")),
        "{items:?} {summary}"
    );
}

#[test]
fn an_item_above_the_limit_fails_alone() {
    let setup = Setup::new("", &[5_000, 60_000, 10_240]);
    let output = setup.export(&["--json", "--max-item-size", "10k"]);
    let (items, summary) = json(&output);
    assert_eq!(
        (status(&output), &summary["ok"]),
        (1, &json!(2)),
        "{items:?}"
    );
    let large = items.iter().find(|item| item["index"] == 1).unwrap();
    assert_eq!(large["error"], "too-large");
    assert_eq!(setup.exported(), [0, 2]);
    assert_eq!(status(&setup.export(&["--max-item-size", "ten"])), 2);
}

/// A new run requests items that may still succeed, but not those that the server refused permanently.
#[test]
fn what_failed_for_good_is_requested_on_demand() {
    let refused =
        "[[item]]\nindex = 1\ntimes = 1\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    let setup = Setup::new(refused, &[5_000; 3]);
    assert_eq!(status(&setup.export(&[])), 1);
    for json in [false, true] {
        let output = setup.export(if json { &["--json"] } else { &[] });
        assert_eq!(status(&output), 1);
        let said = stdout(&output) + &stderr(&output);
        assert!(
            said.contains("missing: item 1; ") && said.contains("--retry-failed"),
            "{said}"
        );
        assert!(!said.contains("run the same command again"), "{said}");
    }
    assert_eq!(setup.emulator.requests().len(), 1);
    let output = setup.export(&["--retry-failed"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(setup.emulator.requests().len(), 2);
    let last = stdout(&output).lines().last().unwrap().to_owned();
    assert!(last.starts_with("3 of 3 items exported"), "{last}");
}

/// A missing file is noticed at once, and an altered file with --recheck. Both are exported again.
#[test]
fn lost_and_altered_files_are_exported_again() {
    let setup = Setup::new("", &[5_000; 3]);
    assert_eq!(status(&setup.export(&[])), 0);
    let payloads: Vec<_> = files(&setup.path("out"))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "fts"))
        .map(|file| setup.path("out").join(file))
        .collect();
    std::fs::remove_file(&payloads[0]).unwrap();
    let output = setup.export(&[]);
    assert_eq!(status(&output), 0);
    assert!(stderr(&output).contains("1 file of"), "{}", stderr(&output));
    let mut altered = std::fs::read(&payloads[1]).unwrap();
    altered[100] ^= 1;
    std::fs::write(&payloads[1], altered).unwrap();
    assert!(stderr(&setup.export(&[])).contains("nothing is left to do"));
    let output = setup.export(&["--recheck"]);
    assert!(stderr(&output).contains("1 file of"), "{}", stderr(&output));
    assert_eq!(status(&output), 0);
    assert_eq!(
        status(&run(&["verify", setup.path("out").to_str().unwrap()], b"")),
        0
    );
}

/// When the server is busy and --retry-for is too short, the run says which value would be enough.
#[test]
fn a_run_that_ends_early_says_what_helps() {
    let busy = "[[request]]\ntimes = 1\nanswer = { fault = { code = 'ErrorServerBusy', back-off-ms = 1500 } }";
    let setup = Setup::new(busy, &[5_000; 3]);
    let output = setup.export(&[]);
    assert_eq!(status(&output), 3);
    let said = stderr(&output);
    let seconds = said
        .split("--retry-for ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let setup = Setup::new(busy, &[5_000; 3]);
    let output = setup.export(&["--retry-for", seconds]);
    assert_eq!(status(&output), 0, "{said} {}", stderr(&output));
    assert!(stderr(&output).contains("waiting "), "{}", stderr(&output));
}

/// Other users of the machine must not be able to read the exported mail.
#[cfg(unix)]
#[test]
fn what_is_written_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let setup = Setup::new("", &[5_000; 2]);
    let out = setup.path("out");
    let open = "umask 000; exec \"$@\"";
    let output = std::process::Command::new("sh")
        .args(["-c", open, "sh", env!("CARGO_BIN_EXE_exportitems")])
        .args(["export", "--url", &setup.emulator.url()])
        .args([
            Path::new("--ids"),
            &setup.path("ids"),
            Path::new("--out"),
            &out,
        ])
        .output()
        .unwrap();
    assert_eq!(status(&output), 0);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&out), mode(&out.join("items"))), (0o700, 0o700));
    for file in files(&out) {
        assert_eq!(mode(&out.join(&file)), 0o600, "{}", file.display());
        assert_eq!(mode(out.join(&file).parent().unwrap()), 0o700);
    }
}

/// The parser's message marks the error in several lines.
#[test]
fn a_scenario_that_is_wrong_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("scenario.toml");
    std::fs::write(&file, "style = '2016'\nno-such-field = 1\n").unwrap();
    let output = run(&["emulate", "--scenario", file.to_str().unwrap()], b"");
    assert_eq!(status(&output), 2);
    let said = stderr(&output);
    assert!(
        said.contains("\nexportitems: 2 | no-such-field = 1\n"),
        "{said}"
    );
}

/// If every request with one particular item fails, only that item is lost, and each run explains why.
#[test]
fn an_item_that_breaks_its_requests_is_named_on_each_run() {
    let setup = Setup::new("", &[5_000; 3]);
    let ids = [0, 1, 2].map(|at| setup.id(at));
    let bad = ids[1].clone();
    let server = Scripted::new(move |_, request| {
        if request.contains(&bad) {
            return b"HTTP/1.1 504 Gateway Time-out\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        let requested = ids.iter().filter(|id| request.contains(id.as_str()));
        let messages = requested.map(|id| {
            format!(
                "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError\
                 </m:ResponseCode><m:ItemId Id=\"{id}\"/>\
                 <m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data></m:ExportItemsResponseMessage>"
            )
        });
        http(&common::response(&messages.collect::<String>()))
    });
    for run in 0..2 {
        let output = setup.export_from(&server.url, &[]);
        assert_eq!(status(&output), 3, "{run}: {}", stderr(&output));
        let printed = stdout(&output);
        assert!(printed.contains("item 1: failed"), "{run}: {printed}");
        assert!(printed.contains("504"), "{run}: {printed}");
        assert!(
            printed.contains("2 of 3 items exported"),
            "{run}: {printed}"
        );
    }
}
