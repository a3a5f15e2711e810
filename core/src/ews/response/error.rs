//! Why a response is unusable.

use core::fmt;

use crate::xml;

/// The response cannot be decoded any further.
///
/// This is about the response as a whole; errors of a single item are in its
/// [`Outcome`](crate::Outcome).
/// Errors are sticky: every later call returns the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Where: the offset in the response, in bytes, of the first byte that could not be accepted.
    pub offset: u64,
}

/// An operation of EWS, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum OperationName {
    /// `ExportItems`
    ExportItems,
    /// `UploadItems`
    UploadItems,
}

/// What made a response unusable, sorted by who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ErrorKind {
    // --- the peer's bytes: how the document ends ---
    /// The input ended before the document did.
    UnexpectedEnd,
    /// `=== Truncated Data ===` in place of markup: the server gave up on this response.
    Truncated,

    // --- the peer's bytes: not an answer to the request ---
    /// The document is not a SOAP envelope (HTML, JSON, plain text, …).
    NotSoap,
    /// A SOAP envelope whose body is neither the response of this operation nor a `Fault`.
    UnexpectedOperation(OperationName),
    /// Not UTF-8: UTF-16, or an encoding is declared that is neither UTF-8 nor a superset of ASCII in use
    /// ([`Decoder::declared_encoding`](crate::Decoder::declared_encoding) has its name).
    Encoding,

    // --- the peer's bytes: XML that is broken or refused ---
    /// A document type declaration; SOAP 1.1 §3 forbids it.
    Dtd,
    /// Text where only elements belong.
    UnexpectedText,
    /// A byte that is not allowed at this place of a tag, attribute or reference.
    UnexpectedByte,
    /// An end tag that does not match the open element.
    MismatchedEndTag,
    /// An attribute that is there twice, outside of the response messages: in one, it fails that item only
    /// ([`ItemError::Contradiction`](crate::ItemError::Contradiction)).
    DuplicateAttribute,
    /// A reference to an entity other than the five predefined ones, or one that is not closed.
    UnknownEntity,

    // --- our limit ---
    /// Elements are nested more than [`MAX_DEPTH`](crate::MAX_DEPTH) deep.
    TooDeep,
    /// A name is longer than [`MAX_NAME_LEN`](crate::MAX_NAME_LEN).
    NameTooLong,

    // --- the caller ---
    /// Input was given after [`Decoder::finish`](crate::Decoder::finish).
    Finished,
}

impl ErrorKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::UnexpectedEnd => "the response ended before the document did",
            Self::Truncated => "the server truncated the response (`=== Truncated Data ===`)",
            Self::NotSoap => "not a SOAP envelope",
            Self::UnexpectedOperation(OperationName::ExportItems) => {
                "not a response to ExportItems"
            }
            Self::UnexpectedOperation(OperationName::UploadItems) => {
                "not a response to UploadItems"
            }
            Self::Encoding => "not UTF-8",
            Self::Dtd => "document type declarations are refused",
            Self::UnexpectedText => "text where only elements belong",
            Self::UnexpectedByte => "malformed XML",
            Self::MismatchedEndTag => "end tag does not match the open element",
            Self::DuplicateAttribute => "an element has the same attribute twice",
            Self::UnknownEntity => "unknown or unterminated entity reference",
            Self::TooDeep => "elements are nested too deep",
            Self::NameTooLong => "the name of an element or attribute is too long",
            Self::Finished => "input after the end was declared",
        }
    }
}

impl From<xml::Error> for ErrorKind {
    fn from(error: xml::Error) -> Self {
        match error {
            xml::Error::Encoding => Self::Encoding,
            xml::Error::Dtd => Self::Dtd,
            xml::Error::UnexpectedByte => Self::UnexpectedByte,
            xml::Error::UnknownEntity => Self::UnknownEntity,
            xml::Error::NameTooLong => Self::NameTooLong,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.kind, self.offset)
    }
}

impl core::error::Error for Error {}
