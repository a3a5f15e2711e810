//! `exportitems fleet`: backs up many mailboxes with many workers.

mod archive;
mod metrics;
mod queue;
mod resume;
mod status;
mod submit;
mod work;

use std::future::Future;

use clap::Subcommand;

use crate::output::Output;
use crate::status::{Failure, Status};

/// Backs up many mailboxes with many workers, which take their work from a queue of NATS JetStream.
///
/// Start nats-server with JetStream, submit a list of mailboxes, and start any number of workers with the same
/// configuration file and the same place for archives. docs/scale.md describes it, and how to do without a queue.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
pub(crate) struct Fleet {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Submit(submit::Submit),
    Work(Box<work::Work>),
    Status(status::StatusCommand),
    Resume(resume::Resume),
}

pub(crate) fn run(args: &Fleet, output: &mut Output) -> Result<Status, Failure> {
    match &args.command {
        Command::Submit(args) => submit::run(args, output),
        Command::Work(args) => work::run(args),
        Command::Status(args) => status::run(args, output),
        Command::Resume(args) => resume::run(args, output),
    }
}

/// Runs a future on this thread.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::local("runtime", &error))?;
    runtime.block_on(future)
}
