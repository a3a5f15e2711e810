//! Events: what a step came to, with what it holds and borrows.

use super::{Reader, Ready};
use crate::ews::operation::Hooks;
use crate::ews::response::{Event, Node};

impl<O: Hooks> Reader<O> {
    /// The text that is told.
    #[inline(never)] // for its size
    fn told<'s>(&self, scratch: &'s [u8]) -> &'s str {
        match self.telling.replacement {
            true => "\u{FFFD}",
            false => self.assembly.told().text(scratch),
        }
    }

    /// `None` for what is no event, which is not asked for, nor is there an outcome without an item.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // its frame is off the stack while data goes by
    pub(crate) fn tell<'s>(&mut self, ready: Ready, scratch: &'s [u8]) -> Option<Event<'s>> {
        let telling = self.telling;
        Some(match ready {
            Ready::ServerVersion => Event::ServerVersion(self.attributes.server_version(scratch)),
            Ready::MessageStart => Event::MessageStart {
                index: self.index(),
                class: self.attributes.class,
            },
            Ready::Text => match telling.node {
                Node::MessageXmlValue => Event::MessageXml {
                    name: self.attributes.name(scratch).text(scratch),
                    text: self.told(scratch),
                    last: telling.last,
                },
                Node::FaultString => Event::FaultString(self.told(scratch)),
                _ => Event::MessageText(self.told(scratch)),
            },
            Ready::ResponseCode => Event::ResponseCode {
                code: telling.code,
                text: self.told(scratch),
            },
            Ready::DescriptiveLinkKey => {
                Event::DescriptiveLinkKey(self.descriptive_link_key(scratch).unwrap_or_default())
            }
            Ready::ItemId => Event::ItemId(self.attributes.item_ids(scratch)),
            Ready::FaultCode => Event::FaultCode(self.told(scratch)),
            Ready::Fault => Event::Fault(self.fault()),
            Ready::End => Event::End(self.summary()),
            Ready::Nothing | Ready::Starved | Ready::Data(_) | Ready::Outcome => return None,
        })
    }
}
