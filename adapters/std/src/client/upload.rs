//! Uploads: a request whose body is read while it is sent.

use core::ops::Range;
use std::io::{self, Read};

use exportitems::{
    Options, RequestHeaders, Sink, UploadEncoder, UploadItem, UploadItems, UploadItemsOperation,
};

use super::async_sink::{Async, AsyncSink};
use super::call::RequestBody;
use super::error::ClientError;
use super::exchange::Answered;
use super::response::Answer;
use super::session::Session;
use super::tap::Blocking;
use super::transport::Connector;

/// What is read at once of an item's data.
const READ: usize = 64 * 1024;

/// The data of items that are uploaded.
#[allow(async_fn_in_trait)] // no `Send` bound, as for `Transport`
pub trait UploadSource {
    /// Starts to read the data of the item at `index`. It is called again if the request has to be sent again.
    ///
    /// # Errors
    /// The data cannot be read. The upload then ends with [`ClientError::Source`].
    async fn open(&mut self, index: usize) -> io::Result<()>;

    /// Reads the next bytes of the item that was opened last; 0 at their end.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

/// An [`UploadSource`] of readers, such as files.
#[derive(Debug)]
pub struct Readers<F, R> {
    open: F,
    reader: Option<R>,
}

impl<R: Read, F: FnMut(usize) -> io::Result<R>> Readers<F, R> {
    /// Opens a reader for each item by a function of its index.
    pub const fn new(open: F) -> Self {
        Self { open, reader: None }
    }
}

impl<R: Read, F: FnMut(usize) -> io::Result<R>> UploadSource for Readers<F, R> {
    async fn open(&mut self, index: usize) -> io::Result<()> {
        self.reader = Some((self.open)(index)?);
        Ok(())
    }

    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.reader else {
            return Ok(0);
        };
        loop {
            match reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

impl<C: Connector> Session<C> {
    /// Uploads `items`, with a sink that does not wait. See [`Client::upload`](super::Client::upload).
    ///
    /// # Errors
    /// As [`Client::upload`](super::Client::upload).
    pub async fn upload<S>(
        &mut self,
        headers: &RequestHeaders<'_>,
        items: &[UploadItem<'_>],
        source: &mut impl UploadSource,
        sink: &mut S,
        options: Options,
    ) -> Result<Answer, ClientError>
    where
        S: Sink + ?Sized,
        S::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let answered = self.send_items(headers, items, source).await?;
        let options = for_uploads(options, items);
        self.receive::<UploadItemsOperation, _>(answered, options, Blocking(sink))
            .await
    }

    /// Uploads `items`, with an async sink.
    ///
    /// # Errors
    /// As [`Client::upload`](super::Client::upload).
    pub async fn upload_async<K>(
        &mut self,
        headers: &RequestHeaders<'_>,
        items: &[UploadItem<'_>],
        source: &mut impl UploadSource,
        sink: &mut K,
        options: Options,
    ) -> Result<Answer, ClientError>
    where
        K: AsyncSink + ?Sized,
        K::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let answered = self.send_items(headers, items, source).await?;
        let options = for_uploads(options, items);
        self.receive::<UploadItemsOperation, _>(answered, options, Async(sink))
            .await
    }

    async fn send_items(
        &mut self,
        headers: &RequestHeaders<'_>,
        items: &[UploadItem<'_>],
        source: &mut impl UploadSource,
    ) -> Result<Answered<C::Transport>, ClientError> {
        let start = UploadItems::new(items).headers(*headers).encoder()?;
        let mut body = UploadBody {
            rest: start.clone(),
            start,
            source,
            opened: None,
            buffer: vec![0; READ].into(),
            read: 0..0,
        };
        self.request(&mut body).await
    }
}

/// Returns the options for a response to an upload of these items.
fn for_uploads(options: Options, items: &[UploadItem<'_>]) -> Options {
    // A position has 32 bits, and no server accepts a request for 2^32 items.
    options.items(u32::try_from(items.len()).unwrap_or(u32::MAX))
}

/// The body of an upload.
struct UploadBody<'b, S> {
    start: UploadEncoder<'b>,
    rest: UploadEncoder<'b>,
    source: &'b mut S,
    /// The item that was opened last.
    opened: Option<usize>,
    buffer: Box<[u8]>,
    /// Where the buffer has data that the encoder has not taken.
    read: Range<usize>,
}

impl<S: UploadSource> UploadBody<'_, S> {
    /// Reads what the encoder needs next, if it needs anything.
    async fn fill(&mut self) -> Result<(), ClientError> {
        let Some(wanted) = self.rest.wanted().filter(|_| self.read.is_empty()) else {
            return Ok(());
        };
        let index = wanted.index;
        let failed = |source| ClientError::Source { index, source };
        if self.opened != Some(index) {
            self.source.open(index).await.map_err(failed)?;
            self.opened = Some(index);
        }
        let most = usize::try_from(wanted.bytes).map_or(READ, |bytes| bytes.min(READ));
        let len = self.source.read(&mut self.buffer[..most]).await;
        self.read = 0..len.map_err(failed)?;
        if self.read.is_empty() {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }
}

impl<S: UploadSource> RequestBody for UploadBody<'_, S> {
    // A server does not recognise an item that it already has.
    const IS_REPEATABLE: bool = false;

    fn soap_action(&self) -> &str {
        UploadItems::SOAP_ACTION
    }

    fn encoded_len(&self) -> u64 {
        self.start.encoded_len()
    }

    fn restart(&mut self) {
        self.rest = self.start.clone();
        self.opened = None;
        self.read = 0..0;
    }

    async fn write(&mut self, out: &mut [u8]) -> Result<usize, ClientError> {
        let mut written = 0;
        while written < out.len() && !self.rest.is_done() {
            self.fill().await?;
            let mut data = &self.buffer[self.read.clone()];
            written += self.rest.write(&mut data, &mut out[written..]);
            self.read.start = self.read.end - data.len();
        }
        Ok(written)
    }

    fn is_done(&self) -> bool {
        self.rest.is_done()
    }
}
