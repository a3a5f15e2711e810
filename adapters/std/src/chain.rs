//! An error and its causes as one line of text.

use core::error::Error;

/// Formats an error with all of its causes, each once.
///
/// An error of this crate says what happened and, after a semicolon, what to do about it.
/// The causes are inserted between the two: `cannot connect to mail.example.com:443: connection refused; check
/// the host and the port`.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    let Some(cause) = error.source() else {
        return text;
    };
    let cause = error_chain(cause);
    match text.split_once("; ") {
        Some((what, advice)) => format!("{what}: {cause}; {advice}"),
        None => format!("{text}: {cause}"),
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::io;

    use super::*;
    use crate::archive::ArchiveError;
    use crate::client::{BuildError, ClientError, Phase, TlsProblem, TransportError};
    use crate::ExportError;

    const CAUSE: &str = "Connection refused (os error 111)";

    fn cause() -> io::Error {
        io::Error::other(CAUSE)
    }

    /// The errors that have causes, and some that have none.
    fn errors() -> Vec<Box<dyn Error>> {
        let tls = |problem| TransportError::Tls {
            host: "mail.example.com".into(),
            problem,
            source: cause(),
        };
        let io = || ArchiveError::Io {
            action: "write",
            path: "mail/manifest.jsonl".into(),
            source: cause(),
        };
        let connect = || TransportError::Connect {
            authority: "mail.example.com:443".into(),
            source: cause(),
        };
        vec![
            Box::new(io()),
            Box::new(ExportError::Store(io())),
            Box::new(ExportError::<ArchiveError>::Request(
                ClientError::Transport(connect()),
            )),
            Box::new(ClientError::Transport(connect())),
            Box::new(ClientError::Transport(TransportError::Read(cause()))),
            Box::new(ClientError::Sink(Box::new(io()))),
            Box::new(ArchiveError::Manifest {
                line: 7,
                source: serde_json::from_str::<u8>("x").unwrap_err(),
            }),
            Box::new(TransportError::Resolve {
                host: "mail.example.com".into(),
                source: cause(),
            }),
            Box::new(TransportError::Write(cause())),
            Box::new(tls(TlsProblem::Other)),
            Box::new(tls(TlsProblem::Closed)),
            Box::new(tls(TlsProblem::UnknownAuthority)),
            Box::new(TransportError::Timeout {
                phase: Phase::Read,
                after: Duration::from_secs(5),
            }),
            Box::new(BuildError::TokenSource(Box::new(cause()))),
            Box::new(BuildError::CaFile {
                path: "ca.pem".into(),
                source: Some(Box::new(cause())),
            }),
            Box::new(BuildError::Tls(rustls::Error::General(CAUSE.into()))),
        ]
    }

    /// No error of a chain repeats the text of its cause.
    #[test]
    fn a_chain_says_nothing_twice() {
        for error in errors() {
            let mut link: &dyn Error = &*error;
            while let Some(cause) = link.source() {
                let (text, cause_text) = (link.to_string(), cause.to_string());
                assert!(!text.contains(&cause_text), "{text} repeats {cause_text}");
                link = cause;
            }
            let chain = error_chain(&*error);
            assert!(chain.matches(CAUSE).count() <= 1, "{chain}");
        }
    }

    #[test]
    fn causes_come_before_the_advice() {
        let error =
            ExportError::<ArchiveError>::Request(ClientError::Transport(TransportError::Resolve {
                host: "mail.example.com".into(),
                source: cause(),
            }));
        assert_eq!(
            error_chain(&error),
            "cannot find the host mail.example.com: Connection refused (os error 111); \
             check its name in the URL and this machine's DNS"
        );
        assert_eq!(
            error_chain(&ArchiveError::Io {
                action: "write",
                path: "mail/a.fts".into(),
                source: cause(),
            }),
            "cannot write mail/a.fts: Connection refused (os error 111)"
        );
    }
}
