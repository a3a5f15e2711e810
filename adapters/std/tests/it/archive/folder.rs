//! Files and links in the archive's folder that the archive did not write, or that are missing.

use std::fs;

use exportitems_std::archive::{verify, ArchiveError, ItemState};
use exportitems_std::Archive;

use super::{archive, feed, files, fill, settle, states, ITEMS};
use crate::server::{answer, answer_of, message};

#[test]
fn verify_sees_what_became_of_a_file() {
    let (dir, mut archive) = archive();
    let entries = fill(&mut archive, 3);
    let file = |index: usize| dir.path().join(entries[index].file.as_ref().unwrap());
    fs::remove_file(file(0)).unwrap();
    let mut payload = fs::read(file(1)).unwrap();
    payload[9] ^= 1;
    fs::write(file(1), &payload).unwrap();
    payload.pop();
    fs::write(file(2), &payload).unwrap();
    assert_eq!(
        states(dir.path()),
        ["Missing", "Altered", "Resized { found: 31 }"]
    );
}

/// A folder, a file or a link in the place of something costs the items that belong there, and no other.
#[test]
fn what_is_in_the_way_of_one_item_costs_that_item() {
    for place in [
        "items/16",
        "items/16/16367aacb67a4a017c8da8ab95682ccb.fts/in it",
    ] {
        let (dir, mut archive) = archive();
        let place = dir.path().join(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, "in the way").unwrap();
        let reported: Vec<_> = fill(&mut archive, 3)
            .into_iter()
            .map(|entry| (entry.index, entry.error))
            .collect();
        let failed = Some("write".to_owned());
        assert_eq!(reported.len(), 3);
        for (index, error) in [(0, None), (1, failed), (2, None)] {
            assert!(reported.contains(&(index, error)), "{reported:?}");
        }
        let entry = archive.entry("second").unwrap().unwrap();
        let message = entry.message.unwrap();
        assert!(message.contains("items"), "{message}");
        assert_eq!(archive.state(&ITEMS[1]), ItemState::Failed, "not for good");
        assert!(archive.is_done("first") && archive.is_done("third"));
        // The same where the response's end decides.
        feed(archive.sink(&ITEMS[1..2]), &answer(1), 1);
        assert_eq!(settle(&mut archive)[0].error.as_deref(), Some("write"));
        drop(archive);

        match place.is_dir() {
            true => fs::remove_dir_all(&place).unwrap(),
            false => fs::remove_file(&place).unwrap(),
        }
        let _ = fs::remove_dir(
            dir.path()
                .join("items/16/16367aacb67a4a017c8da8ab95682ccb.fts"),
        );
        let mut archive = Archive::open(dir.path()).unwrap();
        fill(&mut archive, 3);
        assert!(archive.is_done("second"));
    }
}

#[test]
#[cfg(unix)]
fn links_inside_the_archive_are_not_followed() {
    use std::os::unix::fs::symlink;

    let outside = tempfile::tempdir().unwrap();
    // In the place of the directory of one item.
    let (dir, mut archive) = archive();
    symlink(outside.path(), dir.path().join("items/16")).unwrap();
    fill(&mut archive, 3);
    assert!(archive.is_done("first") && !archive.is_done("second"));
    assert!(files(outside.path()).is_empty());
    drop(archive);

    // In the place of a payload: replaced, and not written through.
    fs::remove_file(dir.path().join("items/16")).unwrap();
    fs::create_dir(dir.path().join("items/16")).unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let payload = "items/16/16367aacb67a4a017c8da8ab95682ccb.fts";
    symlink(&victim, dir.path().join(payload)).unwrap();
    let mut archive = Archive::open(dir.path()).unwrap();
    fill(&mut archive, 3);
    assert!(archive.is_done("second"));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    drop(archive);

    // A payload that was replaced by a link to the same bytes is lost.
    let copy = outside.path().join("copy");
    fs::rename(dir.path().join(payload), &copy).unwrap();
    symlink(&copy, dir.path().join(payload)).unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    assert_eq!(archive.state(&ITEMS[1]), ItemState::Lost);
    drop(archive);
    assert_eq!(states(dir.path())[1], "NotAFile");

    // The manifest and the directory of all items.
    for (name, is_directory) in [("manifest.jsonl", false), ("items", true)] {
        let path = dir.path().join(name);
        let moved = outside.path().join(name);
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        let error = Archive::open(dir.path()).unwrap_err();
        assert!(matches!(error, ArchiveError::NotOwn { .. }), "{error}");
        assert_eq!(verify(dir.path(), |_| ()).is_err(), !is_directory);
        fs::remove_file(&path).unwrap();
        fs::rename(&moved, &path).unwrap();
    }
}

#[test]
#[cfg(unix)]
fn everything_is_private_to_the_user() {
    use std::os::unix::fs::PermissionsExt as _;

    let parent = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(parent.path().join("new/archive")).unwrap();
    fill(&mut archive, 3);
    feed(archive.sink(&ITEMS), &answer(3), 3);
    settle(&mut archive);
    let mut paths = vec![parent.path().join("new")];
    let mut seen = 0;
    while let Some(path) = paths.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let mode = found.permissions().mode() & 0o777;
        let expected = if found.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", path.display());
        seen += 1;
        if found.is_dir() {
            paths.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    assert_eq!(seen, 3 + 3 + 3 + 1);
}

#[test]
#[cfg(unix)]
fn a_manifest_that_is_removed_or_replaced_is_noticed() {
    for replace in [false, true] {
        let (dir, mut archive) = archive();
        fill(&mut archive, 1);
        let manifest = dir.path().join("manifest.jsonl");
        fs::remove_file(&manifest).unwrap();
        if replace {
            fs::write(&manifest, "").unwrap();
        }
        let error = archive.wait_published().unwrap_err();
        assert!(
            matches!(error, ArchiveError::ManifestLost { .. }),
            "{error}"
        );
        // No outcome is called durable after that.
        feed(
            archive.sink(&ITEMS[1..2]),
            &answer_of([message("second")]),
            1,
        );
        let error = archive.wait_published().unwrap_err();
        assert!(
            matches!(error, ArchiveError::ManifestLost { .. }),
            "{error}"
        );
    }
}

#[test]
fn what_is_lost_is_due_again() {
    let (dir, mut archive) = archive();
    let entries = fill(&mut archive, 3);
    drop(archive);
    let file = |index: usize| dir.path().join(entries[index].file.as_ref().unwrap());
    fs::remove_file(file(0)).unwrap();
    fs::write(file(1), "other").unwrap();
    let mut altered = fs::read(file(2)).unwrap();
    altered[9] ^= 1;
    fs::write(file(2), altered).unwrap();

    let mut archive = Archive::open(dir.path()).unwrap();
    let states_of = |archive: &Archive| ITEMS.map(|item| archive.state(&item));
    assert_eq!(
        states_of(&archive),
        [ItemState::Lost, ItemState::Lost, ItemState::Done]
    );
    assert_eq!(archive.lost(), 2);
    // The content takes a recheck, and is remembered.
    let mut found = Vec::new();
    let lost = archive.recheck(|entry, state| found.push((entry.index, format!("{state:?}"))));
    assert_eq!(lost.unwrap(), 1);
    assert_eq!(found, [(2, "Altered".to_owned())]);
    assert_eq!(states_of(&archive), [ItemState::Lost; 3]);
    drop(archive);
    let mut archive = Archive::open(dir.path()).unwrap();
    assert!(!archive.is_done("third"));
    fill(&mut archive, 3);
    assert_eq!(archive.recheck(|_, _| ()).unwrap(), 0);
    assert_eq!(states(dir.path()), ["Intact"; 3]);
}

#[test]
fn a_file_under_a_foreign_name_is_not_the_items() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 1);
    drop(archive);
    let secret = dir.path().join("secret");
    fs::write(&secret, [7; 32]).unwrap();
    let absolute = secret.to_str().unwrap().replace('\\', "\\\\"); // in JSON
    let manifest = dir.path().join("manifest.jsonl");
    let line = fs::read_to_string(&manifest).unwrap();
    let own = "items/a7/a7937b64b8caa58f03721bb6bacf5c78.fts";
    for foreign in [
        &absolute,
        "../x",
        "items/../secret",
        "secret",
        "items/00000000.fts",
        "",
    ] {
        fs::write(&manifest, line.replace(own, foreign)).unwrap();
        assert_eq!(states(dir.path())[0], "Misnamed", "{foreign}");
        let archive = Archive::open(dir.path()).unwrap();
        assert_eq!(archive.state(&ITEMS[0]), ItemState::Lost, "{foreign}");
    }
}

#[test]
fn verify_names_everything() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 1);
    feed(archive.sink(&ITEMS[1..2]), "", 1);
    settle(&mut archive);
    fs::write(dir.path().join("items/a7/stray.fts"), "").unwrap();
    fs::create_dir(dir.path().join("items/folder")).unwrap();
    // While the archive is written, its newest files have no line yet.
    assert_eq!(states(dir.path()), ["Intact", "Failed"]);
    drop(archive);
    let mut found = states(dir.path());
    found[2..].sort();
    assert_eq!(
        found,
        [
            "Intact",
            "Failed",
            "WithoutEntry items/a7/stray.fts",
            "WithoutEntry items/folder"
        ]
    );
}

#[test]
#[cfg(unix)]
fn verify_opens_no_special_file() {
    let (dir, mut archive) = archive();
    let entries = fill(&mut archive, 1);
    drop(archive);
    let file = dir.path().join(entries[0].file.as_ref().unwrap());
    fs::remove_file(&file).unwrap();
    // Opened for reading, it would wait for a writer.
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    if !made.is_ok_and(|status| status.success()) {
        exportitems_testkit::data::skip("no mkfifo");
        return;
    }
    assert_eq!(states(dir.path()), ["NotAFile"]);
    assert_eq!(Archive::open(dir.path()).unwrap().lost(), 1);
}
