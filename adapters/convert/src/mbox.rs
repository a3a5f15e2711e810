//! Messages in one file, in the form `mboxrd`: a line that begins with any number of `>` and `From ` gets one more `>`.

use std::io::{self, Write};

use crate::eml;
use crate::item::Item;
use crate::maildir::delivered;
use crate::source::Source;
use crate::summary::Summary;
use crate::time::Time;
use crate::warning::Warning;

/// Appends an item to an mbox file, with LF at its line ends.
///
/// # Errors
/// Those of the source and of the writer.
pub fn append(
    item: &Item,
    source: &mut dyn Source,
    out: &mut dyn Write,
    options: &eml::Options,
) -> io::Result<Vec<Warning>> {
    let summary = Summary::of(item, source, options)?;
    let from = summary.from.map(|from| from.address);
    let from = from.filter(|it| it.is_ascii() && !it.contains(' '));
    let from = from.unwrap_or_else(|| "MAILER-DAEMON".to_owned());
    let epoch = || "Thu Jan  1 00:00:00 1970".to_owned();
    let date = delivered(item).map_or_else(epoch, Time::asctime);
    writeln!(out, "From {from} {date}")?;
    let mut writer = MboxWriter {
        out,
        line: Vec::new(),
        state: State::LineStart,
        has_cr: false,
    };
    let warnings = eml::write(item, source, &mut writer, options)?;
    writer.finish()?;
    Ok(warnings)
}

/// Quotes lines that would begin another message, and replaces each CRLF by an LF.
struct MboxWriter<'a> {
    out: &'a mut dyn Write,
    /// The start of a line that may have to be quoted.
    line: Vec<u8>,
    state: State,
    has_cr: bool,
}

#[derive(PartialEq, Eq)]
enum State {
    LineStart,
    Line,
}

impl MboxWriter<'_> {
    fn put(&mut self, byte: u8) -> io::Result<()> {
        match self.state {
            State::Line => {
                self.out.write_all(&[byte])?;
                if byte == b'\n' {
                    self.state = State::LineStart;
                }
            }
            State::LineStart => {
                // `>` alone goes out at once: a line of nothing else is not held.
                if byte == b'>' && self.line.is_empty() {
                    return self.out.write_all(b">");
                }
                self.line.push(byte);
                if self.line == b"From " {
                    self.out.write_all(b">")?;
                }
                if self.line == b"From " || !b"From ".starts_with(&self.line) {
                    self.out.write_all(&self.line)?;
                    self.line.clear();
                    self.state = match byte {
                        b'\n' => State::LineStart,
                        _ => State::Line,
                    };
                }
            }
        }
        Ok(())
    }

    /// Ends the last line, and writes the empty line between messages.
    fn finish(mut self) -> io::Result<()> {
        if self.has_cr {
            self.put(b'\r')?;
        }
        let is_open = self.state == State::Line || !self.line.is_empty();
        self.out.write_all(&self.line)?;
        self.out.write_all(if is_open { b"\n\n" } else { b"\n" })
    }
}

impl Write for MboxWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            if std::mem::take(&mut self.has_cr) && byte != b'\n' {
                self.put(b'\r')?;
            }
            if byte == b'\r' {
                self.has_cr = true;
            } else {
                self.put(byte)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{MboxWriter, State};

    #[test]
    fn lines_that_begin_a_message_are_quoted() {
        let text = b"From a\r\n>From b\r\n>>x\r\nFro\r\nFrom\r\n >From\r\na\rb\nFrom c";
        for size in [1, 3, 100] {
            let mut out = Vec::new();
            let mut writer = MboxWriter {
                out: &mut out,
                line: Vec::new(),
                state: State::LineStart,
                has_cr: false,
            };
            for piece in text.chunks(size) {
                writer.write_all(piece).unwrap();
            }
            writer.finish().unwrap();
            assert_eq!(
                String::from_utf8(out).unwrap(),
                ">From a\n>>From b\n>>x\nFro\nFrom\n >From\na\rb\n>From c\n\n"
            );
        }
    }
}
