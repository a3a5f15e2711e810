//! Whether an event of the C interface says what the core's says. By names where both have names, so that no
//! conversion of the interface is trusted.

use core::fmt::Debug;

use exportitems as core_api;
use exportitems_capi::{Attribute, Bytes, Event, EventKind, Outcome, Status, Summary, Text};

use core_api::Event as Core;

/// The text that C sees.
pub(super) fn text<'a>(text: Text) -> Option<&'a str> {
    if text.ptr.is_null() {
        return None;
    }
    let bytes = bytes(Bytes {
        ptr: text.ptr.cast(),
        len: text.len,
    });
    Some(core::str::from_utf8(bytes).expect("UTF-8"))
}

/// The bytes that C sees.
pub(super) fn bytes<'a>(bytes: Bytes) -> &'a [u8] {
    assert!(!bytes.ptr.is_null());
    // SAFETY: the interface has just returned these pointers; the caller looks at them before its next call.
    unsafe { core::slice::from_raw_parts(bytes.ptr, bytes.len) }
}

fn name(value: Option<impl Debug>) -> String {
    value.map_or("None".to_owned(), |value| format!("{value:?}"))
}

/// The name of an error, which is all that C has of it.
pub(super) fn error_name(kind: core_api::ErrorKind) -> String {
    let name = format!("{kind:?}");
    name.split('(').next().unwrap_or_default().to_owned()
}

fn number(value: Option<u32>) -> i64 {
    value.map_or(-1, i64::from)
}

fn code(code: Option<core_api::ResponseCode>) -> Option<&'static str> {
    code.and_then(core_api::ResponseCode::as_str)
}

/// Panics where the two events differ.
pub(super) fn same(event: &Event, expected: Core<'_>) {
    let body = &event.body;
    // SAFETY, for every block: `kind` says which member was written, and is compared first.
    let is = |kind| assert_eq!(event.kind, kind);
    match expected {
        Core::ServerVersion(expected) => {
            is(EventKind::ServerVersion);
            // SAFETY: see above.
            let found = unsafe { body.server_version };
            assert_eq!(
                [
                    found.major,
                    found.minor,
                    found.major_build,
                    found.minor_build
                ],
                [
                    number(expected.major),
                    number(expected.minor),
                    number(expected.major_build),
                    number(expected.minor_build)
                ]
            );
            attribute(found.version, expected.version);
        }
        Core::MessageStart { index, class } => {
            is(EventKind::MessageStart);
            // SAFETY: see above.
            let found = unsafe { body.message_start };
            assert_eq!(found.index, index);
            assert_eq!(format!("{:?}", found.response_class), name(class));
        }
        Core::MessageText(piece) => {
            is(EventKind::MessageText);
            // SAFETY: see above.
            assert_eq!(text(unsafe { body.text }), Some(piece));
        }
        Core::ResponseCode { text: code, .. } => {
            is(EventKind::ResponseCode);
            // SAFETY: see above.
            assert_eq!(text(unsafe { body.text }), Some(code));
        }
        Core::DescriptiveLinkKey(key) => {
            is(EventKind::DescriptiveLinkKey);
            // SAFETY: see above.
            assert_eq!(unsafe { body.descriptive_link_key }, key);
        }
        Core::MessageXml {
            name,
            text: piece,
            last,
        } => {
            is(EventKind::MessageXml);
            // SAFETY: see above.
            let found = unsafe { body.message_xml };
            let reported = (text(found.name), text(found.text), found.last);
            assert_eq!(reported, (Some(name), Some(piece), last));
        }
        Core::ItemId(ids) => {
            is(EventKind::ItemIds);
            // SAFETY: see above.
            let found = unsafe { body.item_ids };
            attribute(found.id, ids.id);
            attribute(found.change_key, ids.change_key);
        }
        Core::Data(data) => {
            is(EventKind::Data);
            // SAFETY: see above.
            assert_eq!(bytes(unsafe { body.data }), data);
        }
        Core::Outcome(expected) => {
            is(EventKind::Outcome);
            // SAFETY: see above.
            outcome(&unsafe { body.outcome }, &expected);
        }
        Core::FaultCode(code) => {
            is(EventKind::FaultCode);
            // SAFETY: see above.
            assert_eq!(text(unsafe { body.text }), Some(code));
        }
        Core::FaultString(piece) => {
            is(EventKind::FaultString);
            // SAFETY: see above.
            assert_eq!(text(unsafe { body.text }), Some(piece));
        }
        Core::Fault(expected) => {
            is(EventKind::Fault);
            // SAFETY: see above.
            let found = unsafe { body.fault };
            assert_eq!(text(found.response_code), code(expected.code));
            assert_eq!(text(found.inner_response_code), code(expected.inner_code));
            assert_eq!(found.back_off_ms, number(expected.back_off_ms));
        }
        Core::End(expected) => {
            is(EventKind::End);
            // SAFETY: see above.
            summary(&unsafe { body.summary }, &expected);
        }
        other => panic!("newer than the interface: {other:?}"),
    }
}

fn attribute(found: Attribute, expected: core_api::Attribute<'_>) {
    let omitted_len = match expected {
        core_api::Attribute::Omitted { len } => len,
        _ => 0,
    };
    assert_eq!(text(found.value), expected.value());
    assert_eq!(found.omitted_len, omitted_len);
}

fn outcome(found: &Outcome, expected: &core_api::Outcome) {
    let (integrity, reason, offset) = match expected.integrity {
        Some(core_api::Verdict::Broken { offset, reason }) => {
            ("Broken".to_owned(), format!("{reason:?}"), offset)
        }
        verdict => (name(verdict), "None".to_owned(), 0),
    };
    assert_eq!(found.index, expected.index);
    assert_eq!(format!("{:?}", found.error), name(expected.error));
    assert_eq!(format!("{:?}", found.response_class), name(expected.class));
    assert_eq!(format!("{:?}", found.integrity), integrity);
    assert_eq!(format!("{:?}", found.broken_reason), reason);
    assert_eq!(found.broken_offset, offset);
    assert_eq!(
        format!("{:?}", found.id_match),
        format!("{:?}", expected.id_match)
    );
    assert_eq!(found.text_replaced, expected.text_replaced);
    assert_eq!(text(found.response_code), code(expected.code));
    assert_eq!(text(found.inner_response_code), code(expected.inner_code));
    assert_eq!(found.back_off_ms, number(expected.back_off_ms));
    assert_eq!(
        (found.bytes, found.offset),
        (expected.bytes, expected.offset)
    );
}

fn summary(found: &Summary, expected: &core_api::Summary) {
    assert_eq!(
        [found.items, found.ok, found.failed, found.suspect],
        [
            expected.items,
            expected.ok,
            expected.failed,
            expected.suspect
        ]
    );
    assert_eq!(
        (found.messages, found.expected, found.trailing),
        (
            expected.messages,
            number(expected.expected),
            expected.trailing
        )
    );
    assert_eq!(
        format!("{:?}", found.response),
        format!("{:?}", expected.response)
    );
    match expected.error {
        None => assert_eq!((found.error, found.error_offset), (Status::Ok, 0)),
        Some(error) => {
            assert_eq!(format!("{:?}", found.error), error_name(error.kind));
            assert_eq!(found.error_offset, error.offset);
        }
    }
}
