//! Which items the demo asks for, and what it gets.

use exportitems::ItemId;
use exportitems_emulator::{
    change_key, item_id, ErrorAnswer, ItemAnswer, ItemRule, ResponseClass, Scenario,
    DEFAULT_MAILBOX,
};

/// Sizes of mail in bytes, from a line of text to a presentation, in the turn of the items.
const SIZES: [u64; 12] = [
    2_100, 18_000, 75_000, 4_300, 310_000, 1_400, 26_000, 1_250_000, 9_700, 140_000, 5_800,
    6_500_000,
];

/// The items of a demo.
#[derive(Debug)]
pub(super) struct Plan {
    items: Vec<Planned>,
}

/// One item, and what is to become of it.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) seed: u64,
    pub(super) size: u64,
    id: String,
    change_key: Option<String>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Exported,
    /// Somebody has deleted it.
    Deleted,
    /// It has changed since the change key was taken down.
    Changed,
}

impl Plan {
    /// `items` is at least 3.
    pub(super) fn new(items: u32) -> Self {
        let (deleted, changed) = (items / 3, items * 2 / 3);
        let planned = |position: u32| {
            let seed = u64::from(position);
            let size = SIZES[position as usize % SIZES.len()];
            let fate = match position {
                _ if position == deleted => Fate::Deleted,
                _ if position == changed => Fate::Changed,
                _ => Fate::Exported,
            };
            Planned {
                seed,
                size,
                id: item_id(DEFAULT_MAILBOX, seed, size),
                // The change key of another item is none of this one.
                change_key: (fate == Fate::Changed).then(|| change_key(seed + 1)),
                fate,
            }
        };
        Self {
            items: (0..items).map(planned).collect(),
        }
    }

    pub(super) fn items(&self) -> &[Planned] {
        &self.items
    }

    /// Bytes of all the items.
    pub(super) fn bytes(&self) -> u64 {
        self.items.iter().map(|item| item.size).sum()
    }

    /// A server that has lost the deleted item.
    pub(super) fn scenario(&self) -> Scenario {
        let deleted = self.items.iter().filter(|item| item.fate == Fate::Deleted);
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

    /// The `ResponseCode` that the server is to answer.
    pub(super) fn code(&self) -> &'static str {
        match self.fate {
            Fate::Exported => "NoError",
            Fate::Deleted => "ErrorItemNotFound",
            Fate::Changed => "ErrorInvalidChangeKey",
        }
    }
}
