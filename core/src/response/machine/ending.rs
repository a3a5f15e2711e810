//! How a response ends: the outcomes that are owed, and the summary.

use super::{LastOutcome, Machine, Queue, Ready, Stage, UNKNOWN};
use crate::payload::Verdict;
use crate::response::error::{Error, ErrorKind};
use crate::response::event::Event;
use crate::response::item::Item;
use crate::response::options::Integrity;
use crate::response::outcome::{Fault, ItemError, Response, Summary};
use crate::response::soap::Node;

impl Machine {
    #[inline(never)] // for its size
    pub(super) fn fail(&mut self, error: ItemError, offset: u64) {
        if let Some(item) = &mut self.item {
            item.fail(error, offset);
        }
    }

    /// The outcome of the current item, which is done. `None`: there is no item.
    #[inline(never)] // for its size
    pub(super) fn judge<'s>(&mut self) -> Option<Event<'s>> {
        let index = self.index();
        let mut item = self.item.take()?;
        let (offset, required) = (self.item_offset.0, self.integrity);
        let verdict = (required != Integrity::Off).then(|| self.payload.verdict());
        let integrity = item.integrity(verdict);
        self.last_outcome = LastOutcome::None;
        if item.judge(offset, integrity, required).is_some() {
            self.failed = self.failed.saturating_add(1);
        } else {
            self.ok = self.ok.saturating_add(1);
            self.last_outcome = LastOutcome::Whole;
            if integrity != Some(Verdict::Whole) {
                self.not_whole = self.not_whole.saturating_add(1);
                self.last_outcome = LastOutcome::NotWhole;
            }
        }
        Some(Event::Outcome(item.outcome(index, offset, integrity)))
    }

    /// All input has come.
    pub(super) fn end_of_input(&mut self, offset: u64) {
        let is_whole =
            self.stage == Stage::Epilog && self.lexer.is_between() && !self.stray.has_begun();
        if is_whole {
            self.queue = Queue::Owed;
            return;
        }
        // A marker inside `Data` in place of the end tags; not in the start tag, where it is that of the item before.
        let in_data = self.path.on_path() == Node::Data && self.tag != Node::Data;
        let truncated = in_data && self.base64.is_truncated();
        self.stop(
            match truncated {
                true => ErrorKind::Truncated,
                false => ErrorKind::UnexpectedEnd,
            },
            offset,
        );
    }

    /// The response is unusable from here on.
    #[inline(never)] // for its size
    pub(super) fn stop(&mut self, kind: ErrorKind, offset: u64) -> Ready {
        let item_error = match kind {
            ErrorKind::UnexpectedEnd => ItemError::Cut,
            ErrorKind::Truncated => ItemError::Truncated,
            _ => ItemError::Malformed,
        };
        self.fail(item_error, offset);
        self.item_offset.0 = offset;
        self.error = Some(kind);
        self.queue = Queue::Owed;
        Ready::Nothing
    }

    /// [`stop`](Self::stop) at the tag under way.
    pub(super) fn stop_at_markup(&mut self, kind: ErrorKind) -> Ready {
        self.stop(kind, self.lexer.markup_offset())
    }

    /// Why the response is unusable, where it is.
    pub(super) fn response_error(&self) -> Option<Error> {
        let kind = self.error?;
        Some(Error {
            kind,
            offset: self.item_offset.0,
        })
    }

    /// The rest of a text that was under way, outcomes that are still owed, then the end.
    pub(super) fn tell_owed(&mut self, scratch: &mut [u8]) -> Ready {
        let node = self.path.on_path();
        // What is assembled is it, and not an attribute of its start tag.
        if node.is_streamed_text() && self.tag == Node::Foreign {
            self.telling.node = node;
            let ready = self.tell_text(true, scratch);
            if ready != Ready::Nothing {
                return ready;
            }
        }
        if self.item.is_none() && self.items != UNKNOWN && self.index() < self.items {
            // Where the response ended for us; what lies behind an error has been consumed or not.
            let offset = match self.error {
                Some(_) => self.item_offset.0,
                None => self.offset.0,
            };
            let mut item = Item::new(None);
            item.fail(ItemError::NotAnswered, offset);
            self.item = Some(item);
        }
        if self.item.is_some() {
            return Ready::Outcome;
        }
        self.queue = Queue::Over;
        Ready::End
    }

    /// What became of the response, which has ended.
    fn response(&self) -> Response {
        match self.error {
            Some(ErrorKind::UnexpectedEnd) => Response::Cut,
            Some(ErrorKind::Truncated) => Response::Truncated,
            Some(ErrorKind::UnexpectedOperation) => Response::NotSoap,
            Some(_) if self.stage == Stage::Prolog => Response::NotSoap,
            Some(_) => Response::Malformed,
            None if self.fault.is_some() => Response::Fault,
            None => Response::Complete,
        }
    }

    /// The response in figures, once it has ended.
    pub(in crate::response) fn summary(&self) -> Summary {
        let response = self.response();
        Summary {
            items: self.index(),
            ok: self.ok,
            failed: self.failed,
            suspect: match response {
                Response::Truncated => self.not_whole,
                _ => 0,
            },
            response,
            fault: self.fault.map(|_| self.fault()),
            error: self.response_error(),
        }
    }

    #[inline(never)] // for its size
    pub(super) fn fault(&self) -> Fault {
        let notes = self.fault.unwrap_or_default();
        Fault {
            code: notes.code.or(self.faultcode),
            inner_code: notes.inner_code,
            back_off_ms: notes.back_off_ms(),
        }
    }
}
