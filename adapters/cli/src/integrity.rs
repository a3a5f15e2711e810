//! The option `--integrity` of `decode`, `export` and `verify`.

use clap::ValueEnum;
use exportitems::IntegrityPolicy;

/// The option `--integrity`.
#[derive(Debug, clap::Args)]
pub(crate) struct IntegrityOption {
    /// How to treat an item whose payload is not proven to be whole.
    #[arg(long, value_enum, default_value_t = Policy::Accept)]
    integrity: Policy,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// Fail it.
    Require,
    /// Fail it if its payload is cut or damaged.
    Accept,
    /// Keep it, and report what the check finds.
    Report,
    /// Keep it, and do not check payloads.
    Off,
}

impl IntegrityOption {
    pub(crate) const fn get(&self) -> IntegrityPolicy {
        match self.integrity {
            Policy::Require => IntegrityPolicy::Require,
            Policy::Accept => IntegrityPolicy::Accept,
            Policy::Report => IntegrityPolicy::Report,
            Policy::Off => IntegrityPolicy::Off,
        }
    }
}
