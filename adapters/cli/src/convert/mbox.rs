//! mbox files that a later run continues.
//!
//! Messages are appended in place. A log lists each message, with the length of its file after it. What follows the last
//! listed message is the start of one that a run did not finish, and the next run cuts it off.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exportitems_convert::eml::Options;
use exportitems_convert::{mbox, Item, Source, Warning};
use serde::{Deserialize, Serialize};

use crate::status::Failure;

/// The name of the log.
const LOG: &str = "mbox.jsonl";

/// How long a message may wait for its line in the log. A run that is killed repeats the messages of this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// A line of the log.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// The path of the mbox file, relative to the log.
    mbox: PathBuf,
    /// The length of the file in bytes.
    length: u64,
    event: Event,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    /// A run begins to append. A file of length 0 is new.
    Opened,
    /// The message of this item is complete.
    Appended(String),
    /// The run has ended, and mail programs may change the file.
    Closed,
}

/// The mbox files of a directory.
#[derive(Debug)]
pub(super) struct Mboxes {
    dir: PathBuf,
    log: File,
    /// The length of the log, up to its last complete line.
    log_length: u64,
    /// By their paths, relative to the directory.
    files: BTreeMap<PathBuf, Mbox>,
    /// Lines that the log does not have yet.
    waiting: Vec<Line>,
    written: Instant,
}

#[derive(Debug, Default)]
struct Mbox {
    /// The items whose messages were appended, by what makes them unique.
    items: HashSet<String>,
    /// The length of the file, up to the end of its last complete message.
    length: u64,
    /// Whether a run has begun to append and not ended.
    is_open: bool,
    /// Whether messages are not durable yet.
    is_dirty: bool,
}

impl Mboxes {
    /// Opens the log of a directory, and cuts off what an interrupted run has begun.
    pub(super) fn open(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(LOG);
        let local = local(&path);
        let mut log = writable(&path).map_err(&local)?;
        match log.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Local(format!(
                    "{}: another run is writing mbox files here; wait until it has ended",
                    dir.display()
                )))
            }
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(local(error)),
        }
        let mut text = Vec::new();
        log.read_to_end(&mut text).map_err(&local)?;
        // The last line may not have been written to its end.
        let end = text.iter().rposition(|byte| *byte == b'\n');
        text.truncate(end.map_or(0, |end| end + 1));
        let mut all = Self {
            dir: dir.to_owned(),
            log,
            log_length: text.len() as u64,
            files: BTreeMap::new(),
            waiting: Vec::new(),
            written: Instant::now(),
        };
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            let line = serde_json::from_slice(line).map_err(|error| {
                Failure::Local(format!(
                    "{}, line {number}: {error}; move this file and the mbox files away to convert all items again",
                    path.display()
                ))
            })?;
            all.read(line);
        }
        all.recover()?;
        Ok(all)
    }

    /// Appends an item to an mbox file. Returns the warnings, or `None` if an earlier run has appended it.
    ///
    /// `name` is that of the item in messages.
    pub(super) fn append(
        &mut self,
        target: &Path,
        unique: &str,
        item: &Item,
        source: &mut dyn Source,
        name: &str,
        options: &Options,
    ) -> Result<Option<Vec<Warning>>, Failure> {
        let path = self.dir.join(target);
        let local = local(&path);
        if self.has(target, unique) {
            return Ok(None);
        }
        self.begin(target)?;
        let mbox = self.files.entry(target.to_owned()).or_default();
        let file = mbox.file(&path).map_err(&local)?;
        let mut out = BufWriter::with_capacity(64 << 10, file);
        let warnings = mbox::append(item, source, &mut out, options)
            .map_err(|error| Failure::local(name, &error))?;
        out.flush().map_err(&local)?;
        mbox.length = out.get_mut().stream_position().map_err(&local)?;
        mbox.is_dirty = true;
        mbox.items.insert(unique.to_owned());
        self.waiting.push(Line {
            mbox: target.to_owned(),
            length: mbox.length,
            event: Event::Appended(unique.to_owned()),
        });
        if self.written.elapsed() >= INTERVAL {
            self.write()?;
        }
        Ok(Some(warnings))
    }

    fn has(&self, target: &Path, unique: &str) -> bool {
        let mbox = self.files.get(target);
        mbox.is_some_and(|mbox| mbox.items.contains(unique))
    }

    /// Logs that this run appends to a file, before it does.
    fn begin(&mut self, target: &Path) -> Result<(), Failure> {
        let mbox = self.files.entry(target.to_owned()).or_default();
        if mbox.is_open {
            return Ok(());
        }
        let path = self.dir.join(target);
        let local = local(&path);
        fs::create_dir_all(path.parent().unwrap_or(&self.dir)).map_err(&local)?;
        let mut file = writable(&path).map_err(&local)?;
        let length = file.metadata().map_err(&local)?.len();
        if length > 0 && mbox.items.is_empty() {
            return Err(Failure::Local(format!(
                "{}: the file was not written by this command, or {LOG} was lost; move it away",
                path.display()
            )));
        }
        mbox.length = end_line(&mut file, length).map_err(&local)?;
        mbox.is_open = true;
        self.waiting.push(Line {
            mbox: target.to_owned(),
            length: mbox.length,
            event: Event::Opened,
        });
        self.write()
    }

    /// Writes what the log lacks, and closes the files.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.write()?;
        for (target, mbox) in self.files.iter().filter(|(_, mbox)| mbox.is_open) {
            let path = self.dir.join(target);
            mbox.file(&path).map_err(local(&path))?;
            self.waiting.push(Line {
                mbox: target.clone(),
                length: mbox.length,
                event: Event::Closed,
            });
        }
        self.write()
    }

    /// Makes the messages durable, and then their lines.
    fn write(&mut self) -> Result<(), Failure> {
        for (target, mbox) in self.files.iter_mut().filter(|(_, mbox)| mbox.is_dirty) {
            let path = self.dir.join(target);
            let synced = mbox.file(&path).and_then(|file| file.sync_data());
            synced.map_err(local(&path))?;
            mbox.is_dirty = false;
        }
        let path = self.dir.join(LOG);
        let mut text = Vec::new();
        for line in &self.waiting {
            serde_json::to_writer(&mut text, line).map_err(|error| local(&path)(error.into()))?;
            text.push(b'\n');
        }
        // Lines that a full disk has cut are written again.
        let written = (self.log.set_len(self.log_length))
            .and_then(|()| self.log.seek(SeekFrom::Start(self.log_length)))
            .and_then(|_| self.log.write_all(&text))
            .and_then(|()| self.log.sync_data());
        written.map_err(local(&path))?;
        self.log_length += text.len() as u64;
        self.waiting.clear();
        self.written = Instant::now();
        Ok(())
    }

    /// Applies a line of the log.
    fn read(&mut self, line: Line) {
        let mbox = self.files.entry(line.mbox).or_default();
        mbox.length = line.length;
        mbox.is_open = true;
        match line.event {
            Event::Opened if line.length == 0 => mbox.items.clear(),
            Event::Opened => {}
            Event::Appended(item) => {
                mbox.items.insert(item);
            }
            Event::Closed => mbox.is_open = false,
        }
    }

    /// Compares the files with the log.
    fn recover(&mut self) -> Result<(), Failure> {
        for (target, mbox) in &mut self.files {
            let path = self.dir.join(target);
            match fs::metadata(&path).map(|metadata| metadata.len()) {
                Ok(length) if mbox.is_open && length < mbox.length => {
                    return Err(Failure::Local(format!(
                        "{}: the file has become shorter after a run was interrupted; \
                         move it away to convert its items again",
                        path.display()
                    )))
                }
                Ok(1..) if mbox.is_open => {
                    mbox.file(&path).map_err(local(&path))?;
                }
                Ok(1..) => {}
                // The items of a file that is gone are converted again.
                Ok(0) => *mbox = Mbox::default(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => *mbox = Mbox::default(),
                Err(error) => return Err(local(&path)(error)),
            }
        }
        Ok(())
    }
}

impl Mbox {
    /// The file, at the end of its last complete message; nothing follows there.
    fn file(&self, path: &Path) -> io::Result<File> {
        let mut file = writable(path)?;
        if file.metadata()?.len() > self.length {
            file.set_len(self.length)?;
        }
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    }
}

fn local(path: &Path) -> impl Fn(io::Error) -> Failure + '_ {
    |error| Failure::local(&path.display().to_string(), &error)
}

/// Opens a file that only its owner can read, and creates it if it does not exist.
fn writable(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Ends the last message of a file with an empty line, which another program may have removed. Returns the length.
fn end_line(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = [b'\n'; 2];
    let start = length.saturating_sub(2);
    file.seek(SeekFrom::Start(start))?;
    if length >= 2 {
        file.read_exact(&mut end)?;
    }
    let missing: &[u8] = match end {
        [b'\n', b'\n'] => b"",
        [_, b'\n'] => b"\n",
        _ => b"\n\n",
    };
    file.seek(SeekFrom::End(0))?;
    file.write_all(missing)?;
    Ok(length + missing.len() as u64)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Cursor;
    use std::path::Path;

    use exportitems_convert::eml::Options;
    use exportitems_convert::Item;
    use exportitems_emulator::payload;

    use super::{Mboxes, LOG};

    /// Appends three items to two files, and returns what the files and the log contain.
    fn run(dir: &Path) -> [Vec<u8>; 3] {
        let mut mboxes = Mboxes::open(dir).unwrap();
        for (seed, target) in [(1, "a.mbox"), (2, "b/c.mbox"), (3, "a.mbox")] {
            let mut file = Cursor::new(payload(seed, 2_000).unwrap());
            let item = Item::read(&mut file).unwrap();
            let unique = item.hash();
            let (target, options) = (Path::new(target), Options::default());
            (mboxes.append(target, &unique, &item, &mut file, "item", &options)).unwrap();
        }
        mboxes.finish().unwrap();
        ["a.mbox", "b/c.mbox", LOG].map(|name| fs::read(dir.join(name)).unwrap())
    }

    /// A run may end between any two bytes that it writes. The log follows the messages.
    #[test]
    fn an_interrupted_run_is_continued() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b, log] = run(dir.path());
        assert!(a.starts_with(b"From ") && b.starts_with(b"From "));
        let lines = (0..=log.len()).filter(|end| *end == 0 || log[end - 1] == b'\n');
        let cuts = lines.flat_map(|end| [end.saturating_sub(1), end, (end + 9).min(log.len())]);
        for cut in cuts {
            let kept = &log[..cut];
            let text = String::from_utf8_lossy(kept);
            let complete = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
            for extra in [0, 700, usize::MAX] {
                let dir = tempfile::tempdir().unwrap();
                fs::create_dir(dir.path().join("b")).unwrap();
                fs::write(dir.path().join(LOG), kept).unwrap();
                for (name, whole) in [("a.mbox", &a), ("b/c.mbox", &b)] {
                    let mut lines = complete.lines().filter(|line| line.contains(name));
                    let Some(last) = lines.next_back() else {
                        continue;
                    };
                    let last: serde_json::Value = serde_json::from_str(last).unwrap();
                    let length = usize::try_from(last["length"].as_u64().unwrap()).unwrap();
                    let end = length.saturating_add(extra).min(whole.len());
                    fs::write(dir.path().join(name), &whole[..end]).unwrap();
                }
                let [again_a, again_b, _] = run(dir.path());
                assert!(again_a == a && again_b == b, "{cut} {extra}");
                assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
            }
        }
    }

    #[test]
    fn files_that_others_have_changed() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b, log] = run(dir.path());
        let [path_a, path_b, path_log] = ["a.mbox", "b/c.mbox", LOG].map(|it| dir.path().join(it));
        // A mail program has appended, and the other file was removed.
        let appended = [&a[..], b"From x\n\ny"].concat();
        fs::write(&path_a, &appended).unwrap();
        fs::remove_file(path_b).unwrap();
        let [now_a, now_b, _] = run(dir.path());
        assert!(now_a == appended && now_b == b);
        // One message is removed from the log, so it is appended again.
        let text = String::from_utf8(log).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        fs::write(
            &path_log,
            [lines[0], lines[1], lines[2], lines[3], lines[5], lines[6]].concat(),
        )
        .unwrap();
        let [now_a, ..] = run(dir.path());
        assert!(now_a.starts_with(&[&appended[..], b"\n\nFrom "].concat()));
        // Without the log, nothing is known about the files.
        fs::remove_file(&path_log).unwrap();
        let mut mboxes = Mboxes::open(dir.path()).unwrap();
        assert!(mboxes.begin(Path::new("a.mbox")).is_err());
        drop(mboxes);
        // A file that was written to is shorter.
        fs::write(&path_log, lines[..2].concat()).unwrap();
        fs::write(&path_a, b"From").unwrap();
        assert!(Mboxes::open(dir.path()).is_err());
    }
}
