//! The events of the decoder, as C sees them.

use exportitems as core_api;

use crate::codes::{BrokenReason, EventKind, IdMatch, ItemError, Response, ResponseClass, Verdict};
use crate::memory::read;
use crate::status::Status;
use crate::text::{Bytes, Text};

/// One step of a response. Its pointers are valid until the next call with the same decoder.
///
/// Texts and data come in pieces. The borders of the pieces depend on the pieces of input and on the size of the scratch;
/// the joined text or data does not.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Event {
    /// Which member of the body is set.
    pub kind: EventKind,
    /// The member that `kind` names.
    pub body: EventBody,
}

impl core::fmt::Debug for Event {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The members of an event.
#[derive(Clone, Copy)]
#[repr(C)]
pub union EventBody {
    /// For `ServerVersion`.
    pub server_version: ServerVersion,
    /// For `MessageStart`.
    pub message_start: MessageStart,
    /// For `MessageText`, `ResponseCode`, `FaultCode` and `FaultString`.
    pub text: Text,
    /// For `DescriptiveLinkKey`.
    pub descriptive_link_key: i32,
    /// For `MessageXml`.
    pub message_xml: MessageXml,
    /// For `ItemIds`.
    pub item_ids: ItemIds,
    /// For `Data`.
    pub data: Bytes,
    /// For `Outcome`.
    pub outcome: Outcome,
    /// For `Fault`.
    pub fault: Fault,
    /// For `End`.
    pub summary: Summary,
}

impl core::fmt::Debug for EventBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("EventBody") // the kind is not known here
    }
}

/// `ServerVersionInfo`. An absent number is -1.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ServerVersion {
    /// `MajorVersion`, 15 for Exchange 2013 and later.
    pub major: i64,
    /// `MinorVersion`
    pub minor: i64,
    /// `MajorBuildNumber`
    pub major_build: i64,
    /// `MinorBuildNumber`
    pub minor_build: i64,
    /// `Version`: free text. It is not a `RequestServerVersion`.
    pub version: Attribute,
}

/// A response message begins.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MessageStart {
    /// Position of the message, from 0. It identifies the requested item.
    pub index: u32,
    /// `ResponseClass`
    pub response_class: ResponseClass,
}

/// A piece of a value inside `MessageXml`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MessageXml {
    /// `Name` of a `Value` element, or the local name of any other element.
    pub name: Text,
    /// This piece of its text.
    pub text: Text,
    /// Whether it is the last piece of this value.
    pub last: bool,
}

/// An attribute's value.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Attribute {
    /// Its value. Absent if there is none, if it does not fit into the scratch, or if it is not UTF-8.
    pub value: Text,
    /// Length in bytes of a value that exists but cannot be returned; otherwise 0.
    pub omitted_len: u64,
}

/// `ItemId` of a response message. The position identifies the item; report the result of a comparison with the requested
/// id to `exportitems_decoder_compare_id`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ItemIds {
    /// `Id`
    pub id: Attribute,
    /// `ChangeKey`
    pub change_key: Attribute,
}

/// The end of one item.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Outcome {
    /// Position of the item in the request and of its message in the response, from 0.
    pub index: u32,
    /// `EXPORTITEMS_ITEM_ERROR_NONE`: the item is complete and has passed every check; commit it. Otherwise discard it.
    pub error: ItemError,
    /// `ResponseClass`
    pub response_class: ResponseClass,
    /// The verdict on the payload.
    pub integrity: Verdict,
    /// Why the payload is broken, if the verdict is `EXPORTITEMS_VERDICT_BROKEN`.
    pub broken_reason: BrokenReason,
    /// How the answered `ItemId` compares with the requested one, by `exportitems_decoder_compare_id`.
    pub id_match: IdMatch,
    /// Whether some text of this message was not legal XML or not UTF-8, and was replaced by U+FFFD.
    pub text_replaced: bool,
    /// Offset in the payload, in bytes, where it is broken.
    pub broken_offset: u64,
    /// `ResponseCode`, if this library knows it. An earlier event has the text of every code.
    pub response_code: Text,
    /// `InnerErrorResponseCode` of `ErrorInternalServerError`, if this library knows it.
    pub inner_response_code: Text,
    /// `BackOffMilliseconds`, or -1.
    pub back_off_ms: i64,
    /// Number of decoded bytes that were returned.
    pub bytes: u64,
    /// Offset in the response where the error was noticed, or where the item's message ended.
    pub offset: u64,
}

/// A SOAP fault.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Fault {
    /// `ResponseCode` of the fault, if this library knows it. An earlier event has the text of every code.
    pub response_code: Text,
    /// `InnerErrorResponseCode` of `ErrorInternalServerError`, if this library knows it.
    pub inner_response_code: Text,
    /// `BackOffMilliseconds`, or -1.
    pub back_off_ms: i64,
}

/// The summary of a response.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Summary {
    /// Items that had an outcome.
    pub items: u32,
    /// Items that were committed.
    pub ok: u32,
    /// Items that were not committed.
    pub failed: u32,
    /// Committed items that the end of the response does not confirm; see `exportitems_summary_confirms`. Request each of
    /// them again, alone.
    pub suspect: u32,
    /// Response messages that were received, including those with unexpected names.
    pub messages: u32,
    /// How the response ended.
    pub response: Response,
    /// Why the response is unusable, or `EXPORTITEMS_STATUS_OK`.
    pub error: Status,
    /// Offset of the error in the response, in bytes.
    pub error_offset: u64,
    /// Response messages that were expected, from `items` of the options; -1 if it is not known.
    pub expected: i64,
    /// Bytes after the root's end tag, except white space and the truncation marker. Some load balancers append bytes, and
    /// the response is usable without them.
    pub trailing: u64,
}

/// Returns whether the end of the response confirms a committed item, given the item's outcome; `false` if a pointer is
/// null.
///
/// An outcome without an error means that the payload is complete. Only the end of the response makes sure that it belongs
/// to the item that was requested at its position:
///
/// - After a complete response with as many messages as expected, every committed item is confirmed. If other bytes follow
///   the document, the last item must be whole as well.
/// - With another number of messages, only an item whose answered id is the same is confirmed.
/// - After a response that was truncated, cut, malformed or ended by a fault, an item must be whole.
///
/// Request items that are not confirmed again, each alone. If the number of messages is as expected and the server encodes
/// ids anew, no client can detect that it answered with other items. A program that cannot delete what it has stored should
/// request one item at a time, or compare ids.
///
/// # Safety
/// `summary` and `outcome` are null or came from events of one response.
#[no_mangle]
pub unsafe extern "C" fn exportitems_summary_confirms(
    summary: *const Summary,
    outcome: *const Outcome,
) -> bool {
    // SAFETY: `summary` is null or points to an initialised value.
    let (Ok(summary), Ok(outcome)) = (unsafe { read(summary) }, unsafe { read(outcome) }) else {
        return false;
    };
    summary.confirms(&outcome)
}

impl Summary {
    /// Applies the core's rule to the values that C has. A test compares the two.
    fn confirms(&self, outcome: &Outcome) -> bool {
        let is_whole = outcome.integrity == Verdict::Whole;
        if outcome.error != ItemError::None || self.response != Response::Complete {
            return outcome.error == ItemError::None && is_whole;
        }
        let is_counted = self.expected < 0 || self.expected == i64::from(self.messages);
        let is_last = u64::from(outcome.index) + 1 == u64::from(self.messages);
        (is_counted || outcome.id_match == IdMatch::Same)
            && (is_whole || !is_last || self.trailing == 0)
    }
}

impl From<core_api::Event<'_>> for Event {
    fn from(event: core_api::Event<'_>) -> Self {
        use core_api::Event as E;
        let text = |text: &str| EventBody { text: text.into() };
        let (kind, body) = match event {
            E::ServerVersion(version) => (
                EventKind::ServerVersion,
                EventBody {
                    server_version: version.into(),
                },
            ),
            E::MessageStart { index, class } => (
                EventKind::MessageStart,
                EventBody {
                    message_start: MessageStart {
                        index,
                        response_class: class.map_or(ResponseClass::None, Into::into),
                    },
                },
            ),
            E::MessageText(piece) => (EventKind::MessageText, text(piece)),
            E::ResponseCode { text: code, .. } => (EventKind::ResponseCode, text(code)),
            E::DescriptiveLinkKey(key) => (
                EventKind::DescriptiveLinkKey,
                EventBody {
                    descriptive_link_key: key,
                },
            ),
            E::MessageXml { name, text, last } => (
                EventKind::MessageXml,
                EventBody {
                    message_xml: MessageXml {
                        name: name.into(),
                        text: text.into(),
                        last,
                    },
                },
            ),
            E::ItemId(ids) => (
                EventKind::ItemIds,
                EventBody {
                    item_ids: ItemIds {
                        id: ids.id.into(),
                        change_key: ids.change_key.into(),
                    },
                },
            ),
            E::Data(bytes) => (EventKind::Data, EventBody { data: bytes.into() }),
            E::Outcome(outcome) => (
                EventKind::Outcome,
                EventBody {
                    outcome: outcome.into(),
                },
            ),
            E::FaultCode(code) => (EventKind::FaultCode, text(code)),
            E::FaultString(piece) => (EventKind::FaultString, text(piece)),
            E::Fault(fault) => (
                EventKind::Fault,
                EventBody {
                    fault: Fault {
                        response_code: known(fault.code),
                        inner_response_code: known(fault.inner_code),
                        back_off_ms: or_minus_one(fault.back_off_ms),
                    },
                },
            ),
            E::End(summary) => (
                EventKind::End,
                EventBody {
                    summary: summary.into(),
                },
            ),
            _ => (EventKind::Other, text("")),
        };
        Self { kind, body }
    }
}

impl From<core_api::ServerVersion<'_>> for ServerVersion {
    fn from(version: core_api::ServerVersion<'_>) -> Self {
        Self {
            major: or_minus_one(version.major),
            minor: or_minus_one(version.minor),
            major_build: or_minus_one(version.major_build),
            minor_build: or_minus_one(version.minor_build),
            version: version.version.into(),
        }
    }
}

impl From<core_api::Attribute<'_>> for Attribute {
    fn from(attribute: core_api::Attribute<'_>) -> Self {
        Self {
            value: attribute.value().into(),
            omitted_len: match attribute {
                core_api::Attribute::Omitted { len } => len,
                _ => 0,
            },
        }
    }
}

impl From<core_api::Outcome> for Outcome {
    fn from(outcome: core_api::Outcome) -> Self {
        let (integrity, broken_reason, broken_offset) = Verdict::parts(outcome.integrity);
        Self {
            index: outcome.index,
            error: outcome.error.map_or(ItemError::None, Into::into),
            response_class: outcome.class.map_or(ResponseClass::None, Into::into),
            integrity,
            broken_reason,
            id_match: outcome.id_match.into(),
            text_replaced: outcome.text_replaced,
            broken_offset,
            response_code: known(outcome.code),
            inner_response_code: known(outcome.inner_code),
            back_off_ms: or_minus_one(outcome.back_off_ms),
            bytes: outcome.bytes,
            offset: outcome.offset,
        }
    }
}

impl From<core_api::Summary> for Summary {
    fn from(summary: core_api::Summary) -> Self {
        Self {
            items: summary.items,
            ok: summary.ok,
            failed: summary.failed,
            suspect: summary.suspect,
            messages: summary.messages,
            response: summary.response.into(),
            error: summary.error.map_or(Status::Ok, |error| error.kind.into()),
            error_offset: summary.error.map_or(0, |error| error.offset),
            expected: or_minus_one(summary.expected),
            trailing: summary.trailing,
        }
    }
}

fn known(code: Option<core_api::ResponseCode>) -> Text {
    code.and_then(core_api::ResponseCode::as_str).into()
}

pub(crate) fn or_minus_one(number: Option<u32>) -> i64 {
    number.map_or(-1, i64::from)
}
