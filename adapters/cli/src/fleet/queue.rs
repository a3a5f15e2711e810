//! The options of every command that uses the queue.

use core::time::Duration;
use std::path::PathBuf;
use std::time::Instant;

use clap::value_parser;
use exportitems_fleet::async_nats::{Client, ConnectErrorKind, ConnectOptions};
use exportitems_fleet::{FleetError, Queue, Settings};
use exportitems_std::error_chain;
use zeroize::Zeroizing;

use crate::credentials::secret;
use crate::status::Failure;

/// How long a server that does not listen is tried.
const STARTING: Duration = Duration::from_secs(5);

/// Which queue, how to reach it, and how to log in.
#[derive(Clone, Debug, clap::Args)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
pub(super) struct QueueOptions {
    /// The URLs of the NATS servers, separated by commas. With tls:// the connection is encrypted.
    #[arg(
        long,
        value_name = "URLS",
        default_value = "nats://127.0.0.1:4222",
        value_parser = urls
    )]
    nats: String,
    /// The file with the JWT and the seed of the NATS user, which `nsc generate creds` writes.
    #[arg(long, value_name = "FILE", conflicts_with = "nats_user")]
    nats_creds: Option<PathBuf>,
    /// The name of the NATS user.
    #[arg(long, value_name = "NAME", requires = "nats_password_file")]
    nats_user: Option<String>,
    /// The file that holds the password of the NATS user, on one line.
    #[arg(long, value_name = "FILE", requires = "nats_user")]
    nats_password_file: Option<PathBuf>,
    /// A PEM file with the certificates of the authorities that sign the NATS servers' certificates, in addition
    /// to those of the system.
    #[arg(long, value_name = "FILE")]
    nats_ca: Option<PathBuf>,
    /// The name of the queue. Queues with other names are independent.
    #[arg(long, value_name = "NAME", default_value = "exportitems", value_parser = name)]
    queue: String,
    /// The number of NATS servers that store the queue, when it is created.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u8).range(1..=5))]
    replicas: u8,
    /// Read options from this TOML file, in place of ~/.config/exportitems/config.toml (on Windows
    /// %APPDATA%\exportitems\config.toml). Options on the command line replace those of the file.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl QueueOptions {
    /// Connects, and opens the queue with these settings and the name and replicas of the options.
    ///
    /// The client connects again by itself when the connection is lost.
    pub(super) async fn open(&self, settings: Settings) -> Result<Queue, Failure> {
        let settings = Settings {
            name: self.queue.clone(),
            replicas: self.replicas.into(),
            ..settings
        };
        let client = self.connect().await?;
        Queue::open(client, settings).await.map_err(failure)
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let mut options = ConnectOptions::new().name("exportitems");
        if let Some(file) = &self.nats_creds {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(file).map(Zeroizing::new);
            let text = text.map_err(|error| Failure::local(&name, &error))?;
            options = options.credentials(&text).map_err(|_| {
                Failure::Usage(format!(
                    "{name}: no NATS credentials; write them with nsc generate creds"
                ))
            })?;
        }
        if let (Some(user), Some(file)) = (&self.nats_user, &self.nats_password_file) {
            let password = secret(file, "--nats-password-file")?;
            options = options.user_and_password(user.clone(), password.to_string());
        }
        if let Some(file) = &self.nats_ca {
            options = options.add_root_certificates(file.clone());
        }
        let servers: Vec<&str> = self.nats.split(',').map(str::trim).collect();
        let began = Instant::now();
        loop {
            let error = match options.clone().connect(&servers).await {
                Ok(client) => return Ok(client),
                Err(error) => error,
            };
            // A server that has just been started does not listen yet.
            if error.kind() != ConnectErrorKind::Io || began.elapsed() > STARTING {
                return Err(Failure::Response(format!(
                    "cannot connect to {}: {}; start nats-server --jetstream, or give its URL by --nats",
                    self.nats,
                    error_chain(&error)
                )));
            }
            tokio::time::sleep(STARTING / 20).await;
        }
    }
}

/// Makes the failure of an error of the queue.
#[allow(clippy::needless_pass_by_value)] // for `map_err`
pub(super) fn failure(error: FleetError) -> Failure {
    Failure::Response(error_chain(&error))
}

/// Checks URLs. Other users of this machine can read a password in a command line.
fn urls(text: &str) -> Result<String, &'static str> {
    match text.contains('@') {
        true => Err("a URL with a user or password is refused; give --nats-user and --nats-password-file, or --nats-creds"),
        false => Ok(text.to_owned()),
    }
}

/// Checks the name of a stream.
fn name(text: &str) -> Result<String, &'static str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !text.is_empty() && text.len() <= 200 && text.chars().all(is_allowed) {
        true => Ok(text.to_owned()),
        false => Err("write letters, digits, hyphens and underscores"),
    }
}
