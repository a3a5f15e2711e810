//! The client: a connection, a server and a buffer.

use exportitems::Summary;

use crate::error::Error;
use crate::exchange::Response;
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

    /// Whether another export can be made over this connection: the last one got a whole answer, or there was none,
    /// and the server keeps the connection.
    #[must_use]
    pub const fn can_export(&self) -> bool {
        self.ready
    }

    /// The connection.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// Ends an exchange: the connection is kept only after a whole answer, since these clients cannot look whether
    /// bytes of another response are waiting.
    pub(crate) fn close_exchange(&mut self, is_whole: bool) {
        self.ready = is_whole;
        self.server.request_id.advance();
    }
}

/// The decoder had decoded another response before, and was not reset.
pub(crate) const fn finished(offset: u64) -> exportitems::Error {
    exportitems::Error {
        kind: exportitems::ErrorKind::Finished,
        offset,
    }
}

/// The result of an export whose document was whole: it counts, even where the connection failed after it.
pub(crate) fn proven<E>(
    received: &Result<bool, Error<E>>,
    summary: Summary,
) -> Result<Summary, Error<E>> {
    match received {
        // The decoder had decoded another response before.
        Err(Error::Response(error)) => Err(Error::Response(*error)),
        _ => Ok(summary),
    }
}

/// Why an export failed whose document was not whole.
///
/// A bad status says more than what is wrong with a body that was not meant to be SOAP.
pub(crate) fn broken<E>(
    response: &Response<'_>,
    received: Result<bool, Error<E>>,
    error: exportitems::Error,
) -> Error<E> {
    match (received, response.bad_status()) {
        (Err(broken), _) if !matches!(broken, Error::Response(_)) => broken,
        _ if response.is_foreign => Error::OtherRequest,
        (_, Some(status)) => Error::Status(status),
        _ if response.is_refused() => Error::Coded,
        _ => Error::Response(error),
    }
}
