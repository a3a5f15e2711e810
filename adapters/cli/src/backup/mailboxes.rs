//! Reads the list of mailboxes.

use std::fs;
use std::path::Path;

use crate::mailbox::address;
use crate::status::Failure;
use crate::textfile;

/// The columns of `Get-Mailbox` that contain the address, best first.
const COLUMNS: [&str; 4] = [
    "PrimarySmtpAddress",
    "WindowsEmailAddress",
    "EmailAddress",
    "Mail",
];

/// Reads a file with one SMTP address per line, or the CSV that `Get-Mailbox | Export-Csv` writes.
pub(crate) fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| Failure::local(&name, &error))?;
    let text = textfile::decode(&bytes)
        .map_err(|_| Failure::Usage(format!("{name}: not UTF-8; save the file as UTF-8")))?;
    let mailboxes = parse(&text).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
    match mailboxes.is_empty() {
        true => Err(Failure::Usage(format!(
            "{name}: no mailboxes; write one SMTP address per line"
        ))),
        false => Ok(mailboxes),
    }
}

fn parse(text: &str) -> Result<Vec<String>, String> {
    let is_meant = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let first = text.lines().find(is_meant).unwrap_or_default();
    let is_table = COLUMNS.iter().any(|column| first.contains(column));
    let found = match is_table {
        true => column(text, first)?,
        false => (1..)
            .zip(text.lines())
            .filter(|(_, line)| is_meant(line))
            .map(|(number, line)| (number, line.trim().to_owned()))
            .collect(),
    };
    let mut mailboxes: Vec<String> = Vec::new();
    for (line, mailbox) in found {
        let mailbox = address(&mailbox).map_err(|error| format!("line {line}: {error}"))?;
        if !mailboxes.iter().any(|it| it.eq_ignore_ascii_case(&mailbox)) {
            mailboxes.push(mailbox);
        }
    }
    Ok(mailboxes)
}

/// Returns the addresses of a table, each with its line.
fn column(text: &str, heading: &str) -> Result<Vec<(u64, String)>, String> {
    // The separator of Export-Csv depends on the language of Windows.
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|delimiter| heading.bytes().filter(|byte| byte == delimiter).count());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b','))
        // The first line may be `#TYPE Microsoft.Exchange…`.
        .comment(Some(b'#'))
        .flexible(true)
        .from_reader(text.as_bytes());
    let headings = reader.headers().map_err(|error| error.to_string())?;
    let place = COLUMNS
        .iter()
        .find_map(|column| headings.iter().position(|it| it.trim() == *column));
    let place = place.ok_or("no column PrimarySmtpAddress")?;
    let mut found = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let mailbox = record.get(place).unwrap_or_default().trim();
        if mailbox.is_empty() {
            return Err(format!("line {line}: the mailbox has no address"));
        }
        found.push((line, mailbox.to_owned()));
    }
    Ok(found)
}

/// Returns the name of a mailbox's folder: its address in lower case, with unusual characters as `%` and two digits.
pub(crate) fn folder_name(mailbox: &str) -> String {
    let mut name = String::new();
    for byte in mailbox.to_lowercase().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'@' | b'.' | b'-' | b'_' | b'+' => {
                name.push(char::from(byte));
            }
            other => name.push_str(&percent(other)),
        }
    }
    // `.` and `..` are other folders, and Windows removes a dot at the end.
    match name.strip_suffix('.') {
        Some(rest) => format!("{rest}%2e"),
        None => name,
    }
}

fn percent(byte: u8) -> String {
    format!("%{byte:02x}")
}

#[cfg(test)]
mod tests {
    use super::{folder_name, parse};

    #[test]
    fn lines_and_tables_are_read() {
        let expected = ["pat@example.test", "kim@example.test"];
        for text in [
            "pat@example.test\nkim@example.test\n",
            "# mailboxes\r\n\r\n pat@example.test \r\nkim@example.test\r\nPAT@example.test",
            "\"Name\",\"PrimarySmtpAddress\",\"Office\"\n\"Pat, P\",\"pat@example.test\",\"a\nb\"\n\"Kim\",\"kim@example.test\",\"\"\n",
            "#TYPE Microsoft.Exchange.Data.Mailbox\nPrimarySmtpAddress;WindowsEmailAddress\npat@example.test;x\nkim@example.test;\n",
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        for (text, says) in [
            ("pat@example.test\nkim\n", "line 2"),
            (
                "Name,PrimarySmtpAddress\nPat,\n",
                "line 2: the mailbox has no address",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn folders_have_safe_names_of_their_own() {
        for (mailbox, name) in [
            ("Pat.P+x@Example.test", "pat.p+x@example.test"),
            ("../a@b", "..%2fa@b"),
            ("a@b.", "a@b%2e"),
            ("ä:b@c", "%c3%a4%3ab@c"),
        ] {
            assert_eq!(folder_name(mailbox), name);
        }
    }
}
