//! Content transfer encodings and line ends, as streams.

use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;

/// Bytes of a line of base64, RFC 2045 section 6.8: 76 characters.
const LINE: usize = 57;
/// Lines that are encoded at once.
const LINES: usize = 1024;

/// Writes base64 in lines of 76 characters.
pub(crate) struct Base64Writer<'a> {
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
    /// The buffer in base64, and with line ends.
    encoded: Vec<u8>,
    lines: Vec<u8>,
}

impl<'a> Base64Writer<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            buffer: Vec::with_capacity(LINE * LINES),
            encoded: vec![0; LINE / 3 * 4 * LINES],
            lines: Vec::with_capacity((LINE / 3 * 4 + 2) * LINES),
        }
    }

    /// Writes what is left; the last line has no line end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush_lines(true)
    }

    fn flush_lines(&mut self, is_last: bool) -> io::Result<()> {
        let encoded = STANDARD.encode_slice(&self.buffer, &mut self.encoded);
        let encoded = encoded.map_err(io::Error::other)?;
        let encoded = self.encoded.get(..encoded).unwrap_or_default();
        self.lines.clear();
        for line in encoded.chunks(LINE / 3 * 4) {
            self.lines.extend_from_slice(line);
            self.lines.extend_from_slice(b"\r\n");
        }
        if is_last {
            self.lines.truncate(self.lines.len().saturating_sub(2));
        }
        self.buffer.clear();
        self.out.write_all(&self.lines)
    }
}

impl Write for Base64Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full buffer waits for the next byte: the last line has no line end.
        if self.buffer.len() == LINE * LINES && !bytes.is_empty() {
            self.flush_lines(false)?;
        }
        let taken = bytes.len().min(LINE * LINES - self.buffer.len());
        self.buffer
            .extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes quoted-printable, RFC 2045 section 6.7. CRLF is a line end; any other byte comes back as it is.
pub(crate) struct QuotedPrintableWriter<'a> {
    out: &'a mut dyn Write,
    line: Vec<u8>,
    /// A CR that may be the first half of a line end.
    has_cr: bool,
}

impl<'a> QuotedPrintableWriter<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            line: Vec::with_capacity(80),
            has_cr: false,
        }
    }

    /// Writes what is left. With `is_last`, the last line ends, without changing the content.
    pub(crate) fn finish(mut self, is_last: bool) -> io::Result<()> {
        if self.has_cr {
            self.put(b'\r', true)?;
        }
        self.encode_blank()?;
        if is_last && !self.line.is_empty() {
            self.line.extend_from_slice(b"=\r\n");
        }
        self.out.write_all(&self.line)
    }

    fn byte(&mut self, byte: u8) -> io::Result<()> {
        if std::mem::take(&mut self.has_cr) {
            if byte == b'\n' {
                self.encode_blank()?;
                self.line.extend_from_slice(b"\r\n");
                return self.flush_line();
            }
            self.put(b'\r', true)?;
        }
        match byte {
            b'\r' => {
                self.has_cr = true;
                Ok(())
            }
            b' ' | b'\t' | b'!'..=b'<' | b'>'..=b'~' => self.put(byte, false),
            _ => self.put(byte, true),
        }
    }

    fn put(&mut self, byte: u8, is_encoded: bool) -> io::Result<()> {
        // Three for this byte and three for a blank at the end; one for the `=`.
        if self.line.len() + 3 > 73 {
            self.encode_blank()?;
            self.line.extend_from_slice(b"=\r\n");
            self.flush_line()?;
        }
        if is_encoded {
            write!(self.line, "={byte:02X}")
        } else {
            self.line.push(byte);
            Ok(())
        }
    }

    /// Encodes a blank at the end of a line, which would be lost otherwise.
    fn encode_blank(&mut self) -> io::Result<()> {
        if let Some(blank) = self.line.pop_if(|last| matches!(*last, b' ' | b'\t')) {
            write!(self.line, "={blank:02X}")?;
        }
        Ok(())
    }

    fn flush_line(&mut self) -> io::Result<()> {
        self.out.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }
}

impl Write for QuotedPrintableWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            self.byte(byte)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes every line end a CRLF.
pub(crate) struct CrlfWriter<'a> {
    out: &'a mut dyn Write,
    has_cr: bool,
}

impl<'a> CrlfWriter<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, has_cr: false }
    }
}

impl Write for CrlfWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            let had_cr = std::mem::take(&mut self.has_cr);
            match line.split_last() {
                Some((b'\n', [])) if had_cr => {}
                Some((end @ (b'\r' | b'\n'), line)) => {
                    self.out.write_all(line)?;
                    self.out.write_all(b"\r\n")?;
                    self.has_cr = *end == b'\r';
                }
                _ => self.out.write_all(line)?,
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

    use base64::engine::general_purpose::STANDARD;
    use base64::Engine as _;

    use super::{Base64Writer, CrlfWriter, QuotedPrintableWriter};

    /// Reads quoted-printable back, naively.
    fn decode(text: &str) -> Vec<u8> {
        let text = text.replace("=\r\n", "");
        let (mut out, mut rest) = (Vec::new(), text.as_bytes());
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if byte == b'=' {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                out.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &rest[2..];
            } else {
                out.push(byte);
            }
        }
        out
    }

    proptest::proptest! {
        #[test]
        fn quoted_printable(text in "([ -~\r\n\t=éж\0]|\r\n| \r\n){0,300}", is_last: bool, size in 1..9_usize) {
            let mut out = Vec::new();
            let mut writer = QuotedPrintableWriter::new(&mut out);
            for piece in text.as_bytes().chunks(size) {
                writer.write_all(piece).unwrap();
            }
            writer.finish(is_last).unwrap();
            let out = String::from_utf8(out).unwrap();
            for line in out.split("\r\n") {
                assert!(line.len() <= 76 && !line.ends_with([' ', '\t']), "{line:?}");
                assert!(line.bytes().all(|it| it == b'\t' || (b' '..=b'~').contains(&it)));
            }
            assert_eq!(decode(&out), text.as_bytes());
            assert!(!is_last || out.is_empty() || out.ends_with("\r\n"));
        }

        #[test]
        fn base64(bytes in proptest::collection::vec(0..=255_u8, 0..20_000), size in 1..9_000_usize) {
            let mut out = Vec::new();
            let mut writer = Base64Writer::new(&mut out);
            for piece in bytes.chunks(size) {
                writer.write_all(piece).unwrap();
            }
            writer.finish().unwrap();
            let out = String::from_utf8(out).unwrap();
            assert!(!out.ends_with('\n') && out.split("\r\n").all(|line| line.len() <= 76));
            assert_eq!(STANDARD.decode(out.replace("\r\n", "")).unwrap(), bytes);
        }

        #[test]
        fn line_ends(text in "[a\r\n]{0,20}", size in 1..4_usize) {
            let mut out = Vec::new();
            for piece in [&text] {
                let mut writer = CrlfWriter::new(&mut out);
                for piece in piece.as_bytes().chunks(size) {
                    writer.write_all(piece).unwrap();
                }
            }
            let expected = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
