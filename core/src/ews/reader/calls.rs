//! Events as calls of a sink.

use super::{Reader, Ready, BEGINS, BEGUN, COMPARED, DUE, HELD};
use crate::ews::hooks::Hooks;
use crate::ews::response::{Error, Event, Outcome, ResponseItemId, Summary};

/// A call of a method of a [`Sink`](crate::Sink) that is due, with its arguments.
///
/// [`Decoder::next_call`](crate::Decoder::next_call) returns these. They are in the order that `Sink` describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SinkCall<'a> {
    /// [`compare_id`](crate::Sink::compare_id); [`Decoder::compare_id`](crate::Decoder::compare_id) takes the answer.
    CompareId(u32, ResponseItemId<'a>),
    /// [`begin`](crate::Sink::begin)
    Begin(u32, ResponseItemId<'a>),
    /// [`write`](crate::Sink::write)
    Write(&'a [u8]),
    /// [`commit`](crate::Sink::commit)
    Commit(Outcome),
    /// [`abort`](crate::Sink::abort)
    Abort(Outcome),
    /// [`failed`](crate::Sink::failed)
    Failed(Outcome),
    /// [`note`](crate::Sink::note)
    Note(Event<'a>),
    /// [`end`](crate::Sink::end)
    End(Summary),
}

impl<O: Hooks> Reader<O> {
    /// The next call of a sink, as [`next_event`](Self::next_event) returns events.
    ///
    /// The call before has succeeded, unless the item was rejected.
    #[inline]
    pub(crate) fn next_call<'s>(
        &mut self,
        input: &mut &[u8],
        mode: u8,
        scratch: &'s mut [u8],
    ) -> Result<Option<SinkCall<'s>>, Error> {
        if self.flags & DUE != 0 {
            let due = self.flags;
            self.flags &= !DUE;
            if due & HELD != 0 {
                let len = self.assembly.total() as usize;
                return Ok(Some(SinkCall::Write(
                    scratch.get(..len).unwrap_or_default(),
                )));
            }
            if let Some(index) = self.wanted_item().filter(|_| due & BEGUN == 0) {
                self.flags |= BEGUN | BEGINS;
                let ids = self.attributes.item_ids(scratch);
                return Ok(Some(SinkCall::Begin(index, ids)));
            }
        }
        let call = match self.advance(input, mode, scratch) {
            Ready::Data(len) if self.has_begun() => {
                SinkCall::Write(scratch.get(..len).unwrap_or_default())
            }
            // It is wanted: the reader emits no other data. The item may fail with this piece.
            Ready::Data(len) => {
                self.flags |= BEGUN | BEGINS | HELD;
                self.assembly.hold(len);
                SinkCall::Begin(self.index(), ResponseItemId::default())
            }
            Ready::Starved => return self.starve(input),
            Ready::ItemId => {
                self.flags |= COMPARED;
                SinkCall::CompareId(self.index(), self.attributes.item_ids(scratch))
            }
            Ready::End => SinkCall::End(self.summary()),
            // Without data, nothing else begins an item that has no ids.
            Ready::Outcome if !O::NEEDS_DATA && !self.has_begun() && self.will_commit() => {
                self.flags |= BEGUN | BEGINS;
                SinkCall::Begin(self.index(), ResponseItemId::default())
            }
            Ready::Outcome => {
                let Some(Event::Outcome(outcome)) = self.judge() else {
                    return Ok(None);
                };
                match (self.has_begun(), outcome.error) {
                    (true, None) => SinkCall::Commit(outcome),
                    (true, Some(_)) => SinkCall::Abort(outcome),
                    (false, _) => SinkCall::Failed(outcome),
                }
            }
            ready => return Ok(self.event(ready, scratch).map(SinkCall::Note)),
        };
        Ok(Some(call))
    }

    /// Whether the current item, which is complete, will be committed.
    fn will_commit(&self) -> bool {
        let item = self.progress.item;
        item.is_some_and(|mut item| {
            let (offset, required) = (self.progress.place.message_end(), self.integrity);
            let integrity = match item.has_whole_data() {
                true => self.operation.verdict(required),
                false => None,
            };
            (item.judge(offset, integrity, required, O::NEEDS_DATA)).is_none()
        })
    }
}
