//! What a payload contains, event by event.

use core::fmt;

use super::Verdict;

/// What [`PayloadReader`](super::PayloadReader) reads next.
///
/// The events of a property are
///
/// ```text
/// Property, NameUnit…, ( Fixed / Value, Bytes… )…, End
/// ```
///
/// with one value, or any number of them where the [type](PropertyTag::is_multivalued) says so.
/// Those of an item are
///
/// ```text
/// message    = property…, Deleted, ( Open(Recipient), property…, Close )…,
///              Deleted, ( Open(Attachment), property…, [ Open(Embedded), message, Close ], Close )…
/// ```
///
/// in this order as a rule. Only the nesting is certain.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PayloadEvent<'a> {
    /// The version of the server that made the payload, from the record before the stream.
    Producer(ProducerVersion),
    /// A recipient, an attachment or an embedded message begins.
    Open(Element),
    /// It ends.
    Close(Element),
    /// `MetaTagFXDelProp`: the list with this tag replaces the one that the receiver has. The list follows, and may
    /// be empty.
    Deleted(PropertyTag),
    /// A property begins.
    Property(Property),
    /// A UTF-16 unit of the name of a property with a [`PropertyName::Text`], without the NUL at its end.
    NameUnit(u16),
    /// A value of a type of fixed size.
    Fixed(FixedValue),
    /// A value of variable size begins.
    Value(Place),
    /// The next bytes of that value, at least one.
    Bytes(&'a [u8]),
    /// The property ends.
    End,
    /// The walk ends here, because what is at this offset was not understood ([`Verdict::Framed`]), is no FX
    /// payload ([`Verdict::Unknown`]), or is wrong ([`Verdict::Broken`]). It is the last event.
    Stopped {
        /// Offset in the payload, in bytes, of the record, property or marker.
        offset: u64,
        /// Why.
        verdict: Verdict,
    },
}

/// What a message contains beside its own properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Element {
    /// A recipient of the message.
    Recipient,
    /// An attachment of the message.
    Attachment,
    /// The message in an attachment.
    Embedded,
}

/// Id and type of a property, [MS-OXCDATA] section 2.9: `0x0037001F` is id `0x0037` with type `0x001F`.
///
/// [MS-OXCDATA]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcdata/
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PropertyTag(pub u32);

impl PropertyTag {
    /// The id. One of 0x8000 or more is valid in this payload only; [`PropertyName`] identifies that property.
    #[must_use]
    pub const fn id(self) -> u16 {
        let [_, _, low, high] = self.0.to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    /// The type, [MS-OXCDATA] section 2.11.1, or 0x8000 and a code page for a string of that code page
    /// ([MS-OXCFXICS] section 2.2.4.1.1.1).
    ///
    /// [MS-OXCDATA]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcdata/
    /// [MS-OXCFXICS]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcfxics/
    #[must_use]
    pub const fn property_type(self) -> u16 {
        let [low, high, ..] = self.0.to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    /// Whether the property has any number of values.
    #[must_use]
    pub const fn is_multivalued(self) -> bool {
        self.property_type() & 0x9000 == 0x1000
    }
}

/// A property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Property {
    /// Id and type.
    pub tag: PropertyTag,
    /// What identifies it.
    pub name: PropertyName,
}

/// What identifies a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PropertyName {
    /// The id in its tag, which is below 0x8000.
    Tag,
    /// A number in a property set.
    Dispid {
        /// The property set.
        set: Guid,
        /// The number.
        dispid: u32,
    },
    /// A name in a property set; its text follows as [`PayloadEvent::NameUnit`]s.
    Text {
        /// The property set.
        set: Guid,
    },
}

/// A GUID as it is in the payload: its first three fields are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Guid(pub [u8; 16]);

/// Where a value of variable size is, for a reader that can come back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Place {
    /// Bytes of the value, as announced.
    pub len: u32,
    /// Offset in the payload, in bytes, of its first byte; if `record_left` is 0, of the next record's header.
    pub offset: u64,
    /// Bytes of the current record from there on. A longer value continues in the next records.
    pub record_left: u32,
}

/// A value of a type of fixed size, [MS-OXCDATA] section 2.11.1.
///
/// [MS-OXCDATA]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcdata/
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FixedValue {
    /// PtypInteger16.
    Integer16(i16),
    /// PtypInteger32.
    Integer32(i32),
    /// PtypFloating32.
    Floating32(f32),
    /// PtypFloating64.
    Floating64(f64),
    /// PtypCurrency: ten-thousandths.
    Currency(i64),
    /// PtypFloatingTime: days since 1899-12-30.
    FloatingTime(f64),
    /// PtypErrorCode: the value is missing, for this reason.
    ErrorCode(u32),
    /// PtypBoolean.
    Boolean(bool),
    /// PtypInteger64.
    Integer64(i64),
    /// PtypTime: intervals of 100 ns since 1601-01-01 UTC.
    Time(u64),
    /// PtypGuid.
    Guid(Guid),
}

impl FixedValue {
    /// The value of a property of fixed size from its bytes, which are the first ones here.
    pub(super) fn new(tag: PropertyTag, bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = bytes;
        let short = i16::from_le_bytes([a, b]);
        let word = [a, b, c, d];
        let long = [a, b, c, d, e, f, g, h];
        match tag.property_type() & 0xFFF {
            0x02 => Self::Integer16(short),
            0x03 => Self::Integer32(i32::from_le_bytes(word)),
            0x04 => Self::Floating32(f32::from_le_bytes(word)),
            0x05 => Self::Floating64(f64::from_le_bytes(long)),
            0x06 => Self::Currency(i64::from_le_bytes(long)),
            0x07 => Self::FloatingTime(f64::from_le_bytes(long)),
            0x0A => Self::ErrorCode(u32::from_le_bytes(word)),
            0x0B => Self::Boolean(short != 0),
            0x14 => Self::Integer64(i64::from_le_bytes(long)),
            0x40 => Self::Time(u64::from_le_bytes(long)),
            _ => Self::Guid(Guid(bytes)),
        }
    }
}

/// The version of the server that made a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ProducerVersion {
    /// 14 is Exchange 2010, 15 Exchange 2013 and later.
    pub major: u8,
    /// The minor version.
    pub minor: u8,
    /// The build.
    pub build: u16,
    /// The revision.
    pub revision: u16,
}

impl ProducerVersion {
    /// From the body of a `TellPartnerVersion` record, whose bytes are the first ones here.
    pub(super) fn new(bytes: [u8; 16]) -> Self {
        let [minor, major, a, b, c, d, ..] = bytes;
        Self {
            major,
            minor,
            build: u16::from_le_bytes([a, b]) & 0x7FFF, // the highest bit is a flag
            revision: u16::from_le_bytes([c, d]),
        }
    }
}

impl fmt::Display for ProducerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            major,
            minor,
            build,
            revision,
        } = self;
        write!(f, "{major}.{minor}.{build}.{revision}")
    }
}
