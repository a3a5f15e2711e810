//! What a server would refuse in a request, found before it is sent.

use core::fmt;

use super::version::RequestServerVersion;

/// Why a request cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum RequestError {
    /// The list of items is empty; `ItemIds` and `Items` hold at least one (MS-OXWSBTRF R183, R196).
    NoItems,
    /// An empty text: `ErrorInvalidIdEmpty`, `ErrorInvalidChangeKey` or a schema violation on the server.
    Empty {
        /// Which text.
        field: RequestField,
    },
    /// A control character, U+FFFE or U+FFFF: not a `Char` of XML 1.0 §2.2, or, for tab and line
    /// breaks, one that a parser turns into a space (§3.3.3).
    Character {
        /// In which text.
        field: RequestField,
        /// Offset of the character in that text, in bytes.
        offset: usize,
        /// The character.
        character: char,
    },
    /// `MailboxCulture` is not shaped like an `xs:language`.
    MailboxCulture {
        /// Offset of the first byte that does not fit, in bytes; the length, where the text stops short.
        offset: usize,
    },
    /// `ManagementRole` for a version that does not have it.
    ManagementRole {
        /// The version of the request.
        version: RequestServerVersion,
    },
    /// `ManagementRole` for an operation that does not have it (MS-OXWSBTRF 3.1.4.2.1.1).
    ManagementRoleUnsupported,
    /// The request would have more bytes than a `u64` can count.
    TooLong,
}

/// A text of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum RequestField {
    /// `Id` of an item.
    Id {
        /// Position of the item in the list, from 0.
        index: usize,
    },
    /// `ChangeKey` of an item.
    ChangeKey {
        /// Position of the item in the list, from 0.
        index: usize,
    },
    /// `Id` of the folder of an item.
    FolderId {
        /// Position of the item in the list, from 0.
        index: usize,
    },
    /// `ChangeKey` of the folder of an item.
    FolderChangeKey {
        /// Position of the item in the list, from 0.
        index: usize,
    },
    /// The header `ExchangeImpersonation`.
    ExchangeImpersonation,
    /// The header `MailboxCulture`.
    MailboxCulture,
    /// The header `ManagementRole` as a whole.
    ManagementRole,
    /// A role of `UserRoles`.
    UserRole {
        /// Position of the role in the list, from 0.
        index: usize,
    },
    /// A role of `ApplicationRoles`.
    ApplicationRole {
        /// Position of the role in the list, from 0.
        index: usize,
    },
}

impl fmt::Display for RequestField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { index } => write!(f, "Id of item {index}"),
            Self::ChangeKey { index } => write!(f, "ChangeKey of item {index}"),
            Self::FolderId { index } => write!(f, "ParentFolderId of item {index}"),
            Self::FolderChangeKey { index } => {
                write!(f, "ChangeKey of the ParentFolderId of item {index}")
            }
            Self::ExchangeImpersonation => f.write_str("ExchangeImpersonation"),
            Self::MailboxCulture => f.write_str("MailboxCulture"),
            Self::ManagementRole => f.write_str("ManagementRole"),
            Self::UserRole { index } => write!(f, "UserRoles entry {index}"),
            Self::ApplicationRole { index } => write!(f, "ApplicationRoles entry {index}"),
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoItems => f.write_str("no items; give at least one"),
            Self::Empty { field } => {
                write!(f, "{field} is empty; give it a value or leave it out")
            }
            Self::Character {
                field,
                offset,
                character,
            } => write!(
                f,
                "{field} holds U+{:04X} at byte {offset}, which XML does not carry; remove it",
                u32::from(*character)
            ),
            Self::MailboxCulture { offset } => write!(
                f,
                "MailboxCulture is not a language tag at byte {offset}; give one like en-US"
            ),
            Self::ManagementRole { version } => write!(
                f,
                "ManagementRole is unknown to {version}; request Exchange2013 or later, or leave it out"
            ),
            Self::ManagementRoleUnsupported => {
                f.write_str("the operation has no ManagementRole; leave it out")
            }
            Self::TooLong => f.write_str("the request is too long; send fewer items at once"),
        }
    }
}

impl core::error::Error for RequestError {}
