//! The body of a response.

use crate::error::{Error, ErrorKind};
use crate::framing::{Framing, ResponseHead};
use crate::grammar::{is_space, is_text_byte, is_token_byte};

/// Bytes of chunk extensions and of the trailer, taken together over a body, that are skipped at
/// most.
pub const CHUNK_EXTRA_LIMIT: u16 = 16 * 1024;

/// Hexadecimal digits of a `u64`.
const MAX_SIZE_DIGITS: u8 = 16;

/// Takes the framing off one response's body.
///
/// Chunk extensions and the trailer are checked and skipped.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    /// Bytes left of the body or of the chunk; while its size is being read, the size so far.
    remaining: u64,
    offset: u64,
    /// INVARIANT: `extra <= CHUNK_EXTRA_LIMIT`.
    extra: u16,
    /// Digits of the chunk size so far.
    /// INVARIANT: `digits <= MAX_SIZE_DIGITS`.
    digits: u8,
    keep_alive: bool,
}

/// RFC 9112 §7.1, a state per place between two bytes.
#[derive(Clone, Copy, Debug)]
enum State {
    Length,
    UntilClose,
    ChunkSize,
    AfterChunkSize,
    Extension,
    ChunkSizeLf,
    Chunk,
    ChunkCr,
    ChunkLf,
    TrailerLine,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    Complete,
    Failed(ErrorKind),
}

impl BodyDecoder {
    /// A decoder for the body behind this head.
    #[must_use]
    pub const fn new(head: &ResponseHead) -> Self {
        let (state, remaining) = match head.framing {
            Framing::Empty | Framing::Length(0) => (State::Complete, 0),
            Framing::Length(length) => (State::Length, length),
            Framing::Chunked => (State::ChunkSize, 0),
            Framing::UntilClose => (State::UntilClose, 0),
        };
        Self {
            state,
            remaining,
            offset: head.len,
            extra: 0,
            digits: 0,
            keep_alive: head.keep_alive,
        }
    }

    /// Consumes bytes from the front of `input` and gives the next data of the body, never empty.
    ///
    /// `Ok(None)` means that the input is used up or that the body
    /// [is complete](Self::is_complete); bytes behind a complete body stay in `input`.
    ///
    /// # Errors
    ///
    /// The response is unusable; the same error comes again on every further call.
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<&'i [u8]>, Error> {
        loop {
            let wanted = match self.state {
                State::Complete => return Ok(None),
                State::Failed(kind) => return Err(Error::new(kind, self.offset)),
                State::UntilClose => u64::MAX,
                State::Length | State::Chunk => self.remaining,
                _ => {
                    let Some((&byte, rest)) = input.split_first() else {
                        return Ok(None);
                    };
                    self.state = self.framing_byte(byte).map_err(|kind| self.fail(kind))?;
                    self.offset += 1;
                    *input = rest;
                    continue;
                }
            };
            let available = usize::try_from(wanted).map_or(input.len(), |n| n.min(input.len()));
            return match input.split_at_checked(available) {
                Some((data, rest)) if !data.is_empty() => {
                    *input = rest;
                    self.count_data(data.len());
                    Ok(Some(data))
                }
                _ => Ok(None),
            };
        }
    }

    /// To be called when the connection ended: says whether the body was whole.
    ///
    /// For [`Framing::UntilClose`] this is what completes the body.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cut`], or the error that [`next`](Self::next) gave.
    pub fn finish(&mut self) -> Result<(), Error> {
        match self.state {
            State::Complete => Ok(()),
            State::UntilClose => {
                self.state = State::Complete;
                Ok(())
            }
            State::Failed(kind) => Err(Error::new(kind, self.offset)),
            _ => Err(self.fail(ErrorKind::Cut)),
        }
    }

    /// Whether the whole body has been given out.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    /// Whether the connection may carry another request, `rest` being what is left of the input.
    ///
    /// Bytes behind a complete body answer nothing that was asked, so they spoil the connection
    /// (RFC 9112 §9.2).
    /// So does a request that was not sent to its end, which only the caller knows.
    #[must_use]
    pub const fn can_reuse(&self, rest: &[u8]) -> bool {
        self.is_complete() && self.keep_alive && rest.is_empty()
    }

    fn count_data(&mut self, len: usize) {
        // usize has at most 64 bits on every target of Rust.
        let len = len as u64;
        self.offset = self.offset.saturating_add(len);
        self.remaining = self.remaining.saturating_sub(len);
        match self.state {
            State::Length if self.remaining == 0 => self.state = State::Complete,
            State::Chunk if self.remaining == 0 => self.state = State::ChunkCr,
            _ => {}
        }
    }

    /// The state behind a byte that is not data.
    fn framing_byte(&mut self, byte: u8) -> Result<State, ErrorKind> {
        match self.state {
            State::ChunkSize => match (byte, (byte as char).to_digit(16)) {
                (_, Some(digit)) => self.size_digit(digit),
                _ if self.digits == 0 => Err(ErrorKind::ChunkSize),
                _ => self.size_end(byte),
            },
            State::AfterChunkSize => self.size_end(byte),
            State::Extension => match byte {
                b'\r' => Ok(State::ChunkSizeLf),
                _ => self.extra_text(byte, State::Extension),
            },
            State::ChunkSizeLf => {
                self.digits = 0;
                match self.remaining {
                    0 => line_end(byte, State::TrailerLine),
                    _ => line_end(byte, State::Chunk),
                }
            }
            State::ChunkCr if byte == b'\r' => Ok(State::ChunkLf),
            State::ChunkLf if byte == b'\n' => Ok(State::ChunkSize),
            State::ChunkCr | State::ChunkLf => Err(ErrorKind::ChunkEnd),
            State::TrailerLine => match byte {
                b'\r' => Ok(State::LastLf),
                b'\n' => Err(ErrorKind::BareLf),
                _ if is_token_byte(byte) => self.extra_text(byte, State::TrailerName),
                _ => Err(ErrorKind::FieldLine),
            },
            State::TrailerName => match byte {
                b':' => self.extra_text(byte, State::TrailerValue),
                _ if is_token_byte(byte) => self.extra_text(byte, State::TrailerName),
                _ => Err(ErrorKind::FieldLine),
            },
            State::TrailerValue => match byte {
                b'\r' => Ok(State::TrailerLf),
                _ => self.extra_text(byte, State::TrailerValue),
            },
            State::TrailerLf => line_end(byte, State::TrailerLine),
            State::LastLf => line_end(byte, State::Complete),
            // Not places between framing bytes.
            state @ (State::Length
            | State::UntilClose
            | State::Chunk
            | State::Complete
            | State::Failed(_)) => Ok(state),
        }
    }

    fn size_digit(&mut self, digit: u32) -> Result<State, ErrorKind> {
        if self.digits >= MAX_SIZE_DIGITS {
            return Err(ErrorKind::ChunkSizeTooLong);
        }
        self.digits += 1;
        self.remaining = self.remaining << 4 | u64::from(digit);
        Ok(State::ChunkSize)
    }

    /// What may follow the digits: white space, which RFC 9112 §7.1.1 wants tolerated, an
    /// extension, or the line's end.
    fn size_end(&mut self, byte: u8) -> Result<State, ErrorKind> {
        match byte {
            b'\r' => Ok(State::ChunkSizeLf),
            b'\n' => Err(ErrorKind::BareLf),
            b';' => self.extra_text(byte, State::Extension),
            _ if is_space(byte) => self.extra_text(byte, State::AfterChunkSize),
            _ => Err(ErrorKind::ChunkSize),
        }
    }

    /// Counts a byte that is skipped.
    fn extra_text(&mut self, byte: u8, next: State) -> Result<State, ErrorKind> {
        if byte == b'\n' {
            return Err(ErrorKind::BareLf);
        }
        if !is_text_byte(byte) {
            return Err(ErrorKind::ControlCharacter);
        }
        if self.extra >= CHUNK_EXTRA_LIMIT {
            return Err(ErrorKind::ChunkExtraTooLong);
        }
        self.extra += 1;
        Ok(next)
    }

    fn fail(&mut self, kind: ErrorKind) -> Error {
        self.state = State::Failed(kind);
        Error::new(kind, self.offset)
    }
}

fn line_end(byte: u8, next: State) -> Result<State, ErrorKind> {
    match byte {
        b'\n' => Ok(next),
        _ => Err(ErrorKind::BareCr),
    }
}
