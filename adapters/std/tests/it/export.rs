//! Whole exports from the emulator.

use std::fs;
use std::path::Path;
use std::time::Duration;

use exportitems::policy::{Limits, Policy, Schedule};
use exportitems::{ItemId, RequestHeaders, RequestServerVersion};
use exportitems_emulator::{item_id, payload, Emulator, Scenario, DEFAULT_MAILBOX};
use exportitems_std::archive::{verify, FileState, Finding};
use exportitems_std::client::{
    ClientBuilder, ClientError, Credentials, TlsProblem, TransportError,
};
use exportitems_std::{Archive, Client, Counter, Exporter, Progress, Report, Stop, Totals};
use tempfile::TempDir;

/// Waits of a millisecond or two, so that no test sleeps.
const QUICK: Policy = {
    let schedule = Schedule {
        first_ms: 2,
        max_ms: 2,
        attempts: 3,
    };
    Policy {
        throttled: schedule,
        transient: schedule,
        truncated: schedule,
        give_up_after_ms: 60_000,
    }
};

/// For tests that count requests or say in which order they come.
const ONE_CONNECTION: Limits = Limits {
    items: 20,
    connections: 1,
    version: RequestServerVersion::Exchange2013_SP1,
};

/// An emulator, an archive, and the items between them.
struct Setting {
    emulator: Emulator,
    dir: TempDir,
    ids: Vec<String>,
}

impl Setting {
    /// Items of 1 kB, 10 kB, 20 kB, …
    fn new(scenario: &str, items: u64) -> Self {
        let scenario = Scenario::from_toml(scenario).unwrap();
        Self {
            emulator: Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap(),
            dir: tempfile::tempdir().unwrap(),
            ids: (0..items)
                .map(|seed| item_id(DEFAULT_MAILBOX, seed, size(seed)))
                .collect(),
        }
    }

    fn client(&self, options: impl Fn(ClientBuilder) -> ClientBuilder) -> Client {
        options(Client::builder(&self.emulator.url()))
            .build()
            .unwrap()
    }

    fn run(&self, policy: Policy) -> Report {
        self.run_with(policy, |builder| builder, &mut |_| {})
    }

    /// Without waiting.
    fn run_impatiently(&self) -> Report {
        self.run_to(&|exporter| exporter.patience(Duration::ZERO))
    }

    fn run_to(&self, options: &dyn for<'a> Fn(Exporter<'a>) -> Exporter<'a>) -> Report {
        let items: Vec<_> = self.ids.iter().map(|id| ItemId::new(id)).collect();
        let mut client = self.client(|builder| builder);
        let archive = Archive::open(self.dir.path()).unwrap();
        let exporter = Exporter::new(&mut client, &archive, RequestHeaders::new());
        options(exporter.limits(ONE_CONNECTION).policy(QUICK))
            .run(&items, &mut |_| {})
            .unwrap()
    }

    fn run_with(
        &self,
        policy: Policy,
        options: impl Fn(ClientBuilder) -> ClientBuilder,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Report {
        let items: Vec<_> = self.ids.iter().map(|id| ItemId::new(id)).collect();
        let mut client = self.client(options);
        let archive = Archive::open(self.dir.path()).unwrap();
        Exporter::new(&mut client, &archive, RequestHeaders::new())
            .limits(ONE_CONNECTION)
            .policy(policy)
            .run(&items, progress)
            .unwrap()
    }

    /// How many payloads the archive holds; each of them is the emulator's.
    fn archived(&self) -> usize {
        let mut intact = 0;
        verify(self.dir.path(), |finding| {
            let (entry, state) = match finding {
                Finding::Payload { entry, state } => (entry, state),
                Finding::Failed { .. } => return,
                other => panic!("{other:?}"),
            };
            assert!(matches!(state, FileState::Intact), "{state:?}");
            let seed = self
                .ids
                .iter()
                .position(|id| Some(id) == entry.id.as_ref())
                .unwrap() as u64;
            let bytes = fs::read(self.dir.path().join(entry.file.as_ref().unwrap())).unwrap();
            assert_eq!(bytes, payload(seed, size(seed)).unwrap());
            intact += 1;
        })
        .unwrap();
        assert_eq!(
            files(&self.dir.path().join("items")),
            intact,
            "nothing partial"
        );
        intact
    }

    /// How many items each request asked for.
    fn asked(&self) -> Vec<usize> {
        let requests = self.emulator.requests();
        let asked = requests.iter().map(|request| request.export_items.as_ref());
        asked
            .map(|request| request.map_or(0, |request| request.ids.len()))
            .collect()
    }
}

fn size(seed: u64) -> u64 {
    1_000 + seed * 10_000
}

fn files(dir: &Path) -> usize {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

#[test]
fn everything_arrives_once() {
    let setting = Setting::new("", 45);
    let report = setting.run(QUICK);
    assert_eq!(
        (report.ok, report.skipped, report.missing.len()),
        (45, 0, 0)
    );
    assert_eq!(report.bytes, (0..45).map(size).sum::<u64>());
    assert_eq!(setting.archived(), 45);
    assert_eq!(setting.asked(), [20, 20, 5]);

    let report = setting.run(QUICK);
    assert_eq!((report.ok, report.skipped, report.bytes), (0, 45, 0));
    assert_eq!(setting.asked().len(), 3, "nothing is asked for twice");
}

#[test]
fn tls_with_an_authority_of_its_own() {
    let setting = Setting::new("tls = true\nauth = { bearer = { token = \"secret\" } }", 2);
    let ca = setting.dir.path().join("ca.pem");
    fs::write(&ca, setting.emulator.ca_pem().unwrap()).unwrap();
    let token =
        |builder: ClientBuilder| builder.credentials(Credentials::bearer("secret").unwrap());
    let report = setting.run_with(QUICK, |builder| token(builder).ca_file(&ca), &mut |_| {});
    assert_eq!(report.ok, 2, "{report:?}");
    assert_eq!(setting.archived(), 2);

    // The connection is pinned, and says whom it is with.
    let mut client = setting.client(|builder| token(builder).ca_file(&ca));
    let items = [ItemId::new(&setting.ids[0])];
    let archive = Archive::open(setting.dir.path()).unwrap();
    let request = RequestHeaders::new();
    client
        .export(
            &request,
            &items,
            &mut archive.sink(&items),
            exportitems::Options::new(),
        )
        .unwrap();
    assert!(client.peer_certificate().unwrap().len() > 100);
}

#[test]
fn a_certificate_that_nobody_vouches_for_ends_it() {
    let setting = Setting::new("tls = true", 1);
    // Another emulator's authority, so that there is one at all.
    let other = Setting::new("tls = true", 0);
    let ca = other.dir.path().join("ca.pem");
    fs::write(&ca, other.emulator.ca_pem().unwrap()).unwrap();
    let report = setting.run_with(QUICK, |builder| builder.ca_file(&ca), &mut |_| {});
    assert_eq!(report.missing, [0]);
    let Some(Stop::Failure(ClientError::Transport(error))) = report.stopped else {
        panic!("{report:?}")
    };
    let expected = TlsProblem::UnknownAuthority;
    assert!(
        matches!(&error, TransportError::Tls { problem, .. } if *problem == expected),
        "{error}"
    );
    assert!(setting.emulator.requests().is_empty());
}

const HANG_UP: &str = "[[item]]\nindex = 2\ntimes = 1\nanswer = { hang-up = { at = 0.5 } }";

#[test]
fn a_cut_in_the_third_of_five_items_costs_no_other() {
    for patient in [true, false] {
        let setting = Setting::new(HANG_UP, 5);
        let report = match patient {
            true => setting.run(QUICK),
            false => setting.run_impatiently(),
        };
        assert_eq!((report.ok, report.missing.len()), (5, 0), "{report:?}");
        assert_eq!(setting.archived(), 5);
        // The item in which it broke is requested alone, the others without it.
        assert_eq!(setting.asked(), [5, 1, 2]);
    }
}

#[test]
fn one_bad_item_never_costs_its_neighbours() {
    let setting = Setting::new(
        "[[item]]\nindex = 1\ntimes = 1\nanswer = { error = { code = \"ErrorItemNotFound\" } }\n\
         [[item]]\nindex = 3\ntimes = 1\nanswer = { marker = { place = \"in-data\" } }\n\
         [[item]]\nindex = 4\ntimes = 1\nanswer = { silent-cut = { place = \"between-records\" } }",
        6,
    );
    let mut reported = Vec::new();
    let report = setting.run_with(QUICK, |builder| builder, &mut |progress| {
        if let Progress::Item {
            position,
            entry,
            again,
            ..
        } = progress
        {
            let (error, disposition) = (entry.error.clone(), entry.disposition.clone().unwrap());
            reported.push((
                position,
                error.unwrap_or_default(),
                disposition,
                again.is_some(),
            ));
        }
    });
    assert_eq!((report.ok, report.missing), (5, vec![1]));
    assert!(report.stopped.is_none());
    let reported: Vec<_> = reported
        .iter()
        .map(|(position, error, disposition, again)| {
            (*position, error.as_str(), disposition.as_str(), *again)
        })
        .collect();
    assert_eq!(
        reported,
        [
            (3, "truncated", "truncated", true),
            (4, "payload", "truncated", true),
            // What is whole or refused is reported when the response has ended well.
            (1, "refused", "permanent", false),
            (0, "", "done", false),
            (2, "", "done", false),
            (5, "", "done", false),
            (3, "", "done", false),
            (4, "", "done", false),
        ]
    );
    assert_eq!(setting.archived(), 5);
}

/// A refusal has no id. One message too many in front of it, and it is about another item.
#[test]
fn a_refusal_out_of_place_is_not_believed() {
    let refused = |setting: &Setting| {
        let manifest = fs::read_to_string(setting.dir.path().join("manifest.jsonl")).unwrap();
        let lines = manifest
            .lines()
            .map(|line| line.contains("ErrorItemNotFound"));
        lines.filter(|refused| *refused).count()
    };
    for around in [
        "insert = [{ before = 0, message = \"refusal\" }]",
        "drop = [0], insert = [{ before = 2, message = \"refusal\" }]",
        "drop = [2], insert = [{ before = 0, message = \"refusal\" }]",
    ] {
        let scenario = format!("[[request]]\nanswer = {{ items = {{ {around} }} }}");
        let setting = Setting::new(&scenario, 3);
        let report = setting.run(QUICK);
        assert_eq!((report.ok, report.missing.len()), (3, 0), "{around}");
        assert_eq!(setting.archived(), 3, "{around}");
        assert!(refused(&setting) <= 1, "{around}");
    }
    // For one item alone, too, but not without end; another run tries again.
    let around = "insert = [{ before = 0, message = \"refusal\" }]";
    let rule = format!("[[request]]\ntimes = 3\nanswer = {{ items = {{ {around} }} }}");
    let setting = Setting::new(&rule, 1);
    assert_eq!(setting.run(QUICK).missing, [0]);
    assert_eq!(setting.asked(), [1, 1, 1]);
    assert_eq!(setting.run(QUICK).ok, 1);

    // In its place it is final.
    let setting = Setting::new(
        "[[item]]\nindex = 1\nanswer = { error = { code = \"ErrorItemNotFound\" } }",
        3,
    );
    assert_eq!(setting.run(QUICK).missing, [1]);
    assert_eq!(setting.run(QUICK).missing, [1]);
    assert_eq!(setting.asked(), [3]);
}

/// An item that was not requested, in the place of one that was: the number of messages is right, and only
/// the ids of the others show that this server repeats them.
#[test]
fn an_unknown_id_among_known_ones_is_requested_alone() {
    for (around, asked) in [
        (
            "drop = [1], insert = [{ before = 1, message = \"other-item\" }]",
            vec![3, 1],
        ),
        (
            "drop = [1], insert = [{ before = 0, message = \"other-item\" }]",
            vec![3, 1, 1],
        ),
        // A server that repeats none of them is believed.
        ("answered-id = \"unknown\"", vec![3]),
        ("answered-id = \"omitted\"", vec![3]),
    ] {
        let scenario = format!("[[request]]\nanswer = {{ items = {{ {around} }} }}");
        let setting = Setting::new(&scenario, 3);
        let report = setting.run(QUICK);
        assert_eq!((report.ok, report.missing.len()), (3, 0), "{around}");
        assert_eq!(setting.archived(), 3, "{around}");
        assert_eq!(setting.asked(), asked, "{around}");
    }
    // Nor does one that repeats some of them lose the others.
    let setting = Setting::new("[[item]]\nindex = 1\nanswered-id = \"unknown\"", 3);
    assert_eq!(setting.run(QUICK).ok, 3);
    assert_eq!(setting.asked(), [3, 1]);
    assert_eq!(setting.archived(), 3);
}

#[test]
fn a_truncated_response_is_asked_for_again() {
    let setting = Setting::new(
        "[[request]]\nanswer = { items = { marker-after-root = true } }",
        3,
    );
    let report = setting.run(QUICK);
    assert_eq!((report.ok, report.missing.len()), (3, 0), "{report:?}");
    // The payloads before the last are whole beyond doubt.
    assert_eq!(setting.asked(), [3, 1]);
    assert_eq!(setting.archived(), 3);
}

#[test]
fn suspects_are_asked_for_one_at_a_time() {
    let setting = Setting::new(
        "[[request]]\nanswer = { items = { marker-after-root = true } }",
        3,
    );
    let items: Vec<_> = setting.ids.iter().map(|id| ItemId::new(id)).collect();
    let mut client = setting.client(|builder| builder);
    let archive = Archive::open(setting.dir.path()).unwrap();
    let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .limits(ONE_CONNECTION)
        .policy(QUICK)
        .options(exportitems::Options::new().integrity(exportitems::IntegrityPolicy::Off))
        .run(&items, &mut |_| {})
        .unwrap();
    assert_eq!((report.ok, report.missing.len()), (3, 0), "{report:?}");
    let mut asked = setting.asked();
    assert_eq!(asked.remove(0), 3);
    assert_eq!(asked, [1, 1, 1]);
    assert_eq!(report.bytes, (0..3).map(size).sum::<u64>());
    drop(archive);
    assert_eq!(setting.archived(), 3);
}

#[test]
fn a_busy_server_is_waited_for() {
    let setting = Setting::new(
        "[[request]]\nanswer = { fault = { code = \"ErrorServerBusy\", back-off-ms = 3 } }\n\
         [[request]]\nanswer = { http = { status = 503 } }\n\
         [[request]]\nanswer = { page = \"generic-error\" }\n\
         [[request]]\nanswer = \"hang-up\"",
        2,
    );
    // Long enough that each wait is noticed, on a machine under load too.
    let schedule = Schedule {
        first_ms: 300,
        max_ms: 300,
        attempts: 3,
    };
    let policy = Policy {
        throttled: schedule,
        transient: schedule,
        ..QUICK
    };
    let mut waits = Vec::new();
    let report = setting.run_with(policy, |builder| builder, &mut |progress| {
        if let Progress::Wait { failure, .. } = progress {
            waits.push(failure.is_some());
        }
    });
    assert_eq!((report.ok, report.missing.len()), (2, 0), "{report:?}");
    // Later waits are of single items.
    assert_eq!(waits[..4], [false, true, true, true]);
}

#[test]
fn a_wait_that_is_too_long_ends_the_run() {
    let setting = Setting::new(
        "[[request]]\nanswer = { http = { status = 503, headers = { Retry-After = \"120\" } } }",
        2,
    );
    let items: Vec<_> = setting.ids.iter().map(|id| ItemId::new(id)).collect();
    let mut client = setting.client(|builder| builder);
    let archive = Archive::open(setting.dir.path()).unwrap();
    let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .patience(Duration::from_mins(1))
        .run(&items, &mut |_| {})
        .unwrap();
    assert_eq!(report.missing, [0, 1]);
    let Some(Stop::Failure(ClientError::Status(error))) = report.stopped else {
        panic!("{report:?}")
    };
    assert_eq!(error.retry_after, Some(Duration::from_mins(2)));
}

#[test]
fn wrong_credentials_end_it_at_once() {
    let setting = Setting::new("auth = { basic = { user = \"u\", password = \"p\" } }", 2);
    let report = setting.run_with(
        QUICK,
        |builder| builder.credentials(Credentials::basic("u", "q").unwrap()),
        &mut |_| {},
    );
    assert_eq!(report.missing, [0, 1]);
    let Some(Stop::Failure(ClientError::Status(error))) = report.stopped else {
        panic!("{report:?}")
    };
    assert_eq!(error.status, 401);
    assert_eq!(setting.emulator.requests().len(), 1);
}

#[test]
fn an_older_server_is_spoken_to_in_its_version() {
    let refusal = "[[request]]\nanswer = { fault = { code = \"ErrorInvalidServerVersion\" } }\n";
    let setting = Setting::new(&refusal.repeat(2), 1);
    let items: Vec<_> = setting.ids.iter().map(|id| ItemId::new(id)).collect();
    let mut client = setting.client(|builder| builder);
    let archive = Archive::open(setting.dir.path()).unwrap();
    let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .limits(Limits {
            version: RequestServerVersion::Exchange2016,
            ..Limits::default()
        })
        .policy(QUICK)
        .run(&items, &mut |_| {})
        .unwrap();
    assert_eq!(report.ok, 1, "{report:?}");
    let versions: Vec<_> = setting
        .emulator
        .requests()
        .into_iter()
        .map(|request| request.export_items.unwrap().version)
        .collect();
    assert_eq!(
        versions,
        ["Exchange2016", "Exchange2013_SP1", "Exchange2010_SP2"]
    );
}

#[test]
fn a_list_that_is_wrong_is_not_begun() {
    let setting = Setting::new("", 1);
    let items = [ItemId::new(&setting.ids[0]), ItemId::new("")];
    let mut client = setting.client(|builder| builder);
    let archive = Archive::open(setting.dir.path()).unwrap();
    let error = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .run(&items, &mut |_| {})
        .unwrap_err();
    assert!(
        error.to_string().contains("Id of item 1 is empty"),
        "{error}"
    );
    assert!(setting.emulator.requests().is_empty());
}

#[test]
fn an_item_that_is_listed_twice_is_exported_once() {
    let setting = Setting::new("", 1);
    let items = [ItemId::new(&setting.ids[0]); 3];
    let mut client = setting.client(|builder| builder);
    let archive = Archive::open(setting.dir.path()).unwrap();
    let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .run(&items, &mut |_| {})
        .unwrap();
    assert_eq!((report.ok, report.skipped), (1, 2));
    assert_eq!(setting.asked(), [1]);
}

/// The process that [`a_kill_loses_nothing_that_is_archived`] kills; by itself it does nothing.
#[test]
fn the_process_to_kill() {
    let Ok(url) = std::env::var("EXPORTITEMS_TEST_URL") else {
        return;
    };
    let dir = std::env::var("EXPORTITEMS_TEST_DIR").unwrap();
    let ids: Vec<_> = (0..40)
        .map(|seed| item_id(DEFAULT_MAILBOX, seed, size(seed)))
        .collect();
    let items: Vec<_> = ids.iter().map(|id| ItemId::new(id)).collect();
    let mut client = Client::builder(&url).build().unwrap();
    let archive = Archive::open(dir).unwrap();
    let _ = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .limits(ONE_CONNECTION)
        .run(&items, &mut |_| {});
}

#[test]
fn a_kill_loses_nothing_that_is_archived() {
    // Slow enough to be killed amid the second batch, of 6 MB.
    let setting = Setting::new("bytes-per-second = 8000000", 40);
    let manifest = setting.dir.path().join("manifest.jsonl");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "export::the_process_to_kill"])
        .env("EXPORTITEMS_TEST_URL", setting.emulator.url())
        .env("EXPORTITEMS_TEST_DIR", setting.dir.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let lines = || {
        fs::read_to_string(&manifest)
            .unwrap_or_default()
            .lines()
            .count()
    };
    while lines() < 25 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    assert!(
        !child.wait().unwrap().success(),
        "the run was over before the kill"
    );

    let kept = lines();
    let report = setting.run(QUICK);
    assert!(
        report.skipped >= kept - 1,
        "{} of {kept} lines",
        report.skipped
    );
    assert_eq!(report.skipped + report.ok, 40);
    assert_eq!(setting.archived(), 40);
    // Nothing that was archived is asked for again.
    let again: usize = setting.asked().iter().skip(2).sum();
    assert_eq!(again, 40 - report.skipped);
}

#[test]
fn a_run_is_counted() {
    let trouble = r#"
        [[request]]
        answer = { fault = { code = "ErrorServerBusy" } }
        [[item]]
        index = 1
        times = 1
        answer = { error = { code = "ErrorItemCorrupt" } }"#;
    let setting = Setting::new(trouble, 4);
    let totals: &Totals = Box::leak(Box::default());
    let report = setting.run_to(&|exporter| exporter.counters(totals));
    let counted = Counter::ALL.map(|counter| (counter.name(), totals.get(counter)));
    let expected = [
        ("requests", 2),
        ("failed_requests", 1),
        ("requested_items", 8),
        ("received_bytes", report.bytes),
        ("exported_items", 3),
        ("exported_bytes", report.bytes),
        ("retried_items", 0),
        ("failed_items", 1),
        ("list_requests", 0),
        ("failed_list_requests", 0),
        ("waits", 1),
    ];
    assert_eq!(counted[..11], expected);
    assert_eq!((report.ok, report.missing), (3, vec![1]));
}

/// The emulator refuses requests beyond its budget, and notes those that come before the time that it has named.
#[test]
fn no_request_comes_before_the_end_of_a_back_off() {
    for connections in [1, 4] {
        let setting = Setting::new("[throttling]\nburst = 2\nrecharge-ms = 400", 12);
        let limits = Limits {
            items: 2,
            connections,
            ..ONE_CONNECTION
        };
        let report = setting.run_to(&move |exporter| exporter.limits(limits));
        assert_eq!((report.ok, report.missing), (12, vec![]));
        let requests = setting.emulator.requests();
        let early = requests.iter().filter(|it| it.too_early).count();
        let refused = requests.iter().filter(|it| it.status != Some(200)).count();
        // Requests on other connections may be on the wire when one is refused.
        assert!(early <= (connections - 1) * refused, "{early} of {refused}");
        assert!(refused > 0);
    }
}
