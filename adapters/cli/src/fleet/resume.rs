//! `exportitems fleet resume`: releases the jobs of a server after a refused login.

use exportitems_fleet::Settings;

use super::block_on;
use super::queue::{failure, QueueOptions};
use crate::output::Output;
use crate::status::{Failure, Status};

/// Releases the jobs of a server that are parked, because it has refused a login.
///
/// Correct the credentials of all workers first. One worker then tries to log in; the others wait until that login works.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
pub(crate) struct Resume {
    #[command(flatten)]
    queue: QueueOptions,
    /// The name of the server in the configuration file of the workers, [servers.NAME].
    #[arg(id = "job_server", long = "server", value_name = "NAME")]
    server: String,
}

pub(crate) fn run(args: &Resume, output: &mut Output) -> Result<Status, Failure> {
    let was_parked = block_on(async {
        let queue = args.queue.open(Settings::default()).await?;
        queue.resume(&args.server).await.map_err(failure)
    })?;
    output.line(&match was_parked {
        true => format!("the jobs of {} are released", args.server),
        false => format!("the jobs of {} are not parked", args.server),
    });
    output.check()?;
    Ok(Status::Exported)
}
