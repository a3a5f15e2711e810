//! Runs the client's futures on a thread that may block.

use core::cell::Cell;
use core::future::{poll_fn, Future};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::Instant;

/// Unparks a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// The end of the first sleep that the current future waits for.
    static ALARM: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs a future to its end on this thread.
///
/// The futures of a blocking transport are always ready. So the thread is parked only while a login waits for the
/// result of another one, and while a run waits.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => match ALARM.take() {
                Some(alarm) => {
                    thread::park_timeout(alarm.saturating_duration_since(Instant::now()));
                }
                None => thread::park(),
            },
        }
    }
}

/// Waits for this time, in a future that [`block_on`] runs.
pub(crate) fn sleep(wait: Duration) -> impl Future<Output = ()> + Send {
    let end = Instant::now() + wait;
    poll_fn(move |_| match Instant::now() >= end {
        true => Poll::Ready(()),
        false => {
            ALARM.set(Some(ALARM.get().map_or(end, |alarm| alarm.min(end))));
            Poll::Pending
        }
    })
}
