//! The names of payload files.

use core::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The extension of payload files, which contain a FastTransfer stream.
const EXTENSION: &str = "fts";
/// The extension of files that are being written.
pub(super) const TEMPORARY: &str = "tmp";
/// The directory of the payload files, inside the archive's directory.
pub(super) const ITEMS: &str = "items";

/// The key of an item in file names and tables: the first half of the SHA-256 of its id.
///
/// The id itself is not a good file name: it is case-sensitive, may be too long, and reveals the mailbox.
/// 128 bits are enough, because the owner of a mailbox gains nothing by forging its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key([u8; 16]);

impl Key {
    pub(super) fn of(id: &str) -> Self {
        let digest = Sha256::digest(id.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }

    /// Returns the key and the version whose [`file`](Self::file) this is.
    pub(super) fn of_file(file: &str) -> Option<(Self, u16)> {
        let hex = file.get(ITEMS.len() + 4..)?.get(..32)?;
        let mut key = [0; 16];
        for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
        }
        let key = Self(key);
        Some((key, key.version(file)?))
    }

    /// Returns the number of the file's directory, one of 256.
    pub(super) fn shard(self) -> u8 {
        self.0[0]
    }

    /// Returns the path of a version of the item, with `/` on all systems, as in the manifest.
    ///
    /// It is `items/<2 hex>/<32 hex>.fts` for version 1, and `items/<2 hex>/<32 hex>.<version>.fts` for a later one.
    pub(super) fn file(self, version: u16) -> String {
        let hex = hex(&self.0);
        let shard = &hex[..2];
        match version {
            0 | 1 => format!("{ITEMS}/{shard}/{hex}.{EXTENSION}"),
            _ => format!("{ITEMS}/{shard}/{hex}.{version}.{EXTENSION}"),
        }
    }

    /// Returns the version whose [`file`](Self::file) this is.
    pub(super) fn version(self, file: &str) -> Option<u16> {
        let name = file.rsplit('/').next()?;
        let version = match name.split('.').nth(1)? {
            EXTENSION => 1,
            number => number.parse().ok().filter(|&number| number > 1)?,
        };
        (self.file(version) == file).then_some(version)
    }
}

/// Returns `items/<index>.fts`, the name in a response whose request is unknown.
pub(super) fn file_by_index(index: u32) -> String {
    format!("{ITEMS}/{index:08}.{EXTENSION}")
}

/// Returns whether [`file_by_index`] returns `file` for some index.
pub(super) fn is_file_by_index(file: &str) -> bool {
    let index = file
        .strip_prefix("items/")
        .and_then(|file| file.strip_suffix(".fts"));
    index
        .and_then(|index| index.parse().ok())
        .is_some_and(|index| file_by_index(index) == file)
}

/// Returns the temporary name under which `file` is written.
///
/// It is in the same directory, so that the rename is atomic, and `number` makes it unique in the process.
pub(super) fn temporary(file: &Path, number: u64) -> PathBuf {
    file.with_extension(format!("{number}.{TEMPORARY}"))
}

/// Formats a path for a message, with `/` as separator on Windows too, as in the manifest.
///
/// A verbatim path (`\\?\C:\…`) has `\` as separator, because Windows allows no `/` there.
#[must_use]
pub fn display_path(path: &Path) -> String {
    let text = path.display().to_string();
    if cfg!(windows) {
        one_separator(&text)
    } else {
        text
    }
}

/// Replaces the separators of a Windows path, so that there is only one kind.
fn one_separator(path: &str) -> String {
    if path.starts_with(r"\\?\") {
        path.replace('/', r"\")
    } else {
        path.replace('\\', "/")
    }
}

/// Formats bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_kind_of_separator() {
        let cases = [
            (r"C:\mail\items/e3/x.fts", "C:/mail/items/e3/x.fts"),
            (r"mail\items\x.fts", "mail/items/x.fts"),
            (r"\\server\share\items/x.fts", "//server/share/items/x.fts"),
            (r"\\?\C:\mail\items/x.fts", r"\\?\C:\mail\items\x.fts"),
            ("mail/items/x.fts", "mail/items/x.fts"),
        ];
        for (path, expected) in cases {
            assert_eq!(one_separator(path), expected);
        }
        // Elsewhere `\` is a character like any other.
        let expected = if cfg!(windows) { "a/b/c" } else { r"a\b/c" };
        assert_eq!(display_path(Path::new(r"a\b/c")), expected);
    }

    #[test]
    fn names_are_those_of_the_documentation() {
        // printf %s AAMkAGYz+NAA= | sha256sum
        assert_eq!(
            Key::of("AAMkAGYz+NAA=").file(1),
            "items/e3/e3e4b8e2d8d223e64b26d186b7b2601c.fts"
        );
        assert_eq!(file_by_index(7), "items/00000007.fts");
        assert!(is_file_by_index("items/00000007.fts") && is_file_by_index("items/4294967295.fts"));
        for other in [
            "items/7.fts",
            "items/+0000007.fts",
            "../00000007.fts",
            "items/00000007",
        ] {
            assert!(!is_file_by_index(other), "{other}");
        }
        let key = Key::of("AAMkAGYz+NAA=");
        assert_eq!(
            key.file(12),
            "items/e3/e3e4b8e2d8d223e64b26d186b7b2601c.12.fts"
        );
        for version in [1, 2, 12, u16::MAX] {
            assert_eq!(Key::of_file(&key.file(version)), Some((key, version)));
        }
        for other in [
            "items/e4/e3e4b8e2d8d223e64b26d186b7b2601c.fts",
            "items/e3/E3e4b8e2d8d223e64b26d186b7b2601c.fts",
            "items/e3/+3e4b8e2d8d223e64b26d186b7b2601c.fts",
            "items/e3/\u{e4}e4b8e2d8d223e64b26d186b7b2601c.fts",
            "items/e3/e3e4b8e2d8d223e64b26d186b7b2601c.1.fts",
            "items/e3/e3e4b8e2d8d223e64b26d186b7b2601c.02.fts",
            "items/e3/e3e4b8e2d8d223e64b26d186b7b2601c.70000.fts",
            "items/e3/e3e4b8e2d8d223e64b26d186b7b2601c.2.fts/x",
            "../etc/passwd",
            "",
        ] {
            assert_eq!(Key::of_file(other), None, "{other}");
        }
        assert_eq!(
            temporary(Path::new("items/00000007.fts"), 3),
            Path::new("items/00000007.3.tmp")
        );
    }
}
