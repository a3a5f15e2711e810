//! Limits for requests, and the schedule of retries.

use exportitems::policy as core_api;
use exportitems::RequestServerVersion;

use crate::memory::{read, text};
use crate::status::Failure;
use crate::text::Text;

/// Waits that grow: `first_ms`, twice that, four times that, and so on up to `max_ms`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Schedule {
    /// The first wait in milliseconds. A shorter wait that the server requests is raised to it.
    pub first_ms: u32,
    /// The longest wait in milliseconds, unless the server requests a longer one.
    pub max_ms: u32,
    /// How many more attempts are made after a failure of this kind.
    pub attempts: u8,
}

/// How long to wait before a retry, and when to give up. Start from `exportitems_policy_default`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Policy {
    /// For `EXPORTITEMS_DISPOSITION_THROTTLED`.
    pub throttled: Schedule,
    /// For `EXPORTITEMS_DISPOSITION_TRANSIENT`.
    pub transient: Schedule,
    /// For `EXPORTITEMS_DISPOSITION_TRUNCATED`.
    pub truncated: Schedule,
    /// No further attempt is made this long after the first failure, in milliseconds.
    pub give_up_after_ms: u64,
}

/// Limits for requests to a server, and their version.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Limits {
    /// Items in one request; 0 means 20.
    pub items: u32,
    /// Connections in use at the same time; 0 means 4.
    pub connections: u32,
    /// `RequestServerVersion`; if absent, `Exchange2013_SP1`. The library stores static texts here.
    pub server_version: Text,
}

/// Returns the default policy: waits of seconds if the server is busy or down, waits of minutes for truncated items, and no
/// more attempts after eight hours.
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
    // SAFETY: `limits` is null or points to an initialised value.
    let limits = unsafe { read(limits) }?;
    if limits.items > 0 {
        core.items = usize::try_from(limits.items).unwrap_or(usize::MAX);
    }
    if limits.connections > 0 {
        core.connections = usize::try_from(limits.connections).unwrap_or(usize::MAX);
    }
    // SAFETY: the text `limits.server_version` is readable for as long as it is used.
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
    // SAFETY: `policy` is null or points to an initialised value.
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

/// Converts a structure to the core's structure with the same fields, and back.
macro_rules! mirror_struct {
    ($name:ident { $($field:ident)* }) => {
        impl From<$name> for core_api::$name {
            fn from(ours: $name) -> Self {
                Self { $($field: ours.$field.into(),)* }
            }
        }

        impl From<core_api::$name> for $name {
            fn from(theirs: core_api::$name) -> Self {
                Self { $($field: theirs.$field.into(),)* }
            }
        }
    };
}

mirror_struct!(Policy { throttled transient truncated give_up_after_ms });
mirror_struct!(Schedule { first_ms max_ms attempts });
