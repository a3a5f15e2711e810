//! What stands beside elements and text: comments, CDATA sections, processing instructions, a byte order mark.

use super::reference::Reference;
use super::{run, Lexer, State, Token};
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
        let count = self.count;
        self.count = 0;
        match state {
            State::ByteOrderMark => match (byte, count) {
                (0xEF, 0) | (0xBB, 1) => self.count = count + 1,
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
                (b'-', _) => self.count = (count + 1).min(2),
                _ => taken = run(ahead, b'-', b'-', b'-').len(),
            },

            State::CdataStart if CDATA.get(usize::from(count)) == Some(&byte) => {
                self.at_start = false;
                if usize::from(count) + 1 < CDATA.len() {
                    self.count = count + 1;
                } else {
                    next = State::Cdata;
                }
            }
            State::Cdata => match (byte, count) {
                (b'>', 2) => next = State::Text,
                (b']', 0 | 1) => self.count = count + 1,
                (_, 0) => {
                    taken = 0;
                    token = Some(Token::Text);
                }
                // Brackets that did not close the section are text, one after the other: the first of three, or all.
                _ => {
                    taken = usize::from(byte == b']');
                    self.count = if byte == b']' { count } else { count - 1 };
                    self.reference = Reference::to(b']');
                    token = Some(Token::Char);
                }
            },

            State::InstructionTarget if is_name(byte) => {
                taken = self.name.take(ahead);
                if taken == 0 {
                    return Err(ErrorKind::NameTooLong);
                }
            }
            State::InstructionTarget if !self.name.is_empty() => {
                taken = 0;
                next = State::Instruction;
                let at_start = core::mem::replace(&mut self.at_start, false);
                if self.name.qualified() == XML {
                    if !at_start {
                        return Err(ErrorKind::UnexpectedByte);
                    }
                    self.declaration = true;
                    token = Some(Token::Declaration);
                    next = State::InTag;
                }
            }
            State::Instruction => match (byte, count) {
                (b'>', 1) => next = State::Text,
                _ => self.count = u8::from(byte == b'?'),
            },
            State::DeclarationEnd if byte == b'>' => {
                self.declaration = false;
                next = State::Text;
            }
            _ => return Err(ErrorKind::UnexpectedByte),
        }
        Ok((taken, next, token))
    }
}
