//! The CHALLENGE message of the server: flags, a random challenge, and information about the target.

use crate::error::{ChallengeError, ChallengeField};
use crate::negotiate::{flags, SIGNATURE};
use crate::pairs::{id, AvPairs};

/// A valid CHALLENGE message (MS-NLMP 2.2.1.2).
///
/// It borrows the message, because the MIC covers every byte of it.
///
/// INVARIANT: flags and timestamp are present, and the pairs end with `MsvAvEOL`.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    message: &'a [u8],
    flags: u32,
    nonce: [u8; 8],
    target_info: &'a [u8],
    av_flags: u32,
    timestamp: u64,
}

/// The length of the fixed part, up to `TargetInfoFields`. `Version` may follow.
const FIXED: usize = 48;

impl<'a> Challenge<'a> {
    /// The longest message that [`read`](Self::read) accepts, in bytes.
    ///
    /// Servers send a few hundred bytes.
    pub const LIMIT: usize = 65_536;

    /// Reads a message, which is the decoded token of the header field.
    ///
    /// # Errors
    /// The message is not a challenge, violates MS-NLMP 2.2.1.2, or is from a server that supports only
    /// NTLMv1. Pairs that are not needed for the answer are not checked.
    pub fn read(message: &'a [u8]) -> Result<Self, ChallengeError> {
        if message.len() > Self::LIMIT {
            return Err(ChallengeError::TooLong { len: message.len() });
        }
        match message.first_chunk() {
            Some(&SIGNATURE) => {}
            Some(_) => return Err(ChallengeError::NotNtlm),
            None => return Err(ChallengeError::Cut),
        }
        let message_type = u32_at(message, 8).ok_or(ChallengeError::Cut)?;
        if message_type != 2 {
            return Err(ChallengeError::NotChallenge { message_type });
        }
        let flags = u32_at(message, 20).ok_or(ChallengeError::Cut)?;
        let nonce = *chunk_at(message, 24).ok_or(ChallengeError::Cut)?;
        if flags & flags::UNICODE == 0 {
            return Err(ChallengeError::NoUnicode);
        }
        if flags & flags::TARGET_INFO == 0 {
            return Err(ChallengeError::NoTargetInfo);
        }
        if message.len() < FIXED {
            return Err(ChallengeError::Cut);
        }
        let (name_at, _) = field(message, 12, ChallengeField::TargetName)?;
        let (info_at, target_info) = field(message, 40, ChallengeField::TargetInfo)?;
        if target_info.is_empty() {
            return Err(ChallengeError::NoTargetInfo);
        }
        if name_at.start < info_at.end && info_at.start < name_at.end {
            return Err(ChallengeError::Overlap);
        }
        let (av_flags, timestamp) = check_pairs(target_info)?;
        Ok(Self {
            message,
            flags,
            nonce,
            target_info,
            av_flags,
            timestamp: timestamp.ok_or(ChallengeError::NoTimestamp)?,
        })
    }

    /// Returns `NegotiateFlags`.
    #[must_use]
    pub const fn flags(&self) -> u32 {
        self.flags
    }

    /// Returns `ServerChallenge`, the server's nonce.
    #[must_use]
    pub const fn server_challenge(&self) -> [u8; 8] {
        self.nonce
    }

    /// Returns the server's clock, `MsvAvTimestamp`, as a FILETIME: the number of 100 ns since
    /// 1601-01-01 UTC.
    ///
    /// It is also the time in the response (MS-NLMP 3.1.5.1.2), so the client needs no clock.
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// Returns the pairs of the target information, such as the names of the server.
    #[must_use]
    pub const fn pairs(&self) -> AvPairs<'a> {
        AvPairs::new(self.target_info)
    }

    /// Returns the whole message.
    pub(crate) const fn message(&self) -> &'a [u8] {
        self.message
    }

    /// Returns `MsvAvFlags`, or 0 if the server sent none.
    pub(crate) const fn av_flags(&self) -> u32 {
        self.av_flags
    }
}

/// Returns the range of a field and its bytes. The offset of an empty field is ignored.
fn field(
    message: &[u8],
    at: usize,
    which: ChallengeField,
) -> Result<(core::ops::Range<usize>, &[u8]), ChallengeError> {
    // Len, MaxLen (to be ignored), BufferOffset
    let len = chunk_at(message, at).ok_or(ChallengeError::Cut)?;
    let len = usize::from(u16::from_le_bytes(*len));
    let start = u32_at(message, at + 4).ok_or(ChallengeError::Cut)?;
    if len == 0 {
        return Ok((0..0, &[]));
    }
    let outside = ChallengeError::OutOfBounds(which);
    let start = usize::try_from(start).map_err(|_| outside)?;
    let range = start..start.checked_add(len).ok_or(outside)?;
    match message.get(range.clone()) {
        Some(bytes) if start >= FIXED => Ok((range, bytes)),
        _ => Err(outside),
    }
}

/// Checks the pairs up to `MsvAvEOL`, and returns `MsvAvFlags` and `MsvAvTimestamp`.
fn check_pairs(target_info: &[u8]) -> Result<(u32, Option<u64>), ChallengeError> {
    let mut pairs = AvPairs::new(target_info);
    let mut seen = 0_u16; // a bit for each id that MS-NLMP knows
    let (mut av_flags, mut timestamp) = (0, None);
    loop {
        let pair = pairs.next_raw().ok_or(ChallengeError::PairsCut)?;
        let wrong_length = ChallengeError::PairLength { id: pair.id };
        if pair.id <= id::CHANNEL_BINDINGS {
            let bit = 1_u16.wrapping_shl(pair.id.into());
            if seen & bit != 0 {
                return Err(ChallengeError::PairTwice { id: pair.id });
            }
            seen |= bit;
        }
        match pair.id {
            id::EOL if pair.value.is_empty() => return Ok((av_flags, timestamp)),
            id::EOL => return Err(wrong_length),
            id::FLAGS => {
                let value = pair.value.try_into().map_err(|_| wrong_length)?;
                av_flags = u32::from_le_bytes(value);
            }
            id::TIMESTAMP => {
                let value = pair.value.try_into().map_err(|_| wrong_length)?;
                timestamp = Some(u64::from_le_bytes(value));
            }
            _ => {}
        }
    }
}

fn chunk_at<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    chunk_at(bytes, at).map(|bytes| u32::from_le_bytes(*bytes))
}
