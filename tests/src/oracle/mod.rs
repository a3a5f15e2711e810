//! What must hold, for any input: functions that panic where it does not.
//!
//! The fuzz targets and the tests call the same ones, so what a fuzzer finds is replayed by `cargo test`.

mod capi;
mod convert;
mod encode;
mod http;
mod ntlm;
mod reader;
mod upload;

use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};

use arbitrary::{Arbitrary, Unstructured};
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use exportitems::{Decoder, ItemError, Outcome, PayloadCheck, ResponseOutcome};

use crate::chunks::Chunking;
use crate::model;
use crate::payload_reference::judge;
use crate::reference;
use crate::run::{pull, Reported, Run, Setup};
use crate::script::Script;
use crate::sink::{push, Checked};
use crate::wire;

pub use capi::capi;
pub use convert::convert;
pub use encode::encode;
pub use http::http;
pub use ntlm::ntlm;
pub use reader::{events_by, reader};
pub use upload::upload;

/// Any bytes: no panic, no broken promise of [`pull`] and [`push`], and both say the same.
pub fn decode(document: &[u8]) {
    for items in [None, Some(2)] {
        let setup = Setup {
            items,
            ..Setup::default()
        };
        push_is_pull(document, setup);
    }
}

/// Invariants 1 and 2: the events do not depend on the partition of the document into pieces.
pub fn split(document: &[u8]) {
    // Any function of the document will do, so that a corpus is a corpus of documents.
    let seed = document.iter().fold(document.len() as u64, |seed, &byte| {
        seed.wrapping_mul(31) + u64::from(byte)
    });
    let mut chunkings = vec![Chunking::Every(1), Chunking::Every(2), Chunking::Every(7)];
    chunkings.extend((0..4).map(|n| Chunking::Random(seed.wrapping_add(n))));
    split_by(document, Setup::default(), &chunkings);
}

/// [`split`], by given partitions.
pub fn split_by(document: &[u8], setup: Setup, chunkings: &[Chunking]) {
    let whole = pull(&[document], setup);
    for chunking in chunkings {
        let run = pull(&chunking.split(document), setup);
        assert_eq!(run, whole, "by {chunking:?}");
    }
}

/// Outcomes and data do not depend on the size of the scratch either, unless an id is compared that does not fit.
pub fn scratch(document: &[u8], setup: Setup) {
    let setup = Setup {
        compare_ids: false,
        ..setup
    };
    let whole = pull(&[document], setup).essence();
    for scratch in [64, 65, 67, 96, 4096] {
        let run = pull(&[document], Setup { scratch, ..setup });
        assert_eq!(run.essence(), whole, "in a scratch of {scratch}");
    }
}

/// Invariant 7: what is committed is what the naive reference finds in the same bytes.
///
/// The reference does not judge payloads, so they all pass here; and it reads text, so bytes that are not UTF-8
/// are replaced beforehand.
pub fn differential(document: &[u8]) {
    let setup = Setup {
        integrity: exportitems::IntegrityPolicy::Report,
        ..Setup::default()
    };
    let document = String::from_utf8_lossy(document);
    let run = pull(&[document.as_bytes()], setup);
    assert_eq!(run.committed(), reference::committed(&document));
}

/// What the model says of a script comes of it, cut into pieces and read in every way.
pub fn structured(script: &Script, chunking: &Chunking) {
    let wire = wire::write(script);
    let setup = script.setup();
    let checks: [(&str, &dyn Fn()); 5] = [
        ("model", &|| {
            model::check(script, &wire, &pull(&chunking.split(&wire.bytes), setup));
        }),
        ("split", &|| {
            split_by(&wire.bytes, setup, &[Chunking::Every(1), chunking.clone()]);
        }),
        ("scratch", &|| scratch(&wire.bytes, setup)),
        ("push", &|| push_is_pull(&wire.bytes, setup)),
        ("differential", &|| differential(&wire.bytes)),
    ];
    for (name, check) in checks {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(check)) {
            eprintln!(
                "oracle {name}, {script:#?}\n{}",
                String::from_utf8_lossy(&wire.bytes)
            );
            resume_unwind(panic);
        }
    }
}

/// [`structured`], from a fuzzer's bytes.
pub fn structured_bytes(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    if let (Ok(chunking), Ok(script)) = (
        Chunking::arbitrary(&mut input),
        Script::arbitrary(&mut input),
    ) {
        structured(&script, &chunking);
    }
}

/// A sink gets the events of pull, as its contract says; a failure of the sink costs one item only.
pub fn push_is_pull(document: &[u8], setup: Setup) {
    let pulled = pull(&[document], setup);
    let mut sink = Checked::default();
    let result = push(&[document], setup, &mut sink);
    assert_eq!(result.err(), pulled.error);
    assert_eq!(
        result.unwrap_or_else(|_| pulled.summary()),
        pulled.summary()
    );
    assert_eq!(sink.committed, pulled.committed());
    let is_note =
        |reported: &&Reported| !matches!(reported, Reported::ItemId(..) | Reported::Data(_));
    // Data between two pieces of one text keeps them apart when they are pulled.
    let pulled_notes: Vec<&Reported> = pulled.reported.iter().filter(is_note).collect();
    assert_eq!(sink.notes.reported.iter().collect::<Vec<_>>(), pulled_notes);

    for n in [0, 1, 4] {
        let mut sink = Checked::failing_at(n);
        let result = push(&[document], setup, &mut sink);
        assert_eq!(result.err(), pulled.error, "the sink does not matter");
        let lost = sink.failed_item();
        let kept: Vec<_> = pulled
            .committed()
            .into_iter()
            .filter(|&(index, _)| Some(index) != lost)
            .collect();
        assert_eq!(
            sink.committed, kept,
            "the other items, when {lost:?} is lost"
        );
        if let (Some(lost), false) = (lost, sink.failed_to_commit()) {
            let at = lost as usize;
            let error = pulled.outcomes().nth(at).and_then(|outcome| outcome.error);
            let reported = sink
                .notes
                .outcomes()
                .nth(at)
                .and_then(|outcome| outcome.error);
            // Limits and payloads are not judged of bytes that the sink refused; other faults are graver.
            assert!(
                reported == Some(ItemError::Write) || (reported.is_some() && reported == error),
                "{reported:?} of item {lost}, which was lost"
            );
        }
        let summary = match sink.notes.reported.last() {
            Some(Reported::End(summary)) => *summary,
            last => panic!("no end: {last:?}"),
        };
        assert_eq!(summary.ok as usize, kept.len());
    }
}

/// Invariants 3 and 4: a response that is cut at any byte commits the good items before the cut item, and
/// never the cut item.
///
/// Returns how many cuts were made.
#[allow(clippy::must_use_candidate)] // the number is for those who doubt
pub fn cut_everywhere(document: &[u8], setup: Setup) -> usize {
    let whole = pull(&[document], setup);
    let outcomes: Vec<Outcome> = whole.outcomes().copied().collect();
    let data = whole.data();
    let mut decoder =
        Decoder::with_scratch(setup.options(), vec![0; setup.scratch]).expect("scratch enough");
    let mut run = Run::default();
    for cut in 0..document.len() {
        // A decoder that is over after `cut` bytes.
        let mut at_cut = decoder.clone();
        let mut tail = run.clone();
        let error = loop {
            match at_cut.finish() {
                Ok(Some(event)) => tail.note(&event),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let summary = tail.summary();
        let started = tail.data().len();
        let is_whole = matches!(
            summary.response,
            ResponseOutcome::Complete | ResponseOutcome::Fault
        );
        assert_eq!(error.is_none(), is_whole, "cut at {cut}");
        let reported: Vec<Outcome> = tail.outcomes().copied().collect();
        for (index, outcome) in reported.iter().enumerate() {
            if index + 1 < started {
                assert_eq!(*outcome, outcomes[index], "cut at {cut}");
                assert_eq!(tail.data()[index], data[index], "cut at {cut}");
            } else if index < started {
                // After the envelope, nothing is cut off.
                let committed = outcome.error.is_none();
                assert!(!committed || is_whole, "cut at {cut}: committed");
            } else {
                assert_eq!(outcome.error, Some(ItemError::NotAnswered), "cut at {cut}");
            }
        }
        // One byte more.
        let mut input = &document[cut..=cut];
        loop {
            match decoder.next_event(&mut input) {
                Ok(Some(event)) => {
                    if let Some(answer) = run.note_and_compare(&event, setup) {
                        decoder.compare_id(answer);
                    }
                }
                Ok(None) => break,
                // Nothing follows an error, wherever the document is cut.
                Err(_) => return cut + 1,
            }
        }
    }
    document.len()
}

/// The text of one `Data` element: decoded as the base64 crate does, or failed for the reason that the naive
/// search for the marker gives.
///
/// Bytes that XML does not accept as text are in a CDATA section, or left out.
pub fn base64(text: &[u8]) {
    let text: Vec<u8> = text.iter().copied().filter(|&byte| byte != b']').collect();
    let document = [
        &b"<Envelope><Body><ExportItemsResponse><ResponseMessages>\
           <ExportItemsResponseMessage ResponseClass='Success'><Data><![CDATA["[..],
        &text,
        b"]]></Data></ExportItemsResponseMessage></ResponseMessages></ExportItemsResponse></Body></Envelope>",
    ]
    .concat();
    let setup = Setup {
        integrity: exportitems::IntegrityPolicy::Off,
        ..Setup::default()
    };
    let mut symbols = text;
    symbols.retain(|byte| !b" \t\r\n".contains(byte));
    let contains = |marker: &[u8]| symbols.windows(marker.len()).any(|window| window == marker);
    let expected = match STANDARD.decode(&symbols) {
        _ if contains(b"===TruncatedData===") => Err(ItemError::Truncated),
        Ok(bytes) if bytes.is_empty() => Err(ItemError::EmptyData),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(ItemError::Base64),
    };
    for chunking in [Chunking::Whole, Chunking::Every(1), Chunking::Every(61)] {
        for scratch in [64, 512] {
            let run = pull(&chunking.split(&document), Setup { scratch, ..setup });
            let outcome = run.outcomes().next().expect("an outcome");
            let got = match outcome.error {
                None => Ok(run.data().remove(0)),
                Some(error) => Err(error),
            };
            assert_eq!(got, expected, "by {chunking:?} in {scratch}");
        }
    }
}

/// The payload check's verdict is the reference's, for every partition.
pub fn payload(payload: &[u8]) {
    let expected = judge(payload);
    for chunking in [
        Chunking::Whole,
        Chunking::Every(1),
        Chunking::Every(13),
        Chunking::Random(payload.len() as u64),
    ] {
        let mut check = PayloadCheck::new();
        for piece in chunking.split(payload) {
            check.update(piece);
        }
        assert_eq!(check.verdict(), expected, "by {chunking:?}");
    }
}
