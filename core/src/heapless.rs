//! Copies of outcomes and ids in [`heapless`] containers, which outlive an event.

use core::convert::Infallible;

use crate::{ItemId, Outcome, ResponseItemId, Sink};

/// The outcomes of at most `N` items, in the order of their arrival.
///
/// As the observer of a [`Tee`](crate::Tee) it records the outcome of each item while another sink keeps the data.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct OutcomeTable<const N: usize> {
    outcomes: heapless::Vec<Outcome, N>,
    lost: u32,
}

impl<const N: usize> OutcomeTable<N> {
    /// An empty table. Fit for a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            outcomes: heapless::Vec::new(),
            lost: 0,
        }
    }

    /// The outcomes.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// How many outcomes arrived when the table was full.
    #[must_use]
    pub const fn lost(&self) -> u32 {
        self.lost
    }

    /// Empties the table.
    pub fn clear(&mut self) {
        self.outcomes.clear();
        self.lost = 0;
    }

    fn push(&mut self, outcome: &Outcome) {
        if self.outcomes.push(*outcome).is_err() {
            self.lost = self.lost.saturating_add(1);
        }
    }
}

impl<const N: usize> Sink for OutcomeTable<N> {
    type Error = Infallible;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Infallible> {
        self.push(outcome);
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.push(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.push(outcome);
    }
}

/// An item's id of at most `N` bytes and its change key of at most `K`.
///
/// Exchange's ids are of some 150 bytes and its change keys of some 40; neither has a documented limit below
/// [512 and 512](https://learn.microsoft.com/exchange/client-developer/web-service-reference/itemid).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct OwnedItemId<const N: usize, const K: usize> {
    id: heapless::String<N>,
    change_key: Option<heapless::String<K>>,
}

impl<const N: usize, const K: usize> OwnedItemId<N, K> {
    /// A copy of `item`; `None` if a text does not fit.
    #[must_use]
    pub fn new(item: ItemId<'_>) -> Option<Self> {
        let change_key = match item.change_key {
            Some(key) => Some(heapless::String::try_from(key).ok()?),
            None => None,
        };
        Some(Self {
            id: heapless::String::try_from(item.id).ok()?,
            change_key,
        })
    }

    /// The item, for a request.
    #[must_use]
    pub fn as_item_id(&self) -> ItemId<'_> {
        ItemId {
            id: &self.id,
            change_key: self.change_key.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OutcomeTable, OwnedItemId};
    use crate::{Decoder, ItemError, ItemId, Options};
    use std::format;

    #[test]
    fn a_full_table_says_what_it_lost() {
        let mut table: OutcomeTable<2> = OutcomeTable::new();
        let mut decoder: Decoder = Decoder::new(Options::new().items(4));
        assert!(decoder.finish_into(&mut table).is_err());
        assert_eq!(table.lost(), 2);
        let errors = table.outcomes().iter().map(|it| (it.index, it.error));
        assert!(errors.eq([0, 1].map(|index| (index, Some(ItemError::NotAnswered)))));
        table.clear();
        assert_eq!(table.lost(), 0);
    }

    #[test]
    fn outcomes_of_every_kind_are_kept_in_their_order() {
        let item = |content: &str| {
            let content = content.replace("D(", "<Data>").replace(')', "</Data>");
            format!("<ExportItemsResponseMessage ResponseClass='Success'>{content}</ExportItemsResponseMessage>")
        };
        let document = format!(
            "<Envelope><Body><ExportItemsResponse><ResponseMessages>{}{}{}{}{}</ResponseMessages>\
             </ExportItemsResponse></Body></Envelope>",
            item("D(QUJDREVGR0g=)"),
            item("D(QUJD?)"),
            item("D(?)"),
            item(""),
            item("D(QUJDREVGR0g=)"),
        );
        let mut table: OutcomeTable<5> = OutcomeTable::new();
        let mut decoder: Decoder = Decoder::new(Options::new());
        let mut input = document.as_bytes();
        decoder.feed(&mut input, &mut table).unwrap();
        decoder.finish_into(&mut table).unwrap();
        let errors = table.outcomes().iter().map(|it| (it.index, it.error));
        let expected = [
            None,
            Some(ItemError::Base64),
            Some(ItemError::Base64),
            Some(ItemError::MissingData),
            None,
        ];
        assert!(errors.eq((0..).zip(expected)), "{table:?}");
        assert_eq!(table.lost(), 0);
        table.clear();
        assert!(table.outcomes().is_empty());
    }

    #[test]
    fn an_id_is_kept_whole_or_not_at_all() {
        let item = ItemId {
            id: "AAMk",
            change_key: Some("CQ"),
        };
        assert_eq!(OwnedItemId::<4, 2>::new(item).unwrap().as_item_id(), item);
        assert_eq!(OwnedItemId::<3, 2>::new(item), None);
        assert_eq!(OwnedItemId::<4, 1>::new(item), None);
        let bare = ItemId::new("AAMk");
        assert_eq!(OwnedItemId::<4, 0>::new(bare).unwrap().as_item_id(), bare);
    }
}
