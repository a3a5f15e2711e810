//! Tags: names, attributes, values.

use super::name::{is_name, starts_name, Name};
use super::reference::{Reference, Step};
use super::{run, Lexer, Move, State, Token, ENCODING};
use crate::response::assembly::Assembly;
use crate::response::base64::is_space;
use crate::response::cursor::Cursor;
use crate::response::error::ErrorKind;

impl Lexer {
    pub(super) fn tag(
        &mut self,
        byte: u8,
        input: &mut Cursor<'_>,
        keep_name: bool,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<Move, ErrorKind> {
        Ok(match (self.state, byte) {
            (State::Value, _) => return self.value(byte, input, assembly, scratch),
            (State::ValueReference, _) => self.value_reference(byte, assembly, scratch)?,

            (State::StartName | State::AttributeName | State::EndName, _) if is_name(byte) => {
                let taken = self.take_name(input)?;
                if keep_name && self.state == State::StartName {
                    if taken.begins {
                        assembly.begin(0);
                    }
                    assembly.push_or_count(taken.local, scratch);
                }
                Move::Leave(self.state)
            }
            (State::StartName, _) => Move::LeaveTell(State::InTag, Token::Start),
            (State::AttributeName, _) => self.attribute_name(assembly),
            (State::EndName, _) => Move::Leave(State::EndSpace),
            (State::InTag | State::Equals | State::Quote | State::EndSpace, _)
                if is_space(byte) =>
            {
                Move::Take(self.state)
            }

            (State::Markup, _) => {
                self.name = Name::new();
                match byte {
                    b'/' => Move::Take(State::EndName),
                    b'!' => Move::Take(State::Declaration),
                    b'?' => Move::Take(State::InstructionTarget),
                    _ if starts_name(byte) => {
                        self.at_start = false;
                        Move::Leave(State::StartName)
                    }
                    _ => return Err(ErrorKind::UnexpectedByte),
                }
            }
            (State::InTag, b'?') if self.declaration => Move::Take(State::DeclarationEnd),
            (State::InTag, b'>') if !self.declaration => {
                Move::TakeTell(State::Text, Token::Open { empty: false })
            }
            (State::InTag, b'/') if !self.declaration => Move::Take(State::EmptyTag),
            (State::InTag, _) if starts_name(byte) => {
                self.name = Name::new();
                Move::Leave(State::AttributeName)
            }
            (State::EmptyTag, b'>') => Move::TakeTell(State::Text, Token::Open { empty: true }),
            (State::Equals, b'=') => Move::Take(State::Quote),
            (State::Quote, b'"' | b'\'') => {
                self.quote = byte;
                Move::Take(State::Value)
            }
            (State::EndSpace, b'>') => Move::TakeTell(State::Text, Token::Close),
            _ => return Err(ErrorKind::UnexpectedByte),
        })
    }

    /// The name of an attribute is whole. Those of the XML declaration are nobody else's business.
    fn attribute_name(&mut self, assembly: &mut Assembly) -> Move {
        if !self.declaration {
            self.keep = false;
            return Move::LeaveTell(State::Equals, Token::AttributeName);
        }
        self.keep = self.name.qualified() == ENCODING;
        assembly.begin(0);
        Move::Leave(State::Equals)
    }

    fn value(
        &mut self,
        byte: u8,
        input: &mut Cursor<'_>,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<Move, ErrorKind> {
        let quote = self.quote;
        Ok(match byte {
            _ if byte == quote && !self.declaration => {
                Move::TakeTell(State::InTag, Token::AttributeValue)
            }
            _ if byte == quote => {
                let encoding = assembly.held().of(scratch);
                if self.keep && !encoding.eq_ignore_ascii_case(b"utf-8") {
                    return Err(ErrorKind::Encoding);
                }
                Move::Take(State::InTag)
            }
            b'<' => return Err(ErrorKind::UnexpectedByte),
            b'&' => {
                self.reference = Reference::new();
                Move::Take(State::ValueReference)
            }
            _ => {
                let len = run(input, quote, b'<', b'&');
                if self.declaration {
                    // No value of the declaration may have a question mark (XML 1.0 §2.8), and other readers end the
                    // declaration there.
                    if let Some(at) = input.ahead(len).iter().position(|&byte| byte == b'?') {
                        input.bump(at);
                        return Err(ErrorKind::UnexpectedByte);
                    }
                }
                if self.keep {
                    assembly.push_or_count(input.ahead(len), scratch);
                }
                input.bump(len);
                Move::Leave(State::Value)
            }
        })
    }

    fn value_reference(
        &mut self,
        byte: u8,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<Move, ErrorKind> {
        let char = match self.reference.push(byte) {
            Step::More => return Ok(Move::Take(State::ValueReference)),
            Step::Char(char) => char,
            Step::Illegal => char::REPLACEMENT_CHARACTER,
            Step::Refused => return Err(ErrorKind::UnknownEntity),
        };
        if self.keep {
            assembly.push_or_count(char.encode_utf8(&mut [0; 4]).as_bytes(), scratch);
        }
        Ok(Move::Take(State::Value))
    }
}
