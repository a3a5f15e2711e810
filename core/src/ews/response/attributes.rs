//! The attributes of the current tag that are known.

use super::error::ErrorKind;
use super::event::{Attribute, ResponseItemId, ServerVersion};
use super::outcome::ResponseClass;
use super::Node;
use crate::bytes::{is_space, skip_space};
use crate::xml::hash::{extend, hash, QualifiedHash, EMPTY};
use crate::xml::{Assembly, Span};

/// Values of the current tag. Texts are in the scratch, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes {
    /// For a number, its value; for a text, its [`Span`], or its length if it is too long for the scratch.
    values: [u32; 5],
    /// A bit for each value that is present.
    filled: u8,
    /// A bit for each text that is too long.
    omitted: u8,
    /// A bit for each attribute that has begun.
    begun: u8,
    /// Where the next text may begin in the scratch.
    free: u16,
    /// Where the current value is stored.
    slot: Slot,
    /// An attribute is there twice, or the element must not be here.
    contradictory: bool,
    pub(crate) class: Option<ResponseClass>,
}

/// Where a value is stored: a number below 8 for each attribute of an element, with [`NUMBER`] for numbers.
type Slot = u8;

const CLASS: Slot = 5;
const ENCODING: Slot = 6;
/// The value is not stored.
const NONE: Slot = 7;
/// Added to a slot below 5: the value is a number, not a text.
const NUMBER: Slot = 8;

/// Where texts are.
const FIRST: u8 = 0;
const SECOND: u8 = 1;

/// The number of attributes that are known.
const KNOWN: usize = 11;

/// The attributes that are known: their element, their name, and where their value is stored.
///
/// INVARIANT: no two rows have the same element and name, so the order of the rows does not matter. The names have no
/// prefix, so an attribute with a prefix never matches.
#[rustfmt::skip]
const WANTED: [(Node, QualifiedHash, Slot); KNOWN] = [
    (Node::Message, QualifiedHash::unprefixed(b"ResponseClass"), CLASS),
    (Node::OtherMessage, QualifiedHash::unprefixed(b"ResponseClass"), CLASS),
    (Node::ItemId, QualifiedHash::unprefixed(b"Id"), FIRST),
    (Node::ItemId, QualifiedHash::unprefixed(b"ChangeKey"), SECOND),
    (Node::MessageXmlValue, QualifiedHash::unprefixed(b"Name"), FIRST),
    (Node::ServerVersionInfo, QualifiedHash::unprefixed(b"Version"), FIRST),
    (Node::ServerVersionInfo, QualifiedHash::unprefixed(b"MajorVersion"), NUMBER | 1),
    (Node::ServerVersionInfo, QualifiedHash::unprefixed(b"MinorVersion"), NUMBER | 2),
    (Node::ServerVersionInfo, QualifiedHash::unprefixed(b"MajorBuildNumber"), NUMBER | 3),
    (Node::ServerVersionInfo, QualifiedHash::unprefixed(b"MinorBuildNumber"), NUMBER | 4),
    (Node::Declaration, QualifiedHash::unprefixed(b"encoding"), ENCODING),
];

/// The hash of each name inside its element, and where its value is stored, in the order of [`WANTED`].
#[allow(clippy::indexing_slicing)] // at compile time
static TABLE: ([u32; KNOWN], [Slot; KNOWN]) = {
    let (mut keys, mut slots) = ([0; KNOWN], [NONE; KNOWN]);
    let mut at = 0;
    while at < KNOWN {
        let (element, name, slot) = WANTED[at];
        keys[at] = name.inside(element as u32);
        slots[at] = slot;
        at += 1;
    }
    (keys, slots)
};

/// The values of [`CLASS`], and the encodings that may be declared, in lower case: UTF-8, and those of one byte that begin
/// with ASCII and that servers and proxies declare. Bytes of the latter beyond ASCII are no UTF-8.
const WORDS: [u32; 8] = [
    hash(b"Success"),
    hash(b"Warning"),
    hash(b"Error"),
    hash(b"utf-8"),
    hash(b"utf8"),
    hash(b"us-ascii"),
    hash(b"iso-8859-1"),
    hash(b"windows-1252"),
];

impl Attributes {
    pub(crate) const fn new() -> Self {
        Self {
            values: [0; 5],
            filled: 0,
            omitted: 0,
            begun: 0,
            free: 0,
            slot: NONE,
            contradictory: false,
            class: None,
        }
    }

    /// Begins a tag.
    pub(crate) fn begin_tag(&mut self) {
        self.filled = 0;
        self.omitted = 0;
        self.begun = 0;
        self.contradictory = false;
        self.free = 0;
        self.class = None;
    }

    /// Notes that the element must not be here.
    pub(crate) fn contradict(&mut self) {
        self.contradictory = true;
    }

    /// Whether an attribute is there twice (XML 1.0 §3.1, Unique Att Spec), or [`contradict`](Self::contradict) was
    /// called.
    pub(crate) const fn are_contradictory(&self) -> bool {
        self.contradictory
    }

    /// Begins a value; `false` if it is not stored.
    pub(crate) fn begin(
        &mut self,
        node: Node,
        name: QualifiedHash,
        assembly: &mut Assembly,
    ) -> bool {
        let key = name.inside(node as u32);
        let mut known = TABLE.0.iter().zip(&TABLE.1);
        let mut slot = (known.find(|&(&known, _)| known == key)).map_or(NONE, |(_, &slot)| slot);
        if slot != NONE {
            let bit = 1 << (slot & 7);
            if self.begun & bit != 0 {
                // Neither of two classes counts, in either order.
                self.class = None;
                self.contradictory = true;
                slot = NONE;
            } else {
                // Every declared encoding is checked.
                self.begun |= bit & !(1 << ENCODING);
                if node == Node::MessageXmlValue {
                    // `Name` takes the place of the element's own name.
                    self.free = 0;
                }
                assembly.begin(self.free);
            }
        }
        self.slot = slot;
        slot != NONE
    }

    /// Takes the assembled value.
    ///
    /// # Errors
    /// [`ErrorKind::Encoding`], if an encoding is declared that cannot be read as UTF-8.
    pub(crate) fn end(&mut self, assembly: &Assembly, scratch: &[u8]) -> Result<(), ErrorKind> {
        let bytes = assembly.held().of(scratch);
        match core::mem::replace(&mut self.slot, NONE) {
            NONE => {}
            slot @ (CLASS | ENCODING) => {
                let hash = bytes.iter().fold(EMPTY, |hash, byte| {
                    extend(
                        hash,
                        match slot {
                            CLASS => *byte,
                            _ => byte.to_ascii_lowercase(),
                        },
                    )
                });
                let word = WORDS.iter().position(|&word| word == hash);
                if slot == CLASS {
                    self.class = match word {
                        Some(0) => Some(ResponseClass::Success),
                        Some(1) => Some(ResponseClass::Warning),
                        Some(2) => Some(ResponseClass::Error),
                        _ => None,
                    };
                } else if !matches!(word, Some(3..)) {
                    return Err(ErrorKind::Encoding);
                }
            }
            slot if slot & NUMBER != 0 => {
                if let Some(number) = number(trim(bytes)) {
                    self.put(slot & 7, number);
                }
            }
            slot => self.take_text(slot, assembly),
        }
        Ok(())
    }

    /// Takes the value of the first text, the whole of which is at hand.
    #[cfg(target_pointer_width = "64")]
    pub(crate) fn take_first(&mut self, value: &[u8], assembly: &mut Assembly, scratch: &mut [u8]) {
        assembly.begin(0);
        assembly.push_or_count(value, scratch);
        self.take_text(FIRST, assembly);
    }

    /// The same of the second text, after the first one.
    #[cfg(target_pointer_width = "64")]
    pub(crate) fn take_second(
        &mut self,
        value: &[u8],
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) {
        assembly.begin(self.free);
        assembly.push_or_count(value, scratch);
        self.take_text(SECOND, assembly);
    }

    fn take_text(&mut self, n: u8, assembly: &Assembly) {
        let bit = 1_u8.wrapping_shl(n.into());
        if let Some(span) = assembly.whole() {
            self.free = span.end;
            self.omitted &= !bit;
            self.put(n, span.to_bits());
        } else {
            self.omitted |= bit;
            self.put(n, assembly.total());
        }
    }

    fn put(&mut self, n: u8, value: u32) {
        if let Some(slot) = self.values.get_mut(usize::from(n)) {
            *slot = value;
            self.filled |= 1_u8.wrapping_shl(n.into());
        }
    }

    /// The value of a slot, if there is one.
    fn value(&self, n: u8) -> Option<u32> {
        let value = self.values.get(usize::from(n)).copied();
        value.filter(|_| self.filled >> n & 1 != 0)
    }

    /// Takes the assembled name of an element, which the attribute `Name` replaces.
    pub(crate) fn name_itself(&mut self, assembly: &Assembly) {
        self.take_text(FIRST, assembly);
    }

    /// The name of a `MessageXml` value; empty if it takes more than half of the scratch.
    #[inline(never)] // for its size
    pub(crate) fn name(&self, scratch: &[u8]) -> Span {
        let held = self.value(FIRST).filter(|_| self.omitted == 0);
        (held.map(Span::from_bits))
            .filter(|span| usize::from(span.end) <= scratch.len() / 2)
            .unwrap_or_default()
    }

    pub(crate) fn item_ids<'s>(&self, scratch: &'s [u8]) -> ResponseItemId<'s> {
        ResponseItemId {
            id: self.text(FIRST, scratch),
            change_key: self.text(SECOND, scratch),
        }
    }

    pub(crate) fn server_version<'s>(&self, scratch: &'s [u8]) -> ServerVersion<'s> {
        ServerVersion {
            major: self.value(1),
            minor: self.value(2),
            major_build: self.value(3),
            minor_build: self.value(4),
            version: self.text(FIRST, scratch),
        }
    }

    fn text<'s>(&self, n: u8, scratch: &'s [u8]) -> Attribute<'s> {
        let Some(value) = self.value(n) else {
            return Attribute::Absent;
        };
        if self.omitted >> n & 1 != 0 {
            return Attribute::Omitted { len: value.into() };
        }
        let bytes = Span::from_bits(value).of(scratch);
        match core::str::from_utf8(bytes) {
            Ok(text) => Attribute::Value(text),
            Err(_) => Attribute::Omitted {
                len: bytes.len() as u64,
            },
        }
    }
}

/// A value without the white space around it.
#[inline(never)] // for its size
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    let mut value = skip_space(value);
    while let Some((_, rest)) = value.split_last().filter(|(&byte, _)| is_space(byte)) {
        value = rest;
    }
    value
}

/// Returns a decimal number, clamped to 32 bits; `None` if the text is not one.
#[inline(never)] // for its size
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, &digit| {
        let digit = digit
            .is_ascii_digit()
            .then(|| u32::from(digit.wrapping_sub(b'0')))?;
        // A checked multiplication would take 64 bits.
        Some(match number <= u32::MAX / 10 {
            true => (number * 10).saturating_add(digit),
            false => u32::MAX,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::WANTED;

    #[test]
    fn no_two_attributes_are_taken_for_one_another() {
        for (at, &(element, name, _)) in WANTED.iter().enumerate() {
            let key = name.inside(element as u32);
            let mut others = WANTED[at + 1..].iter();
            assert!(others.all(|&(e, n, _)| n.inside(e as u32) != key));
        }
    }
}
