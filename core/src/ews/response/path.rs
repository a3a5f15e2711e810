//! The open elements of a response.

use super::element::{Children, Node, PARENTS};
use super::error::ErrorKind;
use crate::xml::hash::{QualifiedHash, FACTOR};
use crate::xml::Word;

/// How deep elements may be nested, the envelope being the first.
///
/// The path itself is seven deep. Nothing is kept per level off the path, so that memory does not set the limit.
pub const MAX_DEPTH: u32 = 256;

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
pub(crate) struct Path {
    names: [QualifiedHash; MAX_PATH],
    /// Hash of the names that are open off the path.
    skipped_names: u32,
    /// Hash of the last start tag's name.
    last_opened: QualifiedHash,
    depth: u8,
    /// The innermost open element that is on the path.
    innermost: Node,
    /// The parent of an element whose parent may be a message: [`Node::Message`], [`Node::OtherMessage`], or, in
    /// a fault, [`Node::Detail`].
    parent: Node,
    /// Elements open off the path: fewer than [`MAX_DEPTH`], since the outermost is on it.
    skipped: u8,
}

impl Path {
    pub(crate) const fn new() -> Self {
        Self {
            names: [QualifiedHash::NONE; MAX_PATH],
            skipped_names: 0,
            last_opened: QualifiedHash::NONE,
            depth: 0,
            innermost: Node::Document,
            parent: Node::Message,
            skipped: 0,
        }
    }

    /// The innermost open element.
    pub(crate) const fn node(&self) -> Node {
        match self.skipped {
            0 => self.innermost,
            _ => Node::Foreign,
        }
    }

    /// Whether the innermost open element is this one, which is on the path.
    pub(crate) fn is_in(&self, node: Node) -> bool {
        self.innermost == node && self.skipped == 0
    }

    /// The innermost open element that is not [`Node::Foreign`].
    pub(crate) const fn on_path(&self) -> Node {
        self.innermost
    }

    /// Whether the innermost open element is in a fault, or is one.
    pub(crate) fn is_in_fault(&self) -> bool {
        self.parent == Node::Detail
    }

    /// Opens an element, and returns which it is.
    pub(crate) fn open(&mut self, name: &Word, children: &Children) -> Result<Node, ErrorKind> {
        let node = match self.node() {
            Node::Foreign => Node::Foreign,
            node => node.child(name.local(), children)?,
        };
        if node != Node::Foreign && self.enter(node, name.qualified()) {
            return Ok(node);
        }
        self.last_opened = name.qualified();
        if u32::from(self.skipped).wrapping_add(self.depth.into()) >= MAX_DEPTH {
            return Err(ErrorKind::TooDeep);
        }
        self.skipped = self.skipped.wrapping_add(1);
        self.skipped_names =
            (self.skipped_names.wrapping_mul(FACTOR)).wrapping_add(self.last_opened.to_bits());
        Ok(Node::Foreign)
    }

    /// Opens an element on the path; `false` if it is deeper than the path can be.
    pub(crate) fn enter(&mut self, node: Node, name: QualifiedHash) -> bool {
        let Some(free) = self.names.get_mut(usize::from(self.depth)) else {
            return false;
        };
        *free = name;
        self.last_opened = name;
        self.depth = self.depth.wrapping_add(1);
        self.innermost = node;
        match node {
            Node::Message | Node::OtherMessage => self.parent = node,
            Node::Fault => self.parent = Node::Detail,
            _ => {}
        }
        true
    }

    /// Closes the innermost element by its end tag, and returns which it was.
    pub(crate) fn close(&mut self, name: QualifiedHash) -> Result<Node, ErrorKind> {
        if self.skipped > 0 {
            self.skipped = self.skipped.wrapping_sub(1);
            self.skipped_names = self
                .skipped_names
                .wrapping_sub(name.to_bits())
                .wrapping_mul(INVERSE);
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
    pub(crate) const fn last_opened(&self) -> QualifiedHash {
        self.last_opened
    }
}

/// The inverse of the factor modulo 2³², by which a name is removed from the hash again.
const INVERSE: u32 = 0x0E8B_2F51;
const _: () = assert!(FACTOR.wrapping_mul(INVERSE) == 1);
