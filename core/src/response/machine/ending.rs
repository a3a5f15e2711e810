//! How a response ends: the outcomes that are owed, and the summary.

use super::{Machine, Queue, Ready, Stage, Step};
use crate::payload::Verdict;
use crate::response::error::{Error, ErrorKind};
use crate::response::item::Item;
use crate::response::options::Integrity;
use crate::response::outcome::{Fault, ItemError, Outcome, Response};
use crate::response::soap::Node;

impl Machine {
    pub(super) fn fail(&mut self, error: ItemError, offset: u64) {
        if let Some(item) = &mut self.item {
            item.fail(error, offset);
        }
    }

    /// The outcome of the current item, which is done.
    pub(super) fn judge(&mut self) -> Option<Outcome> {
        let required = self.options.integrity;
        let verdict = (required != Integrity::Off).then(|| self.payload.verdict());
        let item = self.item.as_mut()?;
        let outcome = item.outcome(self.item_offset, verdict, required);
        self.item = None;
        let committed = outcome.error.is_none();
        let suspect = u32::from(committed && outcome.integrity != Some(Verdict::Whole));
        self.not_whole = self.not_whole.saturating_add(suspect);
        self.just_committed = committed.then_some(suspect);
        let count = if committed {
            &mut self.ok
        } else {
            &mut self.failed
        };
        *count = count.saturating_add(1);
        Some(outcome)
    }

    /// All input has come.
    pub(super) fn end_of_input(&mut self, offset: u64) {
        let is_whole =
            self.stage == Stage::Epilog && self.lexer.is_between() && !self.stray.has_begun();
        if is_whole {
            let response = match self.fault {
                Some(_) => Response::Fault,
                None => Response::Complete,
            };
            self.ended = Some((response, None));
            self.queue = Queue::Owed;
            return;
        }
        // A marker inside `Data` in place of the end tags.
        let truncated = self.path.on_path() == Node::Data && self.base64.is_truncated();
        let kind = if truncated {
            ErrorKind::Truncated
        } else {
            ErrorKind::UnexpectedEnd
        };
        self.stop(Error { kind, offset });
    }

    /// The response is unusable from here on.
    pub(super) fn stop(&mut self, error: Error) {
        let (response, item_error) = match error.kind {
            ErrorKind::UnexpectedEnd => (Response::Cut, ItemError::Cut),
            ErrorKind::Truncated => (Response::Truncated, ItemError::Truncated),
            ErrorKind::UnexpectedOperation => (Response::NotSoap, ItemError::Malformed),
            _ if self.stage == Stage::Prolog => (Response::NotSoap, ItemError::Malformed),
            _ => (Response::Malformed, ItemError::Malformed),
        };
        self.fail(item_error, error.offset);
        self.item_offset = error.offset;
        self.ended = Some((response, Some(error)));
        self.queue = Queue::Owed;
    }

    /// The rest of a text that was under way, outcomes that are still owed, then the end.
    pub(super) fn tell_owed(&mut self, scratch: &mut [u8]) -> Step {
        let node = self.path.on_path();
        if self.is_streamed_text(node) {
            if let Some(piece) = self.assembly.piece(true, scratch) {
                return Step::Ready(Ready::Text(node, piece, false));
            }
        }
        if self.item.is_none() && self.options.items.is_some_and(|n| self.messages < n) {
            // Where the response ended for us; what lies behind an error has been consumed or not.
            let error = self.ended.and_then(|(_, error)| error);
            let offset = error.map_or(self.offset, |error| error.offset);
            self.item = Some(Item::not_answered(self.messages, offset));
            self.messages += 1;
        }
        if self.item.is_some() {
            return Step::Ready(Ready::Outcome);
        }
        self.queue = Queue::Over;
        Step::Ready(Ready::End)
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.as_ref().map(|notes| Fault {
            code: notes.code.or(notes.faultcode),
            inner_code: notes.inner_code,
            back_off_ms: notes.back_off_ms,
        })
    }
}
