//! `exportitems emulate`: runs an emulated server, with which to try a client.

use std::io;

use exportitems_emulator::{CommandError, Options, ScenarioError, StartError};

use exportitems_std::error_chain;

use crate::output::{say, Output};
use crate::status::{Failure, Status};

/// Serves until Ctrl-C.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<Status, Failure> {
    match exportitems_emulator::run(options, output) {
        Ok(()) => Ok(Status::Exported),
        Err(error) => Err(failure(&error)),
    }
}

fn failure(error: &CommandError) -> Failure {
    let message = error_chain(error);
    match error {
        CommandError::Write(_, source) if source.kind() == io::ErrorKind::BrokenPipe => {
            Failure::OutputClosed
        }
        CommandError::Scenario(ScenarioError::Read(..))
        | CommandError::Start(
            StartError::Listen(..) | StartError::Tls(_) | StartError::Runtime(_),
        )
        | CommandError::Write(..) => Failure::Local(message),
        // The message quotes several lines of the user's file, so its line breaks are printed as such.
        CommandError::Scenario(_) => {
            message.trim_end().lines().for_each(say);
            Failure::Explained
        }
        _ => Failure::Usage(message),
    }
}
