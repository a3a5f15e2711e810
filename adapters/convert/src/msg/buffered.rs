//! A buffer between a compound file and its writer.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

/// Joins consecutive writes: the tables of a compound file are written word by word.
pub(super) struct Buffered<F: Write>(BufWriter<F>);

impl<F: Write> Buffered<F> {
    pub(super) fn new(inner: F) -> Self {
        Self(BufWriter::new(inner))
    }
}

impl<F: Read + Write> Read for Buffered<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.flush()?;
        self.0.get_mut().read(buffer)
    }
}

impl<F: Write> Write for Buffered<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<F: Write + Seek> Seek for Buffered<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}
