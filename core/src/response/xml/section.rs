//! What stands beside elements and text: comments, CDATA sections, processing instructions, a byte order mark.

use super::name::is_name;
use super::reference::Reference;
use super::{run, Lexer, State, Token};
use crate::hash::hash;
use crate::response::error::ErrorKind;

const CDATA: &[u8] = b"CDATA[";
const XML: u32 = hash(b"xml");

impl Lexer {
    /// What the byte ahead is there: how many bytes it is the first of, and the token that they end.
    #[inline(never)] // off the way of tags
    pub(super) fn section(
        &mut self,
        byte: u8,
        ahead: &[u8],
    ) -> Result<(usize, Option<Token>), ErrorKind> {
        let mut token = None;
        let mut taken = 1;
        let count = core::mem::take(&mut self.count);
        self.state = match (self.state, byte, count) {
            (State::ByteOrderMark, 0xEF, 0) | (State::ByteOrderMark, 0xBB, 1) => {
                self.count = count + 1;
                State::ByteOrderMark
            }
            (State::ByteOrderMark, 0xBF, 2) => State::Text,
            // UTF-16 begins with FE FF or FF FE, or with a zero beside the first character.
            (State::ByteOrderMark, 0xFE | 0xFF | 0, _) | (State::ByteOrderMark, _, 1..) => {
                return Err(ErrorKind::Encoding);
            }
            (State::ByteOrderMark, ..) => {
                taken = 0;
                State::Text
            }

            (State::Exclamation, b'-', _) => State::CommentStart,
            (State::Exclamation, b'[', _) => State::CdataStart,
            (State::Exclamation, b'D' | b'd', _) => return Err(ErrorKind::Dtd),

            (State::CommentStart, b'-', _) => State::Comment,
            (State::Comment, b'>', 2) => State::Text,
            (State::Comment, b'-', _) => {
                self.count = (count + 1).min(2);
                State::Comment
            }
            (State::Comment, ..) => {
                taken = run(ahead, b'-', b'-', b'-').len();
                State::Comment
            }

            (State::CdataStart, ..) if CDATA.get(usize::from(count)) == Some(&byte) => {
                self.at_start = false;
                match usize::from(count) + 1 == CDATA.len() {
                    true => State::Cdata,
                    false => {
                        self.count = count + 1;
                        State::CdataStart
                    }
                }
            }
            (State::Cdata, b'>', 2) => State::Text,
            (State::Cdata, b']', 0 | 1) => {
                self.count = count + 1;
                State::Cdata
            }
            (State::Cdata, _, 0) => {
                taken = 0;
                token = Some(Token::Text);
                State::Cdata
            }
            // Brackets that did not close the section are text, one after the other: the first of three, or all.
            (State::Cdata, ..) => {
                taken = usize::from(byte == b']');
                self.count = if byte == b']' { count } else { count - 1 };
                self.reference = Reference::to(b']');
                token = Some(Token::Char);
                State::Cdata
            }

            (State::InstructionTarget, ..) if is_name(byte) => {
                taken = self.name.take(ahead);
                if taken == 0 {
                    return Err(ErrorKind::NameTooLong);
                }
                State::InstructionTarget
            }
            (State::InstructionTarget, ..) if !self.name.is_empty() => {
                taken = 0;
                self.declaration = self.name.qualified() == XML;
                let at_start = core::mem::replace(&mut self.at_start, false);
                match (self.declaration, at_start) {
                    (true, false) => return Err(ErrorKind::UnexpectedByte),
                    (true, true) => {
                        token = Some(Token::Declaration);
                        State::InTag
                    }
                    (false, _) => State::Instruction,
                }
            }
            (State::Instruction, b'>', 1) => State::Text,
            (State::Instruction, ..) => {
                self.count = u8::from(byte == b'?');
                State::Instruction
            }
            (State::DeclarationEnd, b'>', _) => {
                self.declaration = false;
                State::Text
            }
            _ => return Err(ErrorKind::UnexpectedByte),
        };
        Ok((taken, token))
    }
}
