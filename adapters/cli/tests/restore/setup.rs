//! The mailboxes, and archives of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use exportitems_emulator::{Emulator, Scenario};
use serde_json::Value;

use crate::common::{command, status, stderr};

pub(crate) const ADDRESS: &str = "pat@example.test";

/// A mailbox in another language than that of the target, with items of all sizes.
pub(crate) const SOURCE: &str = r#"
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

pub(crate) const TARGET: &str = "[[mailboxes]]\naddress = \"pat@example.test\"\nguid = \"11111111-2222-4333-8444-555555555555\"\n";

pub(crate) fn start(scenario: &str) -> Emulator {
    let scenario = Scenario::from_toml(scenario).unwrap();
    Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// Backs up a whole mailbox into a folder.
pub(crate) fn back_up(emulator: &Emulator, folder: &Path) {
    let done = command(&[
        "backup",
        "--associated",
        "--quiet",
        "--url",
        &emulator.url(),
        "--out",
    ])
    .arg(folder)
    .output()
    .unwrap();
    assert_eq!(status(&done), 0, "{}", stderr(&done));
}

pub(crate) fn restore(
    emulator: &Emulator,
    folder: &Path,
    options: &[&str],
) -> std::process::Output {
    let url = emulator.url();
    command(&["restore", "--url", &url, "--json"])
        .arg(folder)
        .args(options)
        .output()
        .unwrap()
}

/// The folder, the digest and the kind of an item.
pub(crate) type Content = (String, String, bool);

/// The number of items of each content in the mailbox at the last run, according to the manifest of an archive.
pub(crate) fn contents(archive: &Path) -> BTreeMap<Content, usize> {
    let (mut items, mut renamed) = (BTreeMap::new(), BTreeMap::new());
    for line in lines(archive) {
        let id = line["id"].to_string();
        if line["type"] == "deleted" {
            items.remove(&id);
        } else if line["type"] == "folder" {
            renamed.insert(line["folder_id"].to_string(), line["folder"].clone());
        } else if line["status"] == "ok" {
            items.insert(id, line);
        }
    }
    let mut contents = BTreeMap::new();
    for line in items.into_values() {
        let item = &line["item"];
        let folder = renamed.get(&item["folder_id"].to_string());
        let folder = folder.unwrap_or(&item["folder"]).as_str().unwrap();
        let folder = folder.replace("Posteingang", "Inbox");
        let sha256 = line["sha256"].as_str().unwrap().to_owned();
        let content = (folder, sha256, item["associated"] == true);
        *contents.entry(content).or_default() += 1;
    }
    contents
}

/// The paths and classes of the folders at the last run.
pub(crate) fn folders(archive: &Path) -> BTreeMap<String, String> {
    let mut folders = BTreeMap::new();
    let mut is_next_run = false;
    for line in lines(archive) {
        is_next_run |= line["type"] == "run";
        if line["type"] == "folder" {
            if std::mem::take(&mut is_next_run) {
                folders.clear();
            }
            let path = line["folder"]
                .as_str()
                .unwrap()
                .replace("Posteingang", "Inbox");
            folders.insert(
                path,
                line["folder_class"].as_str().unwrap_or_default().to_owned(),
            );
        }
    }
    folders
}

/// The files of a directory with their bytes.
pub(crate) fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => dirs.push(path),
                false => drop(files.insert(path.clone(), fs::read(&path).unwrap())),
            }
        }
    }
    files
}

/// The lines of the manifest.
pub(crate) fn lines(archive: &Path) -> Vec<Value> {
    let manifest = fs::read_to_string(archive.join("manifest.jsonl")).unwrap();
    let lines = manifest.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

pub(crate) struct Setup {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) archive: PathBuf,
}

/// An archive of the source.
pub(crate) fn archived() -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("a");
    back_up(&start(SOURCE), &archive);
    Setup { dir, archive }
}

impl Setup {
    /// Fails unless the target has exactly the items of the archive.
    pub(crate) fn is_restored_to(&self, target: &Emulator) {
        let again = self.dir.path().join(format!(
            "b{}",
            fs::read_dir(self.dir.path()).unwrap().count()
        ));
        back_up(target, &again);
        assert_eq!(contents(&again), contents(&self.archive));
        assert_eq!(folders(&again), folders(&self.archive));
    }
}
