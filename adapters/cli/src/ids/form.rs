//! Recognises lines that are not ids, and ids that are not in the form that EWS uses.

use core::fmt::Write as _;

/// Column headings for ids or change keys, in lower case, without spaces, `-` and `_`.
const HEADINGS: &[&str] = &[
    "changekey",
    "entryid",
    "ewsid",
    "ewsitemid",
    "hexentryid",
    "id",
    "identity",
    "immutableid",
    "item",
    "itemid",
    "items",
    "messageid",
    "outlookitemid",
    "restid",
    "storeid",
    "uniqueid",
];

/// Describes a line that cannot belong to a list of ids, or returns `None` if it may be an id.
pub(super) fn of_other_file(line: &str) -> Option<&'static str> {
    let line = line.trim();
    let first = line.split('\t').next().unwrap_or_default().trim_end();
    if line.contains('…') || line.contains("...") {
        return Some(
            "the line was cut to the width of a console; write the ids with \
             `Select-Object -ExpandProperty Id | Set-Content ids.txt`",
        );
    }
    if is_ruler(line) {
        return Some(
            "this is the ruler of a table, and the file seems to be PowerShell's output for a console; \
             write the ids with `Select-Object -ExpandProperty Id | Set-Content ids.txt`",
        );
    }
    if line.starts_with(['{', '}', '[', ']']) || line.contains("\":") {
        return Some("the file seems to be JSON");
    }
    if line.contains("://") {
        return Some("this is a link, not an id");
    }
    if line.starts_with('<') {
        return Some("the file seems to be XML or HTML");
    }
    let quoted =
        |field: &str, quote| field.len() > 1 && field.starts_with(quote) && field.ends_with(quote);
    if line.contains([',', ';'])
        || line.starts_with('"')
        || quoted(first, '"')
        || quoted(first, '\'')
    {
        return Some(
            "the file seems to be CSV; keep only the column of the ids, without quotes and commas",
        );
    }
    if line.contains('|') {
        return Some("the file seems to be a table; keep only the column of the ids");
    }
    if line.contains(" : ") || line.ends_with(" :") {
        return Some(
            "the file seems to be PowerShell's output for a console (`Format-List`); \
             write the ids with `Select-Object -ExpandProperty Id | Set-Content ids.txt`",
        );
    }
    let name: String = first
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '_'))
        .collect::<String>()
        .to_ascii_lowercase();
    if HEADINGS.contains(&name.as_str()) {
        return Some("this is the heading of a table, not an id");
    }
    None
}

/// Returns whether an id or change key may contain this character.
///
/// Ids are base64. Those of Graph contain `-` and `_`, and those in links contain `%`.
/// The five characters that XML escapes are allowed too; the server decides about them.
pub(super) fn may_be_of_id(character: char) -> bool {
    character.is_ascii_alphanumeric() || "+/=-_%&<>\"'".contains(character)
}

/// Returns whether a line is a ruler below the headings of a table: `--`, `---- ---------` or `=====`.
fn is_ruler(line: &str) -> bool {
    ['-', '=', '─'].iter().any(|&dash| {
        line.chars()
            .all(|c| c == dash || c.is_whitespace() || c == '+')
            && line.chars().filter(|&c| c == dash).count() >= 2
    })
}

/// A form of ids that other interfaces use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The form of Microsoft Graph and Outlook's REST interface, with `-` for `/` and `_` for `+`.
    UrlSafe,
    /// Percent-encoded, as in a link: `%2B` for `+`.
    Percent,
    /// The hexadecimal entry id of MAPI and Outlook.
    Hex,
}

const FORMS: [Form; 3] = [Form::UrlSafe, Form::Percent, Form::Hex];

impl Form {
    fn of(id: &str) -> Option<Self> {
        let hex = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let escapes = || {
            let mut parts = id.split('%').skip(1).peekable();
            parts.peek().is_some() && parts.all(|part| part.get(..2).is_some_and(hex))
        };
        if id.len() >= 32 && id.len().is_multiple_of(2) && hex(id) {
            Some(Self::Hex)
        } else if escapes() {
            Some(Self::Percent)
        } else if id.contains(['-', '_']) {
            Some(Self::UrlSafe)
        } else {
            None
        }
    }

    const fn described(self) -> &'static str {
        match self {
            Self::UrlSafe => {
                "URL-safe, as Microsoft Graph writes ids: for EWS write `/` for `-` and `+` for `_`, \
                 or convert them with Graph's translateExchangeIds (restId to ewsId)"
            }
            Self::Percent => {
                "percent-encoded, as in a link: for EWS write `+` for %2B, `/` for %2F and `=` for %3D"
            }
            Self::Hex => {
                "hexadecimal, as MAPI and Outlook write entry ids: for EWS convert them with the operation \
                 ConvertId (HexEntryId to EwsId)"
            }
        }
    }
}

/// Counts the ids in forms that EWS does not use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forms {
    /// The number of ids, and the line of the first, in the order of [`FORMS`].
    found: [(u64, u64); FORMS.len()],
}

impl Forms {
    pub(super) fn note_id(&mut self, id: &str, line: u64) {
        let form = Form::of(id);
        for (found, candidate) in self.found.iter_mut().zip(FORMS) {
            if form == Some(candidate) {
                found.0 += 1;
                if found.0 == 1 {
                    found.1 = line;
                }
            }
        }
    }

    /// Returns advice on converting the ids, or `None` if all are in the form of EWS.
    pub(super) fn note(&self) -> Option<String> {
        let mut note = String::new();
        for ((count, line), form) in self.found.iter().zip(FORMS) {
            if *count > 0 {
                let ids = if *count == 1 { "id is" } else { "ids are" };
                let between = if note.is_empty() { "" } else { "; " };
                // Writing to a string does not fail.
                let _ = write!(
                    note,
                    "{between}{count} {ids} {} (first in line {line})",
                    form.described()
                );
            }
        }
        (!note.is_empty()).then(|| note + "; they are sent unchanged")
    }
}
