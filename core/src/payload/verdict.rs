//! What a payload check finds.

use core::fmt;

/// What a payload says about its own integrity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Verdict {
    /// Records and atoms end cleanly, and nothing is cut or left open.
    Whole,
    /// The records end cleanly, but something in them is unknown to this check, so the atoms were
    /// judged only up to there.
    Framed,
    /// The first eight bytes are not those of an FX payload; nothing was judged.
    Unknown,
    /// The payload is cut or corrupt.
    Broken {
        /// Offset in the payload, in bytes, where the record, property or marker begins that is
        /// cut or wrong; where something is missing at the end, the payload's length.
        offset: u64,
        /// What is wrong there.
        reason: BrokenReason,
    },
}

/// Which rule a broken payload violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum BrokenReason {
    /// Fewer than 8 bytes; Exchange writes a single zero byte, `AA==`, in place of data that it
    /// did not produce.
    TooShort,
    /// The payload ends inside a record.
    RecordCut,
    /// No FX operation has this opcode: bytes are missing before it.
    Opcode,
    /// A record longer than `0x7FFF_FFFF` bytes.
    RecordLength,
    /// A `TransferBuffer` record without a byte.
    EmptyTransferBuffer,
    /// Not one `TransferBuffer` record.
    NoTransferBuffer,
    /// A `Config` record after a `TransferBuffer`: another payload begins inside this one.
    SecondConfig,
    /// The records end cleanly, inside a property or marker.
    AtomCut,
    /// A marker that opens something in the wrong place, or closes something that is not open.
    Misplaced,
    /// A recipient, an attachment or an embedded message is not closed.
    Open,
}

impl Verdict {
    /// The name in manifests and JSON: `whole`, `framed`, `unknown` or `broken`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Framed => "framed",
            Self::Unknown => "unknown",
            Self::Broken { .. } => "broken",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        match self {
            Self::Broken { offset, reason } => write!(f, " at byte {offset}: {reason}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for BrokenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "the payload is shorter than a record",
            Self::RecordCut => "the payload ends inside a record",
            Self::Opcode => "no record has this opcode",
            Self::RecordLength => "the record is longer than 2 GiB",
            Self::EmptyTransferBuffer => "the transfer buffer is empty",
            Self::NoTransferBuffer => "the payload holds no transfer buffer",
            Self::SecondConfig => "a second payload begins inside this one",
            Self::AtomCut => "the payload ends inside a property",
            Self::Misplaced => "the marker opens or closes what it cannot",
            Self::Open => {
                "the payload ends inside a recipient, an attachment or an embedded message"
            }
        })
    }
}
