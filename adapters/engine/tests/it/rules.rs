//! The rules of a run, one by one.

use exportitems::policy::{Disposition, Limits};
use exportitems::ResponseCode as Code;
use exportitems_engine::{
    Action, Added, Engine, Failure, ItemState, Request, Settings, StopReason, Why,
};

use crate::sim::{Answer, Asked, Item, Sim};

const MINUTE: u64 = 60_000;

fn settings(items: usize, connections: usize) -> Settings {
    Settings {
        limits: Limits {
            items,
            connections,
            ..Limits::default()
        },
        ..Settings::default()
    }
}

fn ask<T: Clone + std::fmt::Debug>(engine: &mut Engine<T>, now: u64) -> Request<T> {
    match engine.poll(now) {
        Action::Ask(request) => request,
        other => panic!("{other:?}"),
    }
}

fn positions<T>(request: &Request<T>) -> Vec<usize> {
    request.items().map(|(position, _)| position).collect()
}

#[test]
fn a_run_resumes_where_the_store_is() {
    let states = [
        (ItemState::Done, Added::Held),
        (ItemState::Suspect, Added::Queued),
        (ItemState::FailedPermanently, Added::FailedBefore),
        (ItemState::Failed, Added::Queued),
        (ItemState::New, Added::Queued),
        (ItemState::Changed, Added::Queued),
        (ItemState::Lost, Added::Queued),
        (ItemState::Failed, Added::Queued),
    ];
    for retry_failed in [false, true] {
        let settings = Settings {
            retry_failed,
            ..settings(20, 1)
        };
        let mut engine = Engine::new(settings, 0);
        for (at, (state, added)) in states.into_iter().enumerate() {
            // The later ones have fewer attempts.
            let attempts = 10 - u32::try_from(at).unwrap();
            let expected = match (state, retry_failed) {
                (ItemState::FailedPermanently, true) => Added::Queued,
                _ => added,
            };
            assert_eq!(engine.add('x', None, state, attempts), expected);
        }
        let (mut requested, mut now) = (Vec::new(), 0);
        loop {
            match engine.poll(now) {
                Action::Ask(mut request) => {
                    requested.push(positions(&request));
                    for index in 0..u32::try_from(request.len()).unwrap() {
                        assert!(engine.lose(&mut request, index).is_some());
                    }
                    engine.finish(request, now, 0);
                }
                Action::Wait {
                    until_ms: Some(until),
                    ..
                } => now = until,
                _ => break,
            }
        }
        let failed = if retry_failed {
            vec![7, 3, 2]
        } else {
            vec![7, 3]
        };
        assert_eq!(requested, [vec![4, 5, 6], failed, vec![1]]);
    }
}

/// The waits of a run that is held do not count as time without progress.
#[test]
fn a_held_run_finishes_its_requests_and_waits() {
    let mut engine = Engine::new(settings(1, 2), 0);
    (0..3).for_each(|value| assert_eq!(engine.add(value, None, ItemState::New, 0), Added::Queued));
    let mut request = ask(&mut engine, 0);
    engine.receive(&mut request);
    engine.hold(600 * MINUTE);
    let waits = |engine: &mut Engine<i32>, now| match engine.poll(now) {
        Action::Wait { until_ms, why } => (until_ms, why),
        other => panic!("{other:?}"),
    };
    assert_eq!(waits(&mut engine, 1), (Some(600 * MINUTE), Why::Held));
    assert!(engine.lose(&mut request, 0).is_some());
    assert!(!engine.finish(request, 10, 0).stops);
    assert_eq!(
        waits(&mut engine, 599 * MINUTE),
        (Some(600 * MINUTE), Why::Held)
    );
    // Ten hours later the server is busy, and is waited for as ever.
    let mut request = ask(&mut engine, 601 * MINUTE);
    let busy = Failure::Http {
        status: 503,
        retry_after_s: Some(20 * 60),
        location: None,
    };
    engine.fail(&mut request, busy, 601 * MINUTE, 0);
    assert!(!engine.finish(request, 601 * MINUTE, 0).stops);
    assert_eq!(
        waits(&mut engine, 602 * MINUTE),
        (Some(621 * MINUTE), Why::Server)
    );
    assert_eq!(positions(&ask(&mut engine, 621 * MINUTE)).len(), 1);
}

#[test]
fn a_run_that_is_stopped_requests_nothing_more() {
    let mut engine = Engine::new(settings(1, 4), 0);
    (0..3).for_each(|value| assert_eq!(engine.add(value, None, ItemState::New, 0), Added::Queued));
    let mut request = ask(&mut engine, 0);
    engine.stop();
    assert!(matches!(engine.poll(0), Action::Stop(StopReason::Caller)));
    assert!(engine.lose(&mut request, 0).is_some());
    engine.finish(request, 0, 0);
    assert!(matches!(engine.poll(0), Action::Stop(StopReason::Caller)));
    let remaining: Vec<_> = engine.remaining().collect();
    assert_eq!(remaining, [(1, &1), (2, &2)]);
}

/// A login that is refused ends the run; a request that fails beside it changes nothing.
#[test]
fn a_refused_login_ends_the_run() {
    for failure in [
        Failure::Hopeless(Disposition::Auth),
        Failure::Hopeless(Disposition::Permanent),
        Failure::Http {
            status: 401,
            retry_after_s: None,
            location: None,
        },
        // The host was never reached, so its name may be wrong.
        Failure::Unreachable,
    ] {
        let mut engine = Engine::new(settings(1, 1), 0);
        (0..3).for_each(|value| {
            assert_eq!(engine.add(value, None, ItemState::New, 0), Added::Queued);
        });
        let mut request = ask(&mut engine, 0);
        engine.fail(&mut request, failure, 0, 0);
        assert!(engine.finish(request, 0, 0).stops, "{failure:?}");
        assert!(matches!(engine.poll(0), Action::Stop(StopReason::Failure)));
        assert_eq!(engine.remaining().count(), 3, "no item is to blame");
    }
    // A server that was reached before is waited for, and one that throttles by 401.
    for failure in [
        Failure::Unreachable,
        Failure::Http {
            status: 401,
            retry_after_s: Some(5),
            location: None,
        },
    ] {
        let mut engine = Engine::new(settings(1, 1), 0);
        engine.connected();
        engine.add((), None, ItemState::New, 0);
        let mut request = ask(&mut engine, 0);
        engine.fail(&mut request, failure, 0, 0);
        assert!(!engine.finish(request, 0, 0).stops, "{failure:?}");
        assert!(matches!(
            engine.poll(0),
            Action::Wait {
                why: Why::Server,
                ..
            }
        ));
    }
}

/// Of the requests that fail together, one lengthens the next wait and halves the connections.
#[test]
fn failures_at_the_same_time_count_once() {
    let mut engine = Engine::new(settings(1, 8), 0);
    (0..100)
        .for_each(|value| assert_eq!(engine.add(value, None, ItemState::New, 0), Added::Queued));
    let mut first = ask(&mut engine, 0);
    engine.receive(&mut first);
    let mut requests = vec![first];
    while let Action::Ask(request) = engine.poll(0) {
        requests.push(request);
    }
    assert_eq!(requests.len(), 8);
    let busy = Failure::Http {
        status: 503,
        retry_after_s: None,
        location: None,
    };
    for mut request in requests {
        engine.fail(&mut request, busy, 10, 0);
        assert!(!engine.finish(request, 10, 0).stops);
    }
    let Action::Wait {
        until_ms: Some(until),
        why: Why::Server,
    } = engine.poll(10)
    else {
        panic!("no wait");
    };
    assert_eq!(until, 10 + 1_000, "the first wait of the policy");
    // One request finds out whether the server answers again.
    let mut request = ask(&mut engine, until);
    assert!(matches!(
        engine.poll(until),
        Action::Wait {
            why: Why::Requests,
            ..
        }
    ));
    engine.receive(&mut request);
    assert_eq!(engine.connections(), 4);
}

#[test]
fn an_item_that_fails_alone_is_given_up_while_others_are_exported() {
    let server = |asked: &Asked, _| match asked.positions.contains(&13) {
        true => (Answer::Closed, 100),
        false => (Answer::good(asked.positions.len()), 100),
    };
    for connections in [1, 4, 16] {
        let ended = Sim::new(1_000, settings(20, connections), server).run();
        assert_eq!((ended.stopped, ended.exported.len()), (None, 999));
        assert!(ended.failed.contains_key(&13) && ended.now < 3 * MINUTE);
    }
}

#[test]
fn a_server_that_goes_down_is_waited_for_and_no_item_is_given_up() {
    for (connections, back_at) in [(1, 40), (4, 40), (16, 40), (4, u64::MAX)] {
        let server = |asked: &Asked, _| match asked.at {
            at if at < MINUTE || at / MINUTE >= back_at => {
                (Answer::good(asked.positions.len()), 2_000)
            }
            _ => (Answer::Closed, 10),
        };
        let settings = Settings {
            patience_ms: 60 * MINUTE,
            ..settings(20, connections)
        };
        let ended = Sim::new(20_000, settings, server).run();
        assert_eq!(ended.failed.len(), 0);
        let back = back_at < u64::MAX;
        assert_eq!(ended.stopped.is_none(), back);
        assert_eq!(ended.exported.len() == 20_000, back);
        if !back {
            assert!(
                ended.needed_patience_ms > Some(60 * MINUTE),
                "{:?}",
                ended.needed_patience_ms
            );
            assert_eq!(ended.left.len() + ended.exported.len(), 20_000);
        }
        let down = ended
            .log
            .iter()
            .filter(|asked| (1..40).contains(&(asked.at / MINUTE)));
        let down = down.count();
        assert!(down < 200, "{connections} {back_at}: {down}");
    }
}

#[test]
fn doubtful_answers_are_requested_alone_three_times() {
    let server = |asked: &Asked, _| {
        let items = asked.positions.iter().map(|position| match position {
            5 => Item::Suspect,
            6 => Item::Misplaced(Code::ErrorItemNotFound),
            _ => Item::Good,
        });
        (Answer::Items(items.collect()), 100)
    };
    let ended = Sim::new(10, settings(10, 1), server).run();
    assert_eq!(ended.failed.keys().copied().collect::<Vec<_>>(), [5, 6]);
    let sizes: Vec<_> = ended
        .log
        .iter()
        .map(|asked| asked.positions.len())
        .collect();
    assert_eq!(sizes, [10, 1, 1, 1, 1, 1, 1]);
}
