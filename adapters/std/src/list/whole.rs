//! All items of a folder at once.

use std::collections::HashMap;

use super::find::Found;
use super::folder::Folder;
use super::item::ListedItem;
use super::request::Filter;
use super::sync::Change;
use super::{ListError, Lister};

/// The number of answers after the first complete list, if the folder changes all the time.
const MORE_ANSWERS: usize = 20;

impl Lister<'_> {
    /// Returns all items of a folder that pass a filter, and folder associated information if `associated`.
    ///
    /// Without a filter the list is [complete](Self::changes). With one, and in a folder that cannot be synced, it is
    /// [searched for](Self::find), so it may miss items if the folder changes: see [`Found::is_certain`].
    ///
    /// # Errors
    /// [`ListError`]
    pub fn items(
        &mut self,
        folder: &Folder,
        associated: bool,
        filter: &Filter,
    ) -> Result<Found, ListError> {
        if filter.is_empty() {
            match self.synced(folder, associated) {
                Err(ListError::Refused { refusal, .. }) if !refusal.is_transient() => {}
                result => return result,
            }
        }
        let mut found = self.find(folder, false, filter)?;
        if associated {
            let more = self.find(folder, true, filter)?;
            found.items.extend(more.items);
            found.is_certain &= more.is_certain;
        }
        Ok(found)
    }

    fn synced(&mut self, folder: &Folder, associated: bool) -> Result<Found, ListError> {
        let mut state: Option<String> = None;
        let mut items: Vec<Option<ListedItem>> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut more = MORE_ANSWERS;
        loop {
            let answer = self.changes(folder, state.as_deref(), associated)?;
            let is_complete = answer.is_last && answer.changes.is_empty();
            for change in answer.changes {
                match change {
                    Change::Exists(item) => match places.get(&item.id) {
                        Some(&place) => items[place] = Some(item),
                        None => {
                            places.insert(item.id.clone(), items.len());
                            items.push(Some(item));
                        }
                    },
                    Change::ReadFlag(_) => {}
                    Change::Deleted { id } => {
                        if let Some(place) = places.remove(&id) {
                            items[place] = None;
                        }
                    }
                }
            }
            state = Some(answer.state);
            more -= usize::from(answer.is_last);
            if is_complete || more == 0 {
                let items = items.into_iter().flatten().collect();
                let is_certain = is_complete;
                return Ok(Found { items, is_certain });
            }
        }
    }
}
