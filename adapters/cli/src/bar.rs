//! The progress of a run: a line at the bottom of a terminal, or a line now and then in a log.

use core::fmt::{self, Write as _};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use exportitems_std::Why;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::output::say;
use crate::run::Detail;

/// The time between two lines, if stderr is not a terminal.
const BETWEEN_LINES: Duration = Duration::from_mins(1);
/// The time between two updates of the line of a terminal, so that waits are counted down.
const BETWEEN_UPDATES: Duration = Duration::from_secs(1);
/// The time over which the rate is measured.
const MEASURED: Duration = Duration::from_secs(30);
/// The widest line. A bar that is wider is not easier to read.
const WIDEST: usize = 120;
/// The width of a line, if the terminal does not report its width.
const USUAL: usize = 80;

/// The line on the terminal, for messages of other threads.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Hides the line, if there is one, while `print` runs. It can be called from any thread.
pub(crate) fn around(print: impl FnOnce()) {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// Returns a line of the terminal that shows how many jobs have ended, and a message.
#[cfg(feature = "fleet")]
pub(crate) fn of_jobs() -> ProgressBar {
    let line = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:20} {pos} of {len} mailboxes  {wide_msg}");
    line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    line
}

/// The progress of a run.
#[derive(Debug)]
pub(crate) struct Bar {
    inner: ProgressBar,
    /// Whether lines are printed, because there is no terminal to draw on.
    prints: bool,
    printed: Instant,
    state: Arc<Mutex<State>>,
}

/// What the line shows.
#[derive(Debug)]
struct State {
    began: Instant,
    items: u64,
    of: u64,
    bytes: u64,
    /// The number of bytes at earlier times, the oldest first.
    samples: VecDeque<(Instant, u64)>,
    /// The end of the current wait, and its reason.
    wait: Option<(Instant, Why)>,
}

impl Bar {
    pub(crate) fn new(items: usize, detail: Detail) -> Self {
        let target = match detail {
            Detail::Quiet => ProgressDrawTarget::hidden(),
            Detail::Failures | Detail::Everything => ProgressDrawTarget::stderr_with_hz(10),
        };
        let now = Instant::now();
        let state = Arc::new(Mutex::new(State {
            began: now,
            items: 0,
            of: items as u64,
            bytes: 0,
            samples: VecDeque::from([(now, 0)]),
            wait: None,
        }));
        let inner = ProgressBar::with_draw_target(None, target);
        let shown = Arc::clone(&state);
        let draw = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let width = terminal_size::terminal_size_of(std::io::stderr())
                .map_or(USUAL, |(width, _)| width.0.into());
            // Writing to the line of a terminal does not fail.
            let _ = out.write_str(&lock(&shown).line(width.saturating_sub(1), Instant::now()));
        };
        if let Ok(style) = ProgressStyle::with_template("{line}") {
            inner.set_style(style.with_key("line", draw));
        }
        if !inner.is_hidden() {
            inner.enable_steady_tick(BETWEEN_UPDATES);
            *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(inner.clone());
        }
        Self {
            prints: inner.is_hidden() && detail != Detail::Quiet,
            printed: now,
            inner,
            state,
        }
    }

    /// Counts bytes that have arrived.
    pub(crate) fn add_bytes(&mut self, bytes: u64) {
        let mut state = lock(&self.state);
        state.add_bytes(bytes, Instant::now());
        drop(state);
        self.update();
    }

    /// Counts an item that is exported or has failed.
    pub(crate) fn add_item(&mut self) {
        lock(&self.state).items += 1;
        self.update();
    }

    /// Shows that the run waits.
    pub(crate) fn wait(&self, wait: Duration, why: Why) {
        lock(&self.state).wait = Some((Instant::now() + wait, why));
        self.inner.tick();
    }

    /// Hides the line while `print` runs.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.inner.suspend(print)
    }

    pub(crate) fn finish(&self) {
        self.inner.finish_and_clear();
    }

    /// Returns a function that removes the line from the screen, and can be called from any thread.
    pub(crate) fn clearer(&self) -> impl FnOnce() + Send + use<> {
        let bar = self.inner.clone();
        move || bar.finish_and_clear()
    }

    fn update(&mut self) {
        self.inner.inc(1);
        if self.prints && self.printed.elapsed() >= BETWEEN_LINES {
            self.printed = Instant::now();
            say(&lock(&self.state).line(usize::MAX, self.printed));
        }
    }
}

impl State {
    fn add_bytes(&mut self, bytes: u64, now: Instant) {
        self.wait = None;
        self.bytes += bytes;
        let last = self.samples.back().map_or(self.began, |&(at, _)| at);
        if now.duration_since(last) >= Duration::from_secs(1) {
            self.samples.push_back((now, self.bytes));
        }
        while self.samples.len() > 1 && now.duration_since(self.samples[0].0) > MEASURED {
            self.samples.pop_front();
        }
    }

    /// Returns the bytes per second of the last half minute.
    fn rate(&self, now: Instant) -> u64 {
        let (since, bytes) = self.samples.front().copied().unwrap_or((self.began, 0));
        per_second(self.bytes.saturating_sub(bytes), now.duration_since(since))
    }

    /// Returns the time until all items are done, at the mean speed so far.
    fn left(&self, now: Instant) -> Option<Duration> {
        let (done, elapsed) = (self.items, now.duration_since(self.began));
        let left = self
            .of
            .checked_sub(done)
            .filter(|&left| left > 0 && done > 0)?;
        let milliseconds = u128::from(left) * elapsed.as_millis() / u128::from(done);
        u64::try_from(milliseconds).ok().map(Duration::from_millis)
    }

    /// Returns the line in this number of columns. What is least important is left out first.
    fn line(&self, width: usize, now: Instant) -> String {
        let (items, of) = (self.items, self.of);
        let (bytes, rate) = (HumanBytes(self.bytes), HumanBytes(self.rate(now)));
        let waited = self.wait.map(|(until, why)| {
            let left = rounded(until.saturating_duration_since(now));
            match why {
                Why::Held => format!("waiting {left} for the window"),
                Why::Server => format!("waiting {left} for the server"),
                _ => format!("waiting {left} for items"),
            }
        });
        let left = self.left(now).map(|left| format!("{} left", rounded(left)));
        // In the order of importance.
        let parts = [
            Some(format!("{items} of {of} items")),
            waited,
            left,
            Some(bytes.to_string()),
            Some(format!("{rate}/s")),
        ];
        let mut line = String::new();
        for part in parts.into_iter().flatten() {
            let separator = if line.is_empty() { "" } else { ", " };
            if line.len() + separator.len() + part.len() > width {
                break;
            }
            let _ = write!(line, "{separator}{part}");
        }
        match width == usize::MAX {
            true => line,
            false => self.bar(width.min(WIDEST).saturating_sub(line.len() + 3)) + &line,
        }
    }

    /// Returns a bar of this width, or nothing if that is too narrow.
    fn bar(&self, width: usize) -> String {
        if width < 8 {
            return String::new();
        }
        let filled = u128::from(self.items) * width as u128 / u128::from(self.of.max(1));
        let filled = usize::try_from(filled).unwrap_or(width).min(width);
        format!("[{}{}] ", "=".repeat(filled), " ".repeat(width - filled))
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn per_second(bytes: u64, time: Duration) -> u64 {
    let milliseconds = time.as_millis().max(1);
    u64::try_from(u128::from(bytes) * 1000 / milliseconds).unwrap_or(u64::MAX)
}

/// Formats a time with its two largest units.
fn rounded(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After a minute: 300 of 1200 items, 120 MiB, and a wait of 45 seconds.
    fn state(now: Instant) -> State {
        let began = now.checked_sub(Duration::from_mins(1)).unwrap();
        State {
            began,
            items: 300,
            of: 1200,
            bytes: 120 << 20,
            samples: VecDeque::from([(began, 0)]),
            wait: Some((now + Duration::from_secs(45), Why::Server)),
        }
    }

    #[test]
    fn a_line_fits_any_width() {
        let now = Instant::now();
        let state = state(now);
        for width in 0..300 {
            let line = state.line(width, now);
            assert!(line.len() <= width, "{width}: {line:?}");
        }
        for (width, expected) in [
            (20, "300 of 1200 items"),
            (50, "300 of 1200 items, waiting 45 s for the server"),
            (
                79,
                "300 of 1200 items, waiting 45 s for the server, 3 min 00 s left, 120.00 MiB",
            ),
            (
                120,
                "[=======                       ] 300 of 1200 items, waiting 45 s for the server, 3 min 00 s left, 120.00 MiB, 2.00 MiB/s",
            ),
        ] {
            assert_eq!(state.line(width, now), expected, "{width}");
        }
        assert!(!state.line(usize::MAX, now).contains('['));
    }

    #[test]
    fn the_rate_is_of_the_last_half_minute() {
        let now = Instant::now();
        let mut state = state(now);
        for second in 1..=60 {
            state.add_bytes(1 << 20, now + Duration::from_secs(second));
        }
        assert_eq!(state.rate(now + Duration::from_mins(1)), 1 << 20);
        assert!(state.wait.is_none(), "bytes end a wait");
        assert!(state.samples.len() <= 32);
    }

    #[test]
    fn times_have_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 01 s"),
            (3600, "1 h 00 min"),
            (100_000, "27 h 46 min"),
        ] {
            assert_eq!(rounded(Duration::from_secs(seconds)), expected);
        }
    }
}
