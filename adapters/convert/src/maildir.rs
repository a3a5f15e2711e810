//! Names, flags and times of the messages of a [Maildir], and the names of its folders.
//!
//! [Maildir]: https://cr.yp.to/proto/maildir.html

use std::fmt::Write as _;

use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::NO_PAD;
use base64::engine::GeneralPurpose;
use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use crate::item::{Item, Properties};
use crate::text::hex;
use crate::time::Time;

/// The maximum length of a directory's name in bytes; file systems allow 255.
const MAX_FOLDER: usize = 200;

/// Returns when the message arrived, or else was sent or made: the time of its file.
#[must_use]
pub fn delivered(item: &Item) -> Option<Time> {
    let properties = &item.message.properties;
    [0x0E06, 0x0039, 0x3007]
        .iter()
        .find_map(|id| Time::from_filetime(properties.time(*id)?))
}

/// Returns the name of the message's file in `cur`: the seconds of its arrival, what makes it unique, and its flags.
#[must_use]
pub fn file_name(item: &Item, unique: &str) -> String {
    let seconds = delivered(item).map_or(0, |time| time.unix.max(0));
    let flags = flags(&item.message.properties);
    format!("{seconds}.{unique}.exportitems:2,{flags}")
}

/// A folder of a mailbox, or one of its parents.
#[derive(Clone, Copy, Debug)]
pub struct Folder<'a> {
    /// The display name.
    pub name: &'a str,
    /// The `DistinguishedFolderId`, such as `sentitems`, of a folder that has one.
    pub distinguished: Option<&'a str>,
}

/// Returns the directory of a folder below that of the Maildir, in the layout [Maildir++]; empty for the inbox, which
/// is the
/// Maildir itself.
///
/// `path` begins with the topmost folder. The folders that every mailbox has get the names that mail programs expect,
/// in place of their localised ones: `Sent`, `Drafts`, `Trash`, `Junk`.
/// Other names are in modified UTF-7 (RFC 3501 section 5.1.3). Their `.`, `/`, `%` and control characters become `%`
/// and two hexadecimal digits. What is longer than 200 bytes ends with a hash instead.
///
/// ```
/// use exportitems_convert::maildir::{folder, Folder};
///
/// let sent = Folder { name: "Gesendete Elemente", distinguished: Some("sentitems") };
/// let year = Folder { name: "Büro 1.2", distinguished: None };
/// assert_eq!(folder(&[sent, year]), ".Sent.B&APw-ro 1%2E2");
/// ```
///
/// [Maildir++]: https://doc.dovecot.org/2.3/admin_manual/mailbox_formats/maildir/
#[must_use]
pub fn folder(path: &[Folder<'_>]) -> String {
    let mut directory = String::new();
    for (depth, folder) in path.iter().enumerate() {
        let well_known = match folder.distinguished {
            // Only the inbox itself is the Maildir; its folders are in directories of their own.
            Some("inbox") if path.len() == 1 => return String::new(),
            Some("inbox") if depth == 0 => Some("INBOX"),
            Some("sentitems") => Some("Sent"),
            Some("drafts") => Some("Drafts"),
            Some("deleteditems") => Some("Trash"),
            Some("junkemail") => Some("Junk"),
            _ => None,
        };
        directory.push('.');
        match well_known {
            Some(name) => directory.push_str(name),
            None => directory.push_str(&modified_utf7(&escaped(folder.name))),
        }
    }
    if directory.len() > MAX_FOLDER {
        let hash = hex(&Sha256::digest(directory.as_bytes()));
        // It is ASCII. A cut in a part in base64 leaves a name that cannot be decoded, so that part is dropped.
        directory.truncate(MAX_FOLDER - 20);
        if let (Some(start), end) = (directory.rfind('&'), directory.rfind('-')) {
            if end.is_none_or(|end| end < start) {
                directory.truncate(start);
            }
        }
        directory.push('~');
        directory.push_str(hash.get(..16).unwrap_or_default());
    }
    directory
}

/// Escapes the characters that have a meaning in a Maildir or in IMAP.
fn escaped(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        match character {
            '.' | '/' | '\\' | '%' | '*' | '\0'..='\x1F' | '\x7F' => {
                // Writing to a string does not fail.
                let _ = write!(out, "%{:02X}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    // No folder has an empty name; in a Maildir it would be a parent's.
    match out.as_str() {
        "" => "%".to_owned(),
        _ => out,
    }
}

fn modified_utf7(name: &str) -> String {
    let engine = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);
    let mut out = String::new();
    let is_plain = |character: &char| matches!(character, ' '..='~');
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|it| is_plain(&it) != is_plain(&first));
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        if is_plain(&first) {
            out.push_str(&run.replace('&', "&-"));
        } else {
            let units: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
            out.push('&');
            engine.encode_string(units, &mut out);
            out.push('-');
        }
    }
    out
}

/// Returns the flags, in the order of ASCII: `D` draft, `F` flagged, `P` forwarded, `R` answered, `S` read.
#[must_use]
pub fn flags(properties: &Properties) -> String {
    let message_flags = properties.integer(0x0E07).unwrap_or(0); // mfRead 1, mfUnsent 8
    let last_verb = properties.integer(0x1081).unwrap_or(0);
    let flags = [
        ('D', message_flags & 8 != 0),
        ('F', properties.integer(0x1090) == Some(2)),
        ('P', last_verb == 104),
        ('R', matches!(last_verb, 102 | 103)),
        ('S', message_flags & 1 != 0),
    ];
    let set = flags.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(flag, _)| flag).collect()
}

#[cfg(test)]
mod tests {
    use super::{folder, Folder};

    fn named(names: &[&str]) -> String {
        let folders: Vec<_> = names
            .iter()
            .map(|name| Folder {
                name,
                distinguished: None,
            })
            .collect();
        folder(&folders)
    }

    #[test]
    fn names_of_folders() {
        // The first two are examples of RFC 3501.
        for (names, expected) in [
            (
                &[
                    "~peter",
                    "mail",
                    "\u{53f0}\u{5317}",
                    "\u{65e5}\u{672c}\u{8a9e}",
                ][..],
                ".~peter.mail.&U,BTFw-.&ZeVnLIqe-",
            ),
            (&["R&D"], ".R&-D"),
            (
                &["Gel\u{f6}schte 100%", "a/b.c"],
                ".Gel&APY-schte 100%25.a%2Fb%2Ec",
            ),
            (&["\u{1f600}"], ".&2D3eAA-"),
            (&["..", ""], ".%2E%2E.%"),
        ] {
            assert_eq!(named(names), expected);
        }
        let inbox = Folder {
            name: "Posteingang",
            distinguished: Some("inbox"),
        };
        let child = Folder {
            name: "A",
            distinguished: None,
        };
        assert_eq!(folder(&[inbox]), "");
        assert_eq!(folder(&[inbox, child]), ".INBOX.A");
    }

    #[test]
    fn long_names_stay_different() {
        let long = "\u{5317}".repeat(255);
        let first = named(&[&long, "a"]);
        assert!(first.len() <= super::MAX_FOLDER && first.is_ascii());
        assert_ne!(first, named(&[&long, "b"]));
        assert_eq!(first.matches('&').count(), first.matches('-').count());
    }
}
