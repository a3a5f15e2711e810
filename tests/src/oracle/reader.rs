//! The payload reader, for any payload.

use exportitems::payload::PayloadEvent;
use exportitems::{PayloadReader, Verdict};

use crate::chunks::Chunking;
use crate::payload_reference::{events, judge, Read};

/// The events are the reference's and the verdict is the check's, for every partition.
pub fn reader(payload: &[u8]) {
    let expected = shown(&events(payload));
    for chunking in [
        Chunking::Whole,
        Chunking::Every(1),
        Chunking::Every(13),
        Chunking::Random(payload.len() as u64),
    ] {
        let (events, verdict) = events_by(chunking.split(payload));
        assert_eq!(shown(&events), expected, "by {chunking:?}");
        assert_eq!(verdict, judge(payload), "by {chunking:?}");
    }
}

/// The events of a payload in these pieces, and the verdict at its end.
///
/// # Panics
/// Where the reader breaks a promise: input that is left over, a piece without a byte, bytes that no value has,
/// an event after the last one.
pub fn events_by<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Read>, Verdict) {
    let mut reader = PayloadReader::new();
    let mut events: Vec<Read> = Vec::new();
    let (mut position, mut left) = (0, 0);
    let mut is_stopped = false;
    for mut piece in pieces {
        position += piece.len() as u64;
        while let Some(event) = reader.next_event(&mut piece) {
            assert!(!is_stopped, "{event:?} after the last event");
            match event {
                PayloadEvent::Stopped { .. } => is_stopped = true,
                _ => assert_eq!(reader.position(), position - piece.len() as u64),
            }
            match event {
                PayloadEvent::Bytes(bytes) => {
                    assert!(!bytes.is_empty(), "a piece without a byte");
                    left -= bytes.len();
                    match events.last_mut() {
                        Some(Read::Bytes(joined)) => joined.extend_from_slice(bytes),
                        _ => events.push(Read::Bytes(bytes.to_vec())),
                    }
                    continue;
                }
                PayloadEvent::Value(place) => {
                    assert_eq!(left, 0, "a value within a value");
                    left = place.len as usize;
                }
                PayloadEvent::End => {
                    assert_eq!(left, 0, "the end of a value that is not all there");
                }
                _ => {}
            }
            events.push(Read::Event(owned(event)));
        }
        assert!(piece.is_empty(), "input is left over");
    }
    (events, reader.verdict())
}

/// An event that borrows nothing.
fn owned(event: PayloadEvent<'_>) -> PayloadEvent<'static> {
    match event {
        PayloadEvent::Producer(version) => PayloadEvent::Producer(version),
        PayloadEvent::Open(element) => PayloadEvent::Open(element),
        PayloadEvent::Close(element) => PayloadEvent::Close(element),
        PayloadEvent::Deleted(tag) => PayloadEvent::Deleted(tag),
        PayloadEvent::Property(property) => PayloadEvent::Property(property),
        PayloadEvent::NameUnit(unit) => PayloadEvent::NameUnit(unit),
        PayloadEvent::Fixed(value) => PayloadEvent::Fixed(value),
        PayloadEvent::Value(place) => PayloadEvent::Value(place),
        PayloadEvent::End => PayloadEvent::End,
        PayloadEvent::Stopped { offset, verdict } => PayloadEvent::Stopped { offset, verdict },
        other => panic!("{other:?} is not known here"),
    }
}

/// As text, in which a NaN is equal to itself.
fn shown(events: &[Read]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}
