//! What goes wrong: the rules of a scenario.

use core::num::NonZeroU64;
use std::collections::BTreeMap;

use serde::Deserialize;

/// What the next requests meet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequestRule {
    /// How many requests in a row meet it.
    #[serde(default = "once")]
    pub times: u32,
    /// What they are answered.
    pub answer: Answer,
}

fn once() -> u32 {
    1
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Answer {
    /// The items asked for, with nothing wrong around them.
    Normal,
    /// The items asked for, with something wrong around them.
    Items(ItemsAnswer),
    /// A SOAP fault.
    Fault(FaultAnswer),
    /// A bare HTTP response.
    Http(HttpAnswer),
    /// A well-known page instead of SOAP.
    Page(Page),
    /// The connection ends without a response.
    HangUp,
}

/// What is wrong around the items of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ItemsAnswer {
    /// How many messages at the end are left out.
    pub omit: usize,
    /// How many messages nobody asked for follow.
    pub extra: usize,
    /// Whether `=== Truncated Data ===` follows `</s:Envelope>`.
    pub marker_after_root: bool,
    /// The connection is cut after that many bytes of the body, counted before compression.
    pub cut_after: Option<u64>,
    /// The pace of this response, in bytes a second.
    pub bytes_per_second: Option<NonZeroU64>,
}

/// A SOAP fault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FaultAnswer {
    /// `ResponseCode`, any text.
    pub code: String,
    /// The HTTP status; 500 by default, and some servers send 200.
    #[serde(default = "internal_server_error")]
    pub status: u16,
    /// `faultstring`; by default what Exchange says with that code.
    pub message: Option<String>,
    /// `BackOffMilliseconds` of `MessageXml`.
    pub back_off_ms: Option<u64>,
    /// `InnerErrorResponseCode` of `MessageXml`.
    pub inner_code: Option<String>,
}

fn internal_server_error() -> u16 {
    500
}

/// A bare HTTP response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Headers, such as `Retry-After`, beside those of every response.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body; HTML unless a header says otherwise.
    #[serde(default)]
    pub body: String,
}

/// A page that stands where SOAP should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Page {
    /// 500 with ASP.NET's `Server Error in '/EWS' Application.`
    ServerError,
    /// 302 to `/ews/genericerrorpage.htm`, a passing outage.
    GenericError,
}

/// What an item meets.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ItemRule {
    /// Its position in the request, from 0; any when absent.
    pub index: Option<usize>,
    /// The id asked for; any when absent.
    pub id: Option<String>,
    /// How often the rule is used; without end when absent.
    pub times: Option<u32>,
    /// Milliseconds of silence before the item, as servers delay what is over budget.
    #[serde(default)]
    pub delay_ms: u64,
    /// What stands in the response.
    #[serde(default)]
    pub answer: ItemAnswer,
}

/// What stands in the response for an item.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum ItemAnswer {
    /// The item, whole.
    #[default]
    Whole,
    /// A refusal. After a code that stops a batch, every later item is answered
    /// `ErrorBatchProcessingStopped`.
    Error(ErrorAnswer),
    /// `=== Truncated Data ===`.
    Marker {
        /// Where it stands.
        place: MarkerPlace,
        /// How much of the base64 text goes before it.
        #[serde(default = "half")]
        at: Position,
    },
    /// A payload that ends early, in otherwise perfect XML.
    SilentCut {
        /// Where the payload may end.
        place: CutPlace,
        /// How much of the payload there is, at least.
        #[serde(default = "half")]
        at: Position,
    },
    /// The connection ends inside the item.
    HangUp {
        /// How much of the base64 text goes before that.
        #[serde(default = "half")]
        at: Position,
    },
    /// `AA==`, which servers write when they do not really write the stream.
    Placeholder,
    /// `<m:Data></m:Data>`.
    EmptyData,
    /// Success without `Data`.
    NoData,
    /// The item, whole, its base64 in CDATA.
    Cdata,
    /// The item, whole, with a comment amid its base64.
    Comment,
}

/// A place within an item.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Position {
    /// A number of characters or bytes: an integer in the file.
    Count(u64),
    /// A share of the whole, 0 to 1: a float in the file.
    Fraction(f64),
}

fn half() -> Position {
    Position::Fraction(0.5)
}

impl Position {
    /// The place counted from the front of something `whole` long.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Count(count) => count.min(whole),
            // A size has 48 bits, a float's mantissa 53.
            Self::Fraction(fraction) => ((whole as f64 * fraction) as u64).min(whole),
        }
    }
}

/// Where the truncation marker stands. Microsoft says only that the response "ends with" it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkerPlace {
    /// In `Data`; the end tags follow and the batch goes on.
    InData,
    /// In `Data`, and the response ends there.
    InsteadOfEndTags,
    /// Behind the item's message, and the batch goes on.
    BetweenMessages,
}

/// Where a silently cut payload ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutPlace {
    /// Anywhere, so inside a record.
    InRecord,
    /// At the end of a `TransferBuffer`.
    BetweenRecords,
}

/// A refused item.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ErrorAnswer {
    /// `ResponseCode`, any text.
    pub code: String,
    /// `ResponseClass`; `Error` by default.
    #[serde(default)]
    pub class: ResponseClass,
    /// `MessageText`; by default what Exchange says with that code.
    pub message: Option<String>,
    /// `BackOffMilliseconds` of `MessageXml`.
    pub back_off_ms: Option<u64>,
    /// `InnerErrorResponseCode` of `MessageXml`.
    pub inner_code: Option<String>,
    /// `MailboxGuid` of `MessageXml`.
    pub mailbox_guid: Option<String>,
}

/// `ResponseClass`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseClass {
    /// `Success`
    Success,
    /// `Warning`
    Warning,
    /// `Error`
    #[default]
    Error,
}
