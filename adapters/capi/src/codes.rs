//! The enumerations of the interface. Values are fixed; new ones may be added.

use exportitems as core_api;

/// Declares the way from an enumeration of the core to ours, by name, and back.
macro_rules! mirror {
    ($ours:ident: $theirs:path { $($variant:ident)* } else $other:ident) => {
        impl From<$theirs> for $ours {
            fn from(theirs: $theirs) -> Self {
                match theirs {
                    $(<$theirs>::$variant => Self::$variant,)*
                    #[allow(unreachable_patterns)] // not all of theirs are non-exhaustive
                    _ => Self::$other,
                }
            }
        }

        impl $ours {
            /// The core's value for a number of ours.
            #[allow(dead_code)] // not all are asked
            pub(crate) fn theirs(code: u32) -> Option<$theirs> {
                $(if code == Self::$variant as u32 {
                    return Some(<$theirs>::$variant);
                })*
                None
            }
        }
    };
}

/// Which member of the body of an event counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
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
    /// `data`: decoded bytes of the item, never none. They count only once the item's outcome commits them.
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
    /// Something newer than this interface; no member counts.
    Other = 99,
}

/// `ResponseClass` of a response message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ResponseClass {
    /// Absent, or not one of the three.
    None = 0,
    /// Announced, not proven: the server says so before it has read the item.
    Success = 1,
    /// The request was not processed, but another attempt may succeed.
    Warning = 2,
    /// The request cannot be fulfilled.
    Error = 3,
}

mirror!(ResponseClass: core_api::ResponseClass { Success Warning Error } else None);

/// Why an item was not exported. Where several apply the gravest counts, the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ItemError {
    /// It was exported: commit it.
    None = 0,
    /// A message beyond the number of items that were asked for.
    Unrequested = 1,
    /// Asked for, but the response holds no message for it.
    NotAnswered = 2,
    /// The server answered `Error`, or `Warning` without data.
    Refused = 3,
    /// The server gave up while it wrote this item.
    Truncated = 4,
    /// The XML broke inside this item, or before anything followed it.
    Malformed = 5,
    /// The input ended inside this item, or before anything followed it.
    Cut = 6,
    /// The message holds more than one `Data` element.
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
    /// The payload is not whole, and the option `integrity` does not let that pass.
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

/// How a response as a whole ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Response {
    /// A whole document that answers the request.
    Complete = 1,
    /// The server announced that it gave up.
    Truncated = 2,
    /// The input ended before the document did.
    Cut = 3,
    /// A SOAP fault.
    Fault = 4,
    /// Broken XML, or XML that a SOAP message must not hold.
    Malformed = 5,
    /// Not a SOAP answer to ExportItems at all.
    NotSoap = 6,
    /// An end that is newer than this interface.
    Other = 99,
}

mirror!(Response: core_api::ResponseOutcome { Complete Truncated Cut Fault Malformed NotSoap } else Other);

/// What becomes of an item by the verdict on its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Integrity {
    /// What is not broken is committed.
    Accept = 0,
    /// Only whole payloads are committed.
    Require = 1,
    /// Everything is committed, and the verdict is reported.
    Report = 2,
    /// Payloads are not looked at.
    Off = 3,
}

mirror!(Integrity: core_api::IntegrityPolicy { Accept Require Report Off } else Accept);

/// What a payload says about its own integrity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Verdict {
    /// Not looked at.
    None = 0,
    /// Records and atoms end cleanly, and nothing is cut or left open.
    Whole = 1,
    /// The records end cleanly, but something in them is unknown to this check.
    Framed = 2,
    /// The first eight bytes are not those of an FX payload; nothing was judged.
    Unknown = 3,
    /// The payload is cut or corrupt.
    Broken = 4,
}

impl Verdict {
    /// The name of the verdict with this number.
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

    /// The verdict, and what and where it is broken.
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
    /// A marker that opens what cannot stand there, or closes what is not open.
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

/// How an answered `ItemId` compares with the one that was requested at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum IdMatch {
    /// It was not compared, the message has no id, or the server encodes ids anew and it cannot be compared.
    Unknown = 0,
    /// It is the requested id.
    Same = 1,
    /// It is the id of another item: the outcome is a contradiction.
    Other = 2,
}

mirror!(IdMatch: core_api::IdMatch {
    Unknown Same Other
} else Unknown);

/// What a client can do about what became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Disposition {
    /// It is exported.
    Done = 1,
    /// Asking again will not help.
    Permanent = 2,
    /// Somebody has to change credentials or rights first.
    Auth = 3,
    /// The server is busy: wait, then ask for the same.
    Throttled = 4,
    /// It may be over in a moment.
    Transient = 5,
    /// The server gave up while it wrote the item.
    Truncated = 6,
    /// The request is refused as it is: its version, its size or its shape.
    UnsupportedVersion = 7,
    /// Something newer than this interface.
    Other = 99,
}

mirror!(Disposition: core_api::policy::Disposition {
    Done Permanent Auth Throttled Transient Truncated UnsupportedVersion
} else Other);

/// What the next request should do differently. An endpoint's limits follow it by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Relief {
    /// Nothing.
    None = 0,
    /// Ask for fewer items at once.
    FewerItems = 1,
    /// Keep fewer connections open.
    FewerConnections = 2,
    /// Ask in an older version.
    OlderVersion = 3,
    /// Something newer than this interface.
    Other = 99,
}

mirror!(Relief: core_api::policy::Relief { FewerItems FewerConnections OlderVersion } else Other);

/// Which fields of an HTTP event count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum HttpEventKind {
    /// `status`: an interim response; 100 is the word to send a body that waits for it.
    Interim = 1,
    /// `name` and `data`: a field and its value, which is not always UTF-8.
    Field = 2,
    /// `name`: a field whose value is longer than the scratch.
    FieldTooLong = 3,
    /// `status`, `framing` and `content_length`: the head is over.
    Head = 4,
    /// `data`: bytes of the body, a stretch of the caller's input.
    Data = 5,
}

/// How the end of an HTTP response's body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Framing {
    /// There is no body.
    Empty = 1,
    /// By `Content-Length`.
    Length = 2,
    /// By chunked transfer coding.
    Chunked = 3,
    /// By the end of the connection: a cut looks like the end here; the decoder knows them apart by the document.
    UntilClose = 4,
}
