//! Elements of the path: where an item begins and ends.

use super::{Machine, Queue, Ready, Stage, Step};
use crate::response::base64::Base64;
use crate::response::cursor::Cursor;
use crate::response::error::{Error, ErrorKind};
use crate::response::item::{Item, Notes};
use crate::response::outcome::ItemError;
use crate::response::soap::Node;

impl Machine {
    pub(super) fn open(&mut self, node: Node, empty: bool, scratch: &[u8]) -> Step {
        match node {
            Node::Envelope => self.stage = Stage::Envelope,
            Node::ServerVersionInfo => return Step::Ready(Ready::ServerVersion),
            Node::ExportItemsResponse => self.stage = Stage::Answer,
            Node::Fault => {
                self.stage = Stage::Answer;
                self.fault = self.fault.or(Some(Notes::default()));
            }
            Node::Message => self.queue = Queue::Message { empty },
            Node::ItemId if !self.ids_told => {
                self.ids_told = true;
                return Step::Ready(Ready::ItemIds);
            }
            Node::Data => {
                let offset = self.lexer.markup_offset();
                if self
                    .item
                    .as_mut()
                    .is_some_and(|item| item.begin_data(offset))
                {
                    self.item_offset = offset;
                    self.base64 = Base64::new();
                    self.payload.reset();
                }
            }
            Node::MessageXmlValue => {
                let name = self.attributes.name(scratch);
                self.assembly.begin(name.end);
            }
            Node::Foreign => {}
            _ => self.assembly.begin(0),
        }
        Step::On
    }

    pub(super) fn close(
        &mut self,
        closed: Result<Node, ErrorKind>,
        input: &Cursor<'_>,
        scratch: &mut [u8],
    ) -> Result<Step, Error> {
        let node = closed.map_err(self.at_markup())?;
        match node {
            Node::Envelope => {
                if self.stage < Stage::Answer {
                    return Err(self.at_markup()(ErrorKind::UnexpectedOperation));
                }
                self.stage = Stage::Epilog;
            }
            Node::Message => self.item_offset = input.offset(),
            Node::Data => return Ok(self.end_data(scratch)),
            Node::Fault => {
                if let Some(fault) = self.fault() {
                    return Ok(Step::Ready(Ready::Fault(fault)));
                }
            }
            Node::MessageXmlValue => {
                self.note_value(scratch);
                self.queue = Queue::Text(node);
            }
            node if node.is_streamed_text() || node.is_short_text() => {
                self.queue = Queue::Text(node);
            }
            _ => {}
        }
        Ok(Step::On)
    }

    /// A message's start tag has arrived: the item before it is done.
    pub(super) fn begin_message(&mut self, empty: bool) -> Step {
        if self.item.is_some() {
            return Step::Ready(Ready::Outcome);
        }
        let index = self.messages;
        let mut item = Item::new(index, self.attributes.class);
        if self.options.items.is_some_and(|items| index >= items) {
            item.fail(ItemError::Unrequested, self.lexer.markup_offset());
        }
        self.item = Some(item);
        self.messages = self.messages.saturating_add(1);
        self.ids_told = false;
        self.just_committed = None;
        self.queue = if empty { Queue::Close } else { Queue::Nothing };
        Step::Ready(Ready::MessageStart)
    }
}
