//! The exact element path of an ExportItems response, by local name.
//!
//! Prefixes and namespace URIs are ignored: servers choose prefixes freely, and documents with
//! `https://` in place of `http://` exist. The schema (`Messages.xsd`, `Types.xsd`) has no wildcard on this
//! path but inside `MessageXml`, so a foreign element cannot be mistaken for one of these.
//! A subtree that is not on the path is skipped.

use super::error::ErrorKind;
use super::xml::Name;

/// How deep elements may be nested, the envelope being the first.
///
/// The path itself is seven deep. Nothing is kept per level off the path, so that memory does not set the limit.
pub const MAX_DEPTH: u32 = 256;

/// An element on the path, or the document around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Document,
    Envelope,
    Header,
    ServerVersionInfo,
    Body,

    ExportItemsResponse,
    ResponseMessages,
    Message,
    MessageText,
    ResponseCode,
    DescriptiveLinkKey,
    MessageXml,
    MessageXmlValue,
    ItemId,
    Data,

    Fault,
    FaultCode,
    FaultString,
    Detail,
}

impl Node {
    /// The child of this name. `Err`: there must not be another here.
    fn child(self, name: &[u8]) -> Result<Option<Self>, ErrorKind> {
        Ok(Some(match (self, name) {
            (Self::Document, b"Envelope") => Self::Envelope,
            (Self::Document, _) => return Err(ErrorKind::NotSoap),
            (Self::Envelope, b"Header") => Self::Header,
            (Self::Envelope, b"Body") => Self::Body,
            (Self::Header, b"ServerVersionInfo") => Self::ServerVersionInfo,
            (Self::Body, b"ExportItemsResponse") => Self::ExportItemsResponse,
            (Self::Body, b"Fault") => Self::Fault,
            (Self::Body, _) => return Err(ErrorKind::UnexpectedOperation),
            (Self::ExportItemsResponse, b"ResponseMessages") => Self::ResponseMessages,
            (Self::ResponseMessages, b"ExportItemsResponseMessage") => Self::Message,
            (Self::Message, b"Data") => Self::Data,
            (Self::Message, b"ItemId") => Self::ItemId,
            (Self::Message, b"MessageText") => Self::MessageText,
            (Self::Message, b"DescriptiveLinkKey") => Self::DescriptiveLinkKey,
            (Self::Message | Self::Detail, b"ResponseCode") => Self::ResponseCode,
            (Self::Message | Self::Detail, b"MessageXml") => Self::MessageXml,
            // `t:Value Name="…"`, or an element that is its own name (`t:LineNumber`).
            (Self::MessageXml, _) => Self::MessageXmlValue,
            // SOAP 1.1 §4.4: the children of a Fault are not qualified.
            (Self::Fault, b"faultcode") => Self::FaultCode,
            (Self::Fault, b"faultstring") => Self::FaultString,
            (Self::Fault, b"detail") => Self::Detail,
            // `e:Message` of the errors namespace.
            (Self::Detail, b"Message") => Self::MessageText,
            _ => return Ok(None),
        }))
    }

    /// Whether the text is told in pieces, as it comes.
    pub(super) const fn is_streamed_text(self) -> bool {
        matches!(
            self,
            Self::MessageText | Self::MessageXmlValue | Self::FaultString
        )
    }

    /// Whether the text is one short token.
    pub(super) const fn is_short_text(self) -> bool {
        matches!(
            self,
            Self::ResponseCode | Self::DescriptiveLinkKey | Self::FaultCode
        )
    }

    /// Whether text other than white space cannot stand here.
    pub(super) const fn is_skeleton(self) -> bool {
        matches!(
            self,
            Self::Document
                | Self::Envelope
                | Self::Header
                | Self::Body
                | Self::ExportItemsResponse
                | Self::ResponseMessages
                | Self::Message
        )
    }
}

/// The deepest element on the path: Envelope, Body, ExportItemsResponse, ResponseMessages, message,
/// MessageXml, Value.
const MAX_PATH: usize = 7;

/// The open elements.
///
/// An end tag must match its start tag. On the path, a hash of the name is kept for each element; off the
/// path, one invertible hash of all open names takes the place of a stack: it is zero again when each end tag
/// had its start tag's name, and, but for collisions, only then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    open: [Element; MAX_PATH],
    depth: u8,
    /// Elements open off the path.
    skipped: u32,
    /// Hash of their names.
    skipped_names: u32,
    /// Hash of the last start tag's name.
    last_opened: u32,
}

#[derive(Clone, Copy, Debug)]
struct Element {
    node: Node,
    name: u32,
}

/// What an end tag closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    Node(Node),
    Skipped,
}

impl Path {
    pub(super) const fn new() -> Self {
        Self {
            open: [Element {
                node: Node::Document,
                name: 0,
            }; MAX_PATH],
            depth: 0,
            skipped: 0,
            skipped_names: 0,
            last_opened: 0,
        }
    }

    /// The innermost open element on the path.
    pub(super) fn node(&self) -> Node {
        self.innermost()
            .map_or(Node::Document, |element| element.node)
    }

    /// Whether the innermost open element is off the path.
    pub(super) const fn is_skipping(&self) -> bool {
        self.skipped > 0
    }

    /// Whether the innermost open element stands in a fault.
    pub(super) fn is_in_fault(&self) -> bool {
        (self.open.get(..usize::from(self.depth)).unwrap_or_default())
            .iter()
            .any(|element| element.node == Node::Fault)
    }

    /// Opens an element. `None`: it is off the path.
    pub(super) fn open(&mut self, name: &Name) -> Result<Option<Node>, ErrorKind> {
        let child = if self.is_skipping() {
            None
        } else {
            self.node().child(name.parts().1)?
        };
        let name = hash(name.qualified());
        self.last_opened = name;
        let Some(node) = child else {
            if self.skipped + u32::from(self.depth) >= MAX_DEPTH {
                return Err(ErrorKind::TooDeep);
            }
            self.skipped += 1;
            self.skipped_names = self.skipped_names.wrapping_mul(FACTOR).wrapping_add(name);
            return Ok(None);
        };
        if let Some(free) = self.open.get_mut(usize::from(self.depth)) {
            *free = Element { node, name };
            self.depth += 1;
        }
        Ok(Some(node))
    }

    /// Closes the innermost element by its end tag.
    pub(super) fn close(&mut self, name: &Name) -> Result<Closed, ErrorKind> {
        self.close_hashed(hash(name.qualified()))
    }

    /// Closes the element that was opened last: its start tag was its end tag too.
    pub(super) fn close_empty(&mut self) -> Result<Closed, ErrorKind> {
        self.close_hashed(self.last_opened)
    }

    fn close_hashed(&mut self, name: u32) -> Result<Closed, ErrorKind> {
        if self.is_skipping() {
            self.skipped -= 1;
            self.skipped_names = self.skipped_names.wrapping_sub(name).wrapping_mul(INVERSE);
            return match (self.skipped, self.skipped_names) {
                (0, 1..) => Err(ErrorKind::MismatchedEndTag),
                _ => Ok(Closed::Skipped),
            };
        }
        match self.innermost() {
            Some(&element) if element.name == name => {
                self.depth -= 1;
                Ok(Closed::Node(element.node))
            }
            _ => Err(ErrorKind::MismatchedEndTag),
        }
    }

    fn innermost(&self) -> Option<&Element> {
        self.open.get(usize::from(self.depth).checked_sub(1)?)
    }
}

/// An odd factor and its inverse modulo 2³², so that a hash can be taken back.
const FACTOR: u32 = 0x9E37_79B1;
const INVERSE: u32 = 0x0E8B_2F51;
const _: () = assert!(FACTOR.wrapping_mul(INVERSE) == 1);

fn hash(name: &[u8]) -> u32 {
    name.chunks(4).fold(0, |hash, chunk| {
        let word = chunk.iter().fold(0, |w, &b| w << 8 | u32::from(b));
        let mixed = (hash ^ word).wrapping_mul(FACTOR);
        mixed ^ mixed >> 15
    })
}
