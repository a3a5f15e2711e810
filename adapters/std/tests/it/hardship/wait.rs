//! How long a run waits, and when it ends.

use std::time::Duration;

use exportitems::policy::{Policy, Schedule};
use exportitems::RequestHeaders;
use exportitems_std::archive::Status;
use exportitems_std::{Client, Exporter, Progress, Stop};

use super::{echo, fault, note_wait, take_waited, take_waited_in_all, Setting, MINUTE};
use crate::server::{answer_of, message, response, soap};

#[test]
fn a_busy_server_is_waited_for_as_long_as_it_takes_or_half_an_hour() {
    let busy = || Some(fault(500, "ErrorServerBusy", 0));
    let unavailable = || Some(response(503, "Retry-After: 300\r\n", ""));
    let page = || Some(response(503, "", ""));
    for (name, answer) in [
        (
            "fault",
            Box::new(busy) as Box<dyn Fn() -> Option<Vec<u8>> + Send>,
        ),
        ("Retry-After", Box::new(unavailable)),
        ("503", Box::new(page)),
    ] {
        let setting = Setting::new(30, move |_, _| answer());
        let report = setting.run();
        let waited = take_waited_in_all();
        assert!(
            (20 * MINUTE..=30 * MINUTE).contains(&waited),
            "{name}: {waited:?}"
        );
        assert!(report.stopped.is_some() && report.missing.len() == 30);
        assert!(report.needed_patience.unwrap() > 30 * MINUTE, "{name}");
        assert_eq!(setting.lines(), 0, "nothing was said of an item");

        // Never waiting, the first such answer ends it.
        let _ = setting.sizes();
        let report = setting.run_with(|exporter| exporter.patience(Duration::ZERO), &mut |_| {});
        assert!(report.stopped.is_some());
        assert_eq!(
            (take_waited(), setting.sizes().len()),
            (vec![], 1),
            "{name}"
        );
    }
}

#[test]
fn what_a_run_says_would_help_does() {
    let setting = Setting::new(3, |ids, number| match number {
        0 | 1 => Some(response(503, "Retry-After: 3000\r\n", "")),
        _ => Some(echo(ids)),
    });
    let report = setting.run();
    assert!(matches!(report.stopped, Some(Stop::Failure(_))));
    let needed = report.needed_patience.unwrap();
    assert_eq!(needed.as_secs(), 3000);
    assert!(take_waited().is_empty());
    let report = setting.run_with(|exporter| exporter.patience(needed + MINUTE), &mut |_| {});
    assert_eq!((report.ok, report.needed_patience), (3, None));
    assert_eq!(take_waited(), [50 * MINUTE]);
}

#[test]
fn progress_renews_the_patience() {
    // Every other request is turned away for 20 minutes.
    let setting = Setting::new(60, |ids, number| match number % 2 {
        0 => Some(response(503, "Retry-After: 1200\r\n", "")),
        _ => Some(echo(ids)),
    });
    let report = setting.run();
    assert_eq!((report.ok, take_waited()), (60, vec![20 * MINUTE; 3]));
}

/// A mailbox that is being moved refuses every item: the run waits for it, as for a server that is down.
#[test]
fn a_mailbox_that_is_away_is_waited_for() {
    let away = |until: usize| {
        move |ids: &[String], number: usize| {
            let messages = ids.iter().map(|id| match number < until {
                true => message(id)
                    .replace("Success", "Error")
                    .replace("NoError", "ErrorMailboxMoveInProgress"),
                false => message(id),
            });
            Some(soap(200, &answer_of(messages)))
        }
    };
    let setting = Setting::new(60, away(7));
    assert_eq!(setting.run().ok, 60);
    let waited = take_waited_in_all();
    assert!((MINUTE / 2..3 * MINUTE).contains(&waited), "{waited:?}");

    let setting = Setting::new(2000, away(usize::MAX));
    let report = setting.run();
    assert!(report.stopped.is_some() && report.missing.len() == 2000);
    assert!(setting.sizes().len() < 60, "{}", setting.sizes().len());
    let waited = take_waited_in_all();
    assert!((20 * MINUTE..=30 * MINUTE).contains(&waited), "{waited:?}");
}

/// A server that answers nothing at all is given up, with or without waiting.
#[test]
fn a_server_that_is_down_ends_the_run() {
    for patience in [Exporter::DEFAULT_PATIENCE, Duration::ZERO] {
        let setting = Setting::new(2000, |_, _| None);
        let report = setting.run_with(|exporter| exporter.patience(patience), &mut |_| {});
        assert_eq!((report.ok, report.missing.len()), (0, 2000));
        assert!(report.stopped.is_some());
        assert!(setting.sizes().len() <= 60);
        let waited = take_waited_in_all();
        assert!(waited <= patience, "{waited:?}");
        assert!(setting.lines() <= 60);
    }
}

/// The same in the middle of a run: the items that are left are not given up one by one.
#[test]
fn a_server_that_goes_down_is_waited_for() {
    for back_after in [25, usize::MAX] {
        let setting = Setting::new(2000, move |ids, number| {
            (number < 5 || number >= back_after).then(|| echo(ids))
        });
        let mut failed = 0;
        let report = setting.run_with(|exporter| exporter, &mut |progress| {
            let Progress::Item {
                entry, again: None, ..
            } = progress
            else {
                return;
            };
            failed += u32::from(entry.status == Status::Failed);
        });
        let waited = take_waited_in_all();
        assert!(waited > 20 * MINUTE || back_after == 25, "{waited:?}");
        if back_after == 25 {
            assert_eq!((report.ok, failed), (2000, 0));
        } else {
            assert!(
                report.stopped.is_some() && failed < 20,
                "{failed} {report:?}"
            );
            assert!(setting.sizes().len() < 150);
        }
    }
}

#[test]
fn what_was_never_reached_is_not_waited_for() {
    let setting = Setting::new(1, |_, _| None);
    let mut client = Client::builder("http://127.0.0.1:1/EWS/Exchange.asmx")
        .build()
        .unwrap();
    let archive = setting.archive();
    let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .sleep(note_wait)
        .run(&setting.items(), &mut |progress| {
            assert!(
                !matches!(progress, Progress::Item { .. }),
                "nothing was requested"
            );
        })
        .unwrap();
    assert!(report.stopped.is_some());
    assert_eq!((take_waited(), setting.lines()), (vec![], 0));
}

/// A gateway that asks for hours when it fails for one item does not end the run.
#[test]
fn a_long_wait_for_one_item_does_not_end_the_run() {
    let setting = Setting::new(60, |ids, _| match ids.contains(&"id030".to_owned()) {
        true => Some(response(504, "Retry-After: 7200\r\n", "")),
        false => Some(echo(ids)),
    });
    let report = setting.run();
    assert_eq!((report.ok, report.missing), (59, vec![30]));
    assert!(report.needed_patience.unwrap() >= 120 * MINUTE);
    take_waited();
}

/// A truncated item is waited for while others get on, and no longer than half an hour without them.
#[test]
fn a_truncated_item_waits_for_half_an_hour() {
    const ONCE: Policy = Policy {
        truncated: Schedule {
            attempts: 1,
            ..Policy::DEFAULT.truncated
        },
        ..Policy::DEFAULT
    };
    let setting = Setting::new(3, |ids, _| {
        let messages = ids.iter().map(|id| match id.as_str() {
            "id001" => message(id).replace("AAEAAAA=", "=== Truncated Data ==="),
            _ => message(id),
        });
        Some(soap(200, &answer_of(messages)))
    });
    let report = setting.run();
    assert_eq!((report.ok, &report.missing[..]), (2, &[1][..]));
    let waited = take_waited_in_all();
    assert!((7 * MINUTE..=30 * MINUTE).contains(&waited), "{waited:?}");
    assert!(report.needed_patience.unwrap() > 30 * MINUTE);
    let report = setting.run_with(|exporter| exporter.policy(ONCE), &mut |_| {});
    assert_eq!(
        report.needed_patience, None,
        "it is the policy that ends it"
    );
    assert_eq!(take_waited().len(), 1);
}
