//! Explains errors, and advises what to do about them.

use exportitems::{ResponseOutcome, Summary};
use exportitems_std::client::{
    ClientError, Phase, ProxyProblem, SentBinding, SentCredentials, StatusError, StatusKind,
    TlsProblem, TransportError,
};

/// Returns advice on a failed item, by the names of its error and disposition.
pub(crate) fn of_item(error: &str, disposition: Option<&str>) -> &'static str {
    match error {
        "unrequested" => {
            "it was not requested; check that --items is the number of ids in the request"
        }
        "not-answered" => match disposition {
            Some("permanent" | "auth") => "the request failed as a whole; see its error",
            Some("throttled") => "the server is busy; export it again later",
            _ => "the response contains no message for it; export it again",
        },
        "refused" => of_refusal(disposition),
        "truncated" => {
            "the server stopped while it wrote this item; export it again later, alone, \
             and if that fails for 8 hours, open a case with Microsoft"
        }
        "malformed" => {
            "the XML broke inside it or after it; export it again, \
             and if that repeats look for a proxy that alters responses"
        }
        "cut" => "the response ended before the item was known to be whole; export it again",
        "duplicate" => "its message contains more than one Data element; export it alone",
        "base64" => "its data is damaged, because it is not valid base64; export it again",
        "too-large" => "it is larger than the limit; raise --max-item-size to export it",
        "contradiction" => {
            "its response class and code contradict each other; export it again, alone"
        }
        "missing-data" => {
            "the response calls it a success, but has no Data; export it again, alone"
        }
        "empty-data" => {
            "the response calls it a success, but its Data is empty; export it again later"
        }
        "payload" => {
            "its payload is cut or damaged although the response calls it a success; \
             export it again later, alone"
        }
        "write" => "it could not be written here; see the error, then run again",
        _ => "export it again",
    }
}

fn of_refusal(disposition: Option<&str>) -> &'static str {
    match disposition {
        Some("permanent") => {
            "a new request does not help; check the id, its change key and the mailbox"
        }
        Some("auth") => "access denied; check the account, its rights and the impersonation",
        Some("throttled") => "the server is busy; export it again later",
        Some("version") => "the server does not support this version; try another --server-version",
        _ => "the problem may be temporary; export it again",
    }
}

/// Returns advice on a response that is not complete.
pub(crate) const fn of_response(response: ResponseOutcome) -> &'static str {
    match response {
        ResponseOutcome::Complete => "nothing",
        ResponseOutcome::Truncated => "export what is missing later, in smaller batches",
        ResponseOutcome::Cut => "export what is missing again; a server stops a batch after one minute, so make it smaller",
        ResponseOutcome::Fault => "see its code; nothing of this request was exported",
        ResponseOutcome::Malformed => "export what is missing again; if that repeats, look for a proxy that alters responses",
        ResponseOutcome::NotSoap => "check the URL and the credentials; a proxy or a login page may have answered",
        _ => "see the documentation of this response",
    }
}

/// Of a request without a usable response: what the options of this command can do about it. `None` where the
/// error says what to do, or where none of them can help.
pub(crate) fn of_failure(failure: &ClientError) -> Option<String> {
    match failure {
        ClientError::Transport(error) => of_transport(error),
        ClientError::Status(error) => of_status(error).map(str::to_owned),
        ClientError::Response(error) => of_broken(&error.answer.summary).map(str::to_owned),
        _ => None,
    }
}

/// Returns advice on a response that began as a SOAP message and is not complete.
fn of_broken(summary: &Summary) -> Option<&'static str> {
    Some(match summary.response {
        ResponseOutcome::Cut | ResponseOutcome::Truncated if summary.items > 1 => {
            "run the same command again to resume; a server works on a request for one minute at most, so \
             request fewer items at once with --batch-size if that repeats"
        }
        ResponseOutcome::Cut | ResponseOutcome::Truncated => "run the same command again to resume",
        ResponseOutcome::Malformed | ResponseOutcome::NotSoap => {
            "run the same command again to resume; if that repeats, look for a proxy that alters responses"
        }
        _ => return None,
    })
}

fn of_transport(error: &TransportError) -> Option<String> {
    let advice = match error {
        TransportError::Proxy { problem, .. } => match problem {
            ProxyProblem::Authentication { .. } => {
                "give the proxy's user and password by https_proxy=http://USER:PASSWORD@HOST:PORT"
            }
            ProxyProblem::Resolve(_) | ProxyProblem::Connect(_) | ProxyProblem::NotHttp => {
                "--proxy and the environment variables https_proxy and no_proxy say which proxy is used; \
                 if the server can be reached without one, give --proxy none"
            }
            _ => return None,
        },
        TransportError::Tls { problem, .. } => match problem {
            TlsProblem::UnknownAuthority => {
                "if your organisation has its own authority, give the certificate of that authority with --ca-file; \
                 for a self-signed certificate, give its SHA-256 with --trust-certificate"
            }
            TlsProblem::AuthorityAsServer => {
                "or trust only this certificate: give its SHA-256 with --trust-certificate"
            }
            TlsProblem::ClientCertificate => {
                "give a client certificate with --client-certificate and --client-key"
            }
            _ => return None,
        },
        TransportError::Timeout {
            phase: Phase::Read, ..
        } => "wait longer with --timeout, or request fewer items at once with --batch-size",
        TransportError::TooSlow { .. } => "run the same command again to resume",
        TransportError::Http(http) if http.offset > 0 && error.is_disconnect() => {
            "run the same command again to resume"
        }
        error if error.is_disconnect() => {
            "if this happens at once and each time, check whether the URL has to begin with https:// or \
             http://; otherwise run the same command again to resume"
        }
        TransportError::Http(_) => "a proxy may have damaged the response; look for one between this machine and the server",
        _ => return None,
    };
    Some(advice.to_owned())
}

fn of_status(error: &StatusError) -> Option<&'static str> {
    Some(match &error.kind {
        StatusKind::Unauthorized { schemes, sent } => {
            let offers = |scheme: &str| {
                schemes.is_empty()
                    || schemes
                        .iter()
                        .any(|offer| offer.eq_ignore_ascii_case(scheme))
            };
            let takes_user = ["Basic", "NTLM", "Negotiate"].into_iter().any(offers);
            match sent {
                SentCredentials::Nothing if takes_user && offers("Bearer") => {
                    "give --user, or an access token with --bearer-file, --bearer-env or --token-command"
                }
                SentCredentials::Nothing | SentCredentials::Bearer if takes_user && !offers("Bearer") => {
                    "give --user"
                }
                SentCredentials::Nothing if offers("Bearer") => {
                    "give an access token with --bearer-file, --bearer-env or --token-command"
                }
                SentCredentials::Basic if offers("Basic") => "check --user and its password",
                SentCredentials::Basic if takes_user => "leave --auth basic out",
                SentCredentials::Login { binding, .. } => match binding {
                    SentBinding::Sent => {
                        "check --user, as DOMAIN\\user or user@domain, and its password; if a proxy \
                         intentionally ends TLS, give --channel-binding off, unless the server requires Extended Protection"
                    }
                    SentBinding::Off => {
                        "check --user, as DOMAIN\\user or user@domain, and its password, or leave \
                         --channel-binding off out"
                    }
                    _ => "check --user, as DOMAIN\\user or user@domain, and its password",
                },
                SentCredentials::Ticket { binding: SentBinding::Sent } => {
                    "get a new ticket with kinit; if a proxy intentionally ends TLS, give --channel-binding off, \
                     unless the server requires Extended Protection"
                }
                SentCredentials::Ticket { .. } => "get a new ticket with kinit",
                SentCredentials::Withheld { schemes: own } if !own.iter().any(|scheme| offers(scheme)) => {
                    if offers("NTLM") || offers("Negotiate") {
                        "leave --auth out"
                    } else if offers("Bearer") {
                        "give an access token with --bearer-file, --bearer-env or --token-command instead of --user"
                    } else {
                        "give --auth basic if this server may have the password"
                    }
                }
                SentCredentials::Withheld { .. } if offers("Basic") => {
                    "give --auth basic if this server may have the password"
                }
                SentCredentials::Basic if offers("Bearer") => {
                    "give an access token with --bearer-file, --bearer-env or --token-command instead of --user"
                }
                // The token was in a variable, because a file would have been read again.
                SentCredentials::Bearer if offers("Bearer") => {
                    "a variable keeps its value while the command runs: for a token that expires during an \
                     export use --bearer-file, which is read again when the server refuses the token"
                }
                SentCredentials::SameBearer if offers("Bearer") => {
                    "write a new token to the file of --bearer-file, or have the command of --token-command request one, and \
                     run the same command again to resume"
                }
                _ => return None,
            }
        }
        StatusKind::TooLarge => "request fewer items at once with --batch-size",
        StatusKind::Throttled | StatusKind::Outage | StatusKind::Gateway => {
            "run the same command again later to resume"
        }
        _ => return None,
    })
}

/// Recognises a file that is not a response by its first bytes.
pub(crate) fn of_file(head: &[u8]) -> Option<&'static str> {
    let starts = |with: &[u8]| {
        head.get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    if starts(b"HTTP/") {
        Some("the file begins with HTTP headers; save the body alone (curl without -i)")
    } else if starts(&[0x1f, 0x8b]) {
        Some("the file is compressed; decompress it first (gzip -d)")
    } else if starts(&[0xff, 0xfe]) || starts(&[0xfe, 0xff]) {
        Some("the file is UTF-16; save the unchanged response, in UTF-8")
    } else if starts(b"<!doctype html") || starts(b"<html") {
        Some("the file is an HTML page, as proxies and login forms send it")
    } else {
        None
    }
}
