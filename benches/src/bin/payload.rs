//! What benches/convert.py prints about the reader of properties: a row for each size of a payload.

#![allow(clippy::cast_precision_loss)] // a rate has three digits

use std::hint::black_box;

use exportitems::{PayloadCheck, PayloadReader, Verdict};
use exportitems_benches::clock::{interleaved, Times};
use exportitems_benches::corpus;

const ROUNDS: usize = 21;

fn main() {
    for (name, size, times) in [
        ("items of 2 KiB", 2 << 10, 20_000_u32),
        ("items of 20 KiB", 20 << 10, 5_000),
        ("an item of 64 MiB", 64 << 20, 1),
    ] {
        let payload = corpus::payload(1, size);
        let mut target = vec![0; payload.len()];
        let [reader, check, copy] = interleaved(
            ROUNDS,
            [
                &mut || (0..times).map(|_| read(black_box(&payload))).sum(),
                &mut || (0..times).map(|_| verify(black_box(&payload))).sum(),
                &mut || {
                    for _ in 0..times {
                        target.copy_from_slice(black_box(&payload));
                    }
                    u64::from(target[0])
                },
            ],
        );
        let bytes = payload.len() as f64 * f64::from(times);
        let rate = |times: Times| format!("{:.2} GB/s", bytes / times.min / 1e9);
        for (peer, times) in [("check", check), ("memcpy", copy)] {
            println!(
                "| properties read, {name} | {} | {peer}: {} | {:.2} | {:.2} | |",
                rate(reader),
                rate(times),
                times.min / reader.min,
                times.median / reader.median,
            );
        }
    }
}

/// Reads all events of a payload, and counts them.
fn read(payload: &[u8]) -> u64 {
    let mut reader = PayloadReader::new();
    let mut rest = payload;
    let mut events = 0;
    while let Some(event) = reader.next_event(&mut rest) {
        black_box(event);
        events += 1;
    }
    assert_eq!(reader.verdict(), Verdict::Whole);
    events
}

fn verify(payload: &[u8]) -> u64 {
    let mut check = PayloadCheck::new();
    check.update(payload);
    assert_eq!(check.verdict(), Verdict::Whole);
    payload.len() as u64
}
