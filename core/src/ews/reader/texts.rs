//! Texts: codes, messages and values, and text where none belongs.

use super::{Queue, Reader, Ready, Stage};
use crate::bytes::is_space;
use crate::ews::code::{ResponseCode, Word, NEVER};
use crate::ews::hooks::Hooks;
use crate::ews::response::attributes::{number, trim};
use crate::ews::response::item::Notes;
use crate::ews::response::{ErrorKind, Node};
use crate::xml::hash::hash;
use crate::xml::{Cursor, Piece};

/// Longest value that is interpreted, with white space. It fits into the smallest scratch, after the longest
/// name of such a value.
const LONGEST_VALUE: u32 = 38;

/// Longest code that is looked up: the size of the smallest scratch.
#[allow(clippy::cast_possible_truncation)] // 64
const LONGEST_CODE: u32 = super::MIN_SCRATCH as u32;

const BACK_OFF_MILLISECONDS: u32 = hash(b"BackOffMilliseconds");
const INNER_ERROR_RESPONSE_CODE: u32 = hash(b"InnerErrorResponseCode");

impl<O: Hooks> Reader<O> {
    /// Takes text.
    pub(crate) fn take_text(&mut self, node: Node, input: &mut Cursor<'_>, scratch: &mut [u8]) {
        // After a comment or `<![CDATA[`, the text of `Data` continues, which the operation takes.
        if node != Node::Data || !self.operation.takes_data() {
            let taken = self.take(
                node,
                self.progress.lexer.run(input.rest()),
                input.offset(),
                scratch,
            );
            input.bump(taken);
        }
    }

    /// A character that was written as a reference.
    pub(crate) fn char(&mut self, node: Node, input: &Cursor<'_>, scratch: &mut [u8]) -> Ready {
        let mut bytes = [0; 4];
        let (bytes, legal) = self.progress.lexer.char(&mut bytes);
        if !legal {
            self.note_replaced();
        }
        if node == Node::Data && self.operation.takes_data() {
            let offset = input.offset();
            let len = (self.operation).data_char(&mut self.progress, bytes, offset, scratch);
            return self.hand_out(len, scratch);
        }
        self.take(node, bytes, input.offset(), scratch);
        Ready::Nothing
    }

    /// Takes text of `node` that ends or begins at `offset`, and returns how much: all of it, or as much as there is room for.
    pub(crate) fn take(
        &mut self,
        node: Node,
        bytes: &[u8],
        offset: u64,
        scratch: &mut [u8],
    ) -> usize {
        if node.is_streamed_text() {
            let taken = self.assembly.push(bytes, scratch);
            // INVARIANT: there is room for the character of a reference, which takes at most four bytes.
            if !self.assembly.has_room(4, scratch) {
                self.text.node = node;
                self.queue = Queue::Text;
            }
            return taken;
        }
        if node.is_short_text() {
            self.assembly.push_token(bytes, scratch);
        } else if node.is_skeleton() {
            // As well as what follows the root, whose node is the document.
            self.stray(bytes, offset);
        } else if node == Node::Data {
            self.operation.skip_data(bytes);
        }
        bytes.len()
    }

    /// Text where only elements belong: white space, or the truncation marker, or an error. After the root's end tag, where
    /// anything may follow, it is only counted.
    fn stray(&mut self, bytes: &[u8], mut offset: u64) {
        let trails = self.stage == Stage::Epilog;
        for &byte in bytes {
            if !is_space(byte) {
                // What follows the root does not invalidate the last item so far.
                if !trails && !self.stray.has_begun() {
                    self.progress.place.set_stray_start(offset);
                }
                if !self.stray.push(byte) {
                    if !trails {
                        self.stop_at_stray();
                        return;
                    }
                    self.stray.restart(byte);
                }
                if self.stray.len() == 1 {
                    self.progress.lexer.begin_markup(offset);
                }
                if trails {
                    self.progress.room.count_trailing();
                }
                if self.stray.is_complete() {
                    if trails {
                        (self.progress.room).discount_trailing(self.stray.len());
                    }
                    self.stop_at_markup(ErrorKind::Truncated);
                    return;
                }
            }
            offset = offset.wrapping_add(1);
        }
    }

    /// The text where none belongs is not a truncation marker.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    pub(crate) fn stop_at_stray(&mut self) -> Ready {
        let kind = match self.stage {
            Stage::Prolog => ErrorKind::NotSoap,
            _ => ErrorKind::UnexpectedText,
        };
        self.stop(kind, self.progress.place.stray_start())
    }

    /// Emits the next piece of a streamed text.
    pub(crate) fn emit_text(&mut self, end: bool, scratch: &mut [u8]) -> Ready {
        let Some(piece) = self.assembly.piece(end, scratch) else {
            return Ready::Nothing;
        };
        self.text.replacement = piece == Piece::Replacement;
        self.text.last = false;
        if piece == Piece::Replacement {
            self.note_replaced();
        }
        Ready::Text
    }

    /// Emits the rest of a text whose element has been closed.
    pub(crate) fn end_text(&mut self, scratch: &mut [u8]) -> Ready {
        let node = self.text.node;
        if node.is_streamed_text() {
            let ready = self.emit_text(true, scratch);
            let last = self.assembly.held().is_empty();
            self.text.last = last;
            if last {
                self.queue = Queue::Nothing;
            }
            // The last piece of a value is marked as such, even if it is empty.
            if ready == Ready::Nothing && node == Node::MessageXmlValue {
                self.text.replacement = false;
                return Ready::Text;
            }
            return ready;
        }
        self.queue = Queue::Nothing;
        self.text.replacement = false;
        self.assembly.token(scratch);
        match node {
            Node::ResponseCode => {
                let code = self.word(NEVER, scratch).code();
                self.text.code = code;
                if let Some(notes) = self.notes() {
                    notes.set_code(code);
                }
                Ready::ResponseCode
            }
            Node::FaultCode => {
                // `a:ErrorServerBusy`; the code of the detail, if there is one, takes precedence.
                let text = self.assembly.emitted().of(scratch);
                let colon = text.iter().position(|&byte| byte == b':');
                if let Some(Ok(at)) = colon.map(u16::try_from) {
                    self.assembly.drop_emitted(at.wrapping_add(1));
                }
                // After a dot, a code is more specific (SOAP 1.1 §4.4.1).
                let word = self.word(b'.', scratch);
                if let Some(notes) = &mut self.fault {
                    if notes.code.is_some() && !notes.is_of_faultcode() {
                        return Ready::Nothing;
                    }
                    notes.set_faultcode(word);
                }
                Ready::FaultCode
            }
            _ if self.descriptive_link_key(scratch).is_some() => Ready::DescriptiveLinkKey,
            _ => Ready::Nothing,
        }
    }

    /// The number that the emitted text is, if it is one.
    pub(crate) fn descriptive_link_key(&self, scratch: &[u8]) -> Option<i32> {
        let text = self.assembly.emitted().of(scratch);
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        let key = i32::try_from(number(digits)?).ok()?;
        Some(if digits.len() < text.len() {
            key.wrapping_neg()
        } else {
            key
        })
    }

    /// The code at the start of the emitted text, up to the first `stop`.
    ///
    /// It is unknown if the text was not emitted as a whole, because it is not UTF-8 or longer than the smallest scratch.
    fn word(&self, stop: u8, scratch: &[u8]) -> Word {
        let rest = self.assembly.held();
        if self.assembly.total() <= LONGEST_CODE && matches!(rest.of(scratch), [] | b" ") {
            Word::of(self.assembly.emitted().of(scratch), stop)
        } else {
            Word::UNKNOWN
        }
    }

    /// Notes a `MessageXml` value that clients use.
    pub(crate) fn note_value(&mut self, scratch: &[u8]) {
        let name = hash(self.attributes.name(scratch).of(scratch));
        let value = (self.assembly.whole()).filter(|_| self.assembly.total() <= LONGEST_VALUE);
        let Some(value) = value.map(|value| trim(value.of(scratch))) else {
            return;
        };
        let Some(notes) = self.notes() else {
            return;
        };
        if name == BACK_OFF_MILLISECONDS {
            if let Some(ms) = number(value) {
                notes.set_back_off(ms);
            }
        } else if name == INNER_ERROR_RESPONSE_CODE {
            (notes.inner_code).get_or_insert(ResponseCode::from_bytes(value));
        }
    }

    /// Notes that a part of a text had to be replaced.
    fn note_replaced(&mut self) {
        if let Some(notes) = self.notes() {
            notes.set_replaced();
        }
    }

    /// The notes of the message or fault that is open.
    #[inline(never)] // for its size
    pub(crate) fn notes(&mut self) -> Option<&mut Notes> {
        if self.path.is_in_fault() {
            self.fault.as_mut()
        } else {
            self.progress.item.as_mut().map(|item| &mut item.notes)
        }
    }
}
