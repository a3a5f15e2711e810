//! Appointments, meetings and tasks as iCalendar objects (`.ics`), RFC 5545 and [MS-OXCICAL].
//!
//! [MS-OXCICAL]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcical/

mod event;
mod form;
mod parts;
mod reader;
mod recurrence;
mod task;
mod zone;

use std::io::{self, Write};

use exportitems::payload::Guid;

use crate::content_line::ContentLines;
use crate::eml::Options;
use crate::item::{Item, Message, Property};
use crate::source::Source;
use crate::values::{strings, Values};
use crate::warning::Warning;

/// Returns whether a message is an appointment, a meeting request, its cancellation, a response to one, or a task.
#[must_use]
pub fn is_calendar(message: &Message) -> bool {
    Kind::of(message).is_some()
}

/// Writes an appointment, a meeting or a task as an iCalendar object.
///
/// A recurrence that iCalendar cannot express is left out, and a [`Warning`] says so.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] for an item of another kind, see [`is_calendar`]; and those of the source and of the
/// writer.
pub fn write(
    item: &Item,
    source: &mut dyn Source,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<Vec<Warning>> {
    let Some(kind) = Kind::of(&item.message) else {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the item is no appointment, meeting or task",
        ));
    };
    Writer::new(item, source, out, options, true).object(&item.message, kind)
}

/// Writes a message of an item as a part of an Internet message, which has the attachments.
pub(crate) fn write_part(
    item: &Item,
    message: &Message,
    kind: Kind,
    source: &mut dyn Source,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<Vec<Warning>> {
    Writer::new(item, source, out, options, false).object(message, kind)
}

/// The kinds of calendar messages, by their classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Appointment,
    Request,
    Canceled,
    /// A response, with the participation status of its sender.
    Response(&'static str),
    Task,
}

impl Kind {
    pub(crate) fn of(message: &Message) -> Option<Self> {
        [
            ("ipm.appointment", Self::Appointment),
            ("ipm.schedule.meeting.request", Self::Request),
            ("ipm.schedule.meeting.canceled", Self::Canceled),
            ("ipm.schedule.meeting.resp.pos", Self::Response("ACCEPTED")),
            ("ipm.schedule.meeting.resp.neg", Self::Response("DECLINED")),
            (
                "ipm.schedule.meeting.resp.tent",
                Self::Response("TENTATIVE"),
            ),
            ("ipm.task", Self::Task),
            // An exception of a recurring appointment.
            (
                "ipm.ole.class.{00061055-0000-0000-c000-000000000046}",
                Self::Appointment,
            ),
        ]
        .into_iter()
        .find_map(|(base, kind)| message.is_class(base).then_some(kind))
    }

    /// Returns the method, RFC 5546.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Appointment | Self::Task => "PUBLISH",
            Self::Request => "REQUEST",
            Self::Canceled => "CANCEL",
            Self::Response(_) => "REPLY",
        }
    }
}

struct Writer<'a> {
    item: &'a Item,
    values: Values<'a>,
    lines: ContentLines<'a>,
    options: &'a Options,
    has_attachments: bool,
}

/// Returns the value of a named PtypInteger32 or PtypBoolean.
fn integer(message: &Message, set: Guid, dispid: u32) -> Option<i32> {
    message.properties.dispid(set, dispid)?.integer()
}

/// Returns the value of a named PtypTime.
fn time(message: &Message, set: Guid, dispid: u32) -> Option<crate::Time> {
    let time = message.properties.dispid(set, dispid)?.time()?;
    crate::Time::from_filetime(time)
}

/// Returns the value of a named PtypBinary.
fn bytes(message: &Message, set: Guid, dispid: u32) -> Option<&[u8]> {
    message.properties.dispid(set, dispid)?.bytes()
}

impl<'a> Writer<'a> {
    fn new(
        item: &'a Item,
        source: &'a mut dyn Source,
        out: &'a mut dyn Write,
        options: &'a Options,
        has_attachments: bool,
    ) -> Self {
        Self {
            item,
            values: Values::new(source),
            lines: ContentLines::new(out),
            options,
            has_attachments,
        }
    }

    /// Writes a calendar object.
    fn object(mut self, message: &Message, kind: Kind) -> io::Result<Vec<Warning>> {
        self.lines.value("BEGIN", "VCALENDAR")?;
        let product = "-//exportitems//exportitems-convert//EN";
        self.lines.value("PRODID", product)?;
        self.lines.value("VERSION", "2.0")?;
        self.lines.value("METHOD", kind.method())?;
        match kind {
            Kind::Task => self.task(message)?,
            kind => self.event(message, kind)?,
        }
        self.lines.value("END", "VCALENDAR")?;
        Ok(self.values.warnings)
    }

    /// Writes a text, if there is one.
    fn text(
        &mut self,
        name: &str,
        property: Option<&Property>,
        message: &Message,
    ) -> io::Result<()> {
        let Some(property) = property else {
            return Ok(());
        };
        match self.values.property_line(property, strings(message))? {
            Some(text) if !text.is_empty() => self.lines.text(name, &text),
            _ => Ok(()),
        }
    }
}
