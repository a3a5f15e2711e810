//! Instructions of the hot cases, counted by callgrind through gungraun: what scripts/check-instructions holds to
//! the committed figures.
//!
//! What a setup makes is not counted. Each case returns its result, so that the compiler cannot remove it.

#![allow(missing_docs, unused_qualifications)] // of what gungraun's macros generate

use std::hint::black_box;

use exportitems::{ItemId, PayloadCheck, Verdict};
use exportitems_benches::corpus::{self, Corpus};
use exportitems_benches::{ours, FEED};
use gungraun::prelude::*;
use gungraun::Callgrind;

/// The default scratch.
const SCRATCH: usize = 512;

main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = cases
);
library_benchmark_group!(name = cases, benchmarks = [decode, encode, check]);

#[library_benchmark]
#[bench::flat_1_mib(args = (Corpus::items(1, 1 << 20, None), FEED, SCRATCH), setup = scratch)]
#[bench::flat_1_mib_scratch_16_kib(args = (Corpus::items(1, 1 << 20, None), FEED, FEED), setup = scratch)]
#[bench::wrapped_1_mib(args = (Corpus::items(1, 1 << 20, Some(76)), FEED, SCRATCH), setup = scratch)]
#[bench::items_of_600_bytes_200(args = (Corpus::items(200, 600, None), FEED, SCRATCH), setup = scratch)]
#[bench::errors_200(args = (Corpus::errors(200), FEED, SCRATCH), setup = scratch)]
#[bench::feeds_of_1_byte_16_kib(args = (Corpus::items(1, 16 << 10, None), 1, SCRATCH), setup = scratch)]
fn decode((corpus, feed, mut scratch): (Corpus, usize, Vec<u8>)) -> Corpus {
    let count = ours::push(black_box(&corpus.xml), feed, &mut scratch, true);
    assert_eq!(count.ok + count.failed, corpus.items);
    corpus // dropped outside of what is counted
}

fn scratch(corpus: Corpus, feed: usize, size: usize) -> (Corpus, usize, Vec<u8>) {
    (corpus, feed, vec![0; size])
}

#[library_benchmark]
#[bench::ids_1000(args = (1000), setup = ids)]
fn encode(ids: Vec<String>) -> Vec<String> {
    let items: Vec<_> = ids.iter().map(|id| ItemId::new(id)).collect();
    assert!(ours::encode(black_box(&items), &mut [0; FEED]) > 140_000);
    ids
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("AAMkAGYz+{i:0140}=")).collect()
}

#[library_benchmark]
#[bench::payload_1_mib(args = (1, 1 << 20), setup = corpus::payload)]
fn check(payload: Vec<u8>) -> Vec<u8> {
    let mut check = PayloadCheck::new();
    for piece in black_box(&payload).chunks(SCRATCH / 4 * 3) {
        check.update(piece);
    }
    assert_eq!(check.verdict(), Verdict::Whole);
    payload
}
