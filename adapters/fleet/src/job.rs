//! Jobs and their subjects.

use core::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// A mailbox that is to be backed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)] // callers make it
pub struct Job {
    /// The name of the run, which the submitter chooses.
    pub run: String,
    /// The SMTP address of the mailbox.
    pub mailbox: String,
    /// The name of the server in the worker's configuration.
    pub server: String,
}

/// Returns a text as one token of a subject, with unusual bytes as `%` and two digits.
///
/// A dot separates tokens, and `*`, `>` and white space have a meaning or are not allowed.
pub(crate) fn token(text: &str) -> String {
    let mut token = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'-' | b'_' | b'+' => {
                token.push(char::from(byte));
            }
            other => {
                let _ = write!(token, "%{other:02x}");
            }
        }
    }
    token
}

/// Returns the token of a mailbox. The letters of an address may be capital or not.
pub(crate) fn mailbox_token(address: &str) -> String {
    token(&address.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{mailbox_token, token};

    #[test]
    fn tokens_have_no_separators_and_no_wildcards() {
        for (text, expected) in [
            ("pat@example.test", "pat@example%2etest"),
            ("a.*.>", "a%2e%2a%2e%3e"),
            ("ä b\n%", "%c3%a4%20b%0a%25"),
        ] {
            assert_eq!(token(text), expected);
        }
        assert_eq!(mailbox_token("Pat@Example.TEST"), "pat@example%2etest");
    }
}
