//! Finds exported items for `show` and `convert`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use exportitems_convert::AddressMap;
use exportitems_std::archive::{self, Entry, FileState, Finding};

use crate::status::Failure;

/// An exported item, or the reason why there is none.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// The line of the manifest; `None` for a file that was named.
    pub(crate) entry: Option<Entry>,
    /// Why the item is not good, and what to do.
    pub(crate) problem: Option<String>,
}

/// Reports a file, or each item of a directory with a manifest, in the order of the manifest.
pub(crate) fn each(path: &Path, mut report: impl FnMut(Found)) -> Result<(), Failure> {
    if !path.is_dir() {
        report(Found {
            path: path.to_owned(),
            entry: None,
            problem: None,
        });
        return Ok(());
    }
    if !path.join("manifest.jsonl").exists() {
        return Err(Failure::Local(format!(
            "{} has no manifest.jsonl, so it is not a directory of `export` or `decode --out`; \
             to open files without a manifest, give their names",
            path.display()
        )));
    }
    archive::verify(path, |finding| match finding {
        Finding::Payload { entry, state } => report(Found {
            path: path.join(entry.file.as_deref().unwrap_or_default()),
            entry: Some(entry.clone()),
            problem: problem(entry, &state),
        }),
        Finding::Failed { entry } => report(Found {
            path: path.to_owned(),
            entry: Some(entry.clone()),
            problem: Some(format!(
                "not in the archive; {}",
                entry.error.as_deref().unwrap_or("failed")
            )),
        }),
        _ => {}
    })?;
    Ok(())
}

/// What is wrong with an item of an archive.
fn problem(entry: &Entry, state: &FileState) -> Option<String> {
    Some(match state {
        FileState::Intact if !entry.suspect => return None,
        FileState::Intact => {
            "suspect: no response confirms that it is whole and of this item; export it again"
                .into()
        }
        FileState::Missing => "missing; export it again".into(),
        // Opening it says why.
        FileState::Unreadable(_) => return None,
        FileState::Misnamed | FileState::NotAFile => {
            "its file is not the item's own, so it was not opened; export it again".into()
        }
        _ => "it differs from the manifest; export it again".into(),
    })
}

impl Found {
    /// The name of the item in messages: its id, or the path of its file.
    pub(crate) fn name(&self) -> String {
        let id = self.entry.as_ref().and_then(|entry| entry.id.clone());
        id.unwrap_or_else(|| self.path.display().to_string())
    }

    /// Opens the file.
    pub(crate) fn open(&self) -> io::Result<File> {
        // Reading a pipe or a device might never end, and an item is read twice.
        if !self.path.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        File::open(&self.path)
    }
}

/// Where SMTP addresses are looked up.
#[derive(Debug, clap::Args)]
pub(crate) struct AddressOption {
    /// A file with SMTP addresses of Exchange users. Each line has the X.500 name (/o=…/cn=…), a tab and the
    /// address.
    #[arg(long, value_name = "FILE")]
    addresses: Option<PathBuf>,
}

impl AddressOption {
    pub(crate) fn read(&self) -> Result<AddressMap, Failure> {
        let mut map = AddressMap::default();
        let Some(path) = &self.addresses else {
            return Ok(map);
        };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| Failure::local(&name, &error))?;
        let text = text.trim_start_matches('\u{FEFF}');
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            match line.split_once('\t') {
                Some((name, address)) if address.contains('@') => map.insert(name, address),
                _ => {
                    return Err(Failure::Usage(format!(
                        "{name}, line {}: not an X.500 name, a tab and an address",
                        number + 1
                    )))
                }
            }
        }
        Ok(map)
    }
}
