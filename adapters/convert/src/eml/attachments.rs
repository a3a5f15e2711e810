//! Attachments as parts.

use std::io::{self, Write as _};

use super::{Writer, MAX_DEPTH};
use crate::body::Survey;
use crate::encode::Base64Writer;
use crate::header::Headers;
use crate::item::{Attachment, Message, Property, Value};
use crate::names::media_type;
use crate::ole::{self, Inner};
use crate::source::ValueReader;
use crate::time::Time;
use crate::warning::WarningKind;

/// An attachment as a MIME part.
pub(super) struct Part<'a> {
    pub(super) name: String,
    pub(super) is_inline: bool,
    media_type: String,
    content_id: Option<String>,
    location: Option<String>,
    times: Vec<(&'static str, String)>,
    content: Content<'a>,
}

enum Content<'a> {
    Bytes(&'a Value),
    /// A file in an OLE object.
    Ole(&'a Value, Inner),
    Message(&'a Message),
    /// A link; the item does not have the content.
    Link(String),
}

impl Writer<'_> {
    /// Returns the attachments of a message as parts. Those without content are left out, with a warning.
    pub(super) fn parts<'m>(
        &mut self,
        message: &'m Message,
        html: &Survey,
        depth: usize,
    ) -> io::Result<Vec<Part<'m>>> {
        let mut parts = Vec::new();
        for (index, attachment) in message.attachments.iter().enumerate() {
            let strings = Self::strings(message);
            if let Some(part) = self.part_of(attachment, index, strings, html, depth)? {
                parts.push(part);
            }
        }
        Ok(parts)
    }

    fn part_of<'m>(
        &mut self,
        attachment: &'m Attachment,
        index: usize,
        strings: u16,
        html: &Survey,
        depth: usize,
    ) -> io::Result<Option<Part<'m>>> {
        let properties = &attachment.properties;
        let mut name = file_name(&mut self.values, attachment, index, strings)?;
        let mut line = |id| self.values.line(properties, id, strings);
        let link = line(0x370D)?;
        let stated = line(0x370E)?.unwrap_or_default();
        let content_id = line(0x3712)?;
        let location = line(0x3713)?;
        let content = match (&attachment.embedded, properties.get(0x3701), link) {
            (Some(embedded), ..) => {
                // An exception of a recurring appointment, which the appointment's own data describe.
                if properties.integer(0x7FFD).unwrap_or(0) & 2 != 0 {
                    return Ok(None);
                }
                if depth + 1 >= MAX_DEPTH {
                    self.values.warn(WarningKind::TooDeep, name);
                    return Ok(None);
                }
                Content::Message(embedded)
            }
            (None, Some(data), _) if !matches!(data.value, Value::Fixed(_) | Value::Many(_)) => {
                match self.ole(data, strings)? {
                    Some(inner) => {
                        if let Some(inner) = inner.name.as_deref().map(bare) {
                            if !inner.is_empty() {
                                name = inner;
                            }
                        }
                        Content::Ole(&data.value, inner)
                    }
                    None => Content::Bytes(&data.value),
                }
            }
            (None, _, Some(link)) => Content::Link(link),
            _ => {
                self.values.warn(WarningKind::SkippedAttachment, name);
                return Ok(None);
            }
        };
        let refers = |id: &Option<String>| id.as_ref().is_some_and(|id| html.refers_to(id));
        let is_bytes = matches!(content, Content::Bytes(_));
        let times = [(0x3007, "creation-date"), (0x3008, "modification-date")];
        let times = times.into_iter().filter_map(|(id, key)| {
            let time = Time::from_filetime(properties.time(id)?)?;
            Some((key, time.rfc5322()))
        });
        Ok(Some(Part {
            is_inline: is_bytes && (refers(&content_id) || refers(&location)),
            media_type: media_type(&stated, &name),
            name,
            content_id,
            location,
            times: times.collect(),
            content,
        }))
    }

    /// Returns the file in an OLE object; `None` if the value is no OLE object, or has no file of a known form.
    fn ole(&mut self, data: &Property, strings: u16) -> io::Result<Option<Inner>> {
        // PtypObject
        if data.tag.property_type() != 0x000D {
            return Ok(None);
        }
        let strings = self.values.encoding(strings);
        ole::find(&data.value, self.values.source, strings)
    }

    /// Writes a part with its headers.
    pub(super) fn part(&mut self, part: &Part<'_>, depth: usize) -> io::Result<()> {
        let mut headers = Headers::default();
        let media_type = match part.content {
            Content::Bytes(_) | Content::Ole(..) => &part.media_type,
            Content::Message(_) => "message/rfc822",
            Content::Link(_) => "text/plain",
        };
        let name = match part.content {
            Content::Message(_) => format!("{}.eml", part.name.trim_end_matches(".eml")),
            Content::Link(_) => format!("{}.txt", part.name),
            Content::Bytes(_) | Content::Ole(..) => part.name.clone(),
        };
        let mut parameters = vec![("name", &*name)];
        if let Content::Link(_) = part.content {
            parameters.push(("charset", "utf-8"));
        }
        headers.parameters("Content-Type", media_type, &parameters);
        let mut parameters = vec![("filename", &*name)];
        parameters.extend(part.times.iter().map(|(key, time)| (*key, &**time)));
        let disposition = if part.is_inline {
            "inline"
        } else {
            "attachment"
        };
        headers.parameters("Content-Disposition", disposition, &parameters);
        if let Some(id) = &part.content_id {
            let id = id.trim_matches(['<', '>', ' ']);
            if !id.contains([' ', '<', '>']) {
                headers.words("Content-ID", &format!("<{id}>"));
            }
        }
        if let Some(location) = &part.location {
            headers.words("Content-Location", location);
        }
        if let Content::Message(message) = part.content {
            if is_8bit(message) {
                headers.text("Content-Transfer-Encoding", "8bit");
            }
        } else {
            headers.text("Content-Transfer-Encoding", "base64");
        }
        self.out.write_all(headers.out.as_bytes())?;
        self.out.write_all(b"\r\n")?;
        match &part.content {
            Content::Message(message) => self.message(message, depth + 1),
            Content::Bytes(value) => {
                let mut encoder = Base64Writer::new(self.out);
                ValueReader::new(value, self.values.source)?.copy(&mut encoder)?;
                encoder.finish()
            }
            Content::Ole(value, inner) => {
                let mut encoder = Base64Writer::new(self.out);
                let is_whole = inner.copy(value, self.values.source, &mut encoder)?;
                encoder.finish()?;
                if !is_whole {
                    (self.values).warn(WarningKind::SkippedAttachment, part.name.as_str());
                }
                Ok(())
            }
            Content::Link(link) => {
                let mut encoder = Base64Writer::new(self.out);
                encoder.write_all(link.as_bytes())?;
                encoder.finish()
            }
        }
    }
}

/// Returns whether a message contains a signed entity, which is copied and may have any bytes.
fn is_8bit(message: &Message) -> bool {
    let mut messages = vec![message];
    while let Some(message) = messages.pop() {
        if super::smime::is_candidate(message) {
            return true;
        }
        let embedded = message
            .attachments
            .iter()
            .filter_map(|it| it.embedded.as_deref());
        messages.extend(embedded);
    }
    false
}

/// Returns the name of an attachment as a bare file name.
pub(crate) fn file_name(
    values: &mut crate::values::Values<'_>,
    attachment: &Attachment,
    index: usize,
    strings: u16,
) -> io::Result<String> {
    let properties = &attachment.properties;
    for id in [0x3707, 0x3704, 0x3001] {
        if let Some(name) = values.line(properties, id, strings)? {
            let name = bare(&name);
            if !name.is_empty() {
                return Ok(name);
            }
        }
    }
    let extension = values.line(properties, 0x3703, strings)?;
    let extension = bare(&extension.unwrap_or_default());
    let extension = extension.trim_start_matches('.');
    Ok(match extension {
        "" => format!("attachment-{}", index + 1),
        _ => format!("attachment-{}.{extension}", index + 1),
    })
}

/// Returns a name without folders, characters that some file system forbids, dots and blanks at its ends; 200
/// characters at most.
fn bare(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_safe = |c: &char| {
        !matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|')
            // marks that turn the direction of writing, by which an .exe looks like a .pdf
            && !matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let name: String = last.chars().filter(is_safe).collect();
    let name = name.trim_matches(['.', ' ']);
    let count = name.chars().count();
    if count <= 200 {
        return name.to_owned();
    }
    // The extension is what a user needs.
    let extension: String = match name.rsplit_once('.') {
        Some((_, extension)) if extension.len() <= 10 => format!(".{extension}"),
        _ => String::new(),
    };
    let start: String = name.chars().take(200 - extension.chars().count()).collect();
    start + &extension
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn names_are_bare() {
        for (name, expected) in [
            ("a.txt", "a.txt"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\b.doc", "b.doc"),
            ("..", ""),
            (".hidden. ", "hidden"),
            ("fdp.\u{202E}exe", "fdp.exe"),
            ("a<b>:c?.txt", "abc.txt"),
        ] {
            assert_eq!(bare(name), expected, "{name}");
        }
        let long = bare(&format!("{}.docx", "ä".repeat(500)));
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with("ä.docx"));
    }
}
