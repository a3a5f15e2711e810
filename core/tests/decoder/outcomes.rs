//! The outcomes of items that are not good.

use exportitems::{Decoder, Event, ItemError, Options, Outcome, ResponseOutcome};

use super::{data, document, options, run, run_in, MARKER};

/// `Summary::suspect` counts committed items; one that the caller could not keep is none, nor is one that is whole.
#[test]
fn a_rejected_commit_is_no_suspect() {
    const WHOLE: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAgEJEAUAAAB2YWx1ZQ==";
    for (rejected, other, suspect) in [
        ("QUJDREVGR0g=", "QUJDREVGR0g=", 1),
        ("QUJDREVGR0g=", WHOLE, 0),
        (WHOLE, "QUJDREVGR0g=", 1),
        (WHOLE, WHOLE, 0),
    ] {
        let messages = [rejected, other, other].map(data).concat();
        let document = document(&(messages + "=== Truncated Data ==="));
        let mut decoder = Decoder::<[u8; 512]>::new(Options::new());
        let mut input = document.as_bytes();
        let mut reported = None;
        while let Ok(Some(event)) = decoder.next_event(&mut input) {
            match event {
                Event::Outcome(Outcome { index: 0, .. }) => {
                    decoder.reject_item();
                    decoder.reject_item(); // there is nothing more to reject
                }
                Event::End(summary) => {
                    reported = Some((summary.ok, summary.failed, summary.suspect));
                }
                _ => {}
            }
        }
        assert_eq!(reported, Some((1, 2, suspect)), "{rejected} {other}");
    }
}

#[test]
fn an_item_without_an_answer_fails_where_the_response_ended() {
    for (document, offset) in [
        (document(""), document("").len()),
        (
            document("<!-- -->  text"),
            document("").find("</m:Resp").unwrap() + 10,
        ),
        (document("<x").split_at(60).0.to_owned(), 60),
    ] {
        let reported = run(&document, options().items(2));
        for outcome in reported.outcomes {
            assert_eq!(
                (outcome.error, outcome.offset),
                (Some(ItemError::NotAnswered), offset as u64)
            );
        }
    }
}

/// An item that the caller rejects fails for that, not for what it therefore lacks.
#[test]
fn a_rejected_item_fails_for_being_rejected() {
    // Two records and a property; by the first 48 bytes of it, a cut payload.
    let payload = format!(
        "AQAAAAgAAAAAAAAAAQAAAAIAAACIAAAAAgEJEIAAAAA{}==",
        "A".repeat(171)
    );
    let document = document(&data(&payload));
    for reject_at_start in [true, false] {
        let mut decoder = Decoder::<[u8; 64]>::new(Options::new());
        let mut input = document.as_bytes();
        let outcome = loop {
            let event = match decoder.next_event(&mut input) {
                Ok(None) => decoder.finish(),
                event => event,
            };
            match event.expect("a good document").expect("an outcome") {
                Event::MessageStart { .. } if reject_at_start => decoder.reject_item(),
                Event::Data(_) => decoder.reject_item(),
                Event::Outcome(outcome) => break outcome,
                _ => {}
            }
        };
        assert_eq!(outcome.error, Some(ItemError::Write));
        assert_eq!(outcome.integrity, None);
    }
    assert_eq!(run_in(&document, Options::new(), 64, 64).errors(), [None]);
}

/// The marker truncates the response if it is in place of the end tags; a response that is cut after an
/// item that it truncated is cut.
#[test]
fn a_cut_after_a_truncated_item_is_a_cut() {
    let whole = document(&data(&format!("QUJD{MARKER}")));
    let marker_end = whole.find(MARKER).unwrap() + MARKER.len();
    for (end, response) in [
        (marker_end, ResponseOutcome::Truncated),
        (marker_end + "</m:Data".len(), ResponseOutcome::Truncated),
        (marker_end + "</m:Data>".len(), ResponseOutcome::Cut),
        (whole.len() - 1, ResponseOutcome::Cut),
        (whole.len(), ResponseOutcome::Complete),
    ] {
        let reported = run(&whole[..end], options());
        assert_eq!(reported.errors(), [Some(ItemError::Truncated)]);
        assert_eq!(reported.response(), response, "cut at {end}");
    }
}

#[test]
fn the_largest_number_of_items_is_no_unknown_one() {
    for (items, more) in [
        (Some(u32::MAX), true),
        (Some(2), true),
        (Some(1), false),
        (None, false),
    ] {
        let document = document(&data("AQID"));
        let options = items.map_or(options(), |items| options().items(items));
        let mut decoder: Decoder<[u8; 64]> = Decoder::new(options);
        let mut input = document.as_bytes();
        while decoder.next_event(&mut input).unwrap().is_some() {}
        // The outcome of an item that is not answered, or the end.
        let next = loop {
            match decoder.finish().unwrap() {
                Some(Event::Outcome(outcome)) if outcome.index == 0 => {}
                Some(Event::Outcome(outcome)) => break outcome.error,
                Some(Event::End(_)) => break None,
                event => assert!(event.is_some()),
            }
        };
        assert_eq!(next, more.then_some(ItemError::NotAnswered), "{items:?}");
    }
}
