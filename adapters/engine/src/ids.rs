//! Matches the ids of a response with those of its request.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use exportitems::{IdMatch, ItemId, Outcome, ResponseOutcome, Summary};
use sha2::{Digest as _, Sha256};

/// The largest number of bytes of an id after its run-length encoding is undone. Recorded ids have 113.
const EXPANDED_LIMIT: usize = 64 * 1024;

/// A hash of an id that is the same for all of its spellings.
///
/// An id of Exchange is base64 of `00` and bytes, or of `01` and the same bytes run-length encoded (prefixes
/// `AAMk` and `AQMk`). A server may answer with the other spelling. Any other id is compared as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Form([u8; 16]);

impl Form {
    fn of(id: &str) -> Self {
        let mut digest = Sha256::new();
        match expand(id) {
            Some(bytes) => {
                digest.update([1]);
                digest.update(bytes);
            }
            None => {
                digest.update([0]);
                digest.update(id);
            }
        }
        let mut form = [0; 16];
        form.copy_from_slice(&digest.finalize()[..16]);
        Self(form)
    }
}

/// Decodes an id of Exchange. Returns its bytes without the first one, with run lengths undone.
fn expand(id: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_STANDARD.decode(id).ok()?;
    let (&spelling, rest) = bytes.split_first()?;
    match spelling {
        0 => Some(rest.to_vec()),
        1 => undo_run_lengths(rest),
        _ => None,
    }
}

/// Undoes the run-length encoding: after two equal bytes, the next byte is the number of further ones.
fn undo_run_lengths(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut expanded = Vec::with_capacity(bytes.len());
    let (mut bytes, mut last) = (bytes.iter(), None);
    while let Some(&byte) = bytes.next() {
        expanded.push(byte);
        if last.replace(byte) == Some(byte) {
            let more = usize::from(*bytes.next()?);
            expanded.resize(expanded.len() + more, byte);
            last = None;
        }
        if expanded.len() > EXPANDED_LIMIT {
            return None;
        }
    }
    Some(expanded)
}

/// The ids of one request, and those that its response has answered.
///
/// A caller answers [`Sink::compare_id`](exportitems::Sink::compare_id) with [`answer`](Self::answer), and when the
/// response has ended, [`judge`](Self::judge) says which items it confirms.
#[derive(Debug, Default)]
pub struct Ids {
    requested: BTreeMap<Form, Vec<u32>>,
    answered: BTreeMap<Form, Answered>,
    /// Whether an answered id was one of the requested ids.
    recognized: bool,
    /// Whether an answered id was requested at another position.
    misplaced: bool,
}

/// The messages that were answered under one id.
#[derive(Debug, Default)]
struct Answered {
    /// The number of messages with this id, including those that were not requested.
    messages: usize,
    /// The requested positions among them.
    holders: Vec<u32>,
}

impl Ids {
    /// Makes them from the items of the request, in its order.
    pub fn new<'i>(requested: impl IntoIterator<Item = ItemId<'i>>) -> Self {
        let mut ids = Self::default();
        for (position, item) in (0..).zip(requested) {
            let holders = ids.requested.entry(Form::of(item.id)).or_default();
            holders.push(position);
        }
        ids
    }

    /// Compares the answered id of the message at a position with the requested ids. `is_requested` is whether the request
    /// has an item at this position.
    ///
    /// Memory is bounded by the request: an id is stored at most once for each requested position.
    pub fn answer(&mut self, index: u32, is_requested: bool, id: &str) -> IdMatch {
        let form = Form::of(id);
        if is_requested {
            let answered = self.answered.entry(form).or_default();
            answered.messages += 1;
            answered.holders.push(index);
        } else if let Some(answered) = self.answered.get_mut(&form) {
            answered.messages += 1;
        }
        match self.requested.get(&form) {
            Some(positions) if positions.contains(&index) => {
                self.recognized = true;
                IdMatch::Same
            }
            Some(_) => {
                self.recognized = true;
                self.misplaced = true;
                IdMatch::Other
            }
            None => IdMatch::Unknown,
        }
    }

    /// Judges the items of the response, which has ended with this summary.
    #[must_use]
    pub fn judge<'s>(&self, summary: &'s Summary) -> Judgement<'s> {
        let is_counted = summary.expected.unwrap_or(summary.messages) == summary.messages;
        let is_complete = summary.response == ResponseOutcome::Complete;
        Judgement {
            summary,
            is_in_place: (is_counted || !is_complete) && !self.misplaced,
            repeats_ids: self.recognized,
            ambiguous: self.ambiguous(),
        }
    }

    /// Returns, in order, the positions whose answered id came more often than it was requested. It is unknown to
    /// which of them the id belongs.
    fn ambiguous(&self) -> Vec<u32> {
        let mut ambiguous: Vec<_> = self
            .answered
            .iter()
            .filter(|(form, answered)| {
                let requested = self.requested.get(form).map_or(1, Vec::len);
                answered.messages > requested
            })
            .flat_map(|(_, answered)| answered.holders.iter().copied())
            .collect();
        ambiguous.sort_unstable();
        ambiguous
    }
}

/// How the end of a response judges an item that was committed or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The answer belongs to the item.
    Confirmed,
    /// The response was truncated, and the item may be too.
    Truncated,
    /// The answer may belong to another item.
    Doubtful,
}

/// How the end of a response judges its items.
#[derive(Clone, Debug)]
pub struct Judgement<'s> {
    summary: &'s Summary,
    /// Whether each message is at the position of its item.
    is_in_place: bool,
    /// Whether the server repeats ids of the request in a spelling that can be compared.
    repeats_ids: bool,
    /// The positions whose answered id came more often than it was requested, in order.
    ambiguous: Vec<u32>,
}

impl Judgement<'_> {
    /// Judges a committed item.
    #[must_use]
    pub fn committed(&self, outcome: &Outcome) -> Confirmation {
        // If the server repeats the ids of other items, it would have repeated the id of this one too.
        let is_foreign = self.repeats_ids && outcome.id_match != IdMatch::Same;
        if is_foreign || self.ambiguous.binary_search(&outcome.index).is_ok() {
            Confirmation::Doubtful
        } else if self.summary.confirms(outcome) {
            Confirmation::Confirmed
        } else if self.summary.response == ResponseOutcome::Complete {
            Confirmation::Doubtful
        } else {
            Confirmation::Truncated
        }
    }

    /// Judges the refused items. A refusal has no id, so it is at the position of its item unless messages are missing,
    /// added or moved.
    #[must_use]
    pub const fn refused(&self) -> Confirmation {
        match self.is_in_place {
            true => Confirmation::Confirmed,
            false => Confirmation::Doubtful,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn encode(bytes: &[u8]) -> String {
        BASE64_STANDARD.encode(bytes)
    }

    fn ids(requested: &[&str]) -> Ids {
        Ids::new(requested.iter().map(|id| ItemId::new(id)))
    }

    #[test]
    fn run_lengths_are_undone() {
        for (packed, expanded) in [
            (&[3, 0x24, 0][..], Some(&[3, 0x24, 0][..])),
            (&[0, 0, 0], Some(&[0, 0])),
            (&[0, 0, 2, 7], Some(&[0, 0, 0, 0, 7])),
            // The count is not part of a run.
            (&[5, 5, 5, 5, 5, 0], Some(&[5, 5, 5, 5, 5, 5, 5, 5, 5])),
            (&[5, 5, 0, 5, 5, 0], Some(&[5, 5, 5, 5])),
            (&[5, 5], None),
        ] {
            assert_eq!(undo_run_lengths(packed).as_deref(), expanded, "{packed:?}");
        }
        assert_eq!(undo_run_lengths(&[1, 1, 255].repeat(300)), None, "too long");
    }

    #[test]
    fn an_id_is_recognised_in_either_spelling() {
        let (raw, packed) = (encode(&[0, 3, 9, 9, 9, 9, 7]), encode(&[1, 3, 9, 9, 2, 7]));
        let mut ids = ids(&["plain", &raw]);
        for (index, id, expected) in [
            (1, &*packed, IdMatch::Same),
            (0, &*packed, IdMatch::Other),
            (1, &*raw, IdMatch::Same),
            (1, "plain", IdMatch::Other),
            (0, "plain", IdMatch::Same),
            (0, "Plain", IdMatch::Unknown),
        ] {
            assert_eq!(ids.answer(index, true, id), expected, "{index} {id}");
        }
    }

    #[test]
    fn an_id_that_is_answered_twice_is_ambiguous() {
        let mut twice = ids(&["a", "b", "c"]);
        for (index, id) in (0..).zip(["a", "x", "x"]) {
            twice.answer(index, true, id);
        }
        assert_eq!(twice.ambiguous(), [1, 2]);
        // A message that was not requested also counts.
        twice.answer(3, false, "a");
        assert_eq!(twice.ambiguous(), [0, 1, 2]);
        for _ in 0..1000 {
            twice.answer(4, false, "y");
        }
        assert_eq!(twice.answered.len(), 2, "bounded by the request");

        let mut requested_twice = ids(&["a", "a"]);
        assert_eq!(requested_twice.answer(0, true, "a"), IdMatch::Same);
        assert_eq!(requested_twice.answer(1, true, "a"), IdMatch::Same);
        assert_eq!(requested_twice.ambiguous(), [0; 0]);
        requested_twice.answer(2, false, "a");
        assert_eq!(requested_twice.ambiguous(), [0, 1]);
    }
}
