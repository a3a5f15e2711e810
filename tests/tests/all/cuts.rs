//! design.md, invariants 3 and 4, on a response as large as a real batch.

use exportitems::{ErrorKind, ItemError};
use exportitems_testkit::chunks::Chunking;
use exportitems_testkit::model;
use exportitems_testkit::oracle;
use exportitems_testkit::run::{pull, Setup};
use exportitems_testkit::script::{
    Answer, Asked, Class, Dress, Ending, Message, Script, Style, Words,
};
use exportitems_testkit::wire;

/// 24 items: plain, wrapped, in CDATA, with comments, as references, refused, not processed.
fn batch() -> Script {
    let dresses = [
        Dress::Plain,
        Dress::Lines(76),
        Dress::Cdata(20),
        Dress::Comments(9),
        Dress::References(5),
        Dress::Spaces,
    ];
    let mut messages: Vec<Message> = (0..18_u8)
        .map(|n| {
            let payload = (0..n * 3).map(|byte| byte.wrapping_mul(n)).collect();
            Message::good(payload, dresses[usize::from(n) % dresses.len()])
        })
        .collect();
    for (at, class) in [(0, Class::Error), (4, Class::Error), (9, Class::Error)] {
        messages.insert(at, Message::refused(class, 7));
    }
    let mut last = Message::refused(Class::Error, 3);
    last.note.text = Some(Words::Wide);
    last.note.back_off_ms = Some(5000);
    messages.push(last);
    messages.push(Message::refused(Class::Warning, 48));
    messages.push(Message::good(vec![1; 100], Dress::Plain));
    Script {
        compare_ids: false,
        style: Style {
            header: true,
            declaration: true,
            ..Style::default()
        },
        answer: Answer::Items(messages),
        ending: Ending::Whole,
        asked: Asked::AsMany,
    }
}

#[test]
fn a_batch_cut_at_every_byte() {
    let script = batch();
    let bytes = wire::write(&script).bytes;
    let run = pull(&[&bytes], script.setup());
    assert_eq!(run.outcomes().count(), 24);
    assert_eq!(run.committed().len(), 19);
    assert_eq!(oracle::cut_everywhere(&bytes, script.setup()), bytes.len());
}

/// The same cuts, each as a response of its own, the way a connection breaks, in pieces of 1 to 64 bytes and random
/// ones: every cut in release builds, some for each size of the pieces with debug assertions.
#[test]
fn a_batch_that_ends_anywhere() {
    let script = batch();
    let wire = wire::write(&script);
    let whole = pull(&[&wire.bytes], script.setup()).committed();
    let chunkings = (1..=64)
        .map(Chunking::Every)
        .chain((0..16).map(Chunking::Random));
    let step = if cfg!(debug_assertions) { 701 } else { 1 };
    for (first, chunking) in chunkings.enumerate() {
        for cut in (first % step..wire.end).step_by(step) {
            let run = pull(&chunking.split(&wire.bytes[..cut]), script.setup());
            let error = run.error.map(|error| error.kind);
            let at = || format!("cut at {cut}, by {chunking:?}");
            assert_eq!(error, Some(ErrorKind::UnexpectedEnd), "{}", at());
            let started = wire.starts.iter().filter(|&&start| start <= cut).count();
            let good = |&&(index, _): &&(u32, _)| index as usize + 1 < started;
            let expected: Vec<_> = whole.iter().filter(good).cloned().collect();
            assert_eq!(run.committed(), expected, "{}", at());
            for outcome in run.outcomes().skip(started) {
                assert_eq!(outcome.error, Some(ItemError::NotAnswered), "{}", at());
            }
        }
    }
}

#[test]
fn a_batch_in_every_chunk_size() {
    let script = batch();
    let wire = wire::write(&script);
    let chunkings = (1..=64)
        .map(Chunking::Every)
        .chain((0..32).map(Chunking::Random));
    for chunking in chunkings {
        let run = pull(&chunking.split(&wire.bytes), script.setup());
        model::check(&script, &wire, &run);
    }
}

/// Split in two at every byte.
#[test]
fn a_batch_split_at_every_byte() {
    let script = batch();
    let bytes = wire::write(&script).bytes;
    let setup: Setup = script.setup();
    let whole = pull(&[&bytes], setup);
    let step = if cfg!(debug_assertions) { 5 } else { 1 };
    for at in (0..bytes.len()).step_by(step) {
        let (before, after) = bytes.split_at(at);
        assert_eq!(pull(&[before, after], setup), whole, "split at {at}");
    }
}
