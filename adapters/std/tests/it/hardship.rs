//! Exports from servers that fail in part: what one item does to others, how long a run waits, whose bytes are kept.

use std::cell::RefCell;
use std::fs;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::time::Duration;

use exportitems::policy::{Limits, Policy, Schedule};
use exportitems::{Decoder, ItemId, Options, RequestHeaders, RequestServerVersion};
use exportitems_std::archive::{verify, Entry, FileState, Finding, ItemState, Status};
use exportitems_std::{Archive, Client, ExportError, Exporter, Progress, Report, Stop};
use tempfile::TempDir;

use crate::server::{answer_of, message, response, soap, Server};

thread_local! {
    static WAITED: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
}

/// Records a wait instead of waiting. The run is a few milliseconds into the wait when it starts, so a wait of a second or
/// more is rounded to tenths of a second.
fn note_wait(wait: Duration) {
    let tenths = wait.as_millis().div_ceil(100);
    let wait = match u64::try_from(tenths) {
        Ok(tenths @ 10..) => Duration::from_millis(100 * tenths),
        _ => wait,
    };
    WAITED.with_borrow_mut(|waited| waited.push(wait));
}

fn take_waited() -> Vec<Duration> {
    WAITED.take()
}

/// For tests that count requests or say in which order they come.
const ONE_CONNECTION: Limits = Limits {
    items: 20,
    connections: 1,
    version: RequestServerVersion::Exchange2013_SP1,
};

const MINUTE: Duration = Duration::from_mins(1);

/// A server, and an archive for what comes from it.
struct Setting {
    server: Server,
    dir: TempDir,
    ids: Vec<String>,
}

impl Setting {
    fn new(
        items: usize,
        answer: impl FnMut(&[String], usize) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        Self {
            server: Server::answering(answer),
            dir: tempfile::tempdir().unwrap(),
            ids: (0..items).map(|index| format!("id{index:03}")).collect(),
        }
    }

    fn items(&self) -> Vec<ItemId<'_>> {
        self.ids.iter().map(|id| ItemId::new(id)).collect()
    }

    /// By the default policy, without waiting in fact.
    fn run(&self) -> Report {
        self.run_with(|exporter| exporter, &mut |_| {})
    }

    fn run_with(
        &self,
        options: impl Fn(Exporter<'_>) -> Exporter<'_>,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Report {
        self.try_run(&self.items(), options, progress).unwrap()
    }

    fn try_run(
        &self,
        items: &[ItemId<'_>],
        options: impl Fn(Exporter<'_>) -> Exporter<'_>,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Report, ExportError> {
        let mut client = Client::builder(&self.server.url()).build().unwrap();
        let archive = Archive::open(self.dir.path())?;
        let exporter = Exporter::new(&mut client, &archive, RequestHeaders::new());
        options(exporter.limits(ONE_CONNECTION).sleep(note_wait)).run(items, progress)
    }

    fn archive(&self) -> Archive {
        Archive::open(self.dir.path()).unwrap()
    }

    /// How many items each request since was for.
    fn sizes(&self) -> Vec<usize> {
        self.server.requested().iter().map(Vec::len).collect()
    }

    fn lines(&self) -> usize {
        let manifest = fs::read_to_string(self.dir.path().join("manifest.jsonl")).unwrap();
        manifest.lines().count()
    }
}

fn echo(ids: &[String]) -> Vec<u8> {
    soap(200, &answer_of(ids.iter().map(|id| message(id))))
}

fn fault(status: u16, code: &str, back_off_ms: u32) -> Vec<u8> {
    soap(
        status,
        &format!(
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault><faultcode>s:{code}\
             </faultcode><faultstring>The server stumbled.</faultstring><detail><e:ResponseCode xmlns:e='e'>{code}\
             </e:ResponseCode><t:MessageXml xmlns:t='t'><t:Value Name='BackOffMilliseconds'>{back_off_ms}</t:Value>\
             </t:MessageXml></detail></s:Fault></s:Body></s:Envelope>"
        ),
    )
}

/// What a server makes of a request that one item breaks.
type Break = fn(&[String], usize) -> Option<Vec<u8>>;

const BREAKS: [(&str, Break); 7] = [
    ("fault 500", |_, _| {
        Some(fault(500, "ErrorInternalServerError", 0))
    }),
    ("fault about an item", |_, _| {
        Some(fault(500, "ErrorCorruptData", 0))
    }),
    ("504", |_, _| {
        Some(response(
            504,
            "Content-Type: text/html\r\n",
            "<p>Time-out</p>",
        ))
    }),
    ("413", |_, _| Some(response(413, "", ""))),
    ("closed", |_, _| None),
    ("cut", |ids, bad| {
        let whole = answer_of(ids.iter().map(|id| message(id)));
        let start = whole.find(&format!("Id=\"{}\"", ids[bad])).unwrap();
        Some(
            [
                &b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"[..],
                &whole.as_bytes()[..start + 60],
            ]
            .concat(),
        )
    }),
    ("malformed", |ids, bad| {
        let broken = format!("Id=\"{}\"", ids[bad]);
        let whole = answer_of(ids.iter().map(|id| message(id)));
        Some(soap(200, &whole.replace(&broken, &format!("{broken} <"))))
    }),
];

#[test]
fn one_bad_item_costs_itself_only() {
    for (name, broken) in BREAKS {
        for bad in [
            &[5][..],
            &[0],
            &[59],
            &[5, 6, 33],
            &[20, 21, 22, 23, 24, 25],
        ] {
            for patience in [Exporter::DEFAULT_PATIENCE, Duration::ZERO] {
                let bad_ids: Vec<_> = bad.iter().map(|bad| format!("id{bad:03}")).collect();
                let setting = Setting::new(60, move |ids, _| {
                    match ids.iter().position(|id| bad_ids.contains(id)) {
                        Some(bad) => broken(ids, bad),
                        None => Some(echo(ids)),
                    }
                });
                let what = format!("{name}, {bad:?}, {patience:?}");
                for run in 0..2 {
                    let mut reported = Vec::new();
                    let report =
                        setting.run_with(|exporter| exporter.patience(patience), &mut |progress| {
                            if let Progress::Item {
                                position,
                                entry,
                                again: None,
                                ..
                            } = progress
                            {
                                reported.push((position, entry.clone()));
                            }
                        });
                    assert_eq!(report.missing, bad, "{what}: {report:?}");
                    let ok = if run == 0 { 60 - bad.len() } else { 0 };
                    assert_eq!(
                        (report.ok, report.skipped),
                        (ok, 60 - bad.len() - ok),
                        "{what}"
                    );
                    assert!(report.stopped.is_none(), "{what}");
                    let waited: Duration = take_waited().into_iter().sum();
                    assert!(
                        waited <= MINUTE && (!patience.is_zero() || waited.is_zero()),
                        "{what}: {waited:?}"
                    );
                    // Each of those that are missing is explained, once.
                    reported.retain(|(_, entry)| entry.status == Status::Failed);
                    reported.sort_by_key(|&(position, _)| position);
                    assert!(
                        reported.iter().map(|(position, _)| position).eq(bad),
                        "{what}: {reported:?}"
                    );
                    for (_, entry) in &reported {
                        assert!(entry.error.is_some() && entry.disposition.is_some());
                        let explained =
                            entry.message.is_some() || name == "cut" || name == "malformed";
                        assert!(explained, "{what}: {entry:?}");
                    }
                    let sizes = setting.sizes();
                    assert!(sizes.len() < 80, "{what}: {sizes:?}");
                }
            }
        }
    }
}

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
        let waited: Duration = take_waited().iter().sum();
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
    let waited: Duration = take_waited().iter().sum();
    assert!((MINUTE / 2..3 * MINUTE).contains(&waited), "{waited:?}");

    let setting = Setting::new(2000, away(usize::MAX));
    let report = setting.run();
    assert!(report.stopped.is_some() && report.missing.len() == 2000);
    assert!(setting.sizes().len() < 60, "{}", setting.sizes().len());
    let waited: Duration = take_waited().iter().sum();
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
        let waited: Duration = take_waited().iter().sum();
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
        let waited: Duration = take_waited().iter().sum();
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

/// A fault that no repetition cures is met by every request: it ends the run, and marks no item for good.
#[test]
fn a_request_that_is_wrong_is_not_repeated_for_every_item() {
    let setting = Setting::new(1000, |_, _| Some(fault(500, "ErrorItemNotFound", 0)));
    let report = setting.run();
    assert!(
        matches!(report.stopped, Some(Stop::Answer(_))),
        "{report:?}"
    );
    assert!(setting.sizes().len() <= 10);
    assert_eq!(setting.run().failed_before, [0; 0]);
    take_waited();
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

#[test]
fn outcomes_of_an_earlier_sink_are_none_of_a_run() {
    let setting = Setting::new(3, |ids, _| {
        let missing = ids.iter().map(|id| {
            message(id)
                .replace("Success", "Error")
                .replace("NoError", "ErrorItemNotFound")
        });
        Some(soap(200, &answer_of(missing)))
    });
    let items = setting.items();
    let mut archive = setting.archive();
    // Outcomes of other items, which were not taken from the archive.
    let others = ["x", "y", "z"].map(ItemId::new);
    let response = answer_of(others.iter().map(|item| message(item.id)));
    let mut sink = archive.sink(&others);
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new().items(3));
    decoder.feed(&mut response.as_bytes(), &mut sink).unwrap();
    decoder.finish_into(&mut sink).unwrap();
    let mut client = Client::builder(&setting.server.url()).build().unwrap();
    let mut export = |archive: &mut Archive, progress: &mut (dyn FnMut(Progress<'_>) + Send)| {
        Exporter::new(&mut client, archive, RequestHeaders::new())
            .sleep(note_wait)
            .run(&items, progress)
            .unwrap()
    };
    let report = export(&mut archive, &mut |_| {});
    assert_eq!(
        (report.ok, report.bytes, report.missing),
        (0, 0, vec![0, 1, 2])
    );
    assert!(others.iter().all(|item| archive.is_done(item.id)));
}

#[test]
fn a_run_whose_callback_panicked_leaves_nothing_to_the_next() {
    let setting = Setting::new(6, |ids, _| {
        let gone = |id: &str| {
            message(id)
                .replace("Success", "Error")
                .replace("NoError", "ErrorItemNotFound")
        };
        let messages = ids.iter().map(|id| match id.as_str() {
            "id000" | "id001" | "id002" => message(id),
            _ => gone(id),
        });
        Some(soap(200, &answer_of(messages)))
    });
    let items = setting.items();
    let archive = setting.archive();
    let mut client = Client::builder(&setting.server.url()).build().unwrap();
    let mut export = |items: &[ItemId<'_>], progress: &mut (dyn FnMut(Progress<'_>) + Send)| {
        Exporter::new(&mut client, &archive, RequestHeaders::new()).run(items, progress)
    };
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        export(&items[..3], &mut |progress| {
            assert!(!matches!(progress, Progress::Item { .. }), "on purpose");
        })
    }));
    assert!(panicked.is_err());
    let mut reported: Vec<(usize, Entry)> = Vec::new();
    let report = export(&items[3..], &mut |progress| {
        if let Progress::Item {
            position, entry, ..
        } = progress
        {
            reported.push((position, entry.clone()));
        }
    })
    .unwrap();
    assert_eq!((report.ok, report.missing), (0, vec![0, 1, 2]));
    for (position, entry) in reported {
        assert_eq!(entry.id.as_deref(), Some(items[3 + position].id));
    }
    // What had arrived is kept.
    assert!(items[..3].iter().all(|item| archive.is_done(item.id)));
}

#[test]
fn a_flood_of_messages_that_were_not_requested_is_counted() {
    let setting = Setting::new(1, |ids, _| {
        let flood = (0..20_000).map(|index| message(&format!("flood{index}")));
        let messages = ids.iter().map(|id| message(id)).chain(flood);
        Some(soap(200, &answer_of(messages)))
    });
    let report = setting.run();
    assert_eq!((report.ok, report.unrequested), (1, 20_000));
    assert_eq!(setting.lines(), 2, "the header and the item");
}

#[test]
fn a_folder_in_the_place_of_a_payload_costs_that_item() {
    let setting = Setting::new(40, |ids, _| Some(echo(ids)));
    // printf %s id007 | sha256sum
    drop(setting.archive());
    let entry = |id: &str| setting.archive().entry(id).unwrap().unwrap();
    setting.run();
    let file = setting.dir.path().join(entry("id007").file.unwrap());
    fs::remove_file(&file).unwrap();
    fs::create_dir_all(file.join("folder")).unwrap();
    fs::remove_file(setting.dir.path().join("manifest.jsonl")).unwrap();
    let report = setting.run();
    assert_eq!((report.ok, report.missing), (39, vec![7]));
    assert!(report.stopped.is_none());
    let failed = entry("id007");
    assert_eq!(failed.error.as_deref(), Some("write"));
    assert!(failed.message.unwrap().contains(".fts"));
    fs::remove_dir_all(&file).unwrap();
    let report = setting.run();
    assert_eq!((report.ok, report.skipped), (1, 39));
}

#[test]
#[cfg(unix)]
fn a_manifest_that_vanishes_ends_the_run_with_an_error() {
    let setting = Setting::new(60, |ids, _| Some(echo(ids)));
    let manifest = setting.dir.path().join("manifest.jsonl");
    let error = setting
        .try_run(&setting.items(), |exporter| exporter, &mut |progress| {
            if matches!(progress, Progress::Answer { .. }) {
                let _ = fs::remove_file(&manifest);
            }
        })
        .unwrap_err();
    assert!(
        matches!(
            error,
            ExportError::Store(exportitems_std::archive::ArchiveError::ManifestLost { .. })
        ),
        "{error}"
    );
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
    let waited: Duration = take_waited().iter().sum();
    assert!((7 * MINUTE..=30 * MINUTE).contains(&waited), "{waited:?}");
    assert!(report.needed_patience.unwrap() > 30 * MINUTE);
    let report = setting.run_with(|exporter| exporter.policy(ONCE), &mut |_| {});
    assert_eq!(
        report.needed_patience, None,
        "it is the policy that ends it"
    );
    assert_eq!(take_waited().len(), 1);
}
