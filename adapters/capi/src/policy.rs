//! How much to ask of a server, and when to give up.

use exportitems::policy as core_api;
use exportitems::RequestServerVersion;

use crate::memory::{read, text};
use crate::status::Failure;
use crate::text::Text;

/// Waits that grow: `first_ms`, twice that, four times that, and so on up to `max_ms`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Schedule {
    /// The first wait in milliseconds, and the shortest to honour of a server's own.
    pub first_ms: u32,
    /// The longest wait that is not the server's own, in milliseconds.
    pub max_ms: u32,
    /// How many more attempts a failure of this kind may cost.
    pub attempts: u8,
}

/// When to give up, and how long to wait until then. `exportitems_policy_default` is a start.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Policy {
    /// For `EXPORTITEMS_DISPOSITION_THROTTLED`.
    pub throttled: Schedule,
    /// For `EXPORTITEMS_DISPOSITION_TRANSIENT`.
    pub transient: Schedule,
    /// For `EXPORTITEMS_DISPOSITION_TRUNCATED`.
    pub truncated: Schedule,
    /// No further attempt is granted this long after the first failure, in milliseconds.
    pub give_up_after_ms: u64,
}

/// How much to ask of a server, and in which version.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Limits {
    /// Items in one request; 0: 20.
    pub items: u32,
    /// Connections in use at the same time; 0: 4.
    pub connections: u32,
    /// `RequestServerVersion`; absent: `Exchange2013_SP1`. Names that are stored here are static texts.
    pub server_version: Text,
}

/// Waits of seconds for a server that is busy or down, of minutes for truncated items, for eight hours at most.
#[no_mangle]
pub extern "C" fn exportitems_policy_default() -> Policy {
    core_api::Policy::DEFAULT.into()
}

/// # Safety
/// `limits` is null or valid for reads, and so is its text.
pub(crate) unsafe fn core_limits(limits: *const Limits) -> Result<core_api::Limits, Failure> {
    let mut core = core_api::Limits::default();
    if limits.is_null() {
        return Ok(core);
    }
    // SAFETY: the caller's word.
    let limits = unsafe { read(limits) }?;
    if limits.items > 0 {
        core.items = usize::try_from(limits.items).unwrap_or(usize::MAX);
    }
    if limits.connections > 0 {
        core.connections = usize::try_from(limits.connections).unwrap_or(usize::MAX);
    }
    // SAFETY: the caller's word.
    if let Some(version) = unsafe { text(limits.server_version) }? {
        let version = version.parse::<RequestServerVersion>();
        core.version = version.map_err(Failure::Version)?;
    }
    Ok(core)
}

/// # Safety
/// `policy` is null or valid for reads.
pub(crate) unsafe fn core_policy(policy: *const Policy) -> Result<core_api::Policy, Failure> {
    if policy.is_null() {
        return Ok(core_api::Policy::DEFAULT);
    }
    // SAFETY: the caller's word.
    Ok(unsafe { read(policy) }?.into())
}

impl From<core_api::Limits> for Limits {
    fn from(limits: core_api::Limits) -> Self {
        Self {
            items: u32::try_from(limits.items).unwrap_or(u32::MAX),
            connections: u32::try_from(limits.connections).unwrap_or(u32::MAX),
            server_version: limits.version.as_str().into(),
        }
    }
}

impl From<Policy> for core_api::Policy {
    fn from(policy: Policy) -> Self {
        Self {
            throttled: policy.throttled.into(),
            transient: policy.transient.into(),
            truncated: policy.truncated.into(),
            give_up_after_ms: policy.give_up_after_ms,
        }
    }
}

impl From<core_api::Policy> for Policy {
    fn from(policy: core_api::Policy) -> Self {
        Self {
            throttled: policy.throttled.into(),
            transient: policy.transient.into(),
            truncated: policy.truncated.into(),
            give_up_after_ms: policy.give_up_after_ms,
        }
    }
}

impl From<Schedule> for core_api::Schedule {
    fn from(schedule: Schedule) -> Self {
        Self {
            first_ms: schedule.first_ms,
            max_ms: schedule.max_ms,
            attempts: schedule.attempts,
        }
    }
}

impl From<core_api::Schedule> for Schedule {
    fn from(schedule: core_api::Schedule) -> Self {
        Self {
            first_ms: schedule.first_ms,
            max_ms: schedule.max_ms,
            attempts: schedule.attempts,
        }
    }
}
