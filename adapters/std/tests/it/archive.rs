//! What the archive is after anything that can happen to it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use exportitems::{Decoder, Event, ItemId, Options, ResponseItemId, Sink};
use exportitems_std::archive::{
    display_path, folder_path, verify, ArchiveError, Entry, Finding, ItemInfo, ItemState, Status,
};
use exportitems_std::{error_chain, Archive};
use tempfile::TempDir;

use crate::server::{answer, answer_of, message};

pub(crate) const ITEMS: [ItemId<'_>; 3] = [
    ItemId::new("first"),
    ItemId::new("second"),
    ItemId::new("third"),
];

/// Archives the first `items` of [`ITEMS`].
pub(crate) fn fill(archive: &mut Archive, items: usize) -> Vec<Entry> {
    let echo = ITEMS[..items].iter().map(|item| message(item.id));
    feed(archive.sink(&ITEMS[..items]), &answer_of(echo), items);
    settle(archive)
}

pub(crate) fn feed(mut sink: impl Sink<Error = ArchiveError>, response: &str, items: usize) {
    let options = Options::new().items(u32::try_from(items).unwrap());
    let mut decoder = Decoder::<[u8; 512]>::new(options);
    // A cut response is an error, which the outcomes have reported.
    let _ = decoder.feed(&mut response.as_bytes(), &mut sink);
    let _ = decoder.finish_into(&mut sink);
}

pub(crate) fn settle(archive: &mut Archive) -> Vec<Entry> {
    std::iter::from_fn(|| archive.wait_published().unwrap()).collect()
}

pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

pub(crate) fn archive() -> (TempDir, Archive) {
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    (dir, archive)
}

#[test]
fn an_entry_says_what_the_file_is() {
    let (dir, mut archive) = archive();
    let entries = fill(&mut archive, 2);
    assert!(archive.is_done("first") && archive.is_done("second") && !archive.is_done("third"));
    let entry = &entries[1];
    let file = entry.file.as_ref().unwrap();
    // printf %s second | sha256sum
    assert_eq!(file, "items/16/16367aacb67a4a017c8da8ab95682ccb.fts");
    let payload = fs::read(dir.path().join(file)).unwrap();
    assert_eq!((payload.len(), entry.bytes), (32, 32));
    let manifest = fs::read_to_string(dir.path().join("manifest.jsonl")).unwrap();
    assert!(manifest.ends_with('\n'));
    let line = manifest.lines().nth(2).unwrap();
    for part in [
        r#""status":"ok","index":1,"id":"second","answered_id":"second","change_key":"key""#,
        r#""bytes":32,"sha256":"afd27f"#,
        r#""class":"Success","code":"NoError","disposition":"done""#,
        r#""attempts":1,"time":"20"#,
    ] {
        assert!(line.contains(part), "{part}\n{line}");
    }
}

#[test]
fn a_cut_response_leaves_no_part_of_an_item() {
    let (dir, mut archive) = archive();
    let response = answer(3);
    let cut = response.rfind("AAEAAAA=").unwrap();
    feed(archive.sink(&ITEMS), &response[..cut], 3);
    let entries = settle(&mut archive);
    let reported: Vec<_> = entries
        .iter()
        .map(|entry| (entry.status, entry.error.as_deref()))
        .collect();
    let ok = (Status::Ok, None);
    assert_eq!(reported, [(Status::Failed, Some("cut")), ok, ok]);
    assert_eq!(files(&dir.path().join("items")).len(), 2);
    assert!(!archive.is_done("third"));
}

#[test]
fn a_sink_that_is_dropped_leaves_nothing() {
    let (dir, mut archive) = archive();
    let mut sink = archive.sink(&ITEMS);
    sink.begin(0, ResponseItemId::default()).unwrap();
    sink.write(b"half").unwrap();
    drop(sink);
    assert_eq!(settle(&mut archive), []);
    assert!(files(&dir.path().join("items")).is_empty());
}

#[test]
fn the_next_run_cleans_up_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let shard = dir.path().join("items/16");
    fs::create_dir_all(&shard).unwrap();
    // What was being written, and what had its name but not yet its line.
    fs::write(shard.join("16367aacb67a4a017c8da8ab95682ccb.1.tmp"), "half").unwrap();
    fs::write(shard.join("16367aacb67a4a017c8da8ab95682ccb.fts"), "old").unwrap();
    let mut archive = Archive::open(dir.path()).unwrap();
    assert!(!archive.is_done("second"));
    assert_eq!(files(&shard).len(), 1);
    fill(&mut archive, 2);
    assert!(archive.is_done("second"));
    assert_eq!(states(dir.path()), ["Intact", "Intact"]);
}

#[test]
fn a_manifest_that_is_torn_at_any_byte_is_repaired() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 2);
    drop(archive);
    let manifest = fs::read(dir.path().join("manifest.jsonl")).unwrap();
    let payloads = files(&dir.path().join("items"));
    for cut in 0..=manifest.len() {
        let other = tempfile::tempdir().unwrap();
        for payload in &payloads {
            let copy = other.path().join(payload.strip_prefix(dir.path()).unwrap());
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(payload, copy).unwrap();
        }
        let dir = other;
        fs::write(dir.path().join("manifest.jsonl"), &manifest[..cut]).unwrap();
        let mut archive = Archive::open(dir.path()).unwrap();
        // The first line is the header.
        let lines = manifest[..cut].split(|&byte| byte == b'\n').count() - 1;
        let done = [archive.is_done("first"), archive.is_done("second")];
        assert_eq!(done, [lines > 1, lines > 2], "cut at {cut}");
        if cut % 50 == 0 {
            fill(&mut archive, 3);
            drop(archive);
            assert!(Archive::open(dir.path()).unwrap().is_done("third"));
            assert_eq!(states(dir.path()), ["Intact"; 3], "the chain continues");
        }
    }
}

#[test]
fn a_damaged_manifest_is_not_guessed_at() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 1);
    drop(archive);
    let path = dir.path().join("manifest.jsonl");
    let mut manifest = File::options().append(true).open(path).unwrap();
    manifest.write_all(b"{\"id\":\n").unwrap();
    let error = Archive::open(dir.path()).unwrap_err();
    assert!(matches!(error, ArchiveError::Manifest { line: 3, .. }));
    assert!(error.to_string().starts_with("line 3 of manifest.jsonl"));
}

#[test]
fn one_process_writes_at_a_time() {
    let (dir, archive) = archive();
    let error = Archive::open(dir.path()).unwrap_err();
    assert!(matches!(error, ArchiveError::Locked { .. }), "{error}");
    drop(archive);
    Archive::open(dir.path()).unwrap();
}

#[test]
fn the_last_line_of_an_item_counts() {
    let (dir, mut archive) = archive();
    feed(archive.sink(&ITEMS[..1]), "", 1);
    assert_eq!(settle(&mut archive)[0].attempts, 1);
    assert!(!archive.is_done("first"));
    assert_eq!(states(dir.path()), ["Failed"]);
    fill(&mut archive, 1);
    assert_eq!(archive.attempts("first"), 2);
    assert_eq!(states(dir.path()), ["Intact"]);
    drop(archive);
    let archive = Archive::open(dir.path()).unwrap();
    assert!(archive.is_done("first"));
    assert_eq!(archive.attempts("first"), 2);
    assert_eq!(archive.entry("first").unwrap().unwrap().bytes, 32);
    assert_eq!(archive.entry("second").unwrap(), None);
}

/// What was published, in its order: index, error, suspect.
fn published(archive: &mut Archive) -> Vec<(u32, Option<String>, bool)> {
    let entries = settle(archive).into_iter();
    entries
        .map(|entry| (entry.index, entry.error, entry.suspect))
        .collect()
}

#[test]
fn what_precedes_a_truncation_is_suspect() {
    let (_dir, mut archive) = archive();
    let response = answer(2) + "=== Truncated Data ===";
    // A payload that was not looked at may be anything.
    let options = Options::new()
        .items(2)
        .integrity(exportitems::IntegrityPolicy::Off);
    let mut decoder = Decoder::<[u8; 512]>::new(options);
    let mut sink = archive.sink(&ITEMS[..2]);
    let _ = decoder.feed(&mut response.as_bytes(), &mut sink);
    let _ = decoder.finish_into(&mut sink);
    assert_eq!(
        published(&mut archive),
        [(1, Some("truncated".to_owned()), false), (0, None, true)]
    );
    assert!(!archive.is_done("first"));
}

#[test]
fn a_response_without_its_request_is_named_by_position() {
    let (dir, mut archive) = archive();
    feed(archive.sink_by_index(), &answer(2), 2);
    settle(&mut archive);
    let names = files(&dir.path().join("items"));
    let names: Vec<_> = names.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["00000000.fts", "00000001.fts"]);
    assert_eq!(states(dir.path()), ["Intact", "Intact"]);
}

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

pub(crate) fn states(dir: &Path) -> Vec<String> {
    let mut states = Vec::new();
    verify(dir, |finding| {
        states.push(match finding {
            Finding::Payload { state, .. } | Finding::Older { state, .. } => format!("{state:?}"),
            Finding::Failed { .. } => "Failed".to_owned(),
            Finding::WithoutEntry { path } => format!("WithoutEntry {}", display_path(path)),
            other => panic!("{other:?}"),
        });
    })
    .unwrap();
    states
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

#[test]
fn a_line_without_end_is_refused() {
    let (dir, archive) = archive();
    drop(archive);
    let manifest = dir.path().join("manifest.jsonl");
    fs::write(&manifest, vec![b' '; 3 << 20]).unwrap();
    for error in [
        Archive::open(dir.path()).unwrap_err(),
        verify(dir.path(), |_| ()).unwrap_err(),
    ] {
        assert!(
            matches!(error, ArchiveError::Manifest { line: 1, .. }),
            "{error}"
        );
        let text = error_chain(&error);
        assert!(text.contains("longer than"), "{text}");
    }
}

/// Items whose answered id is another one are final only at the end, whenever the process is killed.
#[test]
fn a_kill_before_the_end_leaves_an_unconfirmed_item_due() {
    for (answered, is_due) in [("answered0", true), ("first", false)] {
        let (dir, archive) = archive();
        let response = answer_of([message(answered), message("second")]);
        let options = Options::new().items(2);
        let mut decoder = Decoder::<[u8; 512]>::new(options);
        let mut sink = archive.sink(&ITEMS[..2]);
        let end = response.rfind("<m:Data>").unwrap();
        decoder
            .feed(&mut &response.as_bytes()[..end], &mut sink)
            .unwrap();
        drop(sink);
        drop(archive);
        let mut archive = Archive::open(dir.path()).unwrap();
        assert_eq!(archive.is_done("first"), !is_due);
        let expected = if is_due {
            ItemState::Suspect
        } else {
            ItemState::Done
        };
        assert_eq!(archive.state(&ITEMS[0]), expected);
        assert_eq!(states(dir.path())[0], "Intact", "its bytes are kept");
        fill(&mut archive, 1);
        assert!(archive.is_done("first"));
    }
}

/// The count is wrong: only those that are answered by their own id are confirmed.
#[test]
fn a_response_with_another_number_of_messages_confirms_by_id_only() {
    let (dir, mut archive) = archive();
    let messages = ["unknown", "second", "other", "extra"].map(message);
    feed(archive.sink(&ITEMS), &answer_of(messages), 3);
    let published = published(&mut archive);
    assert_eq!(
        published,
        [(0, None, true), (1, None, false), (2, None, true)]
    );
    let expected = [ItemState::Suspect, ItemState::Done, ItemState::Suspect];
    assert_eq!(ITEMS.map(|item| archive.state(&item)), expected);
    assert_eq!(states(dir.path()), ["Intact"; 3]);
}

#[test]
fn an_id_of_another_item_or_of_two_is_not_believed() {
    let (_dir, mut archive) = archive();
    feed(
        archive.sink(&ITEMS),
        &answer_of(["second", "first", "third"].map(message)),
        3,
    );
    let contradiction = Some("contradiction".to_owned());
    assert_eq!(
        published(&mut archive),
        [
            (0, contradiction.clone(), false),
            (1, contradiction, false),
            (2, None, false)
        ]
    );
    let messages = ["same", "same", "third"].map(message);
    let (_dir, mut archive) = self::archive();
    feed(archive.sink(&ITEMS), &answer_of(messages), 3);
    assert_eq!(
        published(&mut archive),
        [(0, None, true), (1, None, true), (2, None, false)]
    );
}

/// 26: nothing that is not proven whole is final in a response that did not end well.
#[test]
fn a_cut_confirms_only_what_is_whole() {
    for (integrity, is_suspect) in [
        (exportitems::IntegrityPolicy::Off, true),
        (exportitems::IntegrityPolicy::Accept, false),
    ] {
        let (_dir, mut archive) = archive();
        let response = answer_of(["first", "second"].map(message));
        let cut = response.rfind("<m:Data>").unwrap();
        let options = Options::new().items(2).integrity(integrity);
        let mut decoder = Decoder::<[u8; 512]>::new(options);
        let mut sink = archive.sink(&ITEMS[..2]);
        let _ = decoder.feed(&mut &response.as_bytes()[..cut], &mut sink);
        let _ = decoder.finish_into(&mut sink);
        assert_eq!(
            published(&mut archive),
            [(1, Some("cut".to_owned()), false), (0, None, is_suspect)]
        );
        assert_eq!(archive.is_done("first"), !is_suspect);
    }
}

/// A request for a newer version that fails leaves the version that the archive holds.
#[test]
fn a_version_that_is_whole_is_kept_until_there_is_a_better_one() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 1);
    let newer = [ItemId {
        change_key: Some("newer"),
        ..ITEMS[0]
    }];
    let same = ItemId {
        change_key: Some("key"),
        ..ITEMS[0]
    };
    assert_eq!(archive.state(&same), ItemState::Done);
    assert_eq!(archive.state(&newer[0]), ItemState::Changed);
    let file = files(&dir.path().join("items"))[0].clone();
    let old = fs::read(&file).unwrap();

    // Cut, and answered by one message too many.
    feed(archive.sink(&newer), "", 1);
    let twice = answer_of(["x", "y"].map(message)).replace("AAEAAAA=", "AAIAAAA=");
    feed(archive.sink(&newer), &twice, 1);
    let reported = settle(&mut archive);
    assert!(reported.iter().all(|entry| entry.status == Status::Failed));
    assert_eq!(archive.state(&newer[0]), ItemState::Changed);
    assert!(archive.is_done("first"));
    assert_eq!(fs::read(&file).unwrap(), old);
    assert_eq!(states(dir.path()), ["Intact"]);

    // Confirmed, before the end and at it. Each version has a file of its own.
    let mut versions = vec![file.clone()];
    for (id, byte) in [("first", "AAIAAAA="), ("x", "AAMAAAA=")] {
        let response = answer_of([message(id)]).replace("AAEAAAA=", byte);
        feed(archive.sink(&newer), &response, 1);
        let entry = settle(&mut archive).remove(0);
        assert_eq!(
            archive.state(&newer[0]),
            ItemState::Done,
            "as it was listed"
        );
        versions.push(dir.path().join(entry.file.unwrap()));
        assert_eq!(fs::read(&file).unwrap(), old);
        assert_eq!(states(dir.path()), vec!["Intact"; versions.len()]);
    }
    versions.sort();
    versions.dedup();
    assert_eq!(files(&dir.path().join("items")), versions);
    assert_eq!(versions.len(), 3);
    drop(archive);
    let archive = Archive::open(dir.path()).unwrap();
    assert_eq!(archive.state(&newer[0]), ItemState::Done);
}

/// A suspect item keeps its bytes, even if later requests for it fail.
#[test]
fn a_suspect_is_kept_until_it_is_confirmed() {
    let (dir, mut archive) = archive();
    feed(
        archive.sink(&ITEMS[..1]),
        &answer_of(["x", "y"].map(message)),
        1,
    );
    settle(&mut archive);
    feed(archive.sink(&ITEMS[..1]), "", 1);
    let entry = settle(&mut archive).remove(0);
    assert_eq!(
        (entry.status, entry.suspect, entry.error.as_deref()),
        (Status::Ok, true, Some("not-answered"))
    );
    assert_eq!(archive.state(&ITEMS[0]), ItemState::Suspect);
    assert_eq!(states(dir.path()), ["Intact"]);
    fill(&mut archive, 1);
    assert!(archive.is_done("first"));
}

#[test]
fn messages_that_were_not_requested_leave_no_line() {
    let (dir, mut archive) = archive();
    let messages = (0..5000).map(|index| message(&format!("id{index}")));
    let messages = [message("first")].into_iter().chain(messages);
    let mut sink = archive.sink(&ITEMS[..1]);
    feed(&mut sink, &answer_of(messages), 1);
    assert_eq!(sink.unrequested(), 5000);
    assert_eq!(settle(&mut archive).len(), 1);
    assert!(archive.is_done("first"));
    let manifest = fs::read_to_string(dir.path().join("manifest.jsonl")).unwrap();
    assert_eq!(manifest.lines().count(), 2, "the header and the item");
    assert_eq!(files(&dir.path().join("items")).len(), 1);
}

/// An outcome that belongs to other bytes than those that were written commits nothing.
#[test]
fn an_outcome_is_compared_with_what_was_written() {
    let (dir, mut archive) = archive();
    // The outcome of a whole item of 32 bytes at index 0.
    let mut outcome = None;
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new().items(1));
    let response = answer(1);
    let mut input = response.as_bytes();
    loop {
        let event = match decoder.next_event(&mut input).unwrap() {
            None => decoder.finish().unwrap(),
            event => event,
        };
        match event {
            Some(Event::Outcome(found)) => outcome = Some(found),
            Some(_) => {}
            None => break,
        }
    }
    let outcome = outcome.unwrap();
    for (index, bytes, fits) in [
        (1, 32, false),
        (0, 31, false),
        (0, 64, false),
        (0, 32, true),
    ] {
        let mut sink = archive.sink(&ITEMS);
        sink.begin(index, ResponseItemId::default()).unwrap();
        sink.write(&vec![1; bytes]).unwrap();
        let committed = sink.commit(&outcome);
        assert_eq!(committed.is_ok(), fits, "{index} {bytes}");
        if let Err(error) = committed {
            assert!(
                matches!(error, ArchiveError::Mismatch { index: 0 }),
                "{error}"
            );
        }
    }
    settle(&mut archive);
    drop(archive);
    assert!(states(dir.path()).len() <= 1);
}

/// The manifest keeps the properties of an item, also when a later request comes without them.
#[test]
fn the_properties_of_an_item_are_in_its_line() {
    let (dir, mut archive) = archive();
    let mut info = ItemInfo::default();
    info.folder = Some(folder_path(["Inbox", "2025/26"]));
    info.associated = Some(false);
    info.subject = Some("Grüße".to_owned());
    info.size = Some(4711);
    let infos = vec![ItemInfo::default(), info.clone()];
    let answer = answer_of(ITEMS[..2].iter().map(|item| message(item.id)));
    feed(archive.sink(&ITEMS[..2]).describe(infos), &answer, 2);
    settle(&mut archive);
    let manifest = fs::read_to_string(dir.path().join("manifest.jsonl")).unwrap();
    let lines: Vec<_> = manifest.lines().skip(1).collect();
    assert!(!lines[0].contains(r#""item":"#), "{}", lines[0]);
    let expected =
        r#""item":{"folder":"Inbox/2025\\/26","associated":false,"subject":"Grüße","size":4711}"#;
    assert!(lines[1].contains(expected), "{}", lines[1]);

    // Confirmed again, failed, and read by another process.
    fill(&mut archive, 2);
    feed(archive.sink(&ITEMS[1..2]), "", 1);
    settle(&mut archive);
    drop(archive);
    let archive = Archive::open(dir.path()).unwrap();
    assert_eq!(archive.entry("second").unwrap().unwrap().item, info);
}

/// Several threads write responses at once, and one of them waits for the disk. Everything is there once.
#[test]
fn several_threads_write_into_one_archive() {
    const THREADS: usize = 8;
    const RESPONSES: usize = 12;
    let (dir, archive) = archive();
    let ids: Vec<Vec<String>> = (0..THREADS * RESPONSES)
        .map(|response| (0..5).map(|item| format!("{response}-{item}")).collect())
        .collect();
    let reported = std::thread::scope(|scope| {
        for part in ids.chunks(RESPONSES) {
            let archive = &archive;
            scope.spawn(move || {
                for (number, ids) in part.iter().enumerate() {
                    let items: Vec<_> = ids.iter().map(|id| ItemId::new(id)).collect();
                    // Some answer with other ids, so only their end confirms them, and some are cut in the last item.
                    let answered = |id: &String| match number % 3 {
                        1 => message(&format!("other {id}")),
                        _ => message(id),
                    };
                    let response = answer_of(ids.iter().map(answered));
                    let end = match number % 3 {
                        2 => response.rfind("AAEAAAA=").unwrap(),
                        _ => response.len(),
                    };
                    feed(archive.sink(&items), &response[..end], items.len());
                }
            });
        }
        let mut reported = Vec::new();
        while reported.len() < THREADS * RESPONSES * 5 {
            reported.extend(archive.wait_published().unwrap());
        }
        reported
    });
    assert_eq!(archive.wait_published().unwrap(), None);
    let cut = |entry: &&Entry| entry.error.as_deref() == Some("cut");
    assert_eq!(reported.iter().filter(cut).count(), THREADS * RESPONSES / 3);
    let is_done = |archive: &Archive, entry: &Entry| archive.is_done(entry.id.as_deref().unwrap());
    for entry in &reported {
        assert_eq!(is_done(&archive, entry), entry.is_done(), "{entry:?}");
    }
    drop(archive);
    let archive = Archive::open(dir.path()).unwrap();
    for entry in &reported {
        assert_eq!(is_done(&archive, entry), entry.is_done(), "{entry:?}");
        assert_eq!(archive.attempts(entry.id.as_deref().unwrap()), 1);
    }
    drop(archive);
    let states = states(dir.path());
    let intact = states.iter().filter(|state| *state == "Intact").count();
    assert_eq!(intact, THREADS * RESPONSES * 5 - THREADS * RESPONSES / 3);
    assert_eq!(states.len(), THREADS * RESPONSES * 5);
}
