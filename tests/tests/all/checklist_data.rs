//! protocol.md §6, "Data path": a test for each of its lines, in its order.

use exportitems::{BrokenReason, ErrorKind, IntegrityPolicy, ItemError, ResponseOutcome, Verdict};
use exportitems_testkit::data;
use exportitems_testkit::oracle;
use exportitems_testkit::run::Setup;
use exportitems_testkit::script::{Dress, Flaw, Payload};
use exportitems_testkit::wire::MARKER;
use exportitems_testkit::{base64_text, script};

use crate::support::{self, good, response, run, run_as, Findings, PAYLOAD};

/// "Base64 across arbitrary splits, XML whitespace and charrefs skipped, strict alphabet, padding rules, non-canonical
/// trailing bits policy, exact offset in errors"
#[test]
fn base64() {
    for dress in [
        Dress::Plain,
        Dress::Lines(76),
        Dress::Lines(1),
        Dress::Spaces,
        Dress::Cdata(5),
        Dress::Comments(3),
        Dress::Instructions(7),
        Dress::References(1),
        Dress::References(4),
    ] {
        for len in 0..4 {
            let payload = Payload::Whole(vec![0x5A; len]);
            let text = base64_text::write(&script::Data {
                payload: payload.clone(),
                dress,
                flaw: None,
            });
            let run = run(response(&support::data(&text)));
            assert_eq!(run.committed(), [(0, payload.bytes())], "{dress:?}");
        }
    }
    // What is wrong, and how far into the text it is noticed; `None`: at the end tag.
    for (text, at) in [
        ("QUJD!", Some(4)),
        ("QU-D", Some(2)),
        ("QU_D", Some(2)),
        ("QUJD\u{a0}", Some(4)),
        ("QUJDQQ==QUJD", Some(8)),
        ("QUI=A", Some(4)),
        ("QUJDQ", None),
        ("QUJDQQ", None),
        ("QUJDQQ=", None),
        ("QUJDQUI", None),
        ("QUJDQ===", None),
        ("QUJD=", None),
        ("QUJD====", None),
        ("QUJDQR==", None),
        ("QUJDQUJ=", None),
    ] {
        let document = response(&support::data(text));
        let start = document.find("<m:Data>").expect("data") + "<m:Data>".len();
        let run = run(document);
        assert_eq!(run.errors(), [Some(ItemError::Base64)], "{text}");
        let at = start + at.unwrap_or(text.len());
        assert_eq!(run.outcome().offset, at as u64, "{text}");
    }
    for text in [
        "",
        "QUJDQUI=",
        "====",
        "=== Trunc",
        "Q",
        "QUJD\n",
        "\u{20ac}",
        "<",
    ] {
        oracle::base64(text.as_bytes());
    }
}

/// "`=== Truncated Data ===` recognised inside Data, in place of end tags, and after the root → typed transient
/// outcome; never passed to the sink as bytes."
#[test]
fn the_truncation_marker() {
    let truncated = Some(ItemError::Truncated);
    // Inside Data, wherever the server stopped: the response continues.
    for cut in 0..PAYLOAD.len() {
        let run = run(response(&format!(
            "{}{}{}",
            good(),
            support::data(&format!("{}{MARKER}", &PAYLOAD[..cut])),
            good()
        )));
        assert_eq!(run.errors(), [None, truncated, None]);
        assert_eq!(
            (run.summary().response, run.error),
            (ResponseOutcome::Complete, None)
        );
        assert!(run.data()[1].len() <= cut / 4 * 3, "no byte of the marker");
    }
    // In place of the end tags, at every byte after the first item.
    let whole = response(&(good() + &good()));
    let second = whole
        .rfind("<m:ExportItemsResponseMessage ")
        .expect("a second");
    let second = second + "<m:ExportItemsResponseMessage ResponseClass=\"Success\">".len();
    let in_data = whole.rfind(PAYLOAD).expect("data")..whole.rfind("</m:Data>").expect("data") + 1;
    for cut in second..whole.len() {
        let document = format!("{}{MARKER}", &whole[..cut]);
        let run = run(&document);
        // Inside a tag the marker is broken markup; inside a text, it is a cut text.
        let in_text = whole[..cut].ends_with('>') || in_data.contains(&cut);
        let fields = [
            &whole[second..whole.rfind("<t:ItemId").expect("ids")],
            "<t:ItemId",
        ];
        let in_field = cut < second + fields[0].len() && cut > second;
        if in_text && !in_field {
            assert_eq!(run.kind(), Some(ErrorKind::Truncated), "{document}");
            assert_eq!(run.errors(), [None, truncated], "{document}");
            assert_eq!(run.summary().response, ResponseOutcome::Truncated);
        } else {
            assert_eq!(run.errors()[0], None, "{document}");
            assert_ne!(run.errors()[1], None, "{document}");
        }
    }
    // After the root; the items before the last are suspect if nothing proves them whole.
    let opaque = support::data("T3BhcXVlIHBheWxvYWQ=");
    let run = run(response(&(opaque + &good() + &good())) + MARKER);
    assert_eq!(run.errors(), [None, None, truncated]);
    assert_eq!(run.summary().response, ResponseOutcome::Truncated);
    assert_eq!(run.summary().suspect, 1);
}

/// "Sink protocol: begin(index, ids) / chunk / commit / abort(reason) […]; commit only after
/// `</m:ExportItemsResponseMessage>` and all checks. Sink back-pressure and sink errors abort cleanly."
///
/// [`Checked`](exportitems_testkit::sink::Checked) knows the contract and fails at its first, second and fifth call.
#[test]
fn sinks() {
    let document = response(&format!(
        "{}{}{}{}{}",
        good(),
        support::refused(""),
        support::data("QU!D"),
        good().replace("<t:ItemId Id=\"AAMk\" ChangeKey=\"CQ\"/>", ""),
        good()
    ));
    for items in [None, Some(3), Some(7)] {
        for max_item_bytes in [0, 1, u64::MAX] {
            let setup = Setup {
                items,
                max_item_bytes,
                ..Setup::default()
            };
            oracle::push_is_pull(document.as_bytes(), setup);
        }
    }
}

/// "Payload check in two layers […]; reject `AA==`. […] A cut exactly on a TransferBuffer boundary passes layer 1 and fails
/// layer 2."
#[test]
fn payloads() {
    let cases = [
        (PAYLOAD.to_owned(), Verdict::Whole),
        (
            "AA==".to_owned(),
            Verdict::Broken {
                offset: 0,
                reason: BrokenReason::TooShort,
            },
        ),
        (
            base64_text::write(&script::Data {
                payload: Payload::Cut(vec![1, 2, 3]),
                dress: Dress::Plain,
                flaw: None,
            }),
            Verdict::Broken {
                offset: 16,
                reason: BrokenReason::RecordCut,
            },
        ),
        // A TransferBuffer that ends in a property, at the end of the record.
        (
            "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAgEJEAUAAAA=".to_owned(),
            Verdict::Broken {
                offset: 24,
                reason: BrokenReason::AtomCut,
            },
        ),
        ("T3BhcXVlIHBheWxvYWQ=".to_owned(), Verdict::Unknown),
    ];
    for (text, verdict) in cases {
        for integrity in [
            IntegrityPolicy::Require,
            IntegrityPolicy::Accept,
            IntegrityPolicy::Report,
            IntegrityPolicy::Off,
        ] {
            let refused = match integrity {
                IntegrityPolicy::Require => verdict != Verdict::Whole,
                IntegrityPolicy::Accept => matches!(verdict, Verdict::Broken { .. }),
                IntegrityPolicy::Report | IntegrityPolicy::Off => false,
            };
            let setup = Setup {
                integrity,
                ..Setup::default()
            };
            let run = run_as(response(&support::data(&text)), setup);
            let error = refused.then_some(ItemError::Payload);
            assert_eq!(run.errors(), [error], "{text} {integrity:?}");
            let reported = (integrity != IntegrityPolicy::Off).then_some(verdict);
            assert_eq!(run.outcome().integrity, reported, "{text} {integrity:?}");
        }
    }
}

/// "u64 counters, per-item and total size limits, digest hook; the expected number of messages is known to the decoder."
///
/// The digest hook is the sink, which is given every byte; the number of messages is tested with the messages.
#[test]
fn limits() {
    let len = 37;
    for (limit, error) in [
        (len + 1, None),
        (len, None),
        (len - 1, Some(ItemError::TooLarge)),
        (0, Some(ItemError::TooLarge)),
    ] {
        let setup = Setup {
            max_item_bytes: limit,
            ..Setup::default()
        };
        let run = run_as(response(&(good() + &good())), setup);
        assert_eq!(run.errors(), [error, error], "{limit}");
        assert!(run.outcomes().all(|outcome| outcome.bytes <= limit));
    }
    // The item that exceeds the limit, and later ones that have data.
    let large = Some(ItemError::TooLarge);
    let refused = Some(ItemError::Refused);
    for (limit, errors) in [
        (2 * len, [None, None, refused, large]),
        (2 * len - 1, [None, large, refused, large]),
        (0, [large, large, refused, large]),
    ] {
        let setup = Setup {
            max_total_bytes: limit,
            ..Setup::default()
        };
        let messages = [good(), good(), support::refused(""), good()].concat();
        let run = run_as(response(&messages), setup);
        assert_eq!(run.errors(), errors, "{limit}");
        assert_eq!(
            run.outcomes().map(|outcome| outcome.bytes).sum::<u64>(),
            limit
        );
    }
}

/// design.md, invariant 4: an item's failure never stops the bytes of the next item.
#[test]
fn flaws_of_data_cost_one_item() {
    let flaws = [
        (Flaw::Marker(7), ItemError::Truncated),
        (Flaw::MarkerInside(8), ItemError::Truncated),
        (Flaw::MarkerAfter(9), ItemError::Truncated),
        (Flaw::HalfMarker, ItemError::Base64),
        (Flaw::Symbol(3), ItemError::Base64),
        (Flaw::Wide(0), ItemError::Base64),
        (Flaw::IllegalReference(5), ItemError::Base64),
        (Flaw::Element(11), ItemError::Base64),
        (Flaw::NoPadding, ItemError::Base64),
        (Flaw::MorePadding, ItemError::Base64),
        (Flaw::TrailingBits, ItemError::Base64),
        (Flaw::After, ItemError::Base64),
    ];
    for (flaw, error) in flaws {
        for dress in [Dress::Plain, Dress::Cdata(4), Dress::Comments(1)] {
            let text = base64_text::write(&script::Data {
                payload: Payload::Whole(b"value".to_vec()),
                dress,
                flaw: Some(flaw),
            });
            let run = run(response(&(good() + &support::data(&text) + &good())));
            assert_eq!(
                run.errors(),
                [None, Some(error), None],
                "{flaw:?} {dress:?}"
            );
        }
    }
}

/// "the page's samples corrected and as published; […] all of them split at every byte"
#[test]
fn the_page_in_every_chunk_size_and_cut_everywhere() {
    for name in [
        "02_response_success_http-ns.xml",
        "02_response_success_as-published_https-ns.xml",
        "03_response_partial_errors_http-ns.xml",
        "03_response_partial_errors_as-published_https-ns.xml",
    ] {
        let Some(document) = data::text(&format!("samples/exportitems-page/{name}")) else {
            return;
        };
        run(&document);
        oracle::differential(document.as_bytes());
        oracle::cut_everywhere(document.as_bytes(), Setup::default());
    }
}
