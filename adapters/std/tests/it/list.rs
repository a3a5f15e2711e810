//! Lists of an emulated mailbox.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use core::time::Duration;
use exportitems::{ExchangeImpersonation, RequestHeaders};
use exportitems_emulator::{Change as Edit, Emulator, ItemRange, Scenario};
use exportitems_std::list::{select, Change, Filter, Folder, ListError, Lister, Scope};
use exportitems_std::{Client, Counter, Totals};

const ADDRESS: &str = "pat@example.test";

const MAILBOX: &str = r#"
    [[mailboxes]]
    address = "pat@example.test"
    [[mailboxes.folder]]
    path = "Posteingang"
    distinguished = "inbox"
    items = 1200
    associated = 3
    [[mailboxes.folder]]
    path = "Projekte/2025\\/26"
    items = 5
    [[mailboxes.folder]]
    path = "Gruppe"
    sync = false
    items = 1100
    [[mailboxes.folder]]
    path = "Ungelesen"
    search = true
    [[mailboxes.folder]]
    path = "Deletions"
    within = "recoverableitemsroot"
    items = 2
    [[mailboxes.folder]]
    path = "2019"
    within = "archivemsgfolderroot"
    items = 4
    [[mailboxes]]
    address = "kim@example.test"
    [[mailboxes.folder]]
    path = "Inbox"
    items = 2
"#;

fn start(more: &str) -> (Emulator, Client) {
    let scenario = Scenario::from_toml(&format!("{MAILBOX}\n{more}")).unwrap();
    let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
    let client = Client::builder(&emulator.url()).build().unwrap();
    (emulator, client)
}

fn lister(client: &mut Client) -> Lister<'_> {
    Lister::new(client, RequestHeaders::new()).sleep(|_| ())
}

fn folder(lister: &mut Lister<'_>, name: &str) -> Folder {
    let folders = lister.folders(Scope::default()).unwrap();
    select(&folders, &[name.to_owned()], false).unwrap()[0].clone()
}

/// The items of a folder by id, with their change keys, and the state.
type Known = (BTreeMap<String, String>, Option<String>);

/// Syncs a folder until an answer has no changes.
fn sync(lister: &mut Lister<'_>, folder: &Folder, known: &mut Known) -> Result<usize, ListError> {
    let mut answers = 0;
    loop {
        answers += 1;
        let changes = lister.changes(folder, known.1.as_deref(), false)?;
        if changes.from_start {
            known.0.clear();
        }
        for change in &changes.changes {
            match change {
                Change::Exists(item) | Change::ReadFlag(item) => {
                    let key = item.change_key.clone().unwrap();
                    known.0.insert(item.id.clone(), key);
                }
                Change::Deleted { id } => {
                    known.0.remove(id);
                }
                other => panic!("{other:?}"),
            }
        }
        known.1 = Some(changes.state);
        if changes.changes.is_empty() && changes.is_last {
            return Ok(answers);
        }
    }
}

/// The normal items of a folder on the server.
fn on_server(emulator: &Emulator, folder: &str) -> BTreeMap<String, String> {
    let entries = emulator.items(ADDRESS).into_iter();
    let here = entries.filter(|it| it.folder == folder && !it.properties.associated);
    here.map(|it| (it.id, it.change_key)).collect()
}

#[test]
fn folders_have_paths_names_and_counts() {
    let (_emulator, mut client) = start("");
    let mut lister = lister(&mut client);
    let folders = lister.folders(Scope::default()).unwrap();
    let by_path = |path: &str| folders.iter().find(|it| it.path == path).unwrap();
    assert!(folders.iter().all(|it| it.name != "Ungelesen"));
    let inbox = by_path("Posteingang");
    assert_eq!(inbox.distinguished.as_deref(), Some("inbox"));
    assert_eq!(
        (inbox.count(false), inbox.count(true)),
        (Some(1200), Some(1203))
    );
    assert_eq!(inbox.bytes, Some(1_203_000));
    assert_eq!(by_path(r"Projekte/2025\/26").items, Some(5));
    assert_eq!(
        by_path("Calendar").class.as_deref(),
        Some("IPF.Appointment")
    );

    let archive = Scope {
        archive: true,
        ..Scope::default()
    };
    let archive = lister.folders(archive).unwrap();
    assert!(archive
        .iter()
        .any(|it| it.path == "archivemsgfolderroot/2019" && it.items == Some(4)));
    let dumpster = Scope {
        dumpster: true,
        ..Scope::default()
    };
    let dumpster = lister.folders(dumpster).unwrap();
    let deletions = dumpster
        .iter()
        .find(|it| it.path == "recoverableitemsroot/Deletions");
    assert_eq!(
        deletions.unwrap().distinguished.as_deref(),
        Some("recoverableitemsdeletions")
    );
}

#[test]
fn a_sync_is_complete_and_resumes_at_its_state() {
    let (emulator, mut client) = start("");
    let mut lister = lister(&mut client);
    let inbox = folder(&mut lister, "inbox");
    let mut known = Known::default();
    assert_eq!(
        sync(&mut lister, &inbox, &mut known).unwrap(),
        4,
        "1200 items, 512 at a time"
    );
    assert_eq!(known.0, on_server(&emulator, "Posteingang"));

    let range = |item, items| ItemRange {
        folder: "inbox".to_owned(),
        item,
        items,
    };
    emulator.change(ADDRESS, &Edit::Update(range(0, 3)));
    emulator.change(ADDRESS, &Edit::Delete(range(5, 2)));
    assert_eq!(sync(&mut lister, &inbox, &mut known).unwrap(), 2);
    assert_eq!(known.0, on_server(&emulator, "Posteingang"));

    known.1 = Some("AAAA".to_owned());
    let changes = lister.changes(&inbox, known.1.as_deref(), false).unwrap();
    assert!(changes.from_start && changes.changes.len() == 512);
    let associated = lister.changes(&inbox, None, true).unwrap();
    assert_eq!(associated.changes.len(), 512);
}

/// A generator of numbers, so that a case can be repeated by its seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

#[test]
fn nothing_is_missing_from_a_mailbox_that_changes_while_it_is_listed() {
    for seed in 0..8 {
        let mut numbers = Numbers(seed);
        let mut changes = String::new();
        for after in 1..14 {
            for _ in 0..numbers.below(3) {
                let folders = ["Posteingang", "Projekte", "Calendar"];
                let mut folder = || folders[usize::try_from(numbers.below(3)).unwrap()];
                let (from, to) = (folder(), folder());
                let (item, items) = (numbers.below(600), 1 + numbers.below(300));
                let range = format!(r#"{{ folder = "{from}", item = {item}, items = {items} }}"#);
                let change = match numbers.below(5) {
                    0 => format!(r#"create = {{ folder = "{to}", items = {items} }}"#),
                    1 => format!("update = {range}"),
                    2 => format!("delete = {range}"),
                    3 => format!("read = {range}"),
                    _ => format!(r#"move = {{ from = {range}, to = "{to}" }}"#),
                };
                let rule = format!("[[change]]\nafter = {after}\nchange = {{ {change} }}\n");
                changes.push_str(&rule);
            }
        }
        let (emulator, mut client) = start(&changes);
        let mut lister = lister(&mut client);
        let mut states: BTreeMap<String, Known> = BTreeMap::new();
        // The changes end during the first passes, so one more is enough.
        for _ in 0..4 {
            for folder in lister.folders(Scope::default()).unwrap() {
                if folder.name != "Gruppe" {
                    let known = states.entry(folder.path.clone()).or_default();
                    sync(&mut lister, &folder, known).unwrap();
                }
            }
        }
        for (path, (items, _)) in &states {
            assert_eq!(*items, on_server(&emulator, path), "seed {seed}: {path}");
        }
    }
}

#[test]
fn items_are_found_where_sync_is_not_allowed() {
    let (emulator, mut client) = start("");
    let mut lister = lister(&mut client);
    let group = folder(&mut lister, "Gruppe");
    let refused = lister.changes(&group, None, false).unwrap_err();
    assert!(matches!(&refused, ListError::Refused { folder, .. } if folder == "Gruppe"));
    assert!(!refused.is_transient());
    let found = lister.find(&group, false, &Filter::default()).unwrap();
    let ids: BTreeMap<_, _> = (found.items.iter())
        .map(|it| (it.id.clone(), it.change_key.clone().unwrap()))
        .collect();
    assert!(found.is_certain && ids == on_server(&emulator, "Gruppe"));
    assert_eq!(found.items.len(), 1100);

    let everything = lister.items(&group, true, &Filter::default()).unwrap();
    assert_eq!(everything, found);
    let inbox = folder(&mut lister, "inbox");
    let everything = lister.items(&inbox, true, &Filter::default()).unwrap();
    assert_eq!(
        (everything.items.len(), everything.is_certain),
        (1203, true)
    );
    let associated = lister.find(&inbox, true, &Filter::default()).unwrap();
    assert_eq!(associated.items.len(), 3);
    assert_eq!(associated.items[0].info.associated, Some(true));
    let middle = found.items[550].info.received.clone().unwrap();
    let filter = Filter {
        since: Some(middle.parse().unwrap()),
        class: Some("ipm.NOTE".to_owned()),
    };
    let later = lister.find(&group, false, &filter).unwrap();
    assert_eq!(later.items, found.items[550..]);
}

#[test]
fn a_search_notices_that_the_folder_changes() {
    // The folders take three requests, and the first page is the fourth.
    let delete = r#"
        [[change]]
        after = 4
        change = { delete = { folder = "Gruppe", items = 5 } }
        # The number of items stays the same.
        [[change]]
        after = 4
        change = { create = { folder = "Gruppe", items = 5 } }"#;
    let (emulator, mut client) = start(delete);
    let mut lister = lister(&mut client);
    let group = folder(&mut lister, "Gruppe");
    let found = lister.find(&group, false, &Filter::default()).unwrap();
    let all = on_server(&emulator, "Gruppe");
    assert!(found.is_certain);
    assert!(all
        .keys()
        .all(|id| found.items.iter().any(|it| it.id == *id)));
}

#[test]
fn a_list_that_does_not_continue_is_an_error() {
    for (operation, fault) in [
        ("FindItem", "no-offset"),
        ("FindItem", "zero-offset"),
        ("FindItem", "same-offset"),
        ("FindFolder", "no-offset"),
        ("FindFolder", "same-offset"),
    ] {
        let rule = format!(
            "[[request]]\noperation = \"{operation}\"\ntimes = 9\nanswer = {{ listing = \"{fault}\" }}"
        );
        let (_emulator, mut client) = start(&rule);
        let mut lister = lister(&mut client);
        let folders = lister.folders(Scope::default());
        let result = folders.and_then(|folders| {
            let group = folders.into_iter().find(|it| it.name == "Gruppe").unwrap();
            lister.find(&group, false, &Filter::default())
        });
        assert!(
            matches!(result, Err(ListError::Stuck { .. })),
            "{operation}, {fault}: {result:?}"
        );
    }
}

#[test]
fn repeated_entries_and_other_spellings_do_no_harm() {
    for fault in ["repeat-entry", "numeric-booleans"] {
        let rule = format!("[[request]]\ntimes = 99\nanswer = {{ listing = \"{fault}\" }}");
        let (emulator, mut client) = start(&rule);
        let mut lister = lister(&mut client);
        let inbox = folder(&mut lister, "inbox");
        let mut known = Known::default();
        sync(&mut lister, &inbox, &mut known).unwrap();
        assert_eq!(known.0, on_server(&emulator, "Posteingang"), "{fault}");
    }
}

#[test]
fn a_busy_server_is_waited_for_and_a_refusal_is_not() {
    let busy = r#"
        [[request]]
        times = 2
        answer = { fault = { code = "ErrorServerBusy", back-off-ms = 7000 } }
        [[request]]
        answer = { http = { status = 503, headers = { Retry-After = "30" } } }
        [[request]]
        answer = "hang-up"
        [[request]]
        operation = "FindFolder"
        answer = { listing = { error = { code = "ErrorMailboxStoreUnavailable" } } }
        [[request]]
        operation = "FindFolder"
        answer = { items = { cut-after = 3000 } }"#;
    let (emulator, mut client) = start(busy);
    let mut waits = Vec::new();
    let folders = lister(&mut client)
        .on_wait(|wait, _| waits.push(wait.as_secs()))
        .folders(Scope::default());
    assert!(folders.unwrap().len() > 10);
    assert_eq!(waits[..3], [7, 7, 30]);
    assert_eq!(waits.len(), 6, "{waits:?}");
    assert!(emulator
        .requests()
        .iter()
        .all(|it| it.operation().is_some()));

    let (_emulator, mut client) = start(busy);
    let mut hurried = lister(&mut client).patience(Duration::ZERO);
    assert!(hurried
        .folders(Scope::default())
        .unwrap_err()
        .is_transient());

    let denied = r#"
        [[request]]
        times = 99
        answer = { fault = { code = "ErrorAccessDenied" } }"#;
    let (emulator, mut client) = start(denied);
    let error = lister(&mut client).folders(Scope::default()).unwrap_err();
    assert!(error.to_string().contains("ErrorAccessDenied"), "{error}");
    assert_eq!(emulator.requests().len(), 1);
}

#[test]
fn other_mailboxes_are_listed_by_address_or_impersonation() {
    let (_emulator, mut client) = start("");
    let count = |folders: Vec<Folder>| {
        let inbox = folders
            .into_iter()
            .find(|it| it.distinguished.as_deref() == Some("inbox"));
        inbox.unwrap().items
    };
    let kim = "kim@example.test";
    let full_access = lister(&mut client).mailbox(kim).folders(Scope::default());
    assert_eq!(count(full_access.unwrap()), Some(2));
    let headers =
        RequestHeaders::new().impersonation(ExchangeImpersonation::PrimarySmtpAddress(kim));
    let impersonated = Lister::new(&mut client, headers).folders(Scope::default());
    assert_eq!(count(impersonated.unwrap()), Some(2));
}

/// No request is sent while the caller's window is closed, and none after an interrupt.
#[test]
fn a_closed_window_and_an_interrupt_stop_requests() {
    let (emulator, mut client) = start("");
    let asked = AtomicUsize::new(0);
    // Closed for three looks, of which each comes after a wait.
    let closed_for = || match asked.fetch_add(1, Ordering::Relaxed) {
        0..3 => Duration::from_secs(1),
        _ => Duration::ZERO,
    };
    let totals = Totals::default();
    let mut waits = Vec::new();
    let folder = lister(&mut client)
        .closed_for(&closed_for)
        .counters(&totals)
        .on_wait(|wait, failure| waits.push((wait.as_secs(), failure.is_some())))
        .folder("inbox");
    folder.unwrap();
    assert_eq!(waits, [(1, false)]);
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    assert_eq!(totals.get(Counter::ListRequests), 1);
    assert_eq!(totals.get(Counter::Waits), 0);

    let interrupted = AtomicBool::new(true);
    let mut lister = lister(&mut client).interrupt(&interrupted);
    let error = lister.folder("inbox").unwrap_err();
    assert!(matches!(error, ListError::Interrupted), "{error}");
    assert_eq!(emulator.requests().len(), 1);
}
