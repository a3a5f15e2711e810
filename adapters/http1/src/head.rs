//! The head of a response: status line and fields, interim responses skipped.

use crate::error::{Error, ErrorKind};
use crate::field::Field;
use crate::framing::{Framing, Gathered, ResponseHead};
use crate::grammar::is_text_byte;

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
    /// INVARIANT: `consumed <= HEAD_LIMIT`.
    consumed: u32,
    phase: Phase,
    status: u16,
    minor_version: u8,
    gathered: Gathered,
}

#[derive(Clone, Copy, Debug)]
enum Line {
    Text,
    AfterCr,
    Ended,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    StatusLine,
    Fields,
    Done,
    Failed(ErrorKind, u32),
}

/// What a line brought that the caller is told of.
enum Step {
    Interim(u16),
    Field,
    Head(ResponseHead),
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
            status: 0,
            minor_version: 0,
            gathered: Gathered::default(),
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
        match self.advance(input)? {
            None => Ok(None),
            Some(Step::Interim(status)) => Ok(Some(HeadEvent::Interim(status))),
            Some(Step::Head(head)) => Ok(Some(HeadEvent::Head(head))),
            Some(Step::Field) => {
                // Not `text`, which would borrow more than the scratch.
                let line = self.scratch.get(..self.held).unwrap_or_default();
                match judge_field(line, self.overlong, &mut self.gathered) {
                    Ok(event) => Ok(Some(event)),
                    Err(kind) => {
                        self.phase = Phase::Failed(kind, self.line_start);
                        Err(Error::new(kind, u64::from(self.line_start)))
                    }
                }
            }
        }
    }

    /// To be called when the connection ended: says whether the head was whole.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] before the first byte, [`ErrorKind::Cut`] after it, or the error that
    /// [`next`](Self::next) gave.
    pub fn finish(&self) -> Result<(), Error> {
        let end = u64::from(self.consumed);
        match self.phase {
            Phase::Done => Ok(()),
            Phase::Failed(kind, offset) => Err(Error::new(kind, u64::from(offset))),
            _ if self.consumed == 0 => Err(Error::new(ErrorKind::Closed, end)),
            _ => Err(Error::new(ErrorKind::Cut, end)),
        }
    }

    /// Takes lines until one concerns the caller.
    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Step>, Error> {
        loop {
            match self.phase {
                Phase::Done => return Ok(None),
                Phase::Failed(kind, offset) => return Err(Error::new(kind, u64::from(offset))),
                Phase::StatusLine | Phase::Fields => {}
            }
            if let Err(kind) = self.take_line(input) {
                return Err(self.fail(kind, self.consumed));
            }
            if !matches!(self.line, Line::Ended) {
                return Ok(None);
            }
            match self.judge_line() {
                Ok(None) => {}
                Ok(step) => return Ok(step),
                Err(kind) => return Err(self.fail(kind, self.line_start)),
            }
        }
    }

    /// Moves bytes of the line into the scratch, to the line's end or the input's.
    fn take_line(&mut self, input: &mut &[u8]) -> Result<(), ErrorKind> {
        if matches!(self.line, Line::Ended) {
            self.line = Line::Text;
            self.held = 0;
            self.overlong = false;
            self.line_start = self.consumed;
        }
        while let Some((&byte, rest)) = input.split_first() {
            if self.consumed >= HEAD_LIMIT {
                return Err(ErrorKind::HeadTooLong);
            }
            match (self.line, byte) {
                (Line::AfterCr, b'\n') => self.line = Line::Ended,
                (Line::AfterCr, _) => return Err(ErrorKind::BareCr),
                (_, b'\r') => self.line = Line::AfterCr,
                (_, b'\n') => return Err(ErrorKind::BareLf),
                (_, byte) if is_text_byte(byte) => self.hold(byte),
                _ => return Err(ErrorKind::ControlCharacter),
            }
            self.consumed += 1;
            *input = rest;
            if matches!(self.line, Line::Ended) {
                break;
            }
        }
        Ok(())
    }

    fn hold(&mut self, byte: u8) {
        match self.scratch.get_mut(self.held) {
            Some(slot) => {
                *slot = byte;
                self.held += 1;
            }
            None => self.overlong = true,
        }
    }

    /// What the scratch holds of the line.
    fn text(&self) -> &[u8] {
        self.scratch.get(..self.held).unwrap_or_default()
    }

    /// Takes in what a line means; `Ok(None)` if it does not concern the caller.
    fn judge_line(&mut self) -> Result<Option<Step>, ErrorKind> {
        if matches!(self.phase, Phase::StatusLine) {
            self.read_status_line()?;
            self.phase = Phase::Fields;
            return Ok(None);
        }
        let is_interim = self.status < 200;
        if self.held == 0 && !self.overlong {
            return if is_interim {
                self.phase = Phase::StatusLine;
                Ok(Some(Step::Interim(self.status)))
            } else {
                let head = self.response_head()?;
                self.phase = Phase::Done;
                Ok(Some(Step::Head(head)))
            };
        }
        if is_interim {
            // Judged like any other, so that no line is read in two ways, and then forgotten.
            judge_field(self.text(), self.overlong, &mut Gathered::default())?;
            return Ok(None);
        }
        Ok(Some(Step::Field))
    }

    fn read_status_line(&mut self) -> Result<(), ErrorKind> {
        if self.overlong {
            return Err(ErrorKind::LineTooLong);
        }
        let (minor_version, status) =
            parse_status_line(self.text()).ok_or(ErrorKind::StatusLine)?;
        if status == 101 {
            return Err(ErrorKind::Upgrade);
        }
        self.status = status;
        self.minor_version = minor_version;
        Ok(())
    }

    fn response_head(&self) -> Result<ResponseHead, ErrorKind> {
        let framing = self.gathered.framing(self.status, self.minor_version)?;
        Ok(ResponseHead {
            status: self.status,
            framing,
            keep_alive: framing != Framing::UntilClose
                && self.gathered.keep_alive(self.minor_version),
            len: u64::from(self.consumed),
        })
    }

    fn fail(&mut self, kind: ErrorKind, offset: u32) -> Error {
        self.phase = Phase::Failed(kind, offset);
        Error::new(kind, u64::from(offset))
    }
}

/// Minor version and status of a `status-line` (RFC 9112 §4).
///
/// The reason is free text that tells a program nothing; a server may leave it out, and many
/// leave out the space before it too.
fn parse_status_line(line: &[u8]) -> Option<(u8, u16)> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    // A status below 100 is invalid by RFC 9110 §15.
    let [minor @ b'0'..=b'1', b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] =
        rest
    else {
        return None;
    };
    if !matches!(reason, [] | [b' ', ..]) {
        return None;
    }
    let [a, b, c] = [a, b, c].map(|digit| u16::from(digit - b'0'));
    Some((minor - b'0', a * 100 + b * 10 + c))
}

/// What a field line tells the caller, its meaning for the connection gathered.
fn judge_field<'a>(
    line: &'a [u8],
    overlong: bool,
    gathered: &mut Gathered,
) -> Result<HeadEvent<'a>, ErrorKind> {
    match Field::parse(line) {
        Some(field) if !overlong => {
            gathered.add(&field)?;
            Ok(HeadEvent::Field(field))
        }
        Some(Field { name, .. }) if !Gathered::concerns(name) => {
            Ok(HeadEvent::FieldTooLong { name })
        }
        _ if overlong => Err(ErrorKind::LineTooLong),
        _ => Err(ErrorKind::FieldLine),
    }
}
