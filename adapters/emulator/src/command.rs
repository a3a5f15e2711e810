//! The commands `exportitems emulate` and `exportitems-emulator`.

use core::fmt;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::id::item_id;
use crate::payload::{rich_items, Payload};
use crate::scenario::{Scenario, ScenarioError};
use crate::server::{Emulator, StartError};

/// Runs a server on this machine that answers ExportItems like Exchange, until it is stopped.
///
/// It prints its URL and then the ids of items that can be requested, one per line. For scripts, --url-file and
/// --ids-file write both to files.
#[derive(Clone, Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
#[non_exhaustive]
pub struct Options {
    /// The loopback address to listen on. With port 0, the system chooses a port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The scenario: a TOML file that describes the server and its faults.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Use TLS, and write the certificate that clients must trust to this file.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Write the URL to this file when the server listens and all other files are written. Until then the file
    /// does not exist.
    #[arg(long, value_name = "FILE")]
    pub url_file: Option<PathBuf>,
    /// Write the ids to this file, one per line, before the file of --url-file.
    #[arg(long, value_name = "FILE")]
    pub ids_file: Option<PathBuf>,
    /// Write the URL of the scenario's proxy to this file, before the file of --url-file appears.
    #[arg(long, value_name = "FILE")]
    pub proxy_file: Option<PathBuf>,
    /// The number of ids to print.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub items: u64,
    /// The size of an item in bytes. The suffixes k, M and G multiply it by 1024, 1024² and 1024³. If this is given
    /// more than once, the items take the sizes in turn.
    #[arg(long, value_name = "SIZE", default_value = "20k", value_parser = size)]
    pub size: Vec<u64>,
    /// Print the ids of the rich items too, which have the properties of real and of hostile items.
    #[arg(long)]
    pub rich: bool,
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
/// If the scenario cannot be used, the server does not start, or a file or `out` cannot be written.
pub fn run(options: &Options, out: &mut impl Write) -> Result<(), CommandError> {
    let emulator = start(options, out)?;
    emulator.wait();
    Ok(())
}

/// Starts the server, and writes its URL and ids to `out` and to the files.
fn start(options: &Options, out: &mut impl Write) -> Result<Emulator, CommandError> {
    let mut scenario = match &options.scenario {
        Some(path) => Scenario::read(path).map_err(CommandError::Scenario)?,
        None => Scenario::default(),
    };
    scenario.tls |= options.tls_ca.is_some();
    let mailbox = scenario.mailbox.clone();
    // A client must not use the URL of an earlier server.
    if let Some(path) = &options.url_file {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(CommandError::Write(path.display().to_string(), error));
            }
            _ => {}
        }
    }
    let emulator = Emulator::start(scenario, options.listen).map_err(CommandError::Start)?;
    let url = format!("{}\n", emulator.url());
    let mut ids = String::new();
    let plain = (0..options.items).zip(options.size.iter().copied().cycle());
    let rich = match options.rich {
        true => rich_items(),
        false => Vec::new(),
    };
    for (seed, size) in plain.chain(rich.iter().map(|item| (item.seed, item.size))) {
        ids.push_str(&item_id(&mailbox, seed, size));
        ids.push('\n');
    }
    if let (Some(path), Some(pem)) = (&options.tls_ca, emulator.ca_pem()) {
        replace(path, pem)?;
    }
    if let Some(path) = &options.ids_file {
        replace(path, &ids)?;
    }
    if let (Some(path), Some(proxy)) = (&options.proxy_file, emulator.proxy_url()) {
        replace(path, &format!("{proxy}\n"))?;
    }
    // INVARIANT: this file is written last, so when it exists, the others are complete.
    if let Some(path) = &options.url_file {
        replace(path, &url)?;
    }
    out.write_all(url.as_bytes())
        .and_then(|()| out.write_all(ids.as_bytes()))
        .and_then(|()| out.flush())
        .map_err(|error| CommandError::Write("the standard output".to_owned(), error))?;
    Ok(emulator)
}

/// Writes a file under a temporary name and renames it, so that other processes see only the complete file.
fn replace(path: &Path, text: &str) -> Result<(), CommandError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    fs::write(&temporary, text)
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|error| {
            // The temporary file is useless, and the error above matters more than a failure to remove it.
            let _ = fs::remove_file(&temporary);
            CommandError::Write(path.display().to_string(), error)
        })
}

/// The command failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// The scenario cannot be used.
    Scenario(ScenarioError),
    /// The server did not start.
    Start(StartError),
    /// The named file or output cannot be written.
    Write(String, io::Error),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Write(what, _) => write!(f, "cannot write {what}"),
        }
    }
}

impl core::error::Error for CommandError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            // `Display` prints their text.
            Self::Scenario(error) => error.source(),
            Self::Start(error) => error.source(),
            Self::Write(_, error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(dir: &Path) -> Options {
        Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            scenario: None,
            tls_ca: Some(dir.join("ca.pem")),
            url_file: Some(dir.join("url.txt")),
            ids_file: Some(dir.join("ids.txt")),
            proxy_file: Some(dir.join("proxy.txt")),
            items: 3,
            size: vec![300, 20_000],
            rich: true,
        }
    }

    #[test]
    fn the_files_say_what_is_printed_and_replace_those_of_an_earlier_server() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path());
        fs::write(dir.path().join("url.txt"), "http://127.0.0.1:1/stale").unwrap();
        fs::write(dir.path().join("ids.txt"), "stale").unwrap();
        let mut printed = Vec::new();
        let emulator = start(&options, &mut printed).unwrap();
        let read = |name| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("url.txt"), format!("{}\n", emulator.url()));
        let ids = 3 + rich_items().len();
        assert_eq!(read("ids.txt").lines().count(), ids);
        assert_eq!(
            String::from_utf8(printed).unwrap(),
            read("url.txt") + &read("ids.txt")
        );
        assert_eq!(Some(read("ca.pem").as_str()), emulator.ca_pem());
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            3,
            "a temporary file is left"
        );
    }

    #[test]
    fn there_is_no_url_before_everything_else_is_there() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("url.txt"), "stale").unwrap();
        let failing = Options {
            ids_file: Some(dir.path().join("missing/ids.txt")),
            ..options(dir.path())
        };
        let error = start(&failing, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("ids.txt"), "{error}");
        assert!(!dir.path().join("url.txt").exists());
    }

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
