//! The exact element path of an ExportItems response, by local name.
//!
//! Prefixes and namespace URIs are ignored: servers choose prefixes freely, and documents with
//! `https://` in place of `http://` exist. The schema (`Messages.xsd`, `Types.xsd`) has no wildcard on this
//! path but inside `MessageXml`, so a foreign element cannot be mistaken for one of these.
//! A subtree that is not on the path is skipped.

use super::error::ErrorKind;
use super::xml::Word;
use crate::hash::{hash, FACTOR};

/// How deep elements may be nested, the envelope being the first.
///
/// The path itself is seven deep. Nothing is kept per level off the path, so that memory does not set the limit.
pub const MAX_DEPTH: u32 = 256;

/// An element on the path, or the document around it. Those that are alike stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Document,
    Envelope,
    Header,
    Body,
    ExportItemsResponse,
    ResponseMessages,
    Message,

    MessageText,
    MessageXmlValue,
    FaultString,

    ResponseCode,
    DescriptiveLinkKey,
    FaultCode,

    ServerVersionInfo,
    ItemId,
    Data,
    MessageXml,
    Fault,
    Detail,
    /// `Code`, `Subcode` and `Reason` of SOAP 1.2.
    Wrapper,
    /// A response message of another name.
    OtherMessage,

    /// The XML declaration, which is no element but has attributes.
    Declaration,
    /// Any element that is not on the path.
    Foreign,
}

/// Each element of the path: its parent, its name, itself.
const CHILDREN: [(Node, u32, Node); 29] = [
    (Node::Message, hash(b"ResponseCode"), Node::ResponseCode),
    (Node::Message, hash(b"ItemId"), Node::ItemId),
    (Node::Message, hash(b"Data"), Node::Data),
    (Node::Message, hash(b"MessageText"), Node::MessageText),
    (
        Node::Message,
        hash(b"DescriptiveLinkKey"),
        Node::DescriptiveLinkKey,
    ),
    (Node::Message, hash(b"MessageXml"), Node::MessageXml),
    // All response messages have the same base type. Neither ids nor data of another operation's are an exported item's.
    (
        Node::OtherMessage,
        hash(b"ResponseCode"),
        Node::ResponseCode,
    ),
    (Node::OtherMessage, hash(b"MessageText"), Node::MessageText),
    (Node::OtherMessage, hash(b"MessageXml"), Node::MessageXml),
    (
        Node::ResponseMessages,
        hash(b"ExportItemsResponseMessage"),
        Node::Message,
    ),
    (
        Node::ExportItemsResponse,
        hash(b"ResponseMessages"),
        Node::ResponseMessages,
    ),
    (
        Node::Body,
        hash(b"ExportItemsResponse"),
        Node::ExportItemsResponse,
    ),
    (Node::Envelope, hash(b"Body"), Node::Body),
    (Node::Envelope, hash(b"Header"), Node::Header),
    (
        Node::Header,
        hash(b"ServerVersionInfo"),
        Node::ServerVersionInfo,
    ),
    (Node::Document, hash(b"Envelope"), Node::Envelope),
    (Node::Body, hash(b"Fault"), Node::Fault),
    // SOAP 1.1 §4.4: the children of a Fault are not qualified.
    (Node::Fault, hash(b"faultcode"), Node::FaultCode),
    (Node::Fault, hash(b"faultstring"), Node::FaultString),
    (Node::Fault, hash(b"detail"), Node::Detail),
    // SOAP 1.2 §5.4: they are, and one level deeper.
    (Node::Fault, hash(b"Code"), Node::Wrapper),
    (Node::Fault, hash(b"Reason"), Node::Wrapper),
    (Node::Fault, hash(b"Detail"), Node::Detail),
    (Node::Wrapper, hash(b"Value"), Node::FaultCode),
    (Node::Wrapper, hash(b"Text"), Node::FaultString),
    (Node::Wrapper, hash(b"Subcode"), Node::Wrapper),
    // `e:ResponseCode` and `e:Message` of the errors namespace.
    (Node::Detail, hash(b"ResponseCode"), Node::ResponseCode),
    (Node::Detail, hash(b"Message"), Node::MessageText),
    (Node::Detail, hash(b"MessageXml"), Node::MessageXml),
];

/// Of elements of the path, and the document: those that stand in front of what is none.
const NODES: usize = Node::Declaration as usize;

/// The parent of each element, by its number. An element that has two is in a message, or in a fault's detail.
#[allow(clippy::indexing_slicing)] // at compile time
const PARENTS: [Node; NODES] = {
    // What is no child of the table is a value of `MessageXml`.
    let mut parents = [Node::MessageXml; NODES];
    let mut at = CHILDREN.len();
    while at > 0 {
        at -= 1; // those in a message come first, and those in a fault before those one level deeper
        parents[CHILDREN[at].2 as usize] = CHILDREN[at].0;
    }
    parents[Node::OtherMessage as usize] = Node::ResponseMessages;
    parents
};

impl Node {
    /// The child of this name. `Err`: there must not be another here.
    fn child(self, name: u32) -> Result<Self, ErrorKind> {
        let known = CHILDREN
            .iter()
            .find(|&&(parent, known, _)| known == name && parent == self);
        match (known, self) {
            (Some(&(_, _, child)), _) => Ok(child),
            // `t:Value Name="…"`, or an element that is its own name (`t:LineNumber`).
            (None, Self::MessageXml) => Ok(Self::MessageXmlValue),
            // `ResponseMessages` is a choice of messages of every operation, and each takes a position.
            (None, Self::ResponseMessages) => Ok(Self::OtherMessage),
            (None, Self::Document) => Err(ErrorKind::NotSoap),
            (None, Self::Body) => Err(ErrorKind::UnexpectedOperation),
            (None, _) => Ok(Self::Foreign),
        }
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
/// MessageXml, Value. A `Subcode` in `Subcode` may reach further, and is skipped there.
const MAX_PATH: usize = 7;

/// How deep a fault is: Envelope, Body, Fault.
const FAULT_DEPTH: u8 = 3;

/// The open elements.
///
/// An end tag must match its start tag. On the path, a hash of the name is kept for each element; off the
/// path, one invertible hash of all open names takes the place of a stack: it is zero again when each end tag
/// had its start tag's name, and, but for collisions, only then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    names: [u32; MAX_PATH],
    /// Hash of the names that are open off the path.
    skipped_names: u32,
    /// Hash of the last start tag's name.
    last_opened: u32,
    depth: u8,
    /// The innermost open element that is on the path.
    innermost: Node,
    /// What is the parent of an element whose parent may be a message: [`Node::Message`], [`Node::OtherMessage`], or, in
    /// a fault, [`Node::Detail`].
    parent: Node,
    /// Elements open off the path: fewer than [`MAX_DEPTH`], since the outermost is on it.
    skipped: u8,
}

impl Path {
    pub(super) const fn new() -> Self {
        Self {
            names: [0; MAX_PATH],
            skipped_names: 0,
            last_opened: 0,
            depth: 0,
            innermost: Node::Document,
            parent: Node::Message,
            skipped: 0,
        }
    }

    /// The innermost open element.
    pub(super) const fn node(&self) -> Node {
        match self.skipped {
            0 => self.innermost,
            _ => Node::Foreign,
        }
    }

    /// Whether the innermost open element is this one, which is on the path.
    pub(super) fn is_in(&self, node: Node) -> bool {
        self.innermost == node && self.skipped == 0
    }

    /// The innermost open element that is not [`Node::Foreign`].
    pub(super) const fn on_path(&self) -> Node {
        self.innermost
    }

    /// Whether the innermost open element stands in a fault, or is one.
    pub(super) fn is_in_fault(&self) -> bool {
        self.parent == Node::Detail
    }

    /// Opens an element, and says which.
    pub(super) fn open(&mut self, name: &Word) -> Result<Node, ErrorKind> {
        self.last_opened = name.qualified();
        let node = match self.node() {
            Node::Foreign => Node::Foreign,
            node => node.child(name.local())?,
        };
        let free = (self.names.get_mut(usize::from(self.depth))).filter(|_| node != Node::Foreign);
        let Some(free) = free else {
            if u32::from(self.skipped).wrapping_add(self.depth.into()) >= MAX_DEPTH {
                return Err(ErrorKind::TooDeep);
            }
            self.skipped = self.skipped.wrapping_add(1);
            self.skipped_names =
                (self.skipped_names.wrapping_mul(FACTOR)).wrapping_add(self.last_opened);
            return Ok(Node::Foreign);
        };
        *free = self.last_opened;
        self.depth = self.depth.wrapping_add(1);
        self.innermost = node;
        match node {
            Node::Message | Node::OtherMessage => self.parent = node,
            Node::Fault => self.parent = Node::Detail,
            _ => {}
        }
        Ok(node)
    }

    /// Closes the innermost element by its end tag, and says which it was.
    pub(super) fn close(&mut self, name: u32) -> Result<Node, ErrorKind> {
        if self.skipped > 0 {
            self.skipped = self.skipped.wrapping_sub(1);
            self.skipped_names = self.skipped_names.wrapping_sub(name).wrapping_mul(INVERSE);
            if self.skipped == 0 && self.skipped_names != 0 {
                return Err(ErrorKind::MismatchedEndTag);
            }
            return Ok(Node::Foreign);
        }
        let depth = self.depth.wrapping_sub(1);
        if self.names.get(usize::from(depth)) != Some(&name) {
            return Err(ErrorKind::MismatchedEndTag);
        }
        self.depth = depth;
        let closed = self.innermost;
        self.innermost = match PARENTS.get(closed as usize) {
            Some(Node::Message) => self.parent,
            Some(Node::Fault) if depth > FAULT_DEPTH => Node::Wrapper,
            Some(&parent) => parent,
            None => Node::Document,
        };
        if closed == Node::Fault {
            self.parent = Node::Message;
        }
        Ok(closed)
    }

    /// The name that closes the element that was opened last, where its start tag was its end tag too.
    pub(super) const fn last_opened(&self) -> u32 {
        self.last_opened
    }
}

/// The inverse of the factor modulo 2³², so that a hash can be taken back.
const INVERSE: u32 = 0x0E8B_2F51;
const _: () = assert!(FACTOR.wrapping_mul(INVERSE) == 1);

#[cfg(test)]
mod tests {
    use super::CHILDREN;

    #[test]
    fn no_two_children_are_taken_for_one_another() {
        for (at, &(parent, name, _)) in CHILDREN.iter().enumerate() {
            let others = &CHILDREN[at + 1..];
            assert!(!others.iter().any(|&(p, n, _)| (p, n) == (parent, name)));
        }
    }
}
