//! The progress bar on a terminal.

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The number of bytes after which the bar's text is updated.
const STEP: u64 = 256 * 1024;

/// The progress of an export, drawn on stderr if that is a terminal.
#[derive(Debug)]
pub(crate) struct Bar {
    inner: ProgressBar,
    bytes: u64,
    shown: u64,
}

impl Bar {
    pub(crate) fn new(items: usize) -> Self {
        let bar = ProgressBar::with_draw_target(
            u64::try_from(items).ok(),
            ProgressDrawTarget::stderr_with_hz(10),
        );
        let style =
            ProgressStyle::with_template("[{bar:32}] {pos} of {len} items, {msg}, {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        let mut this = Self {
            inner: bar,
            bytes: 0,
            shown: 0,
        };
        this.show();
        this
    }

    /// Counts bytes that have arrived.
    pub(crate) fn add_bytes(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.bytes - self.shown >= STEP {
            self.show();
        }
    }

    /// Counts an item that is exported or has failed.
    pub(crate) fn add_item(&mut self) {
        self.show();
        self.inner.inc(1);
    }

    /// Hides the bar while `print` runs.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.inner.suspend(print)
    }

    pub(crate) fn finish(&self) {
        self.inner.finish_and_clear();
    }

    /// Returns a function that removes the bar from the screen, and can be called from any thread.
    pub(crate) fn clearer(&self) -> impl FnOnce() + Send + use<> {
        let bar = self.inner.clone();
        move || bar.finish_and_clear()
    }

    fn show(&mut self) {
        self.shown = self.bytes;
        let seconds = self.inner.elapsed().as_secs_f64().max(0.001);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss
        )] // the rate is only displayed
        let rate = (self.bytes as f64 / seconds) as u64;
        let text = format!("{}, {}/s", HumanBytes(self.bytes), HumanBytes(rate));
        self.inner.set_message(text);
    }
}
