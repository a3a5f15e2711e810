//! What events and tasks have in common.

use std::io::{self, Write as _};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;

use super::event::is_exception;
use super::{time, Kind, Writer};
use crate::address::{mailbox, Mailbox, RECIPIENT};
use crate::content_line::quoted;
use crate::eml::{self, file_name, People};
use crate::item::{Attachment, Message, Name, Properties};
use crate::names::{media_type, PSETID_MEETING, PS_PUBLIC_STRINGS};
use crate::source::ValueReader;
use crate::text::mailto;
use crate::time::Time;
use crate::values::strings;
use crate::warning::WarningKind;

impl Writer<'_> {
    /// Writes when the data of the component were created.
    pub(super) fn stamp(&mut self, message: &Message) -> io::Result<()> {
        // PidLidOwnerCriticalChange, PidLidAttendeeCriticalChange
        let critical = |dispid| time(message, PSETID_MEETING, dispid);
        let stamp = critical(0x001A).or_else(|| critical(0x0001));
        let stamp = stamp.or_else(|| tagged(&message.properties, 0x3008));
        let stamp = stamp.or_else(|| eml::date(&message.properties));
        // A component must have one.
        self.utc("DTSTAMP", Some(stamp.unwrap_or(Time::from_unix(0))))
    }

    /// Writes the categories, the class, the priority, and when the item was created and changed.
    pub(super) fn common(&mut self, message: &Message) -> io::Result<()> {
        let properties = &message.properties;
        let categories = self.categories(message)?;
        if !categories.is_empty() {
            self.lines.texts("CATEGORIES", ",", &categories)?;
        }
        let class = match message.sensitivity() {
            Some(0) => Some("PUBLIC"),
            Some(1) => Some("X-PERSONAL"),
            Some(2) => Some("PRIVATE"),
            Some(3) => Some("CONFIDENTIAL"),
            _ => None,
        };
        if let Some(class) = class {
            self.lines.value("CLASS", class)?;
        }
        // PidTagImportance
        let priority = match properties.integer(0x0017) {
            Some(0) => Some("9"),
            Some(1) => Some("5"),
            Some(2) => Some("1"),
            _ => None,
        };
        if let Some(priority) = priority {
            self.lines.value("PRIORITY", priority)?;
        }
        self.utc("CREATED", tagged(properties, 0x3007))?;
        self.utc("LAST-MODIFIED", tagged(properties, 0x3008))
    }

    fn categories(&mut self, message: &Message) -> io::Result<Vec<String>> {
        let name = Name::Text(PS_PUBLIC_STRINGS, "Keywords".to_owned());
        match message.properties.named(&name) {
            Some(keywords) => self.values.lines(keywords, strings(message)),
            None => Ok(Vec::new()),
        }
    }

    /// Writes the organizer and the attendees.
    pub(super) fn people(&mut self, message: &Message, kind: Kind) -> io::Result<()> {
        let people = People::of(message, &mut self.values, self.options)?;
        let strings = strings(message);
        let mut organizer = people.from.clone();
        let mut attendees = Vec::new();
        for recipient in &message.recipients {
            let map = &self.options.addresses;
            let Some(person) = mailbox(&mut self.values, recipient, RECIPIENT, strings, map)?
            else {
                continue;
            };
            // PidTagRecipientFlags: recipOrganizer
            if recipient.integer(0x5FFD).unwrap_or(0) & 2 != 0 {
                organizer = Some(person);
            } else {
                attendees.push((person, recipient));
            }
        }
        if let Kind::Response(status) = kind {
            // The sender answers, and the recipient has organized the meeting.
            let organizer = attendees.into_iter().next().map(|(person, _)| person);
            self.person("ORGANIZER", organizer.as_ref())?;
            let name = format!("ATTENDEE;PARTSTAT={status}");
            return self.person(&name, people.from.as_ref());
        }
        self.person("ORGANIZER", organizer.as_ref())?;
        let asks = message.properties.boolean(0x0063); // PidTagResponseRequested
        for (person, recipient) in attendees {
            self.person(&attendee(recipient, asks), Some(&person))?;
        }
        Ok(())
    }

    fn person(&mut self, name: &str, person: Option<&Mailbox>) -> io::Result<()> {
        let Some(person) = person else {
            return Ok(());
        };
        let name = match person.name.as_str() {
            "" => name.to_owned(),
            common_name => format!("{name};CN={}", quoted(common_name)),
        };
        self.lines.value(&name, &mailto(&person.address))
    }

    /// Writes the attached files and mails.
    pub(super) fn attachments(&mut self, message: &Message) -> io::Result<()> {
        for (index, attachment) in message.attachments.iter().enumerate() {
            if self.has_attachments && !is_exception(attachment) {
                self.attachment(message, attachment, index)?;
            }
        }
        Ok(())
    }

    fn attachment(
        &mut self,
        message: &Message,
        attachment: &Attachment,
        index: usize,
    ) -> io::Result<()> {
        let (properties, strings) = (&attachment.properties, strings(message));
        let name = file_name(&mut self.values, attachment, index, strings)?;
        let stated = self.values.line(properties, 0x370E, strings)?;
        let link = self.values.line(properties, 0x370D, strings)?;
        let data = properties.get(0x3701).filter(|it| !it.value.is_empty());
        let media_type = match &attachment.embedded {
            Some(_) => "message/rfc822".to_owned(),
            None => media_type(&stated.unwrap_or_default(), &name),
        };
        let head = format!(
            "ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE={media_type};X-FILENAME={}",
            quoted(&name)
        );
        match (&attachment.embedded, data, link) {
            (Some(embedded), ..) => {
                self.lines.begin(&head)?;
                let mut encoder = EncoderWriter::new(&mut self.lines, &STANDARD);
                let source = &mut *self.values.source;
                let warnings =
                    eml::write_message(self.item, embedded, source, &mut encoder, self.options)?;
                encoder.finish()?;
                drop(encoder);
                self.values.warnings.extend(warnings);
                self.lines.end()
            }
            (None, Some(data), _) => {
                self.lines.begin(&head)?;
                let mut encoder = EncoderWriter::new(&mut self.lines, &STANDARD);
                ValueReader::new(&data.value, self.values.source)?.copy(&mut encoder)?;
                encoder.finish()?;
                drop(encoder);
                self.lines.end()
            }
            (None, None, Some(link)) => {
                self.lines.begin("ATTACH")?;
                self.lines.write_all(link.replace(' ', "%20").as_bytes())?;
                self.lines.end()
            }
            (None, None, None) => {
                self.values.warn(WarningKind::SkippedAttachment, name);
                Ok(())
            }
        }
    }

    /// Writes a reminder.
    pub(super) fn alarm(&mut self, name: &str, trigger: &str) -> io::Result<()> {
        self.lines.value("BEGIN", "VALARM")?;
        self.lines.value("ACTION", "DISPLAY")?;
        self.lines.value("DESCRIPTION", "Reminder")?;
        self.lines.value(name, trigger)?;
        self.lines.value("END", "VALARM")
    }
}

pub(super) fn tagged(properties: &Properties, id: u16) -> Option<Time> {
    Time::from_filetime(properties.time(id)?)
}

/// Returns an attendee's line without the address.
fn attendee(recipient: &Properties, asks: bool) -> String {
    // PidTagRecipientType
    let role = match recipient.integer(0x0C15).unwrap_or(1) & 3 {
        2 => "ROLE=OPT-PARTICIPANT",
        3 => "CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT",
        _ => "ROLE=REQ-PARTICIPANT",
    };
    // PidTagRecipientTrackStatus
    let status = match recipient.integer(0x5FFF) {
        Some(2) => "TENTATIVE",
        Some(3) => "ACCEPTED",
        Some(4) => "DECLINED",
        _ => "NEEDS-ACTION",
    };
    let rsvp = if asks { ";RSVP=TRUE" } else { "" };
    format!("ATTENDEE;{role};PARTSTAT={status}{rsvp}")
}
