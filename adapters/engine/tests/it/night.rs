//! A night of throttling.

use std::collections::HashMap;
use std::time::Instant;

use exportitems::policy::Limits;
use exportitems::ResponseCode as Code;
use exportitems_engine::Settings;

use crate::sim::{Answer, Asked, Item, Sim};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

const ITEMS: usize = 50_000;

/// The throttling of Exchange has five shapes. Each is used in some minutes of each hour.
fn throttled(at: u64, items: usize) -> Option<Answer> {
    Some(match at % HOUR / MINUTE {
        7 => Answer::Fault(Code::ErrorServerBusy, 30_000),
        17 => Answer::Http(503, Some(45)),
        27 => Answer::Http(429, None),
        37 => Answer::Items(vec![Item::Refused(Code::ErrorServerBusy); items]),
        47 => Answer::Fault(Code::ErrorExceededConnectionCount, 0),
        // The mailbox is moved once.
        57 if at < HOUR => {
            Answer::Items(vec![Item::Refused(Code::ErrorMailboxMoveInProgress); items])
        }
        _ => return None,
    })
}

#[test]
fn a_night_of_throttling_exports_everything_that_can_be_exported() {
    let is_refused = |position: usize| position % 100 == 42;
    let heals = |position: usize| position % 10_000 == 77;
    let never_heals = |position: usize| [4_321, 43_210].contains(&position);
    let is_poison = |position: usize| position % 5_000 == 999;
    let mut tries: HashMap<usize, u32> = HashMap::new();
    let server = |asked: &Asked, random: u32| {
        let takes = 200 + u64::from(random % 4_000);
        let positions = &asked.positions;
        if let Some(answer) = throttled(asked.at, positions.len()) {
            return (answer, 100);
        }
        if positions.iter().any(|&position| is_poison(position)) {
            return (Answer::Fault(Code::ErrorInternalServerError, 0), takes);
        }
        if random.is_multiple_of(97) {
            return (Answer::Closed, takes);
        }
        let items = positions.iter().map(|&position| {
            let tries = tries.entry(position).or_default();
            *tries += 1;
            match position {
                _ if is_refused(position) => Item::Refused(Code::ErrorItemNotFound),
                _ if never_heals(position) || heals(position) && *tries <= 5 => Item::Truncated,
                _ => Item::Good,
            }
        });
        (Answer::Items(items.collect()), takes)
    };
    let settings = Settings {
        patience_ms: 8 * HOUR,
        ..Settings::default()
    };
    let began = Instant::now();
    // The window closes while half of the items are left, and opens again in the evening.
    let ended = Sim::new(ITEMS, settings, server)
        .window("20:00-00:20")
        .run();
    assert!(ended.now > 20 * HOUR, "the window has closed");
    println!(
        "{} items, {} requests, {} minutes in {:?}",
        ended.exported.len(),
        ended.log.len(),
        ended.now / MINUTE,
        began.elapsed()
    );
    assert_eq!(ended.stopped, None);
    assert_eq!(ended.left, [0; 0]);
    let is_lost =
        |position: usize| is_refused(position) || never_heals(position) || is_poison(position);
    for position in 0..ITEMS {
        assert_eq!(
            ended.failed.contains_key(&position),
            is_lost(position),
            "{position}"
        );
    }
    // Throttling costs few requests: in each of its minutes, one finds out whether it is over.
    let wasted = ended
        .log
        .iter()
        .filter(|asked| throttled(asked.at, 1).is_some());
    assert!(wasted.count() < 10 * usize::try_from(ended.now / HOUR + 1).unwrap() * 6);
    assert!(ended.log.iter().any(|asked| asked.in_flight == 4));
}

/// A server that allows two connections gets two, although four are wanted.
#[test]
fn a_server_that_allows_fewer_connections_gets_fewer() {
    let server = |asked: &Asked, _| match asked.in_flight {
        0..=2 => (Answer::good(asked.positions.len()), 1_000),
        _ => (Answer::Fault(Code::ErrorExceededConnectionCount, 0), 10),
    };
    let settings = Settings {
        limits: Limits {
            connections: 8,
            ..Limits::default()
        },
        ..Settings::default()
    };
    let ended = Sim::new(10_000, settings, server).run();
    assert_eq!((ended.exported.len(), ended.stopped), (10_000, None));
    let refused = ended.log.iter().filter(|asked| asked.in_flight > 2).count();
    assert!(
        refused * 8 < ended.log.len(),
        "{refused} of {}",
        ended.log.len()
    );
    let two = ended
        .log
        .iter()
        .filter(|asked| asked.in_flight == 2)
        .count();
    assert!(two * 3 > ended.log.len(), "{two} of {}", ended.log.len());
}
