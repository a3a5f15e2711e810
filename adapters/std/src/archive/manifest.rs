//! The manifest, a file with one JSON line per outcome, which is only appended to.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::entry::Entry;
use super::error::ArchiveError;
use super::line::Line;
use super::name::hex;
use super::place;
use super::record::{Record, Timed};

/// The file name of the manifest in the archive's directory.
pub(super) const MANIFEST: &str = "manifest.jsonl";

/// The version of the format that this program writes. Manifests of version 1 have no chain and no records.
pub(super) const FORMAT: u32 = 2;

/// The largest number of bytes in a line. An entry has about 900; only an id or a subject can be long.
const LINE_LIMIT: usize = 1024 * 1024;

/// The SHA-256 of a line with its line end, or zeros before the first line.
pub(super) type Link = [u8; 32];

/// The manifest, opened for appending.
pub(super) struct Manifest {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) end: End,
}

/// The end of the last complete line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// The number of bytes up to it.
    pub(super) len: u64,
    /// The hash of the last line.
    pub(super) link: Link,
    /// Whether the manifest has a [`Record::Archive`].
    pub(super) is_chained: bool,
}

/// A complete line of the manifest.
pub(super) struct Complete<'a> {
    /// The number of the line, from 1.
    pub(super) number: u64,
    /// The offset of the line in the manifest.
    pub(super) offset: u64,
    /// The bytes, with the line end.
    pub(super) bytes: &'a [u8],
}

impl Complete<'_> {
    pub(super) fn parse(&self) -> Result<Line<'_>, ArchiveError> {
        self.is_entry(Line::parse(self.bytes))
    }

    /// Reads the whole line as an entry or a record.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ArchiveError> {
        self.is_entry(serde_json::from_slice(self.bytes))
    }

    fn is_entry<T>(&self, parsed: Result<T, serde_json::Error>) -> Result<T, ArchiveError> {
        parsed.map_err(|source| ArchiveError::Manifest {
            line: self.number,
            source,
        })
    }
}

/// Reads all complete lines, and returns where they end.
///
/// A kill or a power cut during a write can leave a last line without a line end. That line is ignored, so its item
/// does not count as done.
pub(super) fn read(
    manifest: impl Read,
    path: &Path,
    mut each: impl FnMut(&Complete<'_>, &Line<'_>) -> Result<(), ArchiveError>,
) -> Result<End, ArchiveError> {
    let mut manifest = BufReader::with_capacity(64 * 1024, manifest);
    let (mut bytes, mut last) = (Vec::new(), Vec::new());
    let mut end = End::default();
    for number in 1.. {
        bytes.clear();
        manifest
            .by_ref()
            .take(LINE_LIMIT as u64)
            .read_until(b'\n', &mut bytes)
            .map_err(ArchiveError::io("read", path))?;
        if bytes.last() != Some(&b'\n') {
            if bytes.len() == LINE_LIMIT {
                return Err(ArchiveError::Manifest {
                    line: number,
                    source: serde_json::Error::io(too_long()),
                });
            }
            break;
        }
        let complete = Complete {
            number,
            offset: end.len,
            bytes: &bytes,
        };
        let line = complete.parse()?;
        if let Some(format) = line.format.filter(|_| line.is_record("archive")) {
            if format > FORMAT {
                return Err(ArchiveError::Format { format });
            }
            end.is_chained = true;
        }
        each(&complete, &line)?;
        end.len += bytes.len() as u64;
        core::mem::swap(&mut bytes, &mut last);
    }
    if !last.is_empty() {
        end.link = link(&last);
    }
    Ok(end)
}

/// Reads the entry at this offset.
pub(super) fn read_entry(manifest: &File, path: &Path, offset: u64) -> Result<Entry, ArchiveError> {
    let (mut line, mut buffer) = (Vec::new(), [0; 1024]);
    let error = |error| ArchiveError::io("read", path)(error);
    loop {
        let from = offset + line.len() as u64;
        let read = place::read_at(manifest, &mut buffer, from).map_err(error)?;
        let end = buffer[..read].iter().position(|&byte| byte == b'\n');
        line.extend_from_slice(&buffer[..end.unwrap_or(read)]);
        if end.is_some() {
            return serde_json::from_slice(&line).map_err(|source| error(source.into()));
        }
        if read == 0 || line.len() > LINE_LIMIT {
            return Err(error(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// Removes an incomplete last line, so that the next one begins a new line.
pub(super) fn repair(manifest: &File, whole: u64, path: &Path) -> Result<(), ArchiveError> {
    let len = manifest
        .metadata()
        .map_err(ArchiveError::io("read", path))?
        .len();
    if len == whole {
        return Ok(());
    }
    manifest
        .set_len(whole)
        .and_then(|()| manifest.sync_data())
        .map_err(ArchiveError::io("repair", path))
}

/// Returns the hash that the next line contains.
pub(super) fn link(line: &[u8]) -> Link {
    Sha256::digest(line).into()
}

/// Lines that are written together.
#[derive(Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// The offset of each line in `bytes`, and its end.
    ranges: Vec<core::ops::Range<usize>>,
    link: Link,
}

impl Lines {
    /// Adds an entry or a record, with the hash of the line before as the first field.
    fn push(&mut self, value: &impl Serialize) -> io::Result<()> {
        let start = self.bytes.len();
        write!(self.bytes, r#"{{"prev":"{}","#, hex(&self.link))?;
        let rest = self.bytes.len();
        serde_json::to_writer(&mut self.bytes, value)?;
        // The brace of the value.
        self.bytes.remove(rest);
        self.bytes.push(b'\n');
        if self.bytes.len() - start > LINE_LIMIT {
            return Err(too_long());
        }
        self.link = link(&self.bytes[start..]);
        self.ranges.push(start..self.bytes.len());
        Ok(())
    }
}

/// A value for a line.
pub(super) enum Value<'a> {
    Entry(&'a Entry),
    Record(&'a Record),
}

impl Manifest {
    /// Appends lines durably, and passes each with its offset to `written`.
    pub(super) fn append<'v>(
        &mut self,
        values: impl IntoIterator<Item = Value<'v>>,
        mut written: impl FnMut(&Line<'_>, u64),
    ) -> Result<(), ArchiveError> {
        let error = |error| ArchiveError::io("write", &self.path)(error);
        let mut lines = Lines {
            link: self.end.link,
            ..Lines::default()
        };
        if !self.end.is_chained {
            let header = Record::Archive {
                format: FORMAT,
                program: super::PROGRAM.to_owned(),
            };
            lines.push(&Timed::now(header)).map_err(error)?;
        }
        for value in values {
            match value {
                Value::Entry(entry) => lines.push(entry),
                Value::Record(record) => lines.push(&Timed::now(record.clone())),
            }
            .map_err(error)?;
        }
        self.file
            .write_all(&lines.bytes)
            .and_then(|()| self.file.sync_data())
            .map_err(error)?;
        for range in lines.ranges {
            let offset = self.end.len + range.start as u64;
            let line = Line::parse(&lines.bytes[range]);
            written(&line.map_err(|source| error(source.into()))?, offset);
        }
        self.end = End {
            len: self.end.len + lines.bytes.len() as u64,
            link: lines.link,
            is_chained: true,
        };
        self.check()
    }

    /// Checks that the file still has its name.
    pub(super) fn check(&self) -> Result<(), ArchiveError> {
        match place::is_still(&self.file, &self.path) {
            Ok(true) => Ok(()),
            Ok(false) => Err(ArchiveError::ManifestLost {
                path: self.path.clone(),
            }),
            Err(error) => Err(ArchiveError::io("read", &self.path)(error)),
        }
    }
}

fn too_long() -> io::Error {
    let text = format!("a line is longer than {LINE_LIMIT} bytes");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
