//! Files that appear under their names once they are complete.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::{NamedTempFile, TempPath};

use crate::interrupt;
use crate::status::Failure;

/// A file in the making. A signal removes it.
pub(super) struct Temporary {
    pub(super) out: BufWriter<NamedTempFile>,
    name: String,
    guard: interrupt::Guard,
}

/// A file in the making that is not open.
pub(super) struct Closed {
    path: TempPath,
    name: String,
    guard: interrupt::Guard,
}

impl Closed {
    /// Opens the file to write at its end.
    pub(super) fn open(self) -> Result<Temporary, Failure> {
        let Self { path, name, guard } = self;
        let file = File::options().append(true).open(&path);
        let file = file.map_err(|error| Failure::local(&name, &error))?;
        let file = NamedTempFile::from_parts(file, path);
        Ok(Temporary {
            out: BufWriter::with_capacity(64 * 1024, file),
            name,
            guard,
        })
    }
}

impl Temporary {
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        let name = folder.display().to_string();
        let file = tempfile::Builder::new()
            .prefix(".exportitems-")
            .tempfile_in(folder)
            .map_err(|error| Failure::local(&name, &error))?;
        let path = file.path().to_owned();
        Ok(Self {
            out: BufWriter::with_capacity(64 * 1024, file),
            name,
            guard: interrupt::before_exit(move || {
                let _ = fs::remove_file(path);
            }),
        })
    }

    /// The file itself. What was written to `out` before must have been flushed.
    pub(super) fn file(&mut self) -> &mut File {
        self.out.get_mut().as_file_mut()
    }

    /// Writes what is buffered, and closes the file.
    pub(super) fn close(mut self) -> Result<Closed, Failure> {
        let Self { name, guard, .. } = self;
        let flushed = self.out.flush();
        flushed.map_err(|error| Failure::local(&name, &error))?;
        Ok(Closed {
            path: self.out.into_parts().0.into_temp_path(),
            name,
            guard,
        })
    }

    /// Gives the file its name and its time, in seconds since 1970.
    pub(super) fn publish(mut self, path: &Path, time: Option<u64>) -> Result<(), Failure> {
        let name = self.name;
        let local = |error: std::io::Error| Failure::local(&name, &error);
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
