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
        let text_event = self.text;
        Some(match ready {
            Ready::ServerVersion => Event::ServerVersion(self.attributes.server_version(scratch)),
            Ready::MessageStart => Event::MessageStart {
                index: self.index(),
                class: self.attributes.class,
            },
            Ready::Text => match text_event.node {
                Node::MessageXmlValue => Event::MessageXml {
                    name: self.attributes.name(scratch).text(scratch),
                    text: self.text_of(scratch),
                    last: text_event.last,
                },
                Node::FaultString => Event::FaultString(self.text_of(scratch)),
                _ => Event::MessageText(self.text_of(scratch)),
            },
            Ready::ResponseCode => Event::ResponseCode {
                code: text_event.code,
                text: self.text_of(scratch),
            },
            Ready::DescriptiveLinkKey => {
                Event::DescriptiveLinkKey(self.descriptive_link_key(scratch).unwrap_or_default())
            }
            Ready::ItemId => Event::ItemId(self.attributes.item_ids(scratch)),
            Ready::FaultCode => Event::FaultCode(self.text_of(scratch)),
            Ready::Fault => Event::Fault(self.fault?.fault()),
            Ready::End => Event::End(self.summary()),
            Ready::Nothing | Ready::Starved | Ready::Data(_) | Ready::Outcome => return None,
        })
    }
}
