//! The options `--log` and `--log-level`.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Mutex;

use clap::ValueEnum;
use exportitems_std::archive::display_path;
use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::status::Failure;

/// Where requests are logged.
#[derive(Debug, clap::Args)]
pub(crate) struct LogOptions {
    /// Append a line to this file for each response, wait and failure, for support. It contains no payloads, no
    /// passwords, and no item ids unless --log-level is trace.
    #[arg(long, value_name = "FILE", global = true)]
    log: Option<PathBuf>,
    /// What is logged: debug adds each item, and trace adds the ids of items.
    #[arg(
        long,
        value_name = "LEVEL",
        global = true,
        requires = "log",
        default_value = "info"
    )]
    log_level: LogLevel,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogLevel {
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogOptions {
    /// Opens the file. Everything that is traced from now on is written to it.
    pub(crate) fn install(&self) -> Result<(), Failure> {
        let Some(path) = &self.log else {
            return Ok(());
        };
        let mut options = File::options();
        options.append(true).create(true);
        // The names of servers and the times of requests are not for other users.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(path)
            .map_err(|error| Failure::local(&display_path(path), &error))?;
        let level = match self.log_level {
            LogLevel::Warn => Level::WARN,
            LogLevel::Info => Level::INFO,
            LogLevel::Debug => Level::DEBUG,
            LogLevel::Trace => Level::TRACE,
        };
        tracing_subscriber::fmt()
            .with_writer(Mutex::new(file))
            .with_ansi(false)
            .with_max_level(level)
            .with_span_events(FmtSpan::CLOSE)
            .init();
        Ok(())
    }
}
