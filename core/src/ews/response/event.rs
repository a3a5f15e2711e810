//! The events of a decoder.

use super::outcome::{Fault, Outcome, ResponseClass, Summary};
use crate::ews::code::ResponseCode;

/// One step of a response. Texts and data borrow the decoder's scratch, until the next call.
///
/// # Order
/// ```text
/// ServerVersion?
/// ( MessageStart
///     ( MessageText | ResponseCode | DescriptiveLinkKey | MessageXml | ResponseItemId | Data )*
///   Outcome )*
/// ( ( FaultCode | FaultString | ResponseCode | MessageText | MessageXml )* Fault )?     no FaultCode after a ResponseCode
/// Outcome*      items that were requested and not answered
/// End
/// ```
/// An item's [`Outcome`](Event::Outcome) comes at the first sign of what follows it: the next message's
/// start tag, or the clean end of the document, in [`Decoder::finish`](crate::Decoder::finish).
///
/// `MessageText`, `FaultString`, `MessageXml` and `Data` come in pieces whose borders depend on the
/// input's and on the size of the scratch. Joined, they are always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Event<'a> {
    /// `ServerVersionInfo` of the SOAP header.
    ServerVersion(ServerVersion<'a>),
    /// Start tag of a response message.
    MessageStart {
        /// Position of the message, from 0: the key to the requested item.
        index: u32,
        /// `ResponseClass`; `None` where it is absent or not one of the three.
        ///
        /// `Success` is only announced here: the server writes it before it reads the item.
        class: Option<ResponseClass>,
    },
    /// A piece of `MessageText` (of a fault: `detail/Message`), localised by the server.
    MessageText(&'a str),
    /// `ResponseCode` of the message or fault.
    ResponseCode {
        /// The code.
        code: ResponseCode,
        /// Its text, also of a code that this crate does not know.
        text: &'a str,
    },
    /// `DescriptiveLinkKey`; today's servers send 0.
    DescriptiveLinkKey(i32),
    /// A piece of a value inside `MessageXml`.
    MessageXml {
        /// `Name` of a `Value` element, or the local name of any other element.
        name: &'a str,
        /// This piece of its text.
        text: &'a str,
        /// Whether it is the last piece of this value.
        last: bool,
    },
    /// `ItemId` of the message. A caller who knows the requested ids may answer with
    /// [`Decoder::compare_id`](crate::Decoder::compare_id).
    ItemId(ResponseItemId<'a>),
    /// Decoded bytes of `Data`, never empty. They count only once the item's outcome commits them.
    Data(&'a [u8]),
    /// The end of one item.
    Outcome(Outcome),
    /// `faultcode` of a fault, in SOAP 1.2 the `Value` of its `Code` and of each `Subcode`, without its prefix.
    ///
    /// None is emitted after a `ResponseCode`, which says more: the last of these codes is the one that counts.
    FaultCode(&'a str),
    /// A piece of `faultstring` (in SOAP 1.2, of a `Text` of `Reason`), localised by the server.
    FaultString(&'a str),
    /// End of a fault.
    Fault(Fault),
    /// End of the response. The last event.
    End(Summary),
}

/// An attribute's value.
///
/// Informational values share the caller's scratch; one that does not fit, or is not UTF-8, is left
/// out, and the item continues without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Attribute<'a> {
    /// The element has no such attribute.
    #[default]
    Absent,
    /// Its value, references resolved.
    Value(&'a str),
    /// It does not fit into the scratch or is not UTF-8.
    Omitted {
        /// Its length in bytes, references resolved; `u32::MAX` for one of 4 GiB or more.
        len: u64,
    },
}

impl<'a> Attribute<'a> {
    /// The value, if there is one and it could be held.
    #[must_use]
    pub const fn value(self) -> Option<&'a str> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Omitted { .. } => None,
        }
    }
}

/// `ItemId` of a response message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ResponseItemId<'a> {
    /// `Id`
    pub id: Attribute<'a>,
    /// `ChangeKey`
    pub change_key: Attribute<'a>,
}

/// `ServerVersionInfo`: every part is optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ServerVersion<'a> {
    /// `MajorVersion`, 15 for Exchange 2013 and later.
    pub major: Option<u32>,
    /// `MinorVersion`
    pub minor: Option<u32>,
    /// `MajorBuildNumber`
    pub major_build: Option<u32>,
    /// `MinorBuildNumber`
    pub minor_build: Option<u32>,
    /// `Version`: free text such as `V2017_07_11`, no value to send back.
    pub version: Attribute<'a>,
}
