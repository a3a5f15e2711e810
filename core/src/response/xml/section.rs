//! What stands beside elements and text: comments, CDATA sections, processing instructions, a byte order mark.

use super::{run, Lexer, Prolog, State, Token};
use crate::hash::hash;
use crate::response::bytes::is_name;
use crate::response::error::ErrorKind;

const CDATA: &[u8] = b"CDATA[";
const XML: u32 = hash(b"xml");

impl Lexer {
    /// What the byte ahead is there: how many bytes it is the first of, the state behind them, and the token that they end.
    #[inline(never)] // off the way of tags
    pub(super) fn section(
        &mut self,
        state: State,
        byte: u8,
        ahead: &[u8],
    ) -> Result<(usize, State, Option<Token>), ErrorKind> {
        let mut next = state;
        let mut token = None;
        let mut taken = 1;
        let count = self.word.len;
        match state {
            State::ByteOrderMark => match (byte, count) {
                (0xEF, 0) | (0xBB, 1) => self.word.len = count + 1,
                (0xBF, 2) => next = State::Text,
                // UTF-16 begins with FE FF or FF FE, or with a zero beside the first character.
                (0xFE | 0xFF | 0, _) | (_, 1..) => return Err(ErrorKind::Encoding),
                _ => {
                    taken = 0;
                    next = State::Text;
                }
            },

            State::Exclamation => {
                next = match byte {
                    b'-' => State::CommentStart,
                    b'[' => State::CdataStart,
                    b'D' | b'd' => return Err(ErrorKind::Dtd),
                    _ => return Err(ErrorKind::UnexpectedByte),
                }
            }
            State::CommentStart if byte == b'-' => next = State::Comment,
            State::Comment => match (byte, count) {
                (b'>', 2) => next = State::Text,
                (b'-', _) => self.word.len = (count + 1).min(2),
                _ => {
                    self.word.len = 0;
                    taken = run(ahead, b'-', b'-', b'-').len();
                }
            },

            State::CdataStart if CDATA.get(usize::from(count)) == Some(&byte) => {
                self.prolog = Prolog::Behind;
                self.word.len = count + 1;
                if usize::from(self.word.len) == CDATA.len() {
                    self.word.len = 0;
                    next = State::Cdata;
                }
            }
            State::Cdata => match (byte, count) {
                (b'>', 2) => next = State::Text,
                (b']', 0 | 1) => self.word.len = count + 1,
                (_, 0) => {
                    taken = 0;
                    token = Some(Token::Text);
                }
                // Brackets that did not close the section are text, one after the other: the first of three, or all.
                _ => {
                    taken = usize::from(byte == b']');
                    self.word.len = if byte == b']' { count } else { count - 1 };
                    self.word.value = b']'.into();
                    token = Some(Token::Char);
                }
            },

            State::InstructionTarget if is_name(byte) => {
                taken = self.word.take_name(ahead);
                if taken == 0 {
                    return Err(ErrorKind::NameTooLong);
                }
            }
            State::InstructionTarget if !self.word.is_empty() => {
                taken = 0;
                next = State::Instruction;
                self.word.len = 0;
                let prolog = core::mem::replace(&mut self.prolog, Prolog::Behind);
                if self.word.qualified() == XML {
                    if prolog == Prolog::Behind {
                        return Err(ErrorKind::UnexpectedByte);
                    }
                    self.prolog = Prolog::Here;
                    token = Some(Token::Declaration);
                    next = State::InTag;
                }
            }
            State::Instruction => match (byte, count) {
                (b'>', 1) => next = State::Text,
                _ => self.word.len = u8::from(byte == b'?'),
            },
            State::DeclarationEnd if byte == b'>' => {
                self.prolog = Prolog::Behind;
                next = State::Text;
            }
            _ => return Err(ErrorKind::UnexpectedByte),
        }
        Ok((taken, next, token))
    }
}
