//! The head of a response: status line and fields, interim responses skipped.

use crate::error::{Error, ErrorKind};
use crate::field::Field;
use crate::framing::{FramingField, Gathered, ResponseHead};
use crate::grammar::{is_space, is_text_byte, trim_end};

/// Bytes of a response's head, interim responses included, that are read at most.
///
/// This bounds both what a hostile server can make a client read and how many interim responses it
/// can send.
pub const HEAD_LIMIT: u32 = 64 * 1024;

/// Something in a response's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadEvent<'a> {
    /// An interim response ended, its fields unseen.
    ///
    /// 100 is the word to send a body that waits for it (`Expect: 100-continue`); others mean
    /// nothing to a client that did not ask for them.
    Interim(u16),
    /// A field of the final response.
    Field(Field<'a>),
    /// A field of the final response that is longer than the scratch, known by its name only.
    FieldTooLong {
        /// The name as the server wrote it.
        name: &'a str,
    },
    /// The head is over and the input begins with the body: go on with
    /// [`BodyDecoder`](crate::BodyDecoder).
    Head(ResponseHead),
}

/// Reads the head of one response.
#[derive(Debug)]
pub struct HeadDecoder<'s> {
    scratch: &'s mut [u8],
    /// Bytes of the line that `scratch` holds.
    /// INVARIANT: `held <= scratch.len()`.
    held: usize,
    line: Line,
    /// The line did not fit; `scratch` holds its first bytes.
    overlong: bool,
    line_start: u32,
    /// Bytes consumed; after an error, where that is.
    /// INVARIANT: `consumed <= HEAD_LIMIT`.
    consumed: u32,
    phase: Phase,
    failed: Option<ErrorKind>,
    gathered: Gathered,
}

#[derive(Clone, Copy, Debug)]
enum Line {
    Text,
    AfterCr,
    /// After the LF of a field: the next byte says whether the field continues.
    AfterLf,
    /// In the white space that begins a folded line.
    Folded,
    Ended,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    StatusLine,
    Fields,
    Done,
}

/// What a line means for the caller.
enum Step {
    Nothing,
    Interim,
    Field,
    Head,
}

impl<'s> HeadDecoder<'s> {
    /// A decoder for one response, with scratch for the longest line the caller wants to see.
    ///
    /// The scratch is free again when this decoder is dropped, before the body.
    /// 256 bytes are enough for the status line and all that Exchange sends but cookies and the
    /// challenges of `WWW-Authenticate`.
    #[must_use]
    pub fn new(scratch: &'s mut [u8]) -> Self {
        Self {
            scratch,
            held: 0,
            line: Line::Text,
            overlong: false,
            line_start: 0,
            consumed: 0,
            phase: Phase::StatusLine,
            failed: None,
            gathered: Gathered::new(0, 0),
        }
    }

    /// Consumes bytes from the front of `input` up to the next event.
    ///
    /// `Ok(None)` means that the input is used up, or, after [`HeadEvent::Head`], that there is
    /// nothing more to say; the input then is the body's.
    ///
    /// # Errors
    ///
    /// The response is unusable; the same error comes again on every further call.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<HeadEvent<'_>>, Error> {
        let kind = match self.advance(input) {
            Ok(Step::Nothing) => return Ok(None),
            Ok(Step::Interim) => return Ok(Some(HeadEvent::Interim(self.gathered.head.status))),
            Ok(Step::Head) => match self.gathered.finish(self.consumed) {
                Ok(head) => return Ok(Some(HeadEvent::Head(head))),
                Err(kind) => kind,
            },
            Ok(Step::Field) => {
                let line = self.scratch.get(..self.held).unwrap_or_default();
                match judge_field(line, self.overlong, &mut self.gathered) {
                    Ok(event) => return Ok(Some(event)),
                    Err(kind) => kind,
                }
            }
            Err(kind) => kind,
        };
        if matches!(self.line, Line::Ended) {
            // The line as a whole is to blame.
            self.consumed = self.line_start;
        }
        self.failed = Some(kind);
        Err(Error::new(kind, u64::from(self.consumed)))
    }

    /// To be called when the connection ended: says whether the head was whole.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] before the first byte, [`ErrorKind::Cut`] after it, or the error that
    /// [`next`](Self::next) gave.
    pub fn finish(&self) -> Result<(), Error> {
        let kind = match (self.failed, self.phase) {
            (Some(kind), _) => kind,
            (None, Phase::Done) => return Ok(()),
            _ if self.consumed == 0 => ErrorKind::Closed,
            _ => ErrorKind::Cut,
        };
        Err(Error::new(kind, u64::from(self.consumed)))
    }

    /// Takes lines until one concerns the caller.
    fn advance(&mut self, input: &mut &[u8]) -> Result<Step, ErrorKind> {
        if let Some(kind) = self.failed {
            return Err(kind);
        }
        while !matches!(self.phase, Phase::Done) {
            self.take_line(input)?;
            if !matches!(self.line, Line::Ended) {
                break;
            }
            if matches!(self.phase, Phase::StatusLine) {
                self.read_status_line()?;
                self.phase = Phase::Fields;
                continue;
            }
            let is_interim = self.gathered.head.status < 200;
            if self.held > 0 || self.overlong {
                if !is_interim {
                    return Ok(Step::Field);
                }
                // Judged like any other, so that no line is read in two ways, and then forgotten.
                let line = self.scratch.get(..self.held).unwrap_or_default();
                judge_field(line, self.overlong, &mut self.gathered)?;
            } else if is_interim {
                self.phase = Phase::StatusLine;
                return Ok(Step::Interim);
            } else {
                self.phase = Phase::Done;
                return Ok(Step::Head);
            }
        }
        Ok(Step::Nothing)
    }

    /// Moves bytes of the line into the scratch, to the line's end or the input's.
    ///
    /// A field's folded lines are one line: RFC 9112 §5.2 wants each `OWS CRLF RWS` replaced by a space before the
    /// value is read.
    fn take_line(&mut self, input: &mut &[u8]) -> Result<(), ErrorKind> {
        if matches!(self.line, Line::Ended) {
            self.line = Line::Text;
            self.held = 0;
            self.overlong = false;
            self.line_start = self.consumed;
        }
        while let Some((&byte, rest)) = input.split_first() {
            if matches!(self.line, Line::AfterLf) {
                if !is_space(byte) {
                    self.line = Line::Ended;
                    break;
                }
                self.fold();
            }
            if self.consumed >= HEAD_LIMIT {
                return Err(ErrorKind::HeadTooLong);
            }
            match byte {
                b'\n' if matches!(self.line, Line::AfterCr) => self.line = self.after_lf(),
                _ if matches!(self.line, Line::AfterCr) => return Err(ErrorKind::BareCr),
                b'\r' => self.line = Line::AfterCr,
                b'\n' => return Err(ErrorKind::BareLf),
                _ if matches!(self.line, Line::Folded) && is_space(byte) => {}
                _ if is_text_byte(byte) => {
                    self.line = Line::Text;
                    self.hold(byte);
                }
                _ => return Err(ErrorKind::ControlCharacter),
            }
            self.consumed = self.consumed.wrapping_add(1);
            *input = rest;
            if matches!(self.line, Line::Ended) {
                break;
            }
        }
        Ok(())
    }

    /// A status line and an empty line end with their LF: after the latter the next byte may never come.
    fn after_lf(&self) -> Line {
        let is_empty = self.held == 0 && !self.overlong;
        match self.phase {
            Phase::Fields if !is_empty => Line::AfterLf,
            _ => Line::Ended,
        }
    }

    /// A folded line begins: a space takes the place of the line end and the white space around it.
    #[inline(never)] // rare
    fn fold(&mut self) {
        if !self.overlong {
            let line = self.scratch.get(..self.held).unwrap_or_default();
            self.held = trim_end(line).len();
        }
        self.hold(b' ');
        self.line = Line::Folded;
    }

    fn hold(&mut self, byte: u8) {
        match self.scratch.get_mut(self.held) {
            Some(slot) => {
                *slot = byte;
                self.held = self.held.wrapping_add(1);
            }
            None => self.overlong = true,
        }
    }

    fn read_status_line(&mut self) -> Result<(), ErrorKind> {
        if self.overlong {
            return Err(ErrorKind::LineTooLong);
        }
        let line = self.scratch.get(..self.held).unwrap_or_default();
        let (minor_version, status) = parse_status_line(line).ok_or(ErrorKind::StatusLine)?;
        if status == 101 {
            return Err(ErrorKind::Upgrade);
        }
        self.gathered = Gathered::new(status, minor_version);
        Ok(())
    }
}

/// Minor version and status of a `status-line` (RFC 9112 §4).
///
/// The reason is free text without meaning for a program; a server may leave it out, and many
/// leave out the space before it too.
fn parse_status_line(line: &[u8]) -> Option<(u8, u16)> {
    /// The start of the line, with two bytes that no line holds where digits are.
    const START: &[u8; 12] = b"HTTP/1.\0 \x01\x01\x01";
    let (start, reason) = line.split_at_checked(START.len())?;
    let (mut minor, mut status) = (0, 0_u16);
    for (&byte, expected) in start.iter().zip(START) {
        match (expected, byte) {
            (0, b'0'..=b'1') => minor = byte.wrapping_sub(b'0'),
            (1, b'0'..=b'9') => {
                status = status
                    .wrapping_mul(10)
                    .wrapping_add(byte.wrapping_sub(b'0').into());
            }
            _ if byte == *expected => {}
            _ => return None,
        }
    }
    // A status below 100 is invalid by RFC 9110 §15.
    (status >= 100 && matches!(reason, [] | [b' ', ..])).then_some((minor, status))
}

/// The event of a field line; what it means for the connection goes to `gathered`.
fn judge_field<'a>(
    line: &'a [u8],
    overlong: bool,
    gathered: &mut Gathered,
) -> Result<HeadEvent<'a>, ErrorKind> {
    let field = match Field::parse(line) {
        Some(field) => field,
        None if overlong => return Err(ErrorKind::LineTooLong),
        None => return Err(ErrorKind::FieldLine),
    };
    match FramingField::named(&field) {
        Some(_) if overlong => return Err(ErrorKind::LineTooLong),
        Some(known) => gathered.add(known, field.value)?,
        None if overlong => return Ok(HeadEvent::FieldTooLong { name: field.name }),
        None => {}
    }
    Ok(HeadEvent::Field(field))
}
