//! `exportitems completions` and `exportitems man`: files for shells and for `man`, from the options of the command.

use std::fs;
use std::path::PathBuf;

use clap::Command;
use clap_complete::Shell;
use exportitems_std::archive::display_path;

use crate::output::Output;
use crate::status::{Failure, Status};

/// Prints a script that completes the command line in a shell.
///
/// For bash: exportitems completions bash > ~/.local/share/bash-completion/completions/exportitems
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Writes manual pages, one for each command.
///
/// For a user: exportitems man ~/.local/share/man/man1
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The directory. It is created if it does not exist.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn completions(
    args: &Completions,
    mut command: Command,
    output: &mut Output,
) -> Result<Status, Failure> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output.bytes(&script);
    output.check()?;
    Ok(Status::Exported)
}

pub(crate) fn man(args: &Man, command: Command, output: &mut Output) -> Result<Status, Failure> {
    let failure = |error| Failure::local(&display_path(&args.dir), &error);
    fs::create_dir_all(&args.dir).map_err(failure)?;
    clap_mangen::generate_to(command, &args.dir).map_err(failure)?;
    output.line(&display_path(&args.dir));
    output.check()?;
    Ok(Status::Exported)
}
