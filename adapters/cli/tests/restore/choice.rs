//! Which items are restored.

use exportitems_emulator::{Change, ItemRange};

use crate::common::{json, run, status, stderr, stdout};
use crate::setup::*;

#[test]
fn items_are_chosen_by_time_folder_text_and_id() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("a");
    let source = start(SOURCE);
    back_up(&source, &archive);
    let range = |item| ItemRange {
        folder: "Termine".to_owned(),
        item,
        items: 1,
    };
    let ids = |folder: &str| -> Vec<String> {
        let entries = source.items(ADDRESS).into_iter();
        let of = entries.filter(|entry| entry.folder == folder);
        of.map(|entry| entry.id).collect()
    };
    let chosen = |options: &[&str]| {
        let target = start(TARGET);
        let done = restore(&target, &archive, options);
        let entries = target.items(ADDRESS);
        (
            status(&done),
            entries.len(),
            entries.first().map(|it| it.folder.clone()),
        )
    };
    let id = &ids("Termine")[0];
    assert_eq!(chosen(&["--only", id]), (0, 1, Some("Termine".to_owned())));
    assert_eq!(chosen(&["--only", "AAMk"]).0, 1);
    let entries = source.items(ADDRESS).into_iter();
    let twenties = entries.filter(|entry| entry.properties.subject.contains("Item 2"));
    assert_eq!(chosen(&["--find", "ITEM 2"]).1, twenties.count());
    assert_eq!(
        chosen(&["--folder", "inbox"]),
        (0, 17, Some("Inbox".to_owned()))
    );
    let into = chosen(&["--folder", "Termine", "--into", r"Old/2025\/26"]);
    assert_eq!(into, (0, 2, Some(r"Old/2025\/26/Termine".to_owned())));
    let german =
        TARGET.to_owned() + "[[mailboxes.folder]]\npath = 'Posteingang'\ndistinguished = 'inbox'\n";
    let target = start(&german);
    let done = restore(
        &target,
        &archive,
        &["--folder", "Termine", "--into", "Inbox/Old"],
    );
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    let folder = &target.items(ADDRESS)[0].folder;
    assert_eq!(folder, "Posteingang/Old/Termine");
    assert_eq!(chosen(&["--as-of", "2020-01-01"]).1, 0);
    assert_eq!(chosen(&["--as-of", "yesterday"]).0, 2);

    // A newer version counts from its time on.
    source.change(ADDRESS, &Change::Update(range(0)));
    let before = "2100-01-01";
    back_up(&source, &archive);
    assert_eq!(chosen(&["--folder", "Termine", "--as-of", before]).1, 2);
    let text = stdout(&run(&["restore", "--help"], b""));
    assert!(text.contains("--on-duplicate"));
}

/// The folder of an item is in a well-known one, of which no item is chosen, and whose name is in another language.
#[test]
fn a_folder_within_a_well_known_one_is_found_in_any_language() {
    let setup = archived();
    let target = start(TARGET);
    for name in [r"Posteingang/2025\/26", "2025/26"] {
        let done = restore(&target, &setup.archive, &["--folder", name]);
        assert_eq!(status(&done), 0, "{}", stderr(&done));
    }
    let entries = target.items(ADDRESS);
    assert_eq!(entries.len(), 3);
    assert!(entries
        .iter()
        .all(|entry| entry.folder == r"Inbox/2025\/26"));

    let done = restore(&target, &setup.archive, &["--folder", "Termin"]);
    assert_eq!(status(&done), 2);
    assert!(stderr(&done).contains("--folder Termin: the archive has no such folder"));
    let done = restore(&target, &setup.archive, &["--find", "nothing like this"]);
    assert_eq!(status(&done), 1);
}

/// What was deleted on the server, and what existed at a time.
#[test]
fn deleted_items_and_older_versions_are_chosen() {
    let setup = archived();
    let source = start(SOURCE);
    let termine = |item| ItemRange {
        folder: "Termine".to_owned(),
        item,
        items: 1,
    };
    let archive = setup.dir.path().join("versions");
    back_up(&source, &archive);
    let before = contents(&archive);
    let ended = lines(&archive).pop().unwrap()["time"]
        .as_str()
        .unwrap()
        .to_owned();
    source.change(ADDRESS, &Change::Update(termine(0)));
    source.change(ADDRESS, &Change::Delete(termine(1)));
    back_up(&source, &archive);
    let deleted = lines(&archive);
    let deleted = deleted
        .iter()
        .find(|line| line["type"] == "deleted")
        .unwrap();
    let deleted = deleted["id"].as_str().unwrap();

    let items = |options: &[&str]| {
        let target = start(TARGET);
        let done = restore(&target, &archive, options);
        (status(&done), target)
    };
    let number = |options: &[&str]| {
        let (status, target) = items(options);
        (status, target.items(ADDRESS).len())
    };
    assert_eq!(number(&[]), (0, 19));
    assert_eq!(number(&["--deleted"]), (0, 20));
    assert_eq!(number(&["--only", deleted]), (1, 0));
    assert_eq!(number(&["--only", deleted, "--deleted"]), (0, 1));
    let (status, target) = items(&["--as-of", &ended]);
    assert_eq!(status, 0);
    let again = setup.dir.path().join("as-of");
    back_up(&target, &again);
    assert_eq!(contents(&again), before);
}

/// Somebody deletes an item that a restore has put back, and restores it again.
#[test]
fn an_item_that_was_deleted_since_is_restored_again() {
    let setup = archived();
    let target = start(TARGET);
    let too_small = ["--largest-request", "1000000"];
    assert_eq!(status(&restore(&target, &setup.archive, &too_small)), 1);
    let entry = &target.items(ADDRESS)[0];
    let range = ItemRange {
        folder: entry.folder.clone(),
        item: 0,
        items: 1,
    };
    assert!(target.change(ADDRESS, &Change::Delete(range)));
    let done = restore(&target, &setup.archive, &too_small);
    let (_, summary) = json(&done);
    assert_eq!(
        (&summary["restored"], &summary["present"]),
        (&1.into(), &18.into())
    );
    let (_, summary) = json(&restore(&target, &setup.archive, &[]));
    assert_eq!(
        (&summary["restored"], &summary["present"]),
        (&1.into(), &19.into())
    );
    setup.is_restored_to(&target);
}
