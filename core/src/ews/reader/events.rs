//! Events, built from what the reader knows when they are ready.

use super::{Reader, Ready};
use crate::ews::hooks::Hooks;
use crate::ews::response::{Event, Node};

impl<O: Hooks> Reader<O> {
    /// The text of the event.
    #[inline(never)] // for its size
    fn text_of<'s>(&self, scratch: &'s [u8]) -> &'s str {
        match self.text.replacement {
            true => "\u{FFFD}",
            false => self.assembly.emitted().text(scratch),
        }
    }

    /// Builds the event that is ready. Data and outcomes are built elsewhere; `None` for these, and if there is no event.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // so that its frame is not on the stack while data is decoded
    pub(crate) fn event<'s>(&mut self, ready: Ready, scratch: &'s [u8]) -> Option<Event<'s>> {
        // `Some` is in each arm, so that each event is built in the memory of the caller.
        match ready {
            Ready::ServerVersion => Some(Event::ServerVersion(
                self.attributes.server_version(scratch),
            )),
            Ready::MessageStart => Some(Event::MessageStart {
                index: self.index(),
                class: self.attributes.class,
            }),
            Ready::Text => {
                let text = self.text_of(scratch);
                match self.text.node {
                    Node::MessageXmlValue => Some(Event::MessageXml {
                        name: self.attributes.name(scratch).text(scratch),
                        text,
                        last: self.text.last,
                    }),
                    Node::FaultString => Some(Event::FaultString(text)),
                    _ => Some(Event::MessageText(text)),
                }
            }
            Ready::ResponseCode => Some(Event::ResponseCode {
                code: self.text.code,
                text: self.text_of(scratch),
            }),
            Ready::DescriptiveLinkKey => Some(Event::DescriptiveLinkKey(
                self.descriptive_link_key(scratch).unwrap_or_default(),
            )),
            Ready::ItemId => Some(Event::ItemId(self.attributes.item_ids(scratch))),
            Ready::FaultCode => Some(Event::FaultCode(self.text_of(scratch))),
            Ready::Fault => Some(Event::Fault(self.fault?.fault())),
            Ready::End => Some(Event::End(self.summary())),
            Ready::Nothing | Ready::Starved | Ready::Data(_) | Ready::Outcome => None,
        }
    }
}
