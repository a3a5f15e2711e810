//! Work on several threads, with results in the order of the input.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::status::Failure;

/// Inputs that wait for a thread.
const WAITING: usize = 64;

/// Gives each input of `list` to `work` on one of `jobs` threads, and the results to `take`, in the order of the inputs.
///
/// After the first error of `take`, nothing more is worked on.
///
/// # Errors
/// That of `take`, or else that of `list`.
pub(super) fn map<T: Send, R: Send>(
    jobs: usize,
    list: impl FnOnce(&mut dyn FnMut(T)) -> Result<(), Failure> + Send,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stopped = AtomicBool::new(false);
    let (give, inputs) = sync_channel(WAITING);
    let (answer, results) = channel();
    let inputs = Mutex::new(inputs);
    let (inputs, work, stopped) = (&inputs, &work, &stopped);
    thread::scope(|scope| {
        let lister = scope.spawn(move || {
            let mut number = 0_u64;
            list(&mut |input| {
                if !stopped.load(Ordering::Relaxed) {
                    // It fails when the threads have ended, and they end after this one.
                    let _ = give.send((number, input));
                    number += 1;
                }
            })
        });
        for _ in 0..jobs {
            let answer = answer.clone();
            scope.spawn(move || loop {
                let next = inputs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok((number, input)) = next else {
                    return;
                };
                if !stopped.load(Ordering::Relaxed) && answer.send((number, work(input))).is_err() {
                    return;
                }
            });
        }
        drop(answer);

        let mut waiting = BTreeMap::new();
        let mut taken = Ok(());
        let mut next = 0;
        for (number, result) in results {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&next) {
                next += 1;
                if taken.is_ok() {
                    taken = take(result);
                    stopped.store(taken.is_err(), Ordering::Relaxed);
                }
            }
        }
        let listed = lister
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken.and(listed)
    })
}

#[cfg(test)]
mod tests {
    use super::map;
    use crate::status::Failure;

    #[test]
    fn results_come_in_order() {
        for jobs in [1, 2, 7] {
            let mut results = Vec::new();
            let done = map(
                jobs,
                |give| {
                    (0..1000_u32).for_each(give);
                    Ok(())
                },
                |number| {
                    if number % 7 == 0 {
                        std::thread::yield_now();
                    }
                    number * 2
                },
                |result| {
                    results.push(result);
                    Ok(())
                },
            );
            assert!(done.is_ok());
            assert!(results.iter().copied().eq((0..1000).map(|it| it * 2)));
        }
    }

    #[test]
    fn an_error_stops_the_work() {
        let worked = std::sync::atomic::AtomicU32::new(0);
        let mut taken = 0;
        let done = map(
            2,
            |give| {
                (0..100_000_u32).for_each(give);
                Ok(())
            },
            |_| worked.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
            |_| {
                taken += 1;
                if taken < 5 {
                    Ok(())
                } else {
                    Err(Failure::OutputClosed)
                }
            },
        );
        assert!(matches!(done, Err(Failure::OutputClosed)) && taken == 5);
        assert!(worked.into_inner() < 50_000);
    }
}
