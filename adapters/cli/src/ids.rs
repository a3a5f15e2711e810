//! The file that says which items to export.

use core::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::status::Failure;

/// Longest line, in bytes; Exchange's ids have about 150 characters, and a file with longer lines
/// is some other file.
const LONGEST_LINE: u64 = 16 * 1024;

/// An item to export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requested {
    pub(crate) id: String,
    pub(crate) change_key: Option<String>,
}

/// A line that names an item which an earlier line names already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    line: u64,
    first: u64,
    /// The two lines disagree about the change key.
    other_change_key: bool,
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, first) = (self.line, self.first);
        write!(f, "line {line} repeats the id of line {first}")?;
        if self.other_change_key {
            f.write_str(" with another change key; the first line counts")
        } else {
            f.write_str("; the item is handled once")
        }
    }
}

/// What is wrong with the file, and in which line, from 1.
#[derive(Debug)]
pub(crate) enum IdsError {
    Read(io::Error),
    NotUtf8 { line: u64 },
    TooLong { line: u64 },
    NoId { line: u64 },
    Fields { line: u64 },
    Character { line: u64, character: char },
    Empty,
}

impl fmt::Display for IdsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::NotUtf8 { line } => write!(f, "line {line}: not UTF-8; save the file as UTF-8"),
            Self::TooLong { line } => write!(
                f,
                "line {line}: longer than {LONGEST_LINE} bytes; one item a line is wanted"
            ),
            Self::NoId { line } => write!(f, "line {line}: no id before the tab"),
            Self::Fields { line } => write!(
                f,
                "line {line}: more than one tab; a line is an id, or an id, a tab and a change key"
            ),
            Self::Character { line, character } => write!(
                f,
                "line {line}: {character:?} is not part of an id or change key; \
                 a tab separates the two"
            ),
            Self::Empty => f.write_str("no ids; write one a line"),
        }
    }
}

/// Reads `path`, or the standard input for `-`; tells repeated lines on stderr.
pub(crate) fn open(path: &Path) -> Result<Vec<Requested>, Failure> {
    let (name, read) = if path == Path::new("-") {
        ("standard input".to_owned(), read(io::stdin().lock()))
    } else {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| Failure::local(&name, &error))?;
        (name, read(BufReader::new(file)))
    };
    let (items, repeated) = read.map_err(|error| match error {
        IdsError::Read(error) => Failure::local(&name, &error),
        other => Failure::Usage(format!("{name}: {other}")),
    })?;
    for repeated in repeated {
        eprintln!("exportitems: note: {name}: {repeated}");
    }
    Ok(items)
}

/// Reads one `ID[<TAB>CHANGEKEY]` a line, in any style of line ends; blank lines, lines that begin
/// with `#`, and white space around a field do not count.
///
/// An id is base64, so neither `#` nor white space can be part of one.
pub(crate) fn read(mut input: impl BufRead) -> Result<(Vec<Requested>, Vec<Repeated>), IdsError> {
    let mut items = Vec::new();
    let mut lines = Vec::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let len = (&mut input)
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(IdsError::Read)?;
        if len == 0 {
            break;
        }
        if len as u64 > LONGEST_LINE {
            return Err(IdsError::TooLong { line });
        }
        let text = core::str::from_utf8(&bytes).map_err(|_| IdsError::NotUtf8 { line })?;
        // Editors on Windows begin a file with a byte order mark.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        if let Some(item) = item(text, line)? {
            items.push(item);
            lines.push(line);
        }
    }
    if items.is_empty() {
        return Err(IdsError::Empty);
    }
    Ok(without_repeated(items, &lines))
}

fn item(text: &str, line: u64) -> Result<Option<Requested>, IdsError> {
    let text = text.trim_end();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let mut fields = text.split('\t').map(str::trim);
    let id = fields.next().unwrap_or_default();
    // A spreadsheet writes an empty second column; an empty change key would be refused.
    let change_key = fields.next().filter(|key| !key.is_empty());
    if id.is_empty() {
        return Err(IdsError::NoId { line });
    }
    if fields.next().is_some() {
        return Err(IdsError::Fields { line });
    }
    // The last two are what XML cannot carry besides.
    let foreign =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    if let Some(character) = [id, change_key.unwrap_or_default()]
        .iter()
        .find_map(|field| field.chars().find(|&c| foreign(c)))
    {
        return Err(IdsError::Character { line, character });
    }
    Ok(Some(Requested {
        id: id.to_owned(),
        change_key: change_key.map(str::to_owned),
    }))
}

/// The first line of each id, in order, and what was left out.
///
/// Sorting positions, rather than keeping a set of ids, holds each id in memory once.
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
        let (items, _) = read(text).unwrap();
        let fields = |item: Requested| (item.id, item.change_key);
        items.into_iter().map(fields).collect()
    }

    fn error(text: &[u8]) -> String {
        read(text).unwrap_err().to_string()
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
            "AAA=\nBBB=\tck",
            "\u{FEFF}AAA=\n\n# a comment\n \t \n BBB= \t ck \n",
            "AAA=\t\r\nBBB=\tck\r\n",
        ] {
            assert_eq!(items(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        let long = vec![b'A'; usize::try_from(LONGEST_LINE).unwrap() + 1];
        for (text, start) in [
            (&b"AAA=\n\xff\n"[..], "line 2: not UTF-8"),
            (b"AAA=\n\tck\n", "line 2: no id"),
            (b"AAA=\tck\tmore\n", "line 1: more than one tab"),
            (b"# ids\nAAA= ck\n", "line 2: ' '"),
            (b"AAA=\tc\0k\n", "line 1: '\\0'"),
            (&long, "line 1: longer than"),
            (b"# nothing\n", "no ids"),
            (b"", "no ids"),
        ] {
            let error = error(text);
            assert!(error.starts_with(start), "{error} for {text:?}");
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit() {
        let id = "A".repeat(usize::try_from(LONGEST_LINE).unwrap() - 1);
        assert_eq!(items(format!("{id}\nBBB=\n").as_bytes()).len(), 2);
    }

    #[test]
    fn a_repeated_id_counts_once() {
        let (items, repeated) = read(&b"B\n\nA\nB\nA\tck\nB\n"[..]).unwrap();
        let ids: Vec<_> = items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["B", "A"]);
        let notes: Vec<_> = repeated.iter().map(ToString::to_string).collect();
        assert_eq!(
            notes,
            [
                "line 4 repeats the id of line 1; the item is handled once",
                "line 5 repeats the id of line 3 with another change key; the first line counts",
                "line 6 repeats the id of line 1; the item is handled once",
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
        let read = read(std::io::BufReader::new(Broken));
        assert!(matches!(read, Err(IdsError::Read(_))));
    }
}
