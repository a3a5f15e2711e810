//! The head of a response: status line and fields. Interim responses are skipped.

use crate::error::{Error, ErrorKind};
use crate::field::Field;
use crate::framing::{Gathered, ResponseHead, Word};
use crate::grammar::{is_space, is_text_byte, trim_end};

/// The most bytes that are read of a response's head, including the interim responses before it.
///
/// This limits how much a hostile server can make a client read, and how many interim responses it can send.
pub const HEAD_LIMIT: u32 = 64 * 1024;

/// One step of a response's head.
///
/// Exhaustive: a client has to handle all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum HeadEvent<'a> {
    /// The end of an interim response, with its status. Its fields are not reported.
    ///
    /// After 100, send the body if it waits for that (`Expect: 100-continue`). Ignore other statuses unless the
    /// request provoked them.
    Interim(u16),
    /// A field of the final response.
    Field(Field<'a>),
    /// A field of the final response that is longer than the scratch. Only its name is known.
    FieldTooLong {
        /// The name as the server wrote it.
        name: &'a str,
    },
    /// The end of the head. The rest of the input belongs to the body: read it with
    /// [`BodyDecoder`](crate::BodyDecoder).
    Head(ResponseHead),
}

/// A decoder for the head of one response.
#[derive(Debug)]
pub struct HeadDecoder<'s> {
    scratch: &'s mut [u8],
    /// Number of bytes of the line in `scratch`.
    /// INVARIANT: `held <= scratch.len()`.
    held: usize,
    line: Line,
    /// The line does not fit. `scratch` contains its first bytes.
    overlong: bool,
    line_start: u32,
    /// Number of bytes consumed. After an error, the offset of the error.
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
    /// After the LF of a field. The next byte decides whether the field continues.
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

/// What to report to the caller after a line.
enum Step {
    Nothing,
    Interim,
    Field,
    Head,
}

impl<'s> HeadDecoder<'s> {
    /// Returns a decoder for one response. The size of `scratch` limits the length of a line that is reported.
    ///
    /// The scratch is free again when this decoder is dropped, before the body is read.
    /// 256 bytes are enough for the status line and for all fields that Exchange sends, except cookies and the
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
    /// `Ok(None)` means that the input is used up. After [`HeadEvent::Head`] it means that the head is complete, and
    /// the input belongs to the body.
    ///
    /// # Errors
    ///
    /// Returns an error if the response is unusable, and the same error on every later call.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<HeadEvent<'_>>, Error> {
        let kind = match self.advance(input) {
            Ok(Step::Nothing) => return Ok(None),
            Ok(Step::Interim) => return Ok(Some(HeadEvent::Interim(self.gathered.head.status))),
            Ok(Step::Head) => match self.gathered.finish() {
                Ok(()) => {
                    let head = ResponseHead {
                        len: self.consumed,
                        ..self.gathered.head
                    };
                    return Ok(Some(HeadEvent::Head(head)));
                }
                Err(kind) => kind,
            },
            Ok(Step::Field) => {
                // `check_field` has parsed it as well.
                let line = self.scratch.get(..self.held).unwrap_or_default();
                let field = Field::parse(line);
                return Ok(field.map(|field| match self.overlong {
                    true => HeadEvent::FieldTooLong { name: field.name },
                    false => HeadEvent::Field(field),
                }));
            }
            Err(kind) => kind,
        };
        if matches!(self.line, Line::Ended) {
            // The error concerns the whole line.
            self.consumed = self.line_start;
        }
        self.failed = Some(kind);
        Err(Error::new(kind, u64::from(self.consumed)))
    }

    /// Checks that the head is complete. Call this when the connection has ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if no byte was received, [`ErrorKind::Cut`] if the head is incomplete, or the error that
    /// [`next`](Self::next) returned.
    pub fn finish(&self) -> Result<(), Error> {
        let kind = match (self.failed, self.phase) {
            (Some(kind), _) => kind,
            (None, Phase::Done) => return Ok(()),
            _ if self.consumed == 0 => ErrorKind::Closed,
            _ => ErrorKind::Cut,
        };
        Err(Error::new(kind, u64::from(self.consumed)))
    }

    /// Reads lines until there is something to report.
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
                // Those of an interim response are checked too, and then dropped.
                self.check_field()?;
                if !is_interim {
                    return Ok(Step::Field);
                }
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

    /// Copies the line into the scratch, up to its end or the end of the input.
    ///
    /// Joins folded lines: RFC 9112 §5.2 requires that each `OWS CRLF RWS` is replaced by a space before the value is
    /// read.
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

    /// Returns the state after an LF. A status line and an empty line end there; a field may continue on the next
    /// line. (The decoder must not wait for a byte after the empty line: there may be none.)
    fn after_lf(&self) -> Line {
        let is_empty = self.held == 0 && !self.overlong;
        match self.phase {
            Phase::Fields if !is_empty => Line::AfterLf,
            _ => Line::Ended,
        }
    }

    /// Starts a folded line: replaces the line end and the white space around it by a space.
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

    /// Checks a field line, and gathers what the field means for the connection.
    fn check_field(&mut self) -> Result<(), ErrorKind> {
        let line = self.scratch.get(..self.held).unwrap_or_default();
        let field = match Field::parse(line) {
            Some(field) => field,
            None if self.overlong => return Err(ErrorKind::LineTooLong),
            None => return Err(ErrorKind::FieldLine),
        };
        let name = Word::of(field.name.as_bytes());
        match (name.is_framing_field(), self.overlong) {
            (true, true) => Err(ErrorKind::LineTooLong),
            (true, false) => self.gathered.add(name, field.value),
            (false, _) => Ok(()),
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

/// Parses the minor version and the status of a `status-line` (RFC 9112 §4).
///
/// The reason phrase has no meaning for a program. A server may leave it out, and many also leave out the space before
/// it.
fn parse_status_line(line: &[u8]) -> Option<(u8, u16)> {
    /// The start of the line. `\0` marks the minor version and `\x01` a digit of the status; neither occurs in a line.
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
