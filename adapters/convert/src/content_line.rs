//! Content lines, which iCalendar (RFC 5545 section 3.1) and vCard (RFC 6350 section 3.2) share.

use std::io::{self, Write};

/// The maximum length of a line without its line end, in bytes.
const MAX_LINE: usize = 75;

/// Writes content lines, folded to 75 bytes.
///
/// No value makes a line of its own: control characters are left out, and the line ends of texts become `\n`.
pub(crate) struct ContentLines<'a> {
    out: &'a mut dyn Write,
    line: Vec<u8>,
}

impl<'a> ContentLines<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            line: Vec::with_capacity(MAX_LINE + 2),
        }
    }

    /// Writes a line whose value is in the form of its type. `name` may have parameters.
    pub(crate) fn value(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.begin(name)?;
        self.put(value.as_bytes())?;
        self.end()
    }

    /// Writes a line whose value is a text, RFC 5545 section 3.3.11.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.begin(name)?;
        Escaped::new(self).write_all(text.as_bytes())?;
        self.end()
    }

    /// Writes a line whose value is several texts, with a separator.
    pub(crate) fn texts(
        &mut self,
        name: &str,
        separator: &str,
        texts: &[String],
    ) -> io::Result<()> {
        self.begin(name)?;
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                self.put(separator.as_bytes())?;
            }
            Escaped::new(self).write_all(text.as_bytes())?;
        }
        self.end()
    }

    /// Begins a line, whose value follows.
    pub(crate) fn begin(&mut self, name: &str) -> io::Result<()> {
        self.put(name.as_bytes())?;
        self.put(b":")
    }

    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.line.extend_from_slice(b"\r\n");
        self.out.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }

    /// Writes a part of a line.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        for &byte in bytes {
            // A line is not folded within a character.
            let len = match byte {
                0x80..=0xBF => 0,
                0xC0..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0.. => 4,
                _ if byte.is_ascii_control() => continue,
                _ => 1,
            };
            if self.line.len() + len > MAX_LINE {
                self.end()?;
                self.line.push(b' ');
            }
            self.line.push(byte);
        }
        Ok(())
    }
}

/// The value of the current line as it is written to this.
impl Write for ContentLines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Escapes the text that is written to it.
pub(crate) struct Escaped<'a, 'b> {
    lines: &'a mut ContentLines<'b>,
    has_cr: bool,
}

impl<'a, 'b> Escaped<'a, 'b> {
    pub(crate) fn new(lines: &'a mut ContentLines<'b>) -> Self {
        Self {
            lines,
            has_cr: false,
        }
    }
}

impl Write for Escaped<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            let had_cr = std::mem::replace(&mut self.has_cr, *byte == b'\r');
            match byte {
                b'\n' if had_cr => {}
                b'\r' | b'\n' => self.lines.put(b"\\n")?,
                b'\\' | b';' | b',' => self.lines.put(&[b'\\', *byte])?,
                b'\t' => self.lines.put(b" ")?,
                _ => self.lines.put(&[*byte])?,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts the value of a parameter in quotation marks, and leaves out those in it.
pub(crate) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "'"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{ContentLines, Escaped};

    proptest::proptest! {
        #[test]
        fn lines_are_folded_and_come_back(text in "([ -~äж🎉\\\\;,\0]|\r\n|\n|\r){0,200}", size in 1..9_usize) {
            let mut out = Vec::new();
            let mut lines = ContentLines::new(&mut out);
            lines.begin("X;A=\"b\r\nEVIL:c\"").unwrap();
            let mut escaped = Escaped::new(&mut lines);
            for piece in text.as_bytes().chunks(size) {
                escaped.write_all(piece).unwrap();
            }
            lines.end().unwrap();
            for line in out.split(|byte| *byte == b'\n') {
                assert!(line.len() <= 76);
                assert!(std::str::from_utf8(line).is_ok());
            }
            let shown = String::from_utf8(out).unwrap().replace("\r\n ", "");
            let value = shown.strip_prefix("X;A=\"bEVIL:c\":").unwrap();
            let value = value.strip_suffix("\r\n").unwrap();
            assert!(!value.contains(['\r', '\n', '\0']));
            let read = value.replace("\\\\", "\u{1}").replace("\\n", "\n").replace("\\;", ";");
            let read = read.replace("\\,", ",").replace('\u{1}', "\\");
            let expected = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "");
            assert_eq!(read, expected);
        }
    }
}
