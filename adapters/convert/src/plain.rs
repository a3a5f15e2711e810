//! An item as text, for people and for search.

use std::io::{self, Write};

use crate::body::Bodies;
use crate::eml::Options;
use crate::item::{Item, Message};
use crate::source::Source;
use crate::summary::Summary;
use crate::values::Values;
use crate::warning::Warning;

/// Writes the most important headers, the body and the names of the attachments, in UTF-8.
///
/// # Errors
/// Those of the source and of the writer.
pub fn write(
    item: &Item,
    source: &mut dyn Source,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<Vec<Warning>> {
    let summary = Summary::of(item, source, options)?;
    for (name, value) in summary.headers() {
        writeln!(out, "{name}: {value}")?;
    }
    for attachment in &summary.attachments {
        writeln!(out, "Attachment: {}", attachment.name)?;
    }
    writeln!(out)?;
    write_body(item, source, out)
}

/// Writes the body as text, in UTF-8: the plain one, or else the HTML without its tags.
///
/// # Errors
/// Those of the source and of the writer.
pub fn write_body(
    item: &Item,
    source: &mut dyn Source,
    out: &mut dyn Write,
) -> io::Result<Vec<Warning>> {
    let mut values = Values::new(source);
    body(&item.message, &mut values, out)?;
    writeln!(out)?;
    Ok(values.warnings)
}

/// Returns whether a message has a body.
pub(crate) fn has_body(message: &Message) -> bool {
    // PidTagBody, PidTagHtml, PidTagRtfCompressed
    let there = |id: &u16| (message.properties.get(*id)).is_some_and(|it| !it.value.is_empty());
    [0x1000, 0x1013, 0x1009].iter().any(there)
}

/// Writes the body of a message as text; nothing if it has none.
pub(crate) fn body(
    message: &Message,
    values: &mut Values<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let bodies = Bodies::of(message, values)?;
    let mut out = Clean { out };
    if let Some(text) = &bodies.text {
        text.write_utf8(values, &mut out)?;
    } else if let Some(html) = &bodies.html {
        let mut text = TagRemover::new(&mut out);
        html.write_utf8(values, &mut text)?;
        text.finish()?;
    }
    Ok(())
}

/// Leaves out CR and the control characters that terminals interpret.
struct Clean<'a> {
    out: &'a mut dyn Write,
}

impl Write for Clean<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_text = |byte: &u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~' | 0x80..);
        for piece in bytes.split_inclusive(|byte| !is_text(byte)) {
            let text = piece.iter().rposition(is_text).map_or(0, |last| last + 1);
            self.out.write_all(piece.get(..text).unwrap_or_default())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the text of the HTML that is written to it: no tags, scripts or styles; entities decoded; lines broken where
/// blocks end.
struct TagRemover<'a> {
    out: &'a mut dyn Write,
    state: Html,
    /// The tag, the entity or the end of a comment.
    held: Vec<u8>,
    /// `script` or `style`, up to its end tag.
    skipped: Option<&'static [u8]>,
    needs_blank: bool,
    at_line_start: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Html {
    Text,
    Tag,
    Comment,
    Entity,
}

impl<'a> TagRemover<'a> {
    fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            state: Html::Text,
            held: Vec::new(),
            skipped: None,
            needs_blank: false,
            at_line_start: true,
        }
    }

    fn finish(mut self) -> io::Result<()> {
        if self.state == Html::Entity {
            let held = std::mem::take(&mut self.held);
            self.text(b"&")?;
            self.text(&held)?;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> io::Result<()> {
        match self.state {
            Html::Text => match byte {
                b'<' => self.state = Html::Tag,
                b'&' if self.skipped.is_none() => self.state = Html::Entity,
                _ if self.skipped.is_some() => {}
                b' ' | b'\t' | b'\r' | b'\n' => self.needs_blank = true,
                _ => self.text(&[byte])?,
            },
            Html::Tag => {
                if byte == b'>' {
                    self.state = Html::Text;
                    let tag = std::mem::take(&mut self.held);
                    return self.tag(&tag);
                }
                // In a script, `<` is a sign as well.
                if byte == b'<' && self.skipped.is_some() {
                    self.held.clear();
                } else if self.held.len() < 64 {
                    self.held.push(byte.to_ascii_lowercase());
                }
                if self.held == b"!--" {
                    self.held.clear();
                    self.state = Html::Comment;
                }
            }
            Html::Comment => {
                self.held.push(byte);
                if self.held.ends_with(b"-->") {
                    self.held.clear();
                    self.state = Html::Text;
                } else if self.held.len() > 2 {
                    self.held.remove(0);
                }
            }
            Html::Entity => {
                let is_name = byte.is_ascii_alphanumeric() || byte == b'#';
                if is_name && self.held.len() < 12 {
                    self.held.push(byte);
                    return Ok(());
                }
                self.state = Html::Text;
                let held = std::mem::take(&mut self.held);
                if let Some(character) = entity(&held) {
                    self.text(character.encode_utf8(&mut [0; 4]).as_bytes())?;
                    if byte == b';' {
                        return Ok(());
                    }
                } else {
                    self.text(b"&")?;
                    self.text(&held)?;
                }
                return self.byte(byte);
            }
        }
        Ok(())
    }

    fn tag(&mut self, tag: &[u8]) -> io::Result<()> {
        let is_end = tag.first() == Some(&b'/');
        let name = tag.get(usize::from(is_end)..).unwrap_or_default();
        let name = name
            .split(|it| !it.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        if let Some(skipped) = self.skipped {
            if is_end && name == skipped {
                self.skipped = None;
            }
            return Ok(());
        }
        match name {
            b"script" if !is_end => self.skipped = Some(b"script"),
            b"style" if !is_end => self.skipped = Some(b"style"),
            b"title" if !is_end => self.skipped = Some(b"title"),
            b"br" => self.line_end()?,
            b"p" | b"div" | b"tr" | b"li" | b"h1" | b"h2" | b"h3" | b"h4" | b"table" | b"ul"
            | b"ol" | b"blockquote"
                if !self.at_line_start =>
            {
                self.line_end()?;
            }
            b"td" | b"th" => self.needs_blank = true,
            _ => {}
        }
        Ok(())
    }

    fn line_end(&mut self) -> io::Result<()> {
        self.needs_blank = false;
        self.at_line_start = true;
        self.out.write_all(b"\n")
    }

    fn text(&mut self, text: &[u8]) -> io::Result<()> {
        if std::mem::take(&mut self.needs_blank) && !self.at_line_start {
            self.out.write_all(b" ")?;
        }
        self.at_line_start = false;
        self.out.write_all(text)
    }
}

impl Write for TagRemover<'_> {
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

/// Returns the character that an entity represents.
fn entity(name: &[u8]) -> Option<char> {
    let name = std::str::from_utf8(name).ok()?;
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return char::from_u32(number.ok()?).filter(|it| !it.is_control());
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "euro" => '€',
        "copy" => '©',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "bull" => '•',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Clean, TagRemover};

    #[test]
    fn html_becomes_lines() {
        let html = b"<html><head><title>no</title><style>p { a: b }</style></head><body><!-- <p>no --><p>One\r\n  two<br>three</p><div>&lt;four&gt; &#228;&auml;&bogus;</div><td>a<td>b<script>if (a<b) x()</script> &amp";
        for size in [1, 1000] {
            let mut out = Vec::new();
            let mut remover = TagRemover::new(&mut out);
            for piece in html.chunks(size) {
                remover.write_all(piece).unwrap();
            }
            remover.finish().unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text, "One two\nthree\n<four> ää&bogus;\na b &amp");
        }
    }

    #[test]
    fn terminals_are_safe() {
        let mut out = Vec::new();
        Clean { out: &mut out }
            .write_all(b"a\x1b[2Jb\r\n\0\x07c\xC3\xA4")
            .unwrap();
        assert_eq!(out, b"a[2Jb\nc\xC3\xA4");
    }
}
