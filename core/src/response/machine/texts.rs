//! Texts: codes, messages and values, and text where none belongs.

use super::{Machine, Queue, Ready, Stage, Step};
use crate::code::ResponseCode;
use crate::response::assembly::{Piece, Span};
use crate::response::attributes::number;
use crate::response::base64::{is_space, Stop};
use crate::response::cursor::Cursor;
use crate::response::decoder::MIN_SCRATCH;
use crate::response::error::{Error, ErrorKind};
use crate::response::item::Notes;
use crate::response::soap::Node;

/// Longest value that is acted on, white space included. It fits into the smallest scratch, behind the longest
/// name of such a value.
const LONGEST_VALUE: u64 = 38;

impl Machine {
    pub(super) fn text(
        &mut self,
        node: Node,
        len: usize,
        input: &mut Cursor<'_>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        let bytes = input.ahead(len);
        let taken = match node {
            // Behind a comment or `<![CDATA[` the text goes on: base64, which `data` takes.
            Node::Data if !self.base64.is_broken() => 0,
            Node::Data => {
                self.base64.search(bytes);
                len
            }
            node if node.is_streamed_text() => self.assembly.push(bytes, scratch),
            node if node.is_short_text() => {
                self.assembly.push_token(bytes, scratch);
                len
            }
            node if node.is_skeleton() => {
                self.stray(bytes, input.offset())?;
                len
            }
            _ => len,
        };
        input.bump(taken);
        Ok(())
    }

    /// A character that was written as a reference.
    pub(super) fn char(
        &mut self,
        node: Node,
        bytes: &[u8],
        input: &Cursor<'_>,
        scratch: &mut [u8],
    ) -> Result<Step, Error> {
        match node {
            Node::Data if self.base64.is_broken() => self.base64.search(bytes),
            Node::Data => {
                let (written, stop) = self.base64.decode(&mut &*bytes, scratch);
                if stop == Stop::Byte {
                    self.break_data(bytes, input.offset());
                }
                return Ok(match self.hand_out(written, scratch) {
                    0 => Step::On,
                    len => Step::Ready(Ready::Data(len)),
                });
            }
            node if node.is_streamed_text() => self.assembly.push_or_count(bytes, scratch),
            node if node.is_short_text() => self.assembly.push_token(bytes, scratch),
            node if node.is_skeleton() => self.stray(bytes, input.offset())?,
            _ => {}
        }
        Ok(Step::On)
    }

    /// Text where only elements belong: white space, or the truncation marker, or an error.
    pub(super) fn stray(&mut self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        let text = bytes.iter().zip(offset..).filter(|(&b, _)| !is_space(b));
        for (&byte, offset) in text {
            if !self.stray.has_begun() {
                self.stray_offset = offset;
            }
            if !self.stray.push(byte) {
                return Err(self.stray_error());
            }
            if self.stray.is_complete() {
                return Err(Error {
                    kind: ErrorKind::Truncated,
                    offset: self.stray_offset,
                });
            }
        }
        Ok(())
    }

    pub(super) fn stray_error(&self) -> Error {
        let kind = match self.stage {
            Stage::Prolog => ErrorKind::NotSoap,
            Stage::Envelope | Stage::Answer => ErrorKind::UnexpectedText,
            Stage::Epilog => ErrorKind::TrailingData,
        };
        Error {
            kind,
            offset: self.stray_offset,
        }
    }

    /// A tag has come: no text may be left over, and the document may not be over.
    pub(super) fn expect_markup(&self) -> Result<(), Error> {
        if self.stray.has_begun() {
            return Err(self.stray_error());
        }
        if self.stage == Stage::Epilog {
            return Err(self.at_markup()(ErrorKind::TrailingData));
        }
        Ok(())
    }

    /// Tells what is held of a text whose element has been closed.
    pub(super) fn end_text(&mut self, node: Node, scratch: &mut [u8]) -> Step {
        if node.is_streamed_text() {
            let piece = self.assembly.piece(true, scratch);
            let held = self.assembly.held();
            let last = held.start == held.end;
            if last {
                self.queue = Queue::Nothing;
            }
            return match piece {
                Some(piece) => Step::Ready(Ready::Text(node, piece, last)),
                // The last piece of a value says so, even where nothing is left of it.
                None if node == Node::MessageXmlValue => {
                    Step::Ready(Ready::Text(node, Piece::Text(Span::default()), true))
                }
                None => Step::On,
            };
        }
        self.queue = Queue::Nothing;
        let span = self.assembly.trimmed(scratch);
        let text = span.text(scratch);
        match node {
            Node::ResponseCode => {
                let code = self.code(span, scratch);
                if let Some(notes) = self.notes() {
                    notes.set_code(code);
                }
                Step::Ready(Ready::ResponseCode(code, span))
            }
            Node::FaultCode => {
                // `a:ErrorServerBusy`; the code of the detail, if there is one, goes before it.
                let colon = text.bytes().position(|byte| byte == b':');
                let prefix = colon.map_or(0, |colon| colon + 1);
                let span = Span {
                    start: span.start + prefix,
                    ..span
                };
                let code = self.code(span, scratch);
                if let (Some(notes), true) = (self.notes(), code != ResponseCode::Other) {
                    notes.faultcode = Some(code);
                }
                Step::Ready(Ready::FaultCode(span))
            }
            _ => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let key = number(digits.as_bytes()).and_then(|key| i32::try_from(key).ok());
                match key {
                    Some(key) if digits.len() < text.len() => {
                        Step::Ready(Ready::DescriptiveLinkKey(-key))
                    }
                    Some(key) => Step::Ready(Ready::DescriptiveLinkKey(key)),
                    None => Step::On,
                }
            }
        }
    }

    /// The code that is held as `span`, which goes to the end of the token.
    ///
    /// [`ResponseCode::Other`] if that is not all of it, whether it is not UTF-8 or longer than what the
    /// smallest scratch holds.
    fn code(&self, span: Span, scratch: &[u8]) -> ResponseCode {
        let end = self.assembly.held().end;
        let rest = Span {
            start: span.end,
            end,
        };
        if self.assembly.total() <= MIN_SCRATCH as u64 && rest.of(scratch).trim_ascii().is_empty() {
            ResponseCode::from_text(span.text(scratch))
        } else {
            ResponseCode::Other
        }
    }

    /// Notes a `MessageXml` value that clients act on.
    pub(super) fn note_value(&mut self, scratch: &[u8]) {
        let name = self.attributes.name(scratch).of(scratch);
        let value = (self.assembly.whole()).filter(|_| self.assembly.total() <= LONGEST_VALUE);
        let Some(value) = value else {
            return;
        };
        match name {
            b"BackOffMilliseconds" => {
                let milliseconds = number(value.of(scratch));
                if let Some(notes) = self.notes() {
                    notes.back_off_ms = notes.back_off_ms.max(milliseconds);
                }
            }
            b"InnerErrorResponseCode" => {
                let code = ResponseCode::from_text(value.text(scratch).trim_ascii());
                if let Some(notes) = self.notes() {
                    notes.inner_code = notes.inner_code.or(Some(code));
                }
            }
            _ => {}
        }
    }

    /// What the message or fault that is open says of itself.
    pub(super) fn notes(&mut self) -> Option<&mut Notes> {
        if self.path.is_in_fault() {
            self.fault.as_mut()
        } else {
            self.item.as_mut().map(|item| &mut item.notes)
        }
    }
}
