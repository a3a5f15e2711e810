//! The types that the probes use for generic parameters. The optimiser cannot see into their functions.

use core::convert::Infallible;
use core::fmt;
use core::future::Future;
use core::hash::Hasher;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use exportitems::{Outcome, ResponseItemId, Sink};
use exportitems_embedded_io::AsyncSink;

extern "Rust" {
    /// Known only to the linker, like a function of a caller: it can return anything.
    fn PROBE_ANSWER(about: u64) -> u64;
}

/// Returns a number that the optimiser cannot know.
pub fn answer(about: u64) -> u64 {
    // SAFETY: this never runs: programs with this call are linked, but not started.
    unsafe { PROBE_ANSWER(about) }
}

/// Returns `ok` or `error`; the optimiser cannot know which.
pub fn result<T, E>(about: u64, ok: T, error: E) -> Result<T, E> {
    if answer(about) == 0 {
        Ok(ok)
    } else {
        Err(error)
    }
}

/// An error of a sink or a transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "features", derive(defmt::Format))]
pub struct Failure(u64);

impl Failure {
    /// Returns a failure that depends on the message.
    pub fn of(message: &dyn fmt::Display) -> Self {
        struct Length(u64);

        impl fmt::Write for Length {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0 = answer(text.len() as u64);
                Ok(())
            }
        }

        let mut length = Length(0);
        let _ = fmt::Write::write_fmt(&mut length, format_args!("{message}"));
        Self(length.0)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if answer(self.0) == 0 { "a" } else { "b" })
    }
}

impl core::error::Error for Failure {}

impl embedded_io::Error for Failure {
    fn kind(&self) -> embedded_io::ErrorKind {
        if answer(self.0) == 0 {
            embedded_io::ErrorKind::Other
        } else {
            embedded_io::ErrorKind::TimedOut
        }
    }
}

/// A sink that may fail at each call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "features", derive(defmt::Format))]
pub struct AnySink(u64);

impl Sink for AnySink {
    type Error = Failure;

    fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Failure> {
        let id = ids.id.value().map_or(0, str::len);
        result(u64::from(index) ^ id as u64, (), Failure(self.0))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        result(bytes.len() as u64, (), Failure(self.0))
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Failure> {
        result(outcome.bytes, (), Failure(self.0))
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.0 = answer(outcome.offset);
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.0 = answer(outcome.offset);
    }
}

/// The same, asynchronous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "features", derive(defmt::Format))]
pub struct AnyAsyncSink(AnySink);

impl AsyncSink for AnyAsyncSink {
    type Error = Failure;

    async fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Failure> {
        wait().await;
        Sink::begin(&mut self.0, index, ids)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        wait().await;
        Sink::write(&mut self.0, bytes)
    }

    async fn commit(&mut self, outcome: &Outcome) -> Result<(), Failure> {
        wait().await;
        Sink::commit(&mut self.0, outcome)
    }

    async fn abort(&mut self, outcome: &Outcome) {
        wait().await;
        Sink::abort(&mut self.0, outcome);
    }

    async fn failed(&mut self, outcome: &Outcome) {
        wait().await;
        Sink::failed(&mut self.0, outcome);
    }
}

/// A sink that cannot fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "features", derive(defmt::Format))]
pub struct Observer(AnySink);

impl Sink for Observer {
    type Error = Infallible;

    fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Infallible> {
        let _ = self.0.begin(index, ids);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        let _ = self.0.write(bytes);
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Infallible> {
        let _ = self.0.commit(outcome);
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.0.abort(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.0.failed(outcome);
    }
}

/// A transport that reads and writes any number of bytes, or fails. It may also return more bytes than the buffer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "features", derive(defmt::Format))]
pub struct Stream(u64);

impl embedded_io::ErrorType for Stream {
    type Error = Failure;
}

impl embedded_io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        for byte in &mut *buffer {
            *byte = answer(self.0) as u8;
        }
        result(
            self.0,
            answer(buffer.len() as u64) as usize,
            Failure(self.0),
        )
    }
}

impl embedded_io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        result(self.0, answer(bytes.len() as u64) as usize, Failure(self.0))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        result(self.0, (), Failure(self.0))
    }
}

/// Waits for an unknown number of polls.
async fn wait() {
    core::future::poll_fn(|_| {
        if answer(0) == 0 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}

impl embedded_io_async::Read for Stream {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        wait().await;
        embedded_io::Read::read(self, buffer)
    }
}

impl embedded_io_async::Write for Stream {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        wait().await;
        embedded_io::Write::write(self, bytes)
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        wait().await;
        embedded_io::Write::flush(self)
    }
}

/// A hasher.
#[derive(Debug)]
pub struct AnyHasher(u64);

impl Hasher for AnyHasher {
    fn finish(&self) -> u64 {
        answer(self.0)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = answer(bytes.len() as u64);
    }
}

/// Polls a future until it is done, like an executor. A finished future is not polled again, since that always panics.
pub fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

#[cfg(feature = "features")]
pub use crate::serializer::AnySerializer;

#[cfg(feature = "features")]
mod defmt_logger {
    use super::answer;

    #[defmt::global_logger]
    struct Logger;

    // SAFETY: this never runs: programs with this logger are linked, but not started.
    unsafe impl defmt::Logger for Logger {
        fn acquire() {
            answer(1);
        }

        unsafe fn flush() {
            answer(2);
        }

        unsafe fn release() {
            answer(3);
        }

        unsafe fn write(bytes: &[u8]) {
            answer(bytes.len() as u64);
        }
    }

    defmt::timestamp!("");
}
