//! Events: what a step came to, with what it holds and borrows.

use super::{Machine, Ready};
use crate::response::event::Event;
use crate::response::soap::Node;

impl Machine {
    /// `None` for what is no event, which is not asked for, nor is there an outcome without an item.
    pub(super) fn tell<'s>(&mut self, ready: Ready, scratch: &'s [u8]) -> Option<Event<'s>> {
        let telling = self.telling;
        let text = || match telling.replacement {
            true => "\u{FFFD}",
            false => self.assembly.told().text(scratch),
        };
        Some(match ready {
            Ready::Outcome => Event::Outcome(self.judge()?),
            Ready::ServerVersion => Event::ServerVersion(self.attributes.server_version(scratch)),
            Ready::MessageStart => Event::MessageStart {
                index: self.index(),
                class: self.attributes.class,
            },
            Ready::Text => match telling.node {
                Node::MessageXmlValue => Event::MessageXml {
                    name: self.attributes.name(scratch).text(scratch),
                    text: text(),
                    last: telling.last,
                },
                Node::FaultString => Event::FaultString(text()),
                _ => Event::MessageText(text()),
            },
            Ready::ResponseCode => Event::ResponseCode {
                code: telling.code,
                text: text(),
            },
            Ready::DescriptiveLinkKey => {
                Event::DescriptiveLinkKey(self.descriptive_link_key(scratch).unwrap_or_default())
            }
            Ready::ItemIds => Event::ItemIds(self.attributes.item_ids(scratch)),
            Ready::FaultCode => Event::FaultCode(text()),
            Ready::Fault => Event::Fault(self.fault()),
            Ready::End => Event::End(self.summary()),
            Ready::Nothing | Ready::Starved | Ready::Data(_) => return None,
        })
    }
}
