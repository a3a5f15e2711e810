//! The data of uploads.

use core::fmt;
use std::io;

use exportitems_std::client::UploadSource;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// An [`UploadSource`] of tokio's readers, such as files.
pub struct AsyncReaders<F, R> {
    open: F,
    reader: Option<R>,
}

impl<R, F> AsyncReaders<F, R>
where
    F: AsyncFnMut(usize) -> io::Result<R>,
{
    /// Opens a reader for each item by a function of its index.
    pub const fn new(open: F) -> Self {
        Self { open, reader: None }
    }
}

impl<R, F> UploadSource for AsyncReaders<F, R>
where
    R: AsyncRead + Unpin,
    F: AsyncFnMut(usize) -> io::Result<R>,
{
    async fn open(&mut self, index: usize) -> io::Result<()> {
        self.reader = Some((self.open)(index).await?);
        Ok(())
    }

    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.reader {
            Some(reader) => reader.read(buffer).await,
            None => Ok(0),
        }
    }
}

impl<F, R> fmt::Debug for AsyncReaders<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncReaders").finish_non_exhaustive()
    }
}
