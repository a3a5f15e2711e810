//! What people see of an archive: seals, states, lists and reports.

mod common;

use std::path::Path;

use common::server::Setup;
use common::{run, status, stderr, stdout};
use serde_json::Value;

/// Runs a command on the archive of a setup.
fn on(setup: &Setup, args: &[&str]) -> (i32, String, String) {
    let out = setup.path("out");
    let mut all = vec![args[0], out.to_str().unwrap()];
    all.extend(&args[1..]);
    let output = run(&all, b"");
    (status(&output), stdout(&output), stderr(&output))
}

fn edit(path: &Path, change: impl Fn(String) -> String) {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, change(text)).unwrap();
}

/// An archive is sealed, and every later change fails.
#[test]
fn a_seal_is_written_and_compared() {
    let setup = Setup::new("", &[5_000; 3]);
    assert_eq!(status(&setup.export(&[])), 0);
    let (code, _, error) = on(&setup, &["verify", "--seal"]);
    assert_eq!(code, 4);
    assert!(error.contains("exportitems seal"), "{error}");

    let (code, printed, _) = on(&setup, &["seal"]);
    assert_eq!(code, 0, "{printed}");
    assert!(
        printed.contains("3 items") && printed.contains("gpg"),
        "{printed}"
    );
    let (code, printed, _) = on(&setup, &["verify", "--seal"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("unchanged since then"), "{printed}");
    let (_, json, _) = on(&setup, &["seal", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["totals"]["bytes"], 15_000);

    // A stray file fails only with the seal.
    let stray = setup.path("out/items/stray.fts");
    std::fs::write(&stray, "x").unwrap();
    assert_eq!(on(&setup, &["verify"]).0, 0);
    assert_eq!(on(&setup, &["verify", "--seal"]).0, 1);
    let (code, _, error) = on(&setup, &["seal"]);
    assert_eq!(code, 1);
    assert!(
        error.contains("stray.fts is not in the manifest"),
        "{error}"
    );
    std::fs::remove_file(stray).unwrap();

    let manifest = setup.path("out/manifest.jsonl");
    let before = std::fs::read_to_string(&manifest).unwrap();
    edit(&manifest, |text| text.replacen("NoError", "NoErrors", 1));
    let (code, printed, _) = on(&setup, &["verify"]);
    assert_eq!(code, 1);
    assert!(printed.contains("the manifest was edited"), "{printed}");
    assert_eq!(on(&setup, &["seal"]).0, 1);
    // The last line has no successor, so only the seal shows that it is missing.
    edit(&manifest, |_| {
        let end = before[..before.len() - 1].rfind('\n').unwrap();
        before[..=end].to_owned()
    });
    assert_eq!(on(&setup, &["verify"]).0, 0);
    let (code, printed, _) = on(&setup, &["verify", "--seal"]);
    assert_eq!(code, 1);
    assert!(printed.contains("differs from the one"), "{printed}");
}

/// A run says who exported what, when and from where.
#[test]
fn a_run_is_recorded() {
    let setup = Setup::new("", &[5_000; 3]);
    let output = setup.export(&["--header", "X-Key: hidden"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let manifest = std::fs::read_to_string(setup.path("out/manifest.jsonl")).unwrap();
    let lines: Vec<Value> = manifest
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_type = |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap();
    let run = of_type("run");
    assert!(run["user"].is_string() && run["host"].is_string(), "{run}");
    assert!(run["program"].as_str().unwrap().starts_with("exportitems "));
    assert_eq!(run["arguments"][0], "export");
    assert!(!manifest.contains("hidden"), "{manifest}");
    let end = of_type("end");
    assert_eq!((&end["exported"], &end["missing"]), (&3.into(), &0.into()));
}
