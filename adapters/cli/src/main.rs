//! The command `exportitems`, which exports mail items from Microsoft Exchange by EWS `ExportItems`.
#![forbid(unsafe_code)]
// `println!` panics when the output fails, and prints control characters; the module `output` does neither.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod advice;
mod backup;
mod bar;
mod completions;
mod config;
mod convert;
mod coredump;
mod credentials;
mod decode;
mod demo;
mod doctor;
mod emulate;
mod encode;
mod evidence;
mod export;
mod filekind;
mod find;
#[cfg(feature = "fleet")]
mod fleet;
mod headers;
mod ids;
mod integrity;
mod interrupt;
mod line;
mod list;
mod log;
mod mailbox;
mod network;
mod output;
mod overview;
mod payloads;
mod program;
mod report;
mod request;
mod restore;
mod run;
mod seal;
mod server;
mod show;
mod size;
mod state;
mod status;
mod stored;
mod textfile;
mod tokens;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use output::Output;
use status::{Failure, Status};

/// Exports mail items from Microsoft Exchange by the EWS operation ExportItems. A truncated item never
/// counts as exported.
///
/// Exit status: 0 nothing is left to do; 1 items failed for reasons of their own, or are suspect; 2 wrong
/// usage; 3 items are missing because a response was unusable or absent; 4 a local file could not be read
/// or written; 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "exportitems", version)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
struct Arguments {
    #[command(flatten)]
    log: log::LogOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    List(Box<list::List>),
    Backup(Box<backup::Options>),
    Export(Box<export::Export>),
    Restore(Box<restore::Restore>),
    Doctor(Box<doctor::Doctor>),
    Encode(encode::Encode),
    Decode(decode::Decode),
    Status(state::StatusCommand),
    Find(find::Find),
    Report(report::Report),
    Verify(verify::Verify),
    Seal(seal::SealCommand),
    Show(show::Show),
    Convert(convert::Convert),
    #[cfg(feature = "fleet")]
    Fleet(fleet::Fleet),
    Emulate(exportitems_emulator::Options),
    Completions(completions::Completions),
    Man(completions::Man),
}

fn main() -> ExitCode {
    let arguments: Arguments = match config::parse() {
        Ok(arguments) => arguments,
        Err(failure) => return end(&failure),
    };
    if let Err(failure) = arguments.log.install() {
        return end(&failure);
    }
    let mut output = Output::new();
    let interrupted = match &arguments.command {
        // The server runs until Ctrl-C, so that is a success.
        Command::Emulate(_) => Status::Exported,
        _ => Status::Interrupted,
    };
    interrupt::install(interrupted);
    let done = match &arguments.command {
        Command::Demo(args) => demo::run(args, &mut output),
        Command::List(args) => list::run(args, &mut output),
        Command::Backup(args) => backup::run(args, &mut output),
        Command::Export(args) => export::run(args, &mut output),
        Command::Restore(args) => restore::run(args, &mut output),
        Command::Doctor(args) => doctor::run(args, &mut output),
        Command::Encode(args) => encode::run(args, &mut output),
        Command::Decode(args) => decode::run(args, &mut output),
        Command::Status(args) => state::run(args, &mut output),
        Command::Find(args) => find::run(args, &mut output),
        Command::Report(args) => report::run(args, &mut output),
        Command::Verify(args) => verify::run(args, &mut output),
        Command::Seal(args) => seal::run(args, &mut output),
        Command::Show(args) => show::run(args, &mut output),
        Command::Convert(args) => convert::run(args, &mut output),
        #[cfg(feature = "fleet")]
        Command::Fleet(args) => fleet::run(args, &mut output),
        Command::Emulate(options) => emulate::run(options, &mut output),
        Command::Completions(args) => {
            completions::completions(args, Arguments::command(), &mut output)
        }
        Command::Man(args) => completions::man(args, Arguments::command(), &mut output),
    };
    match done {
        Ok(status) => status.into(),
        Err(failure) => end(&failure),
    }
}

/// Prints why the command failed, and returns its exit status.
fn end(failure: &Failure) -> ExitCode {
    if let Some(message) = failure.message() {
        output::say(message);
    }
    failure.status().into()
}
