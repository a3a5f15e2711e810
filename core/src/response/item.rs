//! One item under judgement.

use super::options::Integrity;
use super::outcome::{ItemError, Outcome, ResponseClass};
use crate::code::ResponseCode;
use crate::payload::Verdict;

/// What is known of a message from its start tag on, until its outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) index: u32,
    class: Option<ResponseClass>,
    pub(super) notes: Notes,
    data: DataSeen,
    bytes: u64,
    /// Further data is of no use.
    deaf: bool,
    /// The gravest error so far, and where it was noticed.
    error: Option<(ItemError, u64)>,
}

/// What a message or a fault says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notes {
    pub(super) code: Option<ResponseCode>,
    /// What a fault's `faultcode` says, if it is a `ResponseCode`.
    pub(super) faultcode: Option<ResponseCode>,
    pub(super) inner_code: Option<ResponseCode>,
    pub(super) back_off_ms: Option<u32>,
    /// Some text had to be replaced.
    pub(super) text_replaced: bool,
    /// Two codes that differ.
    contradictory: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DataSeen {
    None,
    Empty,
    Some,
}

impl Notes {
    /// Notes a `ResponseCode`. The first counts; a second one that differs makes a contradiction.
    pub(super) fn set_code(&mut self, code: ResponseCode) {
        self.contradictory |= self.code.is_some_and(|first| first != code);
        self.code = self.code.or(Some(code));
    }
}

impl Item {
    pub(super) fn new(index: u32, class: Option<ResponseClass>) -> Self {
        Self {
            index,
            class,
            notes: Notes::default(),
            data: DataSeen::None,
            bytes: 0,
            deaf: false,
            error: None,
        }
    }

    /// An item that was asked for and has no message.
    pub(super) fn not_answered(index: u32, offset: u64) -> Self {
        let mut item = Self::new(index, None);
        item.fail(ItemError::NotAnswered, offset);
        item
    }

    /// Notes an error. The gravest counts, the first of its kind.
    pub(super) fn fail(&mut self, error: ItemError, offset: u64) {
        self.deaf |= matches!(
            error,
            ItemError::Unrequested
                | ItemError::Truncated
                | ItemError::Duplicate
                | ItemError::Base64
                | ItemError::TooLarge
                | ItemError::Write
        );
        if !self.error.is_some_and(|(graver, _)| graver <= error) {
            self.error = Some((error, offset));
        }
    }

    /// A `Data` element begins; `true` if it is the item's first.
    pub(super) fn begin_data(&mut self, offset: u64) -> bool {
        let first = self.data == DataSeen::None;
        if first {
            self.data = DataSeen::Empty;
        } else {
            self.fail(ItemError::Duplicate, offset);
        }
        first
    }

    /// There is something in `Data`, handed out or not.
    pub(super) fn see_data(&mut self) {
        self.data = DataSeen::Some;
    }

    /// Decoded bytes were handed out.
    pub(super) fn add_bytes(&mut self, n: usize) {
        self.bytes = self.bytes.saturating_add(n as u64);
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether more data would be of any use.
    pub(super) const fn wants_data(&self) -> bool {
        !self.deaf
    }

    /// Judges the item. `offset`: where its message ended; `verdict`: of its payload, if it was checked.
    pub(super) fn outcome(
        &mut self,
        offset: u64,
        verdict: Option<Verdict>,
        required: Integrity,
    ) -> Outcome {
        // Of data that was not handed out to its end, the payload is not known.
        let integrity = verdict.filter(|_| self.bytes > 0 && !self.deaf);
        let is_error = self.notes.code.is_some_and(|c| c != ResponseCode::NoError);
        let has_data = self.data != DataSeen::None;
        let error = match (self.class, is_error) {
            // A message that was never there has no class, and nothing to judge.
            _ if matches!(self.error, Some((ItemError::NotAnswered, _))) => None,
            (None, _) => Some(ItemError::Contradiction),
            (Some(ResponseClass::Error), false) if self.notes.code.is_some() => {
                Some(ItemError::Contradiction)
            }
            (Some(ResponseClass::Warning), _) if has_data => Some(ItemError::Contradiction),
            (Some(ResponseClass::Error | ResponseClass::Warning), _) => Some(ItemError::Refused),
            (Some(ResponseClass::Success), true) => Some(ItemError::Contradiction),
            (Some(ResponseClass::Success), false) if self.notes.contradictory => {
                Some(ItemError::Contradiction)
            }
            (Some(ResponseClass::Success), false) => match self.data {
                DataSeen::None => Some(ItemError::MissingData),
                DataSeen::Empty => Some(ItemError::EmptyData),
                DataSeen::Some => is_refused(integrity, required).then_some(ItemError::Payload),
            },
        };
        if let Some(error) = error {
            self.fail(error, offset);
        }
        Outcome {
            index: self.index,
            class: self.class,
            code: self.notes.code,
            inner_code: self.notes.inner_code,
            back_off_ms: self.notes.back_off_ms,
            bytes: self.bytes,
            integrity,
            error: self.error.map(|(error, _)| error),
            offset: self.error.map_or(offset, |(_, offset)| offset),
            text_replaced: self.notes.text_replaced,
        }
    }
}

/// Whether a payload of this verdict is not committed.
const fn is_refused(verdict: Option<Verdict>, required: Integrity) -> bool {
    match verdict {
        None | Some(Verdict::Whole) => false,
        Some(Verdict::Framed | Verdict::Unknown) => matches!(required, Integrity::Require),
        Some(Verdict::Broken { .. }) => {
            matches!(required, Integrity::Require | Integrity::Accept)
        }
    }
}
