//! The attributes that matter of the tag under way.

use super::assembly::{Assembly, Span};
use super::error::ErrorKind;
use super::event::{Attribute, ItemIds, ServerVersion};
use super::outcome::ResponseClass;
use super::soap::Node;
use crate::hash::{extend, hash, EMPTY};

/// Values of the current tag. Texts lie in the scratch, one behind the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    numbers: [u32; 4],
    /// A bit for each that is there.
    numbered: u8,
    texts: [Text; 2],
    /// Where in the scratch the next text may begin.
    free: u16,
    /// Where the value under way goes.
    slot: Option<Slot>,
    pub(super) class: Option<ResponseClass>,
}

#[derive(Clone, Copy, Debug)]
enum Text {
    Absent,
    Held(Span),
    /// What is too long for the scratch has this many bytes.
    Omitted(u32),
}

/// Where a value goes.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Class,
    Number(u8),
    Text(u8),
    Encoding,
}

/// The attributes that are wanted: their element, their name, where their value goes.
#[rustfmt::skip]
const WANTED: [(Node, u32, Slot); 10] = [
    (Node::Message, hash(b"ResponseClass"), Slot::Class),
    (Node::ItemId, hash(b"Id"), Slot::Text(0)),
    (Node::ItemId, hash(b"ChangeKey"), Slot::Text(1)),
    (Node::MessageXmlValue, hash(b"Name"), Slot::Text(0)),
    (Node::ServerVersionInfo, hash(b"Version"), Slot::Text(0)),
    (Node::ServerVersionInfo, hash(b"MajorVersion"), Slot::Number(0)),
    (Node::ServerVersionInfo, hash(b"MinorVersion"), Slot::Number(1)),
    (Node::ServerVersionInfo, hash(b"MajorBuildNumber"), Slot::Number(2)),
    (Node::ServerVersionInfo, hash(b"MinorBuildNumber"), Slot::Number(3)),
    (Node::Declaration, hash(b"encoding"), Slot::Encoding),
];

const UTF_8: u32 = hash(b"utf-8");

impl Attributes {
    pub(super) const fn new() -> Self {
        Self {
            numbers: [0; 4],
            numbered: 0,
            texts: [Text::Absent; 2],
            free: 0,
            slot: None,
            class: None,
        }
    }

    /// Begins a tag.
    pub(super) fn begin_tag(&mut self) {
        self.numbered = 0;
        self.texts = [Text::Absent; 2];
        self.free = 0;
        self.class = None;
    }

    /// Begins a value; `false` if nobody wants it.
    pub(super) fn begin(&mut self, node: Node, name: u32, assembly: &mut Assembly) -> bool {
        self.slot = (WANTED.iter())
            .find(|&&(element, known, _)| known == name && element == node)
            .map(|&(_, _, slot)| slot);
        if node == Node::MessageXmlValue && self.slot.is_some() {
            // `Name` takes the place of the element's own name.
            self.free = 0;
        }
        if self.slot.is_some() {
            assembly.begin(self.free);
        }
        self.slot.is_some()
    }

    /// Takes the assembled value.
    ///
    /// # Errors
    /// [`ErrorKind::Encoding`], if another encoding than UTF-8 is declared.
    pub(super) fn end(&mut self, assembly: &Assembly, scratch: &[u8]) -> Result<(), ErrorKind> {
        let bytes = assembly.held().of(scratch);
        match self.slot.take() {
            Some(Slot::Class) => {
                self.class = match hash(bytes) {
                    SUCCESS => Some(ResponseClass::Success),
                    WARNING => Some(ResponseClass::Warning),
                    ERROR => Some(ResponseClass::Error),
                    _ => None,
                };
            }
            Some(Slot::Number(n)) => {
                let slot = self.numbers.get_mut(usize::from(n));
                if let (Some(slot), Some(number)) = (slot, number(trim(bytes))) {
                    *slot = number;
                    self.numbered |= 1 << n;
                }
            }
            Some(Slot::Text(n)) => self.take_text(n, assembly),
            Some(Slot::Encoding) => {
                let lower = bytes.iter().map(u8::to_ascii_lowercase);
                if lower.fold(EMPTY, extend) != UTF_8 {
                    return Err(ErrorKind::Encoding);
                }
            }
            None => {}
        }
        Ok(())
    }

    fn take_text(&mut self, n: u8, assembly: &Assembly) {
        let text = match assembly.whole() {
            Some(span) => {
                self.free = span.end;
                Text::Held(span)
            }
            None => Text::Omitted(assembly.total()),
        };
        if let Some(slot) = self.texts.get_mut(usize::from(n)) {
            *slot = text;
        }
    }

    /// Takes the assembled name of an element, where an attribute may take its place.
    pub(super) fn name_itself(&mut self, assembly: &Assembly) {
        self.take_text(0, assembly);
    }

    /// The name of a `MessageXml` value: nothing if it takes more than half of the scratch.
    pub(super) fn name(&self, scratch: &[u8]) -> Span {
        match self.texts {
            [Text::Held(span), _] if usize::from(span.end) <= scratch.len() / 2 => span,
            _ => Span::default(),
        }
    }

    pub(super) fn item_ids<'s>(&self, scratch: &'s [u8]) -> ItemIds<'s> {
        let [id, change_key] = &self.texts;
        ItemIds {
            id: id.tell(scratch),
            change_key: change_key.tell(scratch),
        }
    }

    pub(super) fn server_version<'s>(&self, scratch: &'s [u8]) -> ServerVersion<'s> {
        let [version, _] = &self.texts;
        let number = |n: usize| {
            let number = self.numbers.get(n).copied();
            number.filter(|_| self.numbered >> n & 1 != 0)
        };
        ServerVersion {
            major: number(0),
            minor: number(1),
            major_build: number(2),
            minor_build: number(3),
            version: version.tell(scratch),
        }
    }
}

const SUCCESS: u32 = hash(b"Success");
const WARNING: u32 = hash(b"Warning");
const ERROR: u32 = hash(b"Error");

impl Text {
    fn tell(self, scratch: &[u8]) -> Attribute<'_> {
        match self {
            Self::Absent => Attribute::Absent,
            Self::Omitted(len) => Attribute::Omitted { len: len.into() },
            Self::Held(span) => match core::str::from_utf8(span.of(scratch)) {
                Ok(text) => Attribute::Value(text),
                Err(_) => Attribute::Omitted {
                    len: span.of(scratch).len() as u64,
                },
            },
        }
    }
}

/// A value without the white space around it.
#[inline(never)] // for its size
pub(super) fn trim(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

/// A decimal number, too large ones clamped. `None`: it is none.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, &digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        // Without the multiplication of 64 bits that would tell whether this one overflows.
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
            let others = &WANTED[at + 1..];
            assert!(!others.iter().any(|&(e, n, _)| (e, n) == (element, name)));
        }
    }
}
