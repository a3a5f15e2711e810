//! Layer 2: the atoms of the `FastTransfer` stream that the records carry.
//!
//! The stream is [MS-OXCFXICS] section 2.2.4, an item's in the form *messageContent*:
//!
//! ```text
//! stream          = 1*( marker / propValue )
//! propValue       = fixedPropType propInfo fixedSizeValue
//!                 / varPropType   propInfo length:u32 byte[length]
//!                 / mvPropType    propInfo count:u32 count*( fixedSizeValue / length:u32 byte[length] )
//! propInfo        = propId:u16 [ GUID ( %x00 dispid:u32 / %x01 name:UTF-16, NUL ) ]   ; from 0x8000 on
//!
//! messageContent  = propList [MetaTagFXDelProp] *recipient [MetaTagFXDelProp] *attachment
//! recipient       = StartRecip propList EndToRecip
//! attachment      = NewAttach propList [ StartEmbed messageContent EndEmbed ] EndAttach
//! ```
//!
//! # What is judged
//! Only what a cut leaves behind, and what cannot be read otherwise: an atom that is not all there,
//! an element that is not closed, a marker that opens or closes what it cannot.
//! The order of a message's children is not judged, since no truncation changes it.
//! Neither are the terminating NULs of strings: the server SHOULD write them, so a reader has to
//! look before it drops them (2.2.4.1.3), and a string without is no violation.
//!
//! # What is not understood
//! An atom whose length is unknown, or a marker that the grammar above does not place (folders,
//! synchronization, `FXErrorInfo`), ends the judgement, not the item: what follows cannot be told apart.
//!
//! [MS-OXCFXICS]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcfxics/

use super::field::Field;

/// Markers of *messageContent*, [MS-OXCFXICS] 2.2.4.1.4; on the wire they look like the tag of a
/// property, id in the upper half and type in the lower.
mod marker {
    pub(super) const NEW_ATTACH: u32 = 0x4000_0003;
    pub(super) const START_EMBED: u32 = 0x4001_0003;
    pub(super) const END_EMBED: u32 = 0x4002_0003;
    pub(super) const START_RECIP: u32 = 0x4003_0003;
    pub(super) const END_TO_RECIP: u32 = 0x4004_0003;
    pub(super) const END_ATTACH: u32 = 0x400E_0003;
}

/// Meta-properties, [MS-OXCFXICS] 2.2.4.1.5.
const META_TAG_EC_WARNING: u32 = 0x400F_0003;
const META_TAG_FX_DEL_PROP: u32 = 0x4016_0003;

/// `PidTagMessageAttachments`, as the value of a `MetaTagFXDelProp`.
const MESSAGE_ATTACHMENTS: u32 = 0x0E13_000D;

/// The innermost open element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Message,
    Recipient,
    Attachment,
}

/// What the next bytes are, once `Atoms::skip` is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// A marker, or type and id of a property.
    Tag,
    /// Whether a named property has a dispid or a name.
    NameKind,
    /// One UTF-16 unit of a property's name.
    NameUnit,
    /// How many values a multi-valued property has.
    Count,
    /// The length of a value.
    Length,
    /// The value of `MetaTagFXDelProp`.
    DelProp,
    /// Nothing: an atom was not understood.
    Foreign,
    /// Nothing: a marker opened or closed what it cannot.
    Misplaced,
}

/// How a property's value is laid out.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Bytes of one value; 0: its length stands before it.
    size: u8,
    /// Multi-valued: a count stands before the values.
    many: bool,
}

impl Layout {
    /// The layout of a property type, [MS-OXCFXICS] 2.2.4.1.1 and 2.2.4.1.3, if there is such a type.
    fn of(property_type: u16) -> Option<Self> {
        // A code page string, 2.2.4.1.1.1: the other 15 bits are the code page.
        if property_type & 0x8000 != 0 {
            return Some(Self {
                size: 0,
                many: false,
            });
        }
        let many = property_type & 0x1000 != 0;
        let size = match property_type & !0x1000 {
            0x0002 => 2,                            // PtypInteger16
            0x000B if !many => 2,                   // PtypBoolean: 2 bytes here, 1 elsewhere
            0x0003 | 0x0004 => 4,                   // PtypInteger32, PtypFloating32
            0x000A if !many => 4,                   // PtypErrorCode
            0x0005..=0x0007 | 0x0014 | 0x0040 => 8, // Floating64, Currency, FloatingTime, Integer64, Time
            0x0048 => 16,                           // PtypGuid
            0x001E | 0x001F | 0x0102 => 0,          // PtypString8, PtypString, PtypBinary
            0x000D | 0x00FB if !many => 0,          // PtypObject, PtypServerId
            _ => return None,
        };
        Some(Self { size, many })
    }
}

/// Where the `FastTransfer` stream stands.
///
/// # Why a counter is enough for the nesting
/// A recipient holds no element, an attachment holds at most an embedded message, and a message
/// holds recipients and attachments. So the open elements, from the outside in, are always
/// *message (attachment message)ⁿ [recipient / attachment]*: below the innermost element the kinds
/// alternate, and the number `n` together with the innermost kind says all that a stack would.
#[derive(Clone, Debug)]
pub(super) struct Atoms {
    /// Offset in the payload where the current atom began.
    at: u64,
    /// Bytes of the current atom to pass over.
    skip: u64,
    /// Values with a length of their own that the current property still has.
    values: u32,
    field: Field,
    expect: Expect,
    /// Layout of the current property, needed behind its name.
    layout: Layout,
    within: Within,
    /// Embedded messages that are open.
    depth: u8,
    reached_attachments: bool,
}

/// What the atoms say about a payload that ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Every atom is whole and every element is closed.
    Clean,
    /// An atom was not understood, so the rest was not judged.
    Foreign,
    /// A marker opened or closed what it cannot.
    Misplaced,
    /// An atom is not all there.
    Cut,
    /// A recipient, an attachment or an embedded message is still open.
    Open,
}

impl Atoms {
    pub(super) const START: Self = Self {
        at: 0,
        skip: 0,
        values: 0,
        field: Field::EMPTY,
        expect: Expect::Tag,
        layout: Layout {
            size: 0,
            many: false,
        },
        within: Within::Message,
        depth: 0,
        reached_attachments: false,
    };

    /// Judges the next bytes of the stream, which end at offset `end` of the payload.
    pub(super) fn update(&mut self, mut input: &[u8], end: u64) {
        while !matches!(self.expect, Expect::Foreign | Expect::Misplaced) {
            let rest = usize::try_from(self.skip).ok();
            let Some(rest) = rest.and_then(|skip| input.get(skip..)) else {
                self.skip -= input.len() as u64;
                return;
            };
            self.skip = 0;
            input = rest;
            if self.expect == Expect::Tag && self.field.have() == 0 {
                self.at = end - input.len() as u64;
            }
            let width = match self.expect {
                Expect::NameKind => 1,
                Expect::NameUnit => 2,
                _ => 4,
            };
            let Some(word) = self.field.take(width, &mut input) else {
                return;
            };
            self.expect = match self.expect {
                Expect::Tag => self.tag(word),
                Expect::NameKind => match word {
                    0 => {
                        self.skip = 4; // dispid
                        self.value()
                    }
                    1 => Expect::NameUnit,
                    _ => Expect::Foreign,
                },
                Expect::NameUnit if word == 0 => self.value(),
                Expect::NameUnit => Expect::NameUnit,
                Expect::Count => self.values(word),
                Expect::Length => {
                    self.skip = word.into();
                    self.values -= 1;
                    self.next_value()
                }
                Expect::DelProp => {
                    self.reached_attachments |= word == MESSAGE_ATTACHMENTS
                        && (self.within, self.depth) == (Within::Message, 0);
                    Expect::Tag
                }
                stopped @ (Expect::Foreign | Expect::Misplaced) => stopped,
            };
        }
    }

    /// A marker, or type and id of a property.
    fn tag(&mut self, tag: u32) -> Expect {
        use Within::{Attachment, Message, Recipient};
        match tag {
            marker::START_RECIP => self.nest(Message, Recipient, Some(self.depth)),
            marker::END_TO_RECIP => self.nest(Recipient, Message, Some(self.depth)),
            marker::NEW_ATTACH => self.nest(Message, Attachment, Some(self.depth)),
            marker::END_ATTACH => self.nest(Attachment, Message, Some(self.depth)),
            marker::START_EMBED => self.nest(Attachment, Message, self.depth.checked_add(1)),
            // The item itself has no marker at its end.
            marker::END_EMBED if self.depth == 0 => Expect::Misplaced,
            marker::END_EMBED => self.nest(Message, Attachment, self.depth.checked_sub(1)),
            META_TAG_FX_DEL_PROP => Expect::DelProp,
            META_TAG_EC_WARNING => self.property(tag),
            _ if is_foreign(tag) => Expect::Foreign,
            _ => self.property(tag),
        }
    }

    /// Leaves `from` for `to`; a depth beyond what is counted is not understood.
    fn nest(&mut self, from: Within, to: Within, depth: Option<u8>) -> Expect {
        if self.within != from {
            return Expect::Misplaced;
        }
        let Some(depth) = depth else {
            return Expect::Foreign;
        };
        self.within = to;
        self.depth = depth;
        Expect::Tag
    }

    fn property(&mut self, tag: u32) -> Expect {
        let [type_low, type_high, _, id_high] = tag.to_le_bytes();
        let Some(layout) = Layout::of(u16::from_le_bytes([type_low, type_high])) else {
            return Expect::Foreign;
        };
        self.layout = layout;
        if id_high >= 0x80 {
            self.skip = 16; // the property set's GUID
            return Expect::NameKind;
        }
        self.value()
    }

    /// Begins the current property's value.
    fn value(&mut self) -> Expect {
        if self.layout.many {
            return Expect::Count;
        }
        self.values(1)
    }

    /// Begins `count` values.
    fn values(&mut self, count: u32) -> Expect {
        if self.layout.size == 0 {
            self.values = count;
            return self.next_value();
        }
        self.skip += u64::from(count) * u64::from(self.layout.size);
        Expect::Tag
    }

    fn next_value(&self) -> Expect {
        if self.values == 0 {
            return Expect::Tag;
        }
        Expect::Length
    }

    /// The atoms' verdict, as if the stream ended here.
    pub(super) fn end(&self) -> End {
        match self.expect {
            Expect::Foreign => End::Foreign,
            Expect::Misplaced => End::Misplaced,
            Expect::Tag if self.skip == 0 && self.field.have() == 0 => {
                if (self.within, self.depth) == (Within::Message, 0) {
                    End::Clean
                } else {
                    End::Open
                }
            }
            _ => End::Cut,
        }
    }

    /// Stops judging, unless a verdict was reached already.
    pub(super) fn stop(&mut self) {
        if self.expect != Expect::Misplaced {
            self.expect = Expect::Foreign;
        }
    }

    /// Offset in the payload where the atom began that is being read or was read last.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    pub(super) const fn reached_attachments(&self) -> bool {
        self.reached_attachments
    }
}

/// Whether a tag is a marker or meta-property that *messageContent* has no place for.
fn is_foreign(tag: u32) -> bool {
    matches!(
        tag,
        // IncrSyncStateBegin, IncrSyncStateEnd, IncrSyncProgressMode, IncrSyncProgressPerMsg,
        // IncrSyncGroupInfo, IncrSyncChgPartial
        0x403A_0003 | 0x403B_0003 | 0x4074_000B | 0x4075_000B | 0x407B_0102 | 0x407D_0003
    ) || (
        // Folders, lists of messages, synchronization, FXErrorInfo, ids without a meaning today,
        // and MetaTagIdsetGiven, whose value is not of the type that it announces. Ordinary
        // properties of type PtypInteger32 begin behind them, with PidTagSenderFlags 0x4019.
        tag & 0xFFFF == 3 && (0x4000..=0x4018).contains(&(tag >> 16))
    )
}
