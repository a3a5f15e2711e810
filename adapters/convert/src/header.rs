//! Header fields, folded and encoded: nothing but a text of the item comes in, and no line end of it comes out.

use std::fmt::Write as _;

use email_encoding::headers::writer::EmailWriter;
use email_encoding::headers::{rfc2047, rfc2231};

use crate::address::Mailbox;
use crate::text::one_line;

/// The maximum length of a word in bytes, so that lines can be folded to 998 bytes, RFC 5322 section 2.1.1.
const MAX_WORD: usize = 900;
/// The maximum number of characters of a display name.
const MAX_NAME: usize = 500;

/// Bytes of a parameter in ASCII that is written as it is; longer ones go into sections, which not every reader knows.
const MAX_PLAIN_PARAMETER: usize = 60;

/// A block of header fields.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(crate) out: String,
    /// The names of the fields that were written, in lower case.
    names: Vec<String>,
}

impl Headers {
    /// Returns whether a field of that name was written.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Writes a field of free text, RFC 5322 section 2.2.1.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        let value = one_line(value);
        let mut writer = self.begin(name);
        let is_plain = value.is_ascii()
            && !value.contains("=?")
            && value.split(' ').all(|word| word.len() <= MAX_WORD);
        let _ = match is_plain {
            true => writer.folding().write_str(&value),
            false => rfc2047::encode(&value, &mut writer),
        };
        drop(writer);
        self.out.push_str("\r\n");
    }

    /// Writes a field that was received, in one line: words in ASCII are copied, others encoded, so that addresses and
    /// encoded words stay what they are.
    fn mixed(&mut self, name: &str, value: &str) {
        let value = one_line(value);
        let mut writer = self.begin(name);
        let mut foreign = String::new();
        let mut is_first = true;
        let words = words_of(&value).into_iter();
        let end = (None, false); // writes what is left
        for (word, is_quoted) in words.map(|(word, it)| (Some(word), it)).chain([end]) {
            let is_foreign = |word: &&str| {
                // An address cannot be encoded.
                (!word.is_ascii() && !word.starts_with('<')) || word.len() > MAX_WORD
            };
            if let Some(word) = word.filter(is_foreign) {
                // Blanks between two encoded words are not shown, so they are encoded too.
                if !foreign.is_empty() {
                    foreign.push(' ');
                }
                let quotes: &[char] = if is_quoted { &['"'] } else { &[] };
                foreign.push_str(word.trim_matches(quotes));
                continue;
            }
            if !foreign.is_empty() {
                if !std::mem::take(&mut is_first) {
                    writer.space();
                }
                let _ = rfc2047::encode(&std::mem::take(&mut foreign), &mut writer);
            }
            if let Some(word) = word {
                if !std::mem::take(&mut is_first) {
                    writer.space();
                }
                let _ = writer.folding().write_str(word);
            }
        }
        drop(writer);
        self.out.push_str("\r\n");
    }

    /// Writes a field of words that are not encoded, such as identifiers; words that cannot be written are left out.
    /// Returns whether all were written.
    pub(crate) fn words(&mut self, name: &str, value: &str) -> bool {
        let value = one_line(value);
        let is_word = |word: &&str| word.is_ascii() && word.len() <= MAX_WORD;
        let words: Vec<_> = value.split_whitespace().filter(is_word).collect();
        if words.is_empty() {
            return false;
        }
        let mut writer = self.begin(name);
        let _ = writer.folding().write_str(&words.join(" "));
        drop(writer);
        self.out.push_str("\r\n");
        words.len() == value.split_whitespace().count()
    }

    /// Writes a field of addresses.
    pub(crate) fn mailboxes(&mut self, name: &str, mailboxes: &[Mailbox]) {
        if mailboxes.is_empty() {
            return;
        }
        let mut writer = self.begin(name);
        for (index, mailbox) in mailboxes.iter().enumerate() {
            if index > 0 {
                let _ = writer.write_char(',');
                writer.space();
            }
            let name: String = one_line(&mailbox.name).chars().take(MAX_NAME).collect();
            let address = one_line(&mailbox.address);
            let _ = match name.as_str() {
                "" => writer.folding().write_str(&address),
                name => {
                    let _ = if name.is_ascii() && !name.contains("=?") {
                        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
                        writer.folding().write_str(&format!("\"{escaped}\""))
                    } else {
                        rfc2047::encode(name, &mut writer)
                    };
                    writer.space();
                    writer.folding().write_str(&format!("<{address}>"))
                }
            };
        }
        drop(writer);
        self.out.push_str("\r\n");
    }

    /// Writes a field with parameters, RFC 2045 section 5.1 and RFC 2231.
    pub(crate) fn parameters(&mut self, name: &str, value: &str, parameters: &[(&str, &str)]) {
        let mut writer = self.begin(name);
        let _ = writer.write_str(&one_line(value));
        for (key, value) in parameters {
            let _ = writer.write_char(';');
            writer.space();
            let value = one_line(value);
            if value.is_ascii() && value.len() <= MAX_PLAIN_PARAMETER {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                let parameter = format!("{key}=\"{value}\"");
                if writer.projected_line_len() + parameter.len() > 76 {
                    let _ = writer.new_line();
                }
                let _ = writer.write_str(&parameter);
            } else {
                let _ = rfc2231::encode(key, &value, &mut writer);
            }
        }
        drop(writer);
        self.out.push_str("\r\n");
    }

    /// Writes a field as it was received, in its lines; returns `false` if it is malformed.
    pub(crate) fn received(&mut self, lines: &[&str]) -> bool {
        let Some((name, value)) = lines.first().and_then(|line| line.split_once(':')) else {
            return false;
        };
        let name = name.trim_end();
        if !is_field_name(name) {
            return false;
        }
        let rest = lines.get(1..).unwrap_or_default();
        let is_plain = |line: &str| line.is_ascii() && line.len() < 990;
        if !lines.iter().all(|line| is_plain(line)) {
            self.mixed(name, &[value, &rest.join(" ")].join(" "));
            return true;
        }
        self.names.push(name.to_ascii_lowercase());
        let clean = |line: &str| -> String {
            let blank = |c: char| c.is_ascii_control() && c != '\t';
            (line.chars().map(|c| if blank(c) { ' ' } else { c })).collect()
        };
        let _ = write!(self.out, "{name}:{}\r\n", clean(value));
        for line in rest {
            let line = clean(line);
            if !line.trim().is_empty() {
                let _ = write!(self.out, "{line}\r\n");
            }
        }
        true
    }

    fn begin(&mut self, name: &str) -> EmailWriter<'_> {
        self.names.push(name.to_ascii_lowercase());
        let _ = write!(self.out, "{name}:");
        let len = name.len() + 1;
        EmailWriter::new(&mut self.out, len, 1, false)
    }
}

/// Splits a value into words, and returns whether each is a quoted string.
fn words_of(value: &str) -> Vec<(&str, bool)> {
    let mut words = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"') {
            Some(text) => text.find('"').map(|end| end + 2),
            None => None,
        };
        let is_quoted = end.is_some();
        let end = end.or_else(|| rest.find(' ')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push((word, is_quoted));
        rest = after.trim_start();
    }
    words
}

/// Returns whether a text is the name of a field, RFC 5322 section 2.2: printable US-ASCII without the colon.
pub(crate) fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 76
        && name
            .bytes()
            .all(|it| matches!(it, b'!'..=b'9' | b';'..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::Headers;
    use crate::address::Mailbox;

    fn mailbox(name: &str, address: &str) -> Mailbox {
        Mailbox {
            name: name.into(),
            address: address.into(),
            unresolved: None,
        }
    }

    #[test]
    fn no_value_makes_a_line() {
        let evil = "a\r\nBcc: x@y\r\n\r\nbody\0\u{85}\u{2028}é";
        let mut headers = Headers::default();
        headers.text("Subject", evil);
        headers.text("Subject", "a\r\nBcc: b");
        headers.words("Message-ID", evil);
        headers.mailboxes(
            "To",
            &[mailbox(evil, "a@b"), mailbox("c\r\nBcc: d", "e@f\nBcc: g")],
        );
        headers.parameters("Content-Type", "a/b", &[("name", evil)]);
        headers.received(&["X-A: b\rBcc: c\0d", "\re"]);
        for line in headers.out.split_terminator("\r\n") {
            assert!(!line.starts_with("Bcc"), "{line}");
            assert!(!line.contains(['\r', '\n', '\0']), "{line}");
            assert!(line.len() <= 998 && !line.trim().is_empty(), "{line:?}");
        }
    }

    #[test]
    fn received_fields_keep_their_addresses() {
        let mut headers = Headers::default();
        headers.received(&[
            "From: \"J\u{fc}rgen M\u{fc}ller\" <j@example.test>, Ann <a@x>,",
            " \u{c4}nne <c@d>",
        ]);
        let long = format!("Subject: {}", "=?utf-8?q?J=C3=BC?= ".repeat(60));
        headers.received(&[&long]);
        let shown = headers.out.replace("\r\n ", " ");
        assert!(
            shown.starts_with(
                "From: =?utf-8?b?SsO8cmdlbiBNw7xsbGVy?= <j@example.test>, Ann <a@x>, =?utf-8?b?w4RubmU=?= <c@d>\r\n"
            ),
            "{shown}"
        );
        assert_eq!(shown.matches("=?utf-8?q?J=C3=BC?=").count(), 60);
        assert!(headers.out.lines().all(|line| line.len() <= 78));
    }

    #[test]
    fn long_and_foreign_values_fold() {
        let mut headers = Headers::default();
        headers.text("Subject", &"x".repeat(10_000));
        headers.text("Subject", &"жжж ".repeat(2_000));
        headers.text("Subject", &"word ".repeat(2_000));
        headers.mailboxes(
            "To",
            &vec![mailbox("\"Pat\" Doe, Jr.", "pat@example.test"); 40],
        );
        headers.parameters(
            "Content-Disposition",
            "attachment",
            &[("filename", &"Übung ".repeat(40))],
        );
        for line in headers.out.split_terminator("\r\n") {
            assert!(line.len() <= 80, "{line}");
        }
        assert!(headers
            .out
            .contains("\"\\\"Pat\\\" Doe, Jr.\" <pat@example.test>,"));
    }
}
