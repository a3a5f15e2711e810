//! The options for credentials. Secrets are read from the environment, a file, a program or a prompt, never from the
//! command line, because every user of the machine can read it.

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

/// The environment variable with the password of `--user`.
const PASSWORD: &str = "EXPORTITEMS_PASSWORD";

/// The options for an access token.
const TOKENS: [&str; 4] = ["bearer_env", "bearer_file", "token_command", "tenant"];

/// The options for credentials other than those of an application.
const NOT_OF_A_TENANT: [&str; 4] = ["user", "bearer_env", "bearer_file", "token_command"];

/// The options for credentials. Without any of them, requests have no credentials.
#[derive(Debug, clap::Args)]
pub(crate) struct CredentialOptions {
    /// Log in as this user, DOMAIN\user or user@domain. The password is read from --password-file, --password-command or
    /// --password-env, otherwise from the environment variable EXPORTITEMS_PASSWORD, otherwise from a prompt on the
    /// terminal.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The authentication scheme. With auto, a user logs in by NTLM if the server offers it, otherwise by Negotiate, and a
    /// token is sent by Bearer. Basic is used only if it is given here, because it sends the password. With negotiate, a
    /// program that is built with Kerberos uses the ticket of the user, or without --user the ticket of the account that
    /// runs it; if the user has no ticket, it uses the password.
    #[arg(long, value_name = "SCHEME", value_enum, default_value_t)]
    auth: Auth,
    /// Whether a login by NTLM or Negotiate is bound to the server's certificate, as Extended Protection requires. Use off
    /// if a proxy intentionally ends TLS with its own certificate.
    #[arg(long, value_name = "BINDING", value_enum, default_value_t)]
    channel_binding: Binding,
    /// The file with the password, on one line.
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with_all = TOKENS)]
    password_file: Option<PathBuf>,
    /// The environment variable with the password, instead of EXPORTITEMS_PASSWORD.
    #[arg(long, value_name = "VAR", requires = "user", conflicts_with_all = TOKENS, conflicts_with = "password_file")]
    password_env: Option<String>,
    /// A command that prints the password on one line, such as a password manager. It is split into words and runs
    /// without a shell, for 60 seconds at most. A backslash must be in single quotes.
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "user",
        conflicts_with_all = TOKENS,
        conflicts_with_all = ["password_file", "password_env"]
    )]
    password_command: Option<String>,
    /// Log in with the OAuth access token in this environment variable. It is read once, so use --bearer-file if the token
    /// expires during an export.
    #[arg(long, value_name = "VAR", conflicts_with_all = ["user", "bearer_file"])]
    bearer_env: Option<String>,
    /// Log in with the OAuth access token in this file. When the server refuses the token, the file is read again, so that
    /// another program can renew the token during an export.
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    bearer_file: Option<PathBuf>,
    /// Log in with the OAuth access token that this command prints, alone or in JSON with expires_in or expires_on. It
    /// runs at the start, before a token expires, and once when the server refuses a token, for 60 seconds at most. It is
    /// split into words and runs without a shell; to use a shell, write sh -c '...'. A backslash must be in single quotes.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["user", "bearer_env", "bearer_file"])]
    token_command: Option<String>,
    /// Log in as the application of --client-id in this tenant of Microsoft Entra, a GUID or a domain.
    #[arg(
        long,
        value_name = "TENANT",
        requires_all = ["client_id", "client_secret_file"],
        conflicts_with_all = NOT_OF_A_TENANT
    )]
    tenant: Option<String>,
    /// The id of the application.
    #[arg(long, value_name = "GUID", requires = "tenant", conflicts_with_all = NOT_OF_A_TENANT)]
    client_id: Option<String>,
    /// The file with the client secret of the application, on one line.
    #[arg(long, value_name = "FILE", requires = "tenant", conflicts_with_all = NOT_OF_A_TENANT)]
    client_secret_file: Option<PathBuf>,
    /// The authority that issues tokens. National clouds have their own.
    #[arg(
        long,
        value_name = "URL",
        requires = "tenant",
        conflicts_with_all = NOT_OF_A_TENANT,
        default_value = "https://login.microsoftonline.com"
    )]
    authority: String,
    /// The scope of the requested token.
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

    /// Checks that `--auth` fits the other options.
    fn check(&self) -> Result<(), Failure> {
        let wrong = match (self.auth, &self.user) {
            (Auth::Negotiate, None) if cfg!(feature = "kerberos") && !self.has_tokens() => {
                return Ok(())
            }
            (Auth::Basic | Auth::Ntlm | Auth::Negotiate, None) if self.has_tokens() => {
                "--auth basic, ntlm and negotiate do not send access tokens; leave --auth out"
            }
            (Auth::Basic | Auth::Ntlm | Auth::Negotiate, None) => {
                "--auth basic, ntlm and negotiate need --user"
            }
            (Auth::Bearer, Some(_)) => {
                "--auth bearer sends an access token, not a user and a password; replace --user by --bearer-file, \
                 --bearer-env, --token-command or --tenant"
            }
            (Auth::Bearer, None) if !self.has_tokens() => {
                "--auth bearer needs --bearer-file, --bearer-env, --token-command or --tenant"
            }
            _ => return Ok(()),
        };
        Err(Failure::Usage(wrong.to_owned()))
    }

    /// Returns the Kerberos ticket for `--auth negotiate`, if there is one.
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
            if password.is_empty() {
                return Err(Failure::Usage(
                    "the password is empty; check its first line where it is stored".to_owned(),
                ));
            }
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
                // The name is not printed, because it may be the token itself by mistake.
                Failure::Usage(
                    "there is no environment variable with the name in --bearer-env; \
                     store the access token in a variable, and give the name of the variable"
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
            // The name is not printed, because it may be the password itself by mistake.
            return environment(name)?.ok_or_else(|| {
                Failure::Usage(
                    "there is no environment variable with the name in --password-env; store the password in a \
                     variable, and give the name of the variable"
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
                    "there is no password; set {PASSWORD}, give --password-file, or run the command on a terminal, where it \
                     asks for the password ({error})"
                )),
            })
    }
}

/// Makes credentials from the token in a file, which is read again when the server refuses the token.
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

/// Restores the echo of the terminal if a signal ends the process while a password is typed.
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

/// Returns the first line of the file of `option`, without a byte order mark.
pub(crate) fn secret(path: &Path, option: &str) -> Result<Zeroizing<String>, Failure> {
    let bytes = fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| match error.kind() {
            // The path is not printed, because it may be the secret itself by mistake.
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput => Failure::Local(format!(
                "{option}: there is no such file; give the name of a file, not the secret"
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
