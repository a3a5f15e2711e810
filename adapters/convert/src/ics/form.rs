//! How the times of an event are written.

use std::io;

use super::zone::Zone;
use super::{bytes, Writer};
use crate::content_line::quoted;
use crate::item::Message;
use crate::names::PSETID_APPOINTMENT;
use crate::text::one_line;
use crate::time::Time;

/// The form of times, RFC 5545 section 3.3.5. All of them are local ones.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// Dates, of what lasts the whole day.
    Date,
    Zone(Zone),
    Utc,
    /// The same time of day everywhere.
    Floating,
}

impl Form {
    /// Returns a name with the parameters of the form.
    fn name(&self, name: &str) -> String {
        match self {
            Self::Date => format!("{name};VALUE=DATE"),
            Self::Zone(zone) => format!("{name};TZID={}", quoted(&zone.name)),
            Self::Utc | Self::Floating => name.to_owned(),
        }
    }

    fn value(&self, time: Time) -> String {
        match self {
            Self::Date => time.basic_date(),
            Self::Utc => format!("{}Z", time.basic()),
            Self::Zone(_) | Self::Floating => time.basic(),
        }
    }

    /// Returns the end of a rule, which is in UTC if the start has a zone, RFC 5545 section 3.3.10.
    pub(super) fn until(&self, time: Time) -> String {
        match self {
            Self::Zone(zone) => format!("{}Z", zone.utc(time).basic()),
            form => form.value(time),
        }
    }
}

impl Writer<'_> {
    /// Writes a line with a time.
    pub(super) fn time(&mut self, name: &str, form: &Form, time: Time) -> io::Result<()> {
        self.lines.value(&form.name(name), &form.value(time))
    }

    /// Writes a line with a time in UTC, if there is one.
    pub(super) fn utc(&mut self, name: &str, time: Option<Time>) -> io::Result<()> {
        match time {
            Some(time) => self.time(name, &Form::Utc, time),
            None => Ok(()),
        }
    }

    /// Returns the time zone of an appointment.
    pub(super) fn zone(&mut self, message: &Message) -> io::Result<Option<Zone>> {
        // PidLidAppointmentTimeZoneDefinitionRecur, …StartDisplay
        for dispid in [0x8260, 0x825E] {
            let definition = bytes(message, PSETID_APPOINTMENT, dispid);
            if let Some(zone) = definition.and_then(Zone::from_definition) {
                return Ok(Some(zone));
            }
        }
        // PidLidTimeZoneStruct, PidLidTimeZoneDescription
        let Some(zone) = bytes(message, PSETID_APPOINTMENT, 0x8233) else {
            return Ok(None);
        };
        let mut name = None;
        if let Some(property) = message.properties.dispid(PSETID_APPOINTMENT, 0x8234) {
            name = (self.values).property_line(property, message.code_page())?;
        }
        Ok(Zone::from_struct(
            zone,
            &one_line(&name.unwrap_or_default()),
        ))
    }
}
