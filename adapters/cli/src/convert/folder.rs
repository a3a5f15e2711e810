//! Where the items of a folder are written.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use exportitems_convert::maildir;
use exportitems_std::archive::{folder_names, folder_path, Entry, ItemInfo};
use sha2::{Digest as _, Sha256};

use super::temporary::Temporary;
use crate::status::Failure;

/// The file that lists which folder became which directory.
const LIST: &str = "folders.tsv";

/// Bytes of a directory's name, at most; file systems allow 255.
const MAX_NAME: usize = 200;

/// The well-known folders of an archive, by their paths.
#[derive(Debug, Default)]
pub(super) struct WellKnown(HashMap<String, String>);

impl WellKnown {
    /// Reads them from the manifest of an archive.
    pub(super) fn of(archive: &Path) -> io::Result<Self> {
        let mut found = HashMap::new();
        for line in BufReader::new(File::open(archive.join("manifest.jsonl"))?).split(b'\n') {
            // A line that is being written is not an entry yet.
            let Ok(entry) = serde_json::from_slice::<Entry>(&line?) else {
                continue;
            };
            let ItemInfo {
                folder,
                distinguished_folder,
                ..
            } = entry.item;
            found.extend(folder.zip(distinguished_folder));
        }
        Ok(Self(found))
    }

    /// The directory of a folder in a Maildir.
    pub(super) fn in_maildir(&self, path: &str) -> PathBuf {
        let names = folder_names(path);
        let folders: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(depth, name)| {
                let above = folder_path(names.iter().take(depth + 1).map(String::as_str));
                maildir::Folder {
                    name,
                    distinguished: self.0.get(&above).map(String::as_str),
                }
            })
            .collect();
        PathBuf::from(maildir::folder(&folders))
    }
}

/// The directory of a folder in a tree of directories with the same names.
///
/// What a file system forbids is replaced by `%` and two hexadecimal digits for each byte, `%` included, so that the
/// name can be restored. A name of more than 200 bytes is cut, and ends with a hash.
pub(super) fn in_tree(path: &str) -> PathBuf {
    folder_names(path)
        .iter()
        .map(|name| directory(name))
        .collect()
}

fn directory(name: &str) -> String {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let is_device = is_device(stem);
    let kept = name.trim_end_matches(['.', ' ']).len();
    let mut out = String::new();
    for (at, character) in name.char_indices() {
        let is_forbidden = is_forbidden(character) || at >= kept || at == 0 && is_device;
        // A dot at the start hides a directory.
        if is_forbidden || at == 0 && character == '.' {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(character);
        }
    }
    if out.is_empty() {
        out.push('%');
    }
    if out.len() > MAX_NAME {
        let hash = Sha256::digest(name.as_bytes());
        let mut end = MAX_NAME - 20;
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
        out.push('~');
        for byte in hash.iter().take(8) {
            let _ = write!(out, "{byte:02x}");
        }
    }
    out
}

/// Lists directories and the paths of their folders in a file, beside what earlier runs have listed.
pub(super) fn write_list(out: &Path, folders: BTreeMap<PathBuf, String>) -> Result<(), Failure> {
    if folders.is_empty() {
        return Ok(());
    }
    let path = out.join(LIST);
    let listed = fs::read_to_string(&path).unwrap_or_default();
    let mut lines: BTreeMap<String, String> = listed
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(directory, folder)| (directory.to_owned(), folder.to_owned()))
        .collect();
    for (directory, folder) in folders {
        let directory = match directory.to_string_lossy().replace('\\', "/") {
            directory if directory.is_empty() => ".".to_owned(),
            directory => directory,
        };
        lines.insert(directory, folder.replace(['\t', '\r', '\n'], " "));
    }
    let mut text = String::new();
    for (directory, folder) in &lines {
        let _ = writeln!(text, "{directory}\t{folder}");
    }
    let mut temporary = Temporary::new(out)?;
    let written = temporary.out.write_all(text.as_bytes());
    written.map_err(|error| Failure::local(&path.display().to_string(), &error))?;
    temporary.publish(&path, None)
}

/// Characters that some file system forbids, or that are not seen.
pub(super) fn is_forbidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' | '%'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
        )
}

/// Names that Windows reserves.
fn is_device(stem: &str) -> bool {
    let stem = stem.to_ascii_uppercase();
    let port = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || port
            .is_some_and(|number| number.len() == 1 && number.bytes().all(|it| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{directory, in_tree};

    #[test]
    fn names_can_be_restored() {
        for (name, expected) in [
            ("Posteingang", "Posteingang"),
            ("2025/26: 100%", "2025%2F26%3A 100%25"),
            ("..", "%2E%2E"),
            ("Ende. ", "Ende%2E%20"),
            ("con.fig", "%63on.fig"),
            ("console", "console"),
            ("", "%"),
            ("Grüße\u{202E}", "Grüße%E2%80%AE"),
        ] {
            assert_eq!(directory(name), expected);
        }
        let long = "ü".repeat(255);
        assert!(directory(&long).len() <= super::MAX_NAME);
        assert_ne!(directory(&long), directory(&format!("{long}x")));
        assert_eq!(
            in_tree("a\\/b/c").to_str(),
            Some(if cfg!(windows) { "a%2Fb\\c" } else { "a%2Fb/c" })
        );
    }
}
