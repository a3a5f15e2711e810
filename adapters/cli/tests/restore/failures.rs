//! What is not restored, and why.

use std::fs;

use serde_json::Value;

use crate::common::{json, status, stderr};
use crate::setup::*;

#[test]
fn what_cannot_be_restored_says_why() {
    let setup = archived();
    // Too large for the server. The limit is given by an option, or the server refuses the item.
    let target = start(TARGET);
    let done = restore(&target, &setup.archive, &["--largest-request", "1000000"]);
    let (lines, summary) = json(&done);
    assert_eq!((status(&done), &summary["failed"]), (1, &1.into()));
    let failed = lines
        .iter()
        .find(|line| line["status"] == "failed")
        .unwrap();
    assert_eq!(failed["error"], "too-large");
    assert!(failed["message"]
        .as_str()
        .unwrap()
        .contains("maxAllowedContentLength"));
    for (uploads, error) in [
        (
            "largest-request = 1000000\ntoo-large = 'content-too-large'",
            "too-large",
        ),
        ("largest-item = 1000000", "refused"),
    ] {
        let target = start(&format!("[uploads]\n{uploads}\n{TARGET}"));
        let done = restore(&target, &setup.archive, &[]);
        let (lines, summary) = json(&done);
        assert_eq!(
            (status(&done), &summary["restored"]),
            (1, &19.into()),
            "{uploads}"
        );
        let failed = lines
            .iter()
            .find(|line| line["status"] == "failed")
            .unwrap();
        assert_eq!(failed["error"], error);
        assert!(
            failed["message"].as_str().unwrap().contains("raise"),
            "{failed}"
        );
    }
    // A file that was changed.
    let manifest = fs::read_to_string(setup.archive.join("manifest.jsonl")).unwrap();
    let entry = manifest
        .lines()
        .find(|line| line.contains(r#""bytes":5000"#))
        .unwrap();
    let entry: Value = serde_json::from_str(entry).unwrap();
    let file = setup.archive.join(entry["file"].as_str().unwrap());
    let mut bytes = fs::read(&file).unwrap();
    bytes[4000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let target = start(&TARGET.replace("5555\"", "5556\""));
    let done = restore(&target, &setup.archive, &[]);
    let (_, summary) = json(&done);
    assert_eq!((status(&done), &summary["failed"]), (4, &1.into()));
}

/// The limit of a request, if the server resets the connection.
#[test]
fn a_reset_names_the_setting() {
    let setup = archived();
    let target = start(&format!(
        "[uploads]\nlargest-request = 1000000\ntoo-large = 'reset'\n{TARGET}"
    ));
    let done = restore(&target, &setup.archive, &["--retry-for", "1"]);
    let (lines, summary) = json(&done);
    assert_eq!((status(&done), &summary["restored"]), (3, &19.into()));
    let failed = lines
        .iter()
        .find(|line| line["status"] == "failed")
        .unwrap();
    assert_eq!(failed["error"], "no-response");
    assert!(failed["message"]
        .as_str()
        .unwrap()
        .contains("maxAllowedContentLength"));
}

/// A dry run changes nothing at all, and a log elsewhere leaves the archive as it is.
#[test]
fn an_archive_can_be_read_only() {
    let setup = archived();
    let before = snapshot(&setup.archive);
    let target = start(TARGET);
    let planned = restore(&target, &setup.archive, &["--dry-run"]);
    assert_eq!(status(&planned), 0);
    assert!(target.items(ADDRESS).is_empty());
    assert!(snapshot(&setup.archive) == before);
    let logs = setup.dir.path().join("logs");
    let options = ["--log-dir", logs.to_str().unwrap()];
    assert_eq!(status(&restore(&target, &setup.archive, &options)), 0);
    assert!(snapshot(&setup.archive) == before);
    assert_eq!(fs::read_dir(&logs).unwrap().count(), 1);
    let (_, summary) = json(&restore(&target, &setup.archive, &options));
    assert_eq!(summary["present"], 20);
    setup.is_restored_to(&target);
}

/// One folder that cannot be created fails its items, and no others.
#[test]
fn a_folder_that_cannot_be_created_fails_its_items() {
    let setup = archived();
    let target = start(&format!(
        "[[request]]\noperation = 'CreateFolder'\nanswer = {{ fault = {{ code = 'ErrorAccessDenied' }} }}\n{TARGET}"
    ));
    let done = restore(&target, &setup.archive, &[]);
    let (lines, summary) = json(&done);
    assert_eq!(
        (status(&done), &summary["failed"]),
        (1, &1.into()),
        "{}",
        stderr(&done)
    );
    let failed = lines
        .iter()
        .find(|line| line["status"] == "failed")
        .unwrap();
    assert_eq!(failed["error"], "no-folder");
    let message = failed["message"].as_str().unwrap();
    assert!(
        message.contains("cannot be created: ErrorAccessDenied"),
        "{message}"
    );
    assert_eq!(status(&restore(&target, &setup.archive, &[])), 0);
    setup.is_restored_to(&target);
}

/// The run lines of the manifest name the server and its certificate.
#[test]
fn the_certificate_of_the_server_is_recorded() {
    let setup = archived();
    let target = start(&format!("tls = true\n{TARGET}"));
    let ca = setup.dir.path().join("ca.pem");
    fs::write(&ca, target.ca_pem().unwrap()).unwrap();
    let options = ["--folder", "Termine", "--ca-file", ca.to_str().unwrap()];
    let done = restore(&target, &setup.archive, &options);
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    let lines = lines(&setup.archive);
    let at = |kind: &str| lines.iter().rposition(|line| line["type"] == kind).unwrap();
    assert!(at("run") < at("server") && at("server") < at("end"));
    let server = &lines[at("server")];
    assert_eq!(server["url"], target.url());
    assert_eq!(server["certificate"].as_str().unwrap().len(), 64);
}
