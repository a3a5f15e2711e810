//! `exportitems doctor`: checks each step that an export needs.

mod report;
mod rights;
mod token;

use exportitems::{ExchangeImpersonation, ItemId, Options, RequestHeaders};
use exportitems_std::client::{
    Certificate, ChannelBinding, ClientError, Credentials, Phase, SentBinding, SentCredentials,
    StatusKind, Step, TlsProblem, TokenClaims, TransportError,
};
use exportitems_std::{error_chain, Client};
use serde_json::{json, Value};

use crate::output::{Format, Output};
use crate::request::SoapOptions;
use crate::server::{build, ServerOptions};
use crate::status::{Failure, Status};
use report::{is_unauthorized, Report};
use rights::{Probe, NO_ITEM};

/// Checks whether an export would work: the server's name, the connection, the proxy, TLS, the login, and whether
/// ExportItems is allowed.
///
/// Each line is a step with its verdict, and the last line says what to do. No item is exported. The command logs in
/// once, so that no account is locked. The exit status is 0 if an export would work, and 3 if not.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
pub(crate) struct Doctor {
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    soap: SoapOptions,
    /// Check an export from this mailbox, given by its primary SMTP address: the check impersonates it and routes
    /// the request to it, as --impersonate PrimarySmtpAddress:ADDRESS and --anchor-mailbox ADDRESS do.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["impersonate", "anchor_mailbox"])]
    mailbox: Option<String>,
    /// If a login with a channel binding is refused, log in once more without it. That distinguishes a wrong
    /// password from a proxy that ends TLS. It is a second try, which counts for the lockout of the account.
    #[arg(long)]
    try_without_binding: bool,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Doctor, output: &mut Output) -> Result<Status, Failure> {
    let mut report = Report::new(output, Format::new(args.json));
    examine(args, &mut report)?;
    let would_work = report.finish();
    output.check()?;
    Ok(match would_work {
        true => Status::Exported,
        false => Status::Response,
    })
}

/// Performs the steps up to the first one that fails.
fn examine(args: &Doctor, report: &mut Report<'_>) -> Result<(), Failure> {
    let credentials = match args.server.credentials() {
        Ok(credentials) => credentials,
        Err(failure @ (Failure::Usage(_) | Failure::Interrupted)) => return Err(failure),
        Err(failure) => {
            let text = failure.message().unwrap_or_default();
            let (found, advice) = match text.split_once("; ") {
                Some((found, advice)) => (found, Some(advice.to_owned())),
                None => (text, None),
            };
            report.failed("credentials", found.to_owned(), advice, Value::Null);
            return Ok(());
        }
    };
    let claims = credentials.as_ref().and_then(Credentials::token_claims);
    let token = claims.as_ref().map(|claims| token(args, report, claims));

    let mut client = client(args, credentials.clone(), None)?;
    let mut chain = Vec::new();
    let offered = client.examine(&mut |step| connected(report, step, &mut chain));
    match offered {
        Ok(schemes) => offers(report, &schemes),
        Err(error) => {
            refused(report, &error, chain.first(), None, None);
            return Ok(());
        }
    }
    if matches!(token, Some(Token::Expired)) {
        return Ok(());
    }

    let doubt = match token {
        Some(Token::Doubtful(doubt)) => Some(doubt),
        _ => None,
    };
    let app_id = claims.as_ref().and_then(|claims| claims.app_id.as_deref());
    let mut probe = Probe::default();
    match request(args, &mut client, &mut probe) {
        Ok(()) => {}
        Err(error) => {
            refused(report, &error, chain.first(), app_id, doubt);
            if let Some(credentials) = credentials {
                if args.try_without_binding && was_bound(&error) {
                    try_without_binding(args, report, &credentials)?;
                }
            }
            return Ok(());
        }
    }
    accepted(report, &client, credentials.is_some());
    if let Some(version) = probe.server_version() {
        let found = format!("the server is Exchange {version}");
        report.ok("EWS", found, json!({ "server_version": version }));
    }
    let judgement = probe.judge(app_id);
    let facts = json!({ "code": judgement.code });
    match judgement.is_allowed {
        true => report.ok("ExportItems", judgement.found, facts),
        false => report.failed("ExportItems", judgement.found, judgement.advice, facts),
    }
    Ok(())
}

/// The judgement of an access token by its claims.
enum Token {
    Good,
    /// The server may refuse it, for this reason.
    Doubtful(String),
    Expired,
}

/// Reports the access token.
fn token(args: &Doctor, report: &mut Report<'_>, claims: &TokenClaims) -> Token {
    let (found, facts) = (claims.to_string(), token::facts(claims));
    let impersonates = args.mailbox.is_some() || args.soap.impersonates();
    if token::is_expired(claims) {
        let advice = "the access token has expired; request a new one".to_owned();
        report.failed("token", found, Some(advice), facts);
        return Token::Expired;
    }
    match token::doubt(claims, args.server.host(), impersonates) {
        Some(doubt) => {
            report.warning("token", found, doubt.clone(), facts);
            Token::Doubtful(doubt)
        }
        None => {
            report.ok("token", found, facts);
            Token::Good
        }
    }
}

/// Makes a client. `binding` replaces that of the options.
fn client(
    args: &Doctor,
    credentials: Option<Credentials>,
    binding: Option<ChannelBinding>,
) -> Result<Client, Failure> {
    let mut builder = args.server.builder(credentials)?;
    if let Some(mailbox) = &args.mailbox {
        builder = builder.anchor_mailbox(mailbox);
    }
    if let Some(binding) = binding {
        builder = builder.channel_binding(binding);
    }
    build(builder)
}

/// Requests an item that does not exist.
fn request(args: &Doctor, client: &mut Client, probe: &mut Probe) -> Result<(), ClientError> {
    let roles = args.soap.roles();
    let mut headers: RequestHeaders<'_> = args.soap.headers(&roles);
    if let Some(mailbox) = &args.mailbox {
        headers = headers.impersonation(ExchangeImpersonation::PrimarySmtpAddress(mailbox));
    }
    let items = [ItemId::new(NO_ITEM)];
    match client.export(&headers, &items, probe, Options::new()) {
        Ok(_) => Ok(()),
        // The fault explains more than the incomplete response.
        Err(ClientError::Response(error)) if error.answer.summary.fault.is_some() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reports a step of the connection.
///
/// The certificates are kept in `presented`, and reported when they are known to be trusted.
fn connected(report: &mut Report<'_>, step: Step, presented: &mut Vec<Certificate>) {
    match step {
        Step::Resolved { host, addresses } => {
            let addresses: Vec<_> = addresses.iter().map(|it| it.ip().to_string()).collect();
            let found = match addresses.contains(&host) {
                true => format!("{host} is an address"),
                false => format!("{host} has the addresses {}", addresses.join(", ")),
            };
            report.ok(
                "name",
                found,
                json!({ "host": host, "addresses": addresses }),
            );
        }
        Step::Connected { address } => {
            let found = format!("{address} accepts connections");
            report.ok("connection", found, json!({ "address": address }));
        }
        Step::Tunnel { proxy } => {
            let found = format!("{proxy} connects to the server");
            report.ok("proxy", found, json!({ "proxy": proxy }));
        }
        Step::Certificates(chain) => *presented = chain,
        Step::Secured {
            version,
            cipher_suite,
        } => {
            for (index, certificate) in presented.iter().enumerate() {
                let (step, found) = match index {
                    0 => ("certificate", format!("trusted: {certificate}")),
                    _ => (
                        "issuer",
                        format!("{}, issued by {}", certificate.subject, certificate.issuer),
                    ),
                };
                report.ok(step, found, of_certificate(certificate));
            }
            let version = version.replace("TLSv", "TLS ").replace('_', ".");
            report.ok(
                "TLS",
                format!("{version} with {cipher_suite}"),
                json!({ "version": version, "cipher_suite": cipher_suite }),
            );
        }
        _ => {}
    }
}

fn of_certificate(certificate: &Certificate) -> Value {
    json!({
        "sha256": certificate.fingerprint(),
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": certificate.names,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
    })
}

fn offers(report: &mut Report<'_>, schemes: &[String]) {
    let found = match schemes {
        [] => "the server requires no login".to_owned(),
        schemes => format!("the server offers {}", schemes.join(", ")),
    };
    report.ok("offers", found, json!({ "schemes": schemes }));
}

fn accepted(report: &mut Report<'_>, client: &Client, has_credentials: bool) {
    let found = match client.login() {
        _ if !has_credentials => return,
        None => "the credentials are accepted".to_owned(),
        Some((scheme @ ("Basic" | "Bearer"), _)) => format!("accepted by {scheme}"),
        Some((scheme, binding)) => format!(
            "accepted by {scheme}, {}",
            match binding {
                SentBinding::Sent => "bound to the server's certificate",
                SentBinding::Off => "not bound to the server's certificate, as the options say",
                SentBinding::NoTls => "not bound to a certificate, because there is no TLS",
                _ => "not bound to the server's certificate, whose signature defines no hash",
            }
        ),
    };
    let scheme = client.login().map(|(scheme, _)| scheme);
    report.ok("login", found, json!({ "scheme": scheme }));
}

/// Reports the error that ended the steps.
fn refused(
    report: &mut Report<'_>,
    error: &ClientError,
    certificate: Option<&Certificate>,
    app_id: Option<&str>,
    doubt: Option<String>,
) {
    let more = match error {
        ClientError::Transport(TransportError::Tls {
            problem: TlsProblem::UnknownAuthority | TlsProblem::AuthorityAsServer,
            ..
        }) => certificate.map(|certificate| {
            format!(
                "compare the SHA-256 with that of the server's certificate, and find out who \u{201c}{}\u{201d} is, because a \
                 proxy that inspects TLS sends its own certificate",
                certificate.issuer
            )
        }),
        _ if was_bound(error) => certificate.map(|certificate| {
            format!(
                "the certificate of this connection was issued by \u{201c}{}\u{201d}; if that is not the authority of \
                 your server, a proxy ends TLS",
                certificate.issuer
            )
        }),
        ClientError::Status(status) if status.kind == StatusKind::Forbidden => {
            Some(rights::blocked(app_id))
        }
        _ if is_unauthorized(error) => doubt,
        _ => None,
    };
    let step = step_of(error);
    let (seen, facts) = match certificate {
        Some(certificate) if step == "certificate" => {
            (Some(certificate.to_string()), of_certificate(certificate))
        }
        _ => (None, Value::Null),
    };
    report.error(step, error, seen, more, facts);
}

/// Returns the step that an error belongs to.
fn step_of(error: &ClientError) -> &'static str {
    match error {
        ClientError::Transport(error) => match error {
            TransportError::Resolve { .. } => "name",
            TransportError::Connect { .. }
            | TransportError::Timeout {
                phase: Phase::Connect,
                ..
            } => "connection",
            TransportError::Proxy { .. } => "proxy",
            TransportError::Tls {
                problem:
                    TlsProblem::UnknownAuthority
                    | TlsProblem::OtherCertificate { .. }
                    | TlsProblem::WrongName { .. }
                    | TlsProblem::Expired { .. }
                    | TlsProblem::NotYetValid { .. }
                    | TlsProblem::AuthorityAsServer
                    | TlsProblem::BadCertificate,
                ..
            } => "certificate",
            TransportError::Tls { .. }
            | TransportError::Timeout {
                phase: Phase::Handshake,
                ..
            } => "TLS",
            _ => "HTTP",
        },
        ClientError::Auth(_) => "login",
        ClientError::Status(error) => match error.kind {
            StatusKind::Unauthorized { .. } | StatusKind::Locked => "login",
            _ => "EWS",
        },
        _ => "EWS",
    }
}

/// Returns whether a login that was bound to a certificate was refused.
fn was_bound(error: &ClientError) -> bool {
    let ClientError::Status(error) = error else {
        return false;
    };
    matches!(
        &error.kind,
        StatusKind::Unauthorized {
            sent: SentCredentials::Login {
                binding: SentBinding::Sent,
                ..
            },
            ..
        }
    )
}

/// Logs in once more, without a channel binding.
fn try_without_binding(
    args: &Doctor,
    report: &mut Report<'_>,
    credentials: &Credentials,
) -> Result<(), Failure> {
    let credentials = credentials.after_refusal();
    let mut client = client(args, Some(credentials), Some(ChannelBinding::Off))?;
    let facts = |accepted: bool| json!({ "accepted": accepted });
    match request(args, &mut client, &mut Probe::default()) {
        Ok(()) => report.warning(
            "no binding",
            "the login is accepted without a channel binding, so user and password are right".to_owned(),
            "a proxy or balancer ends TLS with another certificate than the server's: give --channel-binding off if it \
             is meant to, else remove it from the way"
                .to_owned(),
            facts(true),
        ),
        Err(error) if is_unauthorized(&error) => report.warning(
            "no binding",
            "the login is refused without a channel binding too".to_owned(),
            "user or password are wrong, or the server requires the binding and a proxy ends TLS".to_owned(),
            facts(false),
        ),
        Err(error) => report.warning(
            "no binding",
            error_chain(&error),
            "the second login has no result".to_owned(),
            facts(false),
        ),
    }
    Ok(())
}
