//! Access tokens from a program.

use core::time::Duration;

use exportitems_std::client::AccessToken;
use serde::Deserialize;
use zeroize::Zeroizing;

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

/// What programs print in JSON.
#[derive(Deserialize)]
struct Printed {
    #[serde(alias = "accessToken")]
    access_token: Zeroizing<String>,
    expires_in: Option<u64>,
    /// Seconds after 1970.
    expires_on: Option<u64>,
}

fn token(output: &[u8]) -> Result<AccessToken, BoxError> {
    let text = core::str::from_utf8(output)
        .map_err(|_| "--token-command: the output is not UTF-8")?
        .trim_start_matches('\u{feff}')
        .trim();
    if !text.starts_with('{') {
        return Ok(AccessToken::new(text)?);
    }
    // The error of serde_json does not quote the text.
    let printed: Printed = serde_json::from_str(text)
        .map_err(|error| format!("--token-command: the output is JSON without a token: {error}"))?;
    let token = AccessToken::new(&printed.access_token)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let expires_in = printed
        .expires_in
        .or_else(|| Some(printed.expires_on?.saturating_sub(now.as_secs())));
    Ok(match expires_in {
        Some(seconds) => token.expires_in(Duration::from_secs(seconds)),
        None => token,
    })
}
