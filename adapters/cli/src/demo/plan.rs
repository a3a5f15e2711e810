//! The items that the demo requests, and the answers that it expects.

use exportitems::ItemId;
use exportitems_emulator::{
    change_key, item_id, rich_items, ErrorAnswer, ItemAnswer, ItemRule, ResponseClass, Scenario,
    DEFAULT_MAILBOX,
};

/// The sizes of the items in bytes, which repeat. They range from a line of text to a presentation.
const SIZES: [u64; 12] = [
    2_100, 18_000, 75_000, 4_300, 310_000, 1_400, 26_000, 1_250_000, 9_700, 140_000, 5_800,
    6_500_000,
];

/// The position of a mail with a picture, which the demo converts. It is never refused.
pub(super) const MAIL: u32 = 0;

/// The items of a demo.
#[derive(Debug)]
pub(super) struct Plan {
    items: Vec<Planned>,
}

/// One item, and its expected outcome.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) seed: u64,
    pub(super) size: u64,
    id: String,
    change_key: Option<String>,
    expected: Expected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Exported,
    /// The item has been deleted.
    Deleted,
    /// The item has changed since its change key was read.
    Changed,
}

impl Plan {
    /// Makes a plan of `items` items, of which there must be at least 3.
    pub(super) fn new(items: u32) -> Self {
        let (deleted, changed) = (items / 3, items * 2 / 3);
        let mail = rich_items()
            .into_iter()
            .find(|item| item.name == "inline_picture");
        let planned = |position: u32| {
            let (seed, size) = match &mail {
                Some(mail) if position == MAIL => (mail.seed, mail.size),
                _ => (u64::from(position), SIZES[position as usize % SIZES.len()]),
            };
            let expected = match position {
                _ if position == deleted => Expected::Deleted,
                _ if position == changed => Expected::Changed,
                _ => Expected::Exported,
            };
            Planned {
                seed,
                size,
                id: item_id(DEFAULT_MAILBOX, seed, size),
                // The change key of another item is not valid for this one.
                change_key: (expected == Expected::Changed).then(|| change_key(seed + 1)),
                expected,
            }
        };
        Self {
            items: (0..items).map(planned).collect(),
        }
    }

    pub(super) fn items(&self) -> &[Planned] {
        &self.items
    }

    /// Returns the size of all items together, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.items.iter().map(|item| item.size).sum()
    }

    /// Returns the scenario of a server that does not have the deleted item.
    pub(super) fn scenario(&self) -> Scenario {
        let deleted = self
            .items
            .iter()
            .filter(|item| item.expected == Expected::Deleted);
        let rule = |item: &Planned| ItemRule {
            id: Some(item.id.clone()),
            answer: ItemAnswer::Error(ErrorAnswer {
                code: item.code().to_owned(),
                class: ResponseClass::Error,
                message: None,
                back_off_ms: None,
                inner_code: None,
                mailbox_guid: None,
            }),
            ..ItemRule::default()
        };
        Scenario {
            items: deleted.map(rule).collect(),
            ..Scenario::default()
        }
    }
}

impl Planned {
    pub(super) fn item_id(&self) -> ItemId<'_> {
        ItemId {
            id: &self.id,
            change_key: self.change_key.as_deref(),
        }
    }

    /// Returns the expected `ResponseCode`.
    pub(super) fn code(&self) -> &'static str {
        match self.expected {
            Expected::Exported => "NoError",
            Expected::Deleted => "ErrorItemNotFound",
            Expected::Changed => "ErrorInvalidChangeKey",
        }
    }
}
