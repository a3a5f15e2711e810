//! Confirmed items and compared ids are the same in C as in Rust.

use core::ptr::{null, null_mut};

use exportitems_capi::{
    exportitems_decoder_compare_id, exportitems_decoder_finish, exportitems_decoder_init,
    exportitems_decoder_next, exportitems_decoder_reject_item, exportitems_decoder_size,
    exportitems_summary_confirms, Bytes, EventKind, IdMatch as Match, ItemError as Error, Outcome,
    Status, Summary,
};

use exportitems as core_api;
use exportitems::{Decoder, Event, IdMatch, ItemError, Options, ResponseOutcome, Verdict};

/// An outcome and a summary to change.
fn any() -> (core_api::Outcome, core_api::Summary) {
    let message = crate::documents::message("Error", "ErrorItemNotFound", "");
    let document = crate::documents::envelope(&message);
    let mut decoder: Decoder<[u8; 64]> = Decoder::new(Options::new().items(1));
    let mut input = document.as_bytes();
    let (mut outcome, mut summary) = (None, None);
    let mut keep = |event: Event<'_>| match event {
        Event::Outcome(it) => outcome = Some(it),
        Event::End(it) => summary = Some(it),
        _ => {}
    };
    while let Some(event) = decoder.next_event(&mut input).unwrap() {
        keep(event);
    }
    while let Some(event) = decoder.finish().unwrap() {
        keep(event);
    }
    (outcome.unwrap(), summary.unwrap())
}

#[test]
fn the_rule_is_that_of_rust() {
    let (mut outcome, mut summary) = any();
    let reason = core_api::BrokenReason::Open;
    let verdicts = [
        None,
        Some(Verdict::Whole),
        Some(Verdict::Framed),
        Some(Verdict::Unknown),
        Some(Verdict::Broken { offset: 0, reason }),
    ];
    let responses = [
        ResponseOutcome::Complete,
        ResponseOutcome::Truncated,
        ResponseOutcome::Cut,
        ResponseOutcome::Fault,
        ResponseOutcome::Malformed,
        ResponseOutcome::NotSoap,
    ];
    let (mut cases, mut confirmed) = (0, 0);
    for response in responses {
        summary.response = response;
        for messages in [0, 1, 2, u32::MAX] {
            summary.messages = messages;
            for expected in [None, Some(0), Some(1), Some(2), Some(u32::MAX)] {
                summary.expected = expected;
                for trailing in [0, 1, u64::MAX] {
                    summary.trailing = trailing;
                    let in_c = Summary::from(summary);
                    for integrity in verdicts {
                        outcome.integrity = integrity;
                        for id_match in [IdMatch::Unknown, IdMatch::Same, IdMatch::Other] {
                            outcome.id_match = id_match;
                            for index in [0, 1, u32::MAX - 1, u32::MAX] {
                                outcome.index = index;
                                for error in
                                    [None, Some(ItemError::Refused), Some(ItemError::Write)]
                                {
                                    outcome.error = error;
                                    let expected = summary.confirms(&outcome);
                                    let item = Outcome::from(outcome);
                                    // SAFETY: both are valid.
                                    let found = unsafe {
                                        exportitems_summary_confirms(
                                            &raw const in_c,
                                            &raw const item,
                                        )
                                    };
                                    assert_eq!(found, expected, "{summary:?} {outcome:?}");
                                    cases += 1;
                                    confirmed += u32::from(found);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(
        confirmed > 1000 && confirmed < cases / 2,
        "{confirmed} of {cases}"
    );
    let item = Outcome::from(outcome);
    let end = Summary::from(summary);
    // SAFETY: null is checked for.
    unsafe {
        assert!(!exportitems_summary_confirms(null(), &raw const item));
        assert!(!exportitems_summary_confirms(&raw const end, null()));
    }
}

/// Decodes two items, compares the first id with this result, and rejects the last item after the end. Returns the outcomes
/// and the summary.
fn decode(answer: u32) -> (Vec<(Error, Match, u64)>, Summary) {
    let message = crate::documents::message(
        "Success",
        "NoError",
        "<m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data>",
    );
    let document = crate::documents::envelope(&[&*message, &*message].concat());
    let mut memory = vec![0_u64; exportitems_decoder_size() / 8 + 1];
    let mut scratch = [0_u8; 256];
    let mut decoder = null_mut();
    let mut event = core::mem::MaybeUninit::uninit();
    let mut input = Bytes {
        ptr: document.as_ptr(),
        len: document.len(),
    };
    let (mut outcomes, mut summary, mut data, mut ids) = (Vec::new(), None, 0, 0);
    // SAFETY: memory, scratch and outputs are valid; an event is read only after `Status::Event`.
    unsafe {
        let init = exportitems_decoder_init(
            memory.as_mut_ptr().cast(),
            memory.len() * 8,
            scratch.as_mut_ptr(),
            scratch.len(),
            null(),
            &raw mut decoder,
            null_mut(),
        );
        assert_eq!(init, Status::Ok);
        assert_eq!(
            exportitems_decoder_compare_id(decoder, 3),
            Status::InvalidValue
        );
        assert_eq!(exportitems_decoder_compare_id(null_mut(), 0), Status::Null);
        loop {
            let mut status =
                exportitems_decoder_next(decoder, &raw mut input, event.as_mut_ptr(), null_mut());
            if status == Status::Ok {
                status = exportitems_decoder_finish(decoder, event.as_mut_ptr(), null_mut());
            }
            if status != Status::Event {
                assert_eq!(status, Status::Ok);
                break;
            }
            let event = event.assume_init_ref();
            match event.kind {
                EventKind::ItemIds => {
                    ids += 1;
                    let answer = if ids == 1 { answer } else { 0 };
                    assert_eq!(exportitems_decoder_compare_id(decoder, answer), Status::Ok);
                }
                EventKind::Data => data += event.body.data.len as u64,
                EventKind::Outcome => {
                    let outcome = event.body.outcome;
                    outcomes.push((outcome.error, outcome.id_match, std::mem::take(&mut data)));
                }
                EventKind::End => {
                    summary = Some(event.body.summary);
                    // Too late: the summary was reported already.
                    assert_eq!(exportitems_decoder_reject_item(decoder), Status::Ok);
                }
                _ => {}
            }
        }
    }
    assert_eq!(ids, 2);
    (outcomes, summary.unwrap())
}

#[test]
fn an_id_of_another_item_fails_its_item_only() {
    let good = |id_match| (Error::None, id_match, 32);
    for (answer, first) in [
        (Match::Unknown, good(Match::Unknown)),
        (Match::Same, good(Match::Same)),
        (Match::Other, (Error::Contradiction, Match::Other, 0)),
    ] {
        let (outcomes, summary) = decode(answer as u32);
        assert_eq!(outcomes, [first, good(Match::Unknown)]);
        let ok = 1 + u32::from(first.0 == Error::None);
        assert_eq!(
            (summary.items, summary.ok, summary.failed, summary.messages),
            (2, ok, 2 - ok, 2)
        );
        assert_eq!((summary.expected, summary.trailing), (-1, 0));
    }
}
