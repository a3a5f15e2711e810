//! Errors, sorted by who is at fault: the server's challenge, its header, or the caller's arguments.

use core::fmt;

/// The server's challenge cannot be answered.
///
/// Nothing is sent, so the attempt does not count for the lockout of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChallengeError {
    /// The message is longer than [`Challenge::LIMIT`](crate::Challenge::LIMIT).
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The message ends inside its fixed part.
    Cut,
    /// The message does not start with `NTLMSSP` and a NUL.
    ///
    /// A token for `Negotiate` that is wrapped in SPNEGO, or a Kerberos token, looks like this.
    NotNtlm,
    /// The message is an NTLM message of another type; a challenge has type 2.
    NotChallenge {
        /// `MessageType`.
        message_type: u32,
    },
    /// The server did not select Unicode, so names would have to be in its OEM code page.
    NoUnicode,
    /// The challenge has no target information, because the server supports only NTLMv1.
    NoTargetInfo,
    /// The target information has no `MsvAvTimestamp`, without which no server demands a MIC.
    ///
    /// Windows has sent it since Vista and Server 2008.
    NoTimestamp,
    /// A field is outside of the message or inside of its fixed part.
    OutOfBounds(ChallengeField),
    /// Target name and target information share bytes.
    Overlap,
    /// The target information ends inside a pair, or before `MsvAvEOL`.
    PairsCut,
    /// A pair of fixed length has another length.
    PairLength {
        /// `AvId`.
        id: u16,
    },
    /// Two pairs have the same id, which MS-NLMP defines.
    PairTwice {
        /// `AvId`.
        id: u16,
    },
}

/// A field of the challenge at an offset that the server chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChallengeField {
    /// `TargetName`.
    TargetName,
    /// `TargetInfo`.
    TargetInfo,
}

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooLong { len } => write!(f, "the NTLM challenge is too long: {len} bytes"),
            Self::Cut => f.write_str("the NTLM challenge is cut short"),
            Self::NotNtlm => f.write_str("the server's token is not an NTLM message"),
            Self::NotChallenge { message_type } => write!(
                f,
                "the server answered with NTLM message {message_type} instead of a challenge (2)"
            ),
            Self::NoUnicode => f.write_str(
                "the server does not accept Unicode names in NTLM; use another way to log in",
            ),
            Self::NoTargetInfo => f.write_str(
                "the server offers only NTLMv1, which is not supported; allow NTLMv2 on the server",
            ),
            Self::NoTimestamp => f.write_str(
                "the NTLM challenge has no timestamp, as from servers older than Windows Server 2008; \
                 use another way to log in",
            ),
            Self::OutOfBounds(ChallengeField::TargetName) => {
                f.write_str("the target name of the NTLM challenge is outside the message")
            }
            Self::OutOfBounds(ChallengeField::TargetInfo) => {
                f.write_str("the target information of the NTLM challenge is outside the message")
            }
            Self::Overlap => {
                f.write_str("target name and target information of the NTLM challenge overlap")
            }
            Self::PairsCut => {
                f.write_str("the target information of the NTLM challenge is cut short")
            }
            Self::PairLength { id } => {
                write!(f, "AV pair {id} of the NTLM challenge has a wrong length")
            }
            Self::PairTwice { id } => write!(f, "AV pair {id} occurs twice in the NTLM challenge"),
        }
    }
}

impl core::error::Error for ChallengeError {}

/// The text is not the name of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UserError {
    /// The name is empty, which is an anonymous login in NTLM.
    Empty,
    /// There is more than one backslash.
    TwoBackslashes,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the user name is empty; write DOMAIN\\user or user@domain",
            Self::TwoBackslashes => {
                "the user name has more than one backslash; write DOMAIN\\user or user@domain"
            }
        })
    }
}

impl core::error::Error for UserError {}

/// The arguments for an AUTHENTICATE message cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LoginError {
    /// The host is empty.
    HostEmpty,
    /// User, domain or host has more than 65,535 bytes in UTF-16.
    NameTooLong,
    /// The response has more than 65,535 bytes, because the name of the host and the server's target
    /// information are too long.
    ResponseTooLong,
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HostEmpty => "the host name is empty",
            Self::NameTooLong => "the user, domain or host name is too long for NTLM",
            Self::ResponseTooLong => {
                "the NTLM response is too long: the server's target information and the host name \
                 have more than 65,535 bytes together"
            }
        })
    }
}

impl core::error::Error for LoginError {}

/// The caller's buffer is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BufferTooSmall {
    /// The required length in bytes.
    pub needed: usize,
}

impl fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the buffer is too small: {} bytes are needed",
            self.needed
        )
    }
}

impl core::error::Error for BufferTooSmall {}

/// The token of a header field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TokenError {
    /// The token is not base64 with padding (RFC 4648 §4).
    NotBase64,
    /// The buffer is shorter than the decoded token.
    BufferTooSmall {
        /// A sufficient length in bytes.
        needed: usize,
    },
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotBase64 => f.write_str("the server's token is not base64"),
            Self::BufferTooSmall { needed } => BufferTooSmall { needed }.fmt(f),
        }
    }
}

impl core::error::Error for TokenError {}
