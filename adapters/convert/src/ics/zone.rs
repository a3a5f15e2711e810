//! Time zones, [MS-OXOCAL] section 2.2.1.39 and 2.2.1.41.
//!
//! [MS-OXOCAL]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxocal/

use std::io;

use super::reader::Reader;
use crate::content_line::ContentLines;
use crate::text::one_line;
use crate::time::Time;

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) name: String,
    /// The offset of standard time from UTC, in minutes.
    standard: i64,
    /// The offset of daylight saving time from UTC, in minutes.
    daylight: i64,
    /// When standard time and when daylight saving time begin; `None` for a zone that has only one of them.
    switches: Option<(Switch, Switch)>,
}

/// A SYSTEMTIME that says when the offset changes: on that weekday, or else on that day of the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Switch {
    month: i64,
    /// 0 for Sunday; `None` if `day` is a day of the month.
    weekday: Option<i64>,
    /// Which of the weekdays in the month, from 1; 5 for the last one.
    day: i64,
    second: i64,
}

impl Zone {
    /// Reads PidLidAppointmentTimeZoneDefinition…: the rule that is marked as the one in effect, or else the last one.
    pub(super) fn from_definition(bytes: &[u8]) -> Option<Self> {
        const IN_EFFECT: u16 = 3; // TZRULE_FLAG_RECUR_CURRENT_TZREG, TZRULE_FLAG_EFFECTIVE_TZREG
        let mut reader = Reader(bytes);
        reader.take(2)?; // version
        let header = reader.u16()?;
        let mut rules = Reader(reader.0.get(usize::from(header)..)?);
        reader.u16()?; // flags
        let name_len = reader.u16()?;
        let name = reader.utf16(usize::from(name_len))?;
        let count = reader.u16()?;
        let mut found = None;
        for _ in 0..count {
            let mut rule = Reader(rules.take(66)?);
            rule.take(4)?;
            let is_in_effect = rule.u16()? & IN_EFFECT != 0;
            rule.take(16)?; // year, and nothing
            let biases = [rule.i32()?, rule.i32()?, rule.i32()?];
            let switches = [rule.take(16)?, rule.take(16)?];
            found = Some(Self::new(&name, biases, switches)?);
            if is_in_effect {
                break;
            }
        }
        found
    }

    /// Reads PidLidTimeZoneStruct, which has no name.
    pub(super) fn from_struct(bytes: &[u8], name: &str) -> Option<Self> {
        let mut reader = Reader(bytes);
        let biases = [reader.i32()?, reader.i32()?, reader.i32()?];
        reader.u16()?;
        let standard = reader.take(16)?;
        reader.u16()?;
        Self::new(name, biases, [standard, reader.take(16)?])
    }

    /// Biases are minutes that UTC is ahead: of the zone, and further ones of its standard and daylight saving time.
    fn new(name: &str, biases: [i32; 3], switches: [&[u8]; 2]) -> Option<Self> {
        let [bias, standard, daylight] = biases.map(i64::from);
        let [standard, daylight] = [standard, daylight].map(|it| -(bias + it));
        // RFC 5545 knows offsets of less than a day.
        let is_offset = |minutes: i64| minutes.abs() < 24 * 60;
        if !is_offset(standard) || !is_offset(daylight) {
            return None;
        }
        let [to_standard, to_daylight] = switches.map(Switch::read);
        // A name is a text in one place and a parameter in others, with different escapes.
        let name = name.replace([',', ';', ':', '\\', '"'], " ");
        let mut zone = Self {
            name: one_line(&name),
            standard,
            daylight,
            switches: to_standard.zip(to_daylight),
        };
        if zone.name.is_empty() {
            zone.name = format!("UTC{}", offset(standard));
        }
        Some(zone)
    }

    /// Returns the local time of a time in UTC.
    pub(super) fn local(&self, utc: Time) -> Time {
        let standard = utc.plus(self.standard * 60);
        match self.is_daylight(standard, self.daylight - self.standard) {
            true => utc.plus(self.daylight * 60),
            false => standard,
        }
    }

    /// Returns the time in UTC of a local time; in the hour that comes twice, the first one.
    pub(super) fn utc(&self, local: Time) -> Time {
        match self.is_daylight(local, 0) {
            true => local.plus(-self.daylight * 60),
            false => local.plus(-self.standard * 60),
        }
    }

    /// Returns whether a time is in daylight saving time, which ends so many minutes before the time that its rule
    /// says.
    fn is_daylight(&self, time: Time, shift: i64) -> bool {
        let Some((to_standard, to_daylight)) = &self.switches else {
            return false;
        };
        let start = to_daylight.in_year(time.year()).unix;
        let end = to_standard.in_year(time.year()).unix - shift * 60;
        match start <= end {
            true => (start..end).contains(&time.unix),
            false => !(end..start).contains(&time.unix),
        }
    }

    /// Writes the zone as a component.
    pub(super) fn write(&self, lines: &mut ContentLines<'_>) -> io::Result<()> {
        lines.value("BEGIN", "VTIMEZONE")?;
        lines.text("TZID", &self.name)?;
        let (to_standard, to_daylight) = self.switches.unzip();
        let standard = ("STANDARD", to_standard, self.daylight, self.standard);
        let daylight = ("DAYLIGHT", to_daylight, self.standard, self.daylight);
        for (component, switch, from, to) in [standard, daylight] {
            let from = match (switch, component) {
                (None, "DAYLIGHT") => continue,
                (None, _) => to,
                (Some(_), _) => from,
            };
            lines.value("BEGIN", component)?;
            let start = switch.map_or(Time::from_unix(0), |switch| switch.in_year(1970));
            lines.value("DTSTART", &start.basic())?;
            if let Some(switch) = switch {
                lines.value("RRULE", &switch.rule())?;
            }
            lines.value("TZOFFSETFROM", &offset(from))?;
            lines.value("TZOFFSETTO", &offset(to))?;
            lines.value("END", component)?;
        }
        lines.value("END", "VTIMEZONE")
    }
}

impl Switch {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let year = reader.u16()?;
        let month = i64::from(reader.u16()?);
        let weekday = i64::from(reader.u16()?);
        let day = i64::from(reader.u16()?);
        let [hour, minute, second] = [reader.u16()?, reader.u16()?, reader.u16()?].map(i64::from);
        let is_valid = (1..=12).contains(&month)
            && weekday < 7
            && (1..=if year == 0 { 5 } else { 28 }).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        is_valid.then_some(Self {
            month,
            weekday: (year == 0).then_some(weekday),
            day,
            second: hour * 3600 + minute * 60 + second,
        })
    }

    fn in_year(&self, year: i64) -> Time {
        let Some(weekday) = self.weekday else {
            return Time::from_civil(year, self.month, self.day, self.second);
        };
        let first = Time::from_civil(year, self.month, 1, self.second);
        let days = (weekday - first.weekday_number()).rem_euclid(7) + (self.day - 1) * 7;
        let found = first.plus(days * 86_400);
        match found.month_number() == self.month {
            true => found,
            false => found.plus(-7 * 86_400),
        }
    }

    fn rule(&self) -> String {
        let month = self.month;
        match self.weekday {
            None => format!("FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={}", self.day),
            Some(weekday) => {
                let which = if self.day == 5 { -1 } else { self.day };
                let weekday = super::recurrence::weekday(weekday);
                format!("FREQ=YEARLY;BYMONTH={month};BYDAY={which}{weekday}")
            }
        }
    }
}

/// Returns an offset from UTC, RFC 5545 section 3.3.14.
fn offset(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}
