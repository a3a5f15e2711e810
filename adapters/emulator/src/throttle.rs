//! Limits for each user, like those of Exchange's throttling policies.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::scenario::Throttling;

/// The users that have sent requests.
#[derive(Debug, Default)]
pub(crate) struct Users {
    all: Mutex<HashMap<String, User>>,
}

#[derive(Debug)]
struct User {
    /// One reference for each request that is being answered, and one here.
    active: Arc<()>,
    /// The time up to which the budget is spent. It lies in the past if the user has not spent it.
    spent_until: Instant,
    /// The time before which the user must not send another request.
    refused_until: Option<Instant>,
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Active {
    _user: Option<Arc<()>>,
}

/// The result of a request's admission.
pub(crate) enum Admission {
    Admitted,
    TooManyConnections,
    /// The budget is spent. The client should wait for this time.
    Busy(Duration),
}

impl Users {
    /// Admits a request of a user. Also returns whether the request came before the end of an earlier back-off.
    pub(crate) fn admit(&self, user: &str, limits: Throttling) -> (Admission, Active, bool) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let recharge = Duration::from_millis(limits.recharge_ms.into());
        let full = recharge * limits.burst;
        let user = all.entry(user.to_owned()).or_insert_with(|| User {
            active: Arc::new(()),
            spent_until: now,
            refused_until: None,
        });
        let too_early = user.refused_until.is_some_and(|until| now < until);
        let active = Active {
            _user: Some(Arc::clone(&user.active)),
        };
        let others = Arc::strong_count(&user.active) - 2;
        if others >= limits.connections {
            return (Admission::TooManyConnections, active, too_early);
        }
        let spent_until = user.spent_until.max(now) + recharge;
        let wait = spent_until.saturating_duration_since(now + full);
        if recharge.is_zero() || wait.is_zero() {
            user.spent_until = spent_until;
            return (Admission::Admitted, active, too_early);
        }
        user.refused_until = Some(now + wait);
        (Admission::Busy(wait), active, too_early)
    }
}
