//! Contacts and distribution lists as vCards (`.vcf`), RFC 2426, RFC 6350 and [MS-OXVCARD].
//!
//! A contact becomes a vCard of version 3.0, which address books read most widely, and a distribution list one of
//! version 4.0, the first that has groups.
//!
//! [MS-OXVCARD]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxvcard/

mod fields;

use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;

use crate::address::{self, resolve, Entry, Mailbox};
use crate::content_line::{ContentLines, Escaped};
use crate::eml::{subject, Options};
use crate::item::{Item, Message, Name, Property, Value};
use crate::names::{PSETID_ADDRESS, PS_PUBLIC_STRINGS};
use crate::plain;
use crate::source::{Source, ValueReader};
use crate::text::mailto;
use crate::time::Time;
use crate::values::{strings, Values};
use crate::warning::{Warning, WarningKind};

/// Returns whether a message is a contact or a distribution list.
#[must_use]
pub fn is_contact(message: &Message) -> bool {
    message.is_class("ipm.contact") || message.is_class("ipm.distlist")
}

/// Writes a contact or a distribution list as a vCard.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] for an item of another kind, see [`is_contact`]; and those of the source and of the
/// writer.
pub fn write(
    item: &Item,
    source: &mut dyn Source,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<Vec<Warning>> {
    write_message(item, &item.message, source, out, options)
}

/// Writes a message of an item.
pub(crate) fn write_message(
    item: &Item,
    message: &Message,
    source: &mut dyn Source,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<Vec<Warning>> {
    if !is_contact(message) {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the item is no contact or distribution list",
        ));
    }
    let mut writer = Writer {
        message,
        values: Values::new(source),
        lines: ContentLines::new(out),
        options,
    };
    writer.lines.value("BEGIN", "VCARD")?;
    match message.is_class("ipm.distlist") {
        true => writer.list()?,
        false => writer.contact()?,
    }
    writer.photo()?;
    writer.lines.text("UID", &item.hash())?;
    writer.lines.value("END", "VCARD")?;
    Ok(writer.values.warnings)
}

struct Writer<'a> {
    message: &'a Message,
    values: Values<'a>,
    lines: ContentLines<'a>,
    options: &'a Options,
}

impl Writer<'_> {
    fn contact(&mut self) -> io::Result<()> {
        self.lines.value("VERSION", "3.0")?;
        let name = fields::NAME.iter().map(|id| self.tag(*id));
        let name = name.collect::<io::Result<Vec<_>>>()?;
        let full_name = self.full_name(&name)?;
        self.lines.text("FN", &full_name)?;
        self.lines.texts("N", ";", &name)?;
        for (name, id) in fields::TEXTS {
            let text = self.tag(*id)?;
            if !text.is_empty() {
                self.lines.text(name, &text)?;
            }
        }
        self.structured("ORG", fields::ORGANIZATION)?;
        for (name, ids) in fields::ADDRESSES {
            self.structured(name, ids)?;
        }
        self.structured_named("ADR;TYPE=WORK", &fields::WORK_ADDRESS)?;
        self.mail_addresses()?;
        for (name, dispid) in fields::NAMED_TEXTS {
            let text = self.named(*dispid)?;
            if !text.is_empty() {
                self.lines.text(name, &text)?;
            }
        }
        // PidLidBirthdayLocal, PidLidWeddingAnniversaryLocal, or the tags with a time in UTC
        for (name, dispid, id) in [("BDAY", 0x80DE, 0x3A42), ("X-ANNIVERSARY", 0x80DF, 0x3A41)] {
            if let Some(day) = self.day(dispid, id) {
                self.lines.value(name, &day.date())?;
            }
        }
        self.children()?;
        self.common()
    }

    /// Returns the display name, or the subject, or the parts of the name, or the company.
    fn full_name(&mut self, name: &[String]) -> io::Result<String> {
        for text in [self.tag(0x3001)?, self.named(0x8005)?] {
            if !text.is_empty() {
                return Ok(text);
            }
        }
        if let Some(subject) = subject(self.message, &mut self.values)? {
            return Ok(subject);
        }
        if let [family, given, ..] = name {
            let joined = format!("{given} {family}");
            if !joined.trim().is_empty() {
                return Ok(joined.trim().to_owned());
            }
        }
        self.tag(0x3A16)
    }

    /// Writes up to three addresses, each in a group of named properties.
    fn mail_addresses(&mut self) -> io::Result<()> {
        for first in [0x8080, 0x8090, 0x80A0] {
            let own = Entry {
                name: String::new(),
                kind: self.named(first + 2)?,
                address: self.named(first + 3)?,
            };
            // PidLidEmail1OriginalDisplayName is the SMTP address of a user of Exchange, as a rule.
            let original = Some(self.named(first + 4)?);
            let name = self.named(first)?;
            let id = self.message.properties.dispid(PSETID_ADDRESS, first + 5);
            let entry = id.and_then(Property::bytes);
            let entry = entry.and_then(|bytes| address::entry(bytes, strings(self.message)));
            let entry = entry.unwrap_or_default();
            if own.address.is_empty() && entry.address.is_empty() {
                continue;
            }
            let smtp = original.filter(|_| own.kind.eq_ignore_ascii_case("EX"));
            let map = &self.options.addresses;
            let person = resolve(&mut self.values, &name, smtp, [own, entry], map);
            self.lines.text("EMAIL;TYPE=INTERNET", &person.address)?;
        }
        Ok(())
    }

    fn children(&mut self) -> io::Result<()> {
        // PidTagChildrensNames
        if let Some(children) = self.message.properties.get(0x3A58) {
            for child in self.values.lines(children, strings(self.message))? {
                self.lines.text("X-CHILD", &child)?;
            }
        }
        Ok(())
    }

    /// Writes the picture of the contact. No vCard has other attachments.
    fn photo(&mut self) -> io::Result<()> {
        let strings = strings(self.message);
        for attachment in &self.message.attachments {
            let properties = &attachment.properties;
            let name = self.values.line(properties, 0x3707, strings)?;
            let name = name.unwrap_or_default();
            let data = properties.get(0x3701).filter(|it| !it.value.is_empty());
            let is_photo = !self.message.is_class("ipm.distlist")
                && (properties.boolean(0x7FFF) || name == "ContactPicture.jpg");
            let Some(data) = data.filter(|_| is_photo) else {
                self.values.warn(WarningKind::SkippedAttachment, name);
                continue;
            };
            let kind = match name.rsplit_once('.').map(|(_, it)| it.to_ascii_lowercase()) {
                Some(extension) if extension == "png" => "PNG",
                Some(extension) if extension == "gif" => "GIF",
                _ => "JPEG",
            };
            self.lines.begin(&format!("PHOTO;ENCODING=b;TYPE={kind}"))?;
            let mut encoder = EncoderWriter::new(&mut self.lines, &STANDARD);
            ValueReader::new(&data.value, self.values.source)?.copy(&mut encoder)?;
            encoder.finish()?;
            drop(encoder);
            self.lines.end()?;
        }
        Ok(())
    }

    /// Writes the body, categories, class, and when the contact was changed.
    fn common(&mut self) -> io::Result<()> {
        let properties = &self.message.properties;
        if plain::has_body(self.message) {
            self.lines.begin("NOTE")?;
            let mut text = Escaped::new(&mut self.lines);
            plain::body(self.message, &mut self.values, &mut text)?;
            self.lines.end()?;
        }
        let keywords = Name::Text(PS_PUBLIC_STRINGS, "Keywords".to_owned());
        if let Some(keywords) = properties.named(&keywords) {
            let keywords = self.values.lines(keywords, strings(self.message))?;
            self.lines.texts("CATEGORIES", ",", &keywords)?;
        }
        match self.message.sensitivity() {
            Some(1 | 2) => self.lines.value("CLASS", "PRIVATE")?,
            Some(3) => self.lines.value("CLASS", "CONFIDENTIAL")?,
            _ => {}
        }
        let changed = properties.time(0x3008).and_then(Time::from_filetime);
        match changed {
            Some(changed) => self.lines.value("REV", &changed.to_string()),
            None => Ok(()),
        }
    }

    fn list(&mut self) -> io::Result<()> {
        self.lines.value("VERSION", "4.0")?;
        self.lines.value("KIND", "group")?;
        let name = match self.named(0x8053)? {
            name if name.is_empty() => self.full_name(&[])?,
            name => name,
        };
        self.lines.text("FN", &name)?;
        // PidLidDistributionListOneOffMembers
        let members = self.message.properties.dispid(PSETID_ADDRESS, 0x8054);
        let Some(Value::Many(members)) = members.map(|members| &members.value) else {
            return Ok(());
        };
        for member in members {
            let entry = match member {
                Value::Bytes(bytes) => address::entry(bytes, strings(self.message)),
                _ => None,
            };
            let Some(entry) = entry else {
                self.values.warn(WarningKind::UnresolvedAddress, "a member");
                continue;
            };
            let name = entry.name.clone();
            let entries = [entry, Entry::default()];
            let map = &self.options.addresses;
            let Mailbox { address, .. } = resolve(&mut self.values, &name, None, entries, map);
            self.lines.value("MEMBER", &mailto(&address))?;
        }
        Ok(())
    }

    /// Writes a line of several tags, if one of them has a text.
    fn structured(&mut self, name: &str, ids: &[u16]) -> io::Result<()> {
        let texts = ids.iter().map(|id| self.tag(*id));
        let texts = texts.collect::<io::Result<Vec<_>>>()?;
        self.structure(name, &texts)
    }

    fn structured_named(&mut self, name: &str, dispids: &[u32]) -> io::Result<()> {
        let texts = dispids.iter().map(|dispid| self.named(*dispid));
        let texts = texts.collect::<io::Result<Vec<_>>>()?;
        self.structure(name, &texts)
    }

    fn structure(&mut self, name: &str, texts: &[String]) -> io::Result<()> {
        match texts.iter().all(String::is_empty) {
            true => Ok(()),
            false => self.lines.texts(name, ";", texts),
        }
    }

    /// Returns a text, which is empty if there is none; also for the id 0.
    fn tag(&mut self, id: u16) -> io::Result<String> {
        let strings = strings(self.message);
        let line = self.values.line(&self.message.properties, id, strings)?;
        Ok(line.unwrap_or_default())
    }

    fn named(&mut self, dispid: u32) -> io::Result<String> {
        let Some(property) = self.message.properties.dispid(PSETID_ADDRESS, dispid) else {
            return Ok(String::new());
        };
        let line = self.values.property_line(property, strings(self.message))?;
        Ok(line.unwrap_or_default())
    }

    fn day(&self, dispid: u32, id: u16) -> Option<Time> {
        let properties = &self.message.properties;
        let local = properties.dispid(PSETID_ADDRESS, dispid);
        let time = local
            .and_then(Property::time)
            .or_else(|| properties.time(id))?;
        Time::from_filetime(time)
    }
}
