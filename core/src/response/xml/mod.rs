//! Restricted XML 1.0: markup into tokens, resumable at every byte.
//!
//! # What is read
//! UTF-8, with or without a byte order mark and an XML declaration; elements and attributes; comments,
//! processing instructions and CDATA sections; the five predefined entities and numeric references.
//!
//! # What is not
//! - Document type declarations are refused (SOAP 1.1 §3), and with them every other entity.
//! - Namespace declarations are attributes like any other: URIs are not looked at.
//! - Names are checked for ASCII only, attributes are not checked for being unique, `--` in a comment and
//!   `]]>` in text are let pass, line ends and attribute values are not normalised.
//!
//! This layer does not know EWS, and it does not know which tags belong together: it reports what it sees.

mod name;
mod reference;
mod tag;

pub(super) use name::Name;
pub use name::MAX_NAME_LEN;

use super::assembly::Assembly;
use super::cursor::Cursor;
use super::error::ErrorKind;
use crate::hash::hash;
use name::{is_name, Taken};
use reference::{Reference, Step};

/// One token. Names are in [`Lexer::name`], attribute values in the [`Assembly`] that [`Lexer::next`] was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// The name of a start tag is whole; its attributes follow.
    Start,
    /// The name of an attribute is whole; [`Lexer::keep_value`] may be said now.
    AttributeName,
    /// The value of an attribute is whole.
    AttributeValue,
    /// The end of a start tag.
    Open {
        /// It is the end tag too: `<a/>`.
        empty: bool,
    },
    /// An end tag.
    Close,
    /// At least one byte of text lies ahead, up to this many; the caller takes what it wants.
    Text(usize),
    /// A character reference in text.
    Char(char),
    /// A reference in text to what is no character of XML.
    IllegalChar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte, and inside a byte order mark.
    ByteOrderMark(u8),
    Text,
    Reference,
    /// Behind `<`.
    Markup,
    StartName,
    InTag,
    EmptyTag,
    AttributeName,
    Equals,
    Quote,
    Value,
    ValueReference,
    EndName,
    EndSpace,
    /// Behind `<!`.
    Declaration,
    CommentStart,
    /// Inside a comment, behind this many dashes.
    Comment(u8),
    /// Behind `<![` and this many bytes of `CDATA[`.
    CdataStart(u8),
    /// Inside a CDATA section, behind this many closing brackets.
    Cdata(u8),
    InstructionTarget,
    /// Inside a processing instruction, behind a question mark or not.
    Instruction(bool),
    /// Behind the `?` that ends the XML declaration.
    DeclarationEnd,
}

/// What one step makes of the byte ahead.
enum Move {
    /// The byte is taken.
    Take(State),
    TakeTell(State, Token),
    /// The byte is left to the next step, or the step took what it wanted by itself.
    Leave(State),
    LeaveTell(State, Token),
}

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
const CDATA: &[u8] = b"CDATA[";
const XML: u32 = hash(b"xml");
const ENCODING: u32 = hash(b"encoding");

/// Where in a tag, text or reference the input stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer {
    state: State,
    name: Name,
    reference: Reference,
    /// Where the markup under way, or the last, begins.
    markup_offset: u64,
    /// The quote that ends the value.
    quote: u8,
    /// The value is wanted.
    keep: bool,
    /// Nothing but a byte order mark has been seen, so that an XML declaration may come.
    at_start: bool,
    /// The tag under way is the XML declaration.
    declaration: bool,
}

impl Lexer {
    pub(super) const fn new() -> Self {
        Self {
            state: State::ByteOrderMark(0),
            name: Name::new(),
            reference: Reference::new(),
            markup_offset: 0,
            quote: 0,
            keep: false,
            at_start: true,
            declaration: false,
        }
    }

    /// The name of the last `Start`, `AttributeName` or `Close`.
    pub(super) const fn name(&self) -> &Name {
        &self.name
    }

    /// Offset of the `<` that began the last tag.
    pub(super) const fn markup_offset(&self) -> u64 {
        self.markup_offset
    }

    /// Whether the value of the attribute that was just named is to be assembled.
    pub(super) fn keep_value(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// Whether text is ahead, so that the caller may take bytes by itself up to the next
    /// [`is_markup`](Self::is_markup).
    pub(super) const fn in_text(&self) -> bool {
        matches!(self.state, State::Text | State::Cdata(0))
    }

    /// Whether this byte, ahead in text, is not text.
    pub(super) fn is_markup(&self, byte: u8) -> bool {
        match self.state {
            State::Cdata(_) => byte == b']',
            _ => matches!(byte, b'<' | b'&'),
        }
    }

    /// Whether the input may end here: no tag, reference, comment or section is open.
    pub(super) const fn is_between(&self) -> bool {
        matches!(self.state, State::Text | State::ByteOrderMark(0))
    }

    /// Reads to the end of the next token. `None`: the input is used up.
    ///
    /// Behind [`Token::Text`] the caller takes the bytes by itself, as many as it wants.
    /// The local part of a start tag's name is assembled if the caller wants that (`keep_name`).
    pub(super) fn next(
        &mut self,
        input: &mut Cursor<'_>,
        keep_name: bool,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<Option<Token>, ErrorKind> {
        while let Some(byte) = input.peek() {
            if let Some(token) = self.step(byte, input, keep_name, assembly, scratch)? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    fn step(
        &mut self,
        byte: u8,
        input: &mut Cursor<'_>,
        keep_name: bool,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<Option<Token>, ErrorKind> {
        let next = match self.state {
            State::Text | State::Reference | State::ByteOrderMark(_) => self.text(byte, input)?,
            State::Declaration
            | State::CommentStart
            | State::Comment(_)
            | State::CdataStart(_)
            | State::Cdata(_)
            | State::InstructionTarget
            | State::Instruction(_)
            | State::DeclarationEnd => self.section(byte, input)?,
            _ => self.tag(byte, input, keep_name, assembly, scratch)?,
        };
        let (taken, state, token) = match next {
            Move::Take(state) => (1, state, None),
            Move::TakeTell(state, token) => (1, state, Some(token)),
            Move::Leave(state) => (0, state, None),
            Move::LeaveTell(state, token) => (0, state, Some(token)),
        };
        input.bump(taken);
        self.state = state;
        Ok(token)
    }

    /// Text and references, and what stands before the first byte of text.
    fn text(&mut self, byte: u8, input: &Cursor<'_>) -> Result<Move, ErrorKind> {
        Ok(match (self.state, byte) {
            (State::ByteOrderMark(n), _) => byte_order_mark(n, byte)?,
            (State::Reference, _) => match self.reference.push(byte) {
                Step::More => Move::Take(State::Reference),
                Step::Char(char) => Move::TakeTell(State::Text, Token::Char(char)),
                Step::Illegal => Move::TakeTell(State::Text, Token::IllegalChar),
                Step::Refused => return Err(ErrorKind::UnknownEntity),
            },
            (_, b'<') => {
                self.markup_offset = input.offset();
                Move::Take(State::Markup)
            }
            (_, b'&') => {
                self.reference = Reference::new();
                Move::Take(State::Reference)
            }
            _ => {
                self.at_start = false;
                let len = run(input, b'<', b'&', b'&');
                Move::LeaveTell(State::Text, Token::Text(len))
            }
        })
    }

    /// Comments, CDATA sections and processing instructions.
    fn section(&mut self, byte: u8, input: &mut Cursor<'_>) -> Result<Move, ErrorKind> {
        Ok(match (self.state, byte) {
            (State::Declaration, b'-') => Move::Take(State::CommentStart),
            (State::Declaration, b'[') => Move::Take(State::CdataStart(0)),
            (State::Declaration, b'D' | b'd') => return Err(ErrorKind::Dtd),

            (State::CommentStart, b'-') => Move::Take(State::Comment(0)),
            (State::Comment(2), b'>') => Move::Take(State::Text),
            (State::Comment(dashes), b'-') => Move::Take(State::Comment((dashes + 1).min(2))),
            (State::Comment(_), _) => {
                input.bump(run(input, b'-', b'-', b'-'));
                Move::Leave(State::Comment(0))
            }

            (State::CdataStart(n), _) if CDATA.get(usize::from(n)) == Some(&byte) => {
                self.at_start = false;
                Move::Take(match usize::from(n) + 1 == CDATA.len() {
                    true => State::Cdata(0),
                    false => State::CdataStart(n + 1),
                })
            }
            (State::Cdata(2), b'>') => Move::Take(State::Text),
            // The first of three brackets is text.
            (State::Cdata(2), b']') => Move::TakeTell(State::Cdata(2), Token::Char(']')),
            (State::Cdata(brackets), b']') => Move::Take(State::Cdata(brackets + 1)),
            (State::Cdata(0), _) => {
                let len = run(input, b']', b']', b']');
                Move::LeaveTell(State::Cdata(0), Token::Text(len))
            }
            // Brackets that did not close the section are text, one after the other.
            (State::Cdata(n), _) => Move::LeaveTell(State::Cdata(n - 1), Token::Char(']')),

            (State::InstructionTarget, _) if is_name(byte) => {
                self.take_name(input)?;
                Move::Leave(State::InstructionTarget)
            }
            (State::InstructionTarget, _) if self.name.is_empty() => {
                return Err(ErrorKind::UnexpectedByte);
            }
            (State::InstructionTarget, _) => {
                self.declaration = self.name.qualified() == XML;
                if self.declaration && !self.at_start {
                    return Err(ErrorKind::UnexpectedByte);
                }
                self.at_start = false;
                Move::Leave(match self.declaration {
                    true => State::InTag,
                    false => State::Instruction(false),
                })
            }
            (State::Instruction(true), b'>') => Move::Take(State::Text),
            (State::Instruction(_), _) => Move::Take(State::Instruction(byte == b'?')),
            (State::DeclarationEnd, b'>') => {
                self.declaration = false;
                Move::Take(State::Text)
            }
            _ => return Err(ErrorKind::UnexpectedByte),
        })
    }

    /// Takes the bytes of a name that lie ahead.
    fn take_name<'i>(&mut self, input: &mut Cursor<'i>) -> Result<Taken<'i>, ErrorKind> {
        let taken = self.name.take(input.rest());
        if taken.len == 0 {
            return Err(ErrorKind::NameTooLong);
        }
        input.bump(taken.len);
        Ok(taken)
    }
}

fn byte_order_mark(n: u8, byte: u8) -> Result<Move, ErrorKind> {
    Ok(match (n, byte) {
        // UTF-16 begins with FE FF or FF FE, or with a zero beside the first character.
        (0, 0xFE | 0xFF | 0) => return Err(ErrorKind::Encoding),
        (2, 0xBF) => Move::Take(State::Text),
        _ if BYTE_ORDER_MARK.get(usize::from(n)) == Some(&byte) => {
            Move::Take(State::ByteOrderMark(n + 1))
        }
        (0, _) => Move::Leave(State::Text),
        _ => return Err(ErrorKind::Encoding),
    })
}

/// Longest run that is looked for at once: whoever takes less of it has not made the rest be read for nothing.
const LONGEST_RUN: usize = 256;

/// How many bytes lie ahead before the first of three.
#[inline(never)] // for its size
fn run(input: &Cursor<'_>, a: u8, b: u8, c: u8) -> usize {
    let ahead = input.ahead(LONGEST_RUN);
    #[cfg(feature = "simd")]
    let found = memchr::memchr3(a, b, c, ahead);
    #[cfg(not(feature = "simd"))]
    let found = find(ahead, |byte| byte == a || byte == b || byte == c);
    found.unwrap_or(ahead.len())
}

/// The first byte that `ends` the run.
#[cfg(not(feature = "simd"))]
fn find(bytes: &[u8], ends: impl Fn(u8) -> bool) -> Option<usize> {
    // Whole blocks without a branch, which compilers turn into vectors.
    let clear = |block: &&[u8]| !block.iter().fold(false, |found, &byte| found | ends(byte));
    let passed = 16 * bytes.chunks_exact(16).take_while(clear).count();
    let rest = bytes.get(passed..).unwrap_or_default();
    Some(passed + rest.iter().position(|&byte| ends(byte))?)
}
