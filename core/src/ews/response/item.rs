//! One item until its outcome.

use super::options::IntegrityPolicy;
use super::outcome::{Fault, IdMatch, ItemError, Outcome, ResponseClass};
use crate::ews::code::{ResponseCode, Word};
use crate::offset::Offset;
use crate::payload::Verdict;

/// What is known about a message between its start tag and its outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    class: Option<ResponseClass>,
    pub(crate) notes: Notes,
    data: DataSeen,
    /// Further facts, one bit each.
    marks: u8,
    /// The gravest error so far, and where it was noticed.
    error: Option<ItemError>,
    error_offset: Offset,
    /// Bytes of data, up to the limits.
    bytes: Offset,
}

/// The codes and values of a message or a fault.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) code: Option<ResponseCode>,
    pub(crate) inner_code: Option<ResponseCode>,
    /// Further facts, one bit each.
    known: u8,
    back_off_ms: u32,
}

// Of `Notes::known`.
/// Some text had to be replaced.
const REPLACED: u8 = 1;
/// There were two codes that differ.
const CONTRADICTORY: u8 = 2;
/// There was a `BackOffMilliseconds`.
const BACK_OFF: u8 = 4;
/// The code is that of `faultcode`; a `ResponseCode` takes its place.
const OF_FAULTCODE: u8 = 8;
/// `faultcode` says that the request is wrong.
const SENDERS_FAULT: u8 = 16;

// Of `Item::marks`.
/// The response has invalidated the item: no more of its data is handed out.
const SPOILED: u8 = 1;
/// The caller could not keep the item: its data is counted, and not handed out.
const REJECTED: u8 = 2;
/// Its ids have arrived.
const IDS: u8 = 4;
/// They are the requested ones.
const SAME: u8 = 8;
/// They are another item's.
const OTHER: u8 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DataSeen {
    None,
    Empty,
    Some,
}

impl Notes {
    /// Notes a `ResponseCode`. The first counts; a second one that differs makes a contradiction.
    pub(crate) fn set_code(&mut self, code: ResponseCode) {
        if self.known & OF_FAULTCODE != 0 {
            self.known &= !OF_FAULTCODE;
            self.code = None;
        }
        if *self.code.get_or_insert(code) != code {
            self.known |= CONTRADICTORY;
        }
    }

    /// Whether the code is that of `faultcode`.
    pub(crate) const fn is_of_faultcode(self) -> bool {
        self.known & OF_FAULTCODE != 0
    }

    /// Notes `faultcode`, where no `ResponseCode` has come.
    pub(crate) fn set_faultcode(&mut self, word: Word) {
        let code = word.code();
        if word.is_senders_fault() {
            self.known |= SENDERS_FAULT;
        } else if code != ResponseCode::Other {
            self.known |= OF_FAULTCODE;
            self.code = Some(code);
        }
    }

    /// The fault that has these notes.
    #[inline(never)] // for its size
    pub(crate) fn fault(self) -> Fault {
        Fault {
            code: self.code,
            inner_code: self.inner_code,
            back_off_ms: self.back_off_ms(),
            is_senders_fault: self.known & SENDERS_FAULT != 0,
        }
    }

    /// Notes a `BackOffMilliseconds`. The longest counts.
    pub(crate) fn set_back_off(&mut self, ms: u32) {
        self.known |= BACK_OFF;
        self.back_off_ms = self.back_off_ms.max(ms);
    }

    pub(crate) fn back_off_ms(self) -> Option<u32> {
        (self.known & BACK_OFF != 0).then_some(self.back_off_ms)
    }

    /// Notes that some text had to be replaced.
    pub(crate) fn set_replaced(&mut self) {
        self.known |= REPLACED;
    }
}

impl Item {
    /// An item whose message begins at `offset`.
    // The offset is not used yet, but without it compilers clear the whole item by a call.
    pub(crate) const fn new(class: Option<ResponseClass>, offset: u64) -> Self {
        Self {
            class,
            notes: Notes {
                code: None,
                inner_code: None,
                known: 0,
                back_off_ms: 0,
            },
            data: DataSeen::None,
            marks: 0,
            error: None,
            error_offset: Offset(offset),
            bytes: Offset(0),
        }
    }

    /// Notes an error. The gravest counts, the first of its kind.
    pub(crate) fn fail(&mut self, error: ItemError, offset: u64) {
        self.marks |= match error {
            ItemError::Unrequested
            | ItemError::Truncated
            | ItemError::Duplicate
            | ItemError::Base64
            | ItemError::TooLarge
            | ItemError::Contradiction => SPOILED,
            ItemError::Write => REJECTED,
            _ => 0,
        };
        if !self.error.is_some_and(|graver| graver <= error) {
            self.error = Some(error);
            self.error_offset.0 = offset;
        }
    }

    /// An `ItemId` arrives; `true` if it is the item's first.
    pub(crate) fn begin_ids(&mut self) -> bool {
        let first = self.marks & IDS == 0;
        self.marks |= IDS;
        first
    }

    /// Notes how the ids, which end at `offset`, compare with those that were requested.
    pub(crate) fn set_id_match(&mut self, answer: IdMatch, offset: u64) {
        self.marks |= match answer {
            IdMatch::Same => SAME,
            IdMatch::Other => {
                self.fail(ItemError::Contradiction, offset);
                OTHER
            }
            IdMatch::Unknown => 0,
        };
    }

    /// How the ids compare.
    pub(crate) const fn id_match(&self) -> IdMatch {
        if self.marks & OTHER != 0 {
            IdMatch::Other
        } else if self.marks & SAME != 0 {
            IdMatch::Same
        } else {
            IdMatch::Unknown
        }
    }

    /// A `Data` element begins; `true` if it is the item's first.
    pub(crate) fn begin_data(&mut self) -> bool {
        let first = self.data == DataSeen::None;
        if first {
            self.data = DataSeen::Empty;
        }
        first
    }

    /// `Data` is not empty, whether it is handed out or not.
    pub(crate) fn see_data(&mut self) {
        self.data = DataSeen::Some;
    }

    /// How many bytes of data there were, up to the limits.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes.0
    }

    /// Adds bytes that the limits allow.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.bytes.0 = (self.bytes.0).wrapping_add(bytes as u64);
    }

    /// Whether more data is wanted.
    pub(crate) const fn wants_data(&self) -> bool {
        self.marks & (SPOILED | REJECTED) == 0
    }

    /// Whether the caller could not keep the item.
    pub(crate) const fn is_rejected(&self) -> bool {
        self.marks & REJECTED != 0
    }

    /// Whether the response has invalidated the item.
    pub(crate) const fn is_spoiled(&self) -> bool {
        self.marks & SPOILED != 0
    }

    /// Whether there were data, and all of them were handed out.
    pub(crate) const fn has_whole_data(&self) -> bool {
        self.bytes() > 0 && self.wants_data()
    }

    /// Decides about the item whose message ended at `offset`, and returns its error.
    pub(crate) fn judge(
        &mut self,
        offset: u64,
        integrity: Option<Verdict>,
        required: IntegrityPolicy,
        needs_data: bool,
    ) -> Option<ItemError> {
        let code = self.notes.code;
        let error = match (self.class, self.data) {
            // An item without a message has no class either, and a graver error.
            (None, _) => Some(ItemError::Contradiction),
            (Some(ResponseClass::Error), _) if code == Some(ResponseCode::NoError) => {
                Some(ItemError::Contradiction)
            }
            (Some(ResponseClass::Warning), DataSeen::Empty | DataSeen::Some) => {
                Some(ItemError::Contradiction)
            }
            (Some(ResponseClass::Error | ResponseClass::Warning), _) => Some(ItemError::Refused),
            (Some(ResponseClass::Success), _)
                if self.notes.known & CONTRADICTORY != 0
                    || code.is_some_and(|code| code != ResponseCode::NoError) =>
            {
                Some(ItemError::Contradiction)
            }
            (_, DataSeen::None | DataSeen::Empty) if !needs_data => None,
            (_, DataSeen::None) => Some(ItemError::MissingData),
            (_, DataSeen::Empty) => Some(ItemError::EmptyData),
            (_, DataSeen::Some) => is_refused(integrity, required).then_some(ItemError::Payload),
        };
        if let Some(error) = error {
            self.fail(error, offset);
        }
        self.error
    }

    /// The outcome of an item after [`judge`](Self::judge).
    pub(crate) fn outcome(&self, index: u32, offset: u64, integrity: Option<Verdict>) -> Outcome {
        Outcome {
            index,
            class: self.class,
            code: self.notes.code,
            inner_code: self.notes.inner_code,
            back_off_ms: self.notes.back_off_ms(),
            bytes: self.bytes(),
            integrity,
            error: self.error,
            offset: match self.error {
                Some(_) => self.error_offset.0,
                None => offset,
            },
            id_match: self.id_match(),
            text_replaced: self.notes.known & REPLACED != 0,
        }
    }
}

/// Whether a payload with this verdict is not committed.
const fn is_refused(verdict: Option<Verdict>, required: IntegrityPolicy) -> bool {
    match verdict {
        None | Some(Verdict::Whole) => false,
        Some(Verdict::Framed | Verdict::Unknown) => matches!(required, IntegrityPolicy::Require),
        Some(Verdict::Broken { .. }) => {
            matches!(required, IntegrityPolicy::Require | IntegrityPolicy::Accept)
        }
    }
}
