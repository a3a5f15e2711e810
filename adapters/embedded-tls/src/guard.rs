//! Checks the records of the server before embedded-tls reads them.

use core::fmt;

use embedded_io::{ErrorKind, ErrorType};

/// The header of a record: its type, its version, and the length of its content (RFC 8446 §5.1).
const HEADER: usize = 5;
const HANDSHAKE: u8 = 22;
const ENCRYPTED: u8 = 23;
/// The smallest content of an encrypted record: a content type and the tag of AES-GCM.
const MIN_ENCRYPTED: u16 = 17;

/// A stream that refuses records which make embedded-tls panic: handshake messages in the clear after the `ServerHello`, and
/// encrypted records without a content type (RFC 8446 §4 and §5). Anyone on the network path can send them.
#[derive(Debug)]
pub struct Guard<S> {
    stream: S,
    records: Records,
}

impl<S> Guard<S> {
    /// Guards `stream`, which is connected to the server and was not read.
    pub const fn new(stream: S) -> Self {
        Self {
            stream,
            records: Records {
                header: [0; HEADER],
                header_len: 0,
                left: 0,
                has_hello: false,
                is_refused: false,
            },
        }
    }

    /// Returns the stream.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: ErrorType> ErrorType for Guard<S> {
    type Error = GuardError<S::Error>;
}

impl<S: embedded_io::Read> embedded_io::Read for Guard<S> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let part = self.records.next_part(buffer);
        let len = self.stream.read(part).map_err(GuardError::Stream)?;
        self.records.check(part.get(..len).unwrap_or(part))
    }
}

impl<S: embedded_io_async::Read> embedded_io_async::Read for Guard<S> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let part = self.records.next_part(buffer);
        let len = self.stream.read(part).await.map_err(GuardError::Stream)?;
        self.records.check(part.get(..len).unwrap_or(part))
    }
}

impl<S: embedded_io::Write> embedded_io::Write for Guard<S> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.stream.write(bytes).map_err(GuardError::Stream)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.stream.flush().map_err(GuardError::Stream)
    }
}

impl<S: embedded_io_async::Write> embedded_io_async::Write for Guard<S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.stream.write(bytes).await.map_err(GuardError::Stream)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.stream.flush().await.map_err(GuardError::Stream)
    }
}

/// The place in the server's records.
#[derive(Debug)]
struct Records {
    header: [u8; HEADER],
    /// How many bytes of the header were read.
    header_len: usize,
    /// How many bytes of the content are still to be read.
    left: u16,
    /// Whether there was a record with a handshake message in the clear, the `ServerHello`.
    has_hello: bool,
    is_refused: bool,
}

impl Records {
    /// Returns the part of `buffer` that the next read may fill: no more than a header, or the rest of a content.
    fn next_part<'b>(&self, buffer: &'b mut [u8]) -> &'b mut [u8] {
        let most = match self.left {
            0 => HEADER.saturating_sub(self.header_len),
            left => usize::from(left),
        };
        let len = buffer.len().min(most);
        buffer.get_mut(..len).unwrap_or_default()
    }

    /// Takes bytes that were read into a part, and returns how many there are.
    fn check<E>(&mut self, bytes: &[u8]) -> Result<usize, GuardError<E>> {
        if self.left > 0 {
            let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
            self.left = self.left.saturating_sub(len);
            return self.result(bytes);
        }
        let free = self.header.iter_mut().skip(self.header_len);
        for (to, from) in free.zip(bytes) {
            *to = *from;
        }
        self.header_len = self.header_len.saturating_add(bytes.len());
        if self.header_len >= HEADER {
            let [kind, _, _, high, low] = self.header;
            self.header_len = 0;
            self.left = u16::from_be_bytes([high, low]);
            self.is_refused |= match kind {
                HANDSHAKE => self.has_hello,
                ENCRYPTED => self.left < MIN_ENCRYPTED,
                _ => false,
            };
            self.has_hello |= kind == HANDSHAKE;
        }
        self.result(bytes)
    }

    const fn result<E>(&self, bytes: &[u8]) -> Result<usize, GuardError<E>> {
        match self.is_refused {
            true => Err(GuardError::Record),
            false => Ok(bytes.len()),
        }
    }
}

/// The error of a guarded stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GuardError<E> {
    /// The stream failed.
    Stream(E),
    /// The server, or an attacker on the network path, has sent a record that no server may send there.
    Record,
}

impl<E: fmt::Display> fmt::Display for GuardError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::Record => f.write_str(
                "a record of TLS may not be sent there; the connection may be under attack",
            ),
        }
    }
}

impl<E: core::error::Error> core::error::Error for GuardError<E> {}

impl<E: embedded_io::Error> embedded_io::Error for GuardError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Stream(error) => error.kind(),
            Self::Record => ErrorKind::InvalidData,
        }
    }
}
