//! The command `restore`, between two emulated mailboxes.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use common::{command, json, run, status, stderr, stdout};
use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_emulator::{Change, Emulator, ItemRange, Scenario};
use exportitems_std::backup::{Backup, Exported};
use exportitems_std::list::ListedItem;
use exportitems_std::{Archive, Client, ClientError};
use serde_json::Value;

const ADDRESS: &str = "pat@example.test";

/// A mailbox in another language than that of the target, with items of all sizes.
const SOURCE: &str = r#"
    [[mailboxes]]
    address = "pat@example.test"
    [[mailboxes.folder]]
    path = "Posteingang"
    distinguished = "inbox"
    items = 12
    associated = 2
    sizes = [300, 700, 5000, 30000]
    [[mailboxes.folder]]
    path = 'Posteingang/2025\/26'
    items = 3
    [[mailboxes.folder]]
    path = "Termine"
    class = "IPF.Appointment"
    items = 2
    [[mailboxes.folder]]
    path = "Groß"
    items = 1
    sizes = [3000000]
"#;

const TARGET: &str = "[[mailboxes]]\naddress = \"pat@example.test\"\nguid = \"11111111-2222-4333-8444-555555555555\"\n";

fn start(scenario: &str) -> Emulator {
    let scenario = Scenario::from_toml(scenario).unwrap();
    Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// Backs up a whole mailbox into a folder.
fn back_up(emulator: &Emulator, folder: &Path) {
    let archive = Archive::open(folder).unwrap();
    let mut client = Client::builder(&emulator.url()).build().unwrap();
    let mut export = |client: &mut Client, items: Vec<ListedItem>| {
        for items in items.chunks(100) {
            let ids: Vec<_> = items.iter().map(|item| ItemId::new(&item.id)).collect();
            let infos = items.iter().map(|item| item.info.clone()).collect();
            let mut sink = archive.sink(&ids).describe(infos);
            client.export(&RequestHeaders::new(), &ids, &mut sink, Options::new())?;
            drop(sink);
            while archive.wait_published().unwrap().is_some() {}
        }
        Ok::<_, ClientError>(Exported::default())
    };
    let backup = Backup::new(&archive, RequestHeaders::new()).associated(true);
    let report = backup.run(&mut client, &mut export, &mut |_| ()).unwrap();
    assert!(report.is_explained());
}

fn restore(emulator: &Emulator, folder: &Path, options: &[&str]) -> std::process::Output {
    let url = emulator.url();
    command(&["restore", "--url", &url, "--json"])
        .arg(folder)
        .args(options)
        .output()
        .unwrap()
}

/// The number of items with each folder, payload and kind in an archive.
fn contents(archive: &Path) -> BTreeMap<(String, String, bool), usize> {
    let mut contents = BTreeMap::new();
    for line in fs::read_to_string(archive.join("manifest.jsonl"))
        .unwrap()
        .lines()
    {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["status"] == "ok" {
            let folder = line["item"]["folder"].as_str().unwrap();
            let folder = folder.replace("Posteingang", "Inbox");
            let sha256 = line["sha256"].as_str().unwrap().to_owned();
            let associated = line["item"]["associated"] == true;
            *contents.entry((folder, sha256, associated)).or_default() += 1;
        }
    }
    contents
}

struct Setup {
    dir: tempfile::TempDir,
    archive: PathBuf,
}

/// An archive of the source.
fn archived() -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("a");
    back_up(&start(SOURCE), &archive);
    Setup { dir, archive }
}

impl Setup {
    /// Fails unless the target has exactly the items of the archive.
    fn is_restored_to(&self, target: &Emulator) {
        let again = self.dir.path().join(format!(
            "b{}",
            fs::read_dir(self.dir.path()).unwrap().count()
        ));
        back_up(target, &again);
        assert_eq!(contents(&again), contents(&self.archive));
    }
}

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

#[test]
fn a_cut_makes_no_copies_and_loses_nothing() {
    let setup = archived();
    let rule = |answer: &str, times: u32| {
        format!("[[request]]\noperation = 'UploadItems'\ntimes = {times}\nanswer = {answer}\n")
    };
    for rules in [
        rule("'hang-up'", 1),
        rule("'hang-up-after'", 1),
        // The response is cut in its first or a later message.
        rule("{ items = { cut-after = 700 } }", 1) + &rule("{ items = { cut-after = 1500 } }", 1),
        rule(
            "{ fault = { code = 'ErrorServerBusy', back-off-ms = 1 } }",
            1,
        ),
        rule(
            "{ http = { status = 503, headers = { Retry-After = '0' } } }",
            1,
        ),
    ] {
        let target = start(&format!("{rules}\n{TARGET}"));
        let done = restore(&target, &setup.archive, &[]);
        assert_eq!(status(&done), 0, "{rules}: {}", stderr(&done));
        setup.is_restored_to(&target);
    }
}

#[test]
fn a_killed_restore_is_resumed() {
    let setup = archived();
    let mut random = fastrand::Rng::with_seed(
        std::env::var("RESTORE_SEED").map_or(7, |seed| seed.parse().unwrap()),
    );
    let kills = std::env::var("RESTORE_KILLS").map_or(4, |kills| kills.parse().unwrap());
    for kill in 0..kills {
        let store = setup.dir.path().join(format!("store{kill}"));
        let scenario = format!("[uploads]\nstore = '{}'\n{TARGET}", store.display());
        let archive = setup.dir.path().join(format!("killed{kill}"));
        copy(&setup.archive, &archive);
        let mut target = start(&scenario);
        let is_server_killed = kill % 2 == 1;
        // The command is killed, or the server, which then starts again from its store.
        for _ in 0..3 {
            let mut child = command(&["restore", "--url", &target.url(), "--retry-for", "0"])
                .arg(&archive)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            thread::sleep(Duration::from_millis(random.u64(0..400)));
            if is_server_killed {
                drop(target);
                child.wait().unwrap();
                target = start(&scenario);
            } else {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
        let done = restore(&target, &archive, &[]);
        assert_eq!(status(&done), 0, "{}", stderr(&done));
        let again = setup.dir.path().join(format!("again{kill}"));
        back_up(&target, &again);
        assert_eq!(contents(&again), contents(&setup.archive), "kill {kill}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

#[test]
fn what_cannot_be_restored_says_why() {
    let setup = archived();
    // Too large for the server. The limit is given by an option, or the server refuses the item.
    let target = start(TARGET);
    let done = restore(&target, &setup.archive, &["--largest-request", "1000000"]);
    let (lines, summary) = json(&done);
    assert_eq!((status(&done), &summary["failed"]), (1, &1.into()));
    let failed = lines
        .iter()
        .find(|line| line["status"] == "failed")
        .unwrap();
    assert_eq!(failed["error"], "too-large");
    assert!(failed["message"]
        .as_str()
        .unwrap()
        .contains("maxAllowedContentLength"));
    for (uploads, error) in [
        (
            "largest-request = 1000000\ntoo-large = 'content-too-large'",
            "too-large",
        ),
        ("largest-item = 1000000", "refused"),
    ] {
        let target = start(&format!("[uploads]\n{uploads}\n{TARGET}"));
        let done = restore(&target, &setup.archive, &[]);
        let (lines, summary) = json(&done);
        assert_eq!(
            (status(&done), &summary["restored"]),
            (1, &19.into()),
            "{uploads}"
        );
        let failed = lines
            .iter()
            .find(|line| line["status"] == "failed")
            .unwrap();
        assert_eq!(failed["error"], error);
        assert!(
            failed["message"].as_str().unwrap().contains("raise"),
            "{failed}"
        );
    }
    // A file that was changed.
    let manifest = fs::read_to_string(setup.archive.join("manifest.jsonl")).unwrap();
    let entry = manifest
        .lines()
        .find(|line| line.contains(r#""bytes":5000"#))
        .unwrap();
    let entry: Value = serde_json::from_str(entry).unwrap();
    let file = setup.archive.join(entry["file"].as_str().unwrap());
    let mut bytes = fs::read(&file).unwrap();
    bytes[4000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let target = start(&TARGET.replace("5555\"", "5556\""));
    let done = restore(&target, &setup.archive, &[]);
    let (_, summary) = json(&done);
    assert_eq!((status(&done), &summary["failed"]), (4, &1.into()));
}

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
        (0, 14, Some("Inbox".to_owned()))
    );
    let into = chosen(&["--folder", "Termine", "--into", r"Old/2025\/26"]);
    assert_eq!(into, (0, 2, Some(r"Old/2025\/26/Termine".to_owned())));
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
