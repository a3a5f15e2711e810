//! The properties of a payload, one event a call.

use super::atoms::{Atoms, End, Part};
use super::event::{
    Element, FixedValue, Guid, PayloadEvent, ProducerVersion, Property, PropertyName, PropertyTag,
};
use super::records::{Records, Step};
use super::tags::{END_ATTACH, END_TO_RECIP, NEW_ATTACH, START_EMBED, START_RECIP};
use super::{verdict, BrokenReason, Place, Verdict};

/// Reads the properties of a payload of `ExportItems`, while it streams by.
///
/// Call [`next_event`](Self::next_event) until it returns `None`, for each piece of the payload.
/// Any partition into pieces gives the same events, once adjacent [`Bytes`](PayloadEvent::Bytes) are joined.
/// Values are not held, so memory does not depend on their size.
///
/// The format is not documented for a reader: [MS-OXCFXICS] section 3.3.4.2.1 lets a server put into a payload what
/// its grammar does not have. What is not understood ends the walk with [`PayloadEvent::Stopped`]; the events before it
/// are valid.
///
/// ```
/// use exportitems::payload::{FixedValue, PayloadEvent, PayloadReader, Property, PropertyName, PropertyTag};
/// use exportitems::Verdict;
///
/// let payload = [
///     // record 1 Config, 8 bytes
///     &[1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0][..],
///     // record 2 TransferBuffer, 22 bytes
///     &[2, 0, 0, 0, 22, 0, 0, 0],
///     // PidTagImportance, a PtypInteger32
///     &[0x03, 0, 0x17, 0, 2, 0, 0, 0],
///     // PidTagSubject, a PtypString8 of 6 bytes
///     &[0x1E, 0, 0x37, 0, 6, 0, 0, 0, b'H', b'e', b'l', b'l', b'o', 0],
/// ]
/// .concat();
///
/// let mut reader = PayloadReader::new();
/// let (mut importance, mut subject, mut tag) = (None, Vec::new(), PropertyTag(0));
/// for mut piece in payload.chunks(5) {
///     while let Some(event) = reader.next_event(&mut piece) {
///         match event {
///             PayloadEvent::Property(property) => tag = property.tag,
///             PayloadEvent::Fixed(value) if tag.id() == 0x0017 => importance = Some(value),
///             PayloadEvent::Bytes(bytes) if tag.id() == 0x0037 => subject.extend_from_slice(bytes),
///             _ => {}
///         }
///     }
/// }
/// assert_eq!(importance, Some(FixedValue::Integer32(2)));
/// assert_eq!(subject, b"Hello\0");
/// assert_eq!(reader.verdict(), Verdict::Whole);
/// ```
///
/// [MS-OXCFXICS]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcfxics/
#[derive(Clone, Debug)]
pub struct PayloadReader {
    records: Records,
    atoms: Atoms,
    /// The current property.
    tag: PropertyTag,
    /// The bytes of a dispid that have come, the last one on top.
    dispid: u32,
    /// The bytes that have come of what is reported whole: a version, a property set, a value of fixed size.
    held: [u8; 16],
    have: u8,
    reading: Reading,
    stopped: bool,
}

/// Whose bytes come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    PropertySet,
    Dispid,
    Fixed,
    Variable,
}

impl PayloadReader {
    /// A reader at the start of a payload.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            records: Records::START,
            atoms: Atoms::START,
            tag: PropertyTag(0),
            dispid: 0,
            held: [0; 16],
            have: 0,
            reading: Reading::Variable,
            stopped: false,
        }
    }

    /// Takes bytes off the input up to the next event, and returns it; `None` when the input is used up.
    ///
    /// After [`PayloadEvent::Stopped`] no further event comes, but the records are still judged:
    /// give the reader the rest of the payload before asking for the [`verdict`](Self::verdict).
    pub fn next_event<'a>(&mut self, input: &mut &'a [u8]) -> Option<PayloadEvent<'a>> {
        if !self.records.extend(input) {
            *input = &[];
            return None;
        }
        let event = self.walk(input);
        self.records.retract(input.len());
        event
    }

    /// The verdict of a [`PayloadCheck`](super::PayloadCheck), as if the payload ended after the bytes that were taken.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        verdict(&self.records, &self.atoms)
    }

    /// Offset in the payload, in bytes, of the first byte that was not taken; where the records broke, of that record.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.records.position()
    }

    fn walk<'a>(&mut self, input: &mut &'a [u8]) -> Option<PayloadEvent<'a>> {
        loop {
            // INVARIANT: what needs no byte is reported before the records take one, which might be wrong.
            if let Some(part) = self.atoms.ready() {
                match self.part(part, input.len()) {
                    None => continue,
                    event => return event,
                }
            }
            if input.is_empty() {
                return None;
            }
            let before = *input;
            match self.records.step(input) {
                Some(Step::On) => {}
                Some(Step::Body(body)) => {
                    if let Some(version) = self.version(body) {
                        return Some(PayloadEvent::Producer(version));
                    }
                }
                Some(Step::Stream(_)) if self.stopped => {}
                Some(Step::Stream(mut stream)) => {
                    let end = self.position().wrapping_sub(input.len() as u64);
                    let part = self.atoms.read(&mut stream, end);
                    self.records.give_back(stream.len());
                    let rest = stream.len().wrapping_add(input.len());
                    *input = before
                        .get(before.len().wrapping_sub(rest)..)
                        .unwrap_or_default();
                    let event = part.and_then(|part| self.part(part, rest));
                    if event.is_some() {
                        return event;
                    }
                }
                Some(Step::Foreign) if self.stopped => {}
                Some(Step::Foreign) => {
                    self.atoms.stop();
                    let header = (input.len() as u64).wrapping_add(8);
                    return Some(self.stop(self.position().wrapping_sub(header), Verdict::Framed));
                }
                None if self.stopped => *input = &[],
                None => {
                    let verdict = self.verdict();
                    let offset = match verdict {
                        Verdict::Broken { offset, .. } => offset,
                        _ => 0, // no FX payload begins so
                    };
                    return Some(self.stop(offset, verdict));
                }
            }
        }
    }

    /// The event that a part of an atom completes, `rest` bytes before the end of the input.
    fn part<'a>(&mut self, part: Part<'a>, rest: usize) -> Option<PayloadEvent<'a>> {
        let property = |tag, name| Some(PayloadEvent::Property(Property { tag, name }));
        match part {
            Part::Marker(tag) => Some(match tag {
                START_RECIP => PayloadEvent::Open(Element::Recipient),
                END_TO_RECIP => PayloadEvent::Close(Element::Recipient),
                NEW_ATTACH => PayloadEvent::Open(Element::Attachment),
                END_ATTACH => PayloadEvent::Close(Element::Attachment),
                START_EMBED => PayloadEvent::Open(Element::Embedded),
                _ => PayloadEvent::Close(Element::Embedded),
            }),
            Part::Tag(tag) => {
                self.tag = PropertyTag(tag);
                if self.tag.id() < 0x8000 {
                    return property(self.tag, PropertyName::Tag);
                }
                self.expect(Reading::PropertySet)
            }
            Part::Deleted(tag) => Some(PayloadEvent::Deleted(PropertyTag(tag))),
            Part::NameKind(0) => self.expect(Reading::Dispid),
            Part::NameKind(_) => property(
                self.tag,
                PropertyName::Text {
                    set: Guid(self.held),
                },
            ),
            Part::NameUnit(0) | Part::Count | Part::DelProp => None,
            Part::NameUnit(unit) => Some(PayloadEvent::NameUnit(unit)),
            Part::Fixed => self.expect(Reading::Fixed),
            Part::Variable(len) => {
                self.reading = Reading::Variable;
                Some(PayloadEvent::Value(Place {
                    len,
                    offset: self.position().wrapping_sub(rest as u64),
                    record_left: self.records.left(),
                }))
            }
            Part::Bytes(bytes) => match self.reading {
                Reading::Variable => Some(PayloadEvent::Bytes(bytes)),
                Reading::PropertySet => {
                    self.hold(bytes);
                    None
                }
                Reading::Dispid => {
                    for &byte in bytes {
                        self.dispid = self.dispid >> 8 | u32::from(byte) << 24;
                    }
                    let name = PropertyName::Dispid {
                        set: Guid(self.held),
                        dispid: self.dispid,
                    };
                    let tag = self.tag;
                    (self.atoms.value_is_read())
                        .then_some(PayloadEvent::Property(Property { tag, name }))
                }
                Reading::Fixed => {
                    self.hold(bytes);
                    (self.atoms.value_is_read())
                        .then(|| PayloadEvent::Fixed(FixedValue::new(self.tag, self.held)))
                }
            },
            Part::End => Some(PayloadEvent::End),
            Part::Stop => {
                let (offset, reason) = (self.atoms.at(), BrokenReason::Misplaced);
                let verdict = match self.atoms.end() {
                    End::Misplaced => Verdict::Broken { offset, reason },
                    _ => Verdict::Framed,
                };
                Some(self.stop(offset, verdict))
            }
        }
    }

    fn expect<'a>(&mut self, reading: Reading) -> Option<PayloadEvent<'a>> {
        self.reading = reading;
        self.have = 0;
        None
    }

    fn stop<'a>(&mut self, offset: u64, verdict: Verdict) -> PayloadEvent<'a> {
        self.stopped = true;
        PayloadEvent::Stopped { offset, verdict }
    }

    fn hold(&mut self, bytes: &[u8]) {
        let free = self.held.iter_mut().skip(self.have.into());
        for (place, &byte) in free.zip(bytes) {
            *place = byte;
            self.have = self.have.wrapping_add(1);
        }
    }

    /// The version that these bytes of a record's body complete.
    fn version(&mut self, body: &[u8]) -> Option<ProducerVersion> {
        let end = self.records.in_version()?;
        if self.stopped {
            return None;
        }
        let start = usize::try_from(end).ok()?.checked_sub(body.len())?;
        self.have = u8::try_from(start).ok()?;
        self.hold(body);
        (self.records.left() == 0).then(|| ProducerVersion::new(self.held))
    }
}

impl Default for PayloadReader {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::PayloadReader;

    #[test]
    fn state_is_small() {
        assert!(
            size_of::<PayloadReader>() <= 76,
            "{}",
            size_of::<PayloadReader>()
        );
    }

    #[test]
    fn fits_a_static() {
        static READER: PayloadReader = PayloadReader::new();
        assert_eq!(READER.position(), 0);
    }
}
