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

pub(super) use name::Name;
pub use name::MAX_NAME_LEN;

use super::assembly::Assembly;
use super::base64::is_space;
use super::cursor::Cursor;
use super::error::ErrorKind;
use name::{is_name, starts_name};
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

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
const CDATA: &[u8] = b"CDATA[";

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
    /// Behind [`Token::Text`] the caller must step over at least one byte.
    pub(super) fn next(
        &mut self,
        input: &mut Cursor<'_>,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<Option<Token>, ErrorKind> {
        while let Some(byte) = input.peek() {
            if let Some(token) = self.step(byte, input, assembly, scratch)? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    fn step(
        &mut self,
        byte: u8,
        input: &mut Cursor<'_>,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<Option<Token>, ErrorKind> {
        let (state, token) = match self.state {
            State::ByteOrderMark(n) => return self.byte_order_mark(n, byte, input).map(|()| None),
            State::Text if byte == b'<' => {
                self.markup_offset = input.offset();
                (State::Markup, None)
            }
            State::Text if byte == b'&' => {
                self.reference = Reference::new();
                (State::Reference, None)
            }
            State::Text => {
                self.at_start = false;
                return Ok(Some(Token::Text(run(input, |b| matches!(b, b'<' | b'&')))));
            }
            State::Reference => match self.reference.push(byte) {
                Step::More => (State::Reference, None),
                Step::Char(char) => (State::Text, Some(Token::Char(char))),
                Step::Illegal => (State::Text, Some(Token::IllegalChar)),
                Step::Refused => return Err(ErrorKind::UnknownEntity),
            },

            State::Markup => {
                self.name.clear();
                let state = match byte {
                    b'/' => State::EndName,
                    b'!' => State::Declaration,
                    b'?' => State::InstructionTarget,
                    _ if starts_name(byte) => {
                        self.at_start = false;
                        self.state = State::StartName;
                        return Ok(None);
                    }
                    _ => return Err(ErrorKind::UnexpectedByte),
                };
                (state, None)
            }
            State::StartName => {
                if is_name(byte) {
                    return self.take_name(input).map(|()| None);
                }
                self.state = State::InTag;
                return Ok(Some(Token::Start));
            }
            State::InTag => match byte {
                b'>' if !self.declaration => (State::Text, Some(Token::Open { empty: false })),
                b'/' if !self.declaration => (State::EmptyTag, None),
                b'?' if self.declaration => (State::DeclarationEnd, None),
                _ if is_space(byte) => (State::InTag, None),
                _ if starts_name(byte) => {
                    self.name.clear();
                    self.state = State::AttributeName;
                    return Ok(None);
                }
                _ => return Err(ErrorKind::UnexpectedByte),
            },
            State::EmptyTag => match byte {
                b'>' => (State::Text, Some(Token::Open { empty: true })),
                _ => return Err(ErrorKind::UnexpectedByte),
            },
            State::AttributeName => {
                if is_name(byte) {
                    return self.take_name(input).map(|()| None);
                }
                self.keep = self.declaration && self.name.qualified() == b"encoding";
                self.state = State::Equals;
                if self.declaration {
                    assembly.begin(0);
                    return Ok(None);
                }
                return Ok(Some(Token::AttributeName));
            }
            State::Equals => match byte {
                b'=' => (State::Quote, None),
                _ if is_space(byte) => (State::Equals, None),
                _ => return Err(ErrorKind::UnexpectedByte),
            },
            State::Quote => match byte {
                b'"' | b'\'' => {
                    self.quote = byte;
                    (State::Value, None)
                }
                _ if is_space(byte) => (State::Quote, None),
                _ => return Err(ErrorKind::UnexpectedByte),
            },
            State::Value => return self.value(byte, input, assembly, scratch),
            State::ValueReference => {
                let char = match self.reference.push(byte) {
                    Step::More => None,
                    Step::Char(char) => Some(char),
                    Step::Illegal => Some(char::REPLACEMENT_CHARACTER),
                    Step::Refused => return Err(ErrorKind::UnknownEntity),
                };
                let Some(char) = char else {
                    input.bump(1);
                    return Ok(None);
                };
                if self.keep {
                    assembly.push_or_count(char.encode_utf8(&mut [0; 4]).as_bytes(), scratch);
                }
                (State::Value, None)
            }
            State::EndName => {
                if is_name(byte) {
                    return self.take_name(input).map(|()| None);
                }
                self.state = State::EndSpace;
                return Ok(None);
            }
            State::EndSpace => match byte {
                b'>' => (State::Text, Some(Token::Close)),
                _ if is_space(byte) => (State::EndSpace, None),
                _ => return Err(ErrorKind::UnexpectedByte),
            },

            State::Declaration => match byte {
                b'-' => (State::CommentStart, None),
                b'[' => (State::CdataStart(0), None),
                b'D' | b'd' => return Err(ErrorKind::Dtd),
                _ => return Err(ErrorKind::UnexpectedByte),
            },
            State::CommentStart => match byte {
                b'-' => (State::Comment(0), None),
                _ => return Err(ErrorKind::UnexpectedByte),
            },
            State::Comment(dashes) => match (dashes, byte) {
                (2, b'>') => (State::Text, None),
                (_, b'-') => (State::Comment((dashes + 1).min(2)), None),
                _ => {
                    input.bump(run(input, |b| b == b'-'));
                    self.state = State::Comment(0);
                    return Ok(None);
                }
            },
            State::CdataStart(n) => {
                if CDATA.get(usize::from(n)) != Some(&byte) {
                    return Err(ErrorKind::UnexpectedByte);
                }
                self.at_start = false;
                let opened = usize::from(n) + 1 == CDATA.len();
                let state = if opened {
                    State::Cdata(0)
                } else {
                    State::CdataStart(n + 1)
                };
                (state, None)
            }
            State::Cdata(brackets) => match (brackets, byte) {
                (2, b'>') => (State::Text, None),
                // The first of three brackets is text.
                (2, b']') => (State::Cdata(2), Some(Token::Char(']'))),
                (_, b']') => (State::Cdata(brackets + 1), None),
                (0, _) => {
                    return Ok(Some(Token::Text(run(input, |b| b == b']'))));
                }
                // Brackets that did not close the section are text, one after the other.
                _ => {
                    self.state = State::Cdata(brackets - 1);
                    return Ok(Some(Token::Char(']')));
                }
            },
            State::InstructionTarget => {
                if is_name(byte) {
                    return self.take_name(input).map(|()| None);
                }
                self.declaration = self.name.qualified() == b"xml";
                if self.declaration && !self.at_start {
                    return Err(ErrorKind::UnexpectedByte);
                }
                self.at_start = false;
                self.state = match self.declaration {
                    true => State::InTag,
                    false => State::Instruction(false),
                };
                return Ok(None);
            }
            State::Instruction(question) => match byte {
                b'>' if question => (State::Text, None),
                _ => (State::Instruction(byte == b'?'), None),
            },
            State::DeclarationEnd => match byte {
                b'>' => {
                    self.declaration = false;
                    (State::Text, None)
                }
                _ => return Err(ErrorKind::UnexpectedByte),
            },
        };
        input.bump(1);
        self.state = state;
        Ok(token)
    }

    fn byte_order_mark(
        &mut self,
        n: u8,
        byte: u8,
        input: &mut Cursor<'_>,
    ) -> Result<(), ErrorKind> {
        self.state = match (n, byte) {
            // UTF-16 begins with FE FF or FF FE, or with a zero beside the first character.
            (0, 0xFE | 0xFF | 0) => return Err(ErrorKind::Encoding),
            (_, _) if BYTE_ORDER_MARK.get(usize::from(n)) == Some(&byte) => {
                input.bump(1);
                match n {
                    2 => State::Text,
                    _ => State::ByteOrderMark(n + 1),
                }
            }
            (0, _) => State::Text,
            _ => return Err(ErrorKind::Encoding),
        };
        Ok(())
    }

    /// Takes the bytes of a name that lie ahead.
    fn take_name(&mut self, input: &mut Cursor<'_>) -> Result<(), ErrorKind> {
        let ahead = input.ahead(MAX_NAME_LEN);
        let len = ahead
            .iter()
            .position(|&b| !is_name(b))
            .unwrap_or(ahead.len());
        let taken = self.name.push(input.ahead(len));
        input.bump(taken);
        match taken {
            0 => Err(ErrorKind::NameTooLong),
            _ => Ok(()),
        }
    }

    fn value(
        &mut self,
        byte: u8,
        input: &mut Cursor<'_>,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<Option<Token>, ErrorKind> {
        let quote = self.quote;
        if byte == quote {
            input.bump(1);
            self.state = State::InTag;
            if !self.declaration {
                return Ok(Some(Token::AttributeValue));
            }
            let encoding = assembly.held().of(scratch);
            if self.keep && !encoding.eq_ignore_ascii_case(b"utf-8") {
                return Err(ErrorKind::Encoding);
            }
            return Ok(None);
        }
        match byte {
            b'<' => return Err(ErrorKind::UnexpectedByte),
            b'&' => {
                input.bump(1);
                self.reference = Reference::new();
                self.state = State::ValueReference;
            }
            _ => {
                let len = run(input, |b| b == quote || matches!(b, b'<' | b'&'));
                if self.keep {
                    assembly.push_or_count(input.ahead(len), scratch);
                }
                input.bump(len);
            }
        }
        Ok(None)
    }
}

/// How many bytes lie ahead before the first that `ends` the run.
fn run(input: &Cursor<'_>, ends: impl Fn(u8) -> bool) -> usize {
    let rest = input.rest();
    rest.iter().position(|&b| ends(b)).unwrap_or(rest.len())
}
