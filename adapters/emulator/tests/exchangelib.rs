//! exchangelib, an independent EWS client, exports items from the emulator byte for byte.

mod common;
#[path = "../../../tests/src/data.rs"]
mod data;

use std::process::Command;

use common::{id, start};
use exportitems_emulator::{change_key, item_id, payload, Emulator};
use sha2::{Digest as _, Sha256};

/// Returns whether Python with exchangelib is installed. In CI it must be.
fn is_here() -> bool {
    let python = Command::new("python3")
        .args(["-c", "import exchangelib"])
        .output();
    let here = python.is_ok_and(|output| output.status.success());
    if !here {
        data::skip_without("python3 has no exchangelib");
    }
    here
}

/// Runs the script for `ids` with these environment variables, and returns its output.
fn export(emulator: &Emulator, ids: &[String], environment: &[(&str, &str)]) -> Vec<String> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/exchangelib_export.py"
    );
    let output = Command::new("python3")
        .arg(script)
        .arg(emulator.url())
        .args(ids)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty(), "{errors}");
    text.lines().map(str::to_owned).collect()
}

fn digest(seed: u64, size: u64) -> String {
    let digest = Sha256::digest(payload(seed, size).unwrap());
    digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[test]
fn every_style_is_exported_byte_for_byte() {
    if !is_here() {
        return;
    }
    let foreign = item_id("9e19abe1-8917-428e-b47e-36596ca98043", 1, 1_000);
    let ids = [
        id(0, 300),
        format!("{},{}", id(1, 50_000), change_key(1)),
        "AAMkAGY=".to_owned(),
        format!("{},CQAAAA==", id(2, 1_000)),
        foreign,
        id(3, 3_000_000),
    ];
    let expected = [
        format!("0 {}", digest(0, 300)),
        format!("1 {}", digest(1, 50_000)),
        "2 ErrorInvalidIdMalformed".to_owned(),
        "3 ErrorInvalidChangeKey".to_owned(),
        "4 ErrorNonExistentMailbox".to_owned(),
        format!("5 {}", digest(3, 3_000_000)),
    ];
    for style in ["2010", "2016", "online", "docs"] {
        // exchangelib accepts gzip.
        for gzip in [true, false] {
            let emulator = start(&format!("style = \"{style}\"\ngzip = {gzip}"));
            assert_eq!(export(&emulator, &ids, &[]), expected, "{style}, {gzip}");
        }
    }
}

#[test]
fn a_mailbox_is_listed_and_exported_byte_for_byte() {
    if !is_here() {
        return;
    }
    let scenario = r#"
        [[mailboxes]]
        address = "pat@example.test"
        [[mailboxes.folder]]
        path = "Inbox"
        items = 120
        associated = 2
        sizes = [300, 5000]
        [[mailboxes.folder]]
        path = "Projekte/2025\\/26"
        items = 3
        [[mailboxes.folder]]
        path = "Kalender"
        distinguished = "calendar"
        items = 2
        [[change]]
        after = 1
        change = { update = { folder = "Inbox", items = 5 } }
    "#;
    let emulator = start(scenario);
    let output = Command::new("python3")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/exchangelib_list.py"
        ))
        .args([&emulator.url(), "pat@example.test"])
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let entries = emulator.items("pat@example.test");
    let mut expected: Vec<_> = entries
        .iter()
        .map(|entry| {
            let digest = digest(entry.seed, entry.properties.size);
            let (folder, id, key) = (&entry.folder, &entry.id, &entry.change_key);
            format!("{folder}\t{id}\t{key}\t{digest}")
        })
        .collect();
    expected.sort();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(listed.lines().collect::<Vec<_>>(), expected, "{errors}");
}

#[test]
fn credentials_tls_and_a_busy_server_are_coped_with() {
    if !is_here() {
        return;
    }
    let (ids, expected) = ([id(1, 1_000)], [format!("0 {}", digest(1, 1_000))]);

    let emulator = start(r#"auth = { basic = { user = "pat", password = "s3cret" } }"#);
    let environment = [("EWS_USER", "pat"), ("EWS_PASSWORD", "s3cret")];
    assert_eq!(export(&emulator, &ids, &environment), expected);

    let emulator = start(r#"auth = { bearer = { token = "t0k" } }"#);
    assert_eq!(export(&emulator, &ids, &[("EWS_TOKEN", "t0k")]), expected);

    let emulator = start("tls = true");
    let file = std::env::temp_dir().join(format!("exportitems-ca-{}.pem", std::process::id()));
    std::fs::write(&file, emulator.ca_pem().unwrap()).unwrap();
    let exported = export(&emulator, &ids, &[("EWS_CA", file.to_str().unwrap())]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(exported, expected);

    let busy = r#"answer = { fault = { code = "ErrorServerBusy", back-off-ms = 100 } }"#;
    let emulator = start(&format!("[[request]]\n{busy}"));
    assert_eq!(export(&emulator, &ids, &[]), expected);
    let statuses: Vec<_> = emulator.requests().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [Some(500), Some(200)]);
}
