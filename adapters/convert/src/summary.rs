//! What a list or a tree of items shows of one.

use std::io::{self, Write};

use exportitems::payload::FixedValue;

use crate::address::Mailbox;
use crate::body::Bodies;
use crate::eml::{date, file_name, subject, write_message, Options, People};
use crate::item::{Item, Message, Property, Value};
use crate::names::guid_text;
use crate::source::{Source, ValueReader};
use crate::text::{self, code_page};
use crate::time::Time;
use crate::values::{strings, Values};
use crate::warning::Warning;

/// The headers of a message and the tree of its parts.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// PidTagMessageClass.
    pub class: Option<String>,
    /// Who the message is from.
    pub from: Option<Mailbox>,
    /// The sender, if it is not the same person.
    pub sender: Option<Mailbox>,
    /// The recipients of kind To.
    pub to: Vec<Mailbox>,
    /// Those of kind Cc.
    pub cc: Vec<Mailbox>,
    /// Those of kind Bcc.
    pub bcc: Vec<Mailbox>,
    /// The subject.
    pub subject: Option<String>,
    /// When the message was sent, or else arrived, or else was made.
    pub date: Option<Time>,
    /// The Message-ID, with its angle brackets.
    pub message_id: Option<String>,
    /// The bodies that the item has: `text`, `html`, `rtf`.
    pub bodies: Vec<&'static str>,
    /// The attachments.
    pub attachments: Vec<AttachmentSummary>,
    /// What was noticed.
    pub warnings: Vec<Warning>,
}

/// An attachment.
#[derive(Clone, Debug)]
pub struct AttachmentSummary {
    /// Its name as a bare file name.
    pub name: String,
    /// Its media type, as stated.
    pub media_type: Option<String>,
    /// Bytes of its content.
    pub bytes: u64,
    /// Its Content-ID.
    pub content_id: Option<String>,
    /// The message in it.
    pub embedded: Option<Box<Summary>>,
}

impl Summary {
    /// Returns the summary of an item, down to 32 levels of embedded messages.
    ///
    /// # Errors
    /// Those of the source.
    pub fn of(item: &Item, source: &mut dyn Source, options: &Options) -> io::Result<Self> {
        let mut values = Values::new(source);
        let mut summary = of_message(&item.message, &mut values, options, 0)?;
        summary.warnings.clone_from(&item.warnings);
        summary.warnings.append(&mut values.warnings);
        Ok(summary)
    }

    /// Returns the names and values of the headers.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        let people = |list: &[Mailbox]| {
            let list: Vec<_> = list.iter().map(Mailbox::to_string).collect();
            list.join(", ")
        };
        for (name, list) in [
            ("From", self.from.as_slice()),
            ("Sender", self.sender.as_slice()),
            ("To", &self.to),
            ("Cc", &self.cc),
            ("Bcc", &self.bcc),
        ] {
            if !list.is_empty() {
                headers.push((name, people(list)));
            }
        }
        let date = self.date.map(|date| date.to_string());
        for (name, value) in [
            ("Date", &date),
            ("Subject", &self.subject),
            ("Message-ID", &self.message_id),
            ("Class", &self.class),
        ] {
            if let Some(value) = value {
                headers.push((name, value.clone()));
            }
        }
        headers
    }
}

fn of_message(
    message: &Message,
    values: &mut Values<'_>,
    options: &Options,
    depth: usize,
) -> io::Result<Summary> {
    let (properties, strings) = (&message.properties, strings(message));
    let people = People::of(message, values, options)?;
    let bodies = Bodies::of(message, values)?;
    let kinds = [
        ("text", bodies.text.is_some()),
        ("html", bodies.html.is_some()),
        ("rtf", bodies.rtf.is_some()),
    ];
    let mut summary = Summary {
        class: values.line(properties, 0x001A, strings)?,
        from: people.from,
        sender: people.sender,
        to: people.to,
        cc: people.cc,
        bcc: people.bcc,
        subject: subject(message, values)?,
        date: date(properties),
        message_id: values.line(properties, 0x1035, strings)?,
        bodies: kinds.into_iter().filter(|it| it.1).map(|it| it.0).collect(),
        ..Summary::default()
    };
    for (index, attachment) in message.attachments.iter().enumerate() {
        let data = attachment.properties.get(0x3701);
        let embedded = match &attachment.embedded {
            Some(embedded) if depth < 32 => {
                Some(Box::new(of_message(embedded, values, options, depth + 1)?))
            }
            _ => None,
        };
        summary.attachments.push(AttachmentSummary {
            name: file_name(values, attachment, index, strings)?,
            media_type: values.line(&attachment.properties, 0x370E, strings)?,
            bytes: data.map_or(0, |data| data.value.len()),
            content_id: values.line(&attachment.properties, 0x3712, strings)?,
            embedded,
        });
    }
    Ok(summary)
}

/// Copies the content of an attachment: that of a file as it is, that of a message as an Internet message. `false` if
/// there is none.
///
/// `path` counts from 0; `[1, 0]` is the first attachment of the message in the second attachment.
///
/// # Errors
/// Those of the source and of the writer.
pub fn copy_attachment(
    item: &Item,
    path: &[usize],
    source: &mut dyn Source,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<bool> {
    let Some((last, outer)) = path.split_last() else {
        return Ok(false);
    };
    let mut message = Some(&item.message);
    for index in outer {
        let attachment = message.and_then(|it| it.attachments.get(*index));
        message = attachment.and_then(|it| it.embedded.as_deref());
    }
    let Some(attachment) = message.and_then(|it| it.attachments.get(*last)) else {
        return Ok(false);
    };
    if let Some(embedded) = &attachment.embedded {
        write_message(item, embedded, source, out, options)?;
        return Ok(true);
    }
    let Some(data) = attachment.properties.get(0x3701) else {
        return Ok(false);
    };
    ValueReader::new(&data.value, source)?.copy(out)?;
    Ok(true)
}

/// Formats the value of a property on one line: a string decoded and cut to 200 characters, and of bytes their length.
/// `strings` is the code page of PtypString8.
#[must_use]
pub fn value_text(property: &Property, strings: u16) -> String {
    one_value(property, &property.value, strings)
}

fn one_value(property: &Property, value: &Value, strings: u16) -> String {
    match value {
        Value::Fixed(value) => match value {
            FixedValue::Integer16(value) => value.to_string(),
            FixedValue::Integer32(value) => value.to_string(),
            FixedValue::Integer64(value) => value.to_string(),
            FixedValue::Currency(value) => format!("{value}/10000"),
            FixedValue::Floating32(value) => value.to_string(),
            FixedValue::Floating64(value) => value.to_string(),
            FixedValue::FloatingTime(days) => format!("{days} days since 1899-12-30"),
            FixedValue::ErrorCode(code) => format!("error 0x{code:08X}"),
            FixedValue::Boolean(value) => value.to_string(),
            FixedValue::Time(time) => match Time::from_filetime(*time) {
                Some(time) => time.to_string(),
                None => "none".to_owned(),
            },
            FixedValue::Guid(guid) => guid_text(*guid),
        },
        Value::Bytes(bytes) => match code_page(property.tag, strings) {
            Some(page) => {
                let encoding = text::encoding(page).unwrap_or(encoding_rs::WINDOWS_1252);
                let text = encoding.decode_without_bom_handling(bytes).0;
                let text = text::one_line(text.trim_end_matches('\0'));
                match text.char_indices().nth(200) {
                    Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                    None => text,
                }
            }
            None => format!("{} bytes", bytes.len()),
        },
        Value::Placed(place) => format!("{} bytes", place.len),
        Value::Many(values) => {
            let shown = values
                .iter()
                .take(20)
                .map(|it| one_value(property, it, strings));
            let mut shown = shown.collect::<Vec<_>>().join("; ");
            if values.len() > 20 {
                shown.push_str("; …");
            }
            shown
        }
    }
}
