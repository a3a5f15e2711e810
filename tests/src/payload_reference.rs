//! The payload check and the reader once more, for a payload that is all there: records into a list, the stream
//! in one piece, and the grammar of *messageContent* by recursive descent.

use exportitems::payload::{
    Element, FixedValue, Guid, PayloadEvent, Place, ProducerVersion, Property, PropertyName,
    PropertyTag,
};
use exportitems::{BrokenReason, Verdict};

/// An event of the reader, with adjacent pieces of a value joined.
#[derive(Clone, Debug)]
pub enum Read {
    /// Any other event.
    Event(PayloadEvent<'static>),
    /// The bytes of a value, or those of them that are there.
    Bytes(Vec<u8>),
}

/// The events of a payload, which may be cut.
#[must_use]
pub fn events(payload: &[u8]) -> Vec<Read> {
    let stopped = |offset, verdict| {
        Read::Event(PayloadEvent::Stopped {
            offset: offset as u64,
            verdict,
        })
    };
    if payload.len() < 8 {
        return Vec::new();
    }
    if payload[..8] != [1, 0, 0, 0, 8, 0, 0, 0] {
        return vec![stopped(0, Verdict::Unknown)];
    }
    let records = Records::read(payload);
    let mut stream = Stream::new(&records);
    let halt = stream.item();
    let mut events: Vec<_> = (records.producers.iter())
        .map(|version| Read::Event(PayloadEvent::Producer(*version)))
        .collect();
    events.append(&mut stream.events);
    match (halt, records.foreign, records.end) {
        (Err(Halt::Misplaced(at)), ..) => {
            let at = records.offset_of(at);
            events.push(stopped(at, broken(at, BrokenReason::Misplaced)));
        }
        (Err(Halt::Foreign), ..) => {
            events.push(stopped(records.offset_of(stream.atom), Verdict::Framed));
        }
        (_, Some(at), _) => events.push(stopped(at, Verdict::Framed)),
        (_, None, Err((_, BrokenReason::RecordCut)) | Ok(())) => {}
        (_, None, Err((at, reason))) => events.push(stopped(at, broken(at, reason))),
    }
    events
}

/// The verdict on a whole payload.
#[must_use]
pub fn judge(payload: &[u8]) -> Verdict {
    if payload.len() < 8 {
        return broken(0, BrokenReason::TooShort);
    }
    if payload[..8] != [1, 0, 0, 0, 8, 0, 0, 0] {
        return Verdict::Unknown;
    }
    let records = Records::read(payload);
    let atoms = Stream::new(&records).item();
    // The stream ends where the records break, so what it shows came first.
    if let Err(Halt::Misplaced(at)) = atoms {
        return broken(records.offset_of(at), BrokenReason::Misplaced);
    }
    if let Err((offset, reason)) = records.end {
        return broken(offset, reason);
    }
    if records.bodies.is_empty() {
        return broken(payload.len(), BrokenReason::NoTransferBuffer);
    }
    match atoms {
        _ if records.foreign.is_some() => Verdict::Framed,
        Ok(()) => Verdict::Whole,
        Err(Halt::Foreign) => Verdict::Framed,
        Err(Halt::Cut(at)) => broken(records.offset_of(at), BrokenReason::AtomCut),
        Err(Halt::Open) => broken(payload.len(), BrokenReason::Open),
        Err(Halt::Misplaced(_)) => unreachable!("returned above"),
    }
}

fn broken(offset: usize, reason: BrokenReason) -> Verdict {
    Verdict::Broken {
        offset: offset as u64,
        reason,
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
}

/// What the records of a payload hold.
struct Records {
    /// The bodies of the transfer buffers up to the first foreign record, joined.
    stream: Vec<u8>,
    /// Where each body begins, in the stream and in the payload, and its length as announced.
    bodies: Vec<(usize, usize, usize)>,
    /// Where the first foreign record begins.
    foreign: Option<usize>,
    producers: Vec<ProducerVersion>,
    end: Result<(), (usize, BrokenReason)>,
}

impl Records {
    fn read(payload: &[u8]) -> Self {
        let mut records = Self {
            stream: Vec::new(),
            bodies: Vec::new(),
            foreign: None,
            producers: Vec::new(),
            end: Ok(()),
        };
        let mut at = 0;
        while at < payload.len() && records.end.is_ok() {
            let (Some(opcode), Some(length)) = (u32_at(payload, at), u32_at(payload, at + 4))
            else {
                records.end = Err((at, BrokenReason::RecordCut));
                break;
            };
            let rest = &payload[at + 8..];
            if opcode == 0 || opcode > 255 {
                records.end = Err((at, BrokenReason::Opcode));
                break;
            } else if length > i32::MAX as u32 {
                records.end = Err((at, BrokenReason::RecordLength));
                break;
            } else if opcode == 2 && length == 0 {
                records.end = Err((at, BrokenReason::EmptyTransferBuffer));
                break;
            } else if opcode == 1 && !records.bodies.is_empty() {
                records.end = Err((at, BrokenReason::SecondConfig));
                break;
            }
            let body = &rest[..rest.len().min(length as usize)];
            if body.len() < length as usize {
                records.end = Err((at, BrokenReason::RecordCut));
            }
            if opcode > 4 {
                records.foreign.get_or_insert(at);
            }
            if let (4, 6, &[minor, major, a, b, c, d], None, []) =
                (opcode, length, body, records.foreign, &records.bodies[..])
            {
                records.producers.push(ProducerVersion {
                    major,
                    minor,
                    build: u16::from(a) + u16::from(b & 0x7F) * 256,
                    revision: u16::from(c) + u16::from(d) * 256,
                });
            }
            if opcode == 2 {
                records
                    .bodies
                    .push((records.stream.len(), at + 8, length as usize));
                if records.foreign.is_none() {
                    records.stream.extend_from_slice(body);
                }
            }
            at += 8 + body.len();
        }
        records
    }

    /// Where a byte of the stream is in the payload.
    fn offset_of(&self, at: usize) -> usize {
        let (stream, payload, _) = self.body_of(at);
        payload + (at - stream)
    }

    fn body_of(&self, at: usize) -> (usize, usize, usize) {
        let body = self.bodies.iter().rfind(|(stream, ..)| *stream <= at);
        *body.expect("the first body begins at 0")
    }

    /// The place of a value of that length, whose bytes come after the byte at `at` of the stream.
    fn place_after(&self, at: usize, len: u32) -> Place {
        let (stream, payload, length) = self.body_of(at);
        let read = at + 1 - stream;
        Place {
            len,
            offset: (payload + read) as u64,
            record_left: u32::try_from(length - read).expect("a record of less than 4 GiB"),
        }
    }
}

/// Why the descent stopped before the stream's end, and at which byte of it.
enum Halt {
    Cut(usize),
    Misplaced(usize),
    Open,
    Foreign,
}

/// What a message, a recipient or an attachment consists of.
enum Atom {
    Property,
    Marker(Marker, usize),
    End,
}

#[derive(Clone, Copy, PartialEq)]
enum Marker {
    StartRecip,
    EndToRecip,
    NewAttach,
    EndAttach,
    StartEmbed,
    EndEmbed,
}

struct Stream<'a> {
    records: &'a Records,
    bytes: &'a [u8],
    next: usize,
    /// Where the current atom begins.
    atom: usize,
    events: Vec<Read>,
}

impl<'a> Stream<'a> {
    fn new(records: &'a Records) -> Self {
        Self {
            records,
            bytes: &records.stream,
            next: 0,
            atom: 0,
            events: Vec::new(),
        }
    }

    fn report(&mut self, event: PayloadEvent<'static>) {
        self.events.push(Read::Event(event));
    }

    fn item(&mut self) -> Result<(), Halt> {
        match self.message(0)? {
            None => Ok(()),
            Some(at) => Err(Halt::Misplaced(at)),
        }
    }

    /// A message up to the stream's end, `None`, or to a marker that does not belong to it.
    fn message(&mut self, depth: usize) -> Result<Option<usize>, Halt> {
        loop {
            match self.atom()? {
                Atom::Property => {}
                Atom::Marker(Marker::StartRecip, _) => self.recipient()?,
                Atom::Marker(Marker::NewAttach, _) => self.attachment(depth)?,
                Atom::Marker(Marker::EndEmbed, at) => return Ok(Some(at)),
                Atom::Marker(_, at) => return Err(Halt::Misplaced(at)),
                Atom::End => return Ok(None),
            }
        }
    }

    fn recipient(&mut self) -> Result<(), Halt> {
        self.report(PayloadEvent::Open(Element::Recipient));
        loop {
            match self.atom()? {
                Atom::Property => {}
                Atom::Marker(Marker::EndToRecip, _) => {
                    self.report(PayloadEvent::Close(Element::Recipient));
                    return Ok(());
                }
                Atom::Marker(_, at) => return Err(Halt::Misplaced(at)),
                Atom::End => return Err(Halt::Open),
            }
        }
    }

    fn attachment(&mut self, depth: usize) -> Result<(), Halt> {
        self.report(PayloadEvent::Open(Element::Attachment));
        loop {
            match self.atom()? {
                Atom::Property => {}
                Atom::Marker(Marker::StartEmbed, _) if depth == 255 => return Err(Halt::Foreign),
                Atom::Marker(Marker::StartEmbed, _) => {
                    self.report(PayloadEvent::Open(Element::Embedded));
                    self.message(depth + 1)?.ok_or(Halt::Open)?;
                    self.report(PayloadEvent::Close(Element::Embedded));
                }
                Atom::Marker(Marker::EndAttach, _) => {
                    self.report(PayloadEvent::Close(Element::Attachment));
                    return Ok(());
                }
                Atom::Marker(_, at) => return Err(Halt::Misplaced(at)),
                Atom::End => return Err(Halt::Open),
            }
        }
    }

    fn atom(&mut self) -> Result<Atom, Halt> {
        let at = self.next;
        self.atom = at;
        if at == self.bytes.len() {
            return Ok(Atom::End);
        }
        let cut = || Halt::Cut(at);
        let tag = self.u32().ok_or_else(cut)?;
        if let Some(marker) = marker(tag)? {
            return Ok(Atom::Marker(marker, at));
        }
        if tag == 0x4016_0003 {
            let list = self.u32().ok_or_else(cut)?;
            self.report(PayloadEvent::Deleted(PropertyTag(list)));
            return Ok(Atom::Property);
        }
        let (property_type, id) = (tag & 0xFFFF, tag >> 16);
        let size = size(property_type)?;
        let tag = PropertyTag(tag);
        if id >= 0x8000 {
            self.name(tag).ok_or_else(cut)??;
        } else {
            let name = PropertyName::Tag;
            self.report(PayloadEvent::Property(Property { tag, name }));
        }
        let many = property_type & 0x9000 == 0x1000;
        let count = if many { self.u32() } else { Some(1) };
        for _ in 0..count.ok_or_else(cut)? {
            match size {
                Some(size) => {
                    let value = fixed(property_type, self.take(size).ok_or_else(cut)?);
                    self.report(PayloadEvent::Fixed(value));
                }
                None => {
                    let len = self.u32().ok_or_else(cut)?;
                    let place = self.records.place_after(self.next - 1, len);
                    self.report(PayloadEvent::Value(place));
                    let rest = &self.bytes[self.next..];
                    let there = &rest[..rest.len().min(len as usize)];
                    if !there.is_empty() {
                        self.events.push(Read::Bytes(there.to_vec()));
                    }
                    self.take(len as usize).ok_or_else(cut)?;
                }
            }
        }
        self.report(PayloadEvent::End);
        Ok(Atom::Property)
    }

    /// Property set, and dispid or name.
    fn name(&mut self, tag: PropertyTag) -> Option<Result<(), Halt>> {
        let set = Guid(self.take(16)?.try_into().expect("16 bytes"));
        match self.take(1)? {
            [0] => {
                let dispid = self.u32()?;
                let name = PropertyName::Dispid { set, dispid };
                self.report(PayloadEvent::Property(Property { tag, name }));
            }
            [1] => {
                let name = PropertyName::Text { set };
                self.report(PayloadEvent::Property(Property { tag, name }));
                loop {
                    let unit = self.take(2)?;
                    match u16::from(unit[0]) + u16::from(unit[1]) * 256 {
                        0 => break,
                        unit => self.report(PayloadEvent::NameUnit(unit)),
                    }
                }
            }
            _ => return Some(Err(Halt::Foreign)),
        }
        Some(Ok(()))
    }

    fn u32(&mut self) -> Option<u32> {
        let value = u32_at(self.bytes, self.next)?;
        self.next += 4;
        Some(value)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(self.next..self.next.checked_add(len)?)?;
        self.next += len;
        Some(bytes)
    }
}

/// The marker that a tag is, if it is one.
fn marker(tag: u32) -> Result<Option<Marker>, Halt> {
    let marker = match tag {
        0x4003_0003 => Marker::StartRecip,
        0x4004_0003 => Marker::EndToRecip,
        0x4000_0003 => Marker::NewAttach,
        0x400E_0003 => Marker::EndAttach,
        0x4001_0003 => Marker::StartEmbed,
        0x4002_0003 => Marker::EndEmbed,
        // MetaTagEcWarning and MetaTagFXDelProp are properties.
        0x400F_0003 | 0x4016_0003 => return Ok(None),
        // Synchronization has its own, and below 0x4019 there are only more markers.
        0x403A_0003 | 0x403B_0003 | 0x4074_000B | 0x4075_000B | 0x407B_0102 | 0x407D_0003 => {
            return Err(Halt::Foreign)
        }
        _ if tag & 0xFFFF == 3 && tag >> 16 >= 0x4000 && tag >> 16 < 0x4019 => {
            return Err(Halt::Foreign)
        }
        _ => return Ok(None),
    };
    Ok(Some(marker))
}

/// A value of fixed size.
fn fixed(property_type: u32, bytes: &[u8]) -> FixedValue {
    fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.try_into().expect("as many bytes as the type has")
    }
    match property_type {
        0x0002 | 0x1002 => FixedValue::Integer16(i16::from_le_bytes(array(bytes))),
        0x0003 | 0x1003 => FixedValue::Integer32(i32::from_le_bytes(array(bytes))),
        0x0004 | 0x1004 => FixedValue::Floating32(f32::from_le_bytes(array(bytes))),
        0x0005 | 0x1005 => FixedValue::Floating64(f64::from_le_bytes(array(bytes))),
        0x0006 | 0x1006 => FixedValue::Currency(i64::from_le_bytes(array(bytes))),
        0x0007 | 0x1007 => FixedValue::FloatingTime(f64::from_le_bytes(array(bytes))),
        0x000A => FixedValue::ErrorCode(u32::from_le_bytes(array(bytes))),
        0x000B => FixedValue::Boolean(bytes != [0, 0]),
        0x0014 | 0x1014 => FixedValue::Integer64(i64::from_le_bytes(array(bytes))),
        0x0040 | 0x1040 => FixedValue::Time(u64::from_le_bytes(array(bytes))),
        0x0048 | 0x1048 => FixedValue::Guid(Guid(array(bytes))),
        _ => unreachable!("{property_type:04X} has no fixed size"),
    }
}

/// The size of one value of a property type; `None`: its length precedes it.
fn size(property_type: u32) -> Result<Option<usize>, Halt> {
    const FIXED: &[(u32, usize)] = &[
        (0x0002, 2),
        (0x0003, 4),
        (0x0004, 4),
        (0x0005, 8),
        (0x0006, 8),
        (0x0007, 8),
        (0x000A, 4),
        (0x000B, 2),
        (0x0014, 8),
        (0x0040, 8),
        (0x0048, 16),
        (0x1002, 2),
        (0x1003, 4),
        (0x1004, 4),
        (0x1005, 8),
        (0x1006, 8),
        (0x1007, 8),
        (0x1014, 8),
        (0x1040, 8),
        (0x1048, 16),
    ];
    const VARIABLE: &[u32] = &[
        0x000D, 0x001E, 0x001F, 0x00FB, 0x0102, 0x101E, 0x101F, 0x1102,
    ];
    let fixed = FIXED.iter().find(|(known, _)| *known == property_type);
    match fixed {
        Some((_, size)) => Ok(Some(*size)),
        None if VARIABLE.contains(&property_type) || property_type >= 0x8000 => Ok(None),
        None => Err(Halt::Foreign),
    }
}
