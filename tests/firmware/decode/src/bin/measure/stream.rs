//! A connection that takes no stack: it discards the request and returns a document from memory.

use core::convert::Infallible;

use embedded_io::{ErrorType, Read, Write};

/// The connection. It ends with the body.
pub struct Stream<'d> {
    head: &'static [u8],
    body: &'d [u8],
}

impl<'d> Stream<'d> {
    pub fn new(body: &'d [u8]) -> Self {
        Self {
            head: b"HTTP/1.1 200 OK\r\n\r\n",
            body,
        }
    }
}

impl ErrorType for Stream<'_> {
    type Error = Infallible;
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        match self.head {
            [] => self.body.read(buffer),
            _ => self.head.read(buffer),
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
