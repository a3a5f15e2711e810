//! The end of a response: the remaining outcomes, and the summary.

use super::{Queue, Reader, Ready, Stage, NOT_SAME, NOT_WHOLE, OK, UNKNOWN};
use crate::ews::hooks::Hooks;
use crate::ews::response::item::Notes;
use crate::ews::response::{
    Error, ErrorKind, Event, IdMatch, ItemError, Node, ResponseOutcome, Summary,
};
use crate::payload::Verdict;

impl<O: Hooks> Reader<O> {
    /// The outcome of the current item, which is complete, as an event; `None` if there is no item.
    #[inline(never)] // for its size
    pub(crate) fn judge<'s>(&mut self) -> Option<Event<'s>> {
        self.progress.item.as_ref()?;
        self.count_last();
        let item = self.progress.item.as_mut()?;
        let (offset, required) = (self.progress.place.message_end(), self.integrity);
        let integrity = match item.has_whole_data() {
            true => self.operation.verdict(required),
            false => None,
        };
        let is_whole = integrity == Some(Verdict::Whole);
        if item
            .judge(offset, integrity, required, O::NEEDS_DATA)
            .is_none()
        {
            self.flags |= OK;
            if !is_whole {
                self.flags |= NOT_WHOLE;
            }
            let id_match = item.id_match();
            // The last message is judged after all bytes that follow the document.
            if id_match != IdMatch::Same || !is_whole && self.trailing() > 0 {
                self.flags |= NOT_SAME;
            }
        }
        let index = self.index;
        self.index = index.wrapping_add(1);
        let item = self.progress.item.take()?;
        Some(Event::Outcome(item.outcome(index, offset, integrity)))
    }

    /// The input has ended.
    pub(crate) fn end_of_input(&mut self, offset: u64) {
        if self.stage == Stage::Epilog {
            self.end_reading();
            return;
        }
        // A marker inside `Data` in place of the end tags. In a start tag of `Data`, the state is that of the item before.
        let in_data = self.path.on_path() == Node::Data && self.tag != Node::Data;
        let truncated = in_data && self.operation.is_truncated();
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
    pub(crate) fn stop(&mut self, kind: ErrorKind, offset: u64) -> Ready {
        let item_error = match kind {
            ErrorKind::UnexpectedEnd => ItemError::Cut,
            ErrorKind::Truncated => ItemError::Truncated,
            _ => ItemError::Malformed,
        };
        self.progress.fail(item_error, offset);
        self.progress.place.set_broken_at(offset);
        self.error = Some(kind);
        self.end_reading();
        Ready::Nothing
    }

    /// Stops reading: from here on, only the rest is emitted.
    fn end_reading(&mut self) {
        self.queue = Queue::Rest;
        let messages = self.index.wrapping_add(self.progress.item.is_some().into());
        self.progress.limit.set_messages(messages);
        if self.error.is_none() && self.fault.is_none() {
            // Then only the last item can be incomplete.
            self.count_last();
            self.counts[1] = 0;
        }
    }

    /// [`stop`](Self::stop) at the current tag.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    pub(crate) fn stop_at_markup(&mut self, kind: ErrorKind) -> Ready {
        self.stop(kind, self.progress.lexer.markup_offset())
    }

    /// Why the response is unusable, if it is.
    pub(crate) fn response_error(&self) -> Option<Error> {
        let kind = self.error?;
        Some(Error {
            kind,
            offset: self.progress.place.broken_at(),
        })
    }

    /// The declared encoding, which is the last token, if it cannot be read.
    pub(crate) fn declared_encoding<'s>(&self, scratch: &'s [u8]) -> Option<&'s str> {
        if self.error != Some(ErrorKind::Encoding) {
            return None;
        }
        let name = self.assembly.held().text(scratch);
        (!name.is_empty()).then_some(name)
    }

    /// Emits the rest of an interrupted text, the remaining outcomes, then the end.
    pub(crate) fn emit_rest(&mut self, scratch: &mut [u8]) -> Ready {
        let node = self.path.on_path();
        // The assembly holds the text, not an attribute of its start tag.
        if node.is_streamed_text() && self.tag == Node::Foreign {
            self.text.node = node;
            let ready = self.emit_text(true, scratch);
            if ready != Ready::Nothing {
                return ready;
            }
        }
        if self.progress.item.is_none() && self.items != UNKNOWN && self.index() < self.items {
            // Where the response ended: input after an error may or may not have been consumed.
            let offset = match self.error {
                Some(_) => self.progress.place.broken_at(),
                None => self.progress.offset.0,
            };
            self.begin_item(None);
            self.progress.fail(ItemError::NotAnswered, offset);
        }
        if self.progress.item.is_some() {
            return Ready::Outcome;
        }
        self.count_last();
        self.queue = Queue::Over;
        Ready::End
    }

    /// How the response ended.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    fn response(&self) -> ResponseOutcome {
        match self.error {
            Some(ErrorKind::UnexpectedEnd) => ResponseOutcome::Cut,
            Some(ErrorKind::Truncated) => ResponseOutcome::Truncated,
            Some(ErrorKind::UnexpectedOperation(_)) => ResponseOutcome::NotSoap,
            Some(_) if self.stage == Stage::Prolog => ResponseOutcome::NotSoap,
            Some(_) => ResponseOutcome::Malformed,
            None if self.fault.is_some() => ResponseOutcome::Fault,
            None => ResponseOutcome::Complete,
        }
    }

    /// How many bytes follow the document.
    fn trailing(&self) -> u64 {
        match self.stage {
            Stage::Epilog => self.progress.room.trailing(),
            _ => 0,
        }
    }

    /// The summary of the response, once it has ended.
    pub(crate) fn summary(&self) -> Summary {
        let response = self.response();
        let messages = self.progress.limit.messages();
        let expected = (self.items != UNKNOWN).then_some(self.items);
        let trailing = self.trailing();
        let [ok, not_whole, not_same] = self.counts;
        Summary {
            items: self.index,
            ok,
            failed: self.index.wrapping_sub(ok),
            suspect: match response {
                ResponseOutcome::Complete if expected.is_some_and(|it| it != messages) => not_same,
                ResponseOutcome::Complete if trailing == 0 => 0,
                _ => not_whole,
            },
            messages,
            expected,
            trailing,
            response,
            fault: self.fault.map(Notes::fault),
            error: self.response_error(),
        }
    }
}
