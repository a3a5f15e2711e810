//! `exportitems-emulator`: a loopback server that answers `ExportItems` like Exchange.

use std::process::ExitCode;

use clap::Parser;
use exportitems_emulator::{run, Options};

/// The command line.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.options, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exportitems-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}
