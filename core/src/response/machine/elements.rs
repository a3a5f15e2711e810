//! Elements of the path: where an item begins and ends.

use super::{Holder, LastOutcome, Machine, Queue, Ready, Stage};
use crate::response::base64::Base64;
use crate::response::cursor::Cursor;
use crate::response::error::ErrorKind;
use crate::response::item::{Item, Notes};
use crate::response::outcome::ItemError;
use crate::response::soap::Node;

impl Machine {
    /// The start tag under way is whole; if it is `empty`, it is its end tag too.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    pub(super) fn open(&mut self, empty: bool, scratch: &[u8]) -> Ready {
        let node = core::mem::replace(&mut self.tag, Node::Foreign);
        match node {
            Node::Envelope => self.stage = Stage::Envelope,
            Node::ServerVersionInfo => return Ready::ServerVersion,
            Node::ExportItemsResponse => self.stage = Stage::Answer,
            Node::Fault => {
                self.stage = Stage::Answer;
                self.fault.get_or_insert_with(Notes::default);
            }
            Node::Message | Node::OtherMessage if empty => self.queue = Queue::EmptyMessage,
            Node::Message | Node::OtherMessage => self.queue = Queue::Message,
            Node::ItemId => {
                let offset = self.lexer.markup_offset();
                if (self.item.as_mut()).is_some_and(|item| item.begin_ids(offset)) {
                    return Ready::ItemIds;
                }
            }
            Node::Data => {
                let offset = self.lexer.markup_offset();
                if (self.item.as_mut()).is_some_and(|item| item.begin_data(offset)) {
                    self.item_offset.0 = offset;
                    self.base64 = Base64::new();
                    self.payload.reset();
                }
            }
            Node::MessageXmlValue => self.assembly.begin(self.attributes.name(scratch).end),
            Node::Foreign => {}
            _ => self.assembly.begin(0),
        }
        Ready::Nothing
    }

    /// The end tag of this name, or a start tag that is one too, is whole.
    pub(super) fn close(&mut self, name: u32, input: &Cursor<'_>, scratch: &mut [u8]) -> Ready {
        let node = match self.path.close(name) {
            Ok(node) => node,
            Err(kind) => return self.stop_at_markup(kind),
        };
        match node {
            Node::Envelope if self.stage < Stage::Answer => {
                return self.stop_at_markup(ErrorKind::UnexpectedOperation);
            }
            Node::Envelope => {
                self.stage = Stage::Epilog;
                self.room.0 = 0;
            }
            Node::Message | Node::OtherMessage => self.item_offset.0 = input.offset(),
            Node::Data => return self.end_data(scratch),
            Node::Fault => return Ready::Fault,
            _ if node.is_streamed_text() || node.is_short_text() => {
                if node == Node::MessageXmlValue {
                    self.note_value(scratch);
                }
                self.telling.node = node;
                self.queue = Queue::ClosedText;
            }
            _ => {}
        }
        Ready::Nothing
    }

    /// A message's start tag has arrived: the item before it is done.
    pub(super) fn begin_message(&mut self) -> Ready {
        if self.item.is_some() {
            return Ready::Outcome;
        }
        let mut item = Item::new(self.attributes.class);
        let offset = self.lexer.markup_offset();
        if self.index() >= self.items {
            item.fail(ItemError::Unrequested, offset);
        }
        if self.attributes.are_contradictory() {
            item.fail(ItemError::Contradiction, offset);
        }
        self.item = Some(item);
        self.holder = Holder::Nobody;
        self.last_outcome = LastOutcome::NONE;
        self.queue = match self.queue {
            Queue::EmptyMessage => Queue::Close,
            _ => Queue::Nothing,
        };
        Ready::MessageStart
    }
}
