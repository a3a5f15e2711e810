//! The records of a run in the manifest: who exported what, when, from where and to where.

use exportitems_std::archive::{EndRecord, Record, RunRecord};
use exportitems_std::client::Answer;
use exportitems_std::Archive;

use crate::config;

/// The text that replaces a value that may be secret.
const REMOVED: &str = "[removed]";

/// Options whose values may contain secrets.
const SECRET: [&str; 3] = ["--header", "--password-command", "--token-command"];

/// Records that a run has begun.
pub(crate) fn begin(archive: &Archive) {
    let mut run = RunRecord::default();
    run.program = String::from(concat!("exportitems ", env!("CARGO_PKG_VERSION")));
    run.user = whoami::username().ok();
    run.host = whoami::hostname().ok();
    let arguments = config::arguments();
    run.arguments = public(arguments.map(|argument| argument.to_string_lossy().into_owned()));
    archive.record(Record::Run(run));
}

/// Records the server of a response, and its certificate.
pub(crate) fn answered(archive: &Archive, url: &str, answer: &Answer) {
    archive.record_server(&without_user_info(url), answer.certificate);
}

/// Records that a run has ended by itself.
pub(crate) fn end(archive: &Archive, exported: usize, bytes: u64, missing: usize) {
    let mut end = EndRecord::default();
    end.exported = exported as u64;
    end.bytes = bytes;
    end.missing = missing as u64;
    archive.record(Record::End(end));
}

/// Removes secrets from the arguments of a command.
fn public(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut is_secret = false;
    let arguments = arguments.map(|argument| {
        if std::mem::take(&mut is_secret) {
            return REMOVED.to_owned();
        }
        is_secret = SECRET.contains(&&*argument);
        let option = argument.split_once('=');
        match option {
            Some((name, _)) if SECRET.contains(&name) => format!("{name}={REMOVED}"),
            _ => without_user_info(&argument),
        }
    });
    arguments.collect()
}

/// Removes the user and password of a URL.
fn without_user_info(argument: &str) -> String {
    let Some((scheme, rest)) = argument.split_once("://") else {
        return argument.to_owned();
    };
    // A password may contain a slash.
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (address, query) = rest.split_at(end);
    match address.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{REMOVED}@{host}{query}"),
        None => argument.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::public;

    #[test]
    fn secrets_are_removed_from_arguments() {
        let arguments = [
            "export",
            "--url",
            "https://alice:pa/ss@mail.example.com/EWS?a=b@c",
            "--header",
            "X-Key: secret",
            "--header=X-Key: secret",
            "--proxy=http://u:p@proxy:3128",
            "--token-command",
            "get --key secret",
            "--out",
            "a=b",
        ];
        let expected = [
            "export",
            "--url",
            "https://[removed]@mail.example.com/EWS?a=b@c",
            "--header",
            "[removed]",
            "--header=[removed]",
            "--proxy=http://[removed]@proxy:3128",
            "--token-command",
            "[removed]",
            "--out",
            "a=b",
        ];
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        assert_eq!(public(arguments), expected);
    }
}
