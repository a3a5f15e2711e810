//! The attributes that matter of the tag under way.

use super::assembly::{Assembly, Span};
use super::event::{Attribute, ItemIds, ServerVersion};
use super::outcome::ResponseClass;
use super::soap::Node;
use crate::hash::hash;

/// Values of the current tag. Texts lie in the scratch, one behind the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    pub(super) class: Option<ResponseClass>,
    numbers: [Option<u32>; 4],
    texts: [Text; 2],
    /// Where in the scratch the next text may begin.
    free: usize,
    /// The attribute under way.
    slot: Option<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Text {
    #[default]
    Absent,
    Held(Span),
    Omitted(u64),
}

/// Where a value goes.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Class,
    Number(u8),
    Text(u8),
}

/// The attributes that are wanted: their element, their name, where their value goes.
const WANTED: [(Node, u32, Slot); 9] = [
    (Node::Message, hash(b"ResponseClass"), Slot::Class),
    (Node::ItemId, hash(b"Id"), Slot::Text(0)),
    (Node::ItemId, hash(b"ChangeKey"), Slot::Text(1)),
    (Node::MessageXmlValue, hash(b"Name"), Slot::Text(0)),
    (Node::ServerVersionInfo, hash(b"Version"), Slot::Text(0)),
    (
        Node::ServerVersionInfo,
        hash(b"MajorVersion"),
        Slot::Number(0),
    ),
    (
        Node::ServerVersionInfo,
        hash(b"MinorVersion"),
        Slot::Number(1),
    ),
    (
        Node::ServerVersionInfo,
        hash(b"MajorBuildNumber"),
        Slot::Number(2),
    ),
    (
        Node::ServerVersionInfo,
        hash(b"MinorBuildNumber"),
        Slot::Number(3),
    ),
];

impl Attributes {
    pub(super) const fn new() -> Self {
        Self {
            class: None,
            numbers: [None; 4],
            texts: [Text::Absent; 2],
            free: 0,
            slot: None,
        }
    }

    /// Begins a value; `false` if nobody wants it.
    pub(super) fn begin(&mut self, node: Node, name: u32, assembly: &mut Assembly) -> bool {
        self.slot = (WANTED.iter())
            .find(|&&(element, known, _)| known == name && element == node)
            .map(|&(_, _, slot)| slot);
        if matches!((node, self.slot), (Node::MessageXmlValue, Some(_))) {
            // `Name` takes the place of the element's own name.
            self.free = 0;
        }
        if self.slot.is_some() {
            assembly.begin(self.free);
        }
        self.slot.is_some()
    }

    /// Takes the assembled value.
    pub(super) fn end(&mut self, assembly: &Assembly, scratch: &[u8]) {
        let bytes = assembly.held().of(scratch);
        match self.slot.take() {
            Some(Slot::Class) => {
                self.class = match bytes {
                    b"Success" => Some(ResponseClass::Success),
                    b"Warning" => Some(ResponseClass::Warning),
                    b"Error" => Some(ResponseClass::Error),
                    _ => None,
                };
            }
            Some(Slot::Number(n)) => {
                if let Some(number) = self.numbers.get_mut(usize::from(n)) {
                    *number = self::number(bytes);
                }
            }
            Some(Slot::Text(n)) => {
                let whole = assembly.whole();
                let span = whole.filter(|span| core::str::from_utf8(span.of(scratch)).is_ok());
                if let Some(text) = self.texts.get_mut(usize::from(n)) {
                    *text = span.map_or(Text::Omitted(assembly.total()), Text::Held);
                }
                self.free = span.map_or(self.free, |span| span.end);
            }
            None => {}
        }
    }

    /// Takes the assembled name of an element, where an attribute may take its place.
    pub(super) fn name_itself(&mut self, assembly: &Assembly, scratch: &[u8]) {
        self.slot = Some(Slot::Text(0));
        self.end(assembly, scratch);
    }

    /// The name of a `MessageXml` value: nothing if it takes more than half of the scratch.
    pub(super) fn name(&self, scratch: &[u8]) -> Span {
        match self.texts {
            [Text::Held(span), _] if span.end <= scratch.len() / 2 => span,
            _ => Span::default(),
        }
    }

    pub(super) fn item_ids<'s>(&self, scratch: &'s [u8]) -> ItemIds<'s> {
        let [id, change_key] = self.texts.map(|text| text.tell(scratch));
        ItemIds { id, change_key }
    }

    pub(super) fn server_version<'s>(&self, scratch: &'s [u8]) -> ServerVersion<'s> {
        let [major, minor, major_build, minor_build] = self.numbers;
        let [version, _] = self.texts.map(|text| text.tell(scratch));
        ServerVersion {
            major,
            minor,
            major_build,
            minor_build,
            version,
        }
    }
}

impl Text {
    fn tell(self, scratch: &[u8]) -> Attribute<'_> {
        match self {
            Self::Absent => Attribute::Absent,
            Self::Held(span) => Attribute::Value(span.text(scratch)),
            Self::Omitted(len) => Attribute::Omitted { len },
        }
    }
}

/// A decimal number, too large ones clamped. `None`: it is none.
pub(super) fn number(text: &[u8]) -> Option<u32> {
    let digits = text.trim_ascii();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, &digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
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
