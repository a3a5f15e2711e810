//! Handles Ctrl-C and the other signals that end a command.

use core::time::Duration;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::bar;
use crate::output::say;
use crate::status::Status;

/// The longest time until a wait notices that the run is to end.
const NOTICE: Duration = Duration::from_millis(200);

type Action = Box<dyn FnOnce() + Send>;

/// The actions that run when a signal ends the process, oldest first.
static ACTIONS: Mutex<Vec<(u64, Action)>> = Mutex::new(Vec::new());

/// The number of runs that can finish their requests at the first signal. A run may be part of another one.
static GRACEFUL: AtomicU32 = AtomicU32::new(0);

/// Whether a run is to end when its requests in flight are finished.
static STOP: AtomicBool = AtomicBool::new(false);

/// Installs a handler that runs the actions of [`before_exit`] and then ends the process with `status`.
///
/// A process started by `nohup` ignores hang-ups. No handler is installed then, because it would handle them too.
pub(crate) fn install(status: Status) {
    if ignores_hangups() {
        return;
    }
    // If this fails, a signal still ends the process, but without the actions.
    let _ = ctrlc::set_handler(move || {
        if stops_gracefully() {
            return;
        }
        // The lock is held until the process exits, so no action is added and no guard is dropped meanwhile.
        let mut actions = ACTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, action)) = actions.pop() {
            action();
        }
        std::process::exit(status as i32)
    });
}

/// Lets the first signal end a run gracefully while the guard exists, by [`stop_flag`]. The next signal ends the process.
pub(crate) fn gracefully() -> Graceful {
    GRACEFUL.fetch_add(1, Ordering::Relaxed);
    Graceful(())
}

/// Returns the flag that ends a run when its requests in flight are finished.
pub(crate) fn stop_flag() -> &'static AtomicBool {
    &STOP
}

/// Waits, or until the run is to end.
pub(crate) fn sleep(wait: Duration) {
    let began = Instant::now();
    while !STOP.load(Ordering::Relaxed) {
        let left = wait.saturating_sub(began.elapsed());
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left.min(NOTICE));
    }
}

/// Returns whether this is the first signal and the run can finish its requests.
fn stops_gracefully() -> bool {
    let stops = GRACEFUL.load(Ordering::Relaxed) > 0 && !STOP.swap(true, Ordering::Relaxed);
    if stops {
        bar::around(|| {
            say("interrupted: the requests on the wire are completed; press Ctrl-C again to stop at once");
        });
    }
    stops
}

/// Ends [`gracefully`] when it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Graceful(());

impl Drop for Graceful {
    fn drop(&mut self) {
        GRACEFUL.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Registers an action that runs if a signal ends the process while the guard exists. The latest action runs first.
pub(crate) fn before_exit(action: impl FnOnce() + Send + 'static) -> Guard {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut actions = ACTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    actions.push((id, Box::new(action)));
    Guard(id)
}

/// Removes the action of [`before_exit`] when it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Guard(u64);

impl Drop for Guard {
    fn drop(&mut self) {
        let mut actions = ACTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        actions.retain(|&(id, _)| id != self.0);
    }
}

/// Blocks if a signal is ending the process, so that nothing changes after the actions have reported or removed it.
pub(crate) fn checkpoint() {
    drop(ACTIONS.lock());
}

/// Returns whether the process ignores SIGHUP.
///
/// `SigIgn` of `proc_pid_status(5)` is a hexadecimal mask, whose lowest bit is signal 1, SIGHUP.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 != 0)
}
