//! The elements of a response that are known, by their parent and local name.
//!
//! Prefixes and namespace URIs are ignored: servers choose prefixes freely, and documents with
//! `https://` in place of `http://` exist. The schema (`Messages.xsd`, `Types.xsd`) has no wildcard on this
//! path except inside `MessageXml`, so a foreign element cannot be mistaken for one of these.
//! A subtree that is not on the path is skipped.

use super::error::{ErrorKind, OperationName};
use crate::xml::hash::LocalHash;

/// An element on the path, or the document around it. Similar ones are adjacent, so that a test is one comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Document,
    Envelope,
    Header,
    Body,
    /// The response element of the operation, such as `ExportItemsResponse`.
    Response,
    ResponseMessages,
    /// The response message of the operation, such as `ExportItemsResponseMessage`.
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

    /// The XML declaration, which is not an element but has attributes.
    Declaration,
    /// Any element that is not on the path.
    Foreign,
}

/// An element: its parent, its name, and what it is.
type Child = (Node, LocalHash, Node);

/// The number of elements, counted once for each parent.
const CHILDREN: usize = 29;

/// The elements of an operation, which has this name.
#[derive(Debug)]
pub(crate) struct Children {
    operation: OperationName,
    /// The hash of each element's name inside its parent.
    keys: [u32; CHILDREN],
    /// What each element is, in the same order.
    nodes: [Node; CHILDREN],
}

impl Children {
    /// The elements of an operation, as a table in which one comparison finds both the parent and the name.
    #[allow(clippy::indexing_slicing)] // at compile time
    pub(crate) const fn new(
        operation: OperationName,
        response: LocalHash,
        message: LocalHash,
        own: [(LocalHash, Node); 2],
    ) -> Self {
        let rows = children(response, message, own);
        let (mut keys, mut nodes) = ([0; CHILDREN], [Node::Foreign; CHILDREN]);
        let mut at = 0;
        while at < CHILDREN {
            let (parent, name, node) = rows[at];
            keys[at] = name.inside(parent as u32);
            nodes[at] = node;
            at += 1;
        }
        Self {
            operation,
            keys,
            nodes,
        }
    }
}

/// The elements of a response of an operation.
///
/// INVARIANT: no two rows have the same parent and name, so a look-up does not depend on the order of the rows. What does
/// is [`PARENTS`], and the order in which names are compared: the most frequent ones come first.
#[rustfmt::skip]
const fn children(response: LocalHash, message: LocalHash, own: [(LocalHash, Node); 2]) -> [Child; CHILDREN] {
    const fn name(name: &str) -> LocalHash {
        LocalHash::of(name.as_bytes())
    }
    use Node::{
        Body, DescriptiveLinkKey, Detail, Document, Envelope, Fault, FaultCode, FaultString, Header, Message, MessageText,
        MessageXml, OtherMessage, Response, ResponseCode, ResponseMessages, ServerVersionInfo, Wrapper,
    };
    let [first, second] = own;
    [
        (Message, name("ResponseCode"), ResponseCode),
        (Message, first.0, first.1),
        (Message, second.0, second.1),
        (Message, name("MessageText"), MessageText),
        (Message, name("DescriptiveLinkKey"), DescriptiveLinkKey),
        (Message, name("MessageXml"), MessageXml),
        // All response messages have the same base type. Neither ids nor data of another operation are an item's.
        (OtherMessage, name("ResponseCode"), ResponseCode),
        (OtherMessage, name("MessageText"), MessageText),
        (OtherMessage, name("MessageXml"), MessageXml),
        (ResponseMessages, message, Message),
        (Response, name("ResponseMessages"), ResponseMessages),
        (Body, response, Response),
        (Envelope, name("Body"), Body),
        (Envelope, name("Header"), Header),
        (Header, name("ServerVersionInfo"), ServerVersionInfo),
        (Document, name("Envelope"), Envelope),
        (Body, name("Fault"), Fault),
        // SOAP 1.1 §4.4: the children of a Fault are not qualified.
        (Fault, name("faultcode"), FaultCode),
        (Fault, name("faultstring"), FaultString),
        (Fault, name("detail"), Detail),
        // SOAP 1.2 §5.4: they are, and one level deeper.
        (Fault, name("Code"), Wrapper),
        (Fault, name("Reason"), Wrapper),
        (Fault, name("Detail"), Detail),
        (Wrapper, name("Value"), FaultCode),
        (Wrapper, name("Text"), FaultString),
        (Wrapper, name("Subcode"), Wrapper),
        // `e:ResponseCode` and `e:Message` of the errors namespace.
        (Detail, name("ResponseCode"), ResponseCode),
        (Detail, name("Message"), MessageText),
        (Detail, name("MessageXml"), MessageXml),
    ]
}

/// The number of elements on the path, with the document: all nodes before [`Node::Declaration`].
const NODES: usize = Node::Declaration as usize;

/// The parent of each element, by its number. An element with two parents is in a message or in the detail of a fault.
#[allow(clippy::indexing_slicing)] // at compile time
pub(crate) const PARENTS: [Node; NODES] = {
    // The one element without a row is a value of `MessageXml`.
    let mut parents = [Node::MessageXml; NODES];
    // Names do not matter here, only which elements there can be.
    let name = LocalHash::of(b"");
    let own = [(name, Node::ItemId), (name, Node::Data)];
    let children = children(name, name, own);
    let mut at = children.len();
    while at > 0 {
        at -= 1; // those in a message come first, and those in a fault before those one level deeper
        parents[children[at].2 as usize] = children[at].0;
    }
    parents[Node::OtherMessage as usize] = Node::ResponseMessages;
    parents
};

impl Node {
    /// The child of this name.
    ///
    /// # Errors
    /// The document must not have such a child here.
    pub(crate) fn child(self, name: LocalHash, children: &Children) -> Result<Self, ErrorKind> {
        let key = name.inside(self as u32);
        let mut known = children.keys.iter().zip(&children.nodes);
        match (known.find(|&(&known, _)| known == key), self) {
            (Some((_, &child)), _) => Ok(child),
            // `t:Value Name="…"`, or an element whose own name is the name of the value (`t:LineNumber`).
            (None, Self::MessageXml) => Ok(Self::MessageXmlValue),
            // `ResponseMessages` is a choice of messages of every operation, and each takes a position.
            (None, Self::ResponseMessages) => Ok(Self::OtherMessage),
            (None, Self::Document) => Err(ErrorKind::NotSoap),
            (None, Self::Body) => Err(ErrorKind::UnexpectedOperation(children.operation)),
            (None, _) => Ok(Self::Foreign),
        }
    }

    /// Whether the text is emitted in pieces, as it arrives.
    pub(crate) const fn is_streamed_text(self) -> bool {
        matches!(
            self,
            Self::MessageText | Self::MessageXmlValue | Self::FaultString
        )
    }

    /// Whether the text is one short token.
    pub(crate) const fn is_short_text(self) -> bool {
        matches!(
            self,
            Self::ResponseCode | Self::DescriptiveLinkKey | Self::FaultCode
        )
    }

    /// Whether there must be no text other than white space.
    pub(crate) const fn is_skeleton(self) -> bool {
        matches!(
            self,
            Self::Document
                | Self::Envelope
                | Self::Header
                | Self::Body
                | Self::Response
                | Self::ResponseMessages
                | Self::Message
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{children, LocalHash, Node, PARENTS};

    #[test]
    fn no_two_children_are_taken_for_one_another() {
        let [response, message, id, data] = [
            &b"ExportItemsResponse"[..],
            b"ExportItemsResponseMessage",
            b"ItemId",
            b"Data",
        ]
        .map(LocalHash::of);
        let own = [(id, Node::ItemId), (data, Node::Data)];
        let children = children(response, message, own);
        for (at, &(parent, name, _)) in children.iter().enumerate() {
            let key = name.inside(parent as u32);
            let mut others = children[at + 1..].iter();
            assert!(others.all(|&(p, n, _)| n.inside(p as u32) != key));
        }
    }

    /// The order of the rows decides which parent is found first for an element that has two.
    #[test]
    fn an_element_of_messages_and_faults_has_the_message_as_its_parent() {
        for (node, parent) in [
            (Node::ResponseCode, Node::Message),
            (Node::MessageText, Node::Message),
            (Node::MessageXml, Node::Message),
            (Node::ItemId, Node::Message),
            (Node::Data, Node::Message),
            (Node::FaultCode, Node::Fault),
            (Node::FaultString, Node::Fault),
            (Node::Wrapper, Node::Fault),
            (Node::Detail, Node::Fault),
            (Node::OtherMessage, Node::ResponseMessages),
            (Node::Message, Node::ResponseMessages),
            (Node::MessageXmlValue, Node::MessageXml),
        ] {
            assert_eq!(PARENTS[node as usize], parent, "{node:?}");
        }
    }
}
