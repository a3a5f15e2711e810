//! The scenario file: how the server looks and what goes wrong.

mod rules;

use core::fmt;
use core::num::NonZeroU64;
use std::path::Path;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;

use crate::id::{is_guid, DEFAULT_MAILBOX};
use crate::pages;

pub use rules::{
    AfterRoot, Answer, AnsweredId, Coding, CutPlace, Echo, ErrorAnswer, FaultAnswer, HttpAnswer,
    Insert, Inserted, ItemAnswer, ItemRule, ItemsAnswer, MarkerPlace, Order, Page, Position, Push,
    RequestRule, ResponseClass,
};

/// How the emulator looks and what goes wrong, as read from a TOML file.
///
/// The default is an Exchange 2016 that asks for no credentials and answers everything.
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
pub struct Scenario {
    /// Whose responses the answers look like.
    pub style: Style,
    /// The `ServerVersionInfo` of the answers; by default that of `style`.
    pub version: Option<ServerVersion>,
    /// How the length of a response is told.
    pub framing: Framing,
    /// Whether a response is compressed for a client that sends `Accept-Encoding: gzip`.
    pub gzip: bool,
    /// Whether an answered `ItemId` is spelled otherwise than the one asked for, as servers do.
    pub recode_ids: bool,
    /// The GUID of the mailbox; ids of another one are answered `ErrorNonExistentMailbox`.
    pub mailbox: String,
    /// The credentials asked for.
    pub auth: Auth,
    /// Whether the server speaks TLS, with a certificate made at its start.
    pub tls: bool,
    /// The pace of response bodies, in bytes a second; as fast as it goes when absent.
    pub bytes_per_second: Option<NonZeroU64>,
    /// What the first requests meet, in order: `[[request]]`.
    #[serde(rename = "request")]
    pub requests: Vec<RequestRule>,
    /// What items meet: `[[item]]`. The first rule that fits an item and is not used up counts.
    #[serde(rename = "item")]
    pub items: Vec<ItemRule>,
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
            bytes_per_second: None,
            requests: Vec::new(),
            items: Vec::new(),
        }
    }
}

/// The form of a response, by the server that was recorded with it.
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
    /// Microsoft's documents: indented, base64 in lines, `t:ServerVersionInfo`.
    #[serde(rename = "docs")]
    Docs,
}

/// The attributes of `ServerVersionInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerVersion {
    /// `MajorVersion`, `MinorVersion`, `MajorBuildNumber`, `MinorBuildNumber`.
    pub build: [u32; 4],
    /// `Version`, free text such as `V2017_07_11`.
    pub schema: String,
}

/// How the length of a response is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// `Transfer-Encoding: chunked`, as nearly all recorded responses.
    #[default]
    Chunked,
    /// `Content-Length`, as Exchange 2007 and some proxies; a compressed response stays chunked.
    ContentLength,
}

/// The credentials asked for; a request without them is answered 401.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Auth {
    /// None.
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
    /// NTLM, under its own name and under Negotiate; it authenticates a connection.
    Windows(WindowsAuth),
}

/// A login by NTLM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WindowsAuth {
    /// The user, as the client has to send it: `DOMAIN\user` or `user@domain`.
    pub user: String,
    /// The password.
    pub password: String,
    /// The schemes that are offered, in this order.
    #[serde(default = "both")]
    pub offers: Vec<WindowsScheme>,
    /// What becomes of logins without a channel binding, and with a wrong one.
    #[serde(default)]
    pub extended_protection: ExtendedProtection,
    /// The body of a 401.
    #[serde(default = "page_of_401")]
    pub body: String,
    /// Whether a 401 sets a cookie without which the next leg goes to another server, which knows nothing of
    /// the handshake.
    #[serde(default)]
    pub affinity: bool,
    /// Whether the server closes the connection after a 401, as a balancer may that does not know NTLM.
    #[serde(default)]
    pub close: bool,
}

/// A scheme that carries NTLM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowsScheme {
    /// `Negotiate`, with messages of NTLM that SPNEGO does not wrap.
    Negotiate,
    /// `NTLM`.
    Ntlm,
    /// `Negotiate` that takes Kerberos alone, so that a message of NTLM is not continued.
    Kerberos,
    /// `Basic`, which is offered and accepts nobody.
    Basic,
}

/// Extended Protection for Authentication of IIS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedProtection {
    /// Bindings are not looked at.
    #[default]
    None,
    /// A login without a binding is accepted, one with a wrong binding is not.
    Allow,
    /// Only a login with the right binding is accepted.
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
    /// When the text is no TOML, has an unknown field, or a value that cannot be.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(ScenarioError::Toml)?;
        scenario.validate()?;
        Ok(scenario)
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// As [`Scenario::from_toml`], and when the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScenarioError::Read(path.display().to_string(), error))?;
        Self::from_toml(&text)
    }

    /// What the types alone do not say.
    pub(crate) fn validate(&self) -> Result<(), ScenarioError> {
        let invalid = |at: String, wrong: &'static str| Err(ScenarioError::Invalid { at, wrong });
        if !is_guid(&self.mailbox) {
            return invalid("mailbox".to_owned(), "is not a GUID");
        }
        for (i, rule) in self.requests.iter().enumerate() {
            check(&format!("request {i}"), &rule.answer)?;
        }
        for (i, rule) in self.items.iter().enumerate() {
            if let ItemAnswer::FailsRequest(answer) = &rule.answer {
                if matches!(**answer, Answer::Normal | Answer::Items(_)) {
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

/// What the types of an answer alone do not say; `place` names it.
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
    /// The file, named by its path, cannot be read.
    Read(String, std::io::Error),
    /// The text does not say a scenario.
    Toml(toml::de::Error),
    /// A value cannot be.
    Invalid {
        /// Which one; rules are counted from 0.
        at: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, _) => write!(f, "cannot read the scenario {path}"),
            Self::Toml(_) => f.write_str("cannot understand the scenario"),
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
        assert_eq!(scenarios.len(), 7);
        for text in scenarios {
            if let Err(error) = Scenario::from_toml(text) {
                panic!("{error}");
            }
        }
    }
}
