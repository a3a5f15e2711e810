//! The queue of items, which decides what is requested next.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use exportitems::policy::Retry;

/// An item that is still to be exported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// The position in the caller's list.
    pub(super) position: usize,
    /// The state of the retry policy for this item.
    pub(super) retry: Retry,
    /// Whether the item failed in an earlier run.
    pub(super) failed_before: bool,
    /// The time of the first failure.
    pub(super) failed: Option<Instant>,
    /// Whether the item must be requested alone.
    pub(super) alone: bool,
    /// The number of requests for this item alone that failed as a whole, or whose response broke inside the item.
    pub(super) failed_alone: u8,
    /// The number of requests for this item alone after which it was suspect.
    pub(super) suspect_alone: u8,
}

impl Pending {
    pub(super) fn new(position: usize) -> Self {
        Self {
            position,
            retry: Retry::new(),
            failed_before: false,
            failed: None,
            alone: false,
            failed_alone: 0,
            suspect_alone: 0,
        }
    }
}

impl Pending {
    /// Makes an item that must be requested alone.
    pub(super) fn alone(position: usize) -> Self {
        Self {
            alone: true,
            ..Self::new(position)
        }
    }

    fn failed_before(position: usize) -> Self {
        Self {
            failed_before: true,
            ..Self::new(position)
        }
    }
}

/// The next step of a run.
#[derive(Debug)]
pub(super) enum Next {
    /// Request these items, at least one.
    Batch(Vec<Pending>),
    /// Wait for this time.
    Wait(Duration),
    /// No items are left.
    Nothing,
}

/// The items of a run.
///
/// The order is:
///
/// 1. items whose wait is over,
/// 2. items that have not failed before, in the caller's order,
/// 3. parts of requests that failed as a whole,
/// 4. items that failed in earlier runs,
/// 5. items that earlier runs left suspect.
#[derive(Debug)]
pub(super) struct Queue {
    again: Vec<(Instant, Pending)>,
    fresh: std::vec::IntoIter<usize>,
    parts: VecDeque<Vec<Pending>>,
    failed_before: std::vec::IntoIter<usize>,
    /// Items that earlier runs left suspect. They are requested one by one.
    suspect_before: std::vec::IntoIter<usize>,
}

impl Queue {
    pub(super) fn new(fresh: Vec<usize>, failed: Vec<usize>, suspect: Vec<usize>) -> Self {
        Self {
            again: Vec::new(),
            fresh: fresh.into_iter(),
            parts: VecDeque::new(),
            failed_before: failed.into_iter(),
            suspect_before: suspect.into_iter(),
        }
    }

    /// Queues an item that is requested again at the time `ready`.
    pub(super) fn again(&mut self, item: Pending, ready: Instant) {
        self.again.push((ready, item));
    }

    /// Queues a part of a failed request, which will be a request of its own.
    pub(super) fn part(&mut self, part: Vec<Pending>) {
        if !part.is_empty() {
            self.parts.push_back(part);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.again.is_empty()
            && self.fresh.len() == 0
            && self.parts.is_empty()
            && self.failed_before.len() == 0
            && self.suspect_before.len() == 0
    }

    /// Returns whether some items have not been requested yet.
    pub(super) fn has_fresh(&self) -> bool {
        self.fresh.len() > 0
    }

    /// Returns the next items, at most `limit`.
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
            batch.extend(self.fresh.by_ref().take(room).map(Pending::new));
        }
        if batch.is_empty() {
            batch = self.part_of(limit);
        }
        if batch.is_empty() {
            let failed = self.failed_before.by_ref().take(limit);
            batch.extend(failed.map(Pending::failed_before));
        }
        if batch.is_empty() {
            batch.extend(self.suspect_before.next().map(|position| Pending {
                alone: true,
                ..Pending::failed_before(position)
            }));
        }
        match (batch.is_empty(), self.again.first()) {
            (false, _) => Next::Batch(batch),
            (true, Some(&(ready, _))) => Next::Wait(ready.saturating_duration_since(now)),
            (true, None) => Next::Nothing,
        }
    }

    fn part_of(&mut self, limit: usize) -> Vec<Pending> {
        let mut part = self.parts.pop_front().unwrap_or_default();
        if part.len() > limit {
            self.parts.push_front(part.split_off(limit));
        }
        part
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
        let mut queue = Queue::new((0..5).collect(), vec![], vec![]);
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

    #[test]
    fn what_has_failed_comes_after_what_has_not() {
        let now = Instant::now();
        let mut queue = Queue::new(vec![4, 5, 6], vec![0, 1], vec![2, 3]);
        queue.part((10..15).map(Pending::new).collect());
        queue.part((15..17).map(Pending::new).collect());
        let expected: [&[usize]; 9] = [
            &[4, 5],
            &[6],
            &[10, 11],
            &[12, 13],
            &[14],
            &[15, 16],
            &[0, 1],
            &[2],
            &[3],
        ];
        for positions_expected in expected {
            assert!(!queue.is_empty());
            assert_eq!(positions(queue.next(2, now)), positions_expected);
        }
        assert!(queue.is_empty());
    }
}
