//! The emulator as a command: `exportitems emulate` and `exportitems-emulator`.

use core::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::id::item_id;
use crate::payload::Payload;
use crate::scenario::{Scenario, ScenarioError};
use crate::server::{Emulator, StartError};

/// Runs a server that answers ExportItems like Exchange, on this machine, until it is stopped.
///
/// The first line printed is the URL; the ids of the items that --items asks for follow, one a
/// line.
#[derive(Clone, Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines as they are
pub struct Options {
    /// The loopback address to listen at; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The TOML file that says how the server looks and what goes wrong.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Speak TLS, and write the certificate to trust to this file.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// How many ids to print.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub items: u64,
    /// The size of an item in bytes, or in k, M or G (1024 each); given more than once, items take
    /// the sizes in turn.
    #[arg(long, value_name = "SIZE", default_value = "20k", value_parser = size)]
    pub size: Vec<u64>,
}

fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.strip_suffix(['k', 'M', 'G']) {
        Some(number) if text.ends_with('k') => (number, 1 << 10),
        Some(number) if text.ends_with('M') => (number, 1 << 20),
        Some(number) => (number, 1 << 30),
        None => (text, 1),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "not a size such as 4096, 20k, 5M or 2G")?;
    let size = number.saturating_mul(unit);
    Payload::new(0, size)
        .map(|_| size)
        .map_err(|error| error.to_string())
}

/// Starts the server, prints its URL and ids to `out`, and serves until the process ends.
///
/// # Errors
/// When the scenario cannot be used, the server does not start, or a file or `out` cannot be
/// written.
pub fn run(options: &Options, out: &mut impl Write) -> Result<(), CommandError> {
    let mut scenario = match &options.scenario {
        Some(path) => Scenario::read(path).map_err(CommandError::Scenario)?,
        None => Scenario::default(),
    };
    scenario.tls |= options.tls_ca.is_some();
    let mailbox = scenario.mailbox.clone();
    let emulator = Emulator::start(scenario, options.listen).map_err(CommandError::Start)?;
    if let (Some(path), Some(pem)) = (&options.tls_ca, emulator.ca_pem()) {
        std::fs::write(path, pem)
            .map_err(|error| CommandError::Write(path.display().to_string(), error))?;
    }
    let print = |error| CommandError::Write("the standard output".to_owned(), error);
    writeln!(out, "{}", emulator.url()).map_err(print)?;
    for (seed, &size) in (0..options.items).zip(options.size.iter().cycle()) {
        writeln!(out, "{}", item_id(&mailbox, seed, size)).map_err(print)?;
    }
    out.flush().map_err(print)?;
    emulator.wait();
    Ok(())
}

/// The command failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// The scenario cannot be used.
    Scenario(ScenarioError),
    /// The server did not start.
    Start(StartError),
    /// What is named cannot be written.
    Write(String, io::Error),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Write(what, error) => write!(f, "cannot write {what}: {error}"),
        }
    }
}

impl core::error::Error for CommandError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Scenario(error) => Some(error),
            Self::Start(error) => Some(error),
            Self::Write(_, error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("256"), Ok(256));
        assert_eq!(size("20k"), Ok(20_480));
        assert_eq!(size("2G"), Ok(2 << 30));
        for bad in ["", "k", "1.5M", "10 k", "255", "99999999G"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
