//! What is written, and what happens if it cannot be written.

use std::path::Path;

use crate::common::server::Setup;
use crate::common::{command, files, json, run, status, stderr};

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
        let case = format!("{stdout} {stderr}: {}", crate::common::stderr(&output));
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
