//! The scenario file, which describes the server and its faults.
//!
//! The types of a scenario are deliberately exhaustive, so that tests can construct them.

mod mailbox;
mod rules;
mod uploads;

use core::fmt;
use core::num::NonZeroU64;
use std::path::Path;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;

use crate::id::{is_guid, DEFAULT_MAILBOX};
use crate::pages;

pub(crate) use mailbox::START;
pub use mailbox::{
    Change, ChangeRule, FolderRule, ItemRange, MailboxItem, MailboxRule, Throttling,
};
pub use rules::{
    AfterRoot, Answer, AnsweredId, Coding, CutPlace, Echo, ErrorAnswer, FaultAnswer, HttpAnswer,
    Insert, Inserted, ItemAnswer, ItemRule, ItemsAnswer, ListingFault, MarkerPlace, Order, Page,
    Position, Push, RequestRule, ResponseClass,
};
pub use uploads::{TooLarge, Uploads};

/// A description of the server and its faults, which can be read from a TOML file.
///
/// The default is an Exchange 2016 that requires no credentials and answers every request.
///
/// ```
/// use exportitems_emulator::Scenario;
///
/// let scenario = Scenario::from_toml(r#"
///     style = "online"
///     auth = { bearer = { token = "secret" } }
///
///     [[request]]
///     answer = { fault = { code = "ErrorServerBusy", back-off-ms = 700 } }
///
///     [[item]]
///     index = 2
///     times = 1
///     answer = { marker = { place = "in-data", at = 0.5 } }
/// "#)?;
/// assert_eq!(scenario.items[0].index, Some(2));
/// # Ok::<(), exportitems_emulator::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[allow(clippy::struct_excessive_bools)] // each is a setting of the server
pub struct Scenario {
    /// The server whose form the responses have.
    pub style: Style,
    /// The `ServerVersionInfo` of responses. The default is that of `style`.
    pub version: Option<ServerVersion>,
    /// How a response declares its length.
    pub framing: Framing,
    /// Whether a response is compressed for a client that sends `Accept-Encoding: gzip`.
    pub gzip: bool,
    /// Whether an answered `ItemId` has another spelling than the requested one, as on real servers.
    pub recode_ids: bool,
    /// The GUID of the mailbox. Ids of other mailboxes are answered with `ErrorNonExistentMailbox`.
    pub mailbox: String,
    /// The required credentials.
    pub auth: Auth,
    /// Whether the server uses TLS, with a certificate that is made when it starts.
    pub tls: bool,
    /// Whether the certificates have RSA keys, like those of most Exchange servers, instead of P-256.
    pub rsa: bool,
    /// A proxy in front of the server, at an address of its own.
    pub proxy: Option<ProxyRule>,
    /// The speed of response bodies in bytes per second. Without it, bodies are sent as fast as possible.
    pub bytes_per_second: Option<NonZeroU64>,
    /// The rules for the first requests, in order: `[[request]]`.
    #[serde(rename = "request")]
    pub requests: Vec<RequestRule>,
    /// The rules for items: `[[item]]`. The first rule that matches an item and is not used up applies.
    #[serde(rename = "item")]
    pub items: Vec<ItemRule>,
    /// The limits for each user.
    pub throttling: Throttling,
    /// What the server does with large requests and uploaded items.
    pub uploads: Uploads,
    /// The mailboxes: `[[mailboxes]]`. The first one is that of the user. Without any, every id of `mailbox` is an item.
    #[serde(rename = "mailboxes")]
    pub mailboxes: Vec<MailboxRule>,
    /// The changes of the mailboxes: `[[change]]`.
    #[serde(rename = "change")]
    pub changes: Vec<ChangeRule>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            style: Style::default(),
            version: None,
            framing: Framing::default(),
            gzip: true,
            recode_ids: true,
            mailbox: DEFAULT_MAILBOX.to_owned(),
            auth: Auth::default(),
            tls: false,
            rsa: false,
            proxy: None,
            bytes_per_second: None,
            requests: Vec::new(),
            items: Vec::new(),
            throttling: Throttling::default(),
            uploads: Uploads::default(),
            mailboxes: Vec::new(),
            changes: Vec::new(),
        }
    }
}

/// The form of a response, named after the recorded server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Style {
    /// Exchange 2010 SP2.
    #[serde(rename = "2010")]
    Exchange2010,
    /// Exchange 2016, 2019 and SE.
    #[default]
    #[serde(rename = "2016")]
    Exchange2016,
    /// Exchange Online.
    #[serde(rename = "online")]
    Online,
    /// Microsoft's documents: indented, with base64 in lines, and `t:ServerVersionInfo`.
    #[serde(rename = "docs")]
    Docs,
}

/// The attributes of `ServerVersionInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerVersion {
    /// `MajorVersion`, `MinorVersion`, `MajorBuildNumber`, `MinorBuildNumber`.
    pub build: [u32; 4],
    /// `Version`, any text such as `V2017_07_11`.
    pub schema: String,
}

/// How a response declares its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// `Transfer-Encoding: chunked`, as in nearly all recorded responses.
    #[default]
    Chunked,
    /// `Content-Length`, as from Exchange 2007 and some proxies. A compressed response is chunked nevertheless.
    ContentLength,
}

/// The required credentials. A request without them is answered with 401.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Auth {
    /// No credentials are required.
    #[default]
    None,
    /// HTTP Basic.
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: String,
    },
    /// An OAuth access token.
    Bearer {
        /// The token.
        token: String,
    },
    /// NTLM, under its own name or as Negotiate. It authenticates a connection.
    Windows(WindowsAuth),
}

/// An HTTP proxy. Its tunnels lead to the emulator for any host that is requested.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ProxyRule {
    /// The user that it wants by Basic; by default it wants none.
    pub user: Option<String>,
    /// The password.
    pub password: String,
    /// The scheme that its 407 names.
    #[serde(default = "basic")]
    pub scheme: String,
    /// The status that it answers a CONNECT with the right credentials, in place of a tunnel.
    pub status: Option<u16>,
}

fn basic() -> String {
    "Basic".to_owned()
}

/// A login by NTLM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WindowsAuth {
    /// The user in the form that the client must send: `DOMAIN\user` or `user@domain`.
    pub user: String,
    /// The password.
    pub password: String,
    /// The offered schemes, in order.
    #[serde(default = "both")]
    pub offers: Vec<WindowsScheme>,
    /// Whether logins without a channel binding, or with a wrong one, are accepted.
    #[serde(default)]
    pub extended_protection: ExtendedProtection,
    /// The body of a 401.
    #[serde(default = "page_of_401")]
    pub body: String,
    /// Whether a 401 sets a cookie without which the next message reaches another server, which does not know the
    /// handshake.
    #[serde(default)]
    pub affinity: bool,
    /// Whether the server closes the connection after a 401, like a load balancer that does not support NTLM.
    #[serde(default)]
    pub close: bool,
}

/// An authentication scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowsScheme {
    /// `Negotiate`, with NTLM messages without SPNEGO.
    Negotiate,
    /// `NTLM`.
    Ntlm,
    /// `Negotiate` that accepts only Kerberos, so an NTLM handshake is not continued.
    Kerberos,
    /// `Basic`, which is offered but accepts no one.
    Basic,
}

/// Extended Protection for Authentication of IIS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedProtection {
    /// Channel bindings are ignored.
    #[default]
    None,
    /// A login without a channel binding is accepted, but one with a wrong binding is refused.
    Allow,
    /// Only a login with the right channel binding is accepted.
    Require,
}

fn both() -> Vec<WindowsScheme> {
    vec![WindowsScheme::Negotiate, WindowsScheme::Ntlm]
}

fn page_of_401() -> String {
    pages::UNAUTHORIZED.to_owned()
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// If the text is not TOML, or has an unknown field or an invalid value.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(ScenarioError::Toml)?;
        scenario.validate()?;
        Ok(scenario)
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// Like [`Scenario::from_toml`], and if the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScenarioError::Read(path.display().to_string(), error))?;
        Self::from_toml(&text)
    }

    /// Checks the rules that the types do not express.
    pub(crate) fn validate(&self) -> Result<(), ScenarioError> {
        let invalid = |at: String, wrong: &'static str| Err(ScenarioError::Invalid { at, wrong });
        if !is_guid(&self.mailbox) {
            return invalid("mailbox".to_owned(), "is not a GUID");
        }
        mailbox::validate(&self.mailboxes)?;
        for (i, rule) in self.requests.iter().enumerate() {
            check(&format!("request {i}"), &rule.answer)?;
        }
        for (i, rule) in self.items.iter().enumerate() {
            if let ItemAnswer::FailsRequest(answer) = &rule.answer {
                if matches!(
                    **answer,
                    Answer::Normal | Answer::Items(_) | Answer::Listing(_)
                ) {
                    return invalid(format!("item {i}: fails-request"), "is not a failure");
                }
                check(&format!("item {i}"), answer)?;
            }
            let (ItemAnswer::Marker { at, .. }
            | ItemAnswer::SilentCut { at, .. }
            | ItemAnswer::HangUp { at }) = &rule.answer
            else {
                continue;
            };
            if matches!(at, Position::Fraction(share) if !(0.0..=1.0).contains(share)) {
                return invalid(format!("item {i}: at"), "is not within 0.0 and 1.0");
            }
        }
        Ok(())
    }
}

/// Checks the rules that the types of an answer do not express. `place` names the answer in errors.
fn check(place: &str, answer: &Answer) -> Result<(), ScenarioError> {
    let invalid = |at: String, wrong: &'static str| Err(ScenarioError::Invalid { at, wrong });
    let (status, headers) = match answer {
        Answer::Fault(fault) => (fault.status, Some(&fault.headers)),
        Answer::Http(http) => (http.status, Some(&http.headers)),
        Answer::Items(items) => {
            let kind = items.content_type.as_deref().unwrap_or_default();
            if HeaderValue::try_from(kind).is_err() {
                return invalid(format!("{place}: content-type"), "is not a header value");
            }
            (200, None)
        }
        _ => (200, None),
    };
    if StatusCode::from_u16(status).is_err() || status < 200 {
        return invalid(format!("{place}: status"), "is not 200 to 999");
    }
    for (name, value) in headers.into_iter().flatten() {
        if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
            return invalid(format!("{place}: header {name}"), "is not a header");
        }
    }
    Ok(())
}

/// A scenario cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The file with this path cannot be read.
    Read(String, std::io::Error),
    /// The text is not a valid scenario file.
    Toml(toml::de::Error),
    /// A value is not valid.
    Invalid {
        /// The place of the value. Rules are counted from 0.
        at: String,
        /// The error.
        wrong: &'static str,
    },
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, _) => write!(f, "cannot read the scenario {path}"),
            Self::Toml(_) => f.write_str("the scenario file is not valid"),
            Self::Invalid { at, wrong } => write!(f, "scenario: {at} {wrong}"),
        }
    }
}

impl core::error::Error for ScenarioError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read(_, error) => Some(error),
            Self::Toml(error) => Some(error),
            Self::Invalid { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_named() {
        for (text, says) in [
            ("stile = \"2010\"", "unknown field `stile`"),
            ("style = \"2003\"", "unknown variant `2003`"),
            ("mailbox = \"mine\"", "mailbox is not a GUID"),
            (
                "[[request]]\nanswer = { http = { status = 99 } }",
                "request 0: status",
            ),
            (
                "[[request]]\nanswer = { http = { status = 503, headers = { \"a b\" = \"1\" } } }",
                "header a b",
            ),
            (
                "[[item]]\nanswer = { hang-up = { at = 1.5 } }",
                "item 0: at",
            ),
            (
                "[[item]]\nanswer = { hang-up = { place = 1 } }",
                "unexpected keys in table: place",
            ),
            ("[[item]]\nanswer = \"half\"", "unknown variant `half`"),
            (
                "[[item]]\nanswer = { fails-request = \"normal\" }",
                "item 0: fails-request is not a failure",
            ),
            (
                "[[item]]\nanswer = { fails-request = { fault = { code = \"E\", status = 100 } } }",
                "item 0: status",
            ),
            (
                "[[request]]\nanswer = { items = { content-type = \"a\\nb\" } }",
                "request 0: content-type",
            ),
            (
                "[[request]]\npush = \"third-response\"",
                "unknown variant `third-response`",
            ),
        ] {
            let error = Scenario::from_toml(text).unwrap_err();
            let cause = core::error::Error::source(&error).map(ToString::to_string);
            let error = format!("{error}: {}", cause.unwrap_or_default());
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_position_is_a_count_or_a_share() {
        let rule = |at| {
            let text = format!("[[item]]\nanswer = {{ hang-up = {{ at = {at} }} }}");
            match Scenario::from_toml(&text).unwrap().items[0].answer {
                ItemAnswer::HangUp { at } => at.of(1_000),
                _ => unreachable!(),
            }
        };
        assert_eq!(
            [rule("1"), rule("1.0"), rule("0.25"), rule("5000")],
            [1, 1000, 250, 1000]
        );
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Scenario::from_toml("").unwrap(), Scenario::default());
    }

    #[test]
    fn the_scenarios_of_the_readme_are_scenarios() {
        let readme = include_str!("../../README.md");
        let scenarios = readme.split("```toml\n").skip(1);
        let scenarios: Vec<_> = scenarios
            .map(|rest| rest.split("```").next().unwrap())
            .collect();
        assert_eq!(scenarios.len(), 12);
        for text in scenarios {
            if let Err(error) = Scenario::from_toml(text) {
                panic!("{error}");
            }
        }
    }
}
