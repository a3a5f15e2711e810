//! The state of an archive after responses, interruptions and damage.

mod confirm;
mod folder;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use exportitems::{Decoder, Event, ItemId, Options, ResponseItemId, Sink};
use exportitems_std::archive::{
    display_path, folder_path, verify, ArchiveError, Entry, Finding, ItemInfo, Status,
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
