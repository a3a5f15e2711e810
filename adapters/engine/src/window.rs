//! The hours of the day in which a run may send requests.

use core::fmt;
use core::str::FromStr;

const DAY: u32 = 24 * 60 * 60;

/// The hours of the day in which a run may send requests, such as `20:00-06:00`.
///
/// ```
/// use exportitems_engine::Window;
///
/// let night: Window = "20:00-06:00".parse()?;
/// assert_eq!(night.closed_for(23 * 3600), 0);
/// assert_eq!(night.closed_for(6 * 3600), 14 * 3600);
/// # Ok::<(), exportitems_engine::WindowError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Both in seconds since midnight.
    opens: u32,
    closes: u32,
}

/// A window has another form than `20:00-06:00`, or is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowError;

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a part of the day; write its beginning and end, such as 20:00-06:00")
    }
}

impl core::error::Error for WindowError {}

impl Window {
    /// Returns the number of seconds until the window opens, or 0 if it is open, at this second of the day.
    #[must_use]
    pub const fn closed_for(self, second_of_day: u32) -> u32 {
        let now = second_of_day % DAY;
        let since_opening = (now + DAY - self.opens) % DAY;
        let length = (self.closes + DAY - self.opens) % DAY;
        match since_opening < length {
            true => 0,
            false => DAY - since_opening,
        }
    }
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let (opens, closes) = text.split_once('-').ok_or(WindowError)?;
        let window = Self {
            opens: time(opens).ok_or(WindowError)? % DAY,
            closes: time(closes).ok_or(WindowError)? % DAY,
        };
        match window.opens == window.closes {
            true => Err(WindowError),
            false => Ok(window),
        }
    }
}

/// Reads `20:00` as seconds since midnight. 24:00 is the end of the day.
fn time(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| is_number)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let seconds = hours * 3600 + minutes * 60;
    (minutes < 60 && seconds <= DAY).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn windows_may_include_midnight() {
        for (text, closed) in [
            (
                "20:00-06:00",
                [(19, 1), (20, 0), (23, 0), (0, 0), (5, 0), (6, 14), (12, 8)],
            ),
            (
                "08:00-12:30",
                [(7, 1), (8, 0), (11, 0), (12, 0), (13, 19), (23, 9), (0, 8)],
            ),
            ("0:00-24:00", [(0, 0); 7]),
            (
                "22:00-24:00",
                [
                    (21, 1),
                    (22, 0),
                    (23, 0),
                    (0, 22),
                    (1, 21),
                    (2, 20),
                    (3, 19),
                ],
            ),
        ] {
            let window = text.parse::<Window>();
            if text == "0:00-24:00" {
                assert_eq!(window, Err(WindowError), "the whole day is no window");
                continue;
            }
            for (hour, hours) in closed {
                assert_eq!(
                    window.unwrap().closed_for(hour * 3600),
                    hours * 3600,
                    "{text} at {hour}"
                );
            }
        }
        for text in [
            "",
            "20:00",
            "20-06",
            "20:00-20:00",
            "25:00-06:00",
            "20:60-06:00",
            "+2:00-06:00",
            "20:0x-1:00",
            "24:01-03:00",
        ] {
            assert_eq!(text.parse::<Window>(), Err(WindowError), "{text}");
        }
    }

    #[test]
    fn a_window_opens_when_it_says() {
        for opens in 0..24 {
            for closes in (0..24).filter(|&closes| closes != opens) {
                let window: Window = format!("{opens}:15-{closes}:45").parse().unwrap();
                for second in (0..DAY).step_by(977) {
                    let wait = window.closed_for(second);
                    assert_eq!(window.closed_for(second + wait), 0);
                    assert!(wait == 0 || window.closed_for(second + wait - 1) == 1);
                }
            }
        }
    }
}
