//! Writes lines to the standard output and the standard error.

use core::fmt::{self, Write as _};
use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use crate::status::Failure;

/// The largest number of bytes that are kept while the output fails. Beyond it, the output counts as closed.
const MOST_WAITING: usize = 16 * 1024 * 1024;

/// The format of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text for a person.
    Text,
    /// One JSON object per line, for a program.
    Json,
}

impl Format {
    pub(crate) const fn new(json: bool) -> Self {
        if json {
            Self::Json
        } else {
            Self::Text
        }
    }
}

/// Writes a line to the standard error, and ignores a failure to do so.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "exportitems: {}", visible(text));
}

/// Escapes control characters, so that the text stays on one line and cannot control a terminal.
///
/// Parts of the output come from servers, files and file names, which are not trusted.
/// These characters are escaped: C0 and C1 controls (ESC, BEL, line breaks, U+009B), the line and paragraph separators,
/// the controls of bidirectional text, and other invisible format characters.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_control(character) {
            visible.extend(character.escape_default());
        } else {
            visible.push(character);
        }
    }
    Cow::Owned(visible)
}

/// Returns whether a character can control a terminal or change how a line is displayed.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}' | '\u{61C}' | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// Writes lines to the standard output, and keeps the error if that fails.
///
/// A failure does not interrupt an export. The caller asks [`check`](Self::check) for the error where stopping
/// loses nothing.
/// After a failure, the next line is written only after the unwritten bytes. No line is torn or lost when a full
/// disk has room again.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: io::Stdout,
    waiting: Vec<u8>,
    failed: Option<io::Error>,
    closed: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self {
            stdout: io::stdout(),
            waiting: Vec::new(),
            failed: None,
            closed: false,
        }
    }

    /// Writes a line of text with its control characters escaped, and flushes it.
    pub(crate) fn line(&mut self, text: &str) {
        self.bytes(format!("{}\n", visible(text)).as_bytes());
    }

    /// Writes a value as one line of text or JSON, and flushes it, so that the reading program can act on it.
    pub(crate) fn value(&mut self, value: &(impl Serialize + fmt::Display), format: Format) {
        match format {
            Format::Text => self.line(&value.to_string()),
            Format::Json => self.json(value),
        }
    }

    /// Writes a value as one line of JSON, and flushes it.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.bytes(format!("{}\n", visible_json(&text)).as_bytes()),
            Err(error) => self.failed = self.failed.take().or(Some(error.into())),
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.closed {
            return;
        }
        self.waiting.extend_from_slice(bytes);
        let mut stdout = self.stdout.lock();
        let (mut written, mut failed) = (0, None);
        while failed.is_none() && written < self.waiting.len() {
            match stdout.write(&self.waiting[written..]) {
                Ok(0) => failed = Some(io::ErrorKind::WriteZero.into()),
                Ok(len) => written += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => failed = Some(error),
            }
        }
        self.waiting.drain(..written);
        self.failed = failed.or_else(|| stdout.flush().err());
        self.closed = match &self.failed {
            Some(error) => {
                error.kind() == io::ErrorKind::BrokenPipe || self.waiting.len() > MOST_WAITING
            }
            None => false,
        };
    }

    /// Returns the error of the latest write, if it failed.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match &self.failed {
            None => Ok(()),
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::OutputClosed),
            Some(error) => Err(Failure::local("standard output", error)),
        }
    }
}

/// Writes the characters that [`visible`] escapes as JSON escapes, which keeps the value of the JSON.
///
/// Such characters occur only inside strings, and `serde_json` has already escaped ASCII controls except U+007F.
fn visible_json(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_control(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(visible, "\\u{unit:04x}");
            }
        } else {
            visible.push(character);
        }
    }
    Cow::Owned(visible)
}

/// For code that writes on its own and handles errors itself.
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdout.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_json};

    #[test]
    fn output_cannot_control_a_terminal() {
        for (text, expected) in [
            ("Änderung: 訂正 \"x\" \\ 😀", "Änderung: 訂正 \"x\" \\ 😀"),
            ("a\x1b]0;title\x07b", "a\\u{1b}]0;title\\u{7}b"),
            ("a\u{9b}2Jb\x7f", "a\\u{9b}2Jb\\u{7f}"),
            ("ok\nforged\r\u{2028}", "ok\\nforged\\r\\u{2028}"),
            ("\u{202e}gpj.exe\u{2066}", "\\u{202e}gpj.exe\\u{2066}"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn json_keeps_its_value() {
        let text = "a\x1b\x07\n\u{9b}\x7f\u{202e}\u{E0041}\"ä";
        let json = serde_json::to_string(text).unwrap();
        let escaped = visible_json(&json);
        assert!(
            escaped
                .chars()
                .all(|c| c == 'ä' || (' '..='~').contains(&c)),
            "{escaped}"
        );
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }
}
