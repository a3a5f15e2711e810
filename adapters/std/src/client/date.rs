//! HTTP dates (RFC 9110 §5.6.7).

use jiff::fmt::strtime;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// Parses a date in any of the three forms, at the time `now`. Returns `None` for anything else.
///
/// The weekday is not compared with the date.
pub(super) fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Some((_, date)) = text.split_once(", ") {
        return imf_fixdate(date).or_else(|| rfc850(date, now));
    }
    // asctime
    let (_, date) = text.split_once(' ')?;
    moment("%b %e %H:%M:%S %Y", date)
}

fn imf_fixdate(date: &str) -> Option<Timestamp> {
    moment("%d %b %Y %H:%M:%S GMT", date)
}

/// Returns the full year for two digits. It is at most 50 years in the future.
fn rfc850(date: &str, now: Timestamp) -> Option<Timestamp> {
    let (day_and_month, rest) = date.split_at_checked(7)?;
    let (year, time) = rest.split_at_checked(2)?;
    if !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let now = now.to_zoned(jiff::tz::TimeZone::UTC);
    let century = i32::from(now.year()) / 100 * 100;
    let latest = now.checked_add(50.years()).ok()?.timestamp();
    let year: i32 = year.parse().ok()?;
    [100, 0, -100].into_iter().find_map(|offset| {
        let year = century + offset + year;
        moment(
            "%d-%b-%Y %H:%M:%S GMT",
            &format!("{day_and_month}{year:04}{time}"),
        )
        .filter(|moment| *moment <= latest)
    })
}

fn moment(format: &str, date: &str) -> Option<Timestamp> {
    let time = strtime::parse(format, date).ok()?.to_datetime().ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// Returns the time from `now` to `then`, or zero if that is in the past.
pub(super) fn until(then: Timestamp, now: Timestamp) -> core::time::Duration {
    then.duration_since(now)
        .max(SignedDuration::ZERO)
        .unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let now = "2026-11-27T12:00:00Z".parse().unwrap();
        parse(text, now).map(|time| time.to_string())
    }

    #[test]
    fn the_three_forms_of_the_rfc() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(
                read(text).as_deref(),
                Some("1994-11-06T08:49:37Z"),
                "{text}"
            );
        }
        // A leap second is valid, and a wrong weekday is ignored.
        for (text, expected) in [
            ("Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59Z"),
            ("Mon, 27 Nov 2026 13:00:00 GMT", "2026-11-27T13:00:00Z"),
            ("Sun Nov 16 08:49:37 1994", "1994-11-16T08:49:37Z"),
            ("Sat, 29 Feb 2028 00:00:00 GMT", "2028-02-29T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn two_digits_are_within_fifty_years() {
        for (text, expected) in [
            ("Friday, 27-Nov-26 13:00:00 GMT", "2026-11-27T13:00:00Z"),
            ("Friday, 27-Nov-76 11:59:59 GMT", "2076-11-27T11:59:59Z"),
            ("Saturday, 27-Nov-76 12:00:01 GMT", "1976-11-27T12:00:01Z"),
            ("Thursday, 31-Dec-99 23:59:59 GMT", "1999-12-31T23:59:59Z"),
            ("Saturday, 01-Jan-00 00:00:00 GMT", "2000-01-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        // Near the end of a century, the year is in the next one.
        let now = "2099-12-31T12:00:00Z".parse().unwrap();
        let time = parse("Friday, 01-Jan-00 00:00:00 GMT", now).unwrap();
        assert_eq!(time.to_string(), "2100-01-01T00:00:00Z");
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in [
            "",
            "soon",
            "-1",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 2027 08:49:37 GMT",
            "Sunday, 06-Nov-\u{e9} 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994 GMT",
            "2026-11-27T12:00:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
