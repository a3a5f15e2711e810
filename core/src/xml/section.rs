//! Everything other than elements and text: comments, CDATA sections, processing instructions, a byte order mark.

use super::cursor::Cursor;
use super::error::Error;
use super::hash::QualifiedHash;
use super::lexer::{run, Lexer, Prolog, State, Token};
use super::name::MAX_NAME_LEN;
use crate::bytes::is_name;

const CDATA: &[u8] = b"CDATA[";
const XML: QualifiedHash = QualifiedHash::unprefixed(b"xml");

impl Lexer {
    /// Takes the byte ahead, or all bytes ahead that are alike; says which token they end.
    #[inline(never)] // off the way of tags
    pub(super) fn section(
        &mut self,
        state: State,
        byte: u8,
        input: &mut Cursor<'_>,
    ) -> Result<(State, Token), Error> {
        let mut token = Token::Nothing;
        let mut taken = 1;
        let count = self.word.len;
        let state = match state {
            State::ByteOrderMark => match (byte, count) {
                (0xEF, 0) | (0xBB, 1) => {
                    self.word.len = count.wrapping_add(1);
                    State::ByteOrderMark
                }
                (0xBF, 2) => State::Text,
                // UTF-16 begins with FE FF or FF FE, or with a zero before or after the first character.
                (0xFE | 0xFF | 0, _) | (_, 1..) => return Err(Error::Encoding),
                _ => {
                    taken = 0;
                    State::Text
                }
            },

            State::Exclamation => match byte {
                b'-' => State::CommentStart,
                b'[' => State::CdataStart,
                b'D' | b'd' => return Err(Error::Dtd),
                _ => return Err(Error::UnexpectedByte),
            },
            State::CommentStart if byte == b'-' => State::Comment,
            State::Comment => match (byte, count) {
                (b'>', 2) => State::Text,
                (b'-', _) => {
                    self.word.len = count.wrapping_add(1).min(2);
                    State::Comment
                }
                _ => {
                    self.word.len = 0;
                    taken = run(input.rest(), b'-', b'-', b'-').len();
                    State::Comment
                }
            },

            State::CdataStart if CDATA.get(usize::from(count)) == Some(&byte) => {
                self.prolog = Prolog::Over;
                self.word.len = count.wrapping_add(1);
                if usize::from(self.word.len) == CDATA.len() {
                    self.word.len = 0;
                    State::Cdata
                } else {
                    State::CdataStart
                }
            }
            State::Cdata => match (byte, count) {
                (b'>', 2) => State::Text,
                (b']', 0 | 1) => {
                    self.word.len = count.wrapping_add(1);
                    State::Cdata
                }
                (_, 0) => return Ok((state, Token::Text)),
                // Brackets that did not close the section are text, one after the other: the first of three, or all.
                _ => {
                    taken = usize::from(byte == b']');
                    self.word.len = if byte == b']' {
                        count
                    } else {
                        count.wrapping_sub(1)
                    };
                    self.word.value = b']'.into();
                    token = Token::Char;
                    State::Cdata
                }
            },

            // The rest of a longer target is skipped: it is not `xml`.
            State::InstructionTarget if is_name(byte) && usize::from(count) < MAX_NAME_LEN => {
                taken = self.word.take_name(input.rest());
                State::InstructionTarget
            }
            State::InstructionTarget if !self.word.is_empty() => {
                taken = 0;
                self.word.len = 0;
                let prolog = core::mem::replace(&mut self.prolog, Prolog::Over);
                if self.word.qualified() != XML {
                    State::Instruction
                } else if prolog == Prolog::Over {
                    return Err(Error::UnexpectedByte);
                } else {
                    self.prolog = Prolog::Here;
                    token = Token::Declaration;
                    State::InTag
                }
            }
            State::Instruction => match (byte, count) {
                (b'>', 1) => State::Text,
                _ => {
                    self.word.len = u8::from(byte == b'?');
                    State::Instruction
                }
            },
            State::DeclarationEnd if byte == b'>' => {
                self.prolog = Prolog::Over;
                State::Text
            }
            _ => return Err(Error::UnexpectedByte),
        };
        input.bump(taken);
        Ok((state, token))
    }
}
