//! Markup of response messages in the form in which Exchange writes it, recognised by comparison.
//!
//! Exchange 2010 to Exchange Online write the same tags in a message, which consist of constants and a few values. A tag
//! that is in the input as a whole and equals such a constant needs no lexer: what the lexer and the path would make of it is
//! known. At the first byte that differs, and where a tag is not complete, nothing has been consumed, and the lexer reads it
//! from its `<` on. So the events are the same; a response in single bytes never takes this way.
//!
//! Only 64-bit targets have this module. To small cores, its flash is worth more than the time.

use super::{Queue, Reader, Ready};
use crate::bytes::is_space;
use crate::ews::hooks::Hooks;
use crate::ews::response::{Node, ResponseClass};
use crate::xml::hash::QualifiedHash;
use crate::xml::{run, Cursor};

/// A tag, or the part of it up to the value of an attribute.
struct Tag {
    text: &'static [u8],
    node: Node,
    name: QualifiedHash,
}

/// The tag `text` of an element.
const fn tag(text: &'static str, node: Node) -> Tag {
    let text = text.as_bytes();
    Tag {
        text,
        node,
        name: QualifiedHash::of_tag(text),
    }
}

const RESPONSE_CODE: Tag = tag("<m:ResponseCode>", Node::ResponseCode);
const ITEM_ID: Tag = tag(r#"<m:ItemId Id=""#, Node::ItemId);
const DATA: Tag = tag("<m:Data>", Node::Data);
const MESSAGE_TEXT: Tag = tag("<m:MessageText>", Node::MessageText);
const LINK_KEY: Tag = tag("<m:DescriptiveLinkKey>", Node::DescriptiveLinkKey);
const MESSAGE_XML: Tag = tag("<m:MessageXml>", Node::MessageXml);
const VALUE: Tag = tag(r#"<t:Value Name=""#, Node::MessageXmlValue);

const RESPONSE_CODE_END: Tag = tag("</m:ResponseCode>", Node::ResponseCode);
const DATA_END: Tag = tag("</m:Data>", Node::Data);
const MESSAGE_TEXT_END: Tag = tag("</m:MessageText>", Node::MessageText);
const LINK_KEY_END: Tag = tag("</m:DescriptiveLinkKey>", Node::DescriptiveLinkKey);
const MESSAGE_XML_END: Tag = tag("</m:MessageXml>", Node::MessageXml);
const VALUE_END: Tag = tag("</t:Value>", Node::MessageXmlValue);

/// The tags of a message, which differ between the operations.
struct Message<O>(core::marker::PhantomData<O>);

impl<O: Hooks> Message<O> {
    const SUCCESS: Tag = tag(O::TAGS.success, Node::Message);
    const ERROR: Tag = tag(O::TAGS.error, Node::Message);
    const END: Tag = tag(O::TAGS.end, Node::Message);
}

impl Tag {
    /// This tag, if it is next.
    #[allow(clippy::inline_always)] // so that the compiler knows the length
    #[inline(always)]
    fn if_next(&'static self, next: &[u8]) -> Option<&'static Self> {
        next.starts_with(self.text).then_some(self)
    }
}

impl<O: Hooks> Reader<O> {
    /// Takes the tag or text that is next inside of `node`; `None` if the lexer must read it.
    #[inline]
    pub(super) fn expected(
        &mut self,
        node: Node,
        input: &mut Cursor<'_>,
        scratch: &mut [u8],
    ) -> Option<Ready> {
        if node == Node::Document || !self.progress.lexer.is_between_tags() {
            return None;
        }
        let next = input.rest();
        match next.first()? {
            b'<' if !self.stray.has_begun() => {}
            b'<' => return None,
            b'&' => return self.expected_reference(node, input, scratch),
            _ => {
                self.take_text(node, input, scratch);
                return Some(Ready::Nothing);
            }
        }
        if next.get(1) == Some(&b'/') {
            let end = match node {
                Node::Data => DATA_END.if_next(next),
                Node::Message => Message::<O>::END.if_next(next),
                Node::ResponseCode => RESPONSE_CODE_END.if_next(next),
                Node::MessageText => MESSAGE_TEXT_END.if_next(next),
                Node::DescriptiveLinkKey => LINK_KEY_END.if_next(next),
                Node::MessageXmlValue => VALUE_END.if_next(next),
                Node::MessageXml => MESSAGE_XML_END.if_next(next),
                _ => None,
            }?;
            self.take_markup(end.text.len(), input);
            return Some(self.close(end.name, input, scratch));
        }
        // The tags of a message differ after `<m:`, in two bytes at most.
        match (node, next.get(3..5)?) {
            (Node::Message, b"Re") => {
                self.expected_leaf(&RESPONSE_CODE, &RESPONSE_CODE_END, input, scratch)
            }
            (Node::Message, b"It") => self.expected_ids(input, scratch),
            (Node::Message, b"Da") => self.expected_start(&DATA, input, scratch),
            (Node::Message, b"De") => self.expected_leaf(&LINK_KEY, &LINK_KEY_END, input, scratch),
            (Node::Message, b"Me") => self
                .expected_leaf(&MESSAGE_TEXT, &MESSAGE_TEXT_END, input, scratch)
                .or_else(|| self.expected_start(&MESSAGE_XML, input, scratch)),
            (Node::MessageXml, _) => self.expected_value(input, scratch),
            (Node::ResponseMessages, _) => {
                let message = self.expected_start(&Message::<O>::SUCCESS, input, scratch);
                if message.is_some() {
                    self.attributes.class = Some(ResponseClass::Success);
                    return message;
                }
                let message = self.expected_start(&Message::<O>::ERROR, input, scratch)?;
                self.attributes.class = Some(ResponseClass::Error);
                Some(message)
            }
            _ => None,
        }
    }

    /// Takes a start tag without attributes other than the class.
    #[allow(clippy::inline_always)] // as above
    #[inline(always)]
    fn expected_start(
        &mut self,
        tag: &'static Tag,
        input: &mut Cursor<'_>,
        scratch: &[u8],
    ) -> Option<Ready> {
        tag.if_next(input.rest())?;
        self.begin_tag(tag);
        Some(self.end_tag(false, tag.text.len(), input, scratch))
    }

    /// Takes an element of nothing but text, or its start.
    #[allow(clippy::inline_always)] // as above
    #[inline(always)]
    fn expected_leaf(
        &mut self,
        start: &'static Tag,
        end: &'static Tag,
        input: &mut Cursor<'_>,
        scratch: &mut [u8],
    ) -> Option<Ready> {
        self.expected_start(start, input, scratch)?;
        let text = run(input.rest(), b'<', b'&', b'&');
        if start.node.is_short_text() && !text.iter().any(|&byte| is_space(byte)) {
            self.assembly.push_or_count(text, scratch);
            input.bump(text.len());
        } else {
            let taken = self.take(start.node, text, input.offset(), scratch);
            input.bump(taken);
        }
        if self.queue != Queue::Nothing || end.if_next(input.rest()).is_none() {
            return Some(Ready::Nothing);
        }
        self.take_markup(end.text.len(), input);
        let closed = self.close(end.name, input, scratch);
        Some(match self.queue {
            Queue::ClosedText => self.end_text(scratch),
            _ => closed,
        })
    }

    /// Takes a reference to a predefined entity (XML 1.0 §4.6) in a text.
    fn expected_reference(
        &mut self,
        node: Node,
        input: &mut Cursor<'_>,
        scratch: &mut [u8],
    ) -> Option<Ready> {
        let (char, len) = match input.rest() {
            [b'&', b'q', b'u', b'o', b't', b';', ..] => (b"\"", 6),
            [b'&', b'a', b'p', b'o', b's', b';', ..] => (b"'", 6),
            [b'&', b'a', b'm', b'p', b';', ..] => (b"&", 5),
            [b'&', b'l', b't', b';', ..] => (b"<", 4),
            [b'&', b'g', b't', b';', ..] => (b">", 4),
            _ => return None,
        };
        if node == Node::Data {
            return None;
        }
        input.bump(len);
        self.take(node, char, input.offset(), scratch);
        Some(Ready::Nothing)
    }

    /// Takes an `ItemId` with both attributes.
    fn expected_ids(&mut self, input: &mut Cursor<'_>, scratch: &mut [u8]) -> Option<Ready> {
        let next = input.rest();
        let rest = next.strip_prefix(ITEM_ID.text)?;
        let (id, rest) = value(rest)?;
        let (change_key, rest) = value(rest.strip_prefix(br#" ChangeKey=""#)?)?;
        let rest = rest.strip_prefix(b"/>")?;
        let len = next.len().wrapping_sub(rest.len());
        self.begin_tag(&ITEM_ID);
        self.attributes.take_first(id, &mut self.assembly, scratch);
        self.attributes
            .take_second(change_key, &mut self.assembly, scratch);
        self.queue = Queue::Close;
        Some(self.end_tag(true, len, input, scratch))
    }

    /// Takes the start tag of a value with a name.
    fn expected_value(&mut self, input: &mut Cursor<'_>, scratch: &mut [u8]) -> Option<Ready> {
        let next = input.rest();
        let rest = next.strip_prefix(VALUE.text)?;
        let (name, rest) = value(rest)?;
        let rest = rest.strip_prefix(b">")?;
        let len = next.len().wrapping_sub(rest.len());
        self.begin_tag(&VALUE);
        self.attributes
            .take_first(name, &mut self.assembly, scratch);
        Some(self.end_tag(false, len, input, scratch))
    }

    /// An element on the path begins.
    fn begin_tag(&mut self, tag: &Tag) {
        // INVARIANT: the path has room for every element that it can have here.
        self.path.enter(tag.node, tag.name);
        self.tag = tag.node;
        self.attributes.begin_tag();
    }

    /// Takes a start tag of `len` bytes, whose attributes have been taken.
    fn end_tag(
        &mut self,
        empty: bool,
        len: usize,
        input: &mut Cursor<'_>,
        scratch: &[u8],
    ) -> Ready {
        self.take_markup(len, input);
        self.open(empty, scratch)
    }

    /// Takes a tag of `len` bytes off the input.
    fn take_markup(&mut self, len: usize, input: &mut Cursor<'_>) {
        self.progress.lexer.begin_markup(input.offset());
        input.bump(len);
    }
}

/// The value up to the quotation mark, and what follows that; `None` if it has references, is long or not complete.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let value = run(text, b'"', b'<', b'&');
    let rest = text.get(value.len()..)?.strip_prefix(b"\"")?;
    Some((value, rest))
}
