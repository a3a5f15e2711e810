//! The client: a connection, a server and a buffer.

use exportitems::Summary;

use crate::error::Error;
use crate::exchange::Exchange;
use crate::server::Server;

/// Exports items over one connection, which the caller has made, TLS included.
///
/// `T` is the connection: [`export`](Self::export) wants `embedded_io`'s `Read` and `Write` of it,
/// [`export_async`](Self::export_async) those of `embedded_io_async`.
/// Time-outs are the transport's.
#[derive(Debug)]
pub struct Client<'a, T> {
    pub(crate) transport: T,
    pub(crate) server: Server<'a>,
    pub(crate) buffer: &'a mut [u8],
    /// The next request may be sent.
    pub(crate) ready: bool,
}

impl<'a, T> Client<'a, T> {
    /// A client on a fresh connection.
    ///
    /// `buffer` holds what is sent and received, [`MIN_BUFFER`](crate::MIN_BUFFER) bytes or more: a
    /// quarter of it for a line of the response's head, the rest for what one `read` gives. 1 KiB will do.
    pub fn new(transport: T, server: Server<'a>, buffer: &'a mut [u8]) -> Self {
        Self {
            transport,
            server,
            buffer,
            ready: true,
        }
    }

    /// Whether another export can be made over this connection.
    #[must_use]
    pub const fn can_export(&self) -> bool {
        self.ready
    }

    /// The connection.
    pub fn into_transport(self) -> T {
        self.transport
    }
}

/// What an export comes to: what was `driven`, and what the decoder `finished` with.
///
/// A document that is whole proves itself, whatever the connection did behind it. A bad status says more
/// than what is wrong with a body that was not meant to be SOAP.
pub(crate) fn conclude<E>(
    exchange: &Exchange<'_>,
    driven: Result<(), Error<E>>,
    finished: Result<Summary, exportitems::Error>,
) -> Result<Summary, Error<E>> {
    match (driven, finished) {
        // The decoder had decoded another response before.
        (Err(Error::Response(error)), Ok(_)) => Err(Error::Response(error)),
        (_, Ok(summary)) => Ok(summary),
        (driven, Err(error)) => Err(match driven {
            Ok(()) | Err(Error::Response(_)) => match exchange.bad_status() {
                Some(status) => Error::Status(status),
                None => Error::Response(error),
            },
            Err(broken) => broken,
        }),
    }
}
