//! What was noticed while an item was read or converted.

use std::fmt;

/// Something that a user should know about a converted item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Warning {
    /// The kind.
    pub kind: WarningKind,
    /// The place or the name that it concerns.
    pub detail: String,
}

/// The kind of a [`Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarningKind {
    /// The payload is cut or corrupt.
    NotWhole,
    /// The file does not begin as an exported item does.
    NoPayload,
    /// The payload contains something that is not understood; nothing after it was read.
    NotUnderstood,
    /// The item has more properties than are read.
    TooLarge,
    /// A property or an element is repeated; the first one counts.
    Duplicate,
    /// The name of a property is too long.
    LongName,
    /// A text has bytes that its code page does not have.
    Undecodable,
    /// The code page is not known; the text was read as Windows-1252.
    UnknownCodePage,
    /// The compressed RTF body is damaged.
    DamagedRtf,
    /// The address of an Exchange user has no SMTP form in the item.
    UnresolvedAddress,
    /// An address has characters outside of ASCII.
    InternationalAddress,
    /// An attachment has no content that could be written.
    SkippedAttachment,
    /// A text is too long for a header and was cut.
    Truncated,
    /// Messages are embedded too deeply; the inner ones are left out.
    TooDeep,
    /// A header is malformed and was left out.
    DroppedHeader,
    /// A part of a recurrence is damaged, or cannot be written in iCalendar.
    Recurrence,
}

impl WarningKind {
    /// Returns the name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotWhole => "not_whole",
            Self::NoPayload => "no_payload",
            Self::NotUnderstood => "not_understood",
            Self::TooLarge => "too_large",
            Self::Duplicate => "duplicate",
            Self::LongName => "long_name",
            Self::Undecodable => "undecodable",
            Self::UnknownCodePage => "unknown_code_page",
            Self::DamagedRtf => "damaged_rtf",
            Self::UnresolvedAddress => "unresolved_address",
            Self::InternationalAddress => "international_address",
            Self::SkippedAttachment => "skipped_attachment",
            Self::Truncated => "truncated",
            Self::TooDeep => "too_deep",
            Self::DroppedHeader => "dropped_header",
            Self::Recurrence => "recurrence",
        }
    }

    /// Returns whether something of the item is missing in what was written.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        matches!(
            self,
            Self::NotWhole
                | Self::NoPayload
                | Self::NotUnderstood
                | Self::TooLarge
                | Self::DamagedRtf
                | Self::SkippedAttachment
                | Self::Truncated
                | Self::TooDeep
                | Self::Recurrence
        )
    }
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotWhole => "the payload is not whole",
            Self::NoPayload => "the file is not an exported item",
            Self::NotUnderstood => "the rest of the payload is not understood",
            Self::TooLarge => "the item has too many properties; the rest is left out",
            Self::Duplicate => "more than one; the first one counts",
            Self::LongName => "the name of a property is cut",
            Self::Undecodable => "text with bytes that its code page does not have",
            Self::UnknownCodePage => "unknown code page, read as Windows-1252",
            Self::DamagedRtf => "the RTF body is damaged",
            Self::UnresolvedAddress => "no SMTP address",
            Self::InternationalAddress => "address with characters outside of ASCII",
            Self::SkippedAttachment => "attachment left out",
            Self::Truncated => "text is too long and was cut",
            Self::TooDeep => "embedded messages left out below 32 levels",
            Self::DroppedHeader => "malformed header left out",
            Self::Recurrence => "a part of the recurrence is left out",
        })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}
