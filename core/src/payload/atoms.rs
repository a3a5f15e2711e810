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
//! Only what a cut leaves, and what cannot be read otherwise: an atom that is not all there,
//! an element that is not closed, a marker that opens or closes what it cannot.
//! The order of a message's children is not judged, since no truncation changes it.
//! Neither are the terminating NULs of strings: the server SHOULD write them, so a reader has to
//! look before it drops them (2.2.4.1.3), and a string without is no violation.
//!
//! # What is not understood
//! An atom whose length is unknown, or a marker that the grammar above does not place (folders,
//! synchronization, `FXErrorInfo`), ends the judgement, not the item, because the atoms that follow cannot be separated.
//!
//! [MS-OXCFXICS]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcfxics/

use super::nesting::{Nesting, Other};
use super::tags::{fixed_size, is_variable, Layout, MESSAGE_ATTACHMENTS, META_TAG_FX_DEL_PROP};
use super::take;
use crate::offset::Offset;

/// What the next bytes are, once those to pass over are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Nothing: an atom was not understood.
    Foreign,
    /// Nothing: a marker opened or closed what it cannot.
    Misplaced,
    /// A marker, or type and id of a property.
    Tag,
    /// Whether a named property has a dispid or a name.
    NameKind,
    /// One UTF-16 unit of a property's name.
    NameUnit,
    /// How many values a multi-valued property has.
    Count,
    /// The next value of the current property, if it has one more.
    Value,
    /// The length of a value.
    Length,
    /// The value of `MetaTagFXDelProp`.
    DelProp,
}

/// The position in the `FastTransfer` stream.
#[derive(Clone, Debug)]
pub(super) struct Atoms {
    /// Offset in the payload where the current atom began.
    at: Offset,
    /// Bytes to pass over; while `have` is not 0, those of a field that is not all there, the last one on top.
    pending: u32,
    /// Values that the current property still has; 0 before its count has come.
    values: u32,
    nesting: Nesting,
    /// How many bytes of a field `pending` holds.
    have: u8,
    expect: Expect,
    /// Bytes of a value of the current property; 0 if its length precedes it.
    size: u8,
    reached_attachments: bool,
}

/// A part of an atom, for the reader.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'i> {
    /// The tag of a marker that may be here.
    Marker(u32),
    /// Type and id of a property.
    Tag(u32),
    /// A `MetaTagFXDelProp`, whose value follows.
    DelProp,
    /// The value of a `MetaTagFXDelProp`.
    Deleted(u32),
    /// How a property is named: 0 by a dispid, 1 by a name.
    NameKind(u32),
    /// A UTF-16 unit of the name, the last one 0.
    NameUnit(u16),
    /// How many values the property has, which is known by its end.
    Count,
    /// A value of fixed size begins.
    Fixed,
    /// A value of that many bytes begins.
    Variable(u32),
    /// Bytes of a property set, a dispid or a value, at least one.
    Bytes(&'i [u8]),
    /// The property ends.
    End,
    /// A part was not understood, or a marker opened or closed what it cannot.
    Stop,
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
        at: Offset(0),
        pending: 0,
        values: 0,
        nesting: Nesting::ITEM,
        have: 0,
        expect: Expect::Tag,
        size: 0,
        reached_attachments: false,
    };

    /// Judges the next bytes of the stream, which end at offset `end` of the payload.
    #[inline(never)] // within the loop over the records its own loop is short of registers
    pub(super) fn update(&mut self, mut input: &[u8], end: u64) {
        loop {
            if self.have == 0 {
                take(&mut self.pending, &mut input);
                if self.pending > 0 {
                    return;
                }
                match self.expect {
                    Expect::Tag => {
                        input = self.pass_over(input, end);
                        if self.pending > 0 {
                            continue;
                        }
                    }
                    Expect::Value => {
                        self.expect = self.next_value();
                        continue;
                    }
                    Expect::Foreign | Expect::Misplaced => return,
                    _ => {}
                }
            }
            let Some((&byte, rest)) = input.split_first() else {
                return;
            };
            input = rest;
            self.byte(byte);
        }
    }

    /// Passes over atoms that are all there, without names and with at most one value: most of an item, for a
    /// fraction of the instructions. What it stops at is left to the state machine, which knows all atoms.
    #[inline]
    fn pass_over<'i>(&mut self, mut input: &'i [u8], end: u64) -> &'i [u8] {
        while let Some(size) = self.short_atom(input) {
            let Some(rest) = usize::try_from(size)
                .ok()
                .and_then(|size| input.get(size..))
            else {
                // All that is left of the property is to be passed over.
                self.pending = size;
                self.values = 0;
                self.expect = Expect::Value;
                break;
            };
            input = rest;
        }
        self.at = Offset(end.wrapping_sub(input.len() as u64));
        input
    }

    /// The size of the atom at the front of `input`, if it is one to pass over; what it says is noted.
    #[inline]
    fn short_atom(&mut self, input: &[u8]) -> Option<u32> {
        let tag = u32::from_le_bytes(*input.first_chunk()?);
        // Markers and what looks like them, and properties with names.
        if tag >= 0x4000_0000 {
            if let Some(nesting) = self.nesting.after(tag) {
                self.nesting = nesting;
                return Some(4);
            }
            if tag == META_TAG_FX_DEL_PROP {
                self.deleted(second_word(input)?);
                return Some(8);
            }
            if !(0x4100_0000..0x8000_0000).contains(&tag) {
                return None;
            }
        }
        let [type_low, type_high, ..] = tag.to_le_bytes();
        let property_type = u16::from_le_bytes([type_low, type_high]);
        match fixed_size(property_type) {
            0 if is_variable(property_type) => second_word(input)?.checked_add(8),
            0 => None,
            size => Some(u32::from(size) + 4),
        }
    }

    /// Takes a byte of a field; after the last one, returns what comes next.
    #[inline(never)] // as above: few atoms come here
    fn byte(&mut self, byte: u8) {
        if let Some(field) = self.gather(byte) {
            self.expect = self.field(field);
        }
    }

    /// Takes a byte of a field, and returns the field after its last byte.
    #[inline]
    fn gather(&mut self, byte: u8) -> Option<u32> {
        self.pending = self.pending >> 8 | u32::from(byte) << 24;
        self.have = self.have.wrapping_add(1);
        let width = match self.expect {
            Expect::NameKind => 1,
            Expect::NameUnit => 2,
            _ => 4,
        };
        if self.have != width {
            return None;
        }
        self.have = 0;
        Some(core::mem::take(&mut self.pending) >> (32 - 8 * width))
    }

    /// The part that is ready without another byte, if there is one: the start of a value, or the end of a property.
    pub(super) fn ready<'i>(&mut self) -> Option<Part<'i>> {
        if self.have > 0 || self.pending > 0 || self.expect != Expect::Value {
            return None;
        }
        self.expect = self.next_value();
        match self.expect {
            Expect::Tag => Some(Part::End),
            Expect::Value => Some(Part::Fixed),
            _ => None, // the length of the value comes first
        }
    }

    /// Reads the next part of the stream, which ends at offset `end` of the payload; `None` if the input ends
    /// within it. Nothing may be [`ready`](Self::ready).
    pub(super) fn read<'i>(&mut self, input: &mut &'i [u8], end: u64) -> Option<Part<'i>> {
        if self.have == 0 {
            if self.pending > 0 {
                let bytes = take(&mut self.pending, input);
                return (!bytes.is_empty()).then_some(Part::Bytes(bytes));
            }
            if self.expect == Expect::Tag {
                self.at = Offset(end.wrapping_sub(input.len() as u64));
            }
        }
        let (was, nesting) = (self.expect, self.nesting);
        let field = self.take_field(input)?;
        self.expect = self.field(field);
        match (was, self.expect) {
            (_, Expect::Foreign | Expect::Misplaced) => Some(Part::Stop),
            (Expect::Tag, _) if self.nesting != nesting => Some(Part::Marker(field)),
            (Expect::Tag, Expect::DelProp) => Some(Part::DelProp),
            (Expect::Tag, _) => Some(Part::Tag(field)),
            (Expect::DelProp, _) => Some(Part::Deleted(field)),
            (Expect::NameKind, _) => Some(Part::NameKind(field)),
            #[allow(clippy::cast_possible_truncation)] // a field of two bytes
            (Expect::NameUnit, _) => Some(Part::NameUnit(field as u16)),
            (Expect::Length, _) => Some(Part::Variable(field)),
            _ => Some(Part::Count),
        }
    }

    /// Takes a field, or the bytes of it that are there.
    fn take_field(&mut self, input: &mut &[u8]) -> Option<u32> {
        if self.have == 0 && !matches!(self.expect, Expect::NameKind | Expect::NameUnit) {
            if let Some((&field, rest)) = input.split_first_chunk() {
                *input = rest;
                return Some(u32::from_le_bytes(field));
            }
        }
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            let field = self.gather(byte);
            if field.is_some() {
                return field;
            }
        }
        None
    }

    /// Whether the next byte is no longer one of the value, property set or dispid that is being read.
    pub(super) const fn value_is_read(&self) -> bool {
        self.pending == 0
    }

    /// A field is all there; what comes next?
    fn field(&mut self, word: u32) -> Expect {
        match self.expect {
            Expect::Tag => self.tag(word),
            Expect::NameKind => match word {
                0 => {
                    self.pending = 4; // dispid
                    self.value()
                }
                1 => Expect::NameUnit,
                _ => Expect::Foreign,
            },
            Expect::NameUnit if word == 0 => self.value(),
            Expect::Count => {
                self.values = word;
                Expect::Value
            }
            Expect::Length => {
                self.pending = word;
                Expect::Value
            }
            Expect::DelProp => {
                self.deleted(word);
                Expect::Tag
            }
            unchanged => unchanged,
        }
    }

    /// A marker, or type and id of a property.
    fn tag(&mut self, tag: u32) -> Expect {
        if let Some(nesting) = self.nesting.after(tag) {
            self.nesting = nesting;
            return Expect::Tag;
        }
        match self.nesting.other(tag) {
            Other::Misplaced => return Expect::Misplaced,
            Other::Foreign => return Expect::Foreign,
            Other::Property if tag == META_TAG_FX_DEL_PROP => return Expect::DelProp,
            Other::Property => {}
        }
        let [type_low, type_high, _, id_high] = tag.to_le_bytes();
        let Some(layout) = Layout::of(u16::from_le_bytes([type_low, type_high])) else {
            return Expect::Foreign;
        };
        self.size = layout.size;
        self.values = u32::from(!layout.many);
        if id_high >= 0x80 {
            self.pending = 16; // the property set's GUID
            return Expect::NameKind;
        }
        self.value()
    }

    /// What precedes the values of the current property.
    fn value(&self) -> Expect {
        if self.values == 0 {
            return Expect::Count;
        }
        Expect::Value
    }

    fn next_value(&mut self) -> Expect {
        let Some(left) = self.values.checked_sub(1) else {
            return Expect::Tag;
        };
        self.values = left;
        if self.size == 0 {
            return Expect::Length;
        }
        self.pending = self.size.into();
        Expect::Value
    }

    /// The value of a `MetaTagFXDelProp`.
    #[inline(never)] // for its size
    fn deleted(&mut self, tag: u32) {
        if tag == MESSAGE_ATTACHMENTS && self.nesting == Nesting::ITEM {
            self.reached_attachments = true;
        }
    }

    /// The atoms' verdict, as if the stream ended here.
    pub(super) fn end(&self) -> End {
        match self.expect {
            Expect::Foreign => End::Foreign,
            Expect::Misplaced => End::Misplaced,
            _ if self.pending > 0 || self.have > 0 => End::Cut,
            Expect::Tag | Expect::Value if self.nesting == Nesting::ITEM => End::Clean,
            Expect::Tag | Expect::Value => End::Open,
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
        self.at.0
    }

    pub(super) const fn reached_attachments(&self) -> bool {
        self.reached_attachments
    }
}

/// The value of `MetaTagFXDelProp`, or the length of a property's value.
#[inline]
fn second_word(atom: &[u8]) -> Option<u32> {
    let &[_, _, _, _, a, b, c, d] = atom.first_chunk()?;
    Some(u32::from_le_bytes([a, b, c, d]))
}
