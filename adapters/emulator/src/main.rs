//! `exportitems-emulator`: a loopback server that answers `ExportItems` like Exchange.

use std::error::Error as _;
use std::process::ExitCode;

use clap::Parser;
use exportitems_emulator::{run, Options};

/// Runs a server on this machine that answers ExportItems like Exchange, until it is stopped. Prints its URL,
/// and then the ids of items that can be requested.
#[derive(Debug, Parser)]
#[command(version)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.options, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                message = format!("{message}: {error}");
                cause = error.source();
            }
            eprintln!("exportitems-emulator: {message}");
            ExitCode::FAILURE
        }
    }
}
