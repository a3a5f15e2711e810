//! The payload check once more, for a payload that is all there: records into a list, the stream
//! in one piece, and the grammar of *messageContent* by recursive descent.

use exportitems::{BrokenReason, Verdict};

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
    let stream = Stream {
        bytes: &records.stream,
        next: 0,
    };
    let atoms = stream.item();
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
        _ if records.foreign => Verdict::Framed,
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
    /// Where each body begins, in the stream and in the payload.
    bodies: Vec<(usize, usize)>,
    foreign: bool,
    end: Result<(), (usize, BrokenReason)>,
}

impl Records {
    fn read(payload: &[u8]) -> Self {
        let mut records = Self {
            stream: Vec::new(),
            bodies: Vec::new(),
            foreign: false,
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
            records.foreign |= opcode > 4;
            if opcode == 2 {
                records.bodies.push((records.stream.len(), at + 8));
                if !records.foreign {
                    records.stream.extend_from_slice(body);
                }
            }
            at += 8 + body.len();
        }
        records
    }

    /// Where a byte of the stream stands in the payload.
    fn offset_of(&self, at: usize) -> usize {
        let (stream, payload) = self
            .bodies
            .iter()
            .rfind(|(stream, _)| *stream <= at)
            .expect("the first body begins at 0");
        payload + (at - stream)
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
    bytes: &'a [u8],
    next: usize,
}

impl Stream<'_> {
    fn item(mut self) -> Result<(), Halt> {
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
        loop {
            match self.atom()? {
                Atom::Property => {}
                Atom::Marker(Marker::EndToRecip, _) => return Ok(()),
                Atom::Marker(_, at) => return Err(Halt::Misplaced(at)),
                Atom::End => return Err(Halt::Open),
            }
        }
    }

    fn attachment(&mut self, depth: usize) -> Result<(), Halt> {
        loop {
            match self.atom()? {
                Atom::Property => {}
                Atom::Marker(Marker::StartEmbed, _) if depth == 255 => return Err(Halt::Foreign),
                Atom::Marker(Marker::StartEmbed, _) => {
                    self.message(depth + 1)?.ok_or(Halt::Open)?;
                }
                Atom::Marker(Marker::EndAttach, _) => return Ok(()),
                Atom::Marker(_, at) => return Err(Halt::Misplaced(at)),
                Atom::End => return Err(Halt::Open),
            }
        }
    }

    fn atom(&mut self) -> Result<Atom, Halt> {
        let at = self.next;
        if at == self.bytes.len() {
            return Ok(Atom::End);
        }
        let cut = || Halt::Cut(at);
        let tag = self.u32().ok_or_else(cut)?;
        if let Some(marker) = marker(tag)? {
            return Ok(Atom::Marker(marker, at));
        }
        let (property_type, id) = (tag & 0xFFFF, tag >> 16);
        let size = size(property_type)?;
        if id >= 0x8000 {
            self.name().ok_or_else(cut)??;
        }
        let many = property_type & 0x9000 == 0x1000;
        let count = if many { self.u32() } else { Some(1) };
        for _ in 0..count.ok_or_else(cut)? {
            let size = match size {
                Some(size) => size,
                None => self.u32().ok_or_else(cut)? as usize,
            };
            self.take(size).ok_or_else(cut)?;
        }
        Ok(Atom::Property)
    }

    /// Property set, and dispid or name.
    fn name(&mut self) -> Option<Result<(), Halt>> {
        self.take(16)?;
        match self.take(1)? {
            [0] => {
                self.take(4)?;
            }
            [1] => while self.take(2)? != [0, 0] {},
            _ => return Some(Err(Halt::Foreign)),
        }
        Some(Ok(()))
    }

    fn u32(&mut self) -> Option<u32> {
        let value = u32_at(self.bytes, self.next)?;
        self.next += 4;
        Some(value)
    }

    fn take(&mut self, len: usize) -> Option<&[u8]> {
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

/// The size of one value of a property type; `None`: its length stands before it.
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
