//! Simulates a power cut at any instant of an export: the system calls of a real run are replayed onto a disk
//! that keeps only what was synced.
//!
//! POSIX promises only this: the bytes of a file are on the disk after `fsync` or `fdatasync` of
//! the file, and a name is there after `fsync` of its directory.
//! Any combination of other changes may survive or be lost.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
use serde_json::Value;

#[path = "../../../tests/src/data.rs"]
mod data;

const SYSTEM_CALLS: &str =
    "trace=write,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,\
                            linkat,mkdir,mkdirat,unlink,unlinkat,open,openat,creat,ftruncate";

/// The power fails after each system call of an export. No file that the manifest lists or that the command has
/// reported may then be missing. The same trace without one kind of sync shows losses, which proves that the test
/// would notice if that sync were missing.
#[test]
fn a_power_cut_at_any_instant_loses_nothing_that_was_recorded_or_reported() {
    for scenario in [
        // These items are confirmed as soon as they are whole.
        "",
        // Only the end of the response confirms these items, so they are recorded as suspect until then.
        "[[item]]\nanswered-id = \"omitted\"",
    ] {
        let Some(trace) = Trace::record(scenario) else {
            return;
        };
        let losses = trace.losses(&trace.calls);
        let first = &losses[..losses.len().min(3)];
        assert!(losses.is_empty(), "{} losses: {first:?}", losses.len());
        trace.needs_every_sync();
    }
}

/// The effect of a system call.
#[derive(Clone, Debug)]
enum Call {
    Create(PathBuf),
    MakeDirectory(PathBuf),
    Write(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Remove(PathBuf),
    /// A sync has begun. It covers all earlier writes.
    Sync(PathBuf),
    /// A sync has succeeded.
    Synced(PathBuf),
    /// This many bytes were written to the standard output.
    Print(u64),
}

/// A recorded run.
struct Trace {
    calls: Vec<Call>,
    /// The parent directory of the archive, which existed before.
    top: PathBuf,
    _dir: tempfile::TempDir,
    out: PathBuf,
    manifest: String,
    printed: String,
}

impl Trace {
    /// Runs an export under strace, or returns `None` if strace is not installed.
    fn record(scenario: &str) -> Option<Self> {
        let allowed = Command::new("strace")
            .args(["-o", "/dev/null", "true"])
            .status();
        if !allowed.is_ok_and(|status| status.success()) {
            data::skip_without("no strace, or it may not watch a process");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let (out, ids, file) = (top.join("out"), top.join("ids.txt"), top.join("trace"));
        let scenario = Scenario::from_toml(scenario).unwrap();
        let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
        let sizes = [2_000, 40_000, 600_000];
        let items = (0..24).zip(sizes.into_iter().cycle());
        let lines = items.map(|(seed, size)| item_id(DEFAULT_MAILBOX, seed, size) + "\n");
        fs::write(&ids, lines.collect::<String>()).unwrap();
        let output = Command::new("strace")
            .args([
                "-f",
                "-y",
                "-s",
                "0",
                "-e",
                SYSTEM_CALLS,
                "-e",
                "signal=none",
                "-o",
            ])
            .arg(&file)
            .arg(env!("CARGO_BIN_EXE_exportitems"))
            .args(["export", "--json", "--url", &emulator.url(), "--ids"])
            .arg(&ids)
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{printed}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Some(Self {
            calls: parse(&fs::read_to_string(&file).unwrap(), &top),
            manifest: fs::read_to_string(out.join("manifest.jsonl")).unwrap(),
            top,
            _dir: dir,
            out,
            printed,
        })
    }

    /// The same calls without one kind of sync show losses.
    fn needs_every_sync(&self) {
        let payload = |path: &Path| path.to_string_lossy().contains("/items/") && !path.is_dir();
        let manifest = |path: &Path| path.ends_with("manifest.jsonl");
        let top = |path: &Path| path == self.top;
        let out = |path: &Path| path == self.out;
        let items = |path: &Path| path.ends_with("items");
        let below =
            |path: &Path| path.is_dir() && path.parent().is_some_and(|up| up.ends_with("items"));
        for (what, is) in [
            ("payloads", &payload as &dyn Fn(&Path) -> bool),
            ("the manifest", &manifest),
            ("the directory that the archive is in", &top),
            ("the archive's directory", &out),
            ("the directory of the items", &items),
            ("the directories below it", &below),
        ] {
            let is_other =
                |call: &&Call| !matches!(call, Call::Sync(path) | Call::Synced(path) if is(path));
            let calls: Vec<_> = self.calls.iter().filter(is_other).cloned().collect();
            assert!(calls.len() < self.calls.len(), "{what}: nothing is synced");
            assert!(
                !self.losses(&calls).is_empty(),
                "without the sync of {what} nothing is lost: what is this test worth?"
            );
        }
    }

    /// Returns what is lost by a power cut after one of `calls`.
    fn losses(&self, calls: &[Call]) -> Vec<String> {
        let mut disk = Disk::default();
        let (mut printed, mut losses) = (0, Vec::new());
        let mut reported = 0;
        for (number, call) in calls.iter().enumerate() {
            disk.play(call);
            if let Call::Print(bytes) = call {
                printed += bytes;
                reported = done(&self.printed, printed).len();
            }
            let manifest = self.out.join("manifest.jsonl");
            // All that the manifest records must exist, even if the whole manifest survives.
            let recorded = done(&self.manifest, disk.len(&manifest, |file| file.written));
            // All that was reported must be recorded on the disk.
            let durable = match disk.is_durable(&manifest, &self.top) {
                true => done(&self.manifest, disk.len(&manifest, |file| file.durable)),
                false => Vec::new(),
            };
            let known: HashSet<_> = durable.iter().map(|entry| &entry["sha256"]).collect();
            for entry in done(&self.printed, printed) {
                if !known.contains(&entry["sha256"]) {
                    let index = &entry["index"];
                    losses.push(format!(
                        "call {number}: item {index} is reported, not recorded"
                    ));
                }
            }
            for entry in recorded {
                let file = self.out.join(entry["file"].as_str().unwrap());
                let found = disk.len(&file, |file| file.durable);
                if !disk.is_durable(&file, &self.top) || Some(found) != entry["bytes"].as_u64() {
                    let index = &entry["index"];
                    losses.push(format!(
                        "call {number}: item {index} is recorded, not there"
                    ));
                }
            }
        }
        assert_eq!(reported, 24, "{}", self.printed);
        losses
    }
}

/// Returns the items that are done according to the last complete line of each in the first `bytes`.
fn done(lines: &str, bytes: u64) -> Vec<Value> {
    let text = &lines[..usize::try_from(bytes).unwrap()];
    let lines = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    let mut last = BTreeMap::new();
    for line in lines {
        let value: Value = serde_json::from_str(line).unwrap();
        let id = value["id"].as_str().or_else(|| value["item_id"].as_str());
        if let Some(id) = id {
            last.insert(id.to_owned(), value);
        }
    }
    last.into_values()
        .filter(|value| value["status"] == "ok" && value["suspect"] != true)
        .collect()
}

/// A file, which only grows.
#[derive(Debug, Default)]
struct File {
    written: u64,
    /// The length when the current sync began.
    syncing: u64,
    durable: u64,
}

/// The contents of a disk, and the part that is guaranteed to survive a power cut.
#[derive(Debug, Default)]
struct Disk {
    files: Vec<File>,
    /// Files and directories by name; a directory has no file.
    names: BTreeMap<PathBuf, Option<usize>>,
    durable: BTreeMap<PathBuf, Option<usize>>,
    /// The contents of each directory when its current sync began.
    syncing: HashMap<PathBuf, Vec<(PathBuf, Option<usize>)>>,
}

impl Disk {
    fn play(&mut self, call: &Call) {
        match call {
            Call::Create(path) => {
                if !self.names.contains_key(path) {
                    self.files.push(File::default());
                    self.names.insert(path.clone(), Some(self.files.len() - 1));
                }
            }
            Call::MakeDirectory(path) => {
                self.names.insert(path.clone(), None);
            }
            Call::Write(path, bytes) => {
                if let Some(file) = self.file(path) {
                    file.written += bytes;
                }
            }
            Call::Rename(from, to) => {
                if let Some(node) = self.names.remove(from) {
                    self.names.insert(to.clone(), node);
                }
            }
            Call::Link(from, to) => {
                if let Some(&node) = self.names.get(from) {
                    self.names.insert(to.clone(), node);
                }
            }
            Call::Remove(path) => {
                self.names.remove(path);
            }
            Call::Sync(path) => {
                let held = self.names.iter();
                let held = held.filter(|(name, _)| name.parent() == Some(path));
                let held = held.map(|(name, node)| (name.clone(), *node)).collect();
                match self.file(path) {
                    Some(file) => file.syncing = file.written,
                    None => drop(self.syncing.insert(path.clone(), held)),
                }
            }
            Call::Synced(path) => {
                if let Some(file) = self.file(path) {
                    file.durable = file.durable.max(file.syncing);
                } else if let Some(held) = self.syncing.remove(path) {
                    self.durable.retain(|name, _| name.parent() != Some(path));
                    self.durable.extend(held);
                }
            }
            Call::Print(_) => {}
        }
    }

    fn file(&mut self, path: &Path) -> Option<&mut File> {
        let node = self.names.get(path).copied().flatten()?;
        self.files.get_mut(node)
    }

    fn len(&self, path: &Path, of: impl Fn(&File) -> u64) -> u64 {
        let node = self.names.get(path).copied().flatten();
        node.map_or(0, |node| of(&self.files[node]))
    }

    /// Returns whether the name and all of its parent directories below `top` survive.
    fn is_durable(&self, path: &Path, top: &Path) -> bool {
        let mut above = path.ancestors().take_while(|above| *above != top);
        above.all(|name| {
            self.durable.contains_key(name) && self.durable.get(name) == self.names.get(name)
        })
    }
}

/// Parses the output of strace. Calls that concern neither files below `top` nor the standard output are ignored.
fn parse(trace: &str, top: &Path) -> Vec<Call> {
    let mut calls = Vec::new();
    // strace prints a call in two lines if another thread's call comes between.
    let mut open = HashMap::new();
    for line in trace.lines() {
        let Some((thread, text)) = line.split_once(' ') else {
            continue;
        };
        let text = text.trim_start();
        let whole;
        if let Some((begun, _)) = text.split_once(" <unfinished ...>") {
            calls.extend(begin(begun, top));
            open.insert(thread, begun);
            continue;
        } else if let Some((_, rest)) = text.split_once(" resumed>") {
            let Some(begun) = open.remove(thread) else {
                continue;
            };
            whole = format!("{begun}{rest}");
        } else {
            calls.extend(begin(text, top));
            whole = text.to_owned();
        }
        calls.extend(end(&whole, top));
    }
    calls
}

/// Returns the effect of a call when it begins.
fn begin(text: &str, top: &Path) -> Option<Call> {
    let name = text.split('(').next()?;
    ["fsync", "fdatasync"].contains(&name).then_some(())?;
    Some(Call::Sync(descriptor(text, top)?))
}

/// Returns the effect of a call when it succeeds.
fn end(text: &str, top: &Path) -> Option<Call> {
    let (call, result) = text.rsplit_once(" = ")?;
    (!result.starts_with('-')).then_some(())?;
    let number = || result.split(' ').next()?.parse().ok();
    let names: Vec<PathBuf> = call
        .split('"')
        .skip(1)
        .step_by(2)
        .map(PathBuf::from)
        .collect();
    let below = |name: &PathBuf| name.starts_with(top);
    Some(match call.split('(').next()? {
        "fsync" | "fdatasync" => Call::Synced(descriptor(call, top)?),
        "write" | "writev" | "pwrite64" if call.contains("(1<pipe:") => Call::Print(number()?),
        "write" | "writev" | "pwrite64" => Call::Write(descriptor(call, top)?, number()?),
        "open" | "openat" | "creat" if call.contains("O_CREAT") || call.starts_with("creat") => {
            Call::Create(names.into_iter().find(below)?)
        }
        "mkdir" | "mkdirat" => Call::MakeDirectory(names.into_iter().find(below)?),
        "unlink" | "unlinkat" => Call::Remove(names.into_iter().find(below)?),
        name if name.starts_with("rename") || name.starts_with("link") => {
            let [from, to] = names.try_into().ok()?;
            below(&to).then_some(())?;
            match name.starts_with("rename") {
                true => Call::Rename(from, to),
                false => Call::Link(from, to),
            }
        }
        "ftruncate" => panic!("an archive that is new is cut: {text}"),
        _ => return None,
    })
}

/// Returns the path of the first file descriptor, in the format of `strace -y`.
fn descriptor(text: &str, top: &Path) -> Option<PathBuf> {
    let (_, rest) = text.split_once('<')?;
    let path = PathBuf::from(rest.split('>').next()?);
    path.starts_with(top).then_some(path)
}
