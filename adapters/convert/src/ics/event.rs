//! Appointments and meetings as VEVENT components, [MS-OXCICAL] section 2.1.3.1.1.20.
//!
//! [MS-OXCICAL]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcical/

use std::io;

use exportitems::payload::Guid;

use super::form::Form;
use super::recurrence::{Exception, Recurrence};
use super::{bytes, integer, time, Kind, Writer};
use crate::content_line::Escaped;
use crate::item::{Attachment, Message};
use crate::names::{PSETID_APPOINTMENT, PSETID_COMMON, PSETID_MEETING};
use crate::plain;
use crate::text::hex;
use crate::time::Time;
use crate::values::strings;
use crate::warning::WarningKind;

/// An event, or an exception of a series.
struct Event<'a> {
    message: &'a Message,
    /// The message of the exception; the series' own is used for what it lacks.
    own: Option<&'a Message>,
    exception: Option<&'a Exception>,
    kind: Kind,
    form: Form,
    start: Option<Time>,
    end: Option<Time>,
}

impl Writer<'_> {
    /// Writes an appointment or a meeting, with its time zone and its exceptions.
    pub(super) fn event(&mut self, message: &Message, kind: Kind) -> io::Result<()> {
        let recurrence = self.recurrence(message, PSETID_APPOINTMENT, 0x8216);
        let zone = self.zone(message)?;
        if let Some(zone) = &zone {
            zone.write(&mut self.lines)?;
        }
        // PidLidAppointmentSubType: all day
        let is_all_day = integer(message, PSETID_APPOINTMENT, 0x8215).unwrap_or(0) != 0;
        let clock = match (&zone, &recurrence) {
            (Some(zone), _) => Form::Zone(zone.clone()),
            (None, Some(_)) => Form::Floating,
            (None, None) => Form::Utc,
        };
        let form_of = |is_all_day: bool| match is_all_day {
            true => Form::Date,
            false => clock.clone(),
        };
        let local = |utc: Time| match &zone {
            Some(zone) => zone.local(utc),
            // Midnight of a zone that is not known.
            None if is_all_day => utc.plus(12 * 3600).midnight(),
            None => utc,
        };
        let (start, end) = match &recurrence {
            Some(series) => {
                let start = series.start();
                let length = series.end_of_day - series.start_of_day;
                (Some(start), Some(start.plus(length)))
            }
            None => {
                let (start, end) = span(message);
                (start.map(local), end.map(local))
            }
        };
        let event = Event {
            message,
            own: None,
            exception: None,
            kind,
            form: form_of(is_all_day),
            start,
            end,
        };
        self.begin_event(&event)?;
        if let Some(series) = &recurrence {
            let rule = series.rule(|last| event.form.until(last));
            self.lines.value("RRULE", &rule)?;
            for start in series.removed() {
                self.time("EXDATE", &event.form, start)?;
            }
        } else if let Some(original) = occurrence(message, local) {
            self.time("RECURRENCE-ID", &event.form, original)?;
        }
        self.end_event(&event)?;

        let exceptions = recurrence.iter().flat_map(|series| &series.exceptions);
        for exception in exceptions {
            let occurrence = Event {
                message,
                own: exception_message(message, exception),
                exception: Some(exception),
                kind,
                form: form_of(exception.is_all_day.unwrap_or(is_all_day)),
                start: Some(Time::from_unix(exception.start)),
                end: Some(Time::from_unix(exception.end)),
            };
            self.begin_event(&occurrence)?;
            let original = Time::from_unix(exception.original_start);
            self.time("RECURRENCE-ID", &event.form, original)?;
            self.end_event(&occurrence)?;
        }
        Ok(())
    }

    /// Reads a recurrence; what iCalendar cannot express becomes a warning.
    pub(super) fn recurrence(
        &mut self,
        message: &Message,
        set: Guid,
        dispid: u32,
    ) -> Option<Recurrence> {
        let property = message.properties.dispid(set, dispid)?;
        if property.value.is_empty() {
            return None;
        }
        let blob = property.bytes().unwrap_or_default();
        let strings = self.values.encoding(strings(message));
        let recurrence = Recurrence::read(blob, set == PSETID_APPOINTMENT, strings);
        match &recurrence {
            None => self.values.warn(WarningKind::Recurrence, "its rule"),
            Some(it) if !it.is_whole => self.values.warn(WarningKind::Recurrence, "exceptions"),
            Some(_) => {}
        }
        recurrence
    }

    fn begin_event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.lines.value("BEGIN", "VEVENT")?;
        let uid = self.uid(event.message);
        self.lines.text("UID", &uid)?;
        self.stamp(event.message)?;
        if let Some(start) = event.start {
            self.time("DTSTART", &event.form, start)?;
            if let Some(end) = event.end.filter(|end| end.unix > start.unix) {
                self.time("DTEND", &event.form, end)?;
            }
        }
        Ok(())
    }

    fn end_event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let Event {
            message,
            own,
            exception,
            kind,
            ..
        } = event;
        if let Some(sequence) = integer(message, PSETID_APPOINTMENT, 0x8201) {
            self.lines.value("SEQUENCE", &sequence.to_string())?;
        }
        match exception.and_then(|it| it.subject.as_ref()) {
            Some(subject) => self.lines.text("SUMMARY", subject)?,
            None => self.summary(message)?,
        }
        match exception.and_then(|it| it.location.as_ref()) {
            Some(location) => self.lines.text("LOCATION", location)?,
            None => {
                let location = message.properties.dispid(PSETID_APPOINTMENT, 0x8208);
                self.text("LOCATION", location, message)?;
            }
        }
        let with_body = own.filter(|own| plain::has_body(own)).unwrap_or(message);
        self.description(with_body)?;
        self.common(message)?;

        // PidLidBusyStatus: 0 free, 1 tentative, 2 busy, 3 out of office
        let busy = exception.and_then(|it| it.busy);
        let busy = busy.or_else(|| integer(message, PSETID_APPOINTMENT, 0x8205));
        // PidLidAppointmentStateFlags: 1 a meeting, 4 canceled
        let state = integer(message, PSETID_APPOINTMENT, 0x8217).unwrap_or(0);
        let is_canceled = state & 4 != 0 || *kind == Kind::Canceled;
        match (is_canceled, busy) {
            (true, _) => self.lines.value("STATUS", "CANCELLED")?,
            (false, Some(1)) => self.lines.value("STATUS", "TENTATIVE")?,
            (false, _) => self.lines.value("STATUS", "CONFIRMED")?,
        }
        if let Some(busy) = busy {
            let transparency = if busy == 0 { "TRANSPARENT" } else { "OPAQUE" };
            self.lines.value("TRANSP", transparency)?;
            let status = match busy {
                0 => "FREE",
                1 => "TENTATIVE",
                3 => "OOF",
                _ => "BUSY",
            };
            self.lines.value("X-MICROSOFT-CDO-BUSYSTATUS", status)?;
        }
        if *kind != Kind::Appointment || state & 1 != 0 {
            self.people(message, *kind)?;
        }
        if exception.is_none() {
            self.attachments(message)?;
        }
        // PidLidReminderSet, PidLidReminderDelta
        let is_set = exception
            .and_then(|it| it.reminder)
            .unwrap_or_else(|| integer(message, PSETID_COMMON, 0x8503).unwrap_or(0) != 0);
        let minutes = exception.and_then(|it| it.reminder_minutes);
        let minutes = minutes.or_else(|| integer(message, PSETID_COMMON, 0x8501));
        if is_set {
            // 0x5AE980E1 is "the default".
            let minutes = minutes
                .filter(|it| (0..0x5AE9_80E1).contains(it))
                .unwrap_or(15);
            self.alarm("TRIGGER", &format!("-PT{minutes}M"))?;
        }
        self.lines.value("END", "VEVENT")
    }

    /// Returns PidTagSubject, or its parts.
    pub(super) fn summary(&mut self, message: &Message) -> io::Result<()> {
        match crate::eml::subject(message, &mut self.values)? {
            Some(subject) => self.lines.text("SUMMARY", &subject),
            None => Ok(()),
        }
    }

    /// Writes the body, as text.
    pub(super) fn description(&mut self, message: &Message) -> io::Result<()> {
        if !plain::has_body(message) {
            return Ok(());
        }
        self.lines.begin("DESCRIPTION")?;
        let mut text = Escaped::new(&mut self.lines);
        plain::body(message, &mut self.values, &mut text)?;
        self.lines.end()
    }
}

/// Returns the start and the end, in UTC.
fn span(message: &Message) -> (Option<Time>, Option<Time>) {
    let tagged = |id| Time::from_filetime(message.properties.time(id)?);
    // PidLidAppointmentStartWhole, …EndWhole; PidTagStartDate, PidTagEndDate
    let start = time(message, PSETID_APPOINTMENT, 0x820D).or_else(|| tagged(0x0060));
    let end = time(message, PSETID_APPOINTMENT, 0x820E).or_else(|| tagged(0x0061));
    // PidLidAppointmentDuration, in minutes
    let duration = integer(message, PSETID_APPOINTMENT, 0x8213);
    let computed = || Some(start?.plus(i64::from(duration?) * 60));
    (start, end.or_else(computed))
}

/// Returns the start of the occurrence of a series that a message concerns.
fn occurrence(message: &Message, local: impl Fn(Time) -> Time) -> Option<Time> {
    // PidLidExceptionReplaceTime
    if let Some(original) = time(message, PSETID_APPOINTMENT, 0x8228) {
        return Some(local(original));
    }
    // PidLidGlobalObjectId has the date, PidLidStartRecurrenceTime the time of day: 12 bits hour, 6 minute, 6 second.
    let id = bytes(message, PSETID_MEETING, 0x0003)?;
    let [high, low, month, day] = *id.get(16..)?.first_chunk()?;
    let year = u16::from_be_bytes([high, low]);
    if year == 0 || !(1..=12).contains(&month) {
        return None;
    }
    let clock = i64::from(integer(message, PSETID_MEETING, 0x000E).unwrap_or(0));
    let second = (clock >> 12) * 3600 + (clock >> 6 & 0x3F) * 60 + (clock & 0x3F);
    Some(Time::from_civil(
        year.into(),
        month.into(),
        day.into(),
        second,
    ))
}

/// Returns the message of an exception, which is in an attachment.
fn exception_message<'a>(message: &'a Message, exception: &Exception) -> Option<&'a Message> {
    let is_of = |attachment: &&Attachment| {
        // PidTagExceptionStartTime, local
        let start = attachment
            .properties
            .time(0x7FFB)
            .and_then(Time::from_filetime);
        is_exception(attachment) && start.is_some_and(|start| start.unix == exception.start)
    };
    message.attachments.iter().find(is_of)?.embedded.as_deref()
}

/// PidTagAttachmentFlags: the attachment is an exception of a series.
pub(super) fn is_exception(attachment: &Attachment) -> bool {
    attachment.properties.integer(0x7FFD).unwrap_or(0) & 2 != 0
}

impl Writer<'_> {
    /// Returns the identifier of an appointment: that of its series, or else the hash of the item.
    fn uid(&self, message: &Message) -> String {
        // [MS-OXCICAL] section 2.1.3.1.1.20.26
        const FOREIGN: &[u8] = b"vCal-Uid\x01\0\0\0";
        // PidLidCleanGlobalObjectId, PidLidGlobalObjectId
        let id = [0x0023, 0x0003].into_iter();
        let id = id.filter_map(|dispid| bytes(message, PSETID_MEETING, dispid));
        let Some(id) = id.into_iter().find(|it| it.len() > 40) else {
            return self.item.hash();
        };
        let data = id.get(40..).unwrap_or_default();
        if let Some(uid) = data.strip_prefix(FOREIGN) {
            let uid = uid.split(|byte| *byte == 0).next().unwrap_or_default();
            return String::from_utf8_lossy(uid).into_owned();
        }
        let mut id = id.to_vec();
        if let Some(date) = id.get_mut(16..20) {
            date.fill(0);
        }
        hex(&id).to_uppercase()
    }
}
