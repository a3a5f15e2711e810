//! Access tokens from a program.

use exportitems_std::client::AccessToken;

use crate::program;

type BoxError = Box<dyn core::error::Error + Send + Sync>;

/// Runs the program and reads the token that it prints.
///
/// The output is the token alone, or JSON with `access_token` and `expires_in`, as token endpoints send it, or with
/// `accessToken` and `expires_on`, as `az account get-access-token` prints it.
pub(crate) fn run(words: &[String]) -> Result<AccessToken, BoxError> {
    let output = program::run(words).map_err(|error| format!("--token-command: {error}"))?;
    token(&output)
}

fn token(output: &[u8]) -> Result<AccessToken, BoxError> {
    let text = core::str::from_utf8(output)
        .map_err(|_| "--token-command: the output is not UTF-8")?
        .trim_start_matches('\u{feff}')
        .trim();
    let token = match text.starts_with('{') {
        true => AccessToken::from_json(text),
        false => AccessToken::new(text),
    };
    Ok(token.map_err(|error| format!("--token-command: {error}"))?)
}
