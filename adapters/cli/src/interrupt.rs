//! Ctrl-C, and the other signals that ask a command to end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::status::Status;

type Action = Box<dyn FnOnce() + Send>;

/// What is still to do if the process is asked to end now, in the order in which it was added.
static ACTIONS: Mutex<Vec<(u64, Action)>> = Mutex::new(Vec::new());

/// Ends the process with `status` when it is asked to, after the actions of [`before_exit`].
///
/// A process that ignores hang-ups, as `nohup` starts it, keeps doing so; no signal is handled then.
pub(crate) fn install(status: Status) {
    if ignores_hangups() {
        return;
    }
    // Without the handler a signal ends the process all the same, without the actions.
    let _ = ctrlc::set_handler(move || {
        // The lock is held to the end: nothing is added any more, and no guard goes away.
        let mut actions = ACTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, action)) = actions.pop() {
            action();
        }
        std::process::exit(status as i32)
    });
}

/// Runs `action` if the process is asked to end while the guard exists; the latest action runs first.
pub(crate) fn before_exit(action: impl FnOnce() + Send + 'static) -> Guard {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut actions = ACTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    actions.push((id, Box::new(action)));
    Guard(id)
}

/// Keeps an action of [`before_exit`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Guard(u64);

impl Drop for Guard {
    fn drop(&mut self) {
        let mut actions = ACTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        actions.retain(|&(id, _)| id != self.0);
    }
}

/// Waits for ever if the process is ending: what the actions remove or report does not change any more.
pub(crate) fn checkpoint() {
    drop(ACTIONS.lock());
}

/// `SigIgn` of `proc_pid_status(5)` is a mask in hexadecimal; SIGHUP is signal 1, its lowest bit.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 != 0)
}
