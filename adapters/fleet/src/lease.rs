//! The lease of a job.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Mutex;

use async_nats::connection::State as ConnectionState;
use async_nats::jetstream::{AckKind, Message};
use async_nats::Client;
use tokio::time::Instant;

/// A lease, which lasts for a time after each renewal.
///
/// The clock runs while the process is stopped, so a process that was stopped for too long notices it.
#[derive(Debug)]
pub(crate) struct Lease {
    lasts: Duration,
    state: Mutex<(Instant, bool)>,
}

impl Lease {
    /// Begins a lease at the delivery of a job.
    pub(crate) fn new(lasts: Duration) -> Self {
        Self {
            lasts,
            state: Mutex::new((Instant::now(), true)),
        }
    }

    /// Renews the lease until the future is dropped.
    pub(crate) async fn keep(&self, message: &Message, client: Client) -> Infallible {
        loop {
            tokio::time::sleep(self.lasts / 3).await;
            self.is_held();
            let is_connected = client.connection_state() == ConnectionState::Connected;
            // While the queue is unreachable, the message waits in the client.
            if message.ack_with(AckKind::Progress).await.is_ok() && is_connected {
                self.lock().0 = Instant::now();
            }
        }
    }

    /// Returns whether the lease has never been interrupted. After a lost lease, the job may be another worker's.
    pub(crate) fn is_held(&self) -> bool {
        let mut state = self.lock();
        state.1 &= state.0.elapsed() < self.lasts;
        state.1
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Instant, bool)> {
        let state = self.state.lock();
        state.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Lease;
    use core::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_lost_lease_stays_lost() {
        let lease = Lease::new(Duration::from_secs(3));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(lease.is_held());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!lease.is_held());
        lease.lock().0 = tokio::time::Instant::now();
        assert!(!lease.is_held());
    }
}
