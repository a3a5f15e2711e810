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
use super::tags::{self, value_size, Layout};

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
                pass_over(&mut input);
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
                    self.reached_attachments |= word == tags::MESSAGE_ATTACHMENTS
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
            tags::START_RECIP => self.nest(Message, Recipient, Some(self.depth)),
            tags::END_TO_RECIP => self.nest(Recipient, Message, Some(self.depth)),
            tags::NEW_ATTACH => self.nest(Message, Attachment, Some(self.depth)),
            tags::END_ATTACH => self.nest(Attachment, Message, Some(self.depth)),
            tags::START_EMBED => self.nest(Attachment, Message, self.depth.checked_add(1)),
            // The item itself has no marker at its end.
            tags::END_EMBED if self.depth == 0 => Expect::Misplaced,
            tags::END_EMBED => self.nest(Message, Attachment, self.depth.checked_sub(1)),
            tags::META_TAG_FX_DEL_PROP => Expect::DelProp,
            tags::META_TAG_EC_WARNING => self.property(tag),
            _ if tags::is_foreign(tag) => Expect::Foreign,
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

/// Passes over properties that are all there and have one value and no name: most of an item, for
/// a fifth of the instructions. Whatever it stops at is left to the state machine.
#[inline]
fn pass_over(input: &mut &[u8]) {
    while let Some((&[type_low, type_high, _, id_high], value)) = input.split_first_chunk() {
        // From 0x4000 on there are markers, from 0x8000 on named properties.
        if id_high >= 0x40 {
            return;
        }
        let rest = match value_size(u16::from_le_bytes([type_low, type_high])) {
            Some(0) => value.split_first_chunk().and_then(|(length, value)| {
                let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
                value.get(length..)
            }),
            Some(size) => value.get(usize::from(size)..),
            None => None,
        };
        let Some(rest) = rest else {
            return;
        };
        *input = rest;
    }
}
