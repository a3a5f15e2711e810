//! Elements on the path: where messages begin and end.

use super::{Queue, Reader, Ready, Stage};

use crate::ews::hooks::Hooks;
use crate::ews::response::item::{Item, Notes};
use crate::ews::response::{ErrorKind, ItemError, Node};
use crate::xml::hash::QualifiedHash;
use crate::xml::Cursor;

impl<O: Hooks> Reader<O> {
    /// The current start tag is complete; if it is `empty`, it is its end tag too.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    pub(crate) fn open(&mut self, empty: bool, scratch: &[u8]) -> Ready {
        let node = core::mem::replace(&mut self.tag, Node::Foreign);
        if node == Node::Foreign {
            return Ready::Nothing;
        }
        let is_message = matches!(node, Node::Message | Node::OtherMessage);
        let mut ready = Ready::Nothing;
        let mut error = None;
        if self.attributes.are_contradictory() && !is_message {
            if self.path.is_in_fault() || self.progress.item.is_none() {
                return self.stop_at_markup(ErrorKind::DuplicateAttribute);
            }
            error = Some(ItemError::Contradiction);
        }
        match node {
            Node::Envelope => self.stage = Stage::Envelope,
            Node::ServerVersionInfo => ready = Ready::ServerVersion,
            Node::Response => self.stage = Stage::Answer,
            Node::Fault => {
                self.stage = Stage::Answer;
                self.fault.get_or_insert_with(Notes::default);
            }
            Node::Message | Node::OtherMessage => {
                if node == Node::OtherMessage {
                    self.attributes.contradict();
                }
                self.queue = if empty {
                    Queue::EmptyMessage
                } else {
                    Queue::Message
                };
            }
            Node::ItemId => {
                if self.progress.item.as_mut().is_some_and(Item::begin_ids) {
                    ready = Ready::ItemId;
                } else {
                    // The schema has no second one.
                    error = Some(ItemError::Contradiction);
                }
            }
            Node::Data => {
                if self.progress.item.as_mut().is_some_and(Item::begin_data) {
                    self.progress
                        .place
                        .set_data_start(self.progress.lexer.markup_offset());
                    self.operation.open_data();
                } else {
                    error = Some(ItemError::Duplicate);
                }
            }
            _ => self.assembly.begin(match node {
                Node::MessageXmlValue => self.attributes.name(scratch).end,
                _ => 0,
            }),
        }
        if let Some(error) = error {
            self.progress.fail_at_markup(error);
        }
        ready
    }

    /// The end tag of this name is complete, or an empty-element tag.
    pub(crate) fn close(
        &mut self,
        name: QualifiedHash,
        input: &Cursor<'_>,
        scratch: &mut [u8],
    ) -> Ready {
        let node = match self.path.close(name) {
            Ok(node) => node,
            Err(kind) => return self.stop_at_markup(kind),
        };
        match node {
            Node::Envelope if self.stage < Stage::Answer => {
                return self.stop_at_markup(ErrorKind::UnexpectedOperation(O::NAME));
            }
            Node::Envelope => {
                self.stage = Stage::Epilog;
                self.progress.room.begin_trailing();
            }
            Node::Message | Node::OtherMessage => {
                self.progress.place.set_message_end(input.offset());
            }
            Node::Data => {
                let len = (self.operation).close_data(&mut self.progress, scratch);
                return self.hand_out(len, scratch);
            }
            Node::Fault => return Ready::Fault,
            _ if node.is_streamed_text() || node.is_short_text() => {
                if node == Node::MessageXmlValue {
                    self.note_value(scratch);
                }
                self.text.node = node;
                self.queue = Queue::ClosedText;
            }
            _ => {}
        }
        Ready::Nothing
    }

    /// A message begins: the item before it is complete.
    pub(crate) fn begin_message(&mut self) -> Ready {
        if self.progress.item.is_some() {
            return Ready::Outcome;
        }
        self.begin_item(self.attributes.class);
        if self.index() >= self.items {
            self.progress.fail_at_markup(ItemError::Unrequested);
        }
        if self.attributes.are_contradictory() {
            self.progress.fail_at_markup(ItemError::Contradiction);
        }
        self.queue = match self.queue {
            Queue::EmptyMessage => Queue::Close,
            _ => Queue::Nothing,
        };
        Ready::MessageStart
    }
}
