//! An item as a tree, read in one pass; large values stay in the file.

use std::io::{self, Read};

use exportitems::payload::{
    Element, FixedValue, Guid, PayloadEvent, Place, ProducerVersion, PropertyName, PropertyTag,
};
use exportitems::{PayloadReader, Verdict};
use sha2::{Digest as _, Sha256};

use crate::names::PSETID_COMMON;
use crate::text::hex;
use crate::values::strings;
use crate::warning::{Warning, WarningKind};

/// The maximum length of a value that is held, in bytes; a longer one stays in the file.
const MAX_HELD_VALUE: u32 = 64 << 10;
/// The maximum total of the held values of an item, in bytes; further values stay in the file.
const MAX_HELD: usize = 32 << 20;
/// The maximum number of properties, values and elements of an item; reading ends at the next one.
const MAX_NODES: usize = 1_500_000;
/// The maximum length of a property's name in UTF-16 units; the rest is left out.
const MAX_NAME_LEN: usize = 1024;

/// An item.
#[derive(Clone, Debug)]
pub struct Item {
    /// The message.
    pub message: Message,
    /// The server that made the payload.
    pub producer: Option<ProducerVersion>,
    /// Whether the payload is whole. Everything up to the place where it is not has been read.
    pub verdict: Verdict,
    /// What was noticed while reading.
    pub warnings: Vec<Warning>,
    /// Length of the payload in bytes.
    pub len: u64,
    /// Where the walk stopped early, in bytes.
    pub stopped_at: Option<u64>,
    /// SHA-256 of the payload.
    pub sha256: [u8; 32],
}

/// A message, which may be embedded in another one.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The properties of the message itself.
    pub properties: Properties,
    /// The properties of each recipient.
    pub recipients: Vec<Properties>,
    /// The attachments.
    pub attachments: Vec<Attachment>,
}

/// An attachment.
#[derive(Clone, Debug, Default)]
pub struct Attachment {
    /// The properties of the attachment.
    pub properties: Properties,
    /// The message in it.
    pub embedded: Option<Box<Message>>,
}

/// Properties in the order of the payload.
#[derive(Clone, Debug, Default)]
pub struct Properties(pub Vec<Property>);

/// A property.
#[derive(Clone, Debug)]
pub struct Property {
    /// Id and type.
    pub tag: PropertyTag,
    /// The name, if the id is 0x8000 or more.
    pub name: Option<Box<Name>>,
    /// Its value.
    pub value: Value,
}

/// The name of a named property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A number in a property set.
    Dispid(Guid, u32),
    /// A text in a property set.
    Text(Guid, String),
}

/// The value of a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One of fixed size.
    Fixed(FixedValue),
    /// The bytes of one of variable size.
    Bytes(Box<[u8]>),
    /// The place of one that is too long to be held.
    Placed(Place),
    /// Any number of values.
    Many(Vec<Self>),
}

impl Item {
    /// Reads a payload, from its first byte to its end.
    ///
    /// Memory does not depend on the length of values: those of more than 64 KiB, and all after the first 32 MiB,
    /// stay in the file as a [`Value::Placed`]. At most 1,500,000 properties, values and elements are kept.
    ///
    /// # Errors
    /// Those of the source. A payload that is cut or not understood is no error: what precedes that place is read,
    /// [`verdict`](Self::verdict) says what is wrong, and a warning where.
    pub fn read(source: &mut impl Read) -> io::Result<Self> {
        let mut reader = PayloadReader::new();
        let mut builder = Builder::default();
        let mut buffer = vec![0; 64 << 10];
        let mut len = 0;
        let mut hash = Sha256::new();
        loop {
            let filled = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(filled) => filled,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            len += filled as u64;
            let mut input = buffer.get(..filled).unwrap_or_default();
            hash.update(input);
            while let Some(event) = reader.next_event(&mut input) {
                builder.event(event, reader.position());
            }
        }
        Ok(builder.finish(reader.verdict(), len, hash.finalize().into()))
    }

    /// SHA-256 of the payload, in hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&self.sha256)
    }

    /// Returns whether something is missing: the payload is not whole, or was not read to its end.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.verdict != Verdict::Whole || self.stopped_at.is_some()
    }
}

impl Message {
    /// PidTagMessageClass in lower case, such as `ipm.note`; empty if there is none.
    #[must_use]
    pub fn class(&self) -> String {
        // It is ASCII, in any type of string.
        let bytes = self.properties.bytes(0x001A).unwrap_or_default();
        let characters = bytes.iter().filter(|byte| **byte != 0);
        characters
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect()
    }

    /// Returns whether the class is this one, or a kind of it: `ipm.note.custom` is a kind of `ipm.note`. `base` is in
    /// lower case.
    #[must_use]
    pub fn is_class(&self, base: &str) -> bool {
        let class = self.class();
        let rest = class.strip_prefix(base);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// PidTagSensitivity, or 2, private, if only PidLidPrivate says so.
    pub(crate) fn sensitivity(&self) -> Option<i32> {
        let private = self.properties.dispid(PSETID_COMMON, 0x8506);
        let is_private = private
            .and_then(Property::integer)
            .is_some_and(|it| it != 0);
        match self.properties.integer(0x0036) {
            None | Some(0) if is_private => Some(2),
            sensitivity => sensitivity,
        }
    }

    /// Returns the code page of the message's PtypString8 and of its recipients' and attachments'.
    #[must_use]
    pub fn code_page(&self) -> u16 {
        strings(self)
    }
}

impl Properties {
    /// Returns the first property with this id, which is below 0x8000.
    #[must_use]
    pub fn get(&self, id: u16) -> Option<&Property> {
        let found = |property: &&Property| property.tag.id() == id && property.name.is_none();
        self.0.iter().find(found)
    }

    /// Returns the first property with this number in this property set.
    #[must_use]
    pub fn dispid(&self, set: Guid, dispid: u32) -> Option<&Property> {
        self.named(&Name::Dispid(set, dispid))
    }

    /// Returns the first property with this name.
    #[must_use]
    pub fn named(&self, name: &Name) -> Option<&Property> {
        let found = |property: &&Property| property.name.as_deref() == Some(name);
        self.0.iter().find(found)
    }

    /// Returns the value of a PtypInteger32, PtypInteger16 or PtypBoolean.
    #[must_use]
    pub fn integer(&self, id: u16) -> Option<i32> {
        self.get(id)?.integer()
    }

    /// Returns the value of a PtypBoolean.
    #[must_use]
    pub fn boolean(&self, id: u16) -> bool {
        self.integer(id).is_some_and(|value| value != 0)
    }

    /// Returns the value of a PtypTime.
    #[must_use]
    pub fn time(&self, id: u16) -> Option<u64> {
        self.get(id)?.time()
    }

    /// Returns the bytes of a PtypBinary, if they are held.
    #[must_use]
    pub fn bytes(&self, id: u16) -> Option<&[u8]> {
        self.get(id)?.bytes()
    }
}

impl Property {
    /// Returns the value of a PtypInteger32, PtypInteger16 or PtypBoolean.
    #[must_use]
    pub fn integer(&self) -> Option<i32> {
        match self.value {
            Value::Fixed(FixedValue::Integer32(value)) => Some(value),
            Value::Fixed(FixedValue::Integer16(value)) => Some(value.into()),
            Value::Fixed(FixedValue::Boolean(value)) => Some(value.into()),
            _ => None,
        }
    }

    /// Returns the value of a PtypTime.
    #[must_use]
    pub fn time(&self) -> Option<u64> {
        match self.value {
            Value::Fixed(FixedValue::Time(time)) => Some(time),
            _ => None,
        }
    }

    /// Returns the bytes of a value of variable size, if they are held.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl Value {
    /// Returns the length in bytes of a value of variable size.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Fixed(_) => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Placed(place) => place.len.into(),
            Self::Many(values) => values.iter().map(Self::len).sum(),
        }
    }

    /// Returns whether the length is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Builds an item from events.
#[derive(Default)]
struct Builder {
    message: Message,
    /// The open elements, from the outside in.
    open: Vec<Open>,
    property: Option<Partial>,
    producer: Option<ProducerVersion>,
    warnings: Vec<Warning>,
    held: usize,
    nodes: usize,
    stopped_at: Option<u64>,
}

enum Open {
    Recipient(Properties),
    Attachment(Attachment),
    Embedded(Message),
}

/// A property that has not ended.
struct Partial {
    tag: PropertyTag,
    name: Option<Name>,
    units: Vec<u16>,
    values: Vec<Value>,
    /// The bytes of the last value, until it ends.
    bytes: Option<Vec<u8>>,
}

impl Builder {
    fn event(&mut self, event: PayloadEvent<'_>, position: u64) {
        if self.stopped_at.is_some() {
            return;
        }
        match event {
            PayloadEvent::Producer(version) => self.producer = Some(version),
            PayloadEvent::Open(element) => {
                self.open.push(match element {
                    Element::Recipient => Open::Recipient(Properties::default()),
                    Element::Attachment => Open::Attachment(Attachment::default()),
                    Element::Embedded => Open::Embedded(Message::default()),
                });
                self.count(position);
            }
            PayloadEvent::Close(_) => self.close(),
            PayloadEvent::Property(property) => {
                let name = match property.name {
                    PropertyName::Tag => None,
                    PropertyName::Dispid { set, dispid } => Some(Name::Dispid(set, dispid)),
                    PropertyName::Text { set } => Some(Name::Text(set, String::new())),
                };
                self.property = Some(Partial {
                    tag: property.tag,
                    name,
                    units: Vec::new(),
                    values: Vec::new(),
                    bytes: None,
                });
                self.count(position);
            }
            PayloadEvent::Stopped { offset, .. } => self.stopped_at = Some(offset),
            PayloadEvent::End => self.end(),
            other => self.part(other, position),
        }
    }

    /// Adds a part of the current property.
    fn part(&mut self, event: PayloadEvent<'_>, position: u64) {
        let Some(property) = &mut self.property else {
            return;
        };
        match event {
            PayloadEvent::NameUnit(unit) => {
                if property.units.len() < MAX_NAME_LEN {
                    property.units.push(unit);
                }
                return;
            }
            PayloadEvent::Bytes(bytes) => {
                if let Some(value) = &mut property.bytes {
                    value.extend_from_slice(bytes);
                }
                return;
            }
            _ => property.end_value(),
        }
        match event {
            PayloadEvent::Fixed(value) => property.values.push(Value::Fixed(value)),
            PayloadEvent::Value(place) => {
                let len = place.len as usize;
                if place.len <= MAX_HELD_VALUE && self.held + len <= MAX_HELD {
                    self.held += len;
                    property.bytes = Some(Vec::new());
                } else {
                    property.values.push(Value::Placed(place));
                }
            }
            _ => return,
        }
        self.count(position);
    }

    fn end(&mut self) {
        let Some(mut partial) = self.property.take() else {
            return;
        };
        partial.end_value();
        let name = match partial.name {
            Some(Name::Text(set, _)) => {
                if partial.units.len() >= MAX_NAME_LEN {
                    self.warn(WarningKind::LongName, format!("{:08X}", partial.tag.0));
                }
                Some(Name::Text(set, String::from_utf16_lossy(&partial.units)))
            }
            name => name,
        };
        let value = if partial.tag.is_multivalued() {
            Value::Many(partial.values)
        } else if let Some(value) = partial.values.pop() {
            value
        } else {
            return;
        };
        let properties = match self.open.last_mut() {
            None => &mut self.message.properties,
            Some(Open::Recipient(properties)) => properties,
            Some(Open::Attachment(attachment)) => &mut attachment.properties,
            Some(Open::Embedded(message)) => &mut message.properties,
        };
        properties.0.push(Property {
            tag: partial.tag,
            name: name.map(Box::new),
            value,
        });
    }

    /// Closes the innermost element.
    fn close(&mut self) {
        let Some(element) = self.open.pop() else {
            return;
        };
        match (element, self.open.last_mut()) {
            (Open::Embedded(message), Some(Open::Attachment(attachment))) => {
                self.warnings.extend(duplicates(&message.properties));
                if attachment.embedded.is_none() {
                    attachment.embedded = Some(Box::new(message));
                } else {
                    self.warn(WarningKind::Duplicate, "a second embedded message".into());
                }
            }
            (Open::Recipient(properties), Some(Open::Embedded(message))) => {
                message.recipients.push(properties);
            }
            (Open::Attachment(attachment), Some(Open::Embedded(message))) => {
                message.attachments.push(attachment);
            }
            (Open::Recipient(properties), _) => self.message.recipients.push(properties),
            (Open::Attachment(attachment), _) => self.message.attachments.push(attachment),
            (Open::Embedded(_), _) => {} // the reader lets it begin in an attachment only
        }
    }

    /// Counts a part of the tree, and stops where there are too many.
    fn count(&mut self, position: u64) {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.stopped_at = Some(position);
            self.warn(WarningKind::TooLarge, format!("at byte {position}"));
        }
    }

    fn warn(&mut self, kind: WarningKind, detail: String) {
        self.warnings.push(Warning { kind, detail });
    }

    /// Closes all open elements, and returns the item.
    fn finish(mut self, verdict: Verdict, len: u64, sha256: [u8; 32]) -> Item {
        while !self.open.is_empty() {
            self.close();
        }
        self.warnings.extend(duplicates(&self.message.properties));
        match verdict {
            Verdict::Whole => {}
            Verdict::Framed => {
                let offset = self.stopped_at.unwrap_or(len);
                self.warn(WarningKind::NotUnderstood, format!("at byte {offset}"));
            }
            Verdict::Unknown => self.warn(WarningKind::NoPayload, String::new()),
            Verdict::Broken { .. } => self.warn(WarningKind::NotWhole, verdict.to_string()),
        }
        Item {
            message: self.message,
            producer: self.producer,
            verdict,
            warnings: self.warnings,
            len,
            stopped_at: self.stopped_at,
            sha256,
        }
    }
}

impl Partial {
    fn end_value(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            self.values.push(Value::Bytes(bytes.into()));
        }
    }
}

/// Returns a warning if a message has a property more than once.
fn duplicates(properties: &Properties) -> Option<Warning> {
    let tagged = properties.0.iter().filter(|it| it.name.is_none());
    let mut ids: Vec<u16> = tagged.map(|it| it.tag.id()).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).find(|pair| pair.first() == pair.last())?;
    Some(Warning {
        kind: WarningKind::Duplicate,
        detail: format!("property {:04X}", twice.first()?),
    })
}
