//! What goes wrong: the rules of a scenario.

use core::num::NonZeroU64;
use std::collections::BTreeMap;

use serde::Deserialize;

/// What the next requests meet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequestRule {
    /// How many requests meet it.
    #[serde(default = "once")]
    pub times: u32,
    /// The rule fits requests for more items than that.
    #[serde(default)]
    pub more_than: usize,
    /// What they are answered.
    #[serde(default)]
    pub answer: Answer,
    /// What follows the response on the connection, though no request asked for it.
    #[serde(default)]
    pub push: Option<Push>,
    /// Milliseconds between the response and that; a client may have sent its next request by then.
    #[serde(default)]
    pub push_after_ms: u64,
    /// Whether the server closes the connection after the response, without saying so in it.
    #[serde(default)]
    pub close: bool,
    /// Which `client-request-id` the response has.
    #[serde(default)]
    pub client_request_id: Echo,
}

fn once() -> u32 {
    1
}

/// The answer to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Answer {
    /// The requested items, with nothing wrong around them.
    #[default]
    Normal,
    /// The requested items, with something wrong around them.
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

/// Bytes that follow a response on its connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Push {
    /// The response once more.
    SecondResponse,
    /// `408 Request Timeout`, and then the end of the connection, as load balancers send it to a
    /// connection that they find idle.
    #[serde(rename = "late-408")]
    Late408,
    /// These bytes.
    Text(String),
}

/// Which `client-request-id` a response has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Echo {
    /// That of the request, if it says `return-client-request-id: true`.
    #[default]
    AsAsked,
    /// That of the request, in any case.
    Always,
    /// None.
    Never,
    /// One that no request has.
    Wrong,
}

/// What is wrong around the items of a response.
///
/// The messages are changed in this order: `omit`, `drop`, `repeat`, `order`, `insert`, `extra`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ItemsAnswer {
    /// Positions in the request, from 0, whose messages are left out.
    pub drop: Vec<usize>,
    /// Positions in the request whose messages are sent twice.
    pub repeat: Vec<usize>,
    /// The order of the messages.
    pub order: Order,
    /// Messages between the others that no request asked for.
    pub insert: Vec<Insert>,
    /// How many messages at the end are left out.
    pub omit: usize,
    /// How many whole items follow that were not requested.
    pub extra: usize,
    /// How the answered ids are spelled; by default as the item or the server says.
    pub answered_id: Option<AnsweredId>,
    /// Whether `=== Truncated Data ===` follows `</s:Envelope>`.
    pub marker_after_root: bool,
    /// What follows `</s:Envelope>`.
    pub after_root: Option<AfterRoot>,
    /// The `Content-Type`; an empty text leaves it out.
    pub content_type: Option<String>,
    /// A content coding that the request did not ask for.
    pub coding: Option<Coding>,
    /// The connection is cut after that many bytes of the body, counted before compression.
    pub cut_after: Option<u64>,
    /// The pace of this response, in bytes a second.
    pub bytes_per_second: Option<NonZeroU64>,
}

/// The order of the messages of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Order {
    /// That of the request.
    #[default]
    AsAsked,
    /// Last first.
    Reversed,
    /// The first message comes last.
    Rotated,
    /// Any other, the same for the same number.
    Shuffled(u64),
}

/// A message that no request asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Insert {
    /// The message in front of which it is, counted from 0 in the order that they are sent in; behind
    /// the last one when there are fewer.
    pub before: usize,
    /// What it is.
    pub message: Inserted,
}

/// What a message is that no request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inserted {
    /// An item that was not requested, whole, under its own id.
    OtherItem,
    /// A refusal: `ErrorItemNotFound`.
    Refusal,
    /// An `UploadItemsResponseMessage`.
    UploadItems,
}

/// How an answered `ItemId` is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredId {
    /// As in the request.
    AsAsked,
    /// In the other of the forms `AAMk` (plain) and `AQMk` (run-length encoded).
    Recoded,
    /// As an id of the same item that no client can trace to the requested one.
    Unknown,
    /// Not at all: the message has no `ItemId`.
    Omitted,
}

/// What follows the end of a document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum AfterRoot {
    /// A page of a load balancer.
    HtmlPage,
    /// NUL bytes up to a full block.
    Nuls,
    /// The byte that ended files in CP/M and DOS.
    CtrlZ,
    /// The same document once more.
    SecondResponse,
    /// This text.
    Text(String),
}

/// A content coding that the request did not ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coding {
    /// Compressed, and declared.
    Gzip,
    /// Compressed, and not declared.
    GzipUndeclared,
    /// zlib, and declared as `deflate`.
    Deflate,
    /// Declared as `identity`, which changes nothing.
    Identity,
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
    /// Headers, such as `Retry-After`, beside those of every response.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
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
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ItemRule {
    /// Its position in the request, from 0; any when absent.
    pub index: Option<usize>,
    /// The id asked for; any when absent.
    pub id: Option<String>,
    /// How often the rule is used; without end when absent.
    pub times: Option<u32>,
    /// Milliseconds of silence before the item, as servers delay what is over budget.
    pub delay_ms: u64,
    /// How the answered id is spelled; by default as the response or the server says.
    pub answered_id: Option<AnsweredId>,
    /// What the response has for it.
    pub answer: ItemAnswer,
}

/// What a response has for an item.
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
    /// An `UploadItemsResponseMessage` in place of the item's message.
    UploadItems,
    /// The whole request that names the item is answered so, as by a server that fails at the item;
    /// neither `Normal` nor `Items`.
    FailsRequest(Box<Answer>),
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
