//! Files that appear under their names once they are complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::interrupt;
use crate::status::Failure;

/// How the names of files in the making begin.
const PREFIX: &str = ".exportitems-";

/// A file in the making. A signal removes it.
pub(super) struct Temporary {
    pub(super) out: BufWriter<NamedTempFile>,
    name: String,
    _guard: interrupt::Guard,
}

/// Removes files in the making that a killed run has left in a folder.
pub(super) fn remove_orphans(folder: &Path) -> Result<(), Failure> {
    let local = |error: io::Error| Failure::local(&folder.display().to_string(), &error);
    for entry in fs::read_dir(folder).map_err(local)? {
        let entry = entry.map_err(local)?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // A run that is alive has locked its own.
        let is_orphan = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if is_orphan {
            fs::remove_file(entry.path()).map_err(local)?;
        }
    }
    Ok(())
}

impl Temporary {
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        let name = folder.display().to_string();
        let file = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempfile_in(folder)
            .map_err(|error| Failure::local(&name, &error))?;
        // Some network file systems have no locks.
        let _ = file.as_file().try_lock();
        let path = file.path().to_owned();
        Ok(Self {
            out: BufWriter::with_capacity(64 * 1024, file),
            name,
            _guard: interrupt::before_exit(move || {
                let _ = fs::remove_file(path);
            }),
        })
    }

    /// The file itself. What was written to `out` before must have been flushed.
    pub(super) fn file(&mut self) -> &mut File {
        self.out.get_mut().as_file_mut()
    }

    /// Gives the file its name and its time, in seconds since 1970.
    pub(super) fn publish(mut self, path: &Path, time: Option<u64>) -> Result<(), Failure> {
        let name = self.name;
        let local = |error: io::Error| Failure::local(&name, &error);
        self.out.flush().map_err(local)?;
        let (file, _) = self.out.into_parts();
        let time =
            time.and_then(|time| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time)));
        if let Some(time) = time {
            // The content does not depend on it; some file systems know no such times.
            let _ = file.as_file().set_modified(time);
        }
        file.as_file().sync_all().map_err(local)?;
        interrupt::checkpoint();
        file.persist(path)
            .map_err(|error| Failure::local(&path.display().to_string(), &error.error))?;
        Ok(())
    }
}
