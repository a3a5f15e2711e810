//! Reads the list of items to export.

mod form;
mod lines;

use core::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use exportitems_std::archive::ItemInfo;
use exportitems_std::list::ListedItem;
use serde::{Deserialize, Serialize};

use crate::filekind;
use crate::output::say;
use crate::status::Failure;
use form::Forms;
use lines::Lines;

/// The longest line in bytes. Exchange's ids have about 150 characters, and lines of `list` a few thousand, so a file with
/// longer lines is not a list of ids.
const LONGEST_LINE: usize = 64 * 1024;

/// An item to export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requested {
    pub(crate) id: String,
    pub(crate) change_key: Option<String>,
    /// What `list` has printed about the item.
    pub(crate) info: ItemInfo,
}

/// A line that `list` prints.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ListLine {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_key: Option<String>,
    #[serde(flatten)]
    info: ItemInfo,
}

impl From<ListedItem> for ListLine {
    fn from(item: ListedItem) -> Self {
        Self {
            id: item.id,
            change_key: item.change_key,
            info: item.info,
        }
    }
}

impl fmt::Display for ListLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// A line whose id is also in an earlier line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    line: u64,
    first: u64,
    /// Whether the two lines have different change keys.
    other_change_key: bool,
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, first) = (self.line, self.first);
        write!(f, "line {line} repeats the id of line {first}")?;
        if self.other_change_key {
            f.write_str(" with another change key; the first line counts")
        } else {
            f.write_str("; the item is exported once")
        }
    }
}

/// An error in the list. Lines are numbered from 1.
#[derive(Debug)]
pub(crate) enum IdsError {
    /// The file cannot be read.
    Read(io::Error),
    /// A line is not text.
    NotText {
        line: u64,
        /// The kind of file that it seems to be, if its first bytes are recognised.
        kind: Option<&'static str>,
    },
    /// A line is longer than [`LONGEST_LINE`].
    TooLong { line: u64 },
    /// A line begins with a tab.
    NoId { line: u64 },
    /// A line has more than one tab.
    Fields { line: u64 },
    /// A line belongs to a table or another format.
    Format { line: u64, what: &'static str },
    /// A line contains a character that no id or change key has.
    Character { line: u64, character: char },
    /// The list has no id.
    Empty,
}

impl fmt::Display for IdsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::NotText {
                line,
                kind: Some(kind),
            } => write!(
                f,
                "line {line}: not UTF-8; the file seems to be {kind}; write one id per line"
            ),
            Self::NotText { line, kind: None } => {
                write!(f, "line {line}: not UTF-8; save the file as UTF-8")
            }
            Self::TooLong { line } => write!(
                f,
                "line {line}: longer than {LONGEST_LINE} bytes; write one id per line"
            ),
            Self::NoId { line } => write!(
                f,
                "line {line}: there is no id before the tab; write the id first"
            ),
            Self::Fields { line } => write!(
                f,
                "line {line}: more than one tab; a line is an id, or an id, a tab and a change key"
            ),
            // This text already says what to do.
            Self::Format { line, what } if what.contains("; ") => write!(f, "line {line}: {what}"),
            Self::Format { line, what } => {
                write!(
                    f,
                    "line {line}: {what}; write one id per line, and nothing else"
                )
            }
            Self::Character { line, character } => write!(
                f,
                "line {line}: {character:?} cannot be part of an id or change key; \
                 a line is an id, or an id, a tab and a change key"
            ),
            Self::Empty => f.write_str("no ids; write one id per line"),
        }
    }
}

/// The result of [`read`].
#[derive(Debug)]
pub(crate) struct Ids {
    pub(crate) items: Vec<Requested>,
    pub(crate) repeated: Vec<Repeated>,
    pub(crate) forms: Forms,
}

/// The largest number of repeated lines that are printed one by one.
const MOST_NAMED: usize = 5;

/// Reads the list from `path`, or from the standard input for `-`, and prints notes to the standard error.
pub(crate) fn open(path: &Path) -> Result<Vec<Requested>, Failure> {
    let (name, read) = if path == Path::new("-") {
        ("standard input".to_owned(), read(io::stdin().lock()))
    } else {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| Failure::local(&name, &error))?;
        (name, read(file))
    };
    let ids = read.map_err(|error| match error {
        IdsError::Read(error) => Failure::local(&name, &error),
        other => Failure::Usage(format!("{name}: {other}")),
    })?;
    for repeated in ids.repeated.iter().take(MOST_NAMED) {
        say(&format!("note: {name}: {repeated}"));
    }
    if let more @ 1.. = ids.repeated.len().saturating_sub(MOST_NAMED) {
        say(&format!("note: {name}: {more} more lines repeat an id"));
    }
    if let Some(note) = ids.forms.note() {
        say(&format!("note: {name}: {note}"));
    }
    Ok(ids.items)
}

/// Reads a list with one `ID[<TAB>CHANGEKEY]` per line.
///
/// The text is UTF-8, or UTF-16 with a byte order mark, and lines may end with LF, CR LF or CR.
/// Blank lines, lines that begin with `#`, and white space around a field are ignored: an id is base64, so
/// neither `#` nor white space can be part of it.
pub(crate) fn read(input: impl Read) -> Result<Ids, IdsError> {
    let mut items = Vec::new();
    let mut numbers = Vec::new();
    let mut forms = Forms::default();
    let mut lines = Lines::new(input)?;
    while let Some((number, text)) = lines.next()? {
        if let Some(item) = item(text, number)? {
            forms.note_id(&item.id, number);
            items.push(item);
            numbers.push(number);
        }
    }
    if items.is_empty() {
        return Err(IdsError::Empty);
    }
    let (items, repeated) = without_repeated(items, &numbers);
    Ok(Ids {
        items,
        repeated,
        forms,
    })
}

fn item(text: &str, line: u64) -> Result<Option<Requested>, IdsError> {
    let text = text.trim_end();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    if text.starts_with('{') {
        let read: Result<ListLine, _> = serde_json::from_str(text);
        let ListLine {
            id,
            change_key,
            info,
        } = read.map_err(|_| IdsError::Format {
            line,
            what: "this is JSON, but not a line of `exportitems list`",
        })?;
        check(&id, change_key.as_deref(), line)?;
        return Ok(Some(Requested {
            id,
            change_key,
            info,
        }));
    }
    if let Some(what) = form::of_other_file(text) {
        return Err(IdsError::Format { line, what });
    }
    let mut fields = text.split('\t').map(str::trim);
    let id = fields.next().unwrap_or_default();
    // Spreadsheets write an empty second column. The server would refuse an empty change key.
    let change_key = fields.next().filter(|key| !key.is_empty());
    if fields.next().is_some() {
        return Err(IdsError::Fields { line });
    }
    check(id, change_key, line)?;
    Ok(Some(Requested {
        id: id.to_owned(),
        change_key: change_key.map(str::to_owned),
        info: ItemInfo::default(),
    }))
}

/// Checks the characters of an id and a change key.
fn check(id: &str, change_key: Option<&str>, line: u64) -> Result<(), IdsError> {
    if id.is_empty() {
        return Err(IdsError::NoId { line });
    }
    for field in [id, change_key.unwrap_or_default()] {
        if let Some(character) = field.chars().find(|&c| !form::may_be_of_id(c)) {
            return Err(IdsError::Character { line, character });
        }
        if field.trim_end_matches('=').contains('=') {
            return Err(IdsError::Format {
                line,
                what: "`=` can only be at the end of an id",
            });
        }
    }
    Ok(())
}

/// Keeps the first line of each id, in order, and returns the other lines separately.
///
/// This sorts positions instead of collecting ids in a set, so each id is in memory only once.
fn without_repeated(items: Vec<Requested>, lines: &[u64]) -> (Vec<Requested>, Vec<Repeated>) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&at| (&items[at].id, at));
    let mut keep = vec![true; items.len()];
    let mut repeated = Vec::new();
    for same in order.chunk_by(|&a, &b| items[a].id == items[b].id) {
        let (first, later) = (same[0], &same[1..]);
        for &at in later {
            keep[at] = false;
            repeated.push(Repeated {
                line: lines[at],
                first: lines[first],
                other_change_key: items[at].change_key != items[first].change_key,
            });
        }
    }
    repeated.sort_by_key(|repeated| repeated.line);
    let kept = items.into_iter().zip(keep);
    let kept = kept.filter_map(|(item, keep)| keep.then_some(item));
    (kept.collect(), repeated)
}

#[cfg(test)]
mod tests {
    use super::{read, IdsError, Requested, LONGEST_LINE};

    fn items(text: &[u8]) -> Vec<(String, Option<String>)> {
        let fields = |item: Requested| (item.id, item.change_key);
        read(text).unwrap().items.into_iter().map(fields).collect()
    }

    fn error(text: &[u8]) -> String {
        read(text).unwrap_err().to_string()
    }

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn every_style_of_file() {
        let expected = [
            ("AAA=".to_owned(), None),
            ("BBB=".to_owned(), Some("ck".to_owned())),
        ];
        for text in [
            "AAA=\nBBB=\tck\n",
            "AAA=\r\nBBB=\tck\r\n",
            "AAA=\rBBB=\tck\r",
            "AAA=\r\rBBB=\tck",
            "AAA=\nBBB=\tck",
            "{\"id\":\"AAA=\",\"later\":[1]}\n{\"id\":\"BBB=\",\"change_key\":\"ck\",\"size\":9}\n",
            "# a comment, \"with\" anything… in it\nAAA=\r\n\n \t \n BBB= \t ck \n",
            "AAA=\t\r\nBBB=\tck\r\n",
        ] {
            let marked = format!("\u{FEFF}{text}");
            assert_eq!(items(text.as_bytes()), expected, "{text:?}");
            assert_eq!(items(marked.as_bytes()), expected, "{text:?}");
            assert_eq!(
                items(&utf16(&marked, u16::to_le_bytes)),
                expected,
                "{text:?}"
            );
            assert_eq!(
                items(&utf16(&marked, u16::to_be_bytes)),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn line_ends_across_buffers() {
        // One byte at a time: CR and LF arrive apart.
        struct Single<'a>(&'a [u8]);
        impl std::io::Read for Single<'_> {
            fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
                let len = to.len().min(1);
                std::io::Read::read(&mut self.0, &mut to[..len])
            }
        }
        let text: String = (0..5000).fold(String::new(), |text, n| format!("{text}A{n}\r\n"));
        let ids = read(Single(text.as_bytes())).unwrap();
        assert_eq!(ids.items.len(), 5000);
        let error = read(Single((text + "B B\r\n").as_bytes())).unwrap_err();
        assert!(error.to_string().starts_with("line 5001: "), "{error}");
    }

    #[test]
    fn errors_name_the_line() {
        let long = vec![b'A'; LONGEST_LINE + 1];
        let (cut, unmarked) = (
            [
                &b"\xFF\xFE"[..],
                &utf16("AAA=\nBBB", u16::to_le_bytes),
                b"B",
            ]
            .concat(),
            utf16("AAA=\nBBB=\n", u16::to_le_bytes),
        );
        for (text, start) in [
            (&b"AAA=\n\xff\n"[..], "line 2: not UTF-8; save the file"),
            (b"AAA=\n\tck\n", "line 2: there is no id"),
            (b"AAA=\tck\tmore\n", "line 1: more than one tab"),
            (b"# ids\nAAA= ck\n", "line 2: ' '"),
            (b"AAA=\tc\x01k\n", "line 1: '\\u{1}'"),
            ("A\nB\nA\u{200B}\n".as_bytes(), "line 3: '\\u{200b}'"),
            (&long, "line 1: longer than"),
            (b"# nothing\n", "no ids"),
            (b"", "no ids"),
            (b"\xEF\xBB\xBF", "no ids"),
            (
                &cut,
                "line 2: not UTF-8; the file seems to be UTF-16 that is cut",
            ),
            (
                &unmarked,
                "line 1: not UTF-8; the file seems to be UTF-16 without",
            ),
            (
                b"PK\x03\x04\x14\0\xFF",
                "line 1: not UTF-8; the file seems to be a zip file",
            ),
        ] {
            let error = error(text);
            assert!(error.starts_with(start), "{error} for {text:?}");
        }
    }

    /// Lines that cannot be ids, with the kinds of files that they suggest.
    #[test]
    fn other_files() {
        for (text, line, says) in [
            ("Id,Subject\nAAA=,Hello\n", 1, "CSV"),
            ("AAA=;BBB=\n", 1, "CSV"),
            ("\"Id\"\n\"AAA=\"\n", 1, "CSV"),
            ("'AAA='\n", 1, "CSV"),
            ("#TYPE Selected\n\"Id\",\"x\"\n", 2, "CSV"),
            ("AAA=\n\"BBB=\"\tck\n", 2, "CSV"),
            ("\nId\n--\nAAA=\n", 2, "heading"),
            ("ItemId\nAAA=\n", 1, "heading"),
            ("Item Id\tChange Key\nAAA=\tck\n", 1, "heading"),
            ("AAA=\n----\n", 2, "PowerShell"),
            ("AAA=\n---- -------\nBBB=\n", 2, "PowerShell"),
            ("=====\n", 1, "ruler"),
            ("Subject Id\n------- --\n", 1, "' '"),
            ("AAMkAGYzZjZm…\n", 1, "width of a console"),
            ("AAMkAGYzZjZm...\n", 1, "width of a console"),
            ("Id : AAMkAG\n", 1, "Format-List"),
            ("[\n  \"AAA=\"\n]\n", 1, "JSON"),
            ("{\"ids\": \"AAA=\"}\n", 1, "JSON"),
            ("AAA=\n{\"id\": \"AAA=\"\n", 2, "JSON"),
            ("{\"id\": \"A A=\"}\n", 1, "' '"),
            ("<t:ItemId Id=\"AAA=\"/>\n", 1, "XML"),
            ("| Id |\n", 1, "table"),
            ("AAA= BBB=\n", 1, "' '"),
            ("AAA==BBB==\n", 1, "end of an id"),
            ("Id=AAA\n", 1, "end of an id"),
            ("https://owa/?ItemID=AAA%3D\n", 1, "link"),
            ("AAA=\nId:BBB=\n", 2, "':'"),
            ("pat@example.com\n", 1, "'@'"),
            ("- AAA=\n", 1, "' '"),
            ("C:\\mail\\ids.txt\n", 1, "':'"),
            ("AAA=\u{A0}\u{201C}\n", 1, "'\\u{a0}'"),
        ] {
            let error = error(text.as_bytes());
            assert!(
                error.starts_with(&format!("line {line}: ")),
                "{error} for {text:?}"
            );
            assert!(error.contains(says), "{error} for {text:?}");
        }
    }

    #[test]
    fn ids_of_other_interfaces_pass_with_a_note() {
        let note = |text: &str| read(text.as_bytes()).unwrap().forms.note();
        assert_eq!(note("AAMkAGYz+NAAA/=\nA\n0123456789\n"), None);
        let hex = "00000000DC9AE3F6".repeat(4);
        for (id, says) in [
            ("AAMkAGYz_NAAA-w=", "translateExchangeIds"),
            ("AAMkAGYz%2BNAAA%2fw%3D", "%2B"),
            (hex.as_str(), "ConvertId"),
        ] {
            assert_eq!(items(id.as_bytes()), [(id.to_owned(), None)]);
            let note = note(&format!("AAA=\n{id}\n")).unwrap();
            assert!(note.contains(says) && note.contains("line 2"), "{note}");
        }
        let note = note(&format!("A-\nB%2B\n{hex}\nC_\n")).unwrap();
        assert!(note.starts_with("2 ids are URL-safe"), "{note}");
        assert!(
            note.contains("; 1 id is percent-encoded") && note.contains("; 1 id is hex"),
            "{note}"
        );
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit() {
        let id = "A".repeat(LONGEST_LINE);
        assert_eq!(items(format!("{id}\r\nBBB=\n").as_bytes()).len(), 2);
    }

    #[test]
    fn a_repeated_id_counts_once() {
        let ids = read(&b"B\n\nA\nB\nA\tck\nB\n"[..]).unwrap();
        let kept: Vec<_> = ids.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(kept, ["B", "A"]);
        let notes: Vec<_> = ids.repeated.iter().map(ToString::to_string).collect();
        assert_eq!(
            notes,
            [
                "line 4 repeats the id of line 1; the item is exported once",
                "line 5 repeats the id of line 3 with another change key; the first line counts",
                "line 6 repeats the id of line 1; the item is exported once",
            ]
        );
    }

    #[test]
    fn a_file_that_breaks_off_is_an_error() {
        struct Broken;
        impl std::io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("broken"))
            }
        }
        assert!(matches!(read(Broken), Err(IdsError::Read(_))));
    }
}
