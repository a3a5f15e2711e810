//! The options of every command that talks to a server.

use core::time::Duration;
use std::path::PathBuf;

use clap::value_parser;
use exportitems_std::client::{BuildError, ClientBuilder, Credentials};
use exportitems_std::{error_chain, Client};

use crate::coredump;
use crate::credentials::CredentialOptions;
use crate::headers::{self, Header};
use crate::network::NetworkOptions;
use crate::status::Failure;

/// Which server, how to reach it, and how to log in.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
pub(crate) struct ServerOptions {
    #[command(flatten)]
    _config: ConfigOptions,
    /// The server's EWS URL, such as https://mail.example.com/EWS/Exchange.asmx.
    #[arg(long, value_name = "URL")]
    url: String,
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
    /// Stop reading a response when the server has sent nothing for this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = value_parser!(u64).range(1..))]
    timeout: u64,
}

/// Where other options come from. The module `config` reads these before the others are known.
#[derive(Debug, clap::Args)]
struct ConfigOptions {
    /// Read options from this TOML file, in place of ~/.config/exportitems/config.toml (on Windows
    /// %APPDATA%\exportitems\config.toml). Options on the command line replace those of the file.
    #[arg(id = "config", long = "config", value_name = "FILE")]
    _config: Option<PathBuf>,
    /// Use the options of this server in the configuration file, [servers.NAME].
    #[arg(id = "server", long = "server", value_name = "NAME")]
    _server: Option<String>,
}

impl ServerOptions {
    /// Makes the client, which connects when it is used.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        build(self.builder(self.credentials()?)?)
    }

    /// Returns the URL of the endpoint.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the host of the URL, without its port.
    pub(crate) fn host(&self) -> &str {
        let rest = self
            .url
            .split_once("://")
            .map_or(&*self.url, |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        match authority.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        }
    }

    /// Reads the credentials, if there are any.
    pub(crate) fn credentials(&self) -> Result<Option<Credentials>, Failure> {
        coredump::disable();
        self.credentials.read(&self.network)
    }

    /// Begins a client with these options and these credentials.
    pub(crate) fn builder(
        &self,
        credentials: Option<Credentials>,
    ) -> Result<ClientBuilder, Failure> {
        self.anchored(credentials, None)
    }

    /// Begins a client that sends this address as X-AnchorMailbox, unless an option says otherwise.
    pub(crate) fn anchored(
        &self,
        credentials: Option<Credentials>,
        mailbox: Option<&str>,
    ) -> Result<ClientBuilder, Failure> {
        let mut builder = Client::builder(&self.url)
            .read_timeout(Duration::from_secs(self.timeout))
            .allow_plaintext_credentials(self.allow_plaintext_credentials)
            .channel_binding(self.credentials.channel_binding());
        if let Some(credentials) = credentials {
            builder = builder.credentials(credentials);
        }
        if let Some(mailbox) = self.anchor_mailbox.as_deref().or(mailbox) {
            builder = builder.anchor_mailbox(mailbox);
        }
        if let Some(mailbox) = &self.public_folder_mailbox {
            builder = builder.header("X-PublicFolderMailbox", mailbox);
        }
        for text in &self.header {
            let Header { name, value } = headers::header(text)
                .map_err(|error| Failure::Usage(format!("--header: {error}")))?;
            builder = match name.eq_ignore_ascii_case("User-Agent") {
                true => builder.user_agent(&value),
                false => builder.header(&name, &value),
            };
        }
        self.network.apply(builder, &self.url)
    }
}

/// Makes the client of a builder.
pub(crate) fn build(builder: ClientBuilder) -> Result<Client, Failure> {
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
