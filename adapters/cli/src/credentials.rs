//! Who asks. Secrets come from the environment, a file or a prompt, never from the command line, which
//! every user of the machine can read.

use std::fs;
use std::path::{Path, PathBuf};

use exportitems_std::client::Credentials;
use zeroize::Zeroizing;

use crate::status::Failure;

/// Where the password of `--user` may stand.
const PASSWORD: &str = "EXPORTITEMS_PASSWORD";

/// The credentials of each request; none without an option.
#[derive(Debug, clap::Args)]
pub(crate) struct CredentialOptions {
    /// Authenticate as this user by HTTP Basic. The password is read from --password-file, else from
    /// the environment variable EXPORTITEMS_PASSWORD, else it is asked for on the terminal.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The file that holds the password, on one line.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Authenticate by the OAuth access token in this environment variable.
    #[arg(long, value_name = "VAR", conflicts_with_all = ["user", "bearer_file"])]
    bearer_env: Option<String>,
    /// Authenticate by the OAuth access token in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    bearer_file: Option<PathBuf>,
}

impl CredentialOptions {
    pub(crate) fn read(&self) -> Result<Option<Credentials>, Failure> {
        let credentials = if let Some(user) = &self.user {
            Credentials::basic(user, &self.password(user)?)
        } else if let Some(file) = &self.bearer_file {
            Credentials::bearer(&secret(file)?)
        } else if let Some(name) = &self.bearer_env {
            let token = environment(name)?.ok_or_else(|| {
                Failure::Usage(format!(
                    "the environment variable {name} is not set; put the access token there"
                ))
            })?;
            Credentials::bearer(&token)
        } else {
            return Ok(None);
        };
        match credentials {
            Ok(credentials) => Ok(Some(credentials)),
            Err(error) => Err(Failure::Usage(error.to_string())),
        }
    }

    fn password(&self, user: &str) -> Result<Zeroizing<String>, Failure> {
        if let Some(file) = &self.password_file {
            return secret(file);
        }
        if let Some(password) = environment(PASSWORD)? {
            return Ok(password);
        }
        rpassword::prompt_password(format!("Password of {user}: "))
            .map(Zeroizing::new)
            .map_err(|error| {
                Failure::Usage(format!(
                    "no password: set {PASSWORD}, give --password-file, \
                     or run on a terminal to be asked ({error})"
                ))
            })
    }
}

/// The first line of a file.
fn secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::local(&path.display().to_string(), &error))?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

fn environment(name: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(Zeroizing::new(value))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Usage(format!(
            "the environment variable {name} is not UTF-8"
        ))),
    }
}
