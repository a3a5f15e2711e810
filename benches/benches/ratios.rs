//! Prints the ratios of BENCHMARKS.md as one Markdown table.
//!
//! Ours and its peer take turns in one process; a ratio is the peer's time over ours, of the shortest times
//! and of the median times, so above 1 we are faster. The goal is shown if the row has one for this engine.

#![allow(clippy::cast_precision_loss)] // a ratio of lengths and times has three digits

use std::cell::RefCell;
use std::hint::black_box;

use exportitems_benches::clock::{interleaved, Times};
use exportitems_benches::corpus::{Corpus, Endless, Style};
use exportitems_benches::{ours, peers, ENGINE, FEED};

const ROUNDS: usize = 21;
const SCALAR: bool = matches!(ENGINE.as_bytes(), b"scalar");

fn main() {
    // `cargo test --benches` asks for a run that only shows that it works; there is nothing shorter here.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("Engine of this build: {ENGINE}.\n");
    println!("| case | ours | peer | ratio, min | ratio, median | goal |");
    println!("|---|---|---|---:|---:|---|");
    // First, while the process is small: it looks at the peak of memory.
    time_over_size();
    large();
    wrapped();
    small();
    sizes();
    styles();
    errors();
    one_byte_feeds();
}

fn time_over_size() {
    const MIB: u64 = 1 << 20;
    let response = Endless::new();
    let len = response.block.len() as u64;
    let decode = |bytes| ours::endless(&response, bytes / len).bytes;
    let memory = [decode(MIB), peak_kib(), decode(4096 * MIB), peak_kib()];
    let [short, middle, long] = interleaved(
        4,
        [
            &mut || (0..256).map(|_| decode(MIB)).sum(),
            &mut || decode(256 * MIB),
            &mut || decode(4096 * MIB),
        ],
    );
    // Sizes are whole blocks and the markup around them, so each time is for the bytes that were fed.
    let around = (response.head.len() + response.tail.len()) as u64;
    let per_gib = |bytes: u64, times: Times| times.scaled(1024.0 * MIB as f64 / bytes as f64);
    let short = per_gib(256 * (MIB / len * len + around), short);
    for (size, times) in [("256 MiB", 256 * MIB), ("4 GiB", 4096 * MIB)]
        .into_iter()
        .zip([middle, long])
    {
        let (name, bytes) = size;
        let case = format!("time a byte, one item of {name} against items of 1 MiB");
        let ours = (name, 1024 * MIB, per_gib(bytes / len * len + around, times));
        row(&case, ours, ("1 MiB", 1024 * MIB, short), "0.9 to 1.1");
    }
    let growth = memory[3] - memory[1];
    println!(
        "| memory over size, growth of the peak from 1 MiB to 4 GiB | {growth} KiB | | | | flat |"
    );
}

fn large() {
    let corpus = Corpus::items(4, 8 << 20, None);
    let (bytes, xml, symbols) = (
        corpus.xml.len() as u64,
        &corpus.xml[..],
        &corpus.symbols[..],
    );
    let mut scratch = vec![0; FEED];
    let mut small = [0; 512];
    let [mut scalar, mut simd, mut turbo] = [(); 3].map(|()| vec![0; FEED]);
    let [us, raw_scalar, raw_simd, raw_turbo, buffered, plain, stripped] = interleaved(
        ROUNDS,
        [
            &mut || ours::push(xml, FEED, &mut scratch, true).bytes,
            &mut || (peers::ENGINES[0].decode)(symbols, &mut scalar),
            &mut || (peers::ENGINES[1].decode)(symbols, &mut simd),
            &mut || (peers::ENGINES[2].decode)(symbols, &mut turbo),
            &mut || peers::quick_xml_buffered(xml, false),
            &mut || peers::quick_xml_slice(xml, false),
            &mut || peers::quick_xml_slice(xml, true),
        ],
    );
    let us = (ENGINE, bytes, us);
    let goal = |goal: &'static str, wanted: bool| if wanted { goal } else { "" };
    let case = "large items, flat";
    row(
        case,
        us,
        ("base64 0.23 scalar", bytes, raw_scalar),
        goal("0.9", SCALAR),
    );
    let fastest = if raw_simd.min < raw_turbo.min {
        (peers::ENGINES[1].name, bytes, raw_simd)
    } else {
        (peers::ENGINES[2].name, bytes, raw_turbo)
    };
    row(
        "large items, flat, fastest raw engine",
        us,
        fastest,
        goal("0.8", !SCALAR),
    );
    row(
        case,
        us,
        ("quick-xml slice + base64", bytes, plain),
        goal("20", !SCALAR),
    );
    row(
        case,
        us,
        ("quick-xml BufRead + base64", bytes, buffered),
        goal("20", !SCALAR),
    );
    row(
        case,
        us,
        ("quick-xml slice + stripping + base64", bytes, stripped),
        "",
    );
    check_on_against_off("large items", xml, ROUNDS, "0.97");
    let [n512, n16ki] = interleaved(
        ROUNDS,
        [
            &mut || ours::push(xml, FEED, &mut small, true).bytes,
            &mut || ours::push(xml, FEED, &mut scratch, true).bytes,
        ],
    );
    row(
        "N = 512 scratch against 16 Ki",
        ("512", bytes, n512),
        ("16 Ki", bytes, n16ki),
        goal("0.9", SCALAR),
    );
}

fn wrapped() {
    let corpus = Corpus::items(4, 8 << 20, Some(76));
    let (bytes, xml) = (corpus.xml.len() as u64, &corpus.xml[..]);
    let mut scratch = vec![0; FEED];
    let [us, peer] = interleaved(
        ROUNDS,
        [
            &mut || ours::push(xml, FEED, &mut scratch, true).bytes,
            &mut || peers::quick_xml_slice(xml, true),
        ],
    );
    let peer = ("quick-xml slice + stripping + base64", bytes, peer);
    row(
        "wrapped at 76 columns",
        (ENGINE, bytes, us),
        peer,
        if SCALAR { "" } else { "2" },
    );
}

fn small() {
    let corpus = Corpus::items(5_000, 600, None);
    let (bytes, xml) = (corpus.xml.len() as u64, &corpus.xml[..]);
    let mut scratch = vec![0; FEED];
    let mut window = vec![0; FEED];
    let engine = peers::ENGINES[if SCALAR { 0 } else { 2 }];
    let [us, alone, slice, buffered] = interleaved(
        4 * ROUNDS,
        [
            &mut || ours::push(xml, FEED, &mut scratch, true).bytes,
            &mut || peers::data_alone(xml, &engine, &mut window),
            &mut || peers::quick_xml_slice(xml, false),
            &mut || peers::quick_xml_buffered(xml, false),
        ],
    );
    row(
        "600-byte items, their data alone",
        (engine.name, bytes, alone),
        ("quick-xml slice + base64", bytes, slice),
        "",
    );
    let us = (ENGINE, bytes, us);
    row(
        "600-byte items",
        us,
        ("quick-xml slice + base64", bytes, slice),
        if SCALAR { "1.0" } else { "1.5" },
    );
    row(
        "600-byte items",
        us,
        ("quick-xml BufRead + base64", bytes, buffered),
        "",
    );
    check_on_against_off("600-byte items", xml, 4 * ROUNDS, "0.85");
}

/// The sizes of most items in a mailbox.
fn sizes() {
    for (name, items, size, goal) in [
        ("2 KB items", 2_000, 2_000, ""),
        ("8 KB items", 1_000, 8_000, if SCALAR { "" } else { "4" }),
        ("75 KB items", 100, 75_000, ""),
    ] {
        beside_quick_xml(name, &Corpus::items(items, size, None), goal);
    }
}

/// The servers write the same messages, so these rows differ in nothing but the numbers of their heads.
fn styles() {
    for (style, name) in Style::ALL {
        let corpus = Corpus::of_style(style, 5_000, 600);
        let goal = if SCALAR { "1.0" } else { "1.5" };
        beside_quick_xml(&format!("600-byte items, style of {name}"), &corpus, goal);
    }
}

fn beside_quick_xml(case: &str, corpus: &Corpus, goal: &str) {
    let (bytes, xml) = (corpus.xml.len() as u64, &corpus.xml[..]);
    let mut scratch = vec![0; FEED];
    let [us, peer] = interleaved(
        4 * ROUNDS,
        [
            &mut || ours::push(xml, FEED, &mut scratch, true).bytes,
            &mut || peers::quick_xml_slice(xml, false),
        ],
    );
    let peer = ("quick-xml slice + base64", bytes, peer);
    row(case, (ENGINE, bytes, us), peer, goal);
}

fn errors() {
    let corpus = Corpus::errors(200);
    let (bytes, xml) = (corpus.xml.len() as u64, &corpus.xml[..]);
    let mut scratch = vec![0; FEED];
    let [us, peer] = interleaved(
        20 * ROUNDS,
        [
            &mut || ours::push(xml, FEED, &mut scratch, true).failed.into(),
            &mut || peers::quick_xml_errors(xml),
        ],
    );
    let peer = ("quick-xml slice", bytes, peer);
    row("200 refused items", (ENGINE, bytes, us), peer, "1.5");
}

/// In turns with nothing else, and in the same scratch: what other ways leave in the caches, and where a buffer is,
/// weigh more than the check.
fn check_on_against_off(of: &str, xml: &[u8], rounds: usize, goal: &str) {
    let scratch = RefCell::new(vec![0; FEED]);
    let decode = |check| ours::push(xml, FEED, &mut scratch.borrow_mut(), check).bytes;
    let [on, off] = interleaved(rounds, [&mut || decode(true), &mut || decode(false)]);
    let bytes = xml.len() as u64;
    row(
        &format!("payload check on against off, {of}"),
        (ENGINE, bytes, on),
        ("off", bytes, off),
        goal,
    );
}

fn one_byte_feeds() {
    let corpus = Corpus::items(1, 1 << 20, None);
    let [times] = interleaved(
        ROUNDS,
        [&mut || ours::push(black_box(&corpus.xml), 1, &mut [0; 512], true).bytes],
    );
    let nanoseconds = |seconds: f64| seconds * 1e9 / corpus.xml.len() as f64;
    println!(
        "| 1-byte feeds, time a byte | min {:.1} ns, median {:.1} ns | | | | at most 20 ns |",
        nanoseconds(times.min),
        nanoseconds(times.median)
    );
}

/// One line of the table. A side is its name, the bytes of XML, and the times it took.
fn row(case: &str, ours: (&str, u64, Times), peer: (&str, u64, Times), goal: &str) {
    let side = |(name, bytes, times): (&str, u64, Times)| {
        format!("{name}: {:.2} GB/s", bytes as f64 / times.min / 1e9)
    };
    println!(
        "| {case} | {} | {} | {:.2} | {:.2} | {goal} |",
        side(ours),
        side(peer),
        peer.2.min / ours.2.min,
        peer.2.median / ours.2.median,
    );
}

/// The most memory that this process has had, in KiB; 0 if the system does not report it.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok())
        .unwrap_or(0)
}
