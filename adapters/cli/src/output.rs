//! The standard output and the standard error: lines for a person or a program.

use core::fmt::{self, Write as _};
use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use crate::status::Failure;

/// Bytes that wait for an output that fails, at most; then it counts as closed.
const MOST_WAITING: usize = 16 * 1024 * 1024;

/// For whom the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A person.
    Text,
    /// A program: one JSON object per line.
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

/// Writes a line to the standard error, where that is possible.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "exportitems: {}", visible(text));
}

/// Text with its control characters written as escapes, so that it stays on its line and cannot steer a
/// terminal.
///
/// Servers, files and file names decide about parts of what is printed.
/// These are escaped: C0 and C1 controls (ESC, BEL, line breaks, U+009B), the line and paragraph separators,
/// the controls of bidirectional text, and other invisible format characters.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if steers(character) {
            visible.extend(character.escape_default());
        } else {
            visible.push(character);
        }
    }
    Cow::Owned(visible)
}

fn steers(character: char) -> bool {
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

/// Writes lines, and remembers the failure of an output that does not take them.
///
/// A failure does not stop a response or an export; [`check`](Self::check) returns it where stopping loses
/// nothing.
/// What could not be written is tried again with the next line, from the byte at which it failed: no line is
/// torn or left out when a full disk gets room again.
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

    /// Writes a line for a person, with its control characters escaped, and flushes it.
    pub(crate) fn line(&mut self, text: &str) {
        self.bytes(format!("{}\n", visible(text)).as_bytes());
    }

    /// Writes a value as one line of its text or of JSON, and flushes it so that a program at the other end
    /// can act on it.
    pub(crate) fn value(&mut self, value: &(impl Serialize + fmt::Display), format: Format) {
        match format {
            Format::Text => self.line(&value.to_string()),
            Format::Json => match serde_json::to_string(value) {
                Ok(text) => self.bytes(format!("{}\n", visible_json(&text)).as_bytes()),
                Err(error) => self.failed = self.failed.take().or(Some(error.into())),
            },
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

    /// Whether everything could be written.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match &self.failed {
            None => Ok(()),
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::OutputClosed),
            Some(error) => Err(Failure::local("standard output", error)),
        }
    }
}

/// The same JSON, with the characters that [`visible`] escapes as JSON's escapes.
///
/// Outside of strings JSON is ASCII, and `serde_json` escapes the ASCII controls but for U+007F.
fn visible_json(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if steers(character) {
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

/// For code that writes by itself; it gets the failures.
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
    fn nothing_steers_a_terminal() {
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
