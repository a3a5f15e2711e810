//! Backups of an emulated mailbox.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_emulator::{payload, Change, Emulator, ItemRange, Scenario};
use exportitems_std::archive::ItemState;
use exportitems_std::backup::{Backup, BackupError, BackupReport, Exported, ListedVersions};
use exportitems_std::client::Credentials;
use exportitems_std::list::{ListedItem, Scope};
use exportitems_std::{Archive, Client, ClientError, Exporter};

const ADDRESS: &str = "pat@example.test";

const MAILBOX: &str = r#"
    [[mailboxes]]
    address = "pat@example.test"
    [[mailboxes.folder]]
    path = "Inbox"
    items = 700
    associated = 2
    sizes = [300]
    [[mailboxes.folder]]
    path = "Inbox/2025\\/26"
    items = 30
    sizes = [300]
    [[mailboxes.folder]]
    path = "Group"
    sync = false
    items = 20
    sizes = [300]
"#;

struct Setting {
    emulator: Emulator,
    client: Client,
    dir: tempfile::TempDir,
}

fn start(more: &str) -> Setting {
    let scenario = Scenario::from_toml(&format!("{MAILBOX}\n{more}")).unwrap();
    let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
    let client = Client::builder(&emulator.url()).build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    Setting {
        emulator,
        client,
        dir,
    }
}

type Failure = BackupError<ClientError>;

/// Runs a backup. Also returns the ids of the requested items.
fn run(
    setting: &mut Setting,
    options: impl FnOnce(Backup<'_>) -> Backup<'_>,
) -> Result<(BackupReport, Vec<String>), Failure> {
    let archive = Archive::open(setting.dir.path()).unwrap();
    let mut requested = Vec::new();
    let mut export = |client: &mut Client, items: Vec<ListedItem>| {
        requested.extend(items.iter().map(|item| item.id.clone()));
        for batch in items.chunks(100) {
            let ids: Vec<_> = batch.iter().map(|item| ItemId::new(&item.id)).collect();
            let infos = batch.iter().map(|item| item.info.clone()).collect();
            let keys = batch.iter().map(|item| item.change_key.clone()).collect();
            let mut sink = archive.sink(&ids).describe(infos).listed(keys);
            client.export(&RequestHeaders::new(), &ids, &mut sink, Options::new())?;
        }
        while archive.wait_published().unwrap().is_some() {}
        Ok(Exported::default())
    };
    let backup = options(Backup::new(&archive, RequestHeaders::new()).sleep(|_| ()));
    let report = backup.run(&mut setting.client, &mut export, &mut |_| ())?;
    Ok((report, requested))
}

/// Checks that the archive holds every item that the server has, in its current version.
fn check(setting: &Setting, associated: bool) {
    let archive = Archive::open(setting.dir.path()).unwrap();
    for entry in setting.emulator.items(ADDRESS) {
        if entry.properties.associated && !associated {
            continue;
        }
        let change_key = Some(entry.change_key.as_str());
        let id = ItemId {
            id: &entry.id,
            change_key,
        };
        assert_eq!(archive.state(&id), ItemState::Done, "{entry:?}");
        let held = archive.entry(&entry.id).unwrap().unwrap();
        assert_eq!(held.item.folder.as_deref(), Some(entry.folder.as_str()));
        assert_eq!(held.item.subject.as_ref(), Some(&entry.properties.subject));
        let file = setting.dir.path().join(held.file.unwrap());
        let expected = payload(entry.seed, entry.properties.size).unwrap();
        assert!(std::fs::read(file).unwrap() == expected, "{}", entry.id);
    }
}

fn counts(report: &BackupReport, folder: &str) -> [u64; 4] {
    let mut folders = report.folders.iter().map(|it| &it.record);
    let record = folders.find(|it| it.folder == folder).unwrap();
    [
        record.on_server,
        record.archived,
        record.failed,
        record.changed,
    ]
}

fn range(folder: &str, item: usize, items: usize) -> ItemRange {
    ItemRange {
        folder: folder.to_owned(),
        item,
        items,
    }
}

#[test]
fn a_second_run_requests_what_changed_and_nothing_else() {
    let mut setting = start("");
    let (report, requested) = run(&mut setting, |it| it).unwrap();
    assert!(report.is_explained(), "{report:?}");
    assert_eq!(requested.len(), 750);
    assert_eq!(counts(&report, "Inbox"), [700, 700, 0, 0]);
    check(&setting, false);

    let (report, requested) = run(&mut setting, |it| it).unwrap();
    assert_eq!((requested.len(), report.deleted), (0, 0));

    let moved = Change::Move {
        range: range("Inbox", 20, 3),
        to: "Inbox/2025\\/26".to_owned(),
    };
    let new = Change::Create {
        folder: "Inbox".to_owned(),
        items: 2,
        size: 400,
    };
    let changes = [
        Change::Update(range("Inbox", 0, 5)),
        Change::Read(range("Inbox", 10, 4)),
        moved,
        Change::Delete(range("Inbox", 30, 2)),
        Change::Delete(range("Group", 0, 1)),
        new,
    ];
    let before: BTreeMap<_, _> = setting
        .emulator
        .items(ADDRESS)
        .into_iter()
        .map(|it| (it.id.clone(), it))
        .collect();
    for change in &changes {
        setting.emulator.change(ADDRESS, change);
    }
    let (report, mut requested) = run(&mut setting, |it| it).unwrap();
    let now = setting.emulator.items(ADDRESS);
    let is_other = |id: &str, seed: u64| before.get(id).is_none_or(|it| it.seed != seed);
    let mut expected: Vec<_> = (now.iter())
        .filter(|it| is_other(&it.id, it.seed))
        .map(|it| it.id.clone())
        .collect();
    expected.sort();
    requested.sort();
    assert_eq!(requested, expected);
    assert_eq!((expected.len(), report.deleted), (10, 6));
    assert!(report.is_explained(), "{report:?}");
    assert_eq!(counts(&report, "Inbox"), [697, 697, 0, 0]);
    let archive = Archive::open(setting.dir.path()).unwrap();
    let gone = before
        .keys()
        .filter(|id| now.iter().all(|it| it.id != **id));
    let gone: Vec<_> = gone
        .filter(|id| !before[*id].properties.associated)
        .collect();
    assert_eq!(gone.len(), 6);
    assert!(gone
        .iter()
        .all(|id| archive.is_deleted(id) && archive.entry(id).unwrap().is_some()));
    drop(archive);

    // Items that were only read are exported again on request.
    setting
        .emulator
        .change(ADDRESS, &Change::Read(range("Inbox", 50, 7)));
    let (_, requested) = run(&mut setting, |it| it.read_state(true)).unwrap();
    assert_eq!(requested.len(), 7);
}

#[test]
fn associated_items_are_added_on_request() {
    let mut setting = start("");
    run(&mut setting, |it| it).unwrap();
    let (report, requested) = run(&mut setting, |it| it.associated(true)).unwrap();
    assert_eq!(requested.len(), 2);
    assert_eq!(counts(&report, "Inbox"), [702, 702, 0, 0]);
    check(&setting, true);
}

#[test]
fn a_mailbox_that_changes_meanwhile_is_complete_after_one_more_run() {
    for seed in 1..6_usize {
        let mut changes = String::new();
        for after in 1..40 {
            let at = (after * seed * 37) % 600;
            let change = match (after * seed) % 5 {
                0 => format!(r#"update = {{ folder = "Inbox", item = {at}, items = 9 }}"#),
                1 => format!(r#"delete = {{ folder = "Inbox", item = {at}, items = 9 }}"#),
                2 => format!(
                    r#"move = {{ from = {{ folder = "Inbox", item = {at}, items = 9 }}, to = "Drafts" }}"#
                ),
                3 => {
                    r#"move = { from = { folder = "Drafts", items = 5 }, to = "Inbox" }"#.to_owned()
                }
                _ => r#"create = { folder = "Inbox/2025\\/26", items = 3 }"#.to_owned(),
            };
            let rule = format!("[[change]]\nafter = {after}\nchange = {{ {change} }}\n");
            changes.push_str(&rule);
        }
        let mut setting = start(&changes);
        run(&mut setting, |it| it).unwrap();
        let (report, _) = run(&mut setting, |it| it).unwrap();
        assert!(report.is_explained(), "seed {seed}: {report:?}");
        check(&setting, false);
    }
}

#[test]
fn a_refused_state_and_a_vanished_folder_cost_nothing() {
    let fault = r#"
        [[request]]
        operation = "SyncFolderItems"
        times = 60
        [[request]]
        operation = "SyncFolderItems"
        answer = { listing = { error = { code = "ErrorInvalidSyncStateData" } } }"#;
    let mut setting = start(fault);
    run(&mut setting, |it| it).unwrap();
    let vanish = Change::DeleteFolder {
        folder: "Inbox/2025\\/26".to_owned(),
    };
    setting.emulator.change(ADDRESS, &vanish);
    setting
        .emulator
        .change(ADDRESS, &Change::Delete(range("Inbox", 0, 3)));
    let (mut deleted, mut requested) = (0, 0);
    for _ in 0..3 {
        let (report, ids) = run(&mut setting, |it| it).unwrap();
        deleted += report.deleted;
        requested += ids.len();
    }
    assert_eq!((deleted, requested), (33, 0));
    check(&setting, false);
}

#[test]
fn a_plan_counts_without_requests_for_items() {
    let mut setting = start("");
    let archive = Archive::open(setting.dir.path()).unwrap();
    let backup = Backup::new(&archive, RequestHeaders::new()).scope(Scope::default());
    let plan = backup
        .plan::<ClientError>(&mut setting.client, &mut |_| ())
        .unwrap();
    let (inbox, held) = plan.iter().find(|(it, _)| it.path == "Inbox").unwrap();
    assert_eq!(
        (inbox.items, inbox.bytes, *held),
        (Some(700), Some(702 * 300), 0)
    );
    let log = setting.emulator.requests();
    assert!(log.iter().all(|it| it.operation() != Some("ExportItems")));
}

/// Exports items as a command does, with as many requests as necessary.
fn export_all(
    archive: &Archive,
    client: &mut Client,
    items: &[ListedItem],
    closed_for: &(dyn Fn() -> Duration + Sync),
) -> Result<Exported, exportitems_std::ExportError> {
    let store = ListedVersions::new(archive);
    let report = Exporter::new(client, &store, RequestHeaders::new())
        .sleep(|_| ())
        .patience(Duration::from_hours(8))
        .closed_for(closed_for)
        .run(ListedVersions::items(items), &mut |_| ())?;
    Ok(Exported {
        is_stopped: report.stopped.is_some(),
    })
}

/// Returns a rule for each of these items.
fn rules(ids: &[String], rest: &str) -> String {
    let rule = |id: &String| format!("\n[[item]]\nid = \"{id}\"\n{rest}");
    ids.iter().map(rule).collect()
}

/// What happens to requests and to the mailbox in a night.
const TROUBLE: &str = r#"
        [[request]]
        times = 4
        [[request]]
        times = 3
        answer = { fault = { code = "ErrorServerBusy", back-off-ms = 297749 } }
        [[request]]
        answer = { fault = { code = "ErrorInternalServerError", inner-code = "ErrorServerBusy", status = 200 } }
        [[request]]
        answer = { http = { status = 503, headers = { Retry-After = "300" } } }
        [[request]]
        times = 20
        [[request]]
        answer = { page = "generic-error" }
        [[request]]
        answer = { fault = { code = "ErrorExceededConnectionCount" } }
        [[request]]
        operation = "ExportItems"
        times = 2
        answer = { fault = { code = "ErrorMailboxMoveInProgress" } }
        [[request]]
        operation = "ExportItems"
        answer = { http = { status = 401, headers = { WWW-Authenticate = "Bearer error=\"invalid_token\"" } } }
        [[request]]
        operation = "ExportItems"
        answer = "hang-up"
        [[request]]
        operation = "ExportItems"
        answer = { items = { cut-after = 2000 } }
        [[request]]
        operation = "SyncFolderItems"
        answer = { items = { cut-after = 2000 } }
        [[change]]
        after = 30
        change = { move = { from = { folder = "Inbox", item = 100, items = 20 }, to = "Drafts" } }
        [[change]]
        after = 31
        change = { update = { folder = "Inbox", item = 300, items = 20 } }
        [[change]]
        after = 32
        change = { create = { folder = "Tasks", items = 5 } }"#;

#[test]
fn a_night_of_trouble_leaves_only_items_that_have_a_reason() {
    let ids = start("").emulator.items(ADDRESS);
    let of = |folder: &str, at: usize| {
        let mut items = ids
            .iter()
            .filter(|it| it.folder == folder && !it.properties.associated);
        items.nth(at).unwrap().id.clone()
    };
    let healing = [of("Inbox", 3), of("Group", 4)];
    let lasting = [of("Inbox", 5), of("Inbox/2025\\/26", 6)];
    let refused = [of("Inbox", 7), of("Inbox", 8), of("Group", 9)];
    // Each of these makes every request that contains it fail.
    let poison = [of("Inbox", 11), of("Inbox/2025\\/26", 12), of("Group", 13)];
    let marker = "answer = { marker = { place = \"in-data\" } }";
    let scenario = [
        TROUBLE.to_owned(),
        rules(&healing, &format!("times = 5\n{marker}")),
        rules(&lasting, marker),
        rules(
            &refused,
            "answer = { error = { code = \"ErrorItemCorrupt\" } }",
        ),
        rules(
            &poison,
            "answer = { fails-request = { fault = { code = \"ErrorInternalServerError\" } } }",
        ),
    ]
    .concat();
    let setting = start(&scenario);
    let tokens = AtomicUsize::new(0);
    let source = move || Ok(format!("token-{}", tokens.fetch_add(1, Ordering::Relaxed)).into());
    let mut client = Client::builder(&setting.emulator.url())
        .credentials(Credentials::bearer_from(source).unwrap())
        .build()
        .unwrap();
    // The window is closed for some hours during the lists, and again during the export.
    let looks = AtomicUsize::new(0);
    let closed_for = || match looks.fetch_add(1, Ordering::Relaxed) {
        5..8 | 60..63 => Duration::from_hours(2),
        _ => Duration::ZERO,
    };
    let archive = Archive::open(setting.dir.path()).unwrap();
    let backup = Backup::new(&archive, RequestHeaders::new())
        .closed_for(&closed_for)
        .sleep(|_| ());
    let report = backup
        .run(
            &mut client,
            &mut |client, items| export_all(&archive, client, &items, &closed_for),
            &mut |_| (),
        )
        .unwrap();
    assert!(report.is_explained() && !report.is_stopped, "{report:?}");
    for entry in setting.emulator.items(ADDRESS) {
        if entry.properties.associated {
            continue;
        }
        let id = ItemId {
            id: &entry.id,
            change_key: Some(&entry.change_key),
        };
        let (state, held) = (archive.state(&id), archive.entry(&entry.id).unwrap());
        if [&lasting[..], &refused, &poison]
            .concat()
            .contains(&entry.id)
        {
            assert_ne!(state, ItemState::Done);
            assert!(held.unwrap().error.is_some());
        } else {
            assert_eq!(state, ItemState::Done, "{entry:?}: {held:?}");
        }
    }
    let sum = |of: fn(&exportitems_std::archive::FolderRecord) -> u64| {
        report.folders.iter().map(|it| of(&it.record)).sum::<u64>()
    };
    assert_eq!((sum(|it| it.on_server), sum(|it| it.failed)), (755, 8));
    let requests = setting.emulator.requests();
    let tokens: BTreeSet<_> = requests
        .iter()
        .filter_map(|it| it.header("authorization"))
        .collect();
    assert!(tokens.contains("Bearer token-1"), "{tokens:?}");
    assert!(looks.load(Ordering::Relaxed) > 63);
}
