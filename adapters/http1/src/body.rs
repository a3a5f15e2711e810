//! The body of a response.

use crate::error::{Error, ErrorKind};
use crate::framing::{Body, ResponseHead, KEEP_ALIVE};
use crate::grammar::{is_space, is_text_byte, TOKEN};

/// The most bytes of chunk extensions and trailer that are skipped in one body, counted together.
pub const CHUNK_EXTRA_LIMIT: u16 = 16 * 1024;

/// Hexadecimal digits of a `u64`.
const MAX_SIZE_DIGITS: u8 = 16;

/// A decoder for the body of one response: it removes the framing.
///
/// Chunk extensions and the trailer are checked and skipped.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    /// Bytes left of the body or of the chunk; while a size is being read, the size so far.
    /// INVARIANT: 0 in the trailer.
    remaining: u64,
    offset: u64,
    /// INVARIANT: `extra <= CHUNK_EXTRA_LIMIT`.
    extra: u16,
    /// Digits of the chunk size so far; 0 in the trailer.
    /// INVARIANT: `digits <= MAX_SIZE_DIGITS`.
    digits: u8,
    keep_alive: bool,
    failed: Option<ErrorKind>,
}

/// The position in the body. The chunk states follow the grammar of RFC 9112 §7.1.
#[derive(Clone, Copy, Debug)]
enum State {
    Length,
    UntilClose,
    ChunkSize,
    AfterChunkSize,
    /// In the extensions of a chunk, or after the name of a trailer field.
    RestOfLine,
    /// After the CR of such a line.
    LineLf,
    Chunk,
    ChunkCr,
    ChunkLf,
    /// At the first line of the trailer.
    Trailer,
    /// At a line of the trailer that may continue the field before it (RFC 9112 §5.2).
    TrailerLine,
    TrailerName,
    LastLf,
    Complete,
}

impl BodyDecoder {
    /// Returns a decoder for the body that follows this head.
    #[must_use]
    pub const fn new(head: &ResponseHead) -> Self {
        let state = match head.body {
            Body::Length if head.length > 0 => State::Length,
            Body::Empty | Body::Length => State::Complete,
            Body::Chunked => State::ChunkSize,
            Body::UntilClose => State::UntilClose,
        };
        Self {
            state,
            remaining: head.length,
            offset: head.len as u64, // `From` is not const
            extra: 0,
            digits: 0,
            keep_alive: head.flags & KEEP_ALIVE != 0,
            failed: None,
        }
    }

    /// Consumes bytes from the front of `input` and returns the next data of the body, which are never empty.
    ///
    /// `Ok(None)` means that the input is used up or that the body
    /// [is complete](Self::is_complete); bytes after a complete body stay in `input`.
    ///
    /// # Errors
    ///
    /// Returns an error if the response is unusable, and the same error on every later call.
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<&'i [u8]>, Error> {
        if let Some(kind) = self.failed {
            return Err(self.fail(kind));
        }
        loop {
            match self.state {
                State::Complete => return Ok(None),
                State::Length | State::UntilClose | State::Chunk => return Ok(self.data(input)),
                _ => {}
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(None);
            };
            self.state = self.framing_byte(byte).map_err(|kind| self.fail(kind))?;
            self.offset = self.offset.wrapping_add(1);
            *input = rest;
        }
    }

    /// Ends the body. Call this when the connection has ended.
    ///
    /// The end of the connection completes a body of [`Framing::UntilClose`](crate::Framing::UntilClose).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cut`] if the body is incomplete, or the error that [`next`](Self::next) returned.
    pub fn finish(&mut self) -> Result<(), Error> {
        match (self.failed, self.state) {
            (Some(kind), _) => Err(self.fail(kind)),
            (None, State::Complete | State::UntilClose) => {
                self.state = State::Complete;
                Ok(())
            }
            _ => Err(self.fail(ErrorKind::Cut)),
        }
    }

    /// Returns whether the body is complete: [`next`](Self::next) has returned all of it.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    /// Returns whether the connection can carry another request. `rest` is the input that was not consumed.
    ///
    /// Bytes after a complete body belong to no request, so the connection must be closed (RFC 9112 §9.2).
    /// It must also be closed if the request was not sent completely, which only the caller knows.
    ///
    /// A server can also send something while the connection is idle: a second response, or a late `408`. Before you
    /// reuse a connection, check whether bytes or the end of the stream are waiting, and compare the
    /// `client-request-id` that the next response echoes.
    #[must_use]
    pub const fn can_reuse(&self, rest: &[u8]) -> bool {
        self.is_complete() && self.keep_alive && rest.is_empty()
    }

    /// Takes the bytes of `input` that belong to the body or to the chunk.
    fn data<'i>(&mut self, input: &mut &'i [u8]) -> Option<&'i [u8]> {
        let len = usize::try_from(self.remaining).map_or(input.len(), |left| left.min(input.len()));
        let (data, rest) = input.split_at(len);
        *input = rest;
        // `usize` has at most 64 bits on every target of Rust.
        self.offset = self.offset.wrapping_add(len as u64);
        self.remaining = self.remaining.wrapping_sub(len as u64);
        if self.remaining == 0 {
            self.state = match self.state {
                State::Chunk => State::ChunkCr,
                _ => State::Complete,
            };
        }
        (!data.is_empty()).then_some(data)
    }

    /// Returns the state after a byte of framing.
    #[inline(never)] // inlined, it makes the loop of `next` spill its registers
    fn framing_byte(&mut self, byte: u8) -> Result<State, ErrorKind> {
        if matches!(self.state, State::ChunkSize) {
            if let Some(digit) = (byte as char).to_digit(16) {
                return self.size_digit(digit);
            }
            if self.digits == 0 {
                return Err(ErrorKind::ChunkSize);
            }
        }
        let next = match self.state {
            State::ChunkSize | State::AfterChunkSize => match byte {
                b'\r' => State::LineLf,
                b'\n' => return Err(ErrorKind::BareLf),
                b';' => State::RestOfLine,
                // RFC 9112 §7.1.1: a recipient must accept white space here.
                b' ' | b'\t' => State::AfterChunkSize,
                _ => return Err(ErrorKind::ChunkSize),
            },
            State::RestOfLine => match byte {
                b'\r' => State::LineLf,
                b'\n' => return Err(ErrorKind::BareLf),
                _ if is_text_byte(byte) => State::RestOfLine,
                _ => return Err(ErrorKind::ControlCharacter),
            },
            State::TrailerLine if is_space(byte) => State::RestOfLine,
            State::Trailer | State::TrailerLine if byte == b'\r' => State::LastLf,
            State::Trailer | State::TrailerLine if byte == b'\n' => return Err(ErrorKind::BareLf),
            State::TrailerName if byte == b':' => State::RestOfLine,
            State::Trailer | State::TrailerLine | State::TrailerName => {
                match TOKEN.contains(byte) {
                    true => State::TrailerName,
                    false => return Err(ErrorKind::FieldLine),
                }
            }
            State::LineLf | State::LastLf if byte != b'\n' => return Err(ErrorKind::BareCr),
            State::LineLf if self.remaining > 0 => State::Chunk,
            State::LineLf if self.digits == 0 => State::TrailerLine,
            State::LineLf => {
                self.digits = 0;
                State::Trailer
            }
            State::LastLf => State::Complete,
            State::ChunkCr if byte == b'\r' => State::ChunkLf,
            State::ChunkLf if byte == b'\n' => {
                self.digits = 0;
                State::ChunkSize
            }
            _ => return Err(ErrorKind::ChunkEnd),
        };
        if matches!(
            next,
            State::AfterChunkSize | State::RestOfLine | State::TrailerName
        ) {
            if self.extra >= CHUNK_EXTRA_LIMIT {
                return Err(ErrorKind::ChunkExtraTooLong);
            }
            self.extra = self.extra.wrapping_add(1);
        }
        Ok(next)
    }

    fn size_digit(&mut self, digit: u32) -> Result<State, ErrorKind> {
        if self.digits >= MAX_SIZE_DIGITS {
            return Err(ErrorKind::ChunkSizeTooLong);
        }
        self.digits = self.digits.wrapping_add(1);
        self.remaining = self.remaining << 4 | u64::from(digit);
        Ok(State::ChunkSize)
    }

    fn fail(&mut self, kind: ErrorKind) -> Error {
        self.failed = Some(kind);
        Error::new(kind, self.offset)
    }
}
