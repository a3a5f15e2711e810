//! The async upload.

use embedded_io_async::{Read, Write};
use exportitems::{Decoder, Summary, UploadEncoder, UploadItems, UploadItemsOperation};
use exportitems_http1::HeadEncoder;

use super::body::{split_for_upload, UploadBody};
use super::error::UploadError;
use crate::asynchronous::write_all;
use crate::client::{Client, State};
use crate::error::Error;
use crate::sink::AsyncSink;

impl<T: Read + Write> Client<'_, T> {
    /// Sends a request whose data are read from `data` while it is sent, and decodes its response into `sink`, like
    /// [`upload`](Self::upload), on any executor.
    ///
    /// # Cancel safety
    /// The future may be dropped at any `await`. If all of the request was sent, the server may store the items.
    /// The connection cannot be used again: [`can_export`](Self::can_export) is false.
    /// [Reset](Decoder::reset) the decoder before you use it again.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn upload_async<R: Read + ?Sized, S: AsMut<[u8]>, K: AsyncSink + ?Sized>(
        &mut self,
        request: &UploadItems<'_>,
        data: &mut R,
        decoder: &mut Decoder<S, UploadItemsOperation>,
        sink: &mut K,
    ) -> Result<Summary, UploadError<T::Error, R::Error>> {
        let body = self.begin_upload(request)?;
        match self.send_upload_async(body, data).await {
            // Nothing was sent, so there is no response to read.
            Err(error) if self.can_export() => Err(error),
            Err(UploadError::Client(failed)) => {
                match self.complete_async(Ok(()), decoder, sink).await {
                    Err(Error::Status(status)) => Err(Error::Status(status).into()),
                    Err(_) => Err(failed.into()),
                    Ok(summary) => {
                        self.state = State::Spent;
                        Ok(summary)
                    }
                }
            }
            Err(error) => {
                // There is no response. The sink receives an outcome for each item.
                let _ = self.complete_async(Err(Error::Spent), decoder, sink).await;
                Err(error)
            }
            Ok(()) => Ok(self.complete_async(Ok(()), decoder, sink).await?),
        }
    }

    /// Sends the request. The client is not ready from the first byte on, since the future may be dropped at any
    /// `await`.
    async fn send_upload_async<R: Read + ?Sized>(
        &mut self,
        body: UploadEncoder<'_>,
        data: &mut R,
    ) -> Result<(), UploadError<T::Error, R::Error>> {
        let request_id = self.server.request_id.text();
        let fields = self.server.fields(&request_id);
        let groups = fields.groups();
        let head = fields.head(&groups, body.encoded_len());
        let mut head = HeadEncoder::new(head.map_err(Error::Header)?);
        self.begin_exchange();
        let (out, buffer) = split_for_upload(self.buffer);
        let mut body = UploadBody::new(body, buffer);
        loop {
            let mut len = head.write(out);
            while let (false, Some(free @ [_, ..])) = (body.is_done(), out.get_mut(len..)) {
                if let Some(space) = body.space() {
                    match data.read(space).await.map_err(UploadError::Source)? {
                        0 => return Err(UploadError::SourceEnded),
                        read => body.filled(read),
                    }
                }
                len = len.saturating_add(body.write(free));
            }
            match out.get(..len).unwrap_or_default() {
                [] => return Ok(self.transport.flush().await.map_err(Error::Transport)?),
                bytes => write_all(&mut self.transport, bytes).await?,
            }
        }
    }
}
