//! What the archive is after anything that can happen to it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use exportitems::{Decoder, ItemId, ItemIds, Options, Sink};
use exportitems_std::archive::{verify, ArchiveError, Entry, FileState, Status};
use exportitems_std::Archive;
use tempfile::TempDir;

use crate::server::answer;

const ITEMS: [ItemId<'_>; 3] = [
    ItemId::new("first"),
    ItemId::new("second"),
    ItemId::new("third"),
];

/// Archives the first `items` of [`ITEMS`].
fn fill(archive: &mut Archive, items: usize) -> Vec<Entry> {
    feed(archive.sink(&ITEMS[..items]), &answer(items), items);
    settle(archive)
}

fn feed(mut sink: impl Sink<Error = ArchiveError>, response: &str, items: usize) {
    let options = Options::new().items(u32::try_from(items).unwrap());
    let mut decoder = Decoder::<[u8; 512]>::new(options);
    // A response that is cut is an error that the outcomes have told.
    let _ = decoder.feed(&mut response.as_bytes(), &mut sink);
    let _ = decoder.finish_into(&mut sink);
}

fn settle(archive: &mut Archive) -> Vec<Entry> {
    std::iter::from_fn(|| archive.wait_published().unwrap()).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
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

fn archive() -> (TempDir, Archive) {
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
    let line = manifest.lines().nth(1).unwrap();
    for part in [
        r#""status":"ok","index":1,"id":"second","answered_id":"answered","change_key":"key""#,
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
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.status, entry.error.as_deref()))
        .collect();
    let ok = (Status::Ok, None);
    assert_eq!(told, [ok, ok, (Status::Failed, Some("cut"))]);
    assert_eq!(files(&dir.path().join("items")).len(), 2);
    assert!(!archive.is_done("third"));
}

#[test]
fn a_sink_that_is_dropped_leaves_nothing() {
    let (dir, mut archive) = archive();
    let mut sink = archive.sink(&ITEMS);
    sink.begin(0, ItemIds::default()).unwrap();
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
    for cut in 0..=manifest.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("manifest.jsonl"), &manifest[..cut]).unwrap();
        let mut archive = Archive::open(dir.path()).unwrap();
        let lines = manifest[..cut].split(|&byte| byte == b'\n').count() - 1;
        let done = [archive.is_done("first"), archive.is_done("second")];
        assert_eq!(done, [lines > 0, lines > 1], "cut at {cut}");
        if cut % 50 == 0 {
            fill(&mut archive, 3);
            drop(archive);
            assert!(Archive::open(dir.path()).unwrap().is_done("third"));
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
    assert!(matches!(error, ArchiveError::Manifest { line: 2, .. }));
    assert!(error.to_string().contains("manifest.jsonl, line 2"));
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
    fill(&mut archive, 1);
    feed(archive.sink(&ITEMS[..1]), "", 1);
    assert_eq!(settle(&mut archive)[0].attempts, 2);
    assert!(!archive.is_done("first"));
    drop(archive);
    let mut archive = Archive::open(dir.path()).unwrap();
    assert!(!archive.is_done("first"));
    assert_eq!(states(dir.path()), [""; 0]);
    fill(&mut archive, 1);
    assert_eq!(archive.attempts("first"), 3);
    assert_eq!(states(dir.path()), ["Intact"]);
}

#[test]
fn what_follows_a_truncated_response_is_suspect() {
    let (_dir, mut archive) = archive();
    let response = answer(1) + "=== Truncated Data ===";
    // A payload that was not looked at may be anything.
    let options = Options::new()
        .items(2)
        .integrity(exportitems::Integrity::Off);
    let mut decoder = Decoder::<[u8; 512]>::new(options);
    let mut sink = archive.sink(&ITEMS[..2]);
    let response = response.replace(
        "</m:ResponseMessages>",
        &format!("{}</m:ResponseMessages>", item()),
    );
    let _ = decoder.feed(&mut response.as_bytes(), &mut sink);
    let _ = decoder.finish_into(&mut sink);
    let entries = settle(&mut archive);
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.index, entry.error.as_deref(), entry.suspect))
        .collect();
    assert_eq!(
        told,
        [
            (0, None, false),
            (1, Some("truncated"), false),
            (0, None, true)
        ]
    );
    assert!(!archive.is_done("first"));
}

fn item() -> String {
    let (one, two) = (answer(1), answer(2));
    let start = one.find("<m:ExportItemsResponseMessage").unwrap();
    two[start..start + two.len() - one.len()].to_owned()
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

fn states(dir: &Path) -> Vec<String> {
    let mut states = Vec::new();
    verify(dir, |_, state: FileState| states.push(format!("{state:?}"))).unwrap();
    states
}

#[test]
fn a_disk_that_fails_is_said_and_nothing_is_called_done() {
    let (dir, mut archive) = archive();
    // A file where the directory should be.
    fs::write(dir.path().join("items/16"), "").unwrap();
    let mut sink = archive.sink(&ITEMS[1..2]);
    let error = sink.begin(0, ItemIds::default()).unwrap_err();
    assert!(
        matches!(
            error,
            ArchiveError::Io {
                action: "create",
                ..
            }
        ),
        "{error}"
    );
    assert!(!archive.is_done("second"));
}
