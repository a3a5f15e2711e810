//! Requests for operations other than ExportItems, whose responses are kept in memory.

use core::sync::atomic::Ordering;
use core::time::Duration;

use exportitems::{Encoder, ExportItems};

use super::error::{ClientError, TransportError};
use super::exchange::{open, Opened, GZIP};
use super::response::Diagnostics;
use super::session::Session;
use super::transport::Connector;

/// The largest body of a response. A page of 1000 entries has less than 2 MiB.
const LARGEST: usize = 64 * 1024 * 1024;

/// The namespace in the `SOAPAction` of all operations.
const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages/";

/// The body of a request.
pub(super) trait RequestBody {
    /// Whether the server may receive the request twice. Otherwise it is sent again only if the server cannot have all of
    /// it.
    const IS_REPEATABLE: bool;

    /// Returns the `SOAPAction`.
    fn soap_action(&self) -> &str;

    /// Returns the length of the whole body in bytes, at any position.
    fn encoded_len(&self) -> u64;

    /// Returns to the start.
    fn restart(&mut self);

    /// Writes the next bytes to `out` and returns how many there are, as [`Encoder::write`].
    async fn write(&mut self, out: &mut [u8]) -> Result<usize, ClientError>;

    /// Returns whether everything has been written.
    fn is_done(&self) -> bool;
}

/// A request for items.
#[derive(Clone, Debug)]
pub(super) struct ItemsBody<'e> {
    start: Encoder<'e>,
    rest: Encoder<'e>,
}

impl<'e> ItemsBody<'e> {
    pub(super) fn new(start: Encoder<'e>) -> Self {
        let rest = start.clone();
        Self { start, rest }
    }
}

impl RequestBody for ItemsBody<'_> {
    const IS_REPEATABLE: bool = true;

    fn soap_action(&self) -> &str {
        ExportItems::SOAP_ACTION
    }

    fn encoded_len(&self) -> u64 {
        self.start.encoded_len()
    }

    fn restart(&mut self) {
        self.rest = self.start.clone();
    }

    async fn write(&mut self, out: &mut [u8]) -> Result<usize, ClientError> {
        Ok(self.rest.write(out))
    }

    fn is_done(&self) -> bool {
        self.rest.is_done()
    }
}

/// A SOAP message that is sent as it is.
#[derive(Clone, Copy, Debug)]
struct Envelope<'e> {
    soap_action: &'e str,
    message: &'e [u8],
    /// The bytes that are not written yet.
    rest: &'e [u8],
}

impl RequestBody for Envelope<'_> {
    // The caller decides if the operation may be repeated; lists may.
    const IS_REPEATABLE: bool = true;

    fn soap_action(&self) -> &str {
        self.soap_action
    }

    fn encoded_len(&self) -> u64 {
        self.message.len() as u64
    }

    fn restart(&mut self) {
        self.rest = self.message;
    }

    async fn write(&mut self, out: &mut [u8]) -> Result<usize, ClientError> {
        let len = out.len().min(self.rest.len());
        let (now, rest) = self.rest.split_at(len);
        out[..len].copy_from_slice(now);
        self.rest = rest;
        Ok(len)
    }

    fn is_done(&self) -> bool {
        self.rest.is_empty()
    }
}

/// The SOAP message that answers a [call](super::Client::call). It arrived completely, but has not been parsed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallAnswer {
    /// The HTTP status. A fault comes with 500 or with 200.
    pub status: u16,
    /// The SOAP message.
    pub body: Vec<u8>,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// How to find this exchange in the server's logs.
    pub diagnostics: Diagnostics,
}

impl<C: Connector> Session<C> {
    /// Sends a request for another operation. See [`Client::call`](super::Client::call).
    ///
    /// # Errors
    /// As [`Client::call`](super::Client::call).
    pub async fn call(
        &mut self,
        operation: &str,
        envelope: &str,
    ) -> Result<CallAnswer, ClientError> {
        let mut request = Envelope {
            soap_action: &format!("{MESSAGES}{operation}"),
            message: envelope.as_bytes(),
            rest: envelope.as_bytes(),
        };
        let answered = self.request(&mut request).await?;
        let gzip = (self.accept_encoding == GZIP).then_some(LARGEST);
        let credentials = self.credentials.as_ref();
        let receive = &mut self.buffers.receive;
        let opened = open(
            answered,
            receive,
            gzip,
            credentials,
            self.is_ews.load(Ordering::Relaxed),
        )
        .await?;
        let Opened {
            mut body,
            status,
            fields,
            sent,
        } = opened;
        let mut message = Vec::new();
        while let Some(piece) = body.next().await? {
            if piece.len() > LARGEST - message.len() {
                return Err(TransportError::TooLarge { limit: LARGEST }.into());
            }
            message.extend_from_slice(piece);
        }
        if sent {
            self.connection = body.reusable();
        }
        self.is_ews.store(true, Ordering::Relaxed);
        Ok(CallAnswer {
            status,
            body: message,
            retry_after: fields.retry_after,
            diagnostics: fields.diagnostics,
        })
    }
}
