//! Times of a payload: FILETIMEs, of 100 ns since 1601-01-01 UTC.

use std::fmt;

/// "None", 4501-01-01, as Outlook writes it.
const NONE: u64 = 0x0CB3_4557_A3DD_4000;

/// Seconds from 1601-01-01 to 1970-01-01.
const UNIX_EPOCH: i64 = 11_644_473_600;

/// A point in time, to the second, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Seconds since 1970-01-01.
    pub unix: i64,
    year: i64,
    month: i64,
    day: i64,
}

impl Time {
    /// Converts a PtypTime; `None` for the values that mean "no time".
    #[must_use]
    pub fn from_filetime(time: u64) -> Option<Self> {
        if time == 0 || time >= NONE {
            return None;
        }
        Some(Self::from_unix(
            i64::try_from(time / 10_000_000).ok()? - UNIX_EPOCH,
        ))
    }

    /// Converts minutes since 1601-01-01, the unit of recurrences.
    pub(crate) fn from_minutes(minutes: u32) -> Self {
        Self::from_unix(i64::from(minutes) * 60 - UNIX_EPOCH)
    }

    /// Converts a date and a time of day in seconds.
    pub(crate) fn from_civil(year: i64, month: i64, day: i64, second: i64) -> Self {
        // Howard Hinnant's civil to days.
        let (year, month) = match month {
            ..=2 => (year - 1, month + 9),
            _ => (year, month - 3),
        };
        let day = 365 * year + year.div_euclid(4) - year.div_euclid(100)
            + year.div_euclid(400)
            + (153 * month + 2) / 5
            + day
            - 1;
        Self::from_unix((day - 719_468) * 86_400 + second)
    }

    /// Converts seconds since 1970-01-01.
    pub(crate) fn from_unix(unix: i64) -> Self {
        // Howard Hinnant's days to civil, with eras of 400 years that begin in March.
        let days = unix.div_euclid(86_400) + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Self {
            unix,
            year: year + era * 400 + i64::from(month <= 2),
            month,
            day,
        }
    }

    /// Adds seconds.
    pub(crate) fn plus(self, seconds: i64) -> Self {
        Self::from_unix(self.unix + seconds)
    }

    /// Returns the start of the day.
    pub(crate) fn midnight(self) -> Self {
        self.plus(-self.unix.rem_euclid(86_400))
    }

    pub(crate) fn year(self) -> i64 {
        self.year
    }

    /// Returns the month; 1 is January.
    pub(crate) fn month_number(self) -> i64 {
        self.month
    }

    /// Returns the weekday; 0 is Sunday.
    pub(crate) fn weekday_number(self) -> i64 {
        (self.unix.div_euclid(86_400) + 4).rem_euclid(7)
    }

    fn clock(self) -> (i64, i64, i64) {
        let second = self.unix.rem_euclid(86_400);
        (second / 3600, second / 60 % 60, second % 60)
    }

    fn weekday(self) -> &'static str {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        let day = usize::try_from(self.weekday_number()).unwrap_or(0);
        days.get(day).copied().unwrap_or_default()
    }

    fn month(self) -> &'static str {
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let month = usize::try_from(self.month - 1).unwrap_or(0);
        months.get(month).copied().unwrap_or_default()
    }

    /// As in a `Date` header, RFC 5322 section 3.3.
    #[must_use]
    pub fn rfc5322(self) -> String {
        let (hour, minute, second) = self.clock();
        let (weekday, day, month, year) = (self.weekday(), self.day, self.month(), self.year);
        format!("{weekday}, {day} {month} {year} {hour:02}:{minute:02}:{second:02} +0000")
    }

    /// Formats the time for the line that begins a message of an mbox file.
    #[must_use]
    pub fn asctime(self) -> String {
        let (hour, minute, second) = self.clock();
        let (weekday, day, month, year) = (self.weekday(), self.day, self.month(), self.year);
        format!("{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
    }

    /// Returns the date, as `2026-11-27`.
    #[must_use]
    pub fn date(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// Returns the date as in iCalendar, RFC 5545 section 3.3.4: `20261127`.
    pub(crate) fn basic_date(self) -> String {
        format!("{:04}{:02}{:02}", self.year, self.month, self.day)
    }

    /// Date and time as in iCalendar, section 3.3.5, without a zone: `20261127T163000`.
    pub(crate) fn basic(self) -> String {
        let (hour, minute, second) = self.clock();
        format!("{}T{hour:02}{minute:02}{second:02}", self.basic_date())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = self.clock();
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}Z", self.date())
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn dates_and_seconds_agree() {
        for unix in (-12_000_000_000..9_000_000_000).step_by(86_399 * 37) {
            let time = Time::from_unix(unix);
            let second = unix.rem_euclid(86_400);
            assert_eq!(
                Time::from_civil(time.year, time.month, time.day, second),
                time
            );
        }
        let time = Time::from_minutes(0);
        assert_eq!(
            (time.basic().as_str(), time.weekday_number()),
            ("16010101T000000", 1)
        );
    }

    #[test]
    fn known_times() {
        // PidTagClientSubmitTime of Microsoft's example: 2010-03-31T21:14:04Z.
        let filetime = |unix: u64| (unix + 11_644_473_600) * 10_000_000;
        for (unix, shown, header) in [
            (0, "1970-01-01T00:00:00Z", "Thu, 1 Jan 1970 00:00:00 +0000"),
            (
                951_782_400,
                "2000-02-29T00:00:00Z",
                "Tue, 29 Feb 2000 00:00:00 +0000",
            ),
            (
                1_270_070_044,
                "2010-03-31T21:14:04Z",
                "Wed, 31 Mar 2010 21:14:04 +0000",
            ),
            (
                4_102_444_799,
                "2099-12-31T23:59:59Z",
                "Thu, 31 Dec 2099 23:59:59 +0000",
            ),
        ] {
            let time = Time::from_filetime(filetime(unix)).unwrap();
            assert_eq!(
                (time.to_string().as_str(), time.rfc5322().as_str()),
                (shown, header)
            );
        }
        assert_eq!(
            Time::from_filetime(1).unwrap().to_string(),
            "1601-01-01T00:00:00Z"
        );
        for none in [0, super::NONE, u64::MAX] {
            assert_eq!(Time::from_filetime(none), None);
        }
    }
}
