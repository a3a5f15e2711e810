//! Runs one hot case, for valgrind to count the instructions of `measured`: see scripts/check-instructions.
//!
//! Without an argument it prints the names of the cases.

use std::process::ExitCode;

use exportitems::{ItemId, PayloadCheck};
use exportitems_benches::corpus::{self, Corpus};
use exportitems_benches::{ours, FEED};

enum Case {
    Decode(Corpus, usize),
    Encode(Vec<String>),
    Check(Vec<u8>),
}

const NAMES: [&str; 7] = [
    "flat-1-mib",
    "wrapped-1-mib",
    "small-200-items",
    "errors-200-items",
    "one-byte-feeds-16-kib",
    "encode-1000-ids",
    "payload-check-1-mib",
];

fn case(name: &str) -> Option<Case> {
    Some(match name {
        "flat-1-mib" => Case::Decode(Corpus::items(1, 1 << 20, None), FEED),
        "wrapped-1-mib" => Case::Decode(Corpus::items(1, 1 << 20, Some(76)), FEED),
        "small-200-items" => Case::Decode(Corpus::items(200, 600, None), FEED),
        "errors-200-items" => Case::Decode(Corpus::errors(200), FEED),
        "one-byte-feeds-16-kib" => Case::Decode(Corpus::items(1, 16 << 10, None), 1),
        "encode-1000-ids" => {
            Case::Encode((0..1000).map(|i| format!("AAMkAGYz+{i:0140}=")).collect())
        }
        "payload-check-1-mib" => Case::Check(corpus::payload(1, 1 << 20)),
        _ => return None,
    })
}

/// What is counted; the name is known to the script.
#[inline(never)]
fn measured(case: &Case, ids: &[ItemId<'_>], buffer: &mut [u8]) -> u64 {
    match case {
        Case::Decode(corpus, feed) => {
            let count = ours::push(&corpus.xml, *feed, &mut buffer[..512], true);
            u64::from(count.ok + count.failed)
        }
        Case::Encode(_) => ours::encode(ids, buffer),
        Case::Check(payload) => {
            let mut check = PayloadCheck::new();
            for piece in payload.chunks(384) {
                check.update(piece);
            }
            u64::from(check.verdict() == exportitems::Verdict::Whole)
        }
    }
}

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        println!("{}", NAMES.join("\n"));
        return ExitCode::SUCCESS;
    };
    let Some(case) = case(&name) else {
        eprintln!("instructions: no case {name}");
        return ExitCode::from(2);
    };
    let ids: Vec<_> = match &case {
        Case::Encode(ids) => ids.iter().map(|id| ItemId::new(id)).collect(),
        _ => Vec::new(),
    };
    let mut buffer = [0; FEED];
    // 0: nothing was decoded, so the count would be of something else.
    if std::hint::black_box(measured(&case, &ids, &mut buffer)) == 0 {
        eprintln!("instructions: {name} came to nothing");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
