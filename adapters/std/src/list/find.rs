//! The items of a folder, by `FindItem`.

use std::collections::HashSet;

use super::folder::Folder;
use super::item::ListedItem;
use super::request::{find_item, Filter};
use super::{ListError, Lister};

/// How often a list begins again because the folder has changed.
const ATTEMPTS: usize = 5;

/// The items of a folder that [`Lister::find`] has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The items, oldest first.
    pub items: Vec<ListedItem>,
    /// Whether the folder stayed the same while it was listed, as far as the answers show. Otherwise items may be missing.
    pub is_certain: bool,
}

impl Lister<'_> {
    /// Returns the items of a folder that pass a filter: those that are folder associated information, or all others.
    ///
    /// Each page begins with the last item of the page before. If it does not, the folder has changed, and the list begins
    /// again.
    ///
    /// # Errors
    /// [`ListError`]
    pub fn find(
        &mut self,
        folder: &Folder,
        associated: bool,
        filter: &Filter,
    ) -> Result<Found, ListError> {
        let mut found = Found::default();
        let mut seen = HashSet::new();
        for _ in 0..ATTEMPTS {
            found.is_certain = self.pages_of_items(folder, associated, filter, |item| {
                if seen.insert(item.id.clone()) {
                    found.items.push(item);
                }
            })?;
            if found.is_certain {
                break;
            }
        }
        Ok(found)
    }

    /// Lists all pages. Returns `false` if the folder has changed meanwhile.
    fn pages_of_items(
        &mut self,
        folder: &Folder,
        associated: bool,
        filter: &Filter,
        mut each: impl FnMut(ListedItem),
    ) -> Result<bool, ListError> {
        let mut total = None;
        let mut last: Option<String> = None;
        let mut offset = 0;
        let mut is_same = true;
        loop {
            let request = find_item(&folder.id, associated, filter, offset);
            let message = self.one("FindItem", &request, &folder.path)?;
            let page = message.page.unwrap_or_default();
            let first = message.entries.first().map(|entry| entry.id.as_str());
            if last.is_some() && last.as_deref() != first {
                return Ok(false);
            }
            is_same &= total.is_none_or(|total| Some(total) == page.total);
            total = page.total.or(total);
            let next = message.entries.last().map(|entry| entry.id.clone());
            let repeats = last.is_some() && next == last;
            for entry in message.entries {
                each(ListedItem::new(entry, folder, Some(associated)));
            }
            if page.is_last != Some(false) {
                return Ok(is_same);
            }
            // The next page begins with the last item of this one.
            match page.next {
                Some(after) if after > offset + 1 && !repeats => offset = after - 1,
                _ => {
                    let folder = folder.path.clone();
                    return Err(ListError::Stuck { folder });
                }
            }
            last = next;
        }
    }
}
