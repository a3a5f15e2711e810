//! Backup, restore, backup.

use std::fs;

use crate::common::{json, status, stderr};
use crate::setup::*;
use exportitems_emulator::{Change, ItemRange};

#[test]
fn a_mailbox_returns_to_its_folders_byte_for_byte() {
    let setup = archived();
    let target = start(TARGET);
    let planned = restore(&target, &setup.archive, &["--dry-run"]);
    let (lines, summary) = json(&planned);
    assert_eq!(lines.len(), 20);
    assert_eq!(
        (&summary["planned"], &summary["folders_created"]),
        (&20.into(), &3.into())
    );
    assert!(target.items(ADDRESS).is_empty());

    let done = restore(&target, &setup.archive, &[]);
    let (lines, summary) = json(&done);
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    assert_eq!(
        (&summary["restored"], &summary["left"]),
        (&20.into(), &0.into())
    );
    let entries = target.items(ADDRESS);
    assert!(lines.iter().all(|line| entries
        .iter()
        .any(|entry| line["new_id"] == entry.id.as_str())));
    setup.is_restored_to(&target);
    // Small items share a request.
    let uploads = target.requests();
    let uploads = uploads
        .iter()
        .filter(|it| it.operation() == Some("UploadItems"));
    assert!(uploads.count() < 6);
    // The run is in the manifest.
    let manifest = fs::read_to_string(setup.archive.join("manifest.jsonl")).unwrap();
    assert!(manifest.contains(r#""type":"run""#) && manifest.contains(r#""restore""#));

    // Again: everything is there. Created again on demand.
    let (_, summary) = json(&restore(&target, &setup.archive, &[]));
    assert_eq!(
        (&summary["present"], &summary["restored"]),
        (&20.into(), &0.into())
    );
    assert_eq!(target.items(ADDRESS).len(), 20);
    let create = ["--on-duplicate", "create", "--folder", "Termine"];
    let (_, summary) = json(&restore(&target, &setup.archive, &create));
    assert_eq!(summary["restored"], 2);
    assert_eq!(target.items(ADDRESS).len(), 22);
}

/// Two items with the same search key and bytes are two, and one that is there already is counted.
#[test]
fn genuine_copies_stay_two() {
    let setup = archived();
    let source = start(TARGET);
    let only = ["--folder", r"Posteingang/2025\/26"];
    for _ in 0..2 {
        restore(
            &source,
            &setup.archive,
            &[&only[..], &["--on-duplicate", "create"]].concat(),
        );
    }
    let copies = setup.dir.path().join("copies");
    back_up(&source, &copies);
    let target = start(&TARGET.replace("5555\"", "5556\""));
    // One of each is there.
    restore(&target, &setup.archive, &only);
    let (_, summary) = json(&restore(&target, &copies, &[]));
    assert_eq!(
        (&summary["present"], &summary["restored"]),
        (&3.into(), &3.into())
    );
    let again = setup.dir.path().join("again");
    back_up(&target, &again);
    assert_eq!(contents(&again), contents(&copies));
    assert!(contents(&again).values().all(|&number| number == 2));
}

/// Items that were copied, moved, changed and deleted, folders without items, and folders that were renamed and deleted.
#[test]
fn a_mailbox_with_a_history_returns() {
    let setup = archived();
    let source = start(SOURCE);
    let at = |folder: &str, item, items| ItemRange {
        folder: folder.to_owned(),
        item,
        items,
    };
    let changes = |changes: &[Change]| {
        assert!(changes.iter().all(|change| source.change(ADDRESS, change)));
    };
    let archive = setup.dir.path().join("history");
    changes(&[
        Change::CreateFolder {
            folder: "Leer/Unten".to_owned(),
        },
        Change::CreateFolder {
            folder: "Verschwunden".to_owned(),
        },
    ]);
    back_up(&source, &archive);
    // Copies with the search keys and bytes of the originals.
    let create = ["--on-duplicate", "create"];
    for folder in ["Termine", "Groß"] {
        let done = restore(
            &source,
            &setup.archive,
            &[&create[..], &["--folder", folder]].concat(),
        );
        assert_eq!(status(&done), 0, "{}", stderr(&done));
    }
    changes(&[
        Change::Move {
            range: at("inbox", 0, 2),
            to: "Groß".to_owned(),
        },
        Change::Update(at("inbox", 0, 3)),
        Change::Read(at("inbox", 4, 1)),
        Change::Delete(at("inbox", 5, 2)),
        Change::Move {
            range: at("Groß", 0, 1),
            to: "Verschwunden".to_owned(),
        },
        Change::RenameFolder {
            folder: "Termine".to_owned(),
            name: "Termine & mehr".to_owned(),
        },
        Change::DeleteFolder {
            folder: "Verschwunden".to_owned(),
        },
        Change::Create {
            folder: "inbox".to_owned(),
            items: 3,
            size: 900,
        },
    ]);
    back_up(&source, &archive);
    let target = start(TARGET);
    let done = restore(&target, &archive, &[]);
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    let again = setup.dir.path().join("again");
    back_up(&target, &again);
    assert_eq!(contents(&again), contents(&archive));
    assert_eq!(folders(&again), folders(&archive));
    assert!(folders(&again).contains_key("Leer/Unten"));
    assert_eq!(
        contents(&again).values().sum::<usize>(),
        source.items(ADDRESS).len()
    );
}
