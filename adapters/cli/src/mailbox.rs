//! Which mailbox a command works on.

use core::time::Duration;

use exportitems_std::error_chain;
use exportitems_std::list::ListError;

/// A mailbox other than that of the user who logs in.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
pub(crate) struct MailboxOption {
    /// The SMTP address of the mailbox, if it is not that of the user who logs in. The user needs full
    /// access to it, or the right to impersonate its owner with --impersonate. It is also sent as
    /// X-AnchorMailbox.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    mailbox: Option<String>,
}

impl MailboxOption {
    pub(crate) fn address(&self) -> Option<&str> {
        self.mailbox.as_deref()
    }
}

/// Checks an SMTP address as far as a mistake in the order of arguments would break it.
pub(crate) fn address(text: &str) -> Result<String, &'static str> {
    let is_address = text
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    match is_address {
        true => Ok(text.to_owned()),
        false => Err("write an SMTP address such as user@example.com"),
    }
}

/// Describes a wait of a list: for the server, or without a failure for the window.
pub(crate) fn waiting(wait: Duration, error: Option<&ListError>) -> String {
    let why = error.map_or_else(
        || " for the window to open".to_owned(),
        |error| format!(": {}", error_chain(error)),
    );
    format!("waiting {} s{why}", wait.as_secs().max(1))
}

/// Returns a number and the word for it in the singular or plural.
pub(crate) fn count(number: u64, one: &str, several: &str) -> String {
    let word = if number == 1 { one } else { several };
    format!("{number} {word}")
}
