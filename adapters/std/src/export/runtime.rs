//! What a run needs of the machine that drives it: time, and a signal between its connections.

use core::future::{poll_fn, Future};
use core::pin::pin;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::sleep;

/// Waits for a run.
pub trait Runtime: Sync {
    /// Waits for this time.
    fn sleep(&self, wait: Duration) -> impl Future<Output = ()> + Send;
}

/// The runtime of a run that has a thread for each connection.
#[derive(Debug)]
pub(super) struct Threads;

impl Runtime for Threads {
    fn sleep(&self, wait: Duration) -> impl Future<Output = ()> + Send {
        sleep(wait)
    }
}

/// A signal that a request has ended, or that more requests may begin.
#[derive(Debug, Default)]
pub(super) struct Signal(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// The number of signals so far.
    signals: u64,
    wakers: Vec<Waker>,
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of signals so far.
    pub(super) fn count(&self) -> u64 {
        self.lock().signals
    }

    /// Wakes everything that waits.
    pub(super) fn send(&self) {
        let mut waiting = self.lock();
        waiting.signals += 1;
        let wakers = core::mem::take(&mut waiting.wakers);
        drop(waiting);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until `sleep` ends, or until there are more than `seen` signals.
    pub(super) async fn wait(&self, seen: u64, sleep: impl Future<Output = ()>) {
        let mut sleep = pin!(sleep);
        poll_fn(|context| {
            let mut waiting = self.lock();
            if waiting.signals > seen {
                return Poll::Ready(());
            }
            let waker = context.waker();
            if !waiting.wakers.iter().any(|known| known.will_wake(waker)) {
                waiting.wakers.push(waker.clone());
            }
            drop(waiting);
            sleep.as_mut().poll(context)
        })
        .await;
    }
}
