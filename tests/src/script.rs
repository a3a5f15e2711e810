//! What a server says, before it is bytes: good responses, and every way to spoil one.
//!
//! A [`Script`] is drawn by `Arbitrary`, from a fuzzer's input or from a seed;
//! [`wire`](crate::wire) writes it, [`model`](crate::model) says what must come of it.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::run::Setup;

/// A response, and the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// How it is written.
    pub style: Style,
    /// What it says.
    pub answer: Answer,
    /// How it ends.
    pub ending: Ending,
    /// What the decoder knows about the request.
    pub asked: Asked,
    /// Ids are compared, by [`run::compare_id`](crate::run::compare_id).
    pub compare_ids: bool,
}

/// The content of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Response messages.
    Items(Vec<Message>),
    /// A SOAP fault.
    Fault(Fault),
}

/// How many items the options of the decoder request.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It does not know.
    Unknown,
    /// As many as there are messages.
    AsMany,
    /// Fewer, by at most three.
    Fewer(u8),
    /// More, by at most three.
    More(u8),
}

/// What differs between servers and versions, and means nothing.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is independent of the others
pub struct Style {
    /// A byte order mark before everything.
    pub byte_order_mark: bool,
    /// An XML declaration.
    pub declaration: bool,
    /// A header with `ServerVersionInfo`.
    pub header: bool,
    /// Prefixes of namespaces.
    pub prefixes: Prefixes,
    /// `https://` in namespaces, as Microsoft's page had it.
    pub https: bool,
    /// Line ends and indentation between elements.
    pub indent: bool,
    /// A comment and a processing instruction between elements.
    pub comments: bool,
    /// Apostrophes around attribute values.
    pub apostrophes: bool,
    /// Empty elements as two tags.
    pub long_empty: bool,
    /// Elements that no schema has, where they do no harm.
    pub foreign: bool,
}

/// Which prefixes mean which namespaces.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefixes {
    /// `s`, `m`, `t`, `e`.
    #[default]
    Usual,
    /// Others, `SOAP-ENV` among them.
    Unusual,
    /// None: the default namespace is declared again on each element.
    Default,
    /// One prefix for all, bound anew on each element.
    Rebound,
}

/// One response message.
#[derive(Arbitrary, Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its name.
    pub name: Name,
    /// `ResponseClass`
    pub class: Class,
    /// `ResponseCode`
    pub code: Code,
    /// `ItemId`
    pub ids: Ids,
    /// `MessageText`, `DescriptiveLinkKey` and `MessageXml`.
    pub note: Note,
    /// The `Data` elements.
    pub data: Vec<Data>,
    /// `Data` before `ItemId`.
    pub data_first: bool,
}

/// What a child of `ResponseMessages` is called.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// `ExportItemsResponseMessage`
    ExportItems,
    /// That of another operation's message, of the same base type.
    UploadItems,
}

/// `ResponseClass`
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `Success`
    Success,
    /// `Warning`
    Warning,
    /// `Error`
    Error,
    /// A value that does not exist.
    Unknown,
    /// No attribute.
    Absent,
    /// `Success`, and the attribute again, equal or not.
    Twice(bool),
    /// `Error`, and then `Success`.
    ErrorSuccess,
}

/// `ResponseCode`
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// `NoError`
    NoError,
    /// `NoError` with white space around it.
    Padded,
    /// One of the codes that have a variant, but `NoError`.
    Known(u8),
    /// A code that a newer server invented.
    Unknown,
    /// No element.
    Absent,
}

/// `ItemId`
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// With `Id` and `ChangeKey`.
    Both,
    /// With references in its value.
    Escaped,
    /// Longer than any scratch.
    Long,
    /// Two elements.
    Twice,
    /// One, with two `Id` or `ChangeKey` attributes.
    TwoAttributes(bool),
    /// No element.
    Absent,
}

/// What the message says in words.
#[derive(Arbitrary, Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// `MessageText`
    pub text: Option<Words>,
    /// `DescriptiveLinkKey`
    pub link_key: bool,
    /// `BackOffMilliseconds` in `MessageXml`.
    pub back_off_ms: Option<u32>,
    /// Other values of `MessageXml`.
    pub values: Option<Words>,
}

/// Texts that are hard to hand out in pieces.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Nothing.
    None,
    /// ASCII.
    Plain,
    /// Longer than a scratch.
    Long,
    /// Characters of one to four bytes.
    Wide,
    /// References, also to what is no character of XML, as Exchange writes them.
    References,
    /// Bytes that are not UTF-8, and control characters.
    Illegal,
    /// In CDATA sections, with brackets.
    Cdata,
}

/// One `Data` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// What is in it.
    pub payload: Payload,
    /// How its base64 is written.
    pub dress: Dress,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
}

/// Bytes that the server exports.
#[derive(Arbitrary, Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Records and one binary property with this value.
    Whole(Vec<u8>),
    /// Such a payload, without its last byte.
    Cut(Vec<u8>),
    /// Any bytes.
    Opaque(Vec<u8>),
    /// The single zero byte that Exchange writes when it did not produce the data.
    Placeholder,
}

/// How base64 is written: all of these mean the same.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dress {
    /// As Exchange does, in one piece.
    Plain,
    /// In lines of this many symbols.
    Lines(u8),
    /// White space after each symbol, and a reference to a carriage return.
    Spaces,
    /// In CDATA sections of this many symbols.
    Cdata(u8),
    /// With a comment after this many symbols.
    Comments(u8),
    /// With a processing instruction after this many symbols.
    Instructions(u8),
    /// Every so many symbols is a numeric reference.
    References(u8),
}

/// What is wrong with a `Data` element. Places are in symbols, modulo how many there are.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Cut there, and `=== Truncated Data ===`.
    Marker(u16),
    /// Such a marker, and more base64 after it.
    MarkerInside(u16),
    /// Something that is not base64 there, and a marker at the end.
    MarkerAfter(u16),
    /// A marker that is not complete.
    HalfMarker,
    /// A symbol of another alphabet there.
    Symbol(u16),
    /// A character beyond ASCII there.
    Wide(u16),
    /// A reference to what is no character there.
    IllegalReference(u16),
    /// An element there.
    Element(u16),
    /// Padding is missing.
    NoPadding,
    /// Padding is too long.
    MorePadding,
    /// The last symbol has bits that no byte uses.
    TrailingBits,
    /// Base64 after the padding.
    After,
}

/// A SOAP fault.
#[derive(Arbitrary, Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// With a header and `Line` and `Position`, as Exchange 2007 has it.
    pub of_2007: bool,
    /// In a SOAP 1.2 envelope.
    pub soap_12: bool,
    /// With the detail before the fault's own code.
    pub detail_first: bool,
    /// The code in `faultcode`, if it is one of EWS.
    pub faultcode: Option<u8>,
    /// The code in `detail`; without one the detail is empty.
    pub detail: Option<Code>,
    /// `faultstring` and `Message`.
    pub text: Words,
    /// `BackOffMilliseconds`
    pub back_off_ms: Option<u32>,
}

/// How the document ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With the end tag of the envelope.
    Whole,
    /// With white space, a comment and a processing instruction after it.
    Space,
    /// Somewhere, in thousandths of the document.
    Cut(u16),
    /// With this in place of what follows a message.
    After(u8, Junk),
    /// With this after the envelope.
    Trailing(Junk),
}

/// Something in a wrong place.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Junk {
    /// `=== Truncated Data ===`
    Marker,
    /// Its first half.
    HalfMarker,
    /// Text.
    Text,
    /// An HTML page.
    Html,
    /// The end tag of an element that is not open.
    EndTag,
    /// An entity that XML does not have.
    Entity,
    /// A document type declaration.
    Dtd,
    /// More elements than may be nested.
    Deep,
    /// A name that is too long.
    LongName,
    /// A tag that is broken.
    BrokenTag,
}

impl Script {
    /// The script of a seed.
    ///
    /// # Panics
    /// Never: `Arbitrary` makes a script of any bytes.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> = (0..rng.usize(16..1500)).map(|_| rng.u8(..)).collect();
        Self::arbitrary_take_rest(Unstructured::new(&bytes)).expect("any bytes make a script")
    }

    /// What the decoder knows about the request.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let messages = match &self.answer {
            Answer::Items(messages) => u32::try_from(messages.len()).unwrap_or(u32::MAX),
            Answer::Fault(_) => 2,
        };
        let items = match self.asked {
            Asked::Unknown => None,
            Asked::AsMany => Some(messages),
            Asked::Fewer(n) => Some(messages.saturating_sub(u32::from(n % 4))),
            Asked::More(n) => Some(messages + u32::from(n % 4)),
        };
        Setup {
            items,
            compare_ids: self.compare_ids,
            ..Setup::default()
        }
    }
}

impl Message {
    /// A success as Exchange writes it.
    #[must_use]
    pub fn good(payload: Vec<u8>, dress: Dress) -> Self {
        Self {
            name: Name::ExportItems,
            class: Class::Success,
            code: Code::NoError,
            ids: Ids::Both,
            note: Note::default(),
            data: vec![Data {
                payload: Payload::Whole(payload),
                dress,
                flaw: None,
            }],
            data_first: false,
        }
    }

    /// A refusal as Exchange writes it.
    #[must_use]
    pub fn refused(class: Class, code: u8) -> Self {
        Self {
            name: Name::ExportItems,
            class,
            code: Code::Known(code),
            ids: Ids::Absent,
            note: Note {
                text: Some(Words::Plain),
                link_key: true,
                ..Note::default()
            },
            data: Vec::new(),
            data_first: false,
        }
    }
}

// Most of what is drawn is good, so that faults meet good neighbours.

impl<'a> Arbitrary<'a> for Script {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let style = u.arbitrary()?;
        let asked = u.arbitrary()?;
        let ending = u.arbitrary()?;
        let compare_ids = u.arbitrary()?;
        let answer = if u.ratio(1, 8)? {
            Answer::Fault(u.arbitrary()?)
        } else {
            let len = u.int_in_range(0..=8)?;
            Answer::Items((0..len).map(|_| draw_message(u)).collect::<Result<_>>()?)
        };
        Ok(Self {
            style,
            answer,
            ending,
            asked,
            compare_ids,
        })
    }
}

fn draw_message(u: &mut Unstructured<'_>) -> Result<Message> {
    Ok(match u.int_in_range(0..=7)? {
        0..=3 => Message::good(u.arbitrary()?, u.arbitrary()?),
        4 => Message::refused(Class::Error, u.arbitrary()?),
        5 => Message::refused(Class::Warning, u.arbitrary()?),
        _ => u.arbitrary()?,
    })
}

impl<'a> Arbitrary<'a> for Data {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            payload: u.arbitrary()?,
            dress: u.arbitrary()?,
            flaw: u.arbitrary()?,
        })
    }
}

impl<'a> Arbitrary<'a> for Ending {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=7)? {
            0..=2 => Self::Whole,
            3 => Self::Space,
            4 | 5 => Self::Cut(u.int_in_range(0..=1000)?),
            6 => Self::After(u.arbitrary()?, u.arbitrary()?),
            _ => Self::Trailing(u.arbitrary()?),
        })
    }
}
