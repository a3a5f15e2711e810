//! Core dumps, which would contain passwords and tokens.

use crate::output::say;

/// Disables core dumps of this process until it ends.
///
/// On Linux other processes of the same user cannot read its memory then, either. Windows makes no dumps unless an
/// administrator configures Windows Error Reporting to keep them, and a process cannot prevent that.
pub(crate) fn disable() {
    if let Err(error) = system::disable() {
        say(&format!(
            "note: core dumps cannot be disabled, and would contain secrets: {error}"
        ));
    }
}

#[cfg(unix)]
mod system {
    use std::io;

    use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};

    pub(super) fn disable() -> io::Result<()> {
        // A lower maximum would also hold for the programs that this one starts.
        let maximum = getrlimit(Resource::Core).maximum;
        let current = Some(0);
        setrlimit(Resource::Core, Rlimit { current, maximum })?;
        // The limit does not hold if the system passes core dumps to a program (core(5)).
        #[cfg(target_os = "linux")]
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
        Ok(())
    }
}

#[cfg(not(unix))]
mod system {
    #[allow(clippy::unnecessary_wraps)] // see the other one
    pub(super) const fn disable() -> std::io::Result<()> {
        Ok(())
    }
}
