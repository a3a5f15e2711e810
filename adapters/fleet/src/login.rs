//! Who may log in at a server.
//!
//! Many workers with a wrong password would lock the account. So while no login is known to work, one worker tries it alone.

use core::time::Duration;
use std::collections::HashMap;

use tokio::time::Instant;

use crate::error::FleetError;
use crate::queue::Queue;
use crate::record::Login;

/// What a worker may do at a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The login is known to work.
    Open,
    /// This worker tries the login, and has to report whether it works.
    Trying,
    /// Another worker tries it.
    Wait,
    /// It was refused.
    Parked(String),
}

/// The tries of other workers that this worker has seen.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    /// The number of the record of each server's try, and when it was seen first.
    tries: HashMap<String, (u64, Instant)>,
}

impl Logins {
    /// Returns what this worker may do. A try counts for the time of a lease, because its worker may have been killed.
    pub(crate) async fn access(
        &mut self,
        queue: &Queue,
        server: &str,
    ) -> Result<Access, FleetError> {
        let last = match queue.login(server).await? {
            Some((Login::Works, _)) => return Ok(Access::Open),
            Some((Login::Refused { reason, .. }, _)) => return Ok(Access::Parked(reason)),
            Some((Login::Trying { .. }, number)) => {
                if self.is_recent(server, number, queue.settings.lease) {
                    return Ok(Access::Wait);
                }
                number
            }
            None => 0,
        };
        let worker = queue.settings.worker.clone();
        let trying = Login::Trying { worker };
        let is_first = queue.write_login(server, &trying, Some(last)).await?;
        Ok(match is_first {
            true => Access::Trying,
            false => Access::Wait,
        })
    }

    fn is_recent(&mut self, server: &str, number: u64, lasts: Duration) -> bool {
        let seen = self.tries.entry(server.to_owned());
        let seen = seen.or_insert_with(|| (number, Instant::now()));
        if seen.0 != number {
            *seen = (number, Instant::now());
        }
        seen.1.elapsed() < lasts
    }
}
