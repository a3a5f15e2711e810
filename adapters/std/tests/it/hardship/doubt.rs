//! Items that are requested again because it is not certain whose bytes arrived, or in which version.

use std::fs;
use std::path::Path;
use std::time::Duration;

use exportitems::ItemId;
use exportitems_std::archive::{verify, FileState, Finding, ItemState};
use exportitems_std::Archive;

use super::{echo, take_waited, Setting};
use crate::server::{answer_of, message, soap};

/// Whose bytes the archive calls its own: of each item that it says is done.
fn holds(archive: &Archive, dir: &Path, ids: &[String]) -> usize {
    let done = ids.iter().filter(|id| archive.is_done(id));
    done.inspect(|id| {
        let entry = archive.entry(id).unwrap().unwrap();
        let payload = fs::read(dir.join(entry.file.unwrap())).unwrap();
        assert!(
            String::from_utf8_lossy(&payload).contains(id.as_str()),
            "{id}"
        );
    })
    .count()
}

/// A message whose payload names its item, under another id.
fn named(item: &str, answered: &str) -> String {
    use base64::prelude::{Engine as _, BASE64_STANDARD};
    let mut payload = vec![1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];
    // One property of a string, which is the name.
    let mut body = vec![0x1e, 0, 0x1a, 0];
    body.extend(u32::try_from(item.len() + 1).unwrap().to_le_bytes());
    body.extend(item.bytes());
    body.push(0);
    payload.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    payload.extend(body);
    message(answered).replace(
        "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=",
        &BASE64_STANDARD.encode(payload),
    )
}

#[test]
fn what_a_wrong_count_makes_doubtful_is_requested_alone() {
    type Shift = fn(Vec<String>) -> Vec<String>;
    let shifts: [(&str, Shift); 6] = [
        ("missing", |mut messages| {
            messages.remove(1);
            messages
        }),
        ("twice", |mut messages| {
            messages.insert(1, messages[1].clone());
            messages
        }),
        ("in front", |mut messages| {
            messages.insert(0, named("stranger", "stranger"));
            messages
        }),
        ("after", |mut messages| {
            messages.push(named("stranger", "stranger"));
            messages
        }),
        ("another type", |mut messages| {
            messages[1] =
                messages[1].replace("ExportItemsResponseMessage", "GetItemResponseMessage");
            messages
        }),
        ("swapped", |mut messages| {
            messages.swap(0, 2);
            messages
        }),
    ];
    for (name, shift) in shifts {
        // Whether the server answers with the ids of the request, or encodes them anew.
        for same in [true, false] {
            if name == "swapped" && !same {
                continue; // no client can see that
            }
            let setting = Setting::new(7, move |ids, _| {
                let messages = ids.iter().map(|id| match same {
                    true => named(id, id),
                    false => named(id, &format!("new-{id}")),
                });
                let messages = messages.collect();
                let messages = if ids.len() > 2 {
                    shift(messages)
                } else {
                    messages
                };
                Some(soap(200, &answer_of(messages)))
            });
            let report = setting.run();
            assert_eq!(
                (report.ok, report.missing.len()),
                (7, 0),
                "{name} {same}: {report:?}"
            );
            let archive = setting.archive();
            assert_eq!(holds(&archive, setting.dir.path(), &setting.ids), 7);
            let sizes = setting.sizes();
            assert!(
                sizes[1..].iter().all(|&size| size == 1),
                "{name} {same}: {sizes:?}"
            );
            take_waited();
        }
    }
}

#[test]
fn a_suspect_is_requested_three_times_alone_and_kept() {
    let setting = Setting::new(2, |ids, _| {
        let stranger = [named("stranger", "stranger")];
        let messages = stranger
            .into_iter()
            .chain(ids.iter().map(|id| named(id, id)));
        Some(soap(200, &answer_of(messages)))
    });
    for (run, sizes) in [(0, vec![2, 1, 1, 1, 1, 1, 1]), (1, vec![1; 6])] {
        let report = setting.run_with(|exporter| exporter.patience(Duration::ZERO), &mut |_| {});
        assert_eq!((report.ok, report.missing.len()), (0, 2), "{run}");
        assert!(report.stopped.is_none() && report.unrequested > 0);
        assert_eq!(setting.sizes(), sizes);
        let archive = setting.archive();
        for item in setting.items() {
            assert_eq!(archive.state(&item), ItemState::Suspect);
            let entry = archive.entry(item.id).unwrap().unwrap();
            assert!(entry.suspect && setting.dir.path().join(entry.file.unwrap()).is_file());
        }
    }
    let mut suspects = 0;
    verify(setting.dir.path(), |finding| {
        let Finding::Payload {
            entry,
            state: FileState::Intact,
        } = finding
        else {
            panic!("{finding:?}");
        };
        suspects += u32::from(entry.suspect);
    })
    .unwrap();
    assert_eq!(suspects, 2);
}

#[test]
fn what_is_refused_for_good_is_not_requested_on_every_run() {
    let refused = |id: &str| {
        message(id)
            .replace("Success", "Error")
            .replace("NoError", "ErrorItemNotFound")
    };
    let mut setting = Setting::new(3, move |ids, _| {
        let messages = ids.iter().map(|id| match id.as_str() {
            "id001" => refused(id),
            _ => message(id),
        });
        Some(soap(200, &answer_of(messages)))
    });
    let report = setting.run();
    assert_eq!((report.ok, report.missing), (2, vec![1]));
    let lines = setting.lines();
    for _ in 0..3 {
        let report = setting.run();
        assert_eq!((report.skipped, report.ok), (2, 0));
        assert_eq!((report.missing, report.failed_before), (vec![1], vec![1]));
    }
    assert_eq!((setting.sizes(), setting.lines()), (vec![3], lines));
    let entry = setting.archive().entry("id001").unwrap().unwrap();
    assert_eq!(entry.code.as_deref(), Some("ErrorItemNotFound"));

    // What is new comes before what has failed.
    setting
        .ids
        .extend((3..6).map(|index| format!("id{index:03}")));
    let report = setting.run_with(|exporter| exporter.retry_failed(true), &mut |_| {});
    assert_eq!(
        (report.ok, report.missing, report.failed_before),
        (3, vec![1], vec![])
    );
    let requested = setting.server.requested();
    assert_eq!(requested, [vec!["id003", "id004", "id005"], vec!["id001"]]);
}

#[test]
fn an_item_in_another_version_is_due_again_once() {
    let setting = Setting::new(2, |ids, _| Some(echo(ids)));
    let listed = |key| {
        let items = setting.items();
        items.into_iter().map(move |item| ItemId {
            change_key: Some(key),
            ..item
        })
    };
    for (key, ok) in [
        ("key", 2),
        ("key", 0),
        ("newer", 2),
        ("newer", 0),
        ("key", 0),
        ("newest", 2),
    ] {
        let items: Vec<_> = listed(key).collect();
        let report = setting
            .try_run(&items, |exporter| exporter, &mut |_| {})
            .unwrap();
        assert_eq!((report.ok, report.missing.len()), (ok, 0), "{key}");
    }
    // A list without change keys wants the item, in whichever version.
    assert_eq!(setting.run().skipped, 2);
}

/// The older version stays, and the newer one is not requested on every run.
#[test]
fn a_newer_version_that_is_refused_for_good_leaves_the_older_one() {
    let setting = Setting::new(1, |ids, number| {
        let messages = ids.iter().map(|id| match number {
            0 => message(id),
            _ => message(id)
                .replace("Success", "Error")
                .replace("NoError", "ErrorItemNotFound"),
        });
        Some(soap(200, &answer_of(messages)))
    });
    let run = |key| {
        let item = ItemId {
            change_key: Some(key),
            ..setting.items()[0]
        };
        setting
            .try_run(&[item], |exporter| exporter, &mut |_| {})
            .unwrap()
    };
    assert_eq!(run("key").ok, 1);
    assert_eq!(run("newer").missing, [0]);
    assert_eq!((run("newer").skipped, setting.sizes().len()), (1, 2));
    assert!(setting.archive().is_done("id000"));
}
