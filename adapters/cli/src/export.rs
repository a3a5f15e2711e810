//! `exportitems export`: exports items from a server into an archive.

mod headers;
mod ranges;
mod report;

use core::time::Duration;
use std::path::PathBuf;

use clap::value_parser;
use exportitems::policy::Limits;
use exportitems::{ItemId, Options};
use exportitems_std::client::BuildError;
use exportitems_std::{error_chain, Archive, Client, ExportError, Exporter};

use crate::credentials::CredentialOptions;
use crate::integrity::IntegrityOption;
use crate::network::NetworkOptions;
use crate::output::{say, Format, Output};
use crate::request::RequestOptions;
use crate::size::SizeOption;
use crate::status::{Failure, Status};
use headers::Header;
use report::Reporter;

/// Exports items from a server into a directory.
///
/// Items that the directory already holds are skipped: to resume an interrupted export, run the same command again.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
#[allow(clippy::struct_excessive_bools)] // each is an option
pub(crate) struct Export {
    /// The server's EWS URL, such as https://mail.example.com/EWS/Exchange.asmx.
    #[arg(long, value_name = "URL")]
    url: String,
    #[command(flatten)]
    request: RequestOptions,
    /// Write the items and a manifest into this directory.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    credentials: CredentialOptions,
    /// Allow credentials without TLS to another machine. Anyone on the network path can read them.
    #[arg(long)]
    allow_plaintext_credentials: bool,
    /// The SMTP address of the mailbox. It is sent as X-AnchorMailbox, which routes the request to the
    /// mailbox's server.
    #[arg(long, value_name = "ADDRESS")]
    anchor_mailbox: Option<String>,
    /// The SMTP address of a public folder mailbox. It is sent as X-PublicFolderMailbox, which routes
    /// requests for items of public folders.
    #[arg(long, value_name = "ADDRESS")]
    public_folder_mailbox: Option<String>,
    /// Send this header with each request. May be given more than once. Credentials are refused here,
    /// because other users of this machine can read a command line.
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    #[command(flatten)]
    network: NetworkOptions,
    /// Request at most this many items at once. Microsoft recommends no more than 100. Use a smaller number
    /// for large items, because a server works on a request for one minute at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u32).range(1..))]
    batch_size: u32,
    /// Stop reading a response when the server has sent nothing for this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = value_parser!(u64).range(1..))]
    timeout: u64,
    #[command(flatten)]
    size: SizeOption,
    /// Wait at most this many seconds without progress: as long as the server asks, and for increasing times
    /// between attempts that may succeed later. With 0 the command never waits: it ends when the server is
    /// busy, and leaves items that may succeed later to the next run.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    retry_for: u32,
    #[command(flatten)]
    integrity: IntegrityOption,
    /// Request items again that the server refused permanently in an earlier run.
    #[arg(long)]
    retry_failed: bool,
    /// First compare the SHA-256 of each file with the manifest, and export altered files again. Without this
    /// option only a missing file or a changed size is noticed.
    #[arg(long)]
    recheck: bool,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Export, output: &mut Output) -> Result<Status, Failure> {
    let requested = args.request.requested()?;
    let items: Vec<ItemId<'_>> = requested.iter().map(Into::into).collect();
    let roles = args.request.roles();
    let headers = args.request.headers(&roles);
    let mut client = client(args)?;
    let mut archive = Archive::open(&args.out)?;
    if args.recheck {
        archive.recheck(|_, _| ())?;
    }
    if let lost @ 1.. = archive.lost() {
        let files = if lost == 1 { "file" } else { "files" };
        say(&format!(
            "note: {lost} {files} of {} missing or altered; listed items among them are exported again",
            archive.dir().display()
        ));
    }

    let mut reporter = Reporter::new(&items, &archive, output, Format::new(args.json));
    let report = Exporter::new(&mut client, &mut archive, headers)
        .options(
            args.size
                .limit(Options::new().integrity(args.integrity.get())),
        )
        .limits(Limits {
            items: usize::try_from(args.batch_size).unwrap_or(usize::MAX),
            version: args.request.server_version(),
            ..Limits::default()
        })
        .patience(Duration::from_secs(args.retry_for.into()))
        .retry_failed(args.retry_failed)
        .run(&items, &mut |progress| reporter.progress(&progress));
    match report {
        Ok(report) => reporter.finish(&report),
        Err(ExportError::Archive(error)) => {
            reporter.abandon(archive, &error);
            Err(error.into())
        }
        Err(error) => Err(Failure::Usage(error_chain(&error))),
    }
}

fn client(args: &Export) -> Result<Client, Failure> {
    let mut builder = Client::builder(&args.url)
        .read_timeout(Duration::from_secs(args.timeout))
        .allow_plaintext_credentials(args.allow_plaintext_credentials)
        .channel_binding(args.credentials.channel_binding());
    if let Some(credentials) = args.credentials.read(&args.network)? {
        builder = builder.credentials(credentials);
    }
    if let Some(mailbox) = &args.anchor_mailbox {
        builder = builder.anchor_mailbox(mailbox);
    }
    if let Some(mailbox) = &args.public_folder_mailbox {
        builder = builder.header("X-PublicFolderMailbox", mailbox);
    }
    for text in &args.header {
        let Header { name, value } =
            headers::header(text).map_err(|error| Failure::Usage(format!("--header: {error}")))?;
        builder = match name.eq_ignore_ascii_case("User-Agent") {
            true => builder.user_agent(&value),
            false => builder.header(&name, &value),
        };
    }
    builder = args.network.apply(builder, &args.url)?;
    builder.build().map_err(|error| match error {
        BuildError::PlaintextCredentials { .. } => Failure::Usage(format!(
            "{} (--allow-plaintext-credentials)",
            error_chain(&error)
        )),
        BuildError::CaFile { .. }
        | BuildError::NoRoots { .. }
        | BuildError::ClientCertificate { .. }
        | BuildError::Tls(_) => Failure::Local(error_chain(&error)),
        other => Failure::Usage(error_chain(&other)),
    })
}
