//! Outcomes for the tests of this module, and whole exports from servers of every kind.

use super::{Attempt, Disposition, Endpoint, Limits, Policy, Retry};
use crate::ews::ResponseCode as C;
use crate::{Decoder, Event, Fault, IdMatch, ItemError, Options, Outcome};
use core::cmp::Ordering;
use proptest::prelude::*;
use std::vec::Vec;
use std::{format, vec};

pub(super) fn done(index: u32) -> Outcome {
    Outcome {
        index,
        class: None,
        code: None,
        inner_code: None,
        back_off_ms: None,
        bytes: 0,
        error: None,
        offset: 0,
        id_match: IdMatch::Unknown,
        text_replaced: false,
        integrity: None,
    }
}

pub(super) fn refused(index: u32, code: C) -> Outcome {
    Outcome {
        code: Some(code),
        error: Some(ItemError::Refused),
        ..done(index)
    }
}

pub(super) fn not_answered(index: u32) -> Outcome {
    Outcome {
        error: Some(ItemError::NotAnswered),
        ..done(index)
    }
}

pub(super) fn cut(index: u32) -> Outcome {
    Outcome {
        error: Some(ItemError::Cut),
        ..done(index)
    }
}

pub(super) fn fault(code: C) -> Fault {
    Fault {
        code: Some(code),
        inner_code: None,
        back_off_ms: None,
        is_senders_fault: false,
    }
}

/// The wait after an attempt of so many items, and the limits then.
pub(super) fn after(
    endpoint: &mut Endpoint,
    items: usize,
    report: impl Fn(&mut Attempt),
) -> (Option<u32>, Limits) {
    let mut attempt = endpoint.attempt(items);
    report(&mut attempt);
    let wait = endpoint.end(&Policy::DEFAULT, attempt, 0, u32::MAX);
    (wait, endpoint.limits())
}

/// The life of a batch: what the server does with the items it is asked for.
fn export(
    items: usize,
    mut serve: impl FnMut(&[usize], &mut Attempt) -> Vec<Outcome>,
) -> (Vec<Disposition>, usize, bool) {
    let policy = Policy::DEFAULT;
    let mut endpoint = Endpoint::new(Limits::default());
    let mut pending: Vec<_> = (0..items).map(|item| (item, Retry::new())).collect();
    let mut dispositions = vec![Disposition::Transient; items];
    let mut exchanges = 0;
    while !pending.is_empty() {
        exchanges += 1;
        assert!(exchanges < 20_000, "the export does not end");
        let batch: Vec<_> = pending
            .drain(..pending.len().min(endpoint.limits().items))
            .collect();
        let asked: Vec<_> = batch.iter().map(|&(item, _)| item).collect();
        let mut attempt = endpoint.attempt(batch.len());
        for outcome in serve(&asked, &mut attempt) {
            let advice = attempt.item(&outcome);
            let (item, mut retry) = batch[outcome.index as usize];
            dispositions[item] = advice.disposition;
            if policy.next(&mut retry, advice, 0, 0).is_some() {
                pending.push((item, retry));
            }
        }
        if endpoint.end(&policy, attempt, 0, 0).is_none() {
            return (dispositions, exchanges, false);
        }
    }
    (dispositions, exchanges, true)
}

#[test]
fn an_item_that_fails_its_whole_request_is_found_and_costs_no_other() {
    // A fault, an opaque 500 and a cut before the first byte, each because of item 7.
    let poisons: [(fn(&mut Attempt), _); 3] = [
        (
            |attempt| attempt.fault(&fault(C::ErrorCorruptData)),
            Disposition::Permanent,
        ),
        (
            |attempt| attempt.http(500, None, None),
            Disposition::Transient,
        ),
        (Attempt::cut, Disposition::Transient),
    ];
    for (poison, expected) in poisons {
        let (dispositions, exchanges, _) = export(200, |asked, attempt| {
            let poisoned = asked.contains(&7);
            if poisoned {
                poison(attempt);
            }
            let outcome = if poisoned { not_answered } else { done };
            (0..).map(outcome).take(asked.len()).collect()
        });
        assert!(exchanges < 50, "{exchanges}");
        for (item, disposition) in dispositions.into_iter().enumerate() {
            let expected = if item == 7 {
                expected
            } else {
                Disposition::Done
            };
            assert_eq!(disposition, expected, "{item}");
        }
    }
}

#[test]
fn items_after_one_that_stops_the_batch_are_requested_again() {
    let (dispositions, _, whole) = export(200, |asked, _| {
        let stop = asked.iter().position(|item| item % 3 == 0);
        (0..)
            .zip(0..asked.len())
            .map(|(index, at)| match stop.map(|stop| at.cmp(&stop)) {
                None | Some(Ordering::Less) => done(index),
                Some(Ordering::Equal) => refused(index, C::ErrorAccessDenied),
                Some(Ordering::Greater) => refused(index, C::ErrorBatchProcessingStopped),
            })
            .collect()
    });
    assert!(whole);
    for (item, &disposition) in dispositions.iter().enumerate() {
        let denied = item % 3 == 0;
        assert_eq!(disposition == Disposition::Auth, denied, "{item}");
        assert_eq!(disposition == Disposition::Done, !denied, "{item}");
    }
}

/// Exchange answers 200 with `ErrorInternalServerError` around `ErrorServerBusy`.
#[test]
fn a_wrapped_code_in_a_response_counts() {
    let wrapped = r#"<ResponseCode>ErrorInternalServerError</ResponseCode><MessageXml>
        <Value Name="InnerErrorResponseCode"> ErrorServerBusy </Value>
        <Value Name="BackOffMilliseconds">5000</Value></MessageXml>"#;
    let message = format!(
        "<ExportItemsResponse><ResponseMessages><ExportItemsResponseMessage ResponseClass='Error'>\
         {wrapped}</ExportItemsResponseMessage></ResponseMessages></ExportItemsResponse>"
    );
    let fault = format!("<Fault><detail>{wrapped}</detail></Fault>");
    for body in [message, fault] {
        let document = format!("<Envelope><Body>{body}</Body></Envelope>");
        let mut decoder = Decoder::<[u8; 512]>::new(Options::new().items(1));
        let mut attempt = Endpoint::new(Limits::default()).attempt(1);
        let mut input = document.as_bytes();
        let mut advice = None;
        loop {
            match decoder.next_event(&mut input).unwrap() {
                Some(Event::Fault(fault)) => attempt.fault(&fault),
                Some(Event::Outcome(outcome)) => advice = Some(attempt.item(&outcome)),
                Some(_) => {}
                None => match decoder.finish().unwrap() {
                    Some(Event::Outcome(outcome)) => advice = Some(attempt.item(&outcome)),
                    Some(_) => {}
                    None => break,
                },
            }
        }
        let advice = advice.unwrap();
        let got = (advice.disposition, advice.back_off_ms);
        assert_eq!(got, (Disposition::Throttled, 5000), "{body}");
    }
}

/// The code that is free for an item, since another item stopped the batch, is not free for a fault, nor for a server
/// that says nothing else.
#[test]
fn a_server_that_only_stops_batches_is_given_up() {
    let stopped = C::ErrorBatchProcessingStopped;
    let (_, _, finished) = export(1, |_, attempt| {
        attempt.fault(&fault(stopped));
        vec![not_answered(0)]
    });
    assert!(!finished);
    let (_, _, finished) = export(1, |_, _| vec![refused(0, stopped)]);
    assert!(!finished);
}

proptest! {
    /// A client stops in the end, however a server behaves.
    #[test]
    fn every_export_ends(
        moods in prop::collection::vec((0..6_u8, 0..C::KNOWN.len(), any::<bool>()), 1..40),
        items in 1..40_usize,
    ) {
        let mut moods = moods.into_iter().cycle();
        export(items, |asked, attempt| {
            let (mood, code, first) = moods.next().unwrap();
            let code = C::KNOWN[code];
            match mood {
                0 => attempt.http(503, Some(0), None),
                1 => attempt.cut(),
                2 | 3 => attempt.fault(&fault(code)),
                _ => {}
            }
            (0..)
                .take(asked.len())
                .map(|index| match mood {
                    4 => refused(index, code),
                    5 if first && index == 0 => done(0),
                    _ => not_answered(index),
                })
                .collect()
        });
    }
}
