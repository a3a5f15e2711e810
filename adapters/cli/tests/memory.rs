//! Measures the peak memory of an export with GNU time.
//!
//! The large cases need a release build, so they are ignored by default:
//! `cargo test --release -p exportitems-cli --test memory -- --ignored`

mod common;

use std::path::Path;
use std::process::Command;

use common::{files, have, run, status, stderr, stdout};
use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The limit on the memory of an export over one connection, for any number and size of items, in a release build. In a
/// debug build the code of the program alone takes as much.
const MOST: u64 = 16 * MIB;
/// The limit for 16 connections.
const MOST_FOR_16: u64 = 64 * MIB;
/// The largest difference between two measurements of the same export.
const NOISE: u64 = MIB;

const TIME: &str = "/usr/bin/time";

/// Exports items of these sizes over one connection, and checks and returns the peak resident memory in bytes.
fn peak(tls: bool, sizes: &[u64]) -> u64 {
    let peak = peak_of(tls, sizes, &["--connections", "1"]);
    if !cfg!(debug_assertions) {
        assert!(peak < MOST, "{peak} bytes");
    }
    peak
}

/// Exports items of these sizes in a separate process, checks them, and returns the peak resident memory of that
/// process in bytes.
fn peak_of(tls: bool, sizes: &[u64], options: &[&str]) -> u64 {
    let scenario = Scenario {
        tls,
        ..Scenario::default()
    };
    let emulator = Emulator::start(scenario, ([127, 0, 0, 1], 0).into()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = |name| dir.path().join(name);
    let (ids, out, ca, peak) = (path("ids"), path("out"), path("ca.pem"), path("peak"));
    let id = |(seed, &size)| item_id(DEFAULT_MAILBOX, seed, size) + "\n";
    let lines: String = (0..).zip(sizes).map(id).collect();
    std::fs::write(&ids, lines).unwrap();
    std::fs::write(&ca, emulator.ca_pem().unwrap_or_default()).unwrap();

    let mut command = Command::new(TIME);
    command
        .args([Path::new("-f%M"), Path::new("-o"), &peak])
        .arg(env!("CARGO_BIN_EXE_exportitems"))
        .args(["export", "--json", "--url", &emulator.url()])
        .args([Path::new("--ids"), &ids, Path::new("--out"), &out])
        .args(options);
    if tls {
        command.args([Path::new("--ca-file"), &ca]);
    }
    let output = command.output().unwrap();
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    // The items, the manifest and the report.
    assert_eq!(files(&out).len(), sizes.len() + 2);
    let verified = run(&["verify", out.to_str().unwrap()], b"");
    assert_eq!(status(&verified), 0, "{}", stdout(&verified));

    let kib = std::fs::read_to_string(peak).unwrap();
    let peak = kib.trim().parse::<u64>().unwrap() * KIB;
    println!("{} items, tls {tls}: peak {} KiB", sizes.len(), peak / KIB);
    peak
}

fn same_for(tls: bool, small: u64, large: u64) {
    if !have(TIME) {
        return;
    }
    let (small, large) = (peak(tls, &[small]), peak(tls, &[large]));
    assert!(small.abs_diff(large) < NOISE, "{small} and {large} bytes");
}

#[test]
fn it_does_not_depend_on_the_size_of_an_item() {
    same_for(false, MIB, 24 * MIB);
    same_for(true, MIB, 24 * MIB);
}

#[test]
#[ignore = "2 GiB, for a release build"]
fn it_is_the_same_for_20_mib_and_2_gib() {
    same_for(false, 20 * MIB, 2 * GIB);
    same_for(true, 20 * MIB, 2 * GIB);
}

#[test]
#[ignore = "400 MiB, for a release build"]
fn two_hundred_items_from_1_kib_to_20_mib() {
    if !have(TIME) {
        return;
    }
    // The sizes grow by a constant factor, like those of real mail.
    let steps = 199.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a size in bytes
    let size = |step: u8| (1024.0 * (20.0 * 1024.0_f64).powf(f64::from(step) / steps)) as u64;
    let sizes: Vec<u64> = (0..200).map(size).collect();
    peak(false, &sizes);
    peak(true, &sizes);
}

/// Each connection gets an item of the same size.
fn sixteen_connections(tls: bool, size: u64) {
    if !have(TIME) {
        return;
    }
    let options = ["--connections", "16", "--batch-size", "1"];
    let peak = peak_of(tls, &[size; 17], &options);
    assert!(peak < MOST_FOR_16, "{peak} bytes");
}

#[test]
fn sixteen_connections_take_little() {
    sixteen_connections(false, 3 * MIB);
}

#[test]
#[ignore = "3 GiB, for a release build"]
fn sixteen_connections_take_less_than_64_mib_with_items_of_100_mib() {
    sixteen_connections(false, 100 * MIB);
    sixteen_connections(true, 100 * MIB);
}
