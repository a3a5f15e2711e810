//! Versions, deletions, the chain of the manifest, and seals.

use core::num::NonZeroU16;
use std::fs;
use std::path::Path;

use exportitems::ItemId;
use exportitems_std::archive::{
    seal, verify, verify_seal, ArchiveError, Finding, Inventory, ItemState, Listed, Record,
    RunRecord, SealState, Status,
};
use exportitems_std::Archive;
use sha2::{Digest as _, Sha256};

use crate::archive::{archive, feed, files, fill, settle, states, ITEMS};
use crate::server::{answer_of, message};

/// Archives this version of the first item. Its payload ends with the number.
fn archive_version(archive: &mut Archive, number: u8) -> String {
    let key = format!("key {number}");
    let item = [ItemId {
        change_key: Some(&key),
        ..ITEMS[0]
    }];
    let payload = format!("AA{}AAAA=", char::from(b'A' + number));
    let answer = answer_of([message("first")]).replace("AAEAAAA=", &payload);
    feed(archive.sink(&item), &answer, 1);
    settle(archive).pop().unwrap().file.unwrap()
}

fn manifest(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("manifest.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn write_manifest(dir: &Path, lines: &[String]) {
    fs::write(dir.join("manifest.jsonl"), lines.join("\n") + "\n").unwrap();
}

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let digits = Sha256::digest(bytes)
        .into_iter()
        .flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}

/// Writes the right hash into each line, like someone who edits the manifest consistently.
fn chain_again(lines: &mut [String]) {
    let mut last = "0".repeat(64);
    for line in lines {
        line.replace_range(9..73, &last);
        last = sha256(format!("{line}\n"));
    }
}

/// The numbers of the lines that are not chained.
fn unchained(dir: &Path) -> Vec<u64> {
    let mut unchained = Vec::new();
    verify(dir, |finding| {
        if let Finding::Unchained { line } = finding {
            unchained.push(line);
        }
    })
    .unwrap();
    unchained
}

#[test]
fn only_the_latest_versions_are_kept_on_request() {
    let (dir, mut archive) = archive();
    archive.keep_versions(NonZeroU16::new(2));
    let mut names = Vec::new();
    for number in 1..=5 {
        names.push(archive_version(&mut archive, number));
        if number < 5 {
            // The same version again is no other version.
            let again = archive_version(&mut archive, number);
            assert_eq!(again, names[names.len() - 1]);
        }
        let kept: Vec<_> = names.iter().rev().take(2).rev().collect();
        let mut found = files(&dir.path().join("items"));
        found.sort_by_key(|path| fs::read(path).unwrap());
        let expected: Vec<_> = kept.iter().map(|name| dir.path().join(name)).collect();
        assert_eq!(found, expected);
        assert_eq!(states(dir.path()), vec!["Intact"; expected.len()]);
    }
    assert!(names[4].ends_with(".5.fts"), "{}", names[4]);
    drop(archive);

    // A kill before the removal: the next run removes the file.
    let leftover = dir.path().join(&names[2]);
    fs::write(&leftover, "x").unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    assert!(!leftover.exists());
    assert!(archive.is_done("first"));
    let mut older = 0;
    let inventory = Inventory::open(dir.path()).unwrap();
    inventory
        .each(|listed| older += usize::from(matches!(listed, Listed::Older { .. })))
        .unwrap();
    assert_eq!(older, 1);
}

/// A version that cannot be written leaves the older one as the item's latest.
#[test]
fn what_is_in_the_way_of_a_version_costs_that_version() {
    let (dir, mut archive) = archive();
    let first = archive_version(&mut archive, 1);
    let second = first.replace(".fts", ".2.fts");
    fs::create_dir_all(dir.path().join(&second).join("in it")).unwrap();
    let answer = answer_of([message("first")]);
    for answer in [answer.clone(), answer.replace(">first<", ">other<")] {
        feed(archive.sink(&ITEMS[..1]), &answer, 1);
        let entries = settle(&mut archive);
        let last = entries.last().unwrap();
        assert_eq!(last.status, Status::Failed);
        assert_eq!(last.error.as_deref(), Some("write"));
        assert!(archive.is_done("first"));
        assert_eq!(
            archive.entry("first").unwrap().unwrap().file.as_ref(),
            Some(&first)
        );
    }
}

#[test]
fn a_deletion_is_a_line_and_removes_nothing() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 1);
    feed(archive.sink(&ITEMS[1..2]), "", 1);
    settle(&mut archive);
    for _ in 0..2 {
        for item in ITEMS {
            archive.record_deletion(item.id);
        }
        settle(&mut archive);
    }
    let deletions = || {
        let lines = manifest(dir.path()).into_iter();
        lines
            .filter(|line| line.contains(r#""type":"deleted""#))
            .count()
    };
    assert_eq!(deletions(), 2, "each once, and none of an unknown item");
    let check = |archive: &Archive| {
        assert!(archive.is_done("first") && archive.is_deleted("first"));
        assert_eq!(archive.state(&ITEMS[1]), ItemState::FailedPermanently);
        assert_eq!(archive.state(&ITEMS[2]), ItemState::New);
        assert!(!archive.is_deleted("third"));
    };
    check(&archive);
    drop(archive);
    assert_eq!(states(dir.path()), ["Intact", "Failed"]);
    let mut archive = Archive::open(dir.path()).unwrap();
    check(&archive);
    // It is there again.
    fill(&mut archive, 2);
    assert!(archive.is_done("second") && !archive.is_deleted("second"));
}

#[test]
fn records_are_lines_with_a_type_and_a_time() {
    let (dir, mut archive) = archive();
    let mut run = RunRecord::default();
    run.program = "exportitems 1".to_owned();
    run.user = Some("alice".to_owned());
    run.arguments = vec!["backup".to_owned()];
    archive.record(Record::Run(run.clone()));
    fill(&mut archive, 1);
    let lines = manifest(dir.path());
    for (line, part) in lines.iter().zip([
        r#""type":"archive","format":2,"program":"exportitems "#,
        r#""type":"run","program":"exportitems 1","user":"alice","arguments":["backup"]"#,
        r#""status":"ok""#,
    ]) {
        assert!(line.contains(part), "{line}");
        assert!(line.contains(r#""time":"20"#), "{line}");
    }
    drop(archive);
    let mut found = Vec::new();
    let inventory = Inventory::open(dir.path()).unwrap();
    inventory
        .each(|listed| {
            if let Listed::Record(timed) = listed {
                found.push(timed.record.clone());
            }
        })
        .unwrap();
    assert_eq!(found[1..], [Record::Run(run)]);
}

#[test]
fn every_change_of_the_manifest_breaks_the_chain() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 3);
    drop(archive);
    let lines = manifest(dir.path());
    assert_eq!(unchained(dir.path()), [0; 0]);
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with(&format!(r#"{{"prev":"{}","#, "0".repeat(64))));
    for at in 0..3 {
        assert!(lines[at + 1].contains(&sha256(format!("{}\n", lines[at]))));
        let mut edited = lines.clone();
        edited[at] = edited[at]
            .replace("exportitems", "importitems")
            .replace("whole", "gross");
        assert_ne!(edited, lines);
        write_manifest(dir.path(), &edited);
        assert_eq!(unchained(dir.path()), [at as u64 + 2]);
        let mut removed = lines.clone();
        removed.remove(at);
        write_manifest(dir.path(), &removed);
        assert_eq!(unchained(dir.path()), [at as u64 + 1]);
    }
    // A line without a hash is not taken for one of an older program.
    let mut stripped = lines.clone();
    stripped[2] = stripped[2].replace(&stripped[2][1..75].to_owned(), "");
    write_manifest(dir.path(), &stripped);
    assert_eq!(unchained(dir.path()), [3, 4]);
}

/// The manifest of an older program has no chain. It opens, and the chain begins after it.
#[test]
fn an_older_archive_opens_and_continues() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 2);
    drop(archive);
    let lines: Vec<_> = manifest(dir.path())[1..]
        .iter()
        .map(|line| format!("{{{}", &line[75..]))
        .collect();
    assert!(lines[0].starts_with(r#"{"status":"ok""#), "{}", lines[0]);
    write_manifest(dir.path(), &lines);
    let mut archive = Archive::open(dir.path()).unwrap();
    assert!(archive.is_done("first"));
    feed(archive.sink(&ITEMS[2..]), &answer_of([message("third")]), 1);
    settle(&mut archive);
    drop(archive);
    let now = manifest(dir.path());
    assert_eq!(now[..2], lines);
    assert!(
        now[2].contains(r#""type":"archive""#) && now[2].contains(&sha256(lines[1].clone() + "\n"))
    );
    assert_eq!(now.len(), 4);
    assert_eq!(states(dir.path()), ["Intact"; 3]);
    let archive = Archive::open(dir.path()).unwrap();
    assert!(archive.is_done("second") && archive.is_done("third"));
}

#[test]
fn the_manifest_of_a_newer_program_is_refused() {
    let (dir, archive) = archive();
    drop(archive);
    fs::write(
        dir.path().join("manifest.jsonl"),
        "{\"type\":\"archive\",\"format\":3}\n",
    )
    .unwrap();
    let error = Archive::open(dir.path()).unwrap_err();
    assert!(
        matches!(error, ArchiveError::Format { format: 3 }),
        "{error}"
    );
    assert!(verify(dir.path(), |_| ()).is_err());
}

/// A seal notices every change, even if the manifest is chained again and fits the files.
#[test]
fn a_seal_notices_every_change() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 2);
    assert!(matches!(seal(dir.path()), Err(ArchiveError::Locked { .. })));
    drop(archive);
    assert!(matches!(
        verify_seal(dir.path()),
        Err(ArchiveError::NotSealed { .. })
    ));
    let sealed = seal(dir.path()).unwrap();
    let lines = manifest(dir.path());
    assert_eq!((sealed.totals.items, sealed.totals.bytes), (2, 64));
    assert_eq!(sealed.lines, 3);
    assert_eq!(sealed.head, sha256(lines[2].clone() + "\n"));
    assert_eq!(
        verify_seal(dir.path()).unwrap(),
        (sealed.clone(), SealState::Intact)
    );

    let state = || verify_seal(dir.path()).unwrap().1;
    // Swapped: another payload, with its hash in the manifest.
    let path = &files(&dir.path().join("items"))[0];
    let payload = fs::read(path).unwrap();
    let mut other = payload.clone();
    other[31] ^= 1;
    fs::write(path, &other).unwrap();
    let hash = sha256(&payload);
    let mut edited = lines.clone();
    let shown = path
        .strip_prefix(dir.path())
        .unwrap()
        .to_str()
        .unwrap()
        .replace('\\', "/");
    let at = edited
        .iter()
        .position(|line| line.contains(&shown))
        .unwrap();
    edited[at] = edited[at].replace(&hash, &sha256(&other));
    chain_again(&mut edited);
    write_manifest(dir.path(), &edited);
    assert_eq!(states(dir.path()), ["Intact"; 2], "only the seal shows it");
    assert_eq!(state(), SealState::Altered);
    fs::write(path, &payload).unwrap();

    // Removed, in the middle and at the end.
    for at in [1, 2] {
        let mut removed = lines.clone();
        removed.remove(at);
        chain_again(&mut removed);
        write_manifest(dir.path(), &removed);
        assert_eq!(state(), SealState::Altered);
    }
    // Added in the middle, and at the end by another run.
    let mut added = lines.clone();
    added.insert(1, lines[1].replace("first", "zeroth"));
    chain_again(&mut added);
    write_manifest(dir.path(), &added);
    assert_eq!(state(), SealState::Altered);
    write_manifest(dir.path(), &lines);
    assert_eq!(state(), SealState::Intact);
    let mut archive = Archive::open(dir.path()).unwrap();
    feed(archive.sink(&ITEMS[2..]), &answer_of([message("third")]), 1);
    settle(&mut archive);
    drop(archive);
    assert_eq!(state(), SealState::Continued { lines: 1 });
    seal(dir.path()).unwrap();
    assert_eq!(state(), SealState::Intact);
    // The totals of the seal itself.
    let path = dir.path().join("seal.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"items\": 3", "\"items\": 2")).unwrap();
    assert_eq!(state(), SealState::Altered);
    fs::write(&path, "{").unwrap();
    assert!(matches!(
        verify_seal(dir.path()),
        Err(ArchiveError::Seal { .. })
    ));
}
