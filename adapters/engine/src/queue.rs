//! The queue of items, which decides what is requested next.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::item::{Listed, Pending};

/// How large a request may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// The largest number of items.
    pub(crate) items: usize,
    /// The largest sum of their listed sizes, unless a single item is larger.
    pub(crate) bytes: u64,
}

/// The next step of a run.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// Request these items, at least one.
    Batch(Vec<Pending<T>>),
    /// All items wait, the first of them until this time.
    Wait(u64),
    /// No items are queued.
    Nothing,
}

/// The items of a run that are not being requested.
///
/// The order is:
///
/// 1. items whose wait is over,
/// 2. items that have not failed before, in the caller's order,
/// 3. parts of requests that failed as a whole,
/// 4. items that failed in earlier runs, those with the fewest attempts first, so that each is requested in one of
///    several runs,
/// 5. items that earlier runs left suspect, one by one.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    /// By the end of their wait and by position.
    again: BTreeMap<(u64, usize), Pending<T>>,
    fresh: VecDeque<Listed<T>>,
    parts: VecDeque<Vec<Pending<T>>>,
    /// By the number of earlier attempts and by position.
    failed_before: BTreeMap<(u32, usize), Listed<T>>,
    suspect_before: VecDeque<Listed<T>>,
}

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self {
            again: BTreeMap::new(),
            fresh: VecDeque::new(),
            parts: VecDeque::new(),
            failed_before: BTreeMap::new(),
            suspect_before: VecDeque::new(),
        }
    }

    /// Queues an item that no run has requested.
    pub(crate) fn fresh(&mut self, item: Listed<T>) {
        self.fresh.push_back(item);
    }

    /// Queues an item that failed in earlier runs.
    pub(crate) fn failed_before(&mut self, item: Listed<T>, attempts: u32) {
        self.failed_before.insert((attempts, item.position), item);
    }

    /// Queues an item that earlier runs left suspect.
    pub(crate) fn suspect_before(&mut self, item: Listed<T>) {
        self.suspect_before.push_back(item);
    }

    /// Queues an item that is requested again at the time `ready`.
    pub(crate) fn again(&mut self, item: Pending<T>, ready: u64) {
        self.again.insert((ready, item.position()), item);
    }

    /// Queues a part of a failed request, which will be a request of its own.
    pub(crate) fn part(&mut self, part: Vec<Pending<T>>) {
        if !part.is_empty() {
            self.parts.push_back(part);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.again.is_empty()
            && self.fresh.is_empty()
            && self.parts.is_empty()
            && self.failed_before.is_empty()
            && self.suspect_before.is_empty()
    }

    /// Returns whether an item can be requested now.
    pub(crate) fn is_ready(&self, now: u64) -> bool {
        let first = self.again.first_key_value();
        let is_due = first.is_some_and(|(&(ready, _), _)| ready <= now);
        is_due
            || !self.fresh.is_empty()
            || !self.parts.is_empty()
            || !self.failed_before.is_empty()
            || !self.suspect_before.is_empty()
    }

    /// Returns the number of items that no run has requested.
    pub(crate) fn fresh_items(&self) -> usize {
        self.fresh.len()
    }

    /// Returns the position and value of each queued item.
    pub(crate) fn items(&self) -> impl Iterator<Item = (usize, &T)> {
        let listed = (self.fresh.iter())
            .chain(self.failed_before.values())
            .chain(&self.suspect_before);
        let pending = self.again.values().chain(self.parts.iter().flatten());
        listed
            .chain(pending.map(|item| &item.listed))
            .map(|item| (item.position, &item.value))
    }

    /// Returns the next items.
    pub(crate) fn next(&mut self, room: Room, now: u64) -> Next<T> {
        let mut batch = Batch::new(room);
        self.take_due(&mut batch, now);
        while self
            .fresh
            .front()
            .is_some_and(|item| batch.fits(item, false))
        {
            batch.extend(self.fresh.pop_front().map(Pending::new));
        }
        if batch.items.is_empty() {
            self.take_part(&mut batch);
        }
        if batch.items.is_empty() {
            while let Some(first) = self.failed_before.first_entry() {
                if !batch.fits(first.get(), false) {
                    break;
                }
                batch.extend(Some(Pending::failed_before(first.remove())));
            }
        }
        if batch.items.is_empty() {
            let suspect = self.suspect_before.pop_front();
            batch.extend(suspect.map(|item| Pending::failed_before(item).alone()));
        }
        match self.again.first_key_value() {
            _ if !batch.items.is_empty() => Next::Batch(batch.items),
            Some((&(ready, _), _)) => Next::Wait(ready),
            None => Next::Nothing,
        }
    }

    /// Moves items whose wait is over into the batch.
    fn take_due(&mut self, batch: &mut Batch<T>, now: u64) {
        while !batch.is_closed() {
            let due = self.again.range(..=(now, usize::MAX));
            let fitting = due.map(|(&key, item)| (key, batch.fits(&item.listed, item.alone)));
            let Some((key, _)) = fitting.into_iter().find(|&(_, fits)| fits) else {
                break;
            };
            batch.extend(self.again.remove(&key));
        }
    }

    /// Moves a part of a failed request into the batch, as much as fits.
    fn take_part(&mut self, batch: &mut Batch<T>) {
        let mut rest = VecDeque::from(self.parts.pop_front().unwrap_or_default());
        while rest
            .front()
            .is_some_and(|item| batch.fits(&item.listed, item.alone))
        {
            batch.extend(rest.pop_front());
        }
        if !rest.is_empty() {
            self.parts.push_front(rest.into());
        }
    }
}

/// The items of the next request.
struct Batch<T> {
    items: Vec<Pending<T>>,
    room: Room,
    bytes: u64,
}

impl<T> Batch<T> {
    const fn new(room: Room) -> Self {
        Self {
            items: Vec::new(),
            room,
            bytes: 0,
        }
    }

    /// Returns whether no further item fits.
    fn is_closed(&self) -> bool {
        let is_alone = self.items.last().is_some_and(|last| last.alone);
        !self.items.is_empty() && (is_alone || self.items.len() >= self.room.items)
    }

    /// Returns whether an item fits, which must be requested alone or not. The first item always does.
    fn fits(&self, item: &Listed<T>, alone: bool) -> bool {
        let bytes = self.bytes.saturating_add(item.size);
        self.items.is_empty() || !(alone || self.is_closed() || bytes > self.room.bytes)
    }

    fn extend(&mut self, item: Option<Pending<T>>) {
        if let Some(item) = item {
            self.bytes = self.bytes.saturating_add(item.listed.size);
            self.items.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn listed(position: usize) -> Listed<()> {
        Listed {
            position,
            size: 0,
            value: (),
        }
    }

    fn room(items: usize) -> Room {
        Room { items, bytes: 100 }
    }

    fn positions(next: Next<()>) -> Vec<usize> {
        match next {
            Next::Batch(batch) => batch.iter().map(Pending::position).collect(),
            next => panic!("{next:?}"),
        }
    }

    #[test]
    fn items_come_in_order_and_again_when_their_wait_is_over() {
        let mut queue = Queue::new();
        (0..5).for_each(|position| queue.fresh(listed(position)));
        let Next::Batch(mut batch) = queue.next(room(2), 0) else {
            panic!("no batch")
        };
        queue.again(batch.remove(1), 1000);
        queue.again(batch.remove(0).alone(), 1000);
        assert_eq!(positions(queue.next(room(2), 0)), [2, 3]);
        assert_eq!(positions(queue.next(room(2), 0)), [4]);
        assert!(matches!(queue.next(room(2), 0), Next::Wait(1000)));
        assert_eq!(positions(queue.next(room(2), 1000)), [0], "alone");
        assert_eq!(positions(queue.next(room(2), 1000)), [1]);
        assert!(matches!(queue.next(room(2), 1000), Next::Nothing));
    }

    #[test]
    fn items_that_have_failed_come_after_all_others() {
        let mut queue = Queue::new();
        for position in [4, 5, 6] {
            queue.fresh(listed(position));
        }
        queue.failed_before(listed(1), 7);
        queue.failed_before(listed(0), 8);
        for position in [2, 3] {
            queue.suspect_before(listed(position));
        }
        queue.part((10..15).map(listed).map(Pending::new).collect());
        queue.part((15..17).map(listed).map(Pending::new).collect());
        let expected: [&[usize]; 9] = [
            &[4, 5],
            &[6],
            &[10, 11],
            &[12, 13],
            &[14],
            &[15, 16],
            &[1, 0],
            &[2],
            &[3],
        ];
        for positions_expected in expected {
            assert!(!queue.is_empty());
            assert_eq!(positions(queue.next(room(2), 0)), positions_expected);
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_ends_before_its_listed_sizes_are_too_large() {
        let mut queue = Queue::new();
        let sizes = [60, 40, 1, 99, 0, 1, 500, 2];
        for (position, size) in sizes.into_iter().enumerate() {
            queue.fresh(Listed {
                size,
                ..listed(position)
            });
        }
        let mut batches = vec![];
        while let next @ Next::Batch(_) = queue.next(room(20), 0) {
            batches.push(positions(next));
        }
        assert_eq!(
            batches,
            [vec![0, 1], vec![2, 3, 4], vec![5], vec![6], vec![7]]
        );
    }
}
