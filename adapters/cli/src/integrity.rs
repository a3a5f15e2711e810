//! `--integrity`, shared by `decode` and `export`.

use clap::ValueEnum;
use exportitems::Integrity;

/// What becomes of an item whose payload is not whole.
#[derive(Debug, clap::Args)]
pub(crate) struct IntegrityOption {
    /// What becomes of an item whose payload does not prove to be whole.
    #[arg(long, value_enum, default_value_t = Policy::Accept)]
    integrity: Policy,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// It fails, unless its payload is known to be whole.
    Require,
    /// It fails if its payload is cut or damaged.
    Accept,
    /// It is kept, and what the check found is told.
    Report,
    /// It is kept; payloads are not looked at.
    Off,
}

impl IntegrityOption {
    pub(crate) const fn get(&self) -> Integrity {
        match self.integrity {
            Policy::Require => Integrity::Require,
            Policy::Accept => Integrity::Accept,
            Policy::Report => Integrity::Report,
            Policy::Off => Integrity::Off,
        }
    }
}
