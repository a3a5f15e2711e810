//! The rules of a scenario, which describe faults.

use core::num::NonZeroU64;
use std::collections::BTreeMap;

use serde::Deserialize;

/// A rule for the next requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequestRule {
    /// The number of requests to which the rule applies.
    #[serde(default = "once")]
    pub times: u32,
    /// The rule applies only to requests for this operation, such as `FindItem`.
    #[serde(default)]
    pub operation: Option<String>,
    /// The rule applies only to requests for more items than this.
    #[serde(default)]
    pub more_than: usize,
    /// The answer to these requests.
    #[serde(default)]
    pub answer: Answer,
    /// Bytes that follow the response on the connection, although they were not requested.
    #[serde(default)]
    pub push: Option<Push>,
    /// Milliseconds between the response and these bytes. The client may send its next request meanwhile.
    #[serde(default)]
    pub push_after_ms: u64,
    /// Whether the server closes the connection after the response, without announcing it.
    #[serde(default)]
    pub close: bool,
    /// The `client-request-id` of the response.
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
    /// The requested items, without faults.
    #[default]
    Normal,
    /// The requested items, with faults of the whole response.
    Items(ItemsAnswer),
    /// A fault in a list. It has no effect on `ExportItems`.
    Listing(ListingFault),
    /// A SOAP fault.
    Fault(FaultAnswer),
    /// A bare HTTP response.
    Http(HttpAnswer),
    /// A well-known page instead of SOAP.
    Page(Page),
    /// The connection ends without a response, before the request is processed.
    HangUp,
    /// The request is processed, and the connection ends without a response.
    HangUpAfter,
}

/// A fault in the answer of an operation that lists a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum ListingFault {
    /// A refusal of the folder.
    Error(ErrorAnswer),
    /// `IndexedPagingOffset` is missing, and the page is not the last one.
    NoOffset,
    /// `IndexedPagingOffset` is 0, and the page is empty, but not the last one.
    ZeroOffset,
    /// `IndexedPagingOffset` is that of the request, and the page is not the last one.
    SameOffset,
    /// `SyncState` is that of the request, there are no changes, and they are not the last ones.
    SameState,
    /// The last entry of a page, or all changes, occur twice.
    RepeatEntry,
    /// Booleans are written as 1 and 0.
    NumericBooleans,
}

/// Bytes that follow a response on its connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Push {
    /// The same response again.
    SecondResponse,
    /// `408 Request Timeout` and then the end of the connection, which load balancers send on idle connections.
    #[serde(rename = "late-408")]
    Late408,
    /// These bytes.
    Text(String),
}

/// The `client-request-id` of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Echo {
    /// That of the request, if it has `return-client-request-id: true`.
    #[default]
    AsAsked,
    /// That of the request, always.
    Always,
    /// The response has none.
    Never,
    /// An id that no request has.
    Wrong,
}

/// Faults of a whole response.
///
/// The messages are changed in this order: `omit`, `drop`, `repeat`, `order`, `insert`, `extra`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ItemsAnswer {
    /// The positions in the request, from 0, whose messages are omitted.
    pub drop: Vec<usize>,
    /// The positions in the request whose messages are sent twice.
    pub repeat: Vec<usize>,
    /// The order of the messages.
    pub order: Order,
    /// Messages that were not requested, between the others.
    pub insert: Vec<Insert>,
    /// The number of messages that are omitted at the end.
    pub omit: usize,
    /// The number of additional whole items that were not requested.
    pub extra: usize,
    /// The form of answered ids. The default is that of the item's rule or of the server.
    pub answered_id: Option<AnsweredId>,
    /// Whether `=== Truncated Data ===` follows `</s:Envelope>`.
    pub marker_after_root: bool,
    /// Bytes after `</s:Envelope>`.
    pub after_root: Option<AfterRoot>,
    /// The `Content-Type`. An empty text omits it.
    pub content_type: Option<String>,
    /// A content coding that was not requested.
    pub coding: Option<Coding>,
    /// The number of bytes of the body, before compression, after which the connection is cut.
    pub cut_after: Option<u64>,
    /// The speed of this response in bytes per second.
    pub bytes_per_second: Option<NonZeroU64>,
}

/// The order of the messages of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Order {
    /// The order of the request.
    #[default]
    AsAsked,
    /// The reversed order.
    Reversed,
    /// The first message is moved to the end.
    Rotated,
    /// A random order, which depends only on this seed.
    Shuffled(u64),
}

/// A message that was not requested.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Insert {
    /// The position of the message before which it is inserted, from 0 in the sending order. If there are fewer messages,
    /// it is inserted at the end.
    pub before: usize,
    /// The kind of message.
    pub message: Inserted,
}

/// The kind of a message that was not requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inserted {
    /// A whole item that was not requested, with its own id.
    OtherItem,
    /// A refusal: `ErrorItemNotFound`.
    Refusal,
    /// An `UploadItemsResponseMessage`.
    UploadItems,
}

/// The form of an answered `ItemId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredId {
    /// As in the request.
    AsAsked,
    /// In the other spelling: `AAMk` (plain) or `AQMk` (run-length encoded).
    Recoded,
    /// Another id of the same item, which a client cannot match with the requested id.
    Unknown,
    /// The message has no `ItemId`.
    Omitted,
}

/// Bytes after the end of a document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum AfterRoot {
    /// A page of a load balancer.
    HtmlPage,
    /// NUL bytes up to a full block.
    Nuls,
    /// The byte that ended files in CP/M and DOS.
    CtrlZ,
    /// The same document again.
    SecondResponse,
    /// This text.
    Text(String),
}

/// A content coding that was not requested.
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
    /// The `ResponseCode`, which can be any text.
    pub code: String,
    /// The HTTP status. The default is 500, and some servers send 200.
    #[serde(default = "internal_server_error")]
    pub status: u16,
    /// The `faultstring`. The default is Exchange's message for the code.
    pub message: Option<String>,
    /// `BackOffMilliseconds` of `MessageXml`.
    pub back_off_ms: Option<u64>,
    /// `InnerErrorResponseCode` of `MessageXml`.
    pub inner_code: Option<String>,
    /// Additional headers, such as `Retry-After`.
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
    /// Additional headers, such as `Retry-After`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, which is HTML unless a header says otherwise.
    #[serde(default)]
    pub body: String,
}

/// A page instead of a SOAP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Page {
    /// 500 with ASP.NET's `Server Error in '/EWS' Application.`
    ServerError,
    /// 302 to `/ews/genericerrorpage.htm`, a temporary outage.
    GenericError,
}

/// A rule for items.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ItemRule {
    /// The position in the request, from 0. Without it, the rule applies to any position.
    pub index: Option<usize>,
    /// The requested id. Without it, the rule applies to any id.
    pub id: Option<String>,
    /// The number of times that the rule is used. Without it, the rule is never used up.
    pub times: Option<u32>,
    /// The pause before the item in milliseconds, like that of a server that throttles a client.
    pub delay_ms: u64,
    /// The form of the answered id. The default is that of the response or the server.
    pub answered_id: Option<AnsweredId>,
    /// The answer for the item.
    pub answer: ItemAnswer,
}

/// The answer for an item.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum ItemAnswer {
    /// The whole item.
    #[default]
    Whole,
    /// A refusal. After a code that stops a batch, all later items are answered with `ErrorBatchProcessingStopped`.
    Error(ErrorAnswer),
    /// `=== Truncated Data ===`.
    Marker {
        /// The place of the marker.
        place: MarkerPlace,
        /// The length of the base64 text before the marker.
        #[serde(default = "half")]
        at: Position,
    },
    /// A payload that ends early, in correct XML.
    SilentCut {
        /// The kind of place at which the payload ends.
        place: CutPlace,
        /// The minimum length of the payload.
        #[serde(default = "half")]
        at: Position,
    },
    /// The connection ends inside the item.
    HangUp {
        /// The length of the base64 text before the end.
        #[serde(default = "half")]
        at: Position,
    },
    /// `AA==`, which servers write instead of the stream in some cases.
    Placeholder,
    /// `<m:Data></m:Data>`.
    EmptyData,
    /// Success without `Data`.
    NoData,
    /// The whole item, with its base64 in CDATA.
    Cdata,
    /// The whole item, with a comment inside its base64.
    Comment,
    /// An `UploadItemsResponseMessage` in place of the item's message.
    UploadItems,
    /// The answer to the whole request that contains the item, like that of a server that fails because of the item.
    /// `Normal` and `Items` are not allowed.
    FailsRequest(Box<Answer>),
}

/// A place within an item.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Position {
    /// A number of characters or bytes, an integer in the file.
    Count(u64),
    /// A share of the whole from 0 to 1, a float in the file.
    Fraction(f64),
}

fn half() -> Position {
    Position::Fraction(0.5)
}

impl Position {
    /// Returns the offset in something of the length `whole`.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Count(count) => count.min(whole),
            // A size has 48 bits, and the mantissa of a float has 53, so nothing is lost.
            Self::Fraction(fraction) => ((whole as f64 * fraction) as u64).min(whole),
        }
    }
}

/// The place of the truncation marker. Microsoft's page says only that the response "ends with" it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkerPlace {
    /// In `Data`. The end tags and the other items follow.
    InData,
    /// In `Data`. The response ends there.
    InsteadOfEndTags,
    /// After the item's message. The other items follow.
    BetweenMessages,
}

/// The place at which a silently cut payload ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutPlace {
    /// Anywhere, so usually inside a record.
    InRecord,
    /// At the end of a `TransferBuffer`.
    BetweenRecords,
}

/// A refused item.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ErrorAnswer {
    /// The `ResponseCode`, which can be any text.
    pub code: String,
    /// The `ResponseClass`. The default is `Error`.
    #[serde(default)]
    pub class: ResponseClass,
    /// The `MessageText`. The default is Exchange's message for the code.
    pub message: Option<String>,
    /// `BackOffMilliseconds` of `MessageXml`.
    pub back_off_ms: Option<u64>,
    /// `InnerErrorResponseCode` of `MessageXml`.
    pub inner_code: Option<String>,
    /// `MailboxGuid` of `MessageXml`.
    pub mailbox_guid: Option<String>,
}

impl ErrorAnswer {
    /// Returns a refusal with this code, and without details.
    pub(crate) fn of(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            class: ResponseClass::Error,
            message: None,
            back_off_ms: None,
            inner_code: None,
            mailbox_guid: None,
        }
    }
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
