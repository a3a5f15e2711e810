//! The demo, the emulator, and interrupts.

use std::path::Path;

use crate::common::server::Setup;
#[cfg(target_os = "linux")]
use crate::common::signalled;
use crate::common::{files, run, status, stderr, stdout};

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
