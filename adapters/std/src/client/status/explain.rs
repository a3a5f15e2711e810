//! The texts of errors for responses that are not SOAP.

use core::fmt;

use super::{SentBinding, SentCredentials, StatusError, StatusKind};
use crate::client::seconds;

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(content_type) = &self.content_type {
            write!(f, " ({content_type})")?;
        }
        if let Some(line) = &self.line {
            write!(f, " \u{201c}{line}\u{201d}")?;
        }
        f.write_str(": ")?;
        self.explain(f)?;
        write!(f, " ({})", self.diagnostics)
    }
}

impl StatusError {
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.kind {
            StatusKind::Outage => "the server is out of order; try again later",
            StatusKind::Redirect => match &self.location {
                Some(location) => {
                    return write!(
                        f,
                        "the server redirects to {location}; use that URL if you trust it"
                    )
                }
                None => {
                    "the server redirects without a Location; \
                     check the URL, whose path is /EWS/Exchange.asmx as a rule"
                }
            },
            StatusKind::Unauthorized { schemes, sent } => return unauthorized(f, schemes, sent),
            StatusKind::LoginPage => {
                if let Some(location) = &self.location {
                    write!(f, "redirected to {location}: ")?;
                }
                "a sign-in page answered instead of EWS; use a URL that leads to Exchange without it, or configure the \
                 gateway to let /EWS pass"
            }
            StatusKind::Forbidden => {
                "access denied; check that EWS is enabled for this mailbox, application and tenant"
            }
            StatusKind::NotFound => {
                "EWS is not at this URL; its path is /EWS/Exchange.asmx as a rule"
            }
            StatusKind::ProxyAuthentication => {
                "a proxy requires credentials; configure it as the proxy of this client, with its user and password"
            }
            StatusKind::RequestTimeout => "the request did not reach the server in time",
            StatusKind::Locked => "the account is locked; unlock it first",
            StatusKind::Throttled => match self.retry_after {
                Some(wait) => return write!(f, "the server is busy for {}", seconds(wait)),
                None => "the server is busy; try again later",
            },
            StatusKind::TooLarge => {
                "the request is too large for the server; request fewer items at a time"
            }
            StatusKind::Gateway => "a gateway received no response from the server",
            StatusKind::ContentEncoding { coding } => {
                return write!(
                    f,
                    "the body is encoded as {coding}, although the request accepts no encoding; \
                     turn compression off in the proxy or server that adds it"
                )
            }
            StatusKind::Empty => {
                "the response is empty, which EWS never sends; \
                 check that the URL ends in /EWS/Exchange.asmx, and what answers there"
            }
            StatusKind::Page => {
                "a web page answered instead of EWS; check that the URL ends in /EWS/Exchange.asmx, \
                 and what answers there"
            }
            StatusKind::Other => match self.status {
                500..=599 => {
                    "the server or a proxy failed without a response from EWS; look into their logs"
                }
                400..=499 => {
                    "the server or a proxy refused the request without a response from EWS; \
                     check the URL, whose path is /EWS/Exchange.asmx as a rule"
                }
                _ => {
                    "the response is not from EWS; check the URL, whose path is /EWS/Exchange.asmx as a rule"
                }
            },
        };
        f.write_str(text)
    }
}

/// Explains a 401: what the server offers, what was sent, and what this client supports.
fn unauthorized(
    f: &mut fmt::Formatter<'_>,
    schemes: &[String],
    sent: &SentCredentials,
) -> fmt::Result {
    let offers = |scheme: &str| {
        schemes
            .iter()
            .any(|offer| offer.eq_ignore_ascii_case(scheme))
    };
    let offered = match schemes {
        [] => "the server does not say which authentication it accepts".to_owned(),
        schemes => format!("the server offers {}", schemes.join(", ")),
    };
    let supported = ["NTLM", "Negotiate", "Bearer", "Basic"];
    if !schemes.is_empty() && !supported.into_iter().any(offers) {
        return write!(
            f,
            "{offered}, and this client supports NTLM, Negotiate, Bearer and Basic; \
             enable one of them for EWS on the server"
        );
    }
    match sent {
        SentCredentials::Login { scheme, binding } => refused_login(f, scheme, *binding, &offered),
        SentCredentials::Ticket { binding } => {
            f.write_str(
                "the login by Negotiate with a Kerberos ticket was refused; the service principal name of the server \
                 belongs to another account, or the user may not sign in, or ",
            )?;
            wrong_binding(f, *binding, &offered)
        }
        SentCredentials::Withheld { schemes: own } => {
            let own_names = own.join(" or ");
            if own.iter().any(|scheme| offers(scheme)) {
                return write!(
                    f,
                    "{offered}, and a login by {own_names} did not begin; the server may require a Kerberos ticket; use \
                     one if this client is built with Kerberos, or enable NTLM for EWS on the server"
                );
            }
            write!(
                f,
                "{offered}; the login was to be by {own_names}, so the credentials were not sent"
            )?;
            match offers("Basic") {
                true => f.write_str(", because Basic sends the password and must be chosen explicitly"),
                false => Ok(()),
            }
        }
        SentCredentials::Nothing => write!(f, "credentials are needed; {offered}"),
        SentCredentials::Basic if schemes.is_empty() || offers("Basic") => write!(
            f,
            "the user or the password is wrong, or the account may not sign in; {offered}"
        ),
        SentCredentials::Basic => write!(
            f,
            "user and password were sent, and {offered}; use an access token"
        ),
        SentCredentials::Bearer
        | SentCredentials::SameBearer
        | SentCredentials::NoNewBearer { .. }
            if !schemes.is_empty() && !offers("Bearer") =>
        {
            write!(
                f,
                "an access token was sent, and {offered}; use user and password"
            )
        }
        SentCredentials::Bearer => write!(
            f,
            "the access token was refused, because it has expired or is not for this server; {offered}"
        ),
        SentCredentials::SameBearer => write!(
            f,
            "the access token was refused, because it has expired or is not for this server, and there is no \
             new one; {offered}"
        ),
        SentCredentials::NoNewBearer { reason } => write!(
            f,
            "the access token was refused, and a new one cannot be read: {reason}; {offered}"
        ),
    }
}

/// Explains a refused login. A wrong password and a wrong binding cannot be distinguished, so both are named.
fn refused_login(
    f: &mut fmt::Formatter<'_>,
    scheme: &str,
    binding: SentBinding,
    offered: &str,
) -> fmt::Result {
    write!(
        f,
        "the login by {scheme} was refused; the user or the password is wrong, or the account is locked or may \
         not sign in, or "
    )?;
    wrong_binding(f, binding, offered)
}

/// Explains why the server may refuse a login for its binding, and what it offers.
fn wrong_binding(f: &mut fmt::Formatter<'_>, binding: SentBinding, offered: &str) -> fmt::Result {
    f.write_str(match binding {
        SentBinding::Sent => {
            "the channel binding does not match, because a proxy or load balancer ends TLS with \
             another certificate than the server's"
        }
        SentBinding::Off => {
            "the server requires a channel binding (Extended Protection), which is turned off here"
        }
        SentBinding::NoTls => {
            "the server requires a channel binding (Extended Protection), which needs https"
        }
        SentBinding::Undefined => {
            "the server requires a channel binding (Extended Protection), which the signature of its \
             certificate does not define; use a certificate that is signed with RSA or ECDSA"
        }
    })?;
    write!(f, "; {offered}")
}
