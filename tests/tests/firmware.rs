//! The firmware of `tests/firmware` in QEMU: real TCP to the emulator, and the decoder on the same documents as here.
//!
//! `scripts/check-firmware` builds the firmware and runs these; without it there is nothing to run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exportitems_emulator::{
    item_id, payload, Auth, CutPlace, Emulator, ErrorAnswer, ItemAnswer, ItemRule, MarkerPlace,
    Position, Scenario, DEFAULT_MAILBOX,
};
use sha2::{Digest, Sha256};

/// Where `scripts/check-firmware` has built it.
fn built(triple: &str, name: &str) -> PathBuf {
    let root = std::env::var_os("FIRMWARE").expect("scripts/check-firmware sets FIRMWARE");
    Path::new(&root).join(triple).join("release").join(name)
}

/// Runs a firmware among these files, and what it prints.
fn run(machine: &[&str], kernel: &Path, files: &[(&str, &[u8])]) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let output = Command::new("timeout")
        .arg("120")
        .args(machine)
        .args(["-nographic", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(kernel)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}: {text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// An item's rule, used once unless it is for good.
fn rule(id: &str, times: Option<u32>, answer: ItemAnswer) -> ItemRule {
    ItemRule {
        index: None,
        id: Some(id.to_owned()),
        times,
        delay_ms: 0,
        answer,
    }
}

/// At least 50 items, one of 1 MiB, over TCP; one refused, one truncated by the marker, one cut in silence, one cut with
/// its connection. All but the refused one arrive, byte for byte.
#[test]
#[ignore = "scripts/check-firmware runs it"]
fn a_cortex_m3_exports_over_tcp() {
    const ITEMS: u64 = 56;
    const LARGE: u64 = 20;
    let size = |seed| match seed {
        LARGE => 1 << 20,
        _ => 600 + seed * 777,
    };
    let ids: Vec<String> = (0..ITEMS)
        .map(|seed| item_id(DEFAULT_MAILBOX, seed, size(seed)))
        .collect();
    let half = Position::Fraction(0.5);
    let refused = ErrorAnswer {
        code: "ErrorItemNotFound".to_owned(),
        class: exportitems_emulator::ResponseClass::Error,
        message: None,
        back_off_ms: None,
        inner_code: None,
        mailbox_guid: None,
    };
    let scenario = Scenario {
        auth: Auth::Basic {
            user: "firmware".to_owned(),
            password: "correct horse".to_owned(),
        },
        items: vec![
            rule(&ids[3], None, ItemAnswer::Error(refused)),
            rule(
                &ids[12],
                Some(1),
                ItemAnswer::Marker {
                    place: MarkerPlace::InData,
                    at: half,
                },
            ),
            rule(
                &ids[17],
                Some(1),
                ItemAnswer::SilentCut {
                    place: CutPlace::InRecord,
                    at: half,
                },
            ),
            rule(&ids[42], Some(1), ItemAnswer::HangUp { at: half }),
        ],
        ..Scenario::default()
    };
    let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut plan = format!("{}\n", emulator.address().port());
    for id in &ids {
        writeln!(plan, "{id}").unwrap();
    }

    let machine = [
        "qemu-system-arm",
        "-M",
        "lm3s6965evb",
        "-nic",
        "user,model=stellaris",
    ];
    let kernel = built("thumbv6m-none-eabi", "export");
    let printed = run(&machine, &kernel, &[("plan", plan.as_bytes())]);

    let lines: Vec<&str> = printed.lines().collect();
    for seed in 0..ITEMS {
        let bytes = payload(seed, size(seed)).unwrap();
        let expected = format!("ok {seed} {} {}", bytes.len(), hex(&Sha256::digest(&bytes)));
        let times = lines.iter().filter(|&&line| line == expected).count();
        assert_eq!(times, usize::from(seed != 3), "{expected}\n{printed}");
    }
    for failure in [
        "failed 3 refused",
        "failed 12 truncated",
        "failed 17 payload",
        "failed 42 cut",
    ] {
        assert!(lines.contains(&failure), "no {failure}\n{printed}");
    }
    assert!(printed.contains(&format!("end {ITEMS}")), "{printed}");
    println!("{printed}");
}
