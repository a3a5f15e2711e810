//! Layer 1: the FX records that a payload consists of.
//!
//! ```text
//! record = opcode:u32le length:u32le body[length]      repeated to the end
//! ```
//!
//! Microsoft does not document this framing.
//! Every sample that Microsoft published has it, of EWS and of Graph, and the rules here are
//! those by which the server's own `UploadItems` refuses a payload (`ErrorCorruptData`): fewer than
//! 8 bytes left for a header, a length past the end, a `TransferBuffer` without a byte.

use super::{take, BrokenReason};
use crate::offset::Offset;

/// Flags and transfer method, the first record of every payload.
const CONFIG: u8 = 1;
/// A piece of the `FastTransfer` stream.
const TRANSFER_BUFFER: u8 = 2;
/// The version of the server that made the payload.
const TELL_PARTNER_VERSION: u8 = 4;
/// Up to here, with 3 `IsInterfaceOk`, there is nothing in the other records that could be cut unseen. After it, an
/// operation that an item has no use for (11 to 17 transfer a mailbox's own state) or that is newer than this code
/// may hold anything.
const LAST_KNOWN: u8 = TELL_PARTNER_VERSION;
/// No operation at all: 0, or a number that no set of operations would reach.
///
/// Text, identifiers and times in place of a header end up here, and so does a
/// hole of zero bytes, which would otherwise pass as records without a body.
const INVALID: u8 = 0;

/// The position in a payload's records.
#[derive(Clone, Debug)]
pub(super) struct Records {
    /// Offset in the payload where the input that was given so far ends.
    // INVARIANT: while `input` is consumed, its first byte is at `end - input.len()`.
    end: Offset,
    /// Length of the current record's body; in its header the bytes that came last, the last one on top.
    length: u32,
    /// How much of the body is still to come.
    left: u32,
    /// Opcode of the current record.
    opcode: u8,
    /// How many bytes of a header that is not all there have come.
    header: u8,
    state: State,
    transferred: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing, or no more than a part of a header, has come.
    First,
    Judging,
    /// The first eight bytes are no FX payload's: nothing is judged.
    Unknown,
    /// A rule was violated by the record at `Records::end`.
    Broken(BrokenReason),
}

/// What the input held.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// Nothing that the other layer has to know.
    On,
    /// Bytes of the body of a record that holds nothing of the stream.
    Body(&'a [u8]),
    /// Bytes of the `FastTransfer` stream.
    Stream(&'a [u8]),
    /// The header of a record whose body this code does not understand.
    Foreign,
}

/// What the records say about a payload that ends here.
#[derive(Debug)]
pub(super) enum End {
    /// They end cleanly.
    Clean,
    Unknown,
    Broken {
        offset: u64,
        reason: BrokenReason,
    },
}

impl Records {
    pub(super) const START: Self = Self {
        end: Offset(0),
        length: 0,
        left: 0,
        opcode: INVALID,
        header: 0,
        state: State::First,
        transferred: false,
    };

    /// Announces the input that `step` is going to work off; `false` if it is not judged any more.
    #[inline]
    pub(super) fn extend(&mut self, input: &[u8]) -> bool {
        let judging = matches!(self.state, State::First | State::Judging);
        if judging {
            self.end.0 = (self.end.0).wrapping_add(input.len() as u64);
        }
        judging
    }

    /// Takes back the announcement of input that was not worked off.
    pub(super) fn retract(&mut self, rest: usize) {
        if matches!(self.state, State::First | State::Judging) {
            self.end.0 = (self.end.0).wrapping_sub(rest as u64);
        }
    }

    /// Takes back the last `rest` bytes of the body that `step` returned.
    #[allow(clippy::cast_possible_truncation)] // no more than were taken of `left`
    pub(super) fn give_back(&mut self, rest: usize) {
        self.left = self.left.wrapping_add(rest as u32);
    }

    /// Works off the next part of the input, which is not empty; `None` if it is not judged any more.
    #[allow(clippy::inline_always)] // the check and the reader call it; a hint alone costs the check 40 instructions a call
    #[inline(always)]
    pub(super) fn step<'a>(&mut self, input: &mut &'a [u8]) -> Option<Step<'a>> {
        if self.left == 0 {
            if !self.take_header(input) {
                return Some(Step::On);
            }
            self.begin(input.len())?;
            if self.opcode > LAST_KNOWN {
                return Some(Step::Foreign);
            }
        }
        let body = take(&mut self.left, input);
        if self.opcode == TRANSFER_BUFFER {
            self.transferred = true;
            return Some(Step::Stream(body));
        }
        Some(Step::Body(body))
    }

    /// Takes opcode and length of a record, or a byte of them where they are not all there; are they now?
    #[inline]
    fn take_header(&mut self, input: &mut &[u8]) -> bool {
        if self.header == 0 {
            if let Some((header, rest)) = input.split_first_chunk() {
                let &[a, b, c, d, e, f, g, h] = header;
                *input = rest;
                self.opcode = opcode(u32::from_le_bytes([a, b, c, d]));
                self.length = u32::from_le_bytes([e, f, g, h]);
                return true;
            }
        }
        let Some((&byte, rest)) = input.split_first() else {
            return false;
        };
        *input = rest;
        self.length = self.length >> 8 | u32::from(byte) << 24;
        self.header = self.header.wrapping_add(1);
        match self.header {
            4 => self.opcode = opcode(self.length),
            8 => self.header = 0,
            _ => {}
        }
        self.header == 0
    }

    /// Judges the header that ends `rest` bytes before the end of the input; `None` if nothing is judged after it.
    fn begin(&mut self, rest: usize) -> Option<()> {
        self.state = match (self.opcode, self.length) {
            header if self.state == State::First && header != (CONFIG, 8) => State::Unknown,
            (INVALID, _) => State::Broken(BrokenReason::Opcode),
            // The server holds lengths as signed 32-bit integers.
            (_, 0x8000_0000..) => State::Broken(BrokenReason::RecordLength),
            (TRANSFER_BUFFER, 0) => State::Broken(BrokenReason::EmptyTransferBuffer),
            // One `Data` holds one item, and `Config` begins it.
            (CONFIG, _) if self.transferred => State::Broken(BrokenReason::SecondConfig),
            (_, length) => {
                self.left = length;
                self.state = State::Judging;
                return Some(());
            }
        };
        self.end.0 = (self.end.0).wrapping_sub((rest as u64).wrapping_add(8));
        None
    }

    /// The records' verdict, as if the payload ended here.
    pub(super) fn end(&self) -> End {
        let (back, reason) = match self.state {
            State::Unknown => return End::Unknown,
            State::Broken(reason) => (0, reason),
            State::First => (self.header.into(), BrokenReason::TooShort),
            _ if self.left > 0 => (
                (self.length.wrapping_sub(self.left)).wrapping_add(8),
                BrokenReason::RecordCut,
            ),
            _ if self.header > 0 => (self.header.into(), BrokenReason::RecordCut),
            _ if !self.transferred => (0, BrokenReason::NoTransferBuffer),
            State::Judging => return End::Clean,
        };
        End::Broken {
            offset: self.position().wrapping_sub(u64::from(back)),
            reason,
        }
    }

    /// How many bytes of the current record are still to come.
    pub(super) const fn left(&self) -> u32 {
        self.left
    }

    /// Where in the body of a `TellPartnerVersion` record the bytes end that were taken last, if the record comes
    /// before the stream and has the length of a version.
    pub(super) fn in_version(&self) -> Option<u32> {
        let is_version = (self.opcode, self.length) == (TELL_PARTNER_VERSION, 6);
        (is_version && !self.transferred).then_some(self.length.wrapping_sub(self.left))
    }

    /// Offset where the input that was given so far ends.
    pub(super) const fn position(&self) -> u64 {
        self.end.0
    }
}

/// An opcode as it is on the wire; [`INVALID`] for all that are.
fn opcode(word: u32) -> u8 {
    u8::try_from(word).unwrap_or(INVALID)
}
