//! Which items are asked for next.

use std::time::{Duration, Instant};

use exportitems::policy::Retry;

/// An item that is still to be had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// Position in the caller's list.
    pub(super) position: usize,
    /// What it has cost so far.
    pub(super) retry: Retry,
    /// When it failed first.
    pub(super) failed: Option<Instant>,
    /// To be asked for in a request of its own.
    pub(super) alone: bool,
}

/// What there is to do.
#[derive(Debug)]
pub(super) enum Next {
    /// To ask for these, at least one.
    Batch(Vec<Pending>),
    /// To wait so long.
    Wait(Duration),
    /// Nothing.
    Nothing,
}

/// The items of a run, in the caller's order; those that failed come again when their wait is over,
/// and then first.
#[derive(Debug)]
pub(super) struct Queue {
    fresh: std::vec::IntoIter<usize>,
    again: Vec<(Instant, Pending)>,
}

impl Queue {
    pub(super) fn new(positions: Vec<usize>) -> Self {
        Self {
            fresh: positions.into_iter(),
            again: Vec::new(),
        }
    }

    /// Puts an item back.
    pub(super) fn again(&mut self, item: Pending, ready: Instant) {
        self.again.push((ready, item));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fresh.len() == 0 && self.again.is_empty()
    }

    /// The next `limit` items at most.
    pub(super) fn next(&mut self, limit: usize, now: Instant) -> Next {
        self.again
            .sort_by_key(|&(ready, item)| (ready, item.position));
        let mut batch = Vec::new();
        self.again.retain(|&(ready, item)| {
            let fits = match batch.last() {
                None => true,
                Some(Pending { alone, .. }) => !alone && !item.alone && batch.len() < limit,
            };
            let taken = fits && ready <= now;
            if taken {
                batch.push(item);
            }
            !taken
        });
        if !batch.iter().any(|item: &Pending| item.alone) {
            let room = limit.saturating_sub(batch.len());
            batch.extend(self.fresh.by_ref().take(room).map(|position| Pending {
                position,
                retry: Retry::new(),
                failed: None,
                alone: false,
            }));
        }
        match (batch.is_empty(), self.again.first()) {
            (false, _) => Next::Batch(batch),
            (true, Some(&(ready, _))) => Next::Wait(ready.saturating_duration_since(now)),
            (true, None) => Next::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(next: Next) -> Vec<usize> {
        match next {
            Next::Batch(batch) => batch.iter().map(|item| item.position).collect(),
            next => panic!("{next:?}"),
        }
    }

    #[test]
    fn items_come_in_order_and_again_when_their_wait_is_over() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut queue = Queue::new((0..5).collect());
        let Next::Batch(batch) = queue.next(2, now) else {
            panic!("nothing")
        };
        let suspect = Pending {
            alone: true,
            ..batch[0]
        };
        queue.again(batch[1], later);
        queue.again(suspect, later);
        assert_eq!(positions(queue.next(2, now)), [2, 3]);
        assert_eq!(positions(queue.next(2, now)), [4]);
        assert!(matches!(queue.next(2, now), Next::Wait(wait) if wait.as_secs() == 1));
        assert_eq!(positions(queue.next(2, later)), [0], "alone");
        assert_eq!(positions(queue.next(2, later)), [1]);
        assert!(matches!(queue.next(2, later), Next::Nothing));
    }
}
