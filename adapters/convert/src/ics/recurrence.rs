//! Recurrences, [MS-OXOCAL] section 2.2.1.44.
//!
//! [MS-OXOCAL]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxocal/

use std::fmt::Write as _;

use encoding_rs::Encoding;

use super::reader::Reader;
use crate::text::one_line;
use crate::time::Time;

/// A series of appointments or tasks. All times are local.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recurrence {
    pattern: Pattern,
    end: End,
    /// The weekday; 0 is Sunday.
    first_weekday: u32,
    /// The day of the first occurrence.
    start_date: Time,
    /// The days of occurrences that are deleted or moved.
    removed: Vec<Time>,
    /// Seconds from midnight to the start of an occurrence.
    pub(super) start_of_day: i64,
    /// Seconds from midnight to the end of an occurrence.
    pub(super) end_of_day: i64,
    pub(super) exceptions: Vec<Exception>,
    /// Whether everything could be read; if not, exceptions are missing.
    pub(super) is_whole: bool,
}

/// An occurrence that differs from the series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) original_start: i64,
    pub(super) subject: Option<String>,
    pub(super) location: Option<String>,
    pub(super) busy: Option<i32>,
    pub(super) reminder: Option<bool>,
    pub(super) reminder_minutes: Option<i32>,
    pub(super) is_all_day: Option<bool>,
    flags: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pattern {
    frequency: Frequency,
    interval: u32,
    days: Days,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// The days of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Days {
    All,
    /// A bit for each weekday; 1 for Sunday.
    Weekdays(u32),
    /// A day of the month, or the last one of a shorter month.
    OfMonth(u32),
    /// Of these weekdays, that one; 5 for the last one.
    Nth(u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Never,
    Count(u32),
    /// The day of the last occurrence.
    Date(Time),
}

impl Recurrence {
    /// Reads a RecurrencePattern, which is all of PidLidTaskRecurrence, and after it, for an appointment, an
    /// AppointmentRecurrencePattern. `None` if the pattern cannot be written as a rule of iCalendar.
    ///
    /// `strings` is the encoding of 8-bit strings.
    pub(super) fn read(
        bytes: &[u8],
        is_appointment: bool,
        strings: &'static Encoding,
    ) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mut recurrence = Self::pattern(&mut reader)?;
        if is_appointment {
            recurrence.is_whole = recurrence.appointment(&mut reader, strings).is_some();
        }
        Some(recurrence)
    }

    fn pattern(reader: &mut Reader<'_>) -> Option<Self> {
        reader.take(4)?; // versions
        let frequency = reader.u16()?;
        let pattern_type = reader.u16()?;
        let calendar = reader.u16()?;
        reader.u32()?; // FirstDateTime
        let period = reader.u32()?;
        reader.u32()?; // SlidingFlag
        let days = match pattern_type {
            0 => Days::All,
            1 => Days::Weekdays(reader.u32()? & 0x7F),
            2 | 4 => Days::OfMonth(reader.u32()?),
            3 => Days::Nth(reader.u32()? & 0x7F, reader.u32()?),
            _ => return None, // months of the Hijri calendar
        };
        let is_monthly = matches!(days, Days::OfMonth(_) | Days::Nth(..));
        // Months of these calendars are those of the Gregorian one; only their years have other numbers.
        if is_monthly && !matches!(calendar, 0..=5 | 7 | 9..=12) {
            return None;
        }
        let pattern = Pattern::new(frequency, period, days)?;
        let end_type = reader.u32()?;
        let count = reader.u32()?;
        let first_weekday = reader.u32()?;
        let removed = reader.u32()?;
        let removed = reader.u32s(removed)?;
        let moved = reader.u32()?;
        reader.u32s(moved)?;
        let [start_date, end_date] = [reader.u32()?, reader.u32()?].map(Time::from_minutes);
        Some(Self {
            pattern,
            end: match end_type {
                0x2021 => End::Date(end_date),
                0x2022 => End::Count(count.max(1)),
                _ => End::Never,
            },
            first_weekday,
            start_date: start_date.midnight(),
            removed: removed
                .into_iter()
                .map(|minutes| Time::from_minutes(minutes).midnight())
                .collect(),
            start_of_day: 0,
            end_of_day: 0,
            exceptions: Vec::new(),
            is_whole: true,
        })
    }

    /// Reads what only appointments have.
    fn appointment(&mut self, reader: &mut Reader<'_>, strings: &'static Encoding) -> Option<()> {
        reader.u32()?;
        let version = reader.u32()?;
        let [start, end] = [reader.u32()?, reader.u32()?].map(|minutes| i64::from(minutes) * 60);
        (self.start_of_day, self.end_of_day) = (start, end.max(start));
        for _ in 0..reader.u16()? {
            self.exceptions.push(Exception::read(reader, strings)?);
        }
        reader.block()?;
        // The same in UTF-16.
        for exception in &mut self.exceptions {
            exception.read_extended(reader, version)?;
        }
        Some(())
    }

    /// Returns the start of the first occurrence.
    pub(super) fn start(&self) -> Time {
        self.start_date.plus(self.start_of_day)
    }

    /// Returns the rule; `until` is the form of a time that ends it, which is the start of the last occurrence.
    pub(super) fn rule(&self, until: impl FnOnce(Time) -> String) -> String {
        let Pattern {
            frequency,
            interval,
            days,
        } = self.pattern;
        let name = match frequency {
            Frequency::Daily => "DAILY",
            Frequency::Weekly => "WEEKLY",
            Frequency::Monthly => "MONTHLY",
            Frequency::Yearly => "YEARLY",
        };
        let mut rule = format!("FREQ={name}");
        // Writing to a string does not fail.
        match self.end {
            End::Never => {}
            End::Count(count) => _ = write!(rule, ";COUNT={count}"),
            End::Date(date) => {
                let last = date.midnight().plus(self.start_of_day);
                _ = write!(rule, ";UNTIL={}", until(last));
            }
        }
        if interval > 1 {
            _ = write!(rule, ";INTERVAL={interval}");
        }
        if frequency == Frequency::Yearly {
            _ = write!(rule, ";BYMONTH={}", self.start_date.month_number());
        }
        match days {
            Days::All => {}
            Days::Weekdays(days) => {
                let first = weekday(self.first_weekday.into());
                _ = write!(rule, ";BYDAY={};WKST={first}", weekdays(days));
            }
            // Shorter months have it on their last day, [MS-OXOCAL] section 2.2.1.44.1.3.
            Days::OfMonth(31) => rule.push_str(";BYMONTHDAY=-1"),
            Days::OfMonth(30) => rule.push_str(";BYMONTHDAY=28,29,30;BYSETPOS=-1"),
            Days::OfMonth(29) => rule.push_str(";BYMONTHDAY=28,29;BYSETPOS=-1"),
            Days::OfMonth(day) => _ = write!(rule, ";BYMONTHDAY={day}"),
            Days::Nth(days, which) => {
                let which = if which == 5 { -1 } else { i64::from(which) };
                _ = write!(rule, ";BYDAY={};BYSETPOS={which}", weekdays(days));
            }
        }
        rule
    }

    /// Returns the starts of deleted occurrences.
    pub(super) fn removed(&self) -> impl Iterator<Item = Time> + '_ {
        let moved = |day: &Time| {
            let mut originals = self.exceptions.iter().map(|it| it.original_start);
            originals.any(|start| Time::from_unix(start).midnight() == *day)
        };
        let days = self.removed.iter().filter(move |day| !moved(day));
        days.map(|day| day.plus(self.start_of_day))
    }
}

impl Pattern {
    fn new(frequency: u16, period: u32, days: Days) -> Option<Self> {
        let is_valid = match days {
            Days::All => true,
            Days::Weekdays(days) => days != 0,
            Days::OfMonth(day) => (1..=31).contains(&day),
            Days::Nth(days, which) => days != 0 && (1..=5).contains(&which),
        };
        let (frequency, interval) = match (frequency, days) {
            (0x200A, Days::All) => (Frequency::Daily, period / (24 * 60)),
            (_, Days::Weekdays(_)) => (Frequency::Weekly, period),
            (0x200D, Days::OfMonth(_) | Days::Nth(..)) if period.is_multiple_of(12) => {
                (Frequency::Yearly, period / 12)
            }
            (_, Days::OfMonth(_) | Days::Nth(..)) => (Frequency::Monthly, period),
            _ => return None,
        };
        (is_valid && interval > 0).then_some(Self {
            frequency,
            interval,
            days,
        })
    }
}

impl Exception {
    const SUBJECT: u16 = 0x0001;
    const LOCATION: u16 = 0x0010;

    /// Reads an ExceptionInfo.
    fn read(reader: &mut Reader<'_>, strings: &'static Encoding) -> Option<Self> {
        let [start, end, original_start] = Self::times(reader)?;
        let flags = reader.u16()?;
        let mut exception = Self {
            start,
            end,
            original_start,
            flags,
            ..Self::default()
        };
        let text = |reader: &mut Reader<'_>| {
            reader.u16()?; // with a NUL that is not there
            let len = reader.u16()?;
            let bytes = reader.take(len.into())?;
            Some(one_line(&strings.decode_without_bom_handling(bytes).0))
        };
        if flags & Self::SUBJECT != 0 {
            exception.subject = Some(text(reader)?);
        }
        if flags & 0x0002 != 0 {
            reader.u32()?; // PidLidAppointmentStateFlags
        }
        if flags & 0x0004 != 0 {
            exception.reminder_minutes = Some(reader.i32()?);
        }
        if flags & 0x0008 != 0 {
            exception.reminder = Some(reader.u32()? != 0);
        }
        if flags & Self::LOCATION != 0 {
            exception.location = Some(text(reader)?);
        }
        if flags & 0x0020 != 0 {
            exception.busy = Some(reader.i32()?);
        }
        if flags & 0x0040 != 0 {
            reader.u32()?; // whether it has attachments
        }
        if flags & 0x0080 != 0 {
            exception.is_all_day = Some(reader.u32()? != 0);
        }
        if flags & 0x0100 != 0 {
            reader.u32()?; // its colour
        }
        Some(exception)
    }

    /// Reads an ExtendedException.
    fn read_extended(&mut self, reader: &mut Reader<'_>, version: u32) -> Option<()> {
        if version >= 0x3009 {
            reader.block()?; // ChangeHighlight
        }
        reader.block()?;
        if self.flags & (Self::SUBJECT | Self::LOCATION) == 0 {
            return Some(());
        }
        Self::times(reader)?;
        for (flag, text) in [
            (Self::SUBJECT, &mut self.subject),
            (Self::LOCATION, &mut self.location),
        ] {
            if self.flags & flag != 0 {
                let units = reader.u16()?;
                *text = Some(reader.utf16(units.into())?);
            }
        }
        reader.block()?;
        Some(())
    }

    /// Returns start, end and original start, in seconds.
    fn times(reader: &mut Reader<'_>) -> Option<[i64; 3]> {
        let times = [reader.u32()?, reader.u32()?, reader.u32()?];
        Some(times.map(|minutes| Time::from_minutes(minutes).unix))
    }
}

/// Returns the name of a weekday, RFC 5545 section 3.3.10; 0 is Sunday.
pub(super) fn weekday(day: i64) -> &'static str {
    let names = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];
    let day = usize::try_from(day).unwrap_or(0);
    names.get(day).copied().unwrap_or("SU")
}

fn weekdays(bits: u32) -> String {
    let days = (0..7).filter(|day| bits >> day & 1 == 1).map(weekday);
    days.collect::<Vec<_>>().join(",")
}
