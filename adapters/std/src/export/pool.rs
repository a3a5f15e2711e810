//! Connections that several exporters share.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A number of connections that several exporters share.
///
/// Each [member](Self::join) has one connection. The others are lent to members that have something to request, the same
/// number to each if all of them have. A connection that is given back is closed, so there are never more of them open.
///
/// ```
/// use exportitems_std::ConnectionPool;
///
/// let pool = ConnectionPool::new(4);
/// let (first, second) = (pool.join(), pool.join());
/// // Pass each to `Exporter::share`. Two connections are left, for whichever needs them.
/// # drop((first, second));
/// ```
#[derive(Clone, Debug)]
pub struct ConnectionPool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// A connection was given back.
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    /// INVARIANT: at least the sum of all `held`.
    connections: usize,
    members: BTreeMap<u64, Holding>,
    next: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    held: usize,
    /// The number of connections that the member could use and does not have.
    waiting: usize,
}

impl ConnectionPool {
    /// Makes a pool of this many connections, at least 1.
    #[must_use]
    pub fn new(connections: usize) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                connections: connections.max(1),
                members: BTreeMap::new(),
                next: 0,
            }),
            freed: Condvar::new(),
        }))
    }

    /// Becomes a member, which has one connection until it is dropped. Blocks until there is one: while each connection
    /// belongs to a member of its own, until one of them is dropped.
    #[must_use]
    pub fn join(&self) -> PoolMember {
        let mut state = self.0.lock();
        let id = state.next;
        state.next += 1;
        let waits = Holding {
            held: 0,
            waiting: 1,
        };
        state.members.insert(id, waits);
        while !state.take(id) {
            state = (self.0.freed.wait(state)).unwrap_or_else(PoisonError::into_inner);
        }
        state.member(id).waiting = 0;
        PoolMember {
            pool: Arc::clone(&self.0),
            id,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn member(&mut self, id: u64) -> &mut Holding {
        self.members.entry(id).or_default()
    }

    fn free(&self) -> usize {
        let held: usize = self.members.values().map(|member| member.held).sum();
        self.connections - held
    }

    /// Returns the number of connections to which each member has a right.
    fn share(&self) -> usize {
        (self.connections / self.members.len().max(1)).max(1)
    }

    /// Returns whether another member waits that has `fewer` connections.
    fn waits(&self, id: u64, fewer: usize) -> bool {
        let mut others = self.members.iter().filter(|(&other, _)| other != id);
        others.any(|(_, member)| member.waiting > 0 && member.held < fewer)
    }

    /// Takes a free connection, unless it belongs to another member.
    fn take(&mut self, id: u64) -> bool {
        let has_right = self.member(id).held < self.share();
        let is_granted = self.free() > 0 && (has_right || !self.waits(id, self.share()));
        self.member(id).held += usize::from(is_granted);
        is_granted
    }
}

/// A member of a [`ConnectionPool`].
#[derive(Debug)]
pub struct PoolMember {
    pool: Arc<Shared>,
    id: u64,
}

impl Drop for PoolMember {
    fn drop(&mut self) {
        self.pool.lock().members.remove(&self.id);
        self.pool.freed.notify_all();
    }
}

/// The right of a run's connection to be open.
#[derive(Debug)]
pub(super) struct Lease<'m> {
    /// The member that it is lent to, or `None` if the connection belongs to the run.
    member: Option<&'m PoolMember>,
    is_held: bool,
    is_waiting: bool,
}

impl<'m> Lease<'m> {
    pub(super) const fn new(member: Option<&'m PoolMember>) -> Self {
        Self {
            is_held: member.is_none(),
            member,
            is_waiting: false,
        }
    }

    /// Returns whether the connection has to be given back at the end of the run.
    pub(super) const fn is_lent(&self) -> bool {
        self.member.is_some()
    }

    /// Returns whether the connection may be used now. With `is_needed`, waits for it if it may not.
    pub(super) fn take(&mut self, is_needed: bool) -> bool {
        let Some(member) = self.member.filter(|_| !self.is_held) else {
            return true;
        };
        let mut state = member.pool.lock();
        self.is_held = is_needed && state.take(member.id);
        let waits = is_needed && !self.is_held;
        if waits != self.is_waiting {
            let waiting = &mut state.member(member.id).waiting;
            *waiting = if waits { *waiting + 1 } else { *waiting - 1 };
            self.is_waiting = waits;
        }
        self.is_held
    }

    /// Returns whether the connection has to be closed, because another member has a right to it, or because it
    /// `is_idle` and another member needs it. Call [`give_back`](Self::give_back) then.
    pub(super) fn is_recalled(&self, is_idle: bool) -> bool {
        let Some(member) = self.member.filter(|_| self.is_held) else {
            return false;
        };
        let mut state = member.pool.lock();
        let (share, free) = (state.share(), state.free());
        let has_more = state.member(member.id).held > share;
        let fewer = if is_idle { usize::MAX } else { share };
        free == 0 && (is_idle || has_more) && state.waits(member.id, fewer)
    }

    /// Gives the connection back, which is closed.
    pub(super) fn give_back(&mut self) {
        self.take(false);
        if let Some(member) = self.member.filter(|_| self.is_held) {
            self.is_held = false;
            member.pool.lock().member(member.id).held -= 1;
            member.pool.freed.notify_all();
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leases<const N: usize>(member: &PoolMember) -> [Lease<'_>; N] {
        [(); N].map(|()| Lease::new(Some(member)))
    }

    #[test]
    fn members_that_need_connections_share_them() {
        let pool = ConnectionPool::new(6);
        let one = pool.join();
        let mut of_one = leases::<5>(&one);
        assert!(of_one.iter_mut().all(|lease| lease.take(true)));
        assert!(of_one.iter().all(|lease| !lease.is_recalled(true)));

        // The second member needs three, so the first gives back three of its six.
        let two = thread_joins(&pool, &mut of_one);
        let mut of_two = leases::<5>(&two);
        assert!(of_two.iter_mut().all(|lease| !lease.take(true)));
        for _ in 0..5 {
            for lease in &mut of_one {
                if lease.is_recalled(false) {
                    lease.give_back();
                }
            }
            for lease in &mut of_two {
                lease.take(true);
            }
        }
        let held = |leases: &[Lease<'_>]| leases.iter().filter(|lease| lease.is_held).count();
        assert_eq!((held(&of_one), held(&of_two)), (2, 2));

        // What the first does not need any more is lent to the second, although that has its share.
        let idle = of_one.iter_mut().find(|lease| lease.is_held).unwrap();
        assert!(!idle.is_recalled(false) && idle.is_recalled(true));
        idle.give_back();
        for lease in &mut of_two {
            lease.take(true);
        }
        assert_eq!((held(&of_one), held(&of_two)), (1, 3));

        drop(of_one);
        drop(one);
        assert!(of_two.iter_mut().all(|lease| lease.take(true)));
    }

    /// Joins while all connections are lent to another member, which gives one back.
    fn thread_joins(pool: &ConnectionPool, lent: &mut [Lease<'_>]) -> PoolMember {
        std::thread::scope(|scope| {
            let joining = scope.spawn(|| pool.join());
            while !lent[0].is_recalled(false) {
                std::thread::yield_now();
            }
            lent[0].give_back();
            joining.join().unwrap()
        })
    }
}
