//! The blocking upload.

use embedded_io::{Read, Write};
use exportitems::{Decoder, Sink, Summary, UploadEncoder, UploadItems, UploadItemsOperation};
use exportitems_http1::HeadEncoder;

use super::body::{split_for_upload, UploadBody};
use super::error::UploadError;
use crate::blocking::write_all;
use crate::client::{Client, State};
use crate::error::Error;

impl<T: Read + Write> Client<'_, T> {
    /// Sends a request whose data are read from `data` while it is sent, and decodes its response.
    ///
    /// `data` has the data of all items, one item after the other. One `read` never asks for bytes of two items, so a
    /// reader may change to its next file when the data of an item are read.
    ///
    /// `decoder` must be made by [`Decoder::for_operation`], and new or [reset](Decoder::reset). Set the
    /// [number of items](exportitems::Options::items) in its options.
    /// The sink receives `begin` with the id of each new item, and `commit` when the response has confirmed it.
    ///
    /// A server that refuses a request by its length answers before it has read it, so the response is received even if
    /// the transport cannot send all of the request.
    ///
    /// # Errors
    /// See [`UploadError`], which says after which errors the server may have stored items.
    pub fn upload<R: Read + ?Sized, S: AsMut<[u8]>, K: Sink + ?Sized>(
        &mut self,
        request: &UploadItems<'_>,
        data: &mut R,
        decoder: &mut Decoder<S, UploadItemsOperation>,
        sink: &mut K,
    ) -> Result<Summary, UploadError<T::Error, R::Error>> {
        let body = self.begin_upload(request)?;
        match self.send_upload(body, data) {
            // Nothing was sent, so there is no response to read.
            Err(error) if self.can_export() => Err(error),
            Err(UploadError::Client(failed)) => match self.complete(Ok(()), decoder, sink) {
                Err(Error::Status(status)) => Err(Error::Status(status).into()),
                Err(_) => Err(failed.into()),
                Ok(summary) => {
                    self.state = State::Spent;
                    Ok(summary)
                }
            },
            Err(error) => {
                // There is no response. The sink receives an outcome for each item.
                let _ = self.complete(Err(Error::Spent), decoder, sink);
                Err(error)
            }
            Ok(()) => Ok(self.complete(Ok(()), decoder, sink)?),
        }
    }

    /// Sends the request. The client is not ready from the first byte on.
    #[inline(never)] // so that its stack is free while the response is decoded
    fn send_upload<R: Read + ?Sized>(
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
                    match data.read(space).map_err(UploadError::Source)? {
                        0 => return Err(UploadError::SourceEnded),
                        read => body.filled(read),
                    }
                }
                len = len.saturating_add(body.write(free));
            }
            match out.get(..len).unwrap_or_default() {
                [] => return Ok(self.transport.flush().map_err(Error::Transport)?),
                bytes => write_all(&mut self.transport, bytes)?,
            }
        }
    }
}
