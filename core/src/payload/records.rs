//! Layer 1: the FX records that a payload consists of.
//!
//! ```text
//! record = opcode:u32le length:u32le body[length]      repeated to the end
//! ```
//!
//! Microsoft does not document this framing.
//! It stands in every sample that Microsoft published, of EWS and of Graph, and the rules here are
//! those by which the server's own `UploadItems` refuses a payload (`ErrorCorruptData`): fewer than
//! 8 bytes left for a header, a length past the end, a `TransferBuffer` without a byte.

use super::field::Field;
use super::BrokenReason;

/// What the opcode of a record means for this check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opcode {
    /// 1: flags and transfer method, the first record of every payload.
    Config,
    /// 2: a piece of the `FastTransfer` stream.
    TransferBuffer,
    /// 3 `IsInterfaceOk` and 4 `TellPartnerVersion`: nothing in them that could be cut unseen.
    Preamble,
    /// An operation that an item has no use for (11 to 17 transfer a mailbox's own state) or that
    /// is newer than this code: its body may hold anything.
    Foreign,
    /// No operation at all: 0, or a number that no set of operations would reach.
    ///
    /// Text, identifiers and times that stand where a header belongs end up here, and so does a
    /// hole of zero bytes, which would otherwise pass as records without a body.
    Invalid,
}

impl Opcode {
    const fn from_wire(opcode: u32) -> Self {
        match opcode {
            1 => Self::Config,
            2 => Self::TransferBuffer,
            3 | 4 => Self::Preamble,
            5..=0xFF => Self::Foreign,
            _ => Self::Invalid,
        }
    }
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opcode,
    Length(Opcode),
    Body(Opcode),
    /// The first eight bytes are no FX payload's: nothing is judged.
    Unknown,
    /// A rule was violated by the record at `Records::end`.
    Broken(BrokenReason),
}

/// Where a payload's records stand.
#[derive(Clone, Debug)]
pub(super) struct Records {
    /// Offset in the payload where the input that was given so far ends.
    // INVARIANT: while `input` is worked off, its first byte stands at `end - input.len()`.
    end: u64,
    /// Length of the current record's body, and how much of it is still to come.
    length: u32,
    left: u32,
    field: Field,
    state: State,
    transferred: bool,
}

/// What the input holds next.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// Bytes of the `FastTransfer` stream; they end at offset `end` of the payload.
    Stream { bytes: &'a [u8], end: u64 },
    /// A record whose body this code does not understand begins.
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
        end: 0,
        length: 0,
        left: 0,
        field: Field::EMPTY,
        state: State::Opcode,
        transferred: false,
    };

    /// Announces the input that `step` is going to work off.
    pub(super) fn extend(&mut self, input: &[u8]) {
        if !matches!(self.state, State::Unknown | State::Broken(_)) {
            self.end += input.len() as u64;
        }
    }

    /// Works off the input up to the next step; `None` when it is used up or not judged any more.
    #[inline]
    pub(super) fn step<'a>(&mut self, input: &mut &'a [u8]) -> Option<Step<'a>> {
        loop {
            let opcode = match self.state {
                State::Opcode => {
                    let opcode = Opcode::from_wire(self.field.take(4, input)?);
                    self.state = State::Length(opcode);
                    opcode
                }
                State::Length(opcode) => opcode,
                State::Body(opcode) => {
                    let bytes = self.take_body(input)?;
                    if opcode == Opcode::TransferBuffer {
                        let end = self.end - input.len() as u64;
                        return Some(Step::Stream { bytes, end });
                    }
                    continue;
                }
                State::Unknown | State::Broken(_) => return None,
            };
            let length = self.field.take(4, input)?;
            self.state = self.begin(opcode, length, input.len());
            if opcode == Opcode::Foreign {
                return Some(Step::Foreign);
            }
        }
    }

    /// Judges the header that ends `rest` bytes before the end of the input.
    fn begin(&mut self, opcode: Opcode, length: u32, rest: usize) -> State {
        let at = self.end - rest as u64 - 8;
        let reason = match opcode {
            _ if at == 0 && (opcode, length) != (Opcode::Config, 8) => return State::Unknown,
            Opcode::Invalid => BrokenReason::Opcode,
            // The server holds lengths as signed 32-bit integers.
            _ if length > 0x7FFF_FFFF => BrokenReason::RecordLength,
            Opcode::TransferBuffer if length == 0 => BrokenReason::EmptyTransferBuffer,
            _ => {
                self.length = length;
                self.left = length;
                self.transferred |= opcode == Opcode::TransferBuffer;
                return if length == 0 {
                    State::Opcode
                } else {
                    State::Body(opcode)
                };
            }
        };
        self.end = at;
        State::Broken(reason)
    }

    /// The part of the current body that the input holds; `None` where the input is empty.
    fn take_body<'a>(&mut self, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        if input.is_empty() {
            return None;
        }
        let arrived = u32::try_from(input.len()).map_or(self.left, |len| len.min(self.left));
        let (body, rest) = input.split_at_checked(arrived as usize)?;
        *input = rest;
        self.left -= arrived;
        if self.left == 0 {
            self.state = State::Opcode;
        }
        Some(body)
    }

    /// The records' verdict, as if the payload ended here.
    pub(super) fn end(&self) -> End {
        let (back, reason) = match self.state {
            State::Unknown => return End::Unknown,
            State::Broken(reason) => (0, reason),
            _ if self.end < 8 => (self.end, BrokenReason::TooShort),
            State::Length(_) => (4 + u64::from(self.field.have()), BrokenReason::RecordCut),
            State::Body(_) => {
                let arrived = self.length - self.left;
                (8 + u64::from(arrived), BrokenReason::RecordCut)
            }
            State::Opcode if self.field.have() > 0 => {
                (u64::from(self.field.have()), BrokenReason::RecordCut)
            }
            _ if !self.transferred => (0, BrokenReason::NoTransferBuffer),
            State::Opcode => return End::Clean,
        };
        End::Broken {
            offset: self.end - back,
            reason,
        }
    }

    /// Offset where the input that was given so far ends.
    pub(super) const fn position(&self) -> u64 {
        self.end
    }
}
