//! The enumerations of the interface. Values are fixed, and new ones may be added.
//!
//! The enumerations are written out, not generated from a table: cbindgen reads the source without expanding macros.
//! The conversions come from one table for each enumeration.

use exportitems as core_api;

/// Converts an enumeration of the core to ours by the names of its variants, and back from a number. A variant that is
/// newer than this interface is converted to the one after `else`.
macro_rules! mirror {
    ($ours:ident: $theirs:path { $($variant:ident)* } else $other:ident) => {
        impl From<$theirs> for $ours {
            fn from(theirs: $theirs) -> Self {
                match theirs {
                    $(<$theirs>::$variant => Self::$variant,)*
                    #[allow(unreachable_patterns)] // some of theirs are exhaustive
                    _ => Self::$other,
                }
            }
        }

        impl $ours {
            /// Returns the core's variant for a number of ours.
            #[allow(dead_code)] // some enumerations are only returned to the caller
            pub(crate) fn theirs(code: u32) -> Option<$theirs> {
                $(if code == Self::$variant as u32 {
                    return Some(<$theirs>::$variant);
                })*
                None
            }
        }
    };
}

/// The name under which NTLM messages are sent. The server's `WWW-Authenticate` lists the names that it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum NtlmScheme {
    /// `NTLM`.
    Ntlm = 0,
    /// `Negotiate`, for servers that do not offer `NTLM`.
    Negotiate = 1,
}

/// The kind of an event: which member of its body is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum EventKind {
    /// `server_version`: `ServerVersionInfo` of the SOAP header.
    ServerVersion = 1,
    /// `message_start`: a response message begins.
    MessageStart = 2,
    /// `text`: a piece of `MessageText`.
    MessageText = 3,
    /// `text`: `ResponseCode` of the message or fault.
    ResponseCode = 4,
    /// `descriptive_link_key`.
    DescriptiveLinkKey = 5,
    /// `message_xml`: a piece of a value inside `MessageXml`.
    MessageXml = 6,
    /// `item_ids`: `ItemId` of the message.
    ItemIds = 7,
    /// `data`: decoded bytes of the item, at least one. Keep them only if the item's outcome commits it.
    Data = 8,
    /// `outcome`: the end of one item.
    Outcome = 9,
    /// `text`: `faultcode` of a fault, without its prefix.
    FaultCode = 10,
    /// `text`: a piece of `faultstring`.
    FaultString = 11,
    /// `fault`: the end of a fault.
    Fault = 12,
    /// `summary`: the end of the response, the last event.
    End = 13,
    /// Something newer than this interface; no member is set.
    Other = 99,
}

/// `ResponseClass` of a response message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum ResponseClass {
    /// Absent, or not one of the three.
    None = 0,
    /// Announced, but not reliable: the server writes it before it reads the item.
    Success = 1,
    /// The request was not processed, but another attempt may succeed.
    Warning = 2,
    /// The request cannot be fulfilled.
    Error = 3,
}

mirror!(ResponseClass: core_api::ResponseClass { Success Warning Error } else None);

/// Why an item was not exported. If several reasons apply, the lowest number is reported, which is the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum ItemError {
    /// It was exported: commit it.
    None = 0,
    /// A message beyond the number of requested items.
    Unrequested = 1,
    /// The response contains no message for this requested item.
    NotAnswered = 2,
    /// The server answered `Error`, or `Warning` without data.
    Refused = 3,
    /// The server gave up while it wrote this item.
    Truncated = 4,
    /// The XML became malformed inside this item, or before any markup after it.
    Malformed = 5,
    /// The input ended inside this item, or before any markup after it.
    Cut = 6,
    /// The message contains more than one `Data` element.
    Duplicate = 7,
    /// `Data` is not strict base64.
    Base64 = 8,
    /// More decoded bytes than the limit allows.
    TooLarge = 9,
    /// Class and code contradict each other.
    Contradiction = 10,
    /// A success without a `Data` element.
    MissingData = 11,
    /// A success with nothing inside `Data`.
    EmptyData = 12,
    /// The payload is not whole, and the option `integrity` does not accept that.
    Payload = 13,
    /// The caller rejected the item.
    Write = 14,
    /// A reason that is newer than this interface.
    Other = 99,
}

mirror!(ItemError: core_api::ItemError {
    Unrequested NotAnswered Refused Truncated Malformed Cut Duplicate Base64 TooLarge Contradiction
    MissingData EmptyData Payload Write
} else Other);

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Response {
    /// A complete document that answers the request.
    Complete = 1,
    /// The server announced that it gave up.
    Truncated = 2,
    /// The input ended before the document did.
    Cut = 3,
    /// A SOAP fault.
    Fault = 4,
    /// Malformed XML, or XML that a SOAP message must not contain.
    Malformed = 5,
    /// Not a SOAP answer to ExportItems at all.
    NotSoap = 6,
    /// An end that is newer than this interface.
    Other = 99,
}

mirror!(Response: core_api::ResponseOutcome { Complete Truncated Cut Fault Malformed NotSoap } else Other);

/// Which verdicts on a payload let its item be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Integrity {
    /// Commit every payload that is not broken.
    Accept = 0,
    /// Commit only whole payloads.
    Require = 1,
    /// Commit every payload, and report the verdict.
    Report = 2,
    /// Do not check payloads.
    Off = 3,
}

mirror!(Integrity: core_api::IntegrityPolicy { Accept Require Report Off } else Accept);

/// The result of a payload check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Verdict {
    /// The payload was not checked.
    None = 0,
    /// Records and atoms end cleanly, and everything that was opened is closed.
    Whole = 1,
    /// The records end cleanly, but something in them is unknown to this check.
    Framed = 2,
    /// The first eight bytes are not those of an FX payload. The rest was not checked.
    Unknown = 3,
    /// The payload is cut or corrupt.
    Broken = 4,
}

impl Verdict {
    /// Returns the name of the verdict with this number.
    pub(crate) fn name(code: u32) -> Option<&'static str> {
        use core_api::Verdict as Core;
        let named = [
            (Self::Whole, Core::Whole.as_str()),
            (Self::Framed, Core::Framed.as_str()),
            (Self::Unknown, Core::Unknown.as_str()),
            (Self::Broken, "broken"),
        ];
        named
            .into_iter()
            .find_map(|(verdict, name)| (verdict as u32 == code).then_some(name))
    }

    /// Returns the verdict, and if the payload is broken, the reason and the offset.
    pub(crate) fn parts(verdict: Option<core_api::Verdict>) -> (Self, BrokenReason, u64) {
        match verdict {
            None => (Self::None, BrokenReason::None, 0),
            Some(core_api::Verdict::Whole) => (Self::Whole, BrokenReason::None, 0),
            Some(core_api::Verdict::Framed) => (Self::Framed, BrokenReason::None, 0),
            Some(core_api::Verdict::Unknown) => (Self::Unknown, BrokenReason::None, 0),
            Some(core_api::Verdict::Broken { offset, reason }) => {
                (Self::Broken, reason.into(), offset)
            }
        }
    }
}

/// Which rule a broken payload violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum BrokenReason {
    /// It is not broken.
    None = 0,
    /// Fewer than 8 bytes.
    TooShort = 1,
    /// The payload ends inside a record.
    RecordCut = 2,
    /// No FX operation has this opcode.
    Opcode = 3,
    /// A record longer than 2 GiB.
    RecordLength = 4,
    /// A `TransferBuffer` record without a byte.
    EmptyTransferBuffer = 5,
    /// Not one `TransferBuffer` record.
    NoTransferBuffer = 6,
    /// The records end cleanly, inside a property or marker.
    AtomCut = 7,
    /// A marker that opens something that is not allowed there, or closes something that is not open.
    Misplaced = 8,
    /// A recipient, an attachment or an embedded message is not closed.
    Open = 9,
    /// Another payload begins inside this one.
    SecondConfig = 10,
    /// A reason that is newer than this interface.
    Other = 99,
}

mirror!(BrokenReason: core_api::BrokenReason {
    TooShort RecordCut Opcode RecordLength EmptyTransferBuffer NoTransferBuffer AtomCut Misplaced Open SecondConfig
} else Other);

/// The result of comparing an `ItemId` of the response with the one that was requested at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum IdMatch {
    /// It was not compared, the message has no id, or the ids cannot be compared since the server encodes ids anew.
    Unknown = 0,
    /// It is the requested id.
    Same = 1,
    /// It is the id of another item: the outcome is a contradiction.
    Other = 2,
}

mirror!(IdMatch: core_api::IdMatch {
    Unknown Same Other
} else Unknown);

/// What a client can do after the outcome of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Disposition {
    /// Nothing: the item is exported.
    Done = 1,
    /// Nothing: another request will not help.
    Permanent = 2,
    /// Change credentials or rights first.
    Auth = 3,
    /// The server is busy: wait, then send the same request.
    Throttled = 4,
    /// A temporary failure: another request may succeed.
    Transient = 5,
    /// The server gave up while it wrote the item.
    Truncated = 6,
    /// The server refuses the request because of its version, its size or its form.
    UnsupportedVersion = 7,
    /// Something newer than this interface.
    Other = 99,
}

mirror!(Disposition: core_api::policy::Disposition {
    Done Permanent Auth Throttled Transient Truncated UnsupportedVersion
} else Other);

/// What the next request should do differently. An endpoint applies it to its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Relief {
    /// Nothing.
    None = 0,
    /// Request fewer items at once.
    FewerItems = 1,
    /// Keep fewer connections open.
    FewerConnections = 2,
    /// Use an older `RequestServerVersion`.
    OlderVersion = 3,
    /// Something newer than this interface.
    Other = 99,
}

mirror!(Relief: core_api::policy::Relief { FewerItems FewerConnections OlderVersion } else Other);

/// The kind of an HTTP event: which of its fields are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum HttpEventKind {
    /// `status`: an interim response. After 100, send a body that waits for it.
    Interim = 1,
    /// `name` and `data`: a field and its value, which is not always UTF-8.
    Field = 2,
    /// `name`: a field whose value is longer than the scratch.
    FieldTooLong = 3,
    /// `status`, `framing` and `content_length`: the end of the head.
    Head = 4,
    /// `data`: bytes of the body. They point into the caller's input.
    Data = 5,
}

/// How the end of an HTTP response's body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Framing {
    /// There is no body.
    Empty = 1,
    /// By `Content-Length`.
    Length = 2,
    /// By chunked transfer coding.
    Chunked = 3,
    /// By the end of the connection. A lost connection looks the same; the decoder distinguishes them, since it knows
    /// whether the document is complete.
    UntilClose = 4,
}

mirror!(NtlmScheme: exportitems_ntlm::Scheme { Ntlm Negotiate } else Ntlm);
