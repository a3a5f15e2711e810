//! Properties of runs against servers that answer at random. [`Sim`] checks them at each step:
//!
//! - no request begins before the wait that the server has asked for is over,
//! - no more requests are in flight than the server allows, and no more than the caller allows,
//! - every item ends exported, given up, or left for a reason,
//! - a run never waits while an item is ready and a request may begin.

use exportitems::policy::Limits;
use exportitems::ResponseCode as Code;
use exportitems_engine::Settings;
use proptest::prelude::*;

use crate::sim::{Answer, Asked, Item, Sim};

/// The codes that servers refuse items with: for each disposition one, and one that is in no table.
const CODES: [Code; 7] = [
    Code::ErrorItemNotFound,
    Code::ErrorServerBusy,
    Code::ErrorMailboxMoveInProgress,
    Code::ErrorAccessDenied,
    Code::ErrorPasswordExpired,
    Code::ErrorExceededConnectionCount,
    Code::Other,
];

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        6 => Just(Item::Good),
        1 => Just(Item::Suspect),
        1 => prop::sample::select(&CODES[..]).prop_map(Item::Refused),
        1 => prop::sample::select(&CODES[..]).prop_map(Item::Misplaced),
        1 => Just(Item::Truncated),
        1 => Just(Item::Cut),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => prop::collection::vec(item(), 30).prop_map(Answer::Items),
        2 => (prop::sample::select(&CODES[..]), 0..100_000_u32)
            .prop_map(|(code, back_off_ms)| Answer::Fault(code, back_off_ms)),
        2 => (prop::sample::select(&[400_u16, 401, 403, 413, 429, 500, 503, 504][..]), prop::option::of(0..200_u32))
            .prop_map(|(status, retry_after_s)| Answer::Http(status, retry_after_s)),
        1 => Just(Answer::Closed),
        1 => Just(Answer::Unreachable),
        1 => Just(Answer::Forgotten),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    (
        1..30_usize,
        1..7_usize,
        prop::sample::select(&[0, 60_000, 1_800_000][..]),
    )
        .prop_map(|(items, connections, patience_ms)| Settings {
            limits: Limits {
                items,
                connections,
                ..Limits::default()
            },
            patience_ms,
            ..Settings::default()
        })
}

/// Returns the first items of an answer, as many as were requested.
fn cut_to(answer: Answer, items: usize) -> Answer {
    match answer {
        Answer::Items(mut answers) => {
            answers.truncate(items);
            Answer::Items(answers)
        }
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A server that does anything, for as long as the run lasts.
    #[test]
    fn every_run_ends_and_keeps_the_rules(
        items in 0..80_usize,
        settings in settings(),
        answers in prop::collection::vec((answer(), 0..30_000_u64), 1..60),
    ) {
        let mut next = answers.iter().cycle();
        let server = move |asked: &Asked, _| {
            let (answer, takes) = next.next().unwrap().clone();
            (cut_to(answer, asked.positions.len()), takes)
        };
        let ended = Sim::new(items, settings, server).run();
        prop_assert!(ended.log.iter().all(|asked| asked.positions.len() <= settings.limits.items));
    }

    /// A server that misbehaves for a while, and then delivers everything. The run may end before that, but no item is
    /// given up that the server would deliver when it is asked for alone.
    #[test]
    fn what_the_server_delivers_is_exported(
        items in 1..80_usize,
        settings in settings(),
        answers in prop::collection::vec((answer(), 0..3_000_u64), 0..20),
        poison in prop::collection::btree_set(0..80_usize, 0..4),
    ) {
        let settings = Settings { patience_ms: 1_800_000, ..settings };
        let mut next = answers.into_iter();
        let server = |asked: &Asked, _| {
            let positions = &asked.positions;
            if let Some((answer, takes)) = next.next() {
                if positions.len() > 1 && !matches!(answer, Answer::Items(_)) {
                    return (cut_to(answer, positions.len()), takes);
                }
            }
            if positions.iter().any(|position| poison.contains(position)) {
                return (Answer::Fault(Code::ErrorInternalServerError, 0), 100);
            }
            (Answer::good(positions.len()), 100)
        };
        let ended = Sim::new(items, settings, server).run();
        if ended.stopped.is_none() {
            for position in 0..items {
                let is_poison = poison.contains(&position);
                prop_assert!(is_poison || ended.exported.contains(&position), "{position}: {ended:?}");
            }
        }
        prop_assert!(ended.failed.keys().all(|position| poison.contains(position)));
    }
}
