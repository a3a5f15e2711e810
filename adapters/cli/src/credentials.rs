//! Who asks. Secrets come from the environment, a file or a prompt, never from the command line, which
//! every user of the machine can read.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use exportitems_std::client::{Application, ChannelBinding, Credentials};
use exportitems_std::{error_chain, Client};
use zeroize::Zeroizing;

use crate::interrupt;
use crate::network::NetworkOptions;
use crate::program;
use crate::status::Failure;
use crate::textfile;
use crate::tokens;

/// The variable that may hold the password of `--user`.
const PASSWORD: &str = "EXPORTITEMS_PASSWORD";

/// The options for an access token.
const TOKENS: [&str; 4] = ["bearer_env", "bearer_file", "token_command", "tenant"];

/// The options that log in as someone else than an application of a tenant.
const NOT_OF_A_TENANT: [&str; 4] = ["user", "bearer_env", "bearer_file", "token_command"];

/// The credentials of each request; none without an option.
#[derive(Debug, clap::Args)]
pub(crate) struct CredentialOptions {
    /// Authenticate as this user, DOMAIN\user or user@domain. The password is read from --password-file,
    /// --password-command or --password-env, else from the environment variable EXPORTITEMS_PASSWORD, else from a prompt
    /// on the terminal.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// How to authenticate. With auto, a user logs in by NTLM or Negotiate, whichever the server offers, and
    /// a token is sent as Bearer. With negotiate, a program that is built with Kerberos uses the ticket of the user, or
    /// without --user that of the account that runs it, and only without a ticket the password. Basic sends the password itself, so it is used only when it is given here.
    #[arg(long, value_name = "SCHEME", value_enum, default_value_t)]
    auth: Auth,
    /// Whether a login by NTLM or Negotiate is bound to the server's certificate, as Extended Protection
    /// requires. Give off for a proxy that is meant to end TLS with a certificate of its own.
    #[arg(long, value_name = "BINDING", value_enum, default_value_t)]
    channel_binding: Binding,
    /// The file that holds the password, on one line.
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with_all = TOKENS)]
    password_file: Option<PathBuf>,
    /// The environment variable that holds the password, in place of EXPORTITEMS_PASSWORD.
    #[arg(long, value_name = "VAR", requires = "user", conflicts_with_all = TOKENS, conflicts_with = "password_file")]
    password_env: Option<String>,
    /// The command that prints the password on one line, such as that of a password manager. It is split into words and
    /// runs without a shell, for 60 seconds at most.
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "user",
        conflicts_with_all = TOKENS,
        conflicts_with_all = ["password_file", "password_env"]
    )]
    password_command: Option<String>,
    /// Authenticate by the OAuth access token in this environment variable. It is read once: for a token
    /// that expires during an export, use --bearer-file.
    #[arg(long, value_name = "VAR", conflicts_with_all = ["user", "bearer_file"])]
    bearer_env: Option<String>,
    /// Authenticate by the OAuth access token in this file. When the server refuses the token, the file is
    /// read again, so that another program can renew the token during an export.
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    bearer_file: Option<PathBuf>,
    /// Authenticate by the OAuth access token that this command prints, alone or in JSON with expires_in or
    /// expires_on. It runs at the start, before a token expires, and once when the server refuses a token, for 60
    /// seconds at most. It is split into words and runs without a shell: write sh -c '...' for one.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["user", "bearer_env", "bearer_file"])]
    token_command: Option<String>,
    /// Authenticate as the application of --client-id in this tenant of Microsoft Entra, a GUID or a domain.
    #[arg(
        long,
        value_name = "TENANT",
        requires_all = ["client_id", "client_secret_file"],
        conflicts_with_all = NOT_OF_A_TENANT
    )]
    tenant: Option<String>,
    /// The application's id.
    #[arg(long, value_name = "GUID", requires = "tenant", conflicts_with_all = NOT_OF_A_TENANT)]
    client_id: Option<String>,
    /// The file that holds the application's client secret, on one line.
    #[arg(long, value_name = "FILE", requires = "tenant", conflicts_with_all = NOT_OF_A_TENANT)]
    client_secret_file: Option<PathBuf>,
    /// The authority that gives tokens; national clouds have others.
    #[arg(
        long,
        value_name = "URL",
        requires = "tenant",
        conflicts_with_all = NOT_OF_A_TENANT,
        default_value = "https://login.microsoftonline.com"
    )]
    authority: String,
    /// What the application requests access to.
    #[arg(
        long,
        value_name = "SCOPE",
        requires = "tenant",
        conflicts_with_all = NOT_OF_A_TENANT,
        default_value = "https://outlook.office365.com/.default"
    )]
    scope: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Auth {
    #[default]
    Auto,
    Basic,
    Ntlm,
    Negotiate,
    Bearer,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Binding {
    #[default]
    Auto,
    Off,
}

impl CredentialOptions {
    pub(crate) const fn channel_binding(&self) -> ChannelBinding {
        match self.channel_binding {
            Binding::Auto => ChannelBinding::Auto,
            Binding::Off => ChannelBinding::Off,
        }
    }

    /// Whether `--auth` fits the other options.
    fn check(&self) -> Result<(), Failure> {
        let wrong = match (self.auth, &self.user) {
            (Auth::Negotiate, None) if cfg!(feature = "kerberos") => return Ok(()),
            (Auth::Basic | Auth::Ntlm | Auth::Negotiate, None) => {
                "--auth basic, ntlm and negotiate need --user"
            }
            (Auth::Bearer, Some(_)) => {
                "--auth bearer needs an access token: give it by --bearer-file or --bearer-env in place of --user"
            }
            (Auth::Bearer, None) if !self.has_tokens() => {
                "--auth bearer needs --bearer-file, --bearer-env, --token-command or --tenant"
            }
            _ => return Ok(()),
        };
        Err(Failure::Usage(wrong.to_owned()))
    }

    /// The Kerberos ticket for `--auth negotiate`, if there is one.
    #[cfg(feature = "kerberos")]
    fn ticket(&self) -> Result<Option<Credentials>, Failure> {
        match (self.auth, &self.user) {
            (Auth::Negotiate, None) => Credentials::kerberos(None)
                .map(Some)
                .map_err(|error| Failure::Usage(error_chain(&error))),
            // DOMAIN\user is not the name of a principal. A realm is written in capital letters by convention.
            (Auth::Negotiate, Some(user)) if !user.contains('\\') => {
                let capital = match user.split_once('@') {
                    Some((name, realm)) => format!("{name}@{}", realm.to_uppercase()),
                    None => user.clone(),
                };
                let ticket = Credentials::kerberos(Some(user));
                Ok(ticket
                    .or_else(|_| Credentials::kerberos(Some(&capital)))
                    .ok())
            }
            _ => Ok(None),
        }
    }

    #[cfg(not(feature = "kerberos"))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)] // see the other one
    const fn ticket(&self) -> Result<Option<Credentials>, Failure> {
        Ok(None)
    }

    const fn has_tokens(&self) -> bool {
        self.bearer_env.is_some()
            || self.bearer_file.is_some()
            || self.token_command.is_some()
            || self.tenant.is_some()
    }

    pub(crate) fn read(&self, network: &NetworkOptions) -> Result<Option<Credentials>, Failure> {
        self.check()?;
        if let Some(credentials) = self.ticket()? {
            return Ok(Some(credentials));
        }
        let credentials = if let Some(user) = &self.user {
            let password = self.password(user)?;
            match self.auth {
                Auth::Basic => Credentials::basic(user, &password),
                Auth::Ntlm => Credentials::ntlm(user, &password),
                Auth::Negotiate => Credentials::negotiate(user, &password),
                Auth::Auto | Auth::Bearer => Credentials::password(user, &password),
            }
        } else if let Some(command) = &self.token_command {
            let words = program::words(command)
                .map_err(|error| Failure::Usage(format!("--token-command: {error}")))?;
            return Credentials::bearer_tokens(move || tokens::run(&words))
                .map(Some)
                .map_err(|error| Failure::Local(error_chain(&error)));
        } else if let (Some(tenant), Some(id), Some(file)) =
            (&self.tenant, &self.client_id, &self.client_secret_file)
        {
            return self.application(tenant, id, file, network).map(Some);
        } else if let Some(file) = &self.bearer_file {
            return renewed(file).map(Some);
        } else if let Some(name) = &self.bearer_env {
            let token = environment(name)?.ok_or_else(|| {
                // The name is not printed: it may be the token itself, given here by mistake.
                Failure::Usage(
                    "no environment variable has the name that --bearer-env gives; \
                     put the access token into a variable, and give the variable's name"
                        .to_owned(),
                )
            })?;
            Credentials::bearer(&token)
        } else {
            return Ok(None);
        };
        match credentials {
            Ok(credentials) => Ok(Some(credentials)),
            Err(error) => Err(Failure::Usage(error_chain(&error))),
        }
    }

    fn application(
        &self,
        tenant: &str,
        id: &str,
        file: &Path,
        network: &NetworkOptions,
    ) -> Result<Credentials, Failure> {
        let application = Application::new(id, &secret(file, "--client-secret-file")?, &self.scope);
        let url = Application::token_url(&self.authority, tenant);
        let endpoint = network
            .apply_to_tokens(Client::builder(&url), &url)?
            .build()
            .map_err(|error| Failure::Usage(format!("--authority: {}", error_chain(&error))))?;
        Credentials::application(endpoint, application)
            .map_err(|error| Failure::Response(error_chain(&error)))
    }

    fn password(&self, user: &str) -> Result<Zeroizing<String>, Failure> {
        if let Some(file) = &self.password_file {
            return secret(file, "--password-file");
        }
        if let Some(command) = &self.password_command {
            let failed = |error: &str| Failure::Usage(format!("--password-command: {error}"));
            let words = program::words(command).map_err(failed)?;
            let output = program::run(&words).map_err(|error| {
                Failure::Local(format!("--password-command: {}", error_chain(&*error)))
            })?;
            let text =
                core::str::from_utf8(&output).map_err(|_| failed("the output is not UTF-8"))?;
            return Ok(first_line(text));
        }
        if let Some(name) = &self.password_env {
            // The name is not printed: it may be the password itself, given here by mistake.
            return environment(name)?.ok_or_else(|| {
                Failure::Usage(
                    "no environment variable has the name that --password-env gives; put the password into a \
                     variable, and give the variable's name"
                        .to_owned(),
                )
            });
        }
        if let Some(password) = environment(PASSWORD)? {
            return Ok(password);
        }
        let _echo = keep_echo();
        rpassword::prompt_password(format!("Password of {user}: "))
            .map(Zeroizing::new)
            .map_err(|error| match error.kind() {
                io::ErrorKind::Interrupted => Failure::Interrupted,
                _ => Failure::Usage(format!(
                    "no password: set {PASSWORD}, give --password-file, \
                     or run on a terminal to be asked ({error})"
                )),
            })
    }
}

/// The token in a file, now and whenever the server refuses it.
fn renewed(file: &Path) -> Result<Credentials, Failure> {
    // A pipe can be read only once.
    let first = Mutex::new(Some(secret(file, "--bearer-file")?));
    let file = file.to_owned();
    Credentials::bearer_from(move || {
        let first = first.lock().ok().and_then(|mut first| first.take());
        first
            .map_or_else(|| secret(&file, "--bearer-file"), Ok)
            .map_err(|failure| failure.message().unwrap_or_default().into())
    })
    .map_err(|error| Failure::Usage(error_chain(&error)))
}

/// Brings the terminal's echo back if a signal ends the process while a password is typed.
#[cfg(unix)]
fn keep_echo() -> Option<interrupt::Guard> {
    use rustix::termios::{tcgetattr, tcsetattr, OptionalActions};
    let terminal = fs::File::open("/dev/tty").ok()?;
    let attributes = tcgetattr(&terminal).ok()?;
    Some(interrupt::before_exit(move || {
        let _ = tcsetattr(&terminal, OptionalActions::Now, &attributes);
    }))
}

#[cfg(not(unix))]
fn keep_echo() -> interrupt::Guard {
    interrupt::before_exit(|| {})
}

/// The first line of the file that `option` names, without a byte order mark.
fn secret(path: &Path, option: &str) -> Result<Zeroizing<String>, Failure> {
    let bytes = fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| match error.kind() {
            // The path is not printed: it may be the secret itself, given here by mistake.
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput => Failure::Local(format!(
                "{option}: there is no such file; the option takes the name of a file, not the secret"
            )),
            _ => Failure::local(&path.display().to_string(), &error),
        })?;
    match textfile::decode(&bytes) {
        Ok(Cow::Borrowed(text)) => Ok(first_line(text)),
        Ok(Cow::Owned(text)) => Ok(first_line(&Zeroizing::new(text))),
        Err(_) => Err(Failure::Usage(format!(
            "{}: not UTF-8; save the file as UTF-8",
            path.display()
        ))),
    }
}

fn first_line(text: &str) -> Zeroizing<String> {
    let line = textfile::lines(text).next().unwrap_or_default();
    Zeroizing::new(line.to_owned())
}

fn environment(name: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(Zeroizing::new(value))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Usage(
            "the environment variable with the secret is not UTF-8".to_owned(),
        )),
    }
}
