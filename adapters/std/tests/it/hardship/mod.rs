//! Exports from servers that fail for some items or some requests.

mod doubt;
mod wait;

use std::cell::RefCell;
use std::fs;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;

use exportitems::policy::Limits;
use exportitems::{Decoder, ItemId, Options, RequestHeaders, RequestServerVersion};
use exportitems_std::archive::{Entry, Status};
use exportitems_std::{Archive, Client, ExportError, Exporter, Progress, Report, Stop};
use tempfile::TempDir;

use crate::server::{answer_of, message, response, soap, Server};

thread_local! {
    static WAITED: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
}

/// Records a wait instead of waiting.
fn note_wait(wait: Duration) {
    WAITED.with_borrow_mut(|waited| waited.push(wait));
}

/// The waits since the last call. The run is a few milliseconds into a wait when it starts, so a wait of a second or more is
/// rounded up to tenths of a second.
fn take_waited() -> Vec<Duration> {
    let rounded = |wait: Duration| match u64::try_from(wait.as_millis().div_ceil(100)) {
        Ok(tenths @ 10..) => Duration::from_millis(100 * tenths),
        _ => wait,
    };
    WAITED.take().into_iter().map(rounded).collect()
}

/// The sum of the waits since the last call, not rounded.
fn take_waited_in_all() -> Duration {
    WAITED.take().iter().sum()
}

/// For tests that depend on the number or the order of requests.
const ONE_CONNECTION: Limits = Limits {
    items: 20,
    connections: 1,
    version: RequestServerVersion::Exchange2013_SP1,
};

const MINUTE: Duration = Duration::from_mins(1);

/// A server, and an archive for its items.
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

/// The response to a request that contains a bad item.
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
                    let waited = take_waited_in_all();
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
