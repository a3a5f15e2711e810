//! The outcome of an item, and of the response as a whole.

use core::fmt;

use super::error::Error;
use crate::ews::code::ResponseCode;
use crate::payload::Verdict;

/// The `ResponseClass` attribute of a response message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ResponseClass {
    /// The request was processed.
    Success,
    /// The request was not processed, but another attempt may succeed.
    Warning,
    /// The request cannot be fulfilled.
    Error,
}

impl ResponseClass {
    /// The text on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Warning => "Warning",
            Self::Error => "Error",
        }
    }
}

/// Why an item was not exported.
///
/// Where several apply at once the outcome names the first in the order of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ItemError {
    /// A message beyond the number of requested items. Each has an outcome, of a few bytes and without data;
    /// a caller who keeps something for each item keeps nothing for these, since a server may send any number of them:
    /// [`Summary::messages`] counts them.
    Unrequested,
    /// Requested, but the response has no message for it.
    NotAnswered,
    /// The server answered `Error`, or `Warning` without data.
    Refused,
    /// The server gave up while it wrote this item: `=== Truncated Data ===`.
    Truncated,
    /// The XML broke inside this item, or before anything followed it.
    Malformed,
    /// The input ended inside this item, or before anything followed it.
    Cut,
    /// The message holds more than one `Data` element.
    Duplicate,
    /// `Data` is not strict base64.
    Base64,
    /// More decoded bytes than the limit allows.
    TooLarge,
    /// The message contradicts itself or the request: `Success` with an error code, `Error` with `NoError`,
    /// `Warning` with data, no class at all; an attribute or `ItemId` that is there twice; a message of another
    /// operation in the item's place; the id of another item ([`IdMatch::Other`]).
    Contradiction,
    /// A success without a `Data` element.
    MissingData,
    /// A success with nothing inside `Data`.
    EmptyData,
    /// The payload is not whole, and [`Options::integrity`](crate::Options::integrity) does not allow that.
    Payload,
    /// The sink refused the item.
    Write,
}

impl ItemError {
    /// The name in the command's JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unrequested => "unrequested",
            Self::NotAnswered => "not-answered",
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Cut => "cut",
            Self::Duplicate => "duplicate",
            Self::Base64 => "base64",
            Self::TooLarge => "too-large",
            Self::Contradiction => "contradiction",
            Self::MissingData => "missing-data",
            Self::EmptyData => "empty-data",
            Self::Payload => "payload",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an answered `ItemId` compares with the id that was requested at the same position.
///
/// A decoder holds no ids, so the sink ([`Sink::compare_id`](crate::Sink::compare_id)) or, in pull, the caller
/// ([`Decoder::compare_id`](crate::Decoder::compare_id)) compares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum IdMatch {
    /// It is the requested id.
    Same,
    /// It is the id of another item: the outcome is [`ItemError::Contradiction`].
    Other,
    /// It was not compared, the message has no id, or the server encodes ids anew and it cannot be compared.
    #[default]
    Unknown,
}

/// The result of an item: committed or aborted, exactly once for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Outcome {
    /// Position of the item in the request and of its message in the response, from 0.
    ///
    /// Position is the key between the two, since the `ItemId` of a response is encoded anew and
    /// may differ from the requested one. Whether the positions are right is certain only at the end of the response:
    /// [`Summary::confirms`].
    pub index: u32,
    /// `ResponseClass`, if the message had one of the three that exist.
    pub class: Option<ResponseClass>,
    /// `ResponseCode`, if the message had one.
    pub code: Option<ResponseCode>,
    /// `InnerErrorResponseCode`, which `ErrorInternalServerError` wraps, if the message had one.
    pub inner_code: Option<ResponseCode>,
    /// `BackOffMilliseconds` of the message, if it had one.
    pub back_off_ms: Option<u32>,
    /// Decoded bytes of `Data`, up to the limits. All of them were handed out, unless the
    /// item failed with [`ItemError::Write`].
    pub bytes: u64,
    /// The verdict on the payload, if all of its data was handed out and checked.
    pub integrity: Option<Verdict>,
    /// `None`: the item is complete and every check passed, commit it. `Some`: discard it.
    pub error: Option<ItemError>,
    /// Offset in the response, in bytes, where the error was noticed; without an error, where the
    /// item's message ended.
    pub offset: u64,
    /// How the answered `ItemId` compares with the requested one.
    pub id_match: IdMatch,
    /// Some text of this message was not legal XML or not UTF-8, and was replaced by U+FFFD.
    pub text_replaced: bool,
}

impl Outcome {
    /// The outcome of an item that has no message because there was no response.
    pub(crate) const fn not_answered(index: u32) -> Self {
        Self {
            index,
            class: None,
            code: None,
            inner_code: None,
            back_off_ms: None,
            bytes: 0,
            integrity: None,
            error: Some(ItemError::NotAnswered),
            offset: 0,
            id_match: IdMatch::Unknown,
            text_replaced: false,
        }
    }
}

/// How the response as a whole ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ResponseOutcome {
    /// A complete document that answers the request.
    Complete,
    /// The server announced that it gave up: `=== Truncated Data ===`.
    Truncated,
    /// The input ended before the document did.
    Cut,
    /// A SOAP fault.
    Fault,
    /// Broken XML, or XML that a SOAP message must not contain.
    Malformed,
    /// Not a SOAP response of the operation.
    NotSoap,
}

impl ResponseOutcome {
    /// The name in the command's JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Truncated => "truncated",
            Self::Cut => "cut",
            Self::Fault => "fault",
            Self::Malformed => "malformed",
            Self::NotSoap => "not-soap",
        }
    }
}

impl fmt::Display for ResponseOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Counts of a response, once it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Summary {
    /// Items that had an outcome: one for each requested item, where [`Options::items`](crate::Options::items) says how many.
    pub items: u32,
    /// Items that were committed.
    pub ok: u32,
    /// Items that were not committed.
    pub failed: u32,
    /// Committed items that the end of the response does not [confirm](Self::confirms): request each of them
    /// again, alone.
    pub suspect: u32,
    /// Response messages that were received, of any name.
    pub messages: u32,
    /// Response messages that were expected: the number of requested items, where the decoder knows it.
    pub expected: Option<u32>,
    /// Bytes after the root's end tag, other than white space and the 19 characters of the truncation marker.
    ///
    /// They are not parsed: load balancers append such bytes, and the response is valid without them.
    pub trailing: u64,
    /// How the response ended.
    pub response: ResponseOutcome,
    /// The fault, if the response is one.
    pub fault: Option<Fault>,
    /// Why the response is unusable, if it is.
    pub error: Option<Error>,
}

impl Summary {
    /// Whether the end of the response confirms a committed item of it.
    ///
    /// `commit` means that the payload is complete. That it belongs to the item requested at this position
    /// is certain only when the response has ended:
    ///
    /// - After a [complete](ResponseOutcome::Complete) response with as many messages as expected, every committed item
    ///   is confirmed. If [other bytes](Self::trailing) follow the document, the last one must be
    ///   [`Whole`](Verdict::Whole) as well.
    /// - With another number of messages, a position may be off by one or more. Only an item whose answered id
    ///   is the [`Same`](IdMatch::Same) is confirmed.
    /// - After a response that was truncated, cut, malformed or ended by a fault, an item must be
    ///   [`Whole`](Verdict::Whole): the server may have given up on it as well. Positions are right up to there.
    ///
    /// No client can see that the server answered with other items if there are as many messages as expected
    /// and it encodes ids anew.
    #[must_use]
    pub fn confirms(&self, outcome: &Outcome) -> bool {
        let is_whole = outcome.integrity == Some(Verdict::Whole);
        if outcome.error.is_some() || self.response != ResponseOutcome::Complete {
            return outcome.error.is_none() && is_whole;
        }
        let is_counted = self.expected.unwrap_or(self.messages) == self.messages;
        let is_last = outcome.index.checked_add(1) == Some(self.messages);
        (is_counted || outcome.id_match == IdMatch::Same)
            && (is_whole || !is_last || self.trailing == 0)
    }
}

/// A SOAP fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Fault {
    /// `ResponseCode` of the detail or, where it is absent, the code that `faultcode` (in SOAP 1.2, `Code` and
    /// `Subcode`) contains.
    pub code: Option<ResponseCode>,
    /// `InnerErrorResponseCode`, which `ErrorInternalServerError` wraps, if the fault had one.
    pub inner_code: Option<ResponseCode>,
    /// `BackOffMilliseconds`, if the fault had one.
    pub back_off_ms: Option<u32>,
    /// The fault's own code says that the request is wrong, so that repeating it does not help: `Client` (SOAP 1.1
    /// §4.4.1), `Sender` and `DataEncodingUnknown` (SOAP 1.2 §5.4.6), `MustUnderstand`, `VersionMismatch`, and
    /// WCF's `ActionNotSupported` and `DeserializationFailed`.
    pub is_senders_fault: bool,
}
